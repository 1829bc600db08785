//! When which message is due.

use std::time::Duration;

use libbroker::clock::Moment;

/// Waking up from sleep seldom takes longer.
const SPIN_MAX: Duration = Duration::from_micros(100);
/// Of a core, for spinning.
const SPIN_SHARE: u32 = 10;
const NANOS_PER_S: u128 = 1_000_000_000;

/// Evenly spaced points in time, the same whatever the broker does (an open loop): a message that a stall delays counts with the
/// whole delay, and so do those that were due meanwhile. A generator that waits for answers first would leave them out.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    pub start: Moment,
    rate_per_s: u32,
    warmup_count: u64,
    count: u64,
}

impl Schedule {
    pub fn new(start: Moment, rate_per_s: u32, warmup: Duration, measured: Duration) -> Self {
        let count_in = |time: Duration| {
            u64::try_from(time.as_nanos() * u128::from(rate_per_s) / NANOS_PER_S).unwrap_or(u64::MAX)
        };
        let (warmup_count, measured_count) = (count_in(warmup), count_in(measured));
        Self { start, rate_per_s, warmup_count, count: warmup_count.saturating_add(measured_count) }
    }

    /// Messages of the whole run.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Messages that count.
    pub fn measured_count(&self) -> u64 {
        self.count - self.warmup_count
    }

    /// Time from the start to when message `index` is due. From the index each time, so that no error adds up.
    pub fn due(&self, index: u64) -> Duration {
        let nanos = u128::from(index) * NANOS_PER_S / u128::from(self.rate_per_s);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// When message `index` is due.
    pub fn due_at(&self, index: u64) -> Moment {
        self.start.after(self.due(index))
    }

    /// How long before a message is due its writer stops sleeping. Not long: the broker needs the core more than the generator.
    pub fn spin(&self) -> Duration {
        SPIN_MAX.min(self.due(1) / SPIN_SHARE)
    }

    /// When the warm-up is over.
    pub fn measured_from(&self) -> Moment {
        self.due_at(self.warmup_count)
    }

    /// What a message's body says: when it is due, in nanoseconds from the start. It grows, so it is the sequence number too.
    pub fn stamp(&self, index: u64) -> u64 {
        u64::try_from(self.due(index).as_nanos()).unwrap_or(u64::MAX)
    }

    /// How long after it was due the message with this stamp is there; `None` for one of the warm-up.
    pub fn delay(&self, stamp: u64, now: Moment) -> Option<Duration> {
        let due = Duration::from_nanos(stamp);
        (due >= self.due(self.warmup_count)).then(|| now.since(self.start.after(due)))
    }
}

#[cfg(test)]
mod tests {
    use libbroker::clock::Clock;

    use super::*;

    fn schedule(rate_per_s: u32, warmup_ms: u64, measured_ms: u64) -> (Clock, Schedule) {
        let clock = Clock::manual(0);
        let (warmup, measured) = (Duration::from_millis(warmup_ms), Duration::from_millis(measured_ms));
        let schedule = Schedule::new(clock.moment(), rate_per_s, warmup, measured);
        (clock, schedule)
    }

    #[test]
    fn messages_are_evenly_spaced_without_drift() {
        let (_, schedule) = schedule(3, 0, 10_000);
        assert_eq!(schedule.count(), 30);
        assert_eq!(schedule.due(1), Duration::from_nanos(333_333_333));
        assert_eq!(schedule.due(3_000_000), Duration::from_secs(1_000_000));
        let stamps: Vec<u64> = (0..30).map(|index| schedule.stamp(index)).collect();
        assert!(stamps.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn spinning_takes_a_tenth_of_a_core_at_most() {
        let spins = [10, 1000, 10_000].map(|rate_per_s| schedule(rate_per_s, 0, 0).1.spin());
        assert_eq!(spins.map(|spin| spin.as_micros()), [100, 100, 10]);
    }

    #[test]
    fn the_warm_up_is_sent_and_not_measured() {
        let (clock, schedule) = schedule(1000, 500, 2000);
        assert_eq!((schedule.count(), schedule.measured_count()), (2500, 2000));
        assert_eq!(schedule.measured_from().since(schedule.start), Duration::from_millis(500));
        assert_eq!(schedule.delay(schedule.stamp(499), clock.moment()), None);
        assert_eq!(schedule.delay(schedule.stamp(500), clock.moment()), Some(Duration::ZERO));
    }

    #[test]
    fn a_stall_is_in_the_delay_of_every_message_that_was_due_meanwhile() {
        let (clock, schedule) = schedule(10, 0, 1000);
        // Nothing moves for a second, then everything comes at once.
        clock.advance(Duration::from_secs(1));
        let delays_ms: Vec<u128> = (0..schedule.count())
            .filter_map(|index| schedule.delay(schedule.stamp(index), clock.moment()))
            .map(|delay| delay.as_millis())
            .collect();
        assert_eq!(delays_ms, [1000, 900, 800, 700, 600, 500, 400, 300, 200, 100]);
    }
}
