//! `kill -9` under load, over and over. After every one: no acknowledged message is lost, no place in a queue is given out
//! twice, what was readable stays readable and unchanged, each queue keeps the order of its senders, and the start is clean.
//!
//! `TEST_CRASH_ROUNDS` sets the number of kills (50 unless set, fewer for the Java servers, which start slowly);
//! `TEST_SEED` repeats the random choices of an earlier run.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tests::harness::remoting::{RawClient, eventually};
use tests::harness::stored_message::StoredMessage;
use tests::harness::{Cluster, Flavor};

const TOPIC: &str = "Crash";
const GROUP: &str = "crash-group";
const QUEUES: usize = 4;
/// Two to a queue: they compete for its places.
const SENDERS: usize = 8;
const TIMEOUT: Duration = Duration::from_secs(20);
/// Recovery looks at the last files only, so a round looks that far back; the end looks at everything.
const LOOK_BACK: usize = 300;

#[test]
fn kill_9_under_load_with_async_flush() {
    crash_loop("crash-async", "ASYNC_FLUSH");
}

#[test]
fn kill_9_under_load_with_sync_flush() {
    crash_loop("crash-sync", "SYNC_FLUSH");
}

fn crash_loop(name: &str, flush: &str) {
    let seed = std::env::var("TEST_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    eprintln!("{name}: TEST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    // Small files, so that kills also hit while files are rolled.
    let properties = [
        ("flushDiskType", flush),
        ("mappedFileSizeCommitLog", "1048576"),
        ("mappedFileSizeConsumeQueue", "20000"),
        ("maxMessageSize", "65536"),
        ("flushConsumerOffsetInterval", "1000"),
    ];
    let mut cluster = Cluster::start_with(name, &properties);
    connect(&cluster).create_topic(TOPIC, QUEUES as u32).expect("the topic is made");
    let mut ledger = Ledger::default();
    let rounds = rounds();
    for round in 0..rounds {
        load_and_kill(&mut cluster, &mut ledger, round, &mut random);
        if round % 5 == 4 {
            // Killed again while it recovers.
            cluster.broker.launch();
            thread::sleep(Duration::from_millis(random.u64(0..150)));
            cluster.broker.kill9();
        }
        cluster.broker.start_again();
        ledger.verify(&mut connect(&cluster), LOOK_BACK);
        ledger.check_progress(&mut connect(&cluster));
        ledger.check_keys(&mut connect(&cluster), &mut random);
    }
    ledger.verify(&mut connect(&cluster), usize::MAX);
    // An orderly stop removes the abort marker (`stop` looks), and the start after it has nothing to recover.
    cluster.broker.stop();
    cluster.broker.start_again();
    ledger.verify(&mut connect(&cluster), usize::MAX);
    cluster.broker.stop();
    eprintln!("{name}: {rounds} kills, {} messages, {} acknowledged", ledger.stored(), ledger.acknowledged);
}

fn rounds() -> usize {
    let given = std::env::var("TEST_CRASH_ROUNDS")
        .ok()
        .map(|text| text.parse().expect("TEST_CRASH_ROUNDS is a number"));
    given.unwrap_or(match Flavor::under_test() {
        Flavor::Ours => 50,
        Flavor::Java => 6,
    })
}

fn connect(cluster: &Cluster) -> RawClient {
    RawClient::connect(&cluster.broker.address(), TIMEOUT).expect("the broker accepts connections")
}

/// Runs the senders for a random while and kills the broker under them.
fn load_and_kill(cluster: &mut Cluster, ledger: &mut Ledger, round: usize, random: &mut fastrand::Rng) {
    let address = cluster.broker.address();
    let killed = AtomicBool::new(false);
    let acknowledged = AtomicUsize::new(0);
    let seeds: Vec<u64> = (0..SENDERS).map(|_| random.u64(..)).collect();
    let while_loaded = Duration::from_millis(random.u64(20..400));
    let outcomes: Vec<SenderOutcome> = thread::scope(|scope| {
        let senders: Vec<_> = seeds
            .iter()
            .enumerate()
            .map(|(sender, seed)| {
                let (address, killed, acknowledged) = (&address, &killed, &acknowledged);
                scope.spawn(move || send_until_killed(address, round, sender, *seed, killed, acknowledged))
            })
            .collect();
        eventually("the load begins", TIMEOUT, || {
            (acknowledged.load(Ordering::Relaxed) >= SENDERS).then_some(())
        });
        thread::sleep(while_loaded);
        killed.store(true, Ordering::Relaxed);
        cluster.broker.kill9();
        senders.into_iter().map(|sender| sender.join().expect("a sender panicked")).collect()
    });
    ledger.note(outcomes);
}

/// What one connection knows after a round.
struct SenderOutcome {
    /// Place and identity of every acknowledged message, in the order sent.
    acknowledged: Vec<(i64, Identity)>,
    /// The message on its way when the broker was killed: stored or not, nobody knows.
    in_flight: Identity,
}

/// Names a message. The body follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    round: usize,
    sender: usize,
    number: usize,
    size: usize,
}

