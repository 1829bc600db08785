//! Waiting for changes from within the process: messages that arrive, groups that change, the stop.
//!
//! Nobody waits most of the time: a change then costs one load. A waiter first says that it is there, then looks, then waits, so no
//! change between the last two is lost. Deadlines are of real time, also where the broker goes by a manual clock: a test that
//! waits must end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::clock::{Clock, Moment};

/// Told of a change, on whichever thread makes it: it must not block, nor wait for a lock that a caller of the broker may hold.
/// A panic in it is dropped.
pub type OnChange = Arc<dyn Fn() + Send + Sync>;

/// Moves on with every change.
#[derive(Debug, Clone)]
pub struct Watch(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Waiters and subscribers.
    interested: AtomicUsize,
    state: Mutex<State>,
    changed: Condvar,
    /// Real time.
    clock: Clock,
}

#[derive(Debug, Default)]
struct State {
    generation: u64,
    closed: bool,
    subscribers: Vec<Weak<Subscriber>>,
}

struct Subscriber {
    armed: AtomicBool,
    on_change: OnChange,
}

impl std::fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscriber").field("armed", &self.armed).finish_non_exhaustive()
    }
}

/// How a wait ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Waited<T> {
    /// What was waited for.
    Got(T),
    /// Time is up.
    TimedOut,
    /// The broker stopped, or stops.
    Closed,
}

/// A subscription. Dropping it ends it; a call that is under way on another thread may still go on.
#[derive(Debug)]
pub struct Wake {
    subscriber: Arc<Subscriber>,
    shared: Arc<Shared>,
}

impl Wake {
    /// Lets the next change signal again. To be called before looking, so that a change after the look signals.
    pub fn arm(&self) {
        self.subscriber.armed.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        // What is closed changes no more.
        if self.shared.state.lock().closed {
            self.subscriber.signal();
        }
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        let own = Arc::as_ptr(&self.subscriber);
        state.subscribers.retain(|other| !std::ptr::eq(other.as_ptr(), own));
        self.shared.interested.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Subscriber {
    fn signal(&self) {
        if self.armed.swap(false, Ordering::SeqCst) {
            // The host's function is none of ours: what it panics about must not end the thread that made the change.
            let _ = catch_unwind(AssertUnwindSafe(|| (self.on_change)()));
        }
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self(Arc::new(Shared {
            interested: AtomicUsize::new(0),
            state: Mutex::default(),
            changed: Condvar::new(),
            clock: Clock::system(),
        }))
    }
}

/// Someone is interested as long as this lives.
struct Interest<'a>(&'a AtomicUsize);

impl<'a> Interest<'a> {
    fn new(interested: &'a AtomicUsize) -> Self {
        interested.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        Self(interested)
    }
}

impl Drop for Interest<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Watch {
    /// Nothing has happened.
    pub fn new() -> Self {
        Self::default()
    }

    /// Something changed, and can be seen.
    pub fn changed(&self) {
        // With the fence of an interested one: either it sees the change, or this sees it.
        fence(Ordering::SeqCst);
        if self.0.interested.load(Ordering::SeqCst) > 0 {
            self.tell(false);
        }
    }

    /// Ends all waits, now and later. Idempotent.
    pub fn close(&self) {
        self.tell(true);
    }

    /// True from the beginning of the stop.
    pub fn is_closed(&self) -> bool {
        self.0.state.lock().closed
    }

    #[cold]
    fn tell(&self, closes: bool) {
        let mut state = self.0.state.lock();
        state.generation += 1;
        state.closed |= closes;
        let subscribers: Vec<_> = state.subscribers.iter().filter_map(Weak::upgrade).collect();
        drop(state);
        self.0.changed.notify_all();
        // Without the lock: a signal may look at once.
        subscribers.iter().for_each(|subscriber| subscriber.signal());
    }

    /// Blocks until `look` finds something, at most for `timeout`; without one, until the stop. `look` is called on this thread, at
    /// first and after changes.
    pub fn wait<T>(&self, timeout: Option<Duration>, mut look: impl FnMut() -> Option<T>) -> Waited<T> {
        let deadline = timeout.map(|timeout| self.0.clock.moment().after(timeout));
        let _interest = Interest::new(&self.0.interested);
        loop {
            let (seen, closed) = {
                let state = self.0.state.lock();
                (state.generation, state.closed)
            };
            if closed {
                return Waited::Closed;
            }
            if let Some(found) = look() {
                return Waited::Got(found);
            }
            if !self.wait_past(seen, deadline) {
                return Waited::TimedOut;
            }
        }
    }

    /// False when time is up.
    fn wait_past(&self, generation: u64, deadline: Option<Moment>) -> bool {
        let Shared { state, changed, clock, .. } = &*self.0;
        let mut state = state.lock();
        while state.generation == generation {
            if deadline.is_some_and(|deadline| clock.moment() >= deadline) {
                return false;
            }
            clock.wait_until(changed, &mut state, deadline);
        }
        true
    }

    /// Calls `on_change` after changes, at most once until [`Wake::arm`]. It starts unarmed.
    pub fn subscribe(&self, on_change: OnChange) -> Wake {
        let subscriber = Arc::new(Subscriber { armed: AtomicBool::new(false), on_change });
        self.0.interested.fetch_add(1, Ordering::SeqCst);
        self.0.state.lock().subscribers.push(Arc::downgrade(&subscriber));
        Wake { subscriber, shared: self.0.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Option<Duration> = Some(Duration::from_secs(30));

    #[test]
    fn a_change_between_look_and_wait_is_not_lost() {
        let watch = Watch::new();
        let mut looks = 0;
        let waited = watch.wait(LONG, || {
            looks += 1;
            watch.changed();
            (looks == 3).then_some(looks)
        });
        assert_eq!(waited, Waited::Got(3));
    }

    #[test]
    fn a_wait_ends_with_its_time_or_with_the_broker() {
        let watch = Watch::new();
        assert_eq!(watch.wait(Some(Duration::ZERO), || None::<()>), Waited::TimedOut);
        let waiting = watch.clone();
        let waiter = std::thread::spawn(move || waiting.wait(None, || None::<()>));
        watch.close();
        assert_eq!(waiter.join().unwrap(), Waited::Closed);
        assert_eq!(watch.wait(None, || Some(1)), Waited::Closed);
    }

    #[test]
    fn a_subscriber_is_signalled_once_until_it_is_armed_anew() {
        let watch = Watch::new();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let wake = watch.subscribe(Arc::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        }));
        let seen = || count.load(Ordering::SeqCst);
        watch.changed();
        assert_eq!(seen(), 0, "not armed");
        wake.arm();
        watch.changed();
        watch.changed();
        assert_eq!(seen(), 1);
        wake.arm();
        watch.close();
        assert_eq!(seen(), 2);
        wake.arm();
        assert_eq!(seen(), 3, "armed after the end: told at once");
        drop(wake);
        watch.close();
        assert_eq!(seen(), 3);
        assert_eq!(watch.0.interested.load(Ordering::SeqCst), 0);
    }
}
