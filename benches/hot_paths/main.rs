//! What every message passes, piece by piece: frames, records, the log, its queues, filters.
//!
//! ```text
//! cargo bench -p benches                       # all of it, about a minute
//! cargo bench -p benches -- append             # those whose name contains "append"
//! cargo bench -p benches -- --save-baseline x  # to be compared with: --baseline x
//! ```
//!
//! Files go where `TMPDIR` says.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on panics")]

mod append;
mod codec;
mod filter;
mod messages;
mod read;
mod record;
mod recorded;
mod scratch;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(50)
        .without_plots()
        .configure_from_args();
    codec::bench(&mut criterion);
    record::bench(&mut criterion);
    append::bench(&mut criterion);
    read::bench(&mut criterion);
    filter::bench(&mut criterion);
    criterion.final_summary();
}
