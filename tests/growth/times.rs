//! Latencies.

use std::time::{Duration, Instant};

/// Measured times, all of them.
#[derive(Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Adds one.
    pub fn note(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Adds what `action` takes.
    pub fn take<T>(&mut self, action: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = action();
        self.note(start.elapsed());
        done
    }

    /// The time that `share` of all stay below; nothing without times.
    pub fn at(&self, share: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let place = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1).min(last);
        sorted.get(place).copied().unwrap_or_default()
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.0.iter().max().copied().unwrap_or_default()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_all_times_lies_below() {
        let mut times = Times::default();
        (1..=100).rev().for_each(|ms| times.note(Duration::from_millis(ms)));
        let shares = [0.5, 0.99, 1.0].map(|share| times.at(share).as_millis());
        assert_eq!(shares, [50, 99, 100]);
        assert_eq!(Times::default().at(0.5), Duration::ZERO);
    }
}
