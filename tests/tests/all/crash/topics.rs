//! Topics that are made, filled and deleted again: what was answered last holds, and a queue has its own messages only.
//!
//! Messages of a deleted topic may come back after a crash, as long as nothing was stored since (decision 0003): they lie before
//! the first message of the topic that was made anew.

use std::collections::BTreeSet;

use tests::harness::remoting::RawClient;

use super::feature::{Depth, Feature, Round};
use super::identity::Identity;
use super::requests::{delete_topic, identify, read, topics};

const TOPICS: [&str; 3] = ["CrashGoes-0", "CrashGoes-1", "CrashGoes-2"];
const QUEUES: usize = 2;
/// Plus the number of the topic.
const SENDER: usize = 300;
const MESSAGES_MAX: usize = 20;

#[derive(Default)]
pub struct Topics {
    topics: [Topic; TOPICS.len()],
    deleted: usize,
    made: usize,
    number: usize,
}

#[derive(Default)]
struct Topic {
    existence: Existence,
    queues: [Queue; QUEUES],
    /// It was deleted since the broker started, so its queues begin at 0.
    is_fresh: bool,
    /// All messages ever sent to it.
    sent: BTreeSet<Identity>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
enum Existence {
    #[default]
    Gone,
    There,
    /// A request to make or delete it was not answered.
    Unsure,
}

#[derive(Default)]
struct Queue {
    /// Place of the first message since the topic was made.
    first: Option<i64>,
    /// Acknowledged since then.
    messages: Vec<Identity>,
}

impl Feature for Topics {
    fn prepare(&mut self, _client: &mut RawClient) {}

    fn load(&mut self, round: &Round<'_>, mut random: fastrand::Rng) {
        let mut client = round.connect();
        loop {
            let number = random.usize(0..TOPICS.len());
            let name = TOPICS[number];
            if self.topics[number].existence == Existence::There && random.bool() {
                self.topics[number].existence = Existence::Unsure;
                if let Err(error) = delete_topic(&mut client, name) {
                    return round.check_end(&format!("delete {name}"), &error);
                }
                let topic = &mut self.topics[number];
                (topic.existence, topic.is_fresh, topic.queues) = (Existence::Gone, true, Default::default());
                self.deleted += 1;
            } else if self.topics[number].existence != Existence::There {
                self.topics[number].existence = Existence::Unsure;
                if let Err(error) = client.create_topic(name, QUEUES as u32) {
                    return round.check_end(&format!("make {name}"), &error);
                }
                self.topics[number].existence = Existence::There;
                self.made += 1;
            }
            round.grant();
            if self.topics[number].existence == Existence::There
                && !self.fill(&mut client, number, round, &mut random)
            {
                return;
            }
        }
    }

    fn verify(&mut self, client: &mut RawClient, _depth: Depth) {
        let found = topics(client);
        for (topic, name) in self.topics.iter_mut().zip(TOPICS) {
            topic.is_fresh = false;
            let is_there = found.contains(name);
            match topic.existence {
                Existence::There => assert!(is_there, "{name} was made and is gone"),
                Existence::Gone => assert!(!is_there, "{name} was deleted and is there"),
                // Its deletion went through: so did what was before it.
                Existence::Unsure if !is_there => topic.queues = Default::default(),
                Existence::Unsure => {}
            }
            topic.existence = if is_there { Existence::There } else { Existence::Gone };
            if is_there {
                topic.verify_queues(client, name);
            }
        }
    }

    fn account(&self) -> String {
        format!("{} topics made, {} deleted", self.made, self.deleted)
    }
}

impl Topics {
    /// False when the broker is gone.
    fn fill(
        &mut self,
        client: &mut RawClient,
        number: usize,
        round: &Round<'_>,
        random: &mut fastrand::Rng,
    ) -> bool {
        let topic = &mut self.topics[number];
        for _ in 0..random.usize(0..MESSAGES_MAX) {
            self.number += 1;
            let sender = SENDER + number;
            let message =
                Identity { round: round.number, sender, number: self.number, size: random.usize(1..1000) };
            topic.sent.insert(message);
            let queue = random.usize(0..QUEUES);
            match client.send(TOPICS[number], queue as i32, &message.properties(), &message.body()) {
                Ok(sent) => topic.note(queue, message, sent.queue_offset),
                Err(error) => {
                    round.check_end(&format!("send {message:?}"), &error);
                    return false;
                }
            }
            round.grant();
        }
        true
    }
}

impl Topic {
    fn note(&mut self, queue: usize, message: Identity, place: i64) {
        let Queue { first, messages } = &mut self.queues[queue];
        let is_first = first.is_none();
        let first = *first.get_or_insert(place);
        assert!(!(is_first && self.is_fresh && first != 0), "a topic made anew begins at {first}");
        assert_eq!(place, first + messages.len() as i64, "place of {message:?}");
        messages.push(message);
    }

    fn verify_queues(&mut self, client: &mut RawClient, name: &str) {
        for (number, queue) in self.queues.iter_mut().enumerate() {
            // The beginning of what came back may lie before the part of the log that recovery reads again.
            let min = client.min_offset(name, number as i32).expect("start of the queue") as usize;
            let found: Vec<_> = read(client, name, number as i32, min)
                .iter()
                .map(|message| identify(message, name, number as i32))
                .collect();
            let foreign = found.iter().find(|message| !self.sent.contains(message));
            assert_eq!(foreign, None, "never sent to {name}/{number}");
            let distinct: BTreeSet<_> = found.iter().collect();
            assert_eq!(distinct.len(), found.len(), "{name}/{number} has a message twice");
            let first = queue.first.map_or(found.len(), |first| (first as usize).saturating_sub(min));
            let since = found.get(first..).unwrap_or_default();
            let acknowledged = &queue.messages;
            assert!(
                since.starts_with(acknowledged),
                "{name}/{number}: {since:?} instead of {acknowledged:?}"
            );
            // At most the one that was on its way.
            let more = since.len() - acknowledged.len();
            assert!(more <= 1, "{name}/{number}: {more} messages nobody was told of");
            *queue = Queue { first: queue.first, messages: since.to_vec() };
        }
    }
}
