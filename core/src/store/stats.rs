//! Counts of the store, and their rates over the last seconds and minutes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::put::Amount;
use crate::clock::{Clock, Moment};

/// Rates look back at most this many seconds.
const SAMPLES_MAX: usize = 601;

/// Counters, kept without locks.
#[doc(alias = "StoreStatsService")]
#[derive(Debug)]
pub struct StoreStats {
    clock: Clock,
    started_ms: i64,
    put_messages: AtomicU64,
    put_bytes: AtomicU64,
    put_failed: AtomicU64,
    found: AtomicU64,
    missed: AtomicU64,
    transferred_messages: AtomicU64,
    samples: Mutex<VecDeque<Sample>>,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Moment,
    put: u64,
    found: u64,
    missed: u64,
    transferred: u64,
}

/// A rate over 10, 60 and 600 seconds, per second. Missing where the store is younger.
pub type Rates = [Option<f64>; 3];

impl StoreStats {
    /// All zero, from now on.
    pub fn new(clock: &Clock) -> Self {
        Self {
            clock: clock.clone(),
            started_ms: clock.now_ms(),
            put_messages: AtomicU64::new(0),
            put_bytes: AtomicU64::new(0),
            put_failed: AtomicU64::new(0),
            found: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            transferred_messages: AtomicU64::new(0),
            samples: Mutex::new(VecDeque::new()),
        }
    }

    #[inline]
    pub(super) fn put(&self, amount: Amount) {
        self.put_messages.fetch_add(amount.messages as u64, Ordering::Relaxed);
        self.put_bytes.fetch_add(amount.bytes as u64, Ordering::Relaxed);
    }

    #[cold]
    pub(super) fn puts_refused(&self, puts: usize) {
        self.put_failed.fetch_add(puts as u64, Ordering::Relaxed);
    }

    pub(super) fn got(&self, messages: u64) {
        if messages > 0 {
            self.found.fetch_add(1, Ordering::Relaxed);
            self.transferred_messages.fetch_add(messages, Ordering::Relaxed);
        } else {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// When the store was opened.
    pub fn started_ms(&self) -> i64 {
        self.started_ms
    }

    /// Messages put.
    pub fn put_messages(&self) -> u64 {
        self.put_messages.load(Ordering::Relaxed)
    }

    /// Bytes of their records.
    pub fn put_bytes(&self) -> u64 {
        self.put_bytes.load(Ordering::Relaxed)
    }

    /// Refused puts.
    pub fn puts_failed(&self) -> u64 {
        self.put_failed.load(Ordering::Relaxed)
    }

    /// Messages handed to readers.
    pub fn transferred_messages(&self) -> u64 {
        self.transferred_messages.load(Ordering::Relaxed)
    }

    /// Takes a sample; called about every second.
    pub fn sample(&self) {
        let mut samples = self.samples.lock();
        if samples.len() >= SAMPLES_MAX {
            samples.pop_front();
        }
        let sample = self.now();
        samples.push_back(sample);
    }

    fn now(&self) -> Sample {
        Sample {
            at: self.clock.moment(),
            put: self.put_messages(),
            found: self.found.load(Ordering::Relaxed),
            missed: self.missed.load(Ordering::Relaxed),
            transferred: self.transferred_messages(),
        }
    }

    fn rates(&self, value: impl Fn(&Sample) -> u64) -> Rates {
        let samples = self.samples.lock();
        [10_usize, 60, 600].map(|back| {
            let newest = samples.back()?;
            let older = samples.get(samples.len().checked_sub(back + 1)?)?;
            let seconds = newest.at.since(older.at).as_secs_f64();
            (seconds > 0.0).then(|| (value(newest) - value(older)) as f64 / seconds)
        })
    }

    /// Puts per second.
    pub fn put_tps(&self) -> Rates {
        self.rates(|sample| sample.put)
    }

    /// Gets that found something, per second.
    pub fn found_tps(&self) -> Rates {
        self.rates(|sample| sample.found)
    }

    /// Gets that found nothing, per second.
    pub fn missed_tps(&self) -> Rates {
        self.rates(|sample| sample.missed)
    }

    /// All gets per second.
    pub fn total_tps(&self) -> Rates {
        self.rates(|sample| sample.found + sample.missed)
    }

    /// Messages handed to readers per second.
    pub fn transferred_tps(&self) -> Rates {
        self.rates(|sample| sample.transferred)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn rates_need_enough_samples() {
        let clock = Clock::manual(0);
        let stats = StoreStats::new(&clock);
        for _ in 0..=10 {
            stats.sample();
            stats.put_messages.fetch_add(5, Ordering::Relaxed);
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(stats.put_tps(), [Some(5.0), None, None]);
    }
}
