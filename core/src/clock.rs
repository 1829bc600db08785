//! The only caller of wall and monotonic time. A manual clock lets a test move both.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::{Condvar, MutexGuard};

/// A point on the monotonic axis of one [`Clock`], in nanoseconds. Deadlines and ages use it; it never jumps with the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// `self + duration`, saturating.
    pub fn after(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Time from `earlier` to `self`, zero when `earlier` is later.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Source of wall time (milliseconds since 1970) and monotonic time. Cheap to clone; clones are the same clock.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    System { start: Instant },
    Manual(Manual),
}

#[derive(Debug)]
struct Manual {
    wall_ms: AtomicI64,
    elapsed_nanos: AtomicU64,
}

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self(Arc::new(Source::System { start: Instant::now() }))
    }

    /// A clock that starts at `wall_ms` and moves only by [`Clock::advance`] and [`Clock::set_wall_ms`].
    pub fn manual(wall_ms: i64) -> Self {
        Self(Arc::new(Source::Manual(Manual {
            wall_ms: AtomicI64::new(wall_ms),
            elapsed_nanos: AtomicU64::new(0),
        })))
    }

    /// Wall time in milliseconds since 1970; may jump.
    pub fn now_ms(&self) -> i64 {
        match &*self.0 {
            Source::System { .. } => match SystemTime::now().duration_since(UNIX_EPOCH) {
                Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
                Err(_) => 0,
            },
            Source::Manual(manual) => manual.wall_ms.load(Ordering::Acquire),
        }
    }

    /// Monotonic time; never jumps with the wall clock.
    pub fn moment(&self) -> Moment {
        match &*self.0 {
            Source::System { start } => Moment(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)),
            Source::Manual(manual) => Moment(manual.elapsed_nanos.load(Ordering::Acquire)),
        }
    }

    /// True for a clock that only moves by command.
    pub fn is_manual(&self) -> bool {
        matches!(&*self.0, Source::Manual(_))
    }

    /// Moves a manual clock forward, wall and monotonic; what waits on it sees that within 5 ms. No effect on the system clock.
    pub fn advance(&self, duration: Duration) {
        if let Source::Manual(manual) = &*self.0 {
            let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
            manual
                .wall_ms
                .fetch_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX), Ordering::AcqRel);
            manual.elapsed_nanos.fetch_add(nanos, Ordering::AcqRel);
        }
    }

    /// Sets the wall time of a manual clock (a jump); monotonic time stays.
    pub fn set_wall_ms(&self, wall_ms: i64) {
        if let Source::Manual(manual) = &*self.0 {
            manual.wall_ms.store(wall_ms, Ordering::Release);
        }
    }

    /// Waits on `condvar` until it is notified or `deadline` may have passed; the caller re-checks both.
    ///
    /// On a manual clock the wait ends at the latest after 5 ms of real time, so that an advance is seen without
    /// every waiter registering itself.
    pub fn wait_until<T>(&self, condvar: &Condvar, guard: &mut MutexGuard<'_, T>, deadline: Option<Moment>) {
        let Some(deadline) = deadline else {
            condvar.wait(guard);
            return;
        };
        let now = self.moment();
        if deadline <= now {
            return;
        }
        let pause = if self.is_manual() { Duration::from_millis(5) } else { deadline.since(now) };
        condvar.wait_for(guard, pause);
    }
}

/// Clones are equal, and nothing else is.
impl PartialEq for Clock {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Clock {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_clock_moves_only_by_command() {
        let clock = Clock::manual(1_000);
        let before = clock.moment();
        assert_eq!(clock.now_ms(), 1_000);
        clock.advance(Duration::from_secs(2));
        assert_eq!(clock.now_ms(), 3_000);
        assert_eq!(clock.moment().since(before), Duration::from_secs(2));
        clock.set_wall_ms(0);
        assert_eq!(clock.now_ms(), 0);
        assert_eq!(clock.moment().since(before), Duration::from_secs(2));
    }
}
