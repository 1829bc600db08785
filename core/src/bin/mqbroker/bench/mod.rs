//! `mqbroker bench`: load for a broker, ours or another one of RocketMQ, and what it costs that broker.
//!
//! A load is run twice, first to warm up, then to be measured. Every connection has a thread that keeps a window of requests
//! outstanding and takes all answers of one read before it writes again; it blocks in between, so that broker and generator
//! share two cores without waking each other for every message.

mod args;
mod connection;
mod content;
mod load;
mod pull;
mod report;
mod send;
mod server;
mod topic;

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use libbroker::clock::Clock;
use libbroker::{Error, ErrorKind};

use self::args::{Bench, Load, Program, Pull, Send};
use self::connection::Connection;
use self::load::{Budget, Limit, Tally, Work, drive};
use self::pull::Puller;
use self::report::{BrokerUse, Latency, Report, us_per_message};
use self::send::Sender;
use self::server::{Cpu, Memory, Server};
use self::topic::Queue;
use super::process;

/// Runs what the command line asks for. The figures go to standard output.
pub fn main() -> ExitCode {
    let done = match process::command_line() {
        Ok(Program::Bench(Bench::Send(options))) => send(&options),
        Ok(Program::Bench(Bench::Pull(options))) => pull(&options),
        Err(code) => return code,
    };
    match done {
        Ok(text) => {
            process::say(&text);
            ExitCode::SUCCESS
        }
        Err(error) => process::failure("mqbroker bench", &error),
    }
}

fn send(options: &Send) -> Result<String, Error> {
    let load = &options.load;
    let clock = Clock::system();
    let mut connection = Connection::open(&load.address, load.header.serializer())?;
    let refused = topic::create(&mut connection, &load.topic, options.queues)?;
    let window = if options.oneway { 1 } else { load.window };
    let run = |limit| {
        let first = fastrand::u32(..u32::MAX - load.connections);
        run(load, window, &clock, |index| {
            let budget = Budget::new(&clock, limit, index, load.connections);
            Sender::new(options, &clock, budget, first + index, index)
        })
    };
    let measured = Measured::of(load, run)?;
    let report = measured.report(if options.oneway { "send one-way" } else { "send" }, load, options.batch);
    match refused {
        Some(reason) if report.messages == 0 => {
            let text = format!("topic {} cannot be created: {reason}", load.topic);
            Err(Error::new(ErrorKind::NotFound, text))
        }
        _ => printed(&report, load),
    }
}

fn pull(options: &Pull) -> Result<String, Error> {
    let load = &options.load;
    let clock = Clock::system();
    let mut connection = Connection::open(&load.address, load.header.serializer())?;
    let queues: Vec<Queue> = topic::queues(&mut connection, &load.topic)?;
    let run = |limit| {
        run(load, load.window, &clock, |index| {
            Puller::new(options, Budget::new(&clock, limit, index, load.connections), &queues, index)
        })
    };
    printed(&Measured::of(load, run)?.report("pull", load, options.batch), load)
}

/// What all connections did, and how long it took them.
struct Ran {
    tally: Tally,
    elapsed: Duration,
}

/// Connects, then runs the work of every connection on a thread of its own.
fn run<W: Work>(
    load: &Load,
    window: u32,
    clock: &Clock,
    work: impl Fn(u32) -> W + Sync,
) -> Result<Ran, Error> {
    let open = |_| Connection::open(&load.address, load.header.serializer());
    let connections: Vec<Connection> = (0..load.connections).map(open).collect::<Result<_, _>>()?;
    let start = clock.moment();
    let tallies = thread::scope(|scope| {
        let work = &work;
        let drive = |(index, mut connection): (u32, Connection)| {
            scope.spawn(move || drive(&mut connection, &mut work(index), window as usize, clock))
        };
        let threads: Vec<_> = (0..).zip(connections).map(drive).collect();
        let ended = threads.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "a thread panicked")))
        });
        ended.collect::<Result<Vec<Tally>, Error>>()
    })?;
    let elapsed = clock.moment().since(start);
    let mut tally = Tally::new()?;
    tallies.iter().for_each(|other| tally.add(other));
    Ok(Ran { tally, elapsed })
}

/// The measured run, and what it took from both processes.
struct Measured {
    ran: Ran,
    generator: Cpu,
    broker: Option<(Cpu, Memory, Memory)>,
}

impl Measured {
    /// Warms up, then measures. The broker's part ends when it has nothing left to do, such as dispatching what was sent.
    fn of(load: &Load, run: impl Fn(Limit) -> Result<Ran, Error>) -> Result<Self, Error> {
        let (own, broker) = (Server::own(), load.pid.map(Server::of));
        if let Some(limit) = load.warmup() {
            run(limit)?;
        }
        let before = match &broker {
            Some(broker) => {
                broker.settle()?;
                Some((broker.cpu()?, broker.memory()?))
            }
            None => None,
        };
        let own_before = own.cpu()?;
        let ran = run(load.limit())?;
        let generator = own.cpu()?.since(own_before);
        let broker = match (&broker, before) {
            (Some(broker), Some((cpu, memory))) => {
                broker.settle()?;
                Some((broker.cpu()?.since(cpu), memory, broker.memory()?))
            }
            _ => None,
        };
        Ok(Self { ran, generator, broker })
    }

    fn report(self, name: &'static str, load: &Load, batch: u32) -> Report {
        let Ran { tally, elapsed } = self.ran;
        let messages = tally.messages;
        Report {
            load: name,
            address: load.address.clone(),
            topic: load.topic.clone(),
            connections: load.connections,
            window: load.window,
            batch,
            header: load.header.serializer().name(),
            messages,
            body_bytes: tally.body_bytes,
            failed: tally.failed,
            latency_us: Latency::of(&tally),
            first_failure: tally.first_failure,
            out_of_order: tally.out_of_order,
            elapsed_s: elapsed.as_secs_f64(),
            messages_per_s: messages as f64 / elapsed.as_secs_f64(),
            generator_cpu_us_per_message: us_per_message(self.generator.total(), messages),
            broker: self.broker.map(|(cpu, before, after)| BrokerUse::of(cpu, messages, before, after)),
        }
    }
}

fn printed(report: &Report, load: &Load) -> Result<String, Error> {
    if !load.json {
        return Ok(report.to_string());
    }
    let json = serde_json::to_string(report)
        .map_err(|cause| Error::new(ErrorKind::Internal, format!("report: {cause}")))?;
    Ok(json + "\n")
}
