//! `mqbroker bench`: load for a broker, ours or another one of RocketMQ, and what it costs that broker.
//!
//! `send` and `pull` are run twice, first to warm up, then to be measured. Every connection has a thread that keeps a window of
//! requests outstanding and takes all answers of one read before it writes again; it blocks in between, so that broker and
//! generator share two cores without waking each other for every message. `latency` and `hold` ask the opposite: how soon
//! something happens on a broker with little to do. `limits` needs no broker: it says what the machine can do.

pub mod args;
mod at_hand;
mod broker_config;
mod content;
mod hold;
mod latency;
mod limits;
mod load;
mod measure;
mod parking;
mod percentiles;
mod progress;
mod pull;
mod report;
mod send;
mod server;
mod topic;

use std::process::ExitCode;

use libbroker::clock::Clock;
use libbroker::{Error, ErrorKind};

use self::args::{Bench, Pull, Send};
use self::load::Budget;
use self::measure::{Measured, run};
use self::pull::Puller;
use self::report::{Outcome, outcome};
use self::send::Sender;
use self::topic::Queue;
use super::process;

/// Exit code of a load that was run, but in which messages were refused, lost, wrong or out of order.
const UNSOUND: u8 = 2;

/// Runs what the command line asks for. The figures go to standard output.
pub fn main(what: &Bench) -> ExitCode {
    let done = match what {
        Bench::Send(options) => send(options),
        Bench::Pull(options) => pull(options),
        Bench::Latency(options) => latency::latency(options),
        Bench::Hold(options) => hold::hold(options),
        Bench::Limits(options) => limits::limits(options),
        Bench::EchoServer(options) => limits::echo_server::serve(options),
    };
    match done {
        Ok(Outcome { text, is_sound }) => {
            process::say(&text);
            if is_sound { ExitCode::SUCCESS } else { ExitCode::from(UNSOUND) }
        }
        Err(error) => process::failure("mqbroker bench", &error),
    }
}

fn send(options: &Send) -> Result<Outcome, Error> {
    let load = &options.load;
    let clock = Clock::system();
    let mut connection = load.target.connect()?;
    let refused = topic::create(&mut connection, &load.target.topic, options.queues)?;
    let flush = broker_config::flush_type(&mut connection);
    let name = if options.oneway { "send one-way" } else { "send" };
    let window = if options.oneway { 1 } else { load.window };
    let measured = Measured::of(load, options.memory.at_hand, |what, limit| {
        let first = fastrand::u32(..u32::MAX - load.connections);
        run(load, window, &clock, what.unwrap_or(name), limit, |index| {
            let budget = Budget::new(&clock, limit, index, load.connections);
            Sender::new(options, &clock, budget, first + index, index)
        })
    })?;
    let report = measured.report(name, load, options.batch, flush);
    match refused {
        Some(reason) if report.messages == 0 => {
            let text = format!("topic {} cannot be created: {reason}", load.target.topic);
            Err(Error::new(ErrorKind::NotFound, text))
        }
        _ => outcome(&report, load.target.json, report.is_sound()),
    }
}

fn pull(options: &Pull) -> Result<Outcome, Error> {
    let load = &options.load;
    let clock = Clock::system();
    let mut connection = load.target.connect()?;
    let queues: Vec<Queue> = topic::queues(&mut connection, &load.target.topic)?;
    let flush = broker_config::flush_type(&mut connection);
    let measured = Measured::of(load, 0, |what, limit| {
        run(load, load.window, &clock, what.unwrap_or("pull"), limit, |index| {
            Puller::new(options, Budget::new(&clock, limit, index, load.connections), &queues, index)
        })
    })?;
    let report = measured.report("pull", load, options.batch, flush);
    outcome(&report, load.target.json, report.is_sound())
}
