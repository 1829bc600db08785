//! Times, gathered and summed up.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use hdrhistogram::Histogram;
use libbroker::{Error, ErrorKind};
use serde::Serialize;

/// The highest time that is told from higher ones, in microseconds.
const TIME_MAX_US: u64 = 600_000_000;

/// Times, to a microsecond or the thousandth part.
#[derive(Debug)]
pub struct Times(Histogram<u64>);

impl Times {
    pub fn new() -> Result<Self, Error> {
        Histogram::new_with_bounds(1, TIME_MAX_US, 3)
            .map(Self)
            .map_err(|cause| Error::new(ErrorKind::Internal, format!("histogram: {cause}")))
    }

    /// Notes one.
    pub fn note(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Adds those that another thread gathered.
    pub fn add(&mut self, other: &Times) {
        // Both have the same bounds.
        let _ = self.0.add(&other.0);
    }

    pub fn percentiles_us(&self) -> Percentiles {
        let at = |quantile| self.0.value_at_quantile(quantile);
        Percentiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: self.0.max() }
    }
}

/// Percentiles in the unit that the name of the field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
}

impl Display for Percentiles {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Percentiles { p50, p90, p99, p999, max } = self;
        write!(f, "50% {p50}, 90% {p90}, 99% {p99}, 99.9% {p999}, max {max}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_all_threads() {
        let (mut one, mut other) = (Times::new().unwrap(), Times::new().unwrap());
        (1..=50).for_each(|us| one.note(Duration::from_micros(us)));
        (51..=100).for_each(|us| other.note(Duration::from_micros(us)));
        one.add(&other);
        let percentiles = one.percentiles_us();
        assert_eq!(percentiles, Percentiles { p50: 50, p90: 90, p99: 99, p999: 100, max: 100 });
        assert_eq!(percentiles.to_string(), "50% 50, 90% 90, 99% 99, 99.9% 100, max 100");
    }

    #[test]
    fn a_time_beyond_all_bounds_counts_as_the_highest() {
        let mut times = Times::new().unwrap();
        times.note(Duration::from_secs(1 << 40));
        assert!(times.percentiles_us().max >= TIME_MAX_US);
    }
}