impl Identity {
    fn queue(self) -> usize {
        self.sender % QUEUES
    }

    fn key(self) -> String {
        format!("{}-{}-{}-{}", self.round, self.sender, self.number, self.size)
    }

    fn parse(key: &str) -> Option<Identity> {
        let mut parts = key.split('-').map(|part| part.parse().ok());
        let mut next = || parts.next().flatten();
        Some(Identity { round: next()?, sender: next()?, number: next()?, size: next()? })
    }

    /// Differs from every other body in every part, so that mixed up or torn bytes are seen.
    fn body(self) -> Vec<u8> {
        let seed = (self.round as u64) << 40 | (self.sender as u64) << 32 | self.number as u64;
        let mut random = fastrand::Rng::with_seed(seed);
        std::iter::repeat_with(|| random.u8(..)).take(self.size).collect()
    }
}

fn send_until_killed(
    address: &str,
    round: usize,
    sender: usize,
    seed: u64,
    killed: &AtomicBool,
    count: &AtomicUsize,
) -> SenderOutcome {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut client = RawClient::connect(address, TIMEOUT).expect("the broker accepts connections");
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let size = if random.u8(..) == 0 { 20_000 } else { random.usize(1..1500) };
        let identity = Identity { round, sender, number, size };
        let properties = format!("KEYS\u{1}{}\u{2}", identity.key());
        match client.send(TOPIC, identity.queue() as i32, &properties, &identity.body()) {
            Ok(sent) => {
                acknowledged.push((sent.queue_offset, identity));
                count.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                // A refusal is not a broken connection, and nothing breaks connections but the kill.
                let expected = killed.load(Ordering::Relaxed) && error.kind() != io::ErrorKind::InvalidData;
                assert!(expected, "send {identity:?}: {error}");
                return SenderOutcome { acknowledged, in_flight: identity };
            }
        }
    }
    unreachable!("a sender ends with an error")
}

/// What must be in the store.
#[derive(Default)]
struct Ledger {
    /// The messages found in each queue; the index is the place.
    queues: [Vec<(Identity, i64)>; QUEUES],
    /// Acknowledged since the last look, by place.
    awaited: [BTreeMap<usize, Identity>; QUEUES],
    /// Perhaps stored; found at any later look, in order.
    in_flight: Vec<Identity>,
    acknowledged: usize,
    /// Every progress ever committed, per queue.
    committed: [Vec<i64>; QUEUES],
}

impl Ledger {
    fn stored(&self) -> usize {
        self.queues.iter().map(Vec::len).sum()
    }

    fn note(&mut self, outcomes: Vec<SenderOutcome>) {
        for outcome in outcomes {
            self.acknowledged += outcome.acknowledged.len();
            self.in_flight.push(outcome.in_flight);
            for (offset, identity) in outcome.acknowledged {
                let queue = identity.queue();
                let place = usize::try_from(offset).expect("an offset is not negative");
                assert!(
                    place >= self.queues[queue].len(),
                    "{identity:?} got place {place} of queue {queue}, which held {:?} before the kill",
                    self.queues[queue][place]
                );
                let other = self.awaited[queue].insert(place, identity);
                assert_eq!(other, None, "{identity:?} got the same place {place} of queue {queue}");
            }
        }
    }

    /// Reads the queues, from `look_back` places before what is known, and compares.
    fn verify(&mut self, client: &mut RawClient, look_back: usize) {
        for queue in 0..QUEUES {
            self.await_dispatch(client, queue);
            let first = self.queues[queue].len().saturating_sub(look_back);
            for message in read(client, queue, first) {
                self.verify_message(queue, &message);
            }
            let end = self.queues[queue].len();
            let lost: Vec<_> = self.awaited[queue].range(end..).collect();
            assert!(lost.is_empty(), "acknowledged and lost, queue {queue} ends at {end}: {lost:?}");
            self.awaited[queue].clear();
        }
        self.verify_order();
    }

