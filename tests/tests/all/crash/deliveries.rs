//! Messages that come later: each at least once, unchanged, and not before its time.

use std::collections::BTreeMap;

use tests::harness::remoting::{RawClient, eventually};
use tests::harness::stored_message::StoredMessage;

use super::feature::{Depth, TIMEOUT};
use super::identity::Identity;
use super::requests::{identify, read};

/// A place that was read stays as it is; so many are looked at again.
const LOOK_BACK: usize = 100;

/// When a message may come, in milliseconds since 1970.
type NotBefore = i64;

/// What is to come into one queue, and what came.
#[derive(Default)]
pub struct Deliveries {
    /// Acknowledged, and not seen yet.
    awaited: BTreeMap<Identity, NotBefore>,
    /// On its way when the broker was killed.
    unsure: BTreeMap<Identity, NotBefore>,
    /// Seen. A crash repeats deliveries.
    delivered: BTreeMap<Identity, NotBefore>,
    /// By place.
    seen: Vec<Identity>,
}

impl Deliveries {
    pub fn acknowledged(&mut self, message: Identity, not_before: NotBefore) {
        self.awaited.insert(message, not_before);
    }

    pub fn unsure(&mut self, message: Identity, not_before: NotBefore) {
        self.unsure.insert(message, not_before);
    }

    pub fn account(&self, what: &str) -> String {
        format!("{} {what}, delivered {} times", self.delivered.len() + self.awaited.len(), self.seen.len())
    }

    /// Reads what came. `check` looks at what is particular to each.
    pub fn verify(
        &mut self,
        client: &mut RawClient,
        (topic, queue_id): (&str, i32),
        depth: Depth,
        check: impl Fn(&StoredMessage, Identity),
    ) {
        let first = if depth == Depth::Everything { 0 } else { self.seen.len().saturating_sub(LOOK_BACK) };
        self.read(client, (topic, queue_id), first, &check);
        if depth == Depth::Everything {
            eventually(&format!("every message of {topic}"), TIMEOUT, || {
                self.read(client, (topic, queue_id), self.seen.len(), &check);
                self.awaited.is_empty().then_some(())
            });
        }
    }

    fn read(
        &mut self,
        client: &mut RawClient,
        (topic, queue_id): (&str, i32),
        first: usize,
        check: &impl Fn(&StoredMessage, Identity),
    ) {
        for message in read(client, topic, queue_id, first) {
            let identity = identify(&message, topic, queue_id);
            check(&message, identity);
            match self.seen.get(message.queue_offset as usize) {
                Some(seen) => assert_eq!(*seen, identity, "place {} changed", message.queue_offset),
                None => self.note(identity, message.store_timestamp_ms),
            }
        }
        let end = client.max_offset(topic, queue_id).expect("end of the queue") as usize;
        assert!(end >= self.seen.len(), "{topic} ends at {end}, and had {} messages", self.seen.len());
    }

    fn note(&mut self, identity: Identity, stored_at_ms: i64) {
        let first_time = self.awaited.remove(&identity).or_else(|| self.unsure.remove(&identity));
        if let Some(not_before) = first_time {
            self.delivered.insert(identity, not_before);
        }
        let not_before = self.delivered.get(&identity);
        let not_before = not_before.unwrap_or_else(|| panic!("{identity:?} was never sent"));
        assert!(stored_at_ms >= *not_before, "{identity:?}: {} ms early", not_before - stored_at_ms);
        self.seen.push(identity);
    }
}

/// The wall clock, which the broker of this machine shares.
pub fn now_ms() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().expect("a time after 1970");
    i64::try_from(since.as_millis()).expect("a time of this age")
}
