//! Our broker beside Java's: start, memory and CPU time at rest, CPU time per message, and latency, on one machine in one run.
//!
//! ```text
//! cargo build --release -p libbroker -p tests --bins
//! target/release/compare [rounds [messages]] [--only GROUP]... [--seconds S] [--cold]
//! ```
//!
//! Both brokers run with the default sizes of their files and are loaded by `mqbroker bench` in turn, A B A B; the table, in
//! Markdown, shows the medians of the rounds, the median of the ratios that the rounds had, and ranges. Above it stands what the
//! machine can do. Nothing is asserted. On a machine that does other things too, CPU time per message is steadier than messages per
//! second.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a comparison that cannot go on panics"
)]

mod contestant;
mod figures;
mod loads;
mod plan;
mod rounds;

use std::io::Write as _;
use std::process::ExitCode;

use figures::Figures;
use plan::{Plan, USAGE};
use tests::harness::{Scratch, machine};

fn main() -> ExitCode {
    let plan = match Plan::read(std::env::args().skip(1)) {
        Ok(plan) => plan,
        Err(reason) => {
            progress(&format!("{reason}\n{USAGE}"));
            return ExitCode::FAILURE;
        }
    };
    let scratch = Scratch::new("compare");
    let load_before = machine::load_average();
    progress("the limits of the machine");
    let limits = contestant::limits(scratch.path());
    let mut figures = Figures::default();
    rounds::starts(&plan, &scratch, &mut figures);
    rounds::loads(&plan, &scratch, &mut figures);
    let text = format!(
        "{}\nLoad average {load_before} before, {} after; {} rounds; memory {}.\n\n```text\n{limits}```\n\n{figures}",
        machine::description(),
        machine::load_average(),
        plan.rounds,
        if plan.cold { "as found" } else { "put at hand before each load" },
    );
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Says what is going on, on standard error: standard output is the table.
fn progress(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
