//! `mqbroker bench hold`: what parked long polls cost a broker, and what it takes to wake some of them.

mod report;
mod wake;

use std::thread;
use std::time::Duration;

use libbroker::clock::Clock;
use libbroker::internals::format::wire::header::offset::QueueHeader;
use libbroker::internals::format::wire::header::send::SendAnswer;
use libbroker::internals::format::wire::{OutgoingRequest, RequestCode};
use libbroker::{Error, ErrorKind};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use self::report::{HoldReport, ProcessReport};
use self::wake::{Woken, wake_all};
use super::args::{Hold, Target};
use super::content::{BODY_MIN, Stamp};
use super::parking::{Early, Layout, Parking};
use super::report::{Outcome, outcome};
use super::send::Sending;
use super::server::{Cpu, Memory, Server};
use super::{broker_config, topic};
use crate::connection::{Connection, is_success, refusal};

/// Body of the messages that wake.
const BODY_BYTES: u32 = 128;
/// Polls are parked for so much longer than the broker is watched: nothing but a message ends them.
const PARKED_BEYOND: Duration = Duration::from_secs(600);
/// Without the broker's process nobody says when it has parked everything.
const PARKING_TIME: Duration = Duration::from_secs(2);
/// How long a message may be acknowledged and not yet be in its queue.
const DISPATCH_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Files beside the connections: standard streams, and what is read from `/proc`.
const OTHER_FILES: u64 = 64;

/// The broker's memory on the way to `polls` parked polls, and what it did then.
struct Process {
    before: Memory,
    connected: Memory,
    parked: Memory,
    idle: Cpu,
    waking: Cpu,
}

/// Runs it.
pub fn hold(options: &Hold) -> Result<Outcome, Error> {
    let target = &options.target;
    allow_files(u64::from(options.connections))?;
    let clock = Clock::system();
    let mut control = target.connect()?;
    topic::create_now(&mut control, &target.topic, options.queues)?;
    let flush = broker_config::flush_type(&mut control);
    let queues_to_wake = fastrand::choose_multiple(0..options.queues, options.wake as usize);
    let mut sending = Sending::new(&clock, &target.topic, options.queues, BODY_BYTES.max(BODY_MIN as u32));
    make_files(target, &mut control, &mut sending, &queues_to_wake)?;
    let queues = topic::all_queues(&mut control, &target.topic, options.queues)?;

    let broker = target.pid.map(Server::of);
    let before = settled_memory(broker.as_ref())?;
    let Hold { connections, polls, queues: queue_count, .. } = *options;
    let mut parking = Parking::open(target, Layout { connections, polls, queues: queue_count })?;
    greet(&mut parking, &target.topic)?;
    let connected = settled_memory(broker.as_ref())?;

    let watched = Duration::from_secs_f64(options.seconds);
    parking.park(&target.topic, &queues, watched + PARKED_BEYOND)?;
    let parked = settled_memory(broker.as_ref())?;
    let idle = cpu_during(broker.as_ref(), || {
        thread::sleep(watched);
        Ok(())
    })?;
    let early = parking.answered_early()?;
    let waking = cpu_during(broker.as_ref(), || {
        wake_all(&clock, &mut control, &mut sending, &mut parking, &queues_to_wake)
    })?;

    let process =
        broker.is_some().then_some(Process { before, connected, parked, idle: idle.cpu, waking: waking.cpu });
    let report = report(options, process, idle.elapsed, early, waking.done, flush);
    outcome(&report, target.json, report.is_sound())
}

/// Raises the limit of open files as far as this process may.
fn allow_files(connections: u64) -> Result<(), Error> {
    let (limit, wanted) = (getrlimit(Resource::Nofile), connections + OTHER_FILES);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let raised = limit.maximum.is_none_or(|maximum| maximum >= wanted)
        && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }).is_ok();
    let text =
        || format!("{connections} connections need {wanted} open files; the limit is {:?}", limit.maximum);
    raised.then_some(()).ok_or_else(|| Error::new(ErrorKind::InvalidArgument, text()))
}

/// Sends a message to each queue that will be woken: its files shall be there, they are not what is measured. Returns when the
/// broker has dispatched them all, so that no poll finds one of them.
fn make_files(
    target: &Target,
    control: &mut Connection,
    sending: &mut Sending<'_>,
    queues: &[u32],
) -> Result<(), Error> {
    let mut last = None;
    for (queue, sequence) in queues.iter().zip(0..) {
        sending.push(control, *queue, Stamp { producer: u32::MAX, sequence }, 0, false);
        let answer = control.answered()?;
        let offset = SendAnswer::decode(&answer.ext).queue_offset.filter(|_| is_success(&answer));
        let refused =
            || Error::new(ErrorKind::Io, format!("cannot send to queue {queue}: {}", refusal(&answer)));
        last = Some((i32::try_from(*queue).unwrap_or_default(), offset.ok_or_else(refused)?));
    }
    let Some((queue, offset)) = last else { return Ok(()) };
    let clock = Clock::system();
    let deadline = clock.moment().after(DISPATCH_MAX);
    while topic::queue(control, &target.topic, queue)?.max_offset <= offset {
        if clock.moment() >= deadline {
            let text = format!("message {offset} of queue {queue} cannot be seen after {DISPATCH_MAX:?}");
            return Err(Error::new(ErrorKind::Timeout, text));
        }
        thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// One request on each connection: a broker may put off until then what it keeps for one.
fn greet(parking: &mut Parking, topic: &str) -> Result<(), Error> {
    let header = QueueHeader { topic: Some(topic), queue_id: Some(0) };
    let request = OutgoingRequest::new(RequestCode::GetMaxOffset).with_fields(header.fields());
    parking.connections.iter_mut().try_for_each(|connection| connection.call(&request).map(|_| ()))
}

/// The broker's memory when it has nothing left to do.
fn settled_memory(broker: Option<&Server>) -> Result<Memory, Error> {
    match broker {
        Some(broker) => broker.settle().and_then(|()| broker.memory()),
        None => {
            thread::sleep(PARKING_TIME);
            Ok(Memory::default())
        }
    }
}

/// What something came to, and what the broker did meanwhile.
struct Watched<T> {
    done: T,
    cpu: Cpu,
    elapsed: Duration,
}

fn cpu_during<T>(
    broker: Option<&Server>,
    action: impl FnOnce() -> Result<T, Error>,
) -> Result<Watched<T>, Error> {
    let clock = Clock::system();
    let reading = || broker.map(Server::cpu).transpose();
    let (before, start) = (reading()?, clock.moment());
    let done = action()?;
    let elapsed = clock.moment().since(start);
    let cpu = before.zip(reading()?).map(|(before, after)| before.until(&after)).unwrap_or_default();
    Ok(Watched { done, cpu, elapsed })
}

fn report(
    options: &Hold,
    process: Option<Process>,
    watched: Duration,
    early: Early,
    woken: Woken,
    flush: String,
) -> HoldReport {
    HoldReport {
        load: "hold",
        address: options.target.address.clone(),
        topic: options.target.topic.clone(),
        connections: options.connections,
        polls: options.polls,
        queues: options.queues,
        header: options.target.header.serializer().name(),
        flush,
        answered_early: early.polls,
        first_early_answer: early.first_answer,
        messages: woken.messages,
        woken: woken.polls,
        failed: woken.failed,
        first_failure: woken.first_failure,
        wake_us: woken.times.percentiles_us(),
        broker: process
            .map(|process| ProcessReport::of(&process, options, watched, woken.messages, woken.polls)),
    }
}
