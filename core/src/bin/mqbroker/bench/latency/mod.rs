//! `mqbroker bench latency`: how soon a message that is sent is with a consumer that waits for it.

mod consumer;
mod producer;
mod report;
mod schedule;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use libbroker::clock::{Clock, Moment};
use libbroker::{Error, ErrorKind};

use self::consumer::Consumer;
use self::report::LatencyReport;
use self::schedule::Schedule;
use super::args::Latency;
use super::at_hand::touch_and_free;
use super::load::Tally;
use super::measure::joined;
use super::parking::{Early, Layout, Parking};
use super::percentiles::Times;
use super::report::{BrokerUse, Outcome, outcome, us_per_message};
use super::server::{Cpu, Server, Usage};
use super::{broker_config, topic};
use crate::connection::Connection;

/// From the first polls to the first message: time enough to park them.
const POLLS_AHEAD: Duration = Duration::from_millis(300);
/// How long a message may take that was acknowledged.
const ARRIVAL_MAX: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Polls that are parked for a run must outlast it, but not hang about for ever on a broker that misses the end of the connection.
const PARKED_BEYOND: Duration = Duration::from_secs(120);
/// Parked polls are spread over up to so many connections.
const PARKED_CONNECTIONS_MAX: u32 = 16;
/// The topic of the parked polls has up to so many queues.
const PARKED_QUEUES_MAX: u32 = 1000;

/// What all threads of a run know.
pub struct Run {
    clock: Clock,
    schedule: Schedule,
    /// Messages of the whole run.
    acknowledged: AtomicU64,
    received: AtomicU64,
    stopped: AtomicBool,
}

/// What they came to.
struct Ran {
    lateness: Times,
    sent: Tally,
    received: Tally,
    generator: Cpu,
    broker: Option<(Usage, Usage)>,
}

/// Runs it.
pub fn latency(options: &Latency) -> Result<Outcome, Error> {
    let target = &options.target;
    if options.consumers > options.queues {
        let text = format!("{} consumers cannot share {} queues", options.consumers, options.queues);
        return Err(Error::new(ErrorKind::InvalidArgument, text));
    }
    let mut connection = target.connect()?;
    topic::create_now(&mut connection, &target.topic, options.queues)?;
    let flush = broker_config::flush_type(&mut connection);
    let queues = topic::all_queues(&mut connection, &target.topic, options.queues)?;
    let mut parking = park(options, &mut connection)?;
    if let Some(broker) = target.pid.map(Server::of) {
        broker.settle()?;
    }
    touch_and_free(options.memory.at_hand)?;

    let clock = Clock::system();
    let start = clock.moment().after(POLLS_AHEAD);
    let [warmup, measured] = [options.warmup, options.seconds].map(Duration::from_secs_f64);
    let run = Run {
        schedule: Schedule::new(start, options.rate, warmup, measured),
        clock,
        acknowledged: AtomicU64::new(0),
        received: AtomicU64::new(0),
        stopped: AtomicBool::new(false),
    };
    let mut consumers = (0..options.consumers).map(|_| target.connect()).collect::<Result<Vec<_>, _>>()?;
    let ran = run_threads(options, &run, connection, &mut consumers, &queues)?;
    let early = match &mut parking {
        Some(parking) => parking.answered_early()?,
        None => Early::default(),
    };
    let report = report(options, &run, ran, early, flush);
    outcome(&report, target.json, report.is_sound())
}

/// Parks the polls that nothing is sent for.
fn park(options: &Latency, connection: &mut Connection) -> Result<Option<Parking>, Error> {
    let polls = options.parked;
    if polls == 0 {
        return Ok(None);
    }
    let queues = polls.min(PARKED_QUEUES_MAX);
    let layout = Layout { connections: polls.min(PARKED_CONNECTIONS_MAX), polls, queues };
    let topic = format!("{}-parked", options.target.topic);
    topic::create_now(connection, &topic, queues)?;
    let queues = topic::all_queues(connection, &topic, queues)?;
    let mut parking = Parking::open(&options.target, layout)?;
    let suspend = Duration::from_secs_f64(options.warmup + options.seconds) + PARKED_BEYOND;
    parking.park(&topic, &queues, suspend)?;
    Ok(Some(parking))
}

