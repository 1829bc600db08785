//! More and more long polls that wait: memory, rest, and what one message costs those that it wakes and those that it does not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tests::harness::Scratch;

use crate::broker::Broker;
use crate::flock::{Flock, Sends};
use crate::frames;
use crate::table::{Table, count, ms, number, us};
use crate::times::Times;

const TOPIC: &str = "polls";
/// Where nobody waits.
const ELSEWHERE: &str = "elsewhere";
const LINKS: u32 = 100;
const QUEUES: u32 = 1000;
const SUSPEND_MS: u64 = 600_000;
const WAKE_MAX: Duration = Duration::from_secs(30);
/// Queues that are woken, one after the other.
const WOKEN: u32 = 50;
const BODY: [u8; 128] = [b'p'; 128];

pub fn curves(quick: bool) -> Vec<Table> {
    vec![spread(quick), one_queue(quick)]
}

fn spread(quick: bool) -> Table {
    let sizes: &[u32] = if quick { &[100, 1000] } else { &[100, 1000, 10_000, 100_000] };
    let mut table = Table::new(
        format!("Parked polls on {LINKS} connections, spread over up to {} queues", count(QUEUES)),
        &[
            "polls",
            "queues",
            "anonymous bytes each",
            "park: CPU µs each",
            "at rest: CPU %",
            "wake a queue's polls: p50 µs",
            "p99 µs",
            "CPU µs per woken poll",
            "send elsewhere: CPU µs",
            "p50 µs",
        ],
    );
    for &polls in sizes {
        table.row(spread_point(
            polls,
            if quick { Duration::from_millis(500) } else { Duration::from_secs(5) },
        ));
    }
    table
}

fn spread_point(polls: u32, watched: Duration) -> Vec<String> {
    let scratch = Scratch::new("growth-polls");
    let (broker, _) = Broker::start(scratch.path(), &[]);
    let queues = polls.min(QUEUES);
    let mut room = Room::open(&broker, queues);
    broker.rest();
    let before = broker.usage();
    let ((), parking) = broker.cpu_of(|| room.park(polls));
    let after = broker.usage();
    let start = (broker.cpu(), Instant::now());
    std::thread::sleep(watched);
    let rest = broker.cpu().saturating_sub(start.0).as_secs_f64() / start.1.elapsed().as_secs_f64();
    let sends_elsewhere = 2000;
    let (elsewhere, elsewhere_cpu) = broker.cpu_of(|| room.send_elsewhere(sends_elsewhere));
    let (woken, waking) = broker.cpu_of(|| {
        let mut times = Times::default();
        (0..WOKEN.min(queues)).for_each(|queue| times.note(room.wake(queue, polls / queues).last));
        times
    });
    let woken_polls = f64::from(WOKEN.min(queues)) * f64::from(polls / queues);
    let anonymous = (after.anonymous_kib as f64 - before.anonymous_kib as f64) * 1024.0;
    let cells = vec![
        count(polls),
        count(queues),
        number(anonymous / f64::from(polls)),
        number(parking.as_secs_f64() * 1e6 / f64::from(polls)),
        number(rest * 100.0),
        us(woken.at(0.5)),
        us(woken.at(0.99)),
        number(waking.as_secs_f64() * 1e6 / woken_polls),
        number(elsewhere_cpu.as_secs_f64() * 1e6 / sends_elsewhere as f64),
        us(elsewhere.at(0.5)),
    ];
    drop(room);
    broker.stop();
    cells
}

/// All polls wait for one queue: what is it like for the sender who wakes them, and for somebody else meanwhile?
fn one_queue(quick: bool) -> Table {
    let sizes: &[u32] = if quick { &[100, 1000] } else { &[100, 1000, 10_000, 100_000] };
    let mut table = Table::new(
        format!("Parked polls of one queue on {LINKS} connections, woken by one message"),
        &[
            "polls",
            "I/O threads",
            "answer to the send, ms",
            "first poll ms",
            "last poll ms",
            "CPU µs per poll",
            "sends of others meanwhile: longest, ms",
            "pulls of others meanwhile: longest, ms",
            "without waking: longest send, ms",
        ],
    );
    for io_threads in ["1", "3"] {
        for &polls in sizes {
            table.row(one_queue_point(polls, io_threads));
        }
    }
    table
}

fn one_queue_point(polls: u32, io_threads: &str) -> Vec<String> {
    let scratch = Scratch::new("growth-polls");
    let (broker, _) = Broker::start(scratch.path(), &[("serverSelectorThreads", io_threads)]);
    let mut room = Room::open(&broker, 1);
    room.park(polls);
    broker.rest();
    let quiet = others_during(&broker, || std::thread::sleep(Duration::from_millis(300)));
    let mut woken = Woken::default();
    let ((sends, pulls), cpu) = broker.cpu_of(|| others_during(&broker, || woken = room.wake(0, polls)));
    let others = (sends.len() + pulls.len()) as f64 * broker_cost_of_a_call(&broker).as_secs_f64();
    let cells = vec![
        count(polls),
        io_threads.to_owned(),
        ms(woken.answer),
        ms(woken.first),
        ms(woken.last),
        number((cpu.as_secs_f64() - others).max(0.0) * 1e6 / f64::from(polls)),
        ms(sends.max()),
        ms(pulls.max()),
        ms(quiet.0.max()),
    ];
    drop(room);
    broker.stop();
    cells
}

