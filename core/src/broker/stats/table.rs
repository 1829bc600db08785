//! Counters by name, found without allocation.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, Equivalent, HashMap};
use parking_lot::RwLock;

use super::series::Counter;
use crate::store::Amount;

/// Readers of one shard share its lock's cache line; several topics spread over several.
const SHARDS: usize = 16;
/// Stands for "not by queue".
const NO_QUEUE: i32 = i32::MIN;

/// What something is counted by. The parts that do not matter are empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key<'a> {
    pub topic: &'a str,
    pub group: &'a str,
    pub queue_id: i32,
}

impl<'a> Key<'a> {
    pub(super) fn of_topic(topic: &'a str) -> Self {
        Self { topic, group: "", queue_id: NO_QUEUE }
    }

    pub(super) fn of_group(topic: &'a str, group: &'a str) -> Self {
        Self { group, ..Self::of_topic(topic) }
    }

    // The texts of code 315. Names may contain the separator, so the text is compared, not taken apart.

    pub(super) fn is_topic_group(&self, text: &str) -> bool {
        rest(text, self.topic).is_some_and(|text| text == self.group)
    }

    pub(super) fn is_topic_queue(&self, text: &str) -> bool {
        rest(text, self.topic).is_some_and(|text| self.is_queue(text))
    }

    pub(super) fn is_topic_queue_group(&self, text: &str) -> bool {
        let parts = rest(text, self.topic).and_then(|text| text.split_once('@'));
        parts.is_some_and(|(queue, group)| self.is_queue(queue) && group == self.group)
    }

    pub(super) fn is_queue_topic_group(&self, text: &str) -> bool {
        let parts = text.split_once('@');
        parts.is_some_and(|(queue, text)| self.is_queue(queue) && self.is_topic_group(text))
    }

    fn is_queue(&self, text: &str) -> bool {
        text.parse() == Ok(self.queue_id)
    }
}

/// What follows `name@`.
fn rest<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix(name)?.strip_prefix('@')
}

/// A key that the table keeps. Hashes as [`Key`] does.
#[derive(Debug)]
struct OwnedKey {
    topic: Box<str>,
    group: Box<str>,
    queue_id: i32,
}

impl OwnedKey {
    fn borrow(&self) -> Key<'_> {
        Key { topic: &self.topic, group: &self.group, queue_id: self.queue_id }
    }
}

impl From<Key<'_>> for OwnedKey {
    fn from(key: Key<'_>) -> Self {
        Self { topic: key.topic.into(), group: key.group.into(), queue_id: key.queue_id }
    }
}

impl PartialEq for OwnedKey {
    fn eq(&self, other: &Self) -> bool {
        self.borrow() == other.borrow()
    }
}

impl Eq for OwnedKey {}

impl Hash for OwnedKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.borrow().hash(state);
    }
}

impl Equivalent<OwnedKey> for Key<'_> {
    fn equivalent(&self, key: &OwnedKey) -> bool {
        *self == key.borrow()
    }
}

/// Number and size, which are counted together. Where only one thing is counted, it is the number.
#[derive(Debug, Default)]
pub(super) struct Pair {
    pub nums: Counter,
    pub size: Counter,
}

impl Pair {
    pub(super) fn add(&self, amount: Amount) {
        self.nums.add(amount.messages);
        self.size.add(amount.bytes);
    }
}

type Shard = RwLock<HashMap<OwnedKey, Arc<Pair>, DefaultHashBuilder>>;

#[derive(Debug)]
#[doc(alias = "StatsItemSet")]
pub(super) struct Table {
    hasher: DefaultHashBuilder,
    shards: [Shard; SHARDS],
}

impl Table {
    pub(super) fn new() -> Self {
        let hasher = DefaultHashBuilder::default();
        let shards = std::array::from_fn(|_| RwLock::new(HashMap::with_hasher(hasher.clone())));
        Self { hasher, shards }
    }

    fn shard(&self, key: Key<'_>) -> Option<&Shard> {
        // The map uses the other bits of the hash.
        let index = (self.hasher.hash_one(key) >> 40) as usize % SHARDS;
        self.shards.get(index)
    }

    /// Counts under `key`, which is made if there is none.
    pub(super) fn with(&self, key: Key<'_>, count: impl FnOnce(&Pair)) {
        let Some(shard) = self.shard(key) else { return };
        if let Some(pair) = shard.read().get(&key) {
            return count(pair);
        }
        let pair = shard.write().entry(key.into()).or_default().clone();
        count(&pair);
    }

    pub(super) fn find(&self, key: Key<'_>) -> Option<Arc<Pair>> {
        self.shard(key)?.read().get(&key).cloned()
    }

    /// The counters whose key `is_wanted`. Looks at all keys.
    pub(super) fn find_text(&self, is_wanted: impl Fn(Key<'_>) -> bool) -> Option<Arc<Pair>> {
        self.shards.iter().find_map(|shard| {
            let shard = shard.read();
            shard.iter().find(|(key, _)| is_wanted(key.borrow())).map(|(_, pair)| pair.clone())
        })
    }

    pub(super) fn remove(&self, is_unwanted: impl Fn(Key<'_>) -> bool) {
        self.shards.iter().for_each(|shard| shard.write().retain(|key, _| !is_unwanted(key.borrow())));
    }

    /// Calls `each` without holding a lock that a count waits for.
    pub(super) fn for_each(&self, each: impl Fn(&Pair)) {
        for shard in &self.shards {
            let pairs: Vec<Arc<Pair>> = shard.read().values().cloned().collect();
            pairs.iter().for_each(|pair| each(pair));
        }
    }
}