fn run_threads(
    options: &Latency,
    run: &Run,
    mut writing: Connection,
    consumers: &mut [Connection],
    queues: &[topic::Queue],
) -> Result<Ran, Error> {
    let (own, broker) = (Server::own(), options.target.pid.map(Server::of));
    let usage = || broker.as_ref().map(Server::usage).transpose();
    let mut reading = writing.other_half()?;
    let mut closing = vec![writing.other_half()?];
    for connection in consumers.iter() {
        closing.push(connection.other_half()?);
    }
    let split = consumers.len();
    thread::scope(|scope| {
        let mut consuming = Vec::new();
        for (index, connection) in consumers.iter_mut().enumerate() {
            let mine = queues.iter().copied().skip(index).step_by(split);
            let consumer = Consumer::new(&options.target.topic, run, mine)?;
            consuming.push(scope.spawn(move || consumer.consume(connection)));
        }
        let acknowledging = scope.spawn(move || producer::acknowledge(&mut reading, run));
        let producing = scope.spawn(move || {
            let produced = producer::produce(&mut writing, options, run);
            if produced.is_err() {
                // Nobody need wait for the rest.
                writing.close();
            }
            produced
        });
        sleep_until(run, run.schedule.measured_from());
        let before = usage().and_then(|usage| Ok((usage, own.cpu()?)));
        let lateness = joined(producing);
        let sent = joined(acknowledging);
        await_received(run);
        let after = usage().and_then(|usage| Ok((usage, own.cpu()?)));
        run.stopped.store(true, Ordering::Release);
        closing.iter().for_each(Connection::close);
        let mut received = Tally::new()?;
        for thread in consuming {
            received.add(&joined(thread)?);
        }
        let ((before, own_before), (after, own_after)) = (before?, after?);
        let (generator, broker) = (own_before.until(&own_after), before.zip(after));
        Ok(Ran { lateness: lateness?, sent: sent?, received, generator, broker })
    })
}

fn sleep_until(run: &Run, moment: Moment) {
    thread::sleep(moment.since(run.clock.moment()));
}

/// Waits until every acknowledged message has come, or no longer may.
fn await_received(run: &Run) {
    let deadline = run.clock.moment().after(ARRIVAL_MAX);
    let all = run.acknowledged.load(Ordering::Acquire);
    while run.received.load(Ordering::Acquire) < all && run.clock.moment() < deadline {
        thread::sleep(LOOK_EVERY);
    }
}

fn report(options: &Latency, run: &Run, ran: Ran, early: Early, flush: String) -> LatencyReport {
    let Ran { lateness, sent, received, generator, broker } = ran;
    let measured = run.schedule.measured_count();
    LatencyReport {
        load: "latency",
        address: options.target.address.clone(),
        topic: options.target.topic.clone(),
        rate_per_s: options.rate,
        measured_s: options.seconds,
        body_bytes: options.body,
        queues: options.queues,
        consumers: options.consumers,
        parked: options.parked,
        header: options.target.header.serializer().name(),
        flush,
        messages: measured,
        failed: sent.failed + received.failed,
        first_failure: sent.first_failure.or(received.first_failure),
        out_of_order: received.out_of_order,
        lost: sent.messages.saturating_sub(received.messages),
        parked_answered: early.polls,
        first_parked_answer: early.first_answer,
        received_us: received.times.percentiles_us(),
        acknowledged_us: sent.times.percentiles_us(),
        lateness_us: lateness.percentiles_us(),
        generator_cpu_us_per_message: us_per_message(generator.total(), measured),
        broker: broker.map(|(before, after)| BrokerUse::between(&before, &after, measured)),
    }
}