/// CPU time of a send or pull on a connection of its own, which is taken off where others sent meanwhile.
fn broker_cost_of_a_call(broker: &Broker) -> Duration {
    let ((sends, pulls), cpu) =
        broker.cpu_of(|| others_during(broker, || std::thread::sleep(Duration::from_millis(300))));
    cpu / u32::try_from((sends.len() + pulls.len()).max(1)).unwrap_or(u32::MAX)
}

/// Sends and pulls, one at a time on a connection each, while `action` runs.
fn others_during(broker: &Broker, action: impl FnOnce()) -> (Times, Times) {
    let (mut sender, mut puller) = (broker.connect(), broker.connect());
    sender.send(ELSEWHERE, 0, "", &BODY).expect("a send");
    let over = AtomicBool::new(false);
    let repeat = |call: &mut dyn FnMut()| {
        let mut times = Times::default();
        while !over.load(Ordering::Acquire) {
            times.take(&mut *call);
        }
        times
    };
    std::thread::scope(|scope| {
        let sends =
            scope.spawn(|| repeat(&mut || drop(sender.send(ELSEWHERE, 0, "", &BODY).expect("a send"))));
        let pulls = scope.spawn(|| repeat(&mut || drop(puller.pull(ELSEWHERE, 0, 0).expect("a pull"))));
        // Both have come to their pace.
        std::thread::sleep(Duration::from_millis(20));
        action();
        over.store(true, Ordering::Release);
        (sends.join().expect("sends"), pulls.join().expect("pulls"))
    })
}

/// When things came, from the write of the message on.
#[derive(Debug, Default, Clone, Copy)]
struct Woken {
    answer: Duration,
    first: Duration,
    last: Duration,
}

/// Connections with parked polls, and one that sends.
struct Room {
    flock: Flock,
    sender: Flock,
    queues: u32,
}

impl Room {
    fn open(broker: &Broker, queues: u32) -> Room {
        let mut control = broker.connect();
        control.create_topic(TOPIC, queues).expect("a topic");
        control.create_topic(ELSEWHERE, 8).expect("a topic");
        let mut sender = Flock::connect(&broker.address(), 1);
        // The files of the queues are there before polls wait for them.
        let place = |number: u64| (TOPIC, number as u32);
        let fill = Sends { links: 1, total: queues.into(), window: 64, place: &place, body: &BODY };
        assert_eq!(sender.send(&fill).failed, 0);
        broker.rest();
        let mut flock = Flock::connect(&broker.address(), LINKS as usize);
        flock.greet(TOPIC);
        Room { flock, sender, queues }
    }

    /// Poll `n` waits for queue `n % queues`. Returns when the broker has taken them all.
    fn park(&mut self, polls: u32) {
        for poll in 0..polls {
            let link = (poll / self.queues + poll) % LINKS;
            let (queue, offset) = (poll % self.queues, 1);
            let out = self.flock.outgoing(link as usize);
            frames::pull(out, poll as i32, TOPIC, queue, offset, SUSPEND_MS);
            if out.len() > 16 << 10 {
                self.flock.flush(link as usize);
            }
        }
        self.flock.greet(TOPIC);
    }

    /// Sends to a queue for which so many polls wait.
    fn wake(&mut self, queue: u32, polls: u32) -> Woken {
        let start = Instant::now();
        frames::send(self.sender.outgoing(0), 1, TOPIC, queue, &BODY);
        self.sender.flush(0);
        let mut woken = Woken::default();
        // The answer is timed by a thread of its own: the polls keep this one busy.
        let (sender, flock) = (&mut self.sender, &mut self.flock);
        std::thread::scope(|scope| {
            let answer = scope.spawn(move || {
                let answers = sender.answers(WAKE_MAX);
                assert!(answers.iter().any(|answer| answer.code == 0), "the send is not answered");
                start.elapsed()
            });
            let mut left = polls as usize;
            while left > 0 {
                let answers = flock.answers(WAKE_MAX);
                assert!(!answers.is_empty(), "{left} polls of queue {queue} are not woken");
                if woken.first.is_zero() {
                    woken.first = start.elapsed();
                }
                let stray = answers
                    .iter()
                    .find(|answer| answer.code != 0 || answer.opaque.unsigned_abs() % self.queues != queue);
                assert!(stray.is_none(), "{stray:?} was woken by a message of queue {queue}");
                left -= answers.len();
            }
            woken.last = start.elapsed();
            woken.answer = answer.join().expect("an answer");
        });
        woken
    }

    /// One at a time to a topic without polls.
    fn send_elsewhere(&mut self, total: u64) -> Times {
        let place = |number: u64| (ELSEWHERE, (number % 8) as u32);
        let sent = self.sender.send(&Sends { links: 1, total, window: 1, place: &place, body: &BODY });
        assert_eq!(sent.failed, 0);
        sent.times
    }
}