    /// A broker may serve reads before it has built the queues up to the end of its log; give it the time.
    fn await_dispatch(&self, client: &mut RawClient, queue: usize) {
        let last = self.awaited[queue].last_key_value().map(|(place, _)| place + 1);
        let known = self.queues[queue].len().max(last.unwrap_or(0)) as i64;
        let deadline = Instant::now() + Duration::from_secs(5);
        while client.max_offset(TOPIC, queue as i32).expect("end of the queue") < known
            && Instant::now() < deadline
        {
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn verify_message(&mut self, queue: usize, message: &StoredMessage) {
        let place = usize::try_from(message.queue_offset).expect("an offset is not negative");
        let key = message.property("KEYS").unwrap_or_default();
        let identity =
            Identity::parse(key).unwrap_or_else(|| panic!("place {place} of queue {queue}: key {key:?}"));
        assert_eq!(message.topic, TOPIC);
        assert_eq!(message.queue_id, queue as i32, "queue of {identity:?}");
        assert_eq!(identity.queue(), queue, "{identity:?} is in another queue");
        assert!(message.body == identity.body(), "body of {identity:?}: {} bytes", message.body.len());
        let found = (identity, message.physical_offset);
        let known = &mut self.queues[queue];
        if place < known.len() {
            assert_eq!(known[place], found, "place {place} of queue {queue} changed");
            return;
        }
        assert_eq!(place, known.len(), "a gap in queue {queue}");
        if let Some((before, physical_offset)) = known.last() {
            assert!(
                *physical_offset < message.physical_offset,
                "{identity:?} lies before {before:?} in the log"
            );
        }
        match self.awaited[queue].remove(&place) {
            Some(acknowledged) => assert_eq!(acknowledged, identity, "place {place} of queue {queue}"),
            None => {
                let sent = self.in_flight.iter().position(|sent| *sent == identity);
                let sent = sent.unwrap_or_else(|| {
                    panic!("{identity:?} at {place} was acknowledged elsewhere, or twice")
                });
                self.in_flight.swap_remove(sent);
            }
        }
        known.push(found);
    }

    /// In each queue the messages of one sender lie in the order sent.
    fn verify_order(&self) {
        for queue in &self.queues {
            let mut last: [Option<(usize, usize)>; SENDERS] = [None; SENDERS];
            for (identity, _) in queue {
                let now = Some((identity.round, identity.number));
                assert!(last[identity.sender] < now, "{identity:?} lies behind {:?}", last[identity.sender]);
                last[identity.sender] = now;
            }
        }
    }

    /// A group's progress is written now and then: after a kill it is one of the values it once had.
    fn check_progress(&mut self, client: &mut RawClient) {
        for queue in 0..QUEUES {
            let found = client.committed(GROUP, TOPIC, queue as i32).expect("an answer");
            // A group without progress is told to begin at 0 as long as the queue is young.
            let is_known = found.is_none_or(|offset| offset == 0 || self.committed[queue].contains(&offset));
            assert!(
                is_known,
                "progress of queue {queue} is {found:?}, committed were {:?}",
                self.committed[queue]
            );
            let end = self.queues[queue].len() as i64;
            client.commit(GROUP, TOPIC, queue as i32, end).expect("progress is accepted");
            self.committed[queue].push(end);
        }
    }

    /// The key index finds messages from before and after the last kill, each once.
    fn check_keys(&self, client: &mut RawClient, random: &mut fastrand::Rng) {
        for known in &self.queues {
            let newest = known.len() - 1;
            for place in [newest, random.usize(0..=newest)] {
                let (identity, physical_offset) = known[place];
                let what = format!("{identity:?} by its key");
                let found = eventually(&what, TIMEOUT, || {
                    let found = client.query(TOPIC, &identity.key()).expect("an answer");
                    (!found.is_empty()).then_some(found)
                });
                let offsets: Vec<i64> = found.iter().map(|message| message.physical_offset).collect();
                assert_eq!(offsets, [physical_offset], "{identity:?} by its key");
            }
        }
    }
}

fn read(client: &mut RawClient, queue: usize, first: usize) -> Vec<StoredMessage> {
    let mut messages = Vec::new();
    let mut offset = first as i64;
    let end = client.max_offset(TOPIC, queue as i32).expect("end of the queue");
    while offset < end {
        let found = client.pull(TOPIC, queue as i32, offset).expect("an answer");
        assert!(!found.is_empty(), "nothing at {offset} of queue {queue}, which ends at {end}");
        offset += found.len() as i64;
        messages.extend(found);
    }
    messages
}
