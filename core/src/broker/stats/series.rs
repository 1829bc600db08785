//! A counter and its samples.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::format::wire::body::StatsSpan;

/// What a rate is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// 7 samples, 10 s apart.
    Minute,
    /// 7 samples, 10 min apart.
    Hour,
    /// 25 samples, 1 h apart.
    Day,
}

impl Span {
    /// All of them.
    pub const ALL: [Span; 3] = [Span::Minute, Span::Hour, Span::Day];

    /// Time between two samples.
    pub const fn sample_period(self) -> Duration {
        match self {
            Span::Minute => Duration::from_secs(10),
            Span::Hour => Duration::from_secs(600),
            Span::Day => Duration::from_secs(3600),
        }
    }

    const fn samples_max(self) -> usize {
        match self {
            Span::Minute | Span::Hour => 7,
            Span::Day => 25,
        }
    }
}

/// A sum, and how many times something was added to it.
#[derive(Debug, Default)]
#[doc(alias = "StatsItem")]
pub(super) struct Counter {
    value: AtomicU64,
    times: AtomicU64,
    series: [Mutex<VecDeque<Sample>>; 3],
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Milliseconds since the statistics began; negative before.
    at_ms: i64,
    value: u64,
    times: u64,
}

impl Counter {
    pub(super) fn add(&self, value: usize) {
        self.add_value(value);
        self.times.fetch_add(1, Ordering::Relaxed);
    }

    /// Without counting the time; the average of such a counter is 0.
    pub(super) fn add_value(&self, value: usize) {
        self.value.fetch_add(value as u64, Ordering::Relaxed);
    }

    pub(super) fn is_untouched(&self) -> bool {
        self.value.load(Ordering::Relaxed) == 0
    }

    /// The first sample is measured against a zero one period before, as in Java.
    pub(super) fn sample(&self, span: Span, at: Duration) {
        let at_ms = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
        let Some(series) = self.series.get(span as usize) else { return };
        let mut samples = series.lock();
        if samples.is_empty() {
            let before = at_ms - span.sample_period().as_millis() as i64;
            samples.push_back(Sample { at_ms: before, value: 0, times: 0 });
        }
        samples.push_back(Sample {
            at_ms,
            value: self.value.load(Ordering::Relaxed),
            times: self.times.load(Ordering::Relaxed),
        });
        if samples.len() > span.samples_max() {
            samples.pop_front();
        }
    }

    /// What was counted between the first and the last sample; zeros before the first.
    pub(super) fn rate(&self, span: Span) -> StatsSpan {
        let Some(series) = self.series.get(span as usize) else { return StatsSpan::default() };
        let samples = series.lock();
        let (Some(first), Some(last)) = (samples.front(), samples.back()) else {
            return StatsSpan::default();
        };
        let sum = last.value.wrapping_sub(first.value);
        let times = last.times.wrapping_sub(first.times);
        let elapsed_ms = last.at_ms - first.at_ms;
        let ratio = |divisor: f64| if divisor > 0.0 { sum as f64 / divisor } else { 0.0 };
        StatsSpan {
            average_per_call: ratio(times as f64),
            sum: i64::try_from(sum).unwrap_or(i64::MAX),
            tps: ratio(elapsed_ms as f64 / 1000.0),
        }
    }
}
