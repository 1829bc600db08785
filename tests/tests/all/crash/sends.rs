//! Plain messages and batches: none is lost, none moves, each queue keeps the order of its senders, and keys find them.

use std::collections::{BTreeMap, VecDeque};
use std::thread;
use std::time::Instant;

use tests::harness::remoting::{RawClient, eventually};
use tests::harness::stored_message::StoredMessage;

use super::LOG_FILE_BYTES;
use super::feature::{Depth, Feature, Round, TIMEOUT};
use super::identity::Identity;
use super::requests::{identify, physical_offset, read, send_batch};

/// Topic and queue id.
const QUEUES: [(&str, i32); 4] =
    [("CrashPlain", 0), ("CrashPlain", 1), ("CrashPlain", 2), ("CrashOtherPlain", 0)];
/// Two to a queue: they compete for its places.
const SENDERS: usize = 8;
const LOOK_BACK: usize = 300;
const BATCH_MAX: usize = 12;
/// What a record has besides its body, about.
const RECORD_BYTES: i64 = 150;

/// What must be in the store.
#[derive(Default)]
pub struct Sends {
    queues: [Queue; QUEUES.len()],
    /// Perhaps stored, each whole or not at all; found at any later look, in order.
    in_flight: Vec<Vec<Identity>>,
    acknowledged: usize,
    random: fastrand::Rng,
}

#[derive(Default)]
struct Queue {
    /// The messages found, and where they lie in the log; the index is the place.
    known: Vec<(Identity, i64)>,
    /// Acknowledged since the last look, by place.
    awaited: BTreeMap<usize, Identity>,
    /// The rest of a batch that was on its way and whose first messages were found.
    rest: VecDeque<Identity>,
}

/// What one connection knows after a round.
struct Outcome {
    /// Place and identity of every acknowledged message, in the order sent.
    acknowledged: Vec<(i64, Identity)>,
    /// What was on its way when the broker was killed: stored or not, nobody knows.
    in_flight: Vec<Identity>,
}

impl Feature for Sends {
    fn prepare(&mut self, client: &mut RawClient) {
        for (topic, queue) in QUEUES {
            client.create_topic(topic, queue as u32 + 1).expect("the topic is made");
        }
    }

    fn load(&mut self, round: &Round<'_>, mut random: fastrand::Rng) {
        let outcomes: Vec<Outcome> = thread::scope(|scope| {
            let senders: Vec<_> = (0..SENDERS)
                .map(|sender| {
                    let random = random.fork();
                    scope.spawn(move || send_until_killed(round, sender, random))
                })
                .collect();
            senders.into_iter().map(|sender| sender.join().expect("a sender panicked")).collect()
        });
        self.random = random;
        outcomes.into_iter().for_each(|outcome| self.note(outcome));
    }

    fn verify(&mut self, client: &mut RawClient, depth: Depth) {
        let look_back = if depth == Depth::Everything { usize::MAX } else { LOOK_BACK };
        for queue in 0..QUEUES.len() {
            self.verify_queue(client, queue, look_back);
        }
        self.verify_order();
        self.verify_keys(client);
    }

    fn account(&self) -> String {
        let stored: usize = self.queues.iter().map(|queue| queue.known.len()).sum();
        format!("{stored} messages, {} acknowledged", self.acknowledged)
    }
}

fn send_until_killed(round: &Round<'_>, sender: usize, mut random: fastrand::Rng) -> Outcome {
    let (topic, queue) = QUEUES[sender % QUEUES.len()];
    let mut client = round.connect();
    let mut acknowledged = Vec::new();
    let mut log_end = 0;
    let mut number = 0;
    loop {
        let count = if random.u8(..) < 16 { random.usize(1..=BATCH_MAX) } else { 1 };
        let mut size = || if count == 1 { size(log_end, &mut random) } else { random.usize(1..1500) };
        let identities: Vec<_> = (number..number + count)
            .map(|number| Identity { round: round.number, sender, number, size: size() })
            .collect();
        number += count;
        let sent = if let [one] = identities[..] {
            client.send(topic, queue, &one.properties(), &one.body()).map(|sent| {
                log_end = physical_offset(&sent.message_id) + one.size as i64 + RECORD_BYTES;
                sent.queue_offset
            })
        } else {
            send_batch(&mut client, topic, queue, &identities)
        };
        match sent {
            Ok(first) => {
                acknowledged.extend((first..).zip(identities));
                round.grant();
            }
            Err(error) => {
                round.check_end(&format!("send {identities:?}"), &error);
                return Outcome { acknowledged, in_flight: identities };
            }
        }
    }
}

/// Mostly small; some large; and near the end of a file of the log one that just fits, or just not.
fn size(log_end: i64, random: &mut fastrand::Rng) -> usize {
    let left = LOG_FILE_BYTES - log_end % LOG_FILE_BYTES - RECORD_BYTES - 8;
    if (20..30_000).contains(&left) && random.bool() {
        return left as usize - 20 + random.usize(0..40);
    }
    if random.u8(..) == 0 { 20_000 } else { random.usize(1..1500) }
}

