//! One store that goes from our broker to Java's and back, round after round, by clean stops and by kills, with everything in it that a
//! store can hold. Whoever has it must show what both have written: messages in their order, batches, keys, filters with their bit
//! maps, light queues, delays, half messages, messages given back, progress of groups.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tests::harness::remoting::{RawClient, eventually};
use tests::harness::stored_message::StoredMessage;
use tests::harness::{Broker, BrokerOptions, Cluster, Flavor};

use super::crash::identity::Identity;
use super::crash::requests::{physical_offset, send_back, send_batch};
use super::transactions::{COMMIT, Half, ROLLBACK, end_as};

const TIMEOUT: Duration = Duration::from_secs(40);
/// Two of each broker; each of its two ends once.
const ROUNDS: usize = 4;

const QUEUES: i32 = 2;
const PLAIN: &str = "Swapped";
const BATCHED: &str = "SwappedBatches";
const LATER: &str = "SwappedLater";
const ORDERS: &str = "SwappedOrders";
const FANNED: &str = "SwappedFanned";
const TOPICS: [&str; 5] = [PLAIN, BATCHED, LATER, ORDERS, FANNED];
const LIGHT: &str = "%LMQ%swapped";
const GROUP: &str = "swapped-group";
const RETRY: &str = "%RETRY%swapped-group";
/// What is told of each level of "1s 5s 10s …" that is used.
const LEVELS: [(i32, i64); 2] = [(1, 1_000), (3, 10_000)];

const PROPERTIES: [(&str, &str); 8] = [
    ("transactionTimeOut", "3600000"),
    ("enableLmq", "true"),
    ("enableMultiDispatch", "true"),
    ("enableConsumeQueueExt", "true"),
    ("enableCalcFilterBitMap", "true"),
    // Java loses keys in a crash without it.
    ("messageIndexSafe", "true"),
    ("flushConsumerOffsetInterval", "1000"),
    ("flushDelayOffsetInterval", "1000"),
];

