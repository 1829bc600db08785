//! How old a file is, when neither the wall clock nor the file's own time can be believed alone.
//!
//! The reference compares the modification time with the wall clock. A clock that is set forward an hour then makes every file an hour
//! older; a copy that keeps no times makes them new, which is harmless, or as old as the archive says, which is not.
//!
//! Here a file was written at the *latest* of its modification time and the store times that it and its successor begin with, and
//! now is the *earliest* that the wall clock ever said, carried on by the monotonic clock ([`SteadyTime`]).

use std::sync::Arc;

use crate::clock::{Clock, Moment};
use crate::format::record::decode::peek_store_timestamp_ms;
use crate::mmap::mapped_file::MappedFile;

/// Wall time that goes on at the pace of the monotonic clock: set forward, the wall clock is not followed; set back, it is.
///
/// So a jump makes a file live longer by as much as it was wide, until the next start. Time that the machine sleeps does not count.
#[derive(Debug)]
pub struct SteadyTime {
    clock: Clock,
    start: Moment,
    /// The smallest distance from elapsed to wall time that was seen.
    lead_ms: i64,
}

impl SteadyTime {
    /// Begins with what the wall clock says now.
    pub fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), start: clock.moment(), lead_ms: clock.now_ms() }
    }

    /// The present time, milliseconds since 1970. To be called every few seconds: a jump and one back in between are not seen.
    pub fn now_ms(&mut self) -> i64 {
        let elapsed = self.clock.moment().since(self.start).as_millis();
        let elapsed_ms = i64::try_from(elapsed).unwrap_or(i64::MAX);
        self.lead_ms = self.lead_ms.min(self.clock.now_ms().saturating_sub(elapsed_ms));
        self.lead_ms.saturating_add(elapsed_ms)
    }
}

/// When `file` was last written, milliseconds since 1970; `next` is the file behind it, whose first record came right after its last.
pub fn written_ms(file: &Arc<MappedFile>, next: Option<&Arc<MappedFile>>) -> std::io::Result<i64> {
    let begins_ms = |file: &Arc<MappedFile>| peek_store_timestamp_ms(file.published(0));
    let stored_ms = [begins_ms(file), next.and_then(begins_ms), Some(file.last_store_timestamp_ms())];
    let modified_ms = file.modified_ms()?;
    Ok(stored_ms.into_iter().flatten().fold(modified_ms, i64::max))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn a_jump_of_the_wall_clock_makes_nothing_older() {
        let clock = Clock::manual(100 * HOUR_MS);
        let mut steady = SteadyTime::new(&clock);
        clock.advance(Duration::from_secs(3600));
        assert_eq!(steady.now_ms(), 101 * HOUR_MS);
        clock.set_wall_ms(102 * HOUR_MS);
        assert_eq!(steady.now_ms(), 101 * HOUR_MS, "forward: not followed");
        clock.set_wall_ms(100 * HOUR_MS);
        assert_eq!(steady.now_ms(), 100 * HOUR_MS, "back: followed");
        clock.set_wall_ms(101 * HOUR_MS);
        assert_eq!(steady.now_ms(), 100 * HOUR_MS, "forward again: what was written meanwhile is not older");
        clock.advance(Duration::from_secs(7200));
        assert_eq!(steady.now_ms(), 102 * HOUR_MS);
    }

    proptest! {
        /// Whatever the wall clock does, a file that is written at its word is never taken for older than it is.
        #[test]
        fn no_file_is_taken_for_older_than_it_is(steps in prop::collection::vec((0_i64..10_000, -5_000_i64..5_000), 1..50)) {
            let clock = Clock::manual(1_000_000_000);
            let mut steady = SteadyTime::new(&clock);
            let start = clock.moment();
            let mut written = Vec::new();
            for (pass_ms, jump_ms) in steps {
                clock.advance(Duration::from_millis(pass_ms as u64));
                clock.set_wall_ms(clock.now_ms() + jump_ms);
                let now_ms = steady.now_ms();
                written.push((clock.now_ms(), clock.moment()));
                for (at_ms, at) in &written {
                    let age_ms = clock.moment().since(start).as_millis() - at.since(start).as_millis();
                    prop_assert!(now_ms - at_ms <= age_ms as i64);
                }
            }
        }
    }
}