fn queue_of(identity: Identity) -> usize {
    identity.sender % QUEUES.len()
}

impl Sends {
    fn note(&mut self, outcome: Outcome) {
        self.acknowledged += outcome.acknowledged.len();
        self.in_flight.push(outcome.in_flight);
        for (offset, identity) in outcome.acknowledged {
            let queue = &mut self.queues[queue_of(identity)];
            let place = usize::try_from(offset).expect("an offset is not negative");
            let held = queue.known.get(place);
            assert!(held.is_none(), "{identity:?} got place {place}, which held {held:?} before the kill");
            let other = queue.awaited.insert(place, identity);
            assert_eq!(other, None, "{identity:?} got the same place {place}");
        }
    }

    /// Reads a queue, from `look_back` places before what is known, and compares.
    fn verify_queue(&mut self, client: &mut RawClient, number: usize, look_back: usize) {
        self.queues[number].await_dispatch(client, QUEUES[number]);
        let (topic, queue_id) = QUEUES[number];
        let first = self.queues[number].known.len().saturating_sub(look_back);
        for message in read(client, topic, queue_id, first) {
            self.verify_message(number, &message);
        }
        let queue = &mut self.queues[number];
        let end = queue.known.len();
        let lost: Vec<_> = queue.awaited.range(end..).collect();
        assert!(lost.is_empty(), "acknowledged and lost, {topic}/{queue_id} ends at {end}: {lost:?}");
        assert!(queue.rest.is_empty(), "part of a batch, without {:?}", queue.rest);
        queue.awaited.clear();
    }

    fn verify_message(&mut self, number: usize, message: &StoredMessage) {
        let (topic, queue_id) = QUEUES[number];
        let identity = identify(message, topic, queue_id);
        assert_eq!(queue_of(identity), number, "{identity:?} is in another queue");
        let place = message.queue_offset as usize;
        let found = (identity, message.physical_offset);
        let queue = &mut self.queues[number];
        if let Some(known) = queue.known.get(place) {
            assert_eq!(*known, found, "place {place} of {topic}/{queue_id} changed");
            return;
        }
        if let Some((before, physical_offset)) = queue.known.last() {
            let follows = *physical_offset < message.physical_offset;
            assert!(follows, "{identity:?} lies before {before:?} in the log");
        }
        if let Some(next) = queue.rest.pop_front() {
            assert_eq!(next, identity, "place {place} of {topic}/{queue_id}: a batch is torn");
        } else if let Some(acknowledged) = queue.awaited.remove(&place) {
            assert_eq!(acknowledged, identity, "place {place} of {topic}/{queue_id}");
        } else {
            let sent = self.in_flight.iter().position(|sent| sent.first() == Some(&identity));
            let sent = sent.unwrap_or_else(|| {
                panic!("{identity:?} at {place} was acknowledged elsewhere, or twice, or is half a batch")
            });
            queue.rest.extend(self.in_flight.swap_remove(sent).into_iter().skip(1));
        }
        queue.known.push(found);
    }

    /// In each queue the messages of one sender lie in the order sent.
    fn verify_order(&self) {
        for queue in &self.queues {
            let mut last: [Option<(usize, usize)>; SENDERS] = [None; SENDERS];
            for (identity, _) in &queue.known {
                let now = Some((identity.round, identity.number));
                assert!(last[identity.sender] < now, "{identity:?} lies behind {:?}", last[identity.sender]);
                last[identity.sender] = now;
            }
        }
    }

    /// The key index finds messages from before and after the last kill, each once.
    fn verify_keys(&mut self, client: &mut RawClient) {
        for (queue, (topic, _)) in self.queues.iter().zip(QUEUES) {
            let Some(newest) = queue.known.len().checked_sub(1) else { continue };
            for place in [newest, self.random.usize(0..=newest)] {
                let (identity, physical_offset) = queue.known[place];
                let what = format!("{identity:?} by its key");
                let found = eventually(&what, TIMEOUT, || {
                    let mut found = client.query(topic, &identity.key()).expect("an answer");
                    // Keys are compared by hash: a client looks at them itself.
                    found.retain(|message| message.property("KEYS") == Some(&*identity.key()));
                    (!found.is_empty()).then_some(found)
                });
                let offsets: Vec<i64> = found.iter().map(|message| message.physical_offset).collect();
                assert_eq!(offsets, [physical_offset], "{what}");
            }
        }
    }
}

impl Queue {
    /// A broker may serve reads before it has built the queues up to the end of its log; give it the time.
    fn await_dispatch(&self, client: &mut RawClient, (topic, queue_id): (&str, i32)) {
        let last = self.awaited.last_key_value().map(|(place, _)| place + 1);
        let known = self.known.len().max(last.unwrap_or(0)) as i64;
        let deadline = Instant::now() + TIMEOUT / 4;
        while client.max_offset(topic, queue_id).expect("end of the queue") < known
            && Instant::now() < deadline
        {
            thread::sleep(TIMEOUT / 2000);
        }
    }
}