#[test]
fn a_store_is_handed_over_again_and_again() {
    let rounds = std::env::var("TEST_SWAP_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let ours = Flavor::under_test();
    let mut cluster = Cluster::start_with("store-swaps", &PROPERTIES);
    let options = cluster.broker.options().clone();
    cluster.broker.stop();
    let mut ledger = Ledger::default();
    for round in 0..rounds {
        let flavor = if round % 2 == 0 { ours } else { Flavor::Java };
        let mut broker = Broker::start(BrokerOptions { flavor, ..options.clone() });
        let mut client = RawClient::connect(&broker.address(), TIMEOUT).unwrap();
        eprintln!("round {round}: {flavor:?} has the store");
        if round == 0 {
            TOPICS.iter().for_each(|topic| client.create_topic(topic, QUEUES as u32).unwrap());
        }
        ledger.check(&mut client);
        ledger.add(&mut client, round);
        ledger.check(&mut client);
        if round / 2 % 2 == 0 {
            broker.stop();
        } else {
            broker.kill9();
            ledger.progress_may_be_lost = true;
        }
    }
    let mut broker = Broker::start(BrokerOptions { flavor: ours, ..options });
    let mut client = RawClient::connect(&broker.address(), TIMEOUT).unwrap();
    ledger.check(&mut client);
    ledger.finish(&mut client);
    broker.stop();
}

struct Delayed {
    body: String,
    due_ms: i64,
}

/// Everything that brokers have acknowledged.
#[derive(Default)]
struct Ledger {
    /// Queue of [`PLAIN`] → bodies, keys being the bodies.
    plain: BTreeMap<i32, Vec<String>>,
    batched: Vec<Identity>,
    delayed: Vec<Delayed>,
    open: Vec<(String, Half)>,
    committed: BTreeSet<String>,
    fanned: Vec<String>,
    given_back: BTreeSet<String>,
    /// Every progress that was ever committed, the newest last.
    progress: Vec<i64>,
    progress_may_be_lost: bool,
}

impl Ledger {
    fn add(&mut self, client: &mut RawClient, round: usize) {
        for number in 0..40 {
            let (queue_id, body) = (number % QUEUES, format!("plain-{round}-{number}"));
            let properties = format!("KEYS\u{1}{body}\u{2}TAGS\u{1}t{}\u{2}n\u{1}{number}", number % 3);
            let sent = client.send(PLAIN, queue_id, &properties, body.as_bytes()).unwrap();
            let known = self.plain.entry(queue_id).or_default();
            assert_eq!(sent.queue_offset, known.len() as i64, "place of {body}");
            known.push(body.clone());
            if number == 7 {
                send_back(client, GROUP, PLAIN, &sent.message_id, 1).unwrap();
                self.given_back.insert(body);
            }
        }
        let size = |number: usize| 100 + 700 * number;
        let batch: Vec<_> =
            (0..6).map(|number| Identity { round, sender: 0, number, size: size(number) }).collect();
        let place = send_batch(client, BATCHED, 0, &batch).unwrap();
        assert_eq!(place, self.batched.len() as i64, "place of a batch");
        self.batched.extend(batch);
        for (level, delay_ms) in LEVELS {
            let body = format!("delayed-{round}-{level}");
            let due_ms = now_ms() + delay_ms;
            client.send(LATER, 0, &format!("DELAY\u{1}{level}"), body.as_bytes()).unwrap();
            self.delayed.push(Delayed { body, due_ms });
        }
        for number in 0..3 {
            let body = format!("fanned-{round}-{number}");
            client.send(FANNED, 1, &format!("INNER_MULTI_DISPATCH\u{1}{LIGHT}"), body.as_bytes()).unwrap();
            self.fanned.push(body);
        }
        self.transactions(client, round);
        // Only what everybody has seen, so that nothing depends on what a kill takes back.
        let progress = 10 * (round as i64 + 1);
        client.commit(GROUP, PLAIN, 0, progress).unwrap();
        self.progress.push(progress);
        self.progress_may_be_lost = false;
    }

    /// Ends one open half message of each round before, and leaves some for the rounds to come.
    fn transactions(&mut self, client: &mut RawClient, round: usize) {
        for number in 0..6 {
            let body = format!("order-{round}-{number}");
            let properties = format!("TRAN_MSG\u{1}true\u{2}PGROUP\u{1}{GROUP}\u{2}UNIQ_KEY\u{1}{body}\u{2}");
            let sent = client.send(ORDERS, 0, &properties, body.as_bytes()).unwrap();
            let half =
                Half { physical_offset: physical_offset(&sent.message_id), queue_offset: sent.queue_offset };
            self.open.push((body, half));
        }
        for decision in [COMMIT, ROLLBACK, COMMIT] {
            let (body, half) = self.open.remove(0);
            self.end(client, &body, half, decision);
        }
    }

    fn end(&mut self, client: &mut RawClient, body: &str, half: Half, decision: &str) {
        let answer = end_as(client, GROUP, half, decision);
        assert_eq!(answer.code, 0, "{body}: {answer:?}");
        if decision == COMMIT {
            self.committed.insert(body.to_owned());
        }
    }

    fn check(&mut self, client: &mut RawClient) {
        for (queue_id, expected) in &self.plain {
            wait_for_end(client, PLAIN, *queue_id, expected.len());
            let found = client.pull_queue(PLAIN, *queue_id).unwrap();
            assert_eq!(bodies(&found), *expected, "queue {queue_id}");
        }
        wait_for_end(client, BATCHED, 0, self.batched.len());
        let found = client.pull_queue(BATCHED, 0).unwrap();
        assert!(
            found.iter().map(|message| &message.body).eq(self
                .batched
                .iter()
                .map(|one| one.body())
                .collect::<Vec<_>>()
                .iter()),
            "bodies of batches"
        );
        for (topic, queue_id) in [(FANNED, 1), (LIGHT, 0)] {
            wait_for_end(client, topic, queue_id, self.fanned.len());
            assert_eq!(bodies(&client.pull_queue(topic, queue_id).unwrap()), self.fanned, "{topic}");
        }
        self.check_keys(client);
        self.check_filter(client);
        self.check_delays(client);
        self.check_orders(client);
        self.check_given_back(client);
        self.check_progress(client);
    }

    fn check_keys(&self, client: &mut RawClient) {
        let keys = self.plain.values().flatten().step_by(9).cloned();
        let batched = self.batched.iter().step_by(5).map(|one| one.key());
        let all = keys.map(|key| (PLAIN, key)).chain(batched.map(|key| (BATCHED, key)));
        for (topic, key) in all {
            let found = eventually(&key, TIMEOUT, || {
                let found = client.query(topic, &key).unwrap();
                (!found.is_empty()).then_some(found)
            });
            // Java enters the keys of the last record twice when it recovers.
            let places: BTreeSet<i64> = found.iter().map(|message| message.physical_offset).collect();
            assert_eq!(places.len(), 1, "{key}");
            assert_eq!(found[0].property("KEYS"), Some(key.as_str()));
        }
    }

    /// Units with bit maps, written by either, are read by either.
    fn check_filter(&self, client: &mut RawClient) {
        let Some(queue) = self.plain.get(&0) else { return };
        let (code, found) = client.pull_by_sql(PLAIN, "n > 30 AND TAGS = 't2'").unwrap();
        let wanted = |body: &&String| {
            let number: i32 = body.rsplit('-').next().unwrap().parse().unwrap();
            number > 30 && number % 3 == 2
        };
        let expected: Vec<_> = queue.iter().filter(wanted).take(found.len()).cloned().collect();
        assert_eq!((code, bodies(&found)), (0, expected));
        assert!(!found.is_empty());
    }

    /// Each at least once, and none before it is due.
    fn check_delays(&self, client: &mut RawClient) {
        let is_due = |one: &&Delayed| one.due_ms <= now_ms();
        let due: BTreeSet<&str> = self.delayed.iter().filter(is_due).map(|one| one.body.as_str()).collect();
        eventually("what is due", TIMEOUT, || {
            let found = client.pull_queue(LATER, 0).unwrap();
            for message in &found {
                let body = String::from_utf8_lossy(&message.body);
                let known = self.delayed.iter().find(|one| one.body == body);
                let known = known.unwrap_or_else(|| panic!("{body} was not delayed"));
                // The broker counts from when it stored the message: a moment after it was sent.
                assert!(message.store_timestamp_ms >= known.due_ms, "{body} came early");
            }
            let found = bodies(&found);
            due.iter().all(|body| found.iter().any(|one| one == body)).then_some(())
        });
    }

    fn check_orders(&self, client: &mut RawClient) {
        eventually("everything committed", TIMEOUT, || {
            let found: BTreeSet<String> =
                bodies(&client.pull_queue(ORDERS, 0).unwrap()).into_iter().collect();
            let foreign: Vec<_> = found.difference(&self.committed).collect();
            assert!(foreign.is_empty(), "not committed: {foreign:?}");
            (found == self.committed).then_some(())
        });
    }

    fn check_given_back(&self, client: &mut RawClient) {
        if self.given_back.is_empty() {
            return;
        }
        eventually("what was given back", TIMEOUT, || {
            let found = client.pull_queue(RETRY, 0).unwrap();
            assert!(found.iter().all(|message| message.reconsume_times == 1));
            let found: BTreeSet<String> = bodies(&found).into_iter().collect();
            (found == self.given_back).then_some(())
        });
    }

    fn check_progress(&self, client: &mut RawClient) {
        let Some(last) = self.progress.last() else { return };
        let found = client.committed(GROUP, PLAIN, 0).unwrap();
        if self.progress_may_be_lost {
            // A kill takes back what was not saved yet.
            assert!(found.is_none_or(|found| self.progress.contains(&found)), "{found:?}");
        } else {
            assert_eq!(found, Some(*last));
        }
    }

    /// What was left open is ended, and what was delayed comes.
    fn finish(&mut self, client: &mut RawClient) {
        for (body, half) in std::mem::take(&mut self.open) {
            self.end(client, &body, half, COMMIT);
        }
        self.check_orders(client);
        let last = self.delayed.iter().map(|one| one.due_ms).max().unwrap_or(0);
        eventually("the last delay is over", TIMEOUT, || (now_ms() >= last).then_some(()));
        self.check_delays(client);
    }
}

fn wait_for_end(client: &mut RawClient, topic: &str, queue_id: i32, count: usize) {
    eventually("all messages are in their queue", TIMEOUT, || {
        (client.max_offset(topic, queue_id).unwrap() >= count as i64).then_some(())
    });
}

fn bodies(messages: &[StoredMessage]) -> Vec<String> {
    messages.iter().map(|message| String::from_utf8_lossy(&message.body).into_owned()).collect()
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}
