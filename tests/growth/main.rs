//! How the cost of our broker grows with what it has to carry: the curve, not one point.
//!
//! ```text
//! cargo build --release -p libbroker -p tests --bins
//! target/release/growth [CURVE]... [--quick]
//! ```
//!
//! Each curve takes one number through several powers of ten and prints one Markdown table, with a row for each size. A cost per unit
//! that grows with the number of units, or a limit that ends a curve, is what to look for. Nothing is asserted. All brokers are started
//! here, on stores of their own in a scratch directory, and talk to 127.0.0.1 only; `TMPDIR` chooses the disk, of which the curves
//! `start` and `recovery` need 14 GiB.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement that cannot go on panics"
)]

mod broker;
mod connections;
mod depth;
mod fairness;
mod flock;
mod frames;
mod plan;
mod polls;
mod queues;
mod store;
mod table;
mod times;

use std::io::Write as _;
use std::process::ExitCode;

use plan::{Plan, USAGE};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tests::harness::machine;

fn main() -> ExitCode {
    let plan = match Plan::read(std::env::args().skip(1)) {
        Ok(plan) => plan,
        Err(reason) => {
            progress(&format!("{reason}\n{USAGE}"));
            return ExitCode::FAILURE;
        }
    };
    let files = raise_file_limit();
    say(&format!(
        "{} {files} open files, {} mappings at most.\nLoad average {} before.\n",
        machine::description(),
        std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default().trim(),
        machine::load_average(),
    ));
    for curve in &plan.curves {
        progress(&format!("curve {}", curve.name()));
        for table in curve.run(plan.quick) {
            say(&table.to_string());
        }
    }
    say(&format!("Load average {} after.", machine::load_average()));
    ExitCode::SUCCESS
}

/// As many files as this process may open, and the brokers that it starts.
fn raise_file_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Says what is going on, on standard error: standard output are the tables.
fn progress(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
