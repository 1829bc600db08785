//! Our broker beside Java's: start, memory at rest, and CPU time per message, on one machine in one run.
//!
//! ```text
//! cargo build --release -p libbroker -p tests --bins
//! target/release/compare [rounds [messages]]
//! ```
//!
//! Both brokers run with the default sizes of their files and are loaded by `mqbroker bench` in turn, A B A B; the table, in
//! Markdown, shows the median of the rounds and their range. Nothing is asserted. On a machine that does other things too, CPU time per message
//! is steadier than messages per second.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a comparison that cannot go on panics"
)]

mod contestant;
mod figures;
mod machine;
mod rounds;

use std::io::Write as _;

use figures::Figures;
use tests::harness::Scratch;

/// What the command line asks for.
struct Plan {
    /// How often each figure is taken.
    rounds: usize,
    /// Messages sent in a round with asynchronous flush; a third of it with synchronous flush.
    messages: u64,
}

impl Plan {
    fn read() -> Plan {
        let mut numbers = std::env::args().skip(1).map(|word| {
            word.parse::<u64>().unwrap_or_else(|_| panic!("{word:?}: say compare [rounds [messages]]"))
        });
        let rounds = numbers.next().unwrap_or(5).max(1) as usize;
        Plan { rounds, messages: numbers.next().unwrap_or(300_000).max(1_000) }
    }
}

fn main() {
    let plan = Plan::read();
    let scratch = Scratch::new("compare");
    let load_before = machine::load_average();
    let mut figures = Figures::default();
    rounds::starts(&plan, &scratch, &mut figures);
    rounds::loads(&plan, &scratch, &mut figures);
    let text = format!(
        "{}\nLoad average {load_before} before, {} after; {} rounds.\n\n{figures}",
        machine::description(),
        machine::load_average(),
        plan.rounds,
    );
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Says what is going on, on standard error: standard output is the table.
fn progress(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
