//! A bar that shows how far a long run has come.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use libbroker::clock::{Clock, Moment};

use super::load::Limit;

/// A run that ends sooner shows none.
const FIRST_DRAWN: Duration = Duration::from_secs(1);
const DRAWN_EVERY_MS: u64 = 200;

/// Messages of all connections, drawn by whichever of them comes by when it is time. That costs the load a comparison for each
/// read.
pub struct Progress {
    bar: Option<ProgressBar>,
    limit: Limit,
    start: Moment,
    messages: AtomicU64,
    drawn_next_ms: AtomicU64,
}

impl Progress {
    /// A bar on standard error when that is a terminal and `wanted`.
    pub fn new(clock: &Clock, limit: Limit, what: &'static str, wanted: bool) -> Self {
        let bar = (wanted && std::io::stderr().is_terminal()).then(|| bar(limit, what));
        let (messages, drawn_next_ms) = (AtomicU64::new(0), AtomicU64::new(millis(FIRST_DRAWN)));
        Self { bar, limit, start: clock.moment(), messages, drawn_next_ms }
    }

    /// `messages` more are done.
    pub fn add(&self, messages: u64, now: Moment) {
        let Some(bar) = &self.bar else { return };
        let messages = self.messages.fetch_add(messages, Ordering::Relaxed) + messages;
        let elapsed_ms = millis(now.since(self.start));
        let due_ms = self.drawn_next_ms.load(Ordering::Relaxed);
        let next_ms = elapsed_ms + DRAWN_EVERY_MS;
        let is_mine = || {
            let (set, failed) = (Ordering::Relaxed, Ordering::Relaxed);
            self.drawn_next_ms.compare_exchange(due_ms, next_ms, set, failed).is_ok()
        };
        if elapsed_ms >= due_ms && is_mine() {
            bar.set_message(format!("{messages} messages"));
            bar.set_position(match self.limit {
                Limit::Time(_) => elapsed_ms,
                Limit::Messages(_) => messages,
            });
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(limit: Limit, what: &'static str) -> ProgressBar {
    let length = match limit {
        Limit::Time(time) => millis(time),
        Limit::Messages(count) => count,
    };
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr()).with_prefix(what);
    match ProgressStyle::with_template("{prefix} {bar:30} {percent}% {msg}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_understands_its_template_and_ends() {
        let clock = Clock::manual(0);
        for limit in [Limit::Messages(10), Limit::Time(Duration::from_secs(10))] {
            let hidden = bar(limit, "test");
            hidden.set_draw_target(ProgressDrawTarget::hidden());
            let mut progress = Progress::new(&clock, limit, "test", false);
            progress.bar = Some(hidden);
            progress.add(1, clock.moment());
            clock.advance(FIRST_DRAWN);
            progress.add(4, clock.moment());
            let position = progress.bar.as_ref().map(ProgressBar::position);
            let elapsed_ms = millis(clock.moment().since(progress.start));
            assert_eq!(position, Some(if matches!(limit, Limit::Messages(_)) { 5 } else { elapsed_ms }));
        }
    }
}
