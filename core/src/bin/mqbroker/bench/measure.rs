//! Runs a load on all its connections, and takes what it costs.

use std::thread;
use std::time::Duration;

use libbroker::clock::Clock;
use libbroker::{Error, ErrorKind};

use super::args::Load;
use super::at_hand::touch_and_free;
use super::load::{Limit, Tally, Work, drive};
use super::progress::Progress;
use super::report::{BrokerUse, Report, us_per_message};
use super::server::{Cpu, Server, Usage};
use crate::connection::Connection;

/// What all connections did, and how long it took them.
pub struct Ran {
    tally: Tally,
    elapsed: Duration,
}

impl Ran {
    fn add(&mut self, other: &Ran) {
        self.tally.add(&other.tally);
        self.elapsed += other.elapsed;
    }
}

/// Connects, then runs the work of every connection on a thread of its own.
pub fn run<W: Work>(
    load: &Load,
    window: u32,
    clock: &Clock,
    what: &'static str,
    limit: Limit,
    work: impl Fn(u32) -> W + Sync,
) -> Result<Ran, Error> {
    let connections: Vec<Connection> =
        (0..load.connections).map(|_| load.target.connect()).collect::<Result<_, _>>()?;
    let progress = Progress::new(clock, limit, what, !load.target.json);
    let start = clock.moment();
    let tallies = thread::scope(|scope| {
        let (work, progress) = (&work, &progress);
        let drive = |(index, mut connection): (u32, Connection)| {
            scope.spawn(move || drive(&mut connection, &mut work(index), window as usize, clock, progress))
        };
        let threads: Vec<_> = (0..).zip(connections).map(drive).collect();
        threads.into_iter().map(joined).collect::<Result<Vec<Tally>, Error>>()
    })?;
    let elapsed = clock.moment().since(start);
    let mut tally = Tally::new()?;
    tallies.iter().for_each(|other| tally.add(other));
    Ok(Ran { tally, elapsed })
}

/// What a thread of the load came to.
pub fn joined<T>(thread: thread::ScopedJoinHandle<'_, Result<T, Error>>) -> Result<T, Error> {
    thread.join().unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "a thread panicked")))
}

/// The measured run, and what it took from both processes.
pub struct Measured {
    ran: Ran,
    generator: Cpu,
    broker: Option<(Usage, Usage)>,
}

impl Measured {
    /// Warms up, then measures; `run` is told which. Memory is put at hand part by part: it does not stay so for long. The broker's
    /// share ends when it has nothing left to do, such as dispatching what was sent.
    pub fn of(
        load: &Load,
        at_hand_mib: u32,
        run: impl Fn(Option<&'static str>, Limit) -> Result<Ran, Error>,
    ) -> Result<Self, Error> {
        let (own, broker) = (Server::own(), load.target.pid.map(Server::of));
        if let Some(limit) = load.warmup() {
            run(Some("warm-up"), limit)?;
        }
        let settle = || broker.as_ref().map_or(Ok(()), Server::settle);
        let usage = || broker.as_ref().map(Server::usage).transpose();
        settle()?;
        let before = usage()?;
        let (mut ran, mut generator) =
            (Ran { tally: Tally::new()?, elapsed: Duration::ZERO }, Cpu::default());
        for (part, at_hand_mib) in load.limit().parts(at_hand_mib) {
            touch_and_free(at_hand_mib)?;
            let own_before = own.cpu()?;
            ran.add(&run(None, part)?);
            generator.add(own_before.until(&own.cpu()?));
        }
        settle()?;
        Ok(Self { ran, generator, broker: before.zip(usage()?) })
    }

    pub fn report(self, name: &'static str, load: &Load, batch: u32, flush: String) -> Report {
        let Ran { tally, elapsed } = self.ran;
        let messages = tally.messages;
        Report {
            load: name,
            address: load.target.address.clone(),
            topic: load.target.topic.clone(),
            connections: load.connections,
            window: load.window,
            batch,
            header: load.target.header.serializer().name(),
            flush,
            messages,
            body_bytes: tally.body_bytes,
            failed: tally.failed,
            latency_us: tally.times.percentiles_us(),
            first_failure: tally.first_failure,
            out_of_order: tally.out_of_order,
            elapsed_s: elapsed.as_secs_f64(),
            messages_per_s: messages as f64 / elapsed.as_secs_f64(),
            generator_cpu_us_per_message: us_per_message(self.generator.total(), messages),
            broker: self.broker.map(|(before, after)| BrokerUse::between(&before, &after, messages)),
        }
    }
}
