//! How far each consumer group has come (broker-behaviour §7).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use crate::broker::TextMap;
use crate::broker::persist::TableFile;
use crate::config::LiveConfig;
use crate::error::Result;
use crate::format::disk::tables::{ConsumerOffsetTable, offset_key};
use crate::format::names::{self, file};
use crate::format::wire::fastjson;
use crate::mmap::disk::Disk;
use crate::runtime::timers::Timers;

/// When offsets are written down first.
const FIRST_PERSIST: Duration = Duration::from_secs(10);

/// The only queue of a light group.
const LIGHT_QUEUE_ID: i32 = 0;

/// Queue id → offset.
pub type QueueOffsets = BTreeMap<i32, i64>;

/// Topic → offsets, of one group.
type GroupOffsets = TextMap<Arc<Mutex<TopicOffsets>>>;

/// The offsets that one group has of one topic.
#[derive(Debug, Default)]
struct TopicOffsets {
    queues: QueueOffsets,
    /// Number of the last [`ConsumerOffsets::set`] of each queue that was set.
    sets: BTreeMap<i32, u64>,
}

impl From<QueueOffsets> for TopicOffsets {
    fn from(queues: QueueOffsets) -> Self {
        Self { queues, sets: BTreeMap::new() }
    }
}

impl TopicOffsets {
    fn place(&self, queue_id: i32) -> Place {
        let set = self.sets.get(&queue_id).copied().unwrap_or(0);
        Place { offset: self.queues.get(&queue_id).copied(), set }
    }
}

/// Where a group is in a queue. Another value than before says that somebody committed, or set it: also to where it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The next message to consume; `None` when the group never said so.
    pub offset: Option<i64>,
    set: u64,
}

/// The offsets that groups have committed, in memory; [`ConsumerOffsets::persist`] writes them down.
///
/// Neither topics nor groups nor values are checked: a group that never connected may commit, and may go back.
#[doc(alias = "ConsumerOffsetManager")]
pub struct ConsumerOffsets {
    groups: RwLock<TextMap<GroupOffsets>>,
    /// Calls of [`ConsumerOffsets::set`].
    sets: AtomicU64,
    /// Something was committed since the last [`ConsumerOffsets::persist`].
    is_dirty: AtomicBool,
    /// `enableLmq`: a group whose name is a light queue's has one offset per topic, in a table of its own.
    light_groups: bool,
    file: TableFile,
}

impl std::fmt::Debug for ConsumerOffsets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsumerOffsets").field("groups", &self.groups.read().len()).finish_non_exhaustive()
    }
}

/// Topic and group as they are told apart: by the joined text `topic@group`, split at its first separator. Only names that are
/// no legal topics are moved by it.
fn canonical<'a>(topic: &'a str, group: &'a str) -> (Cow<'a, str>, Cow<'a, str>) {
    match topic.split_once('@') {
        None => (Cow::Borrowed(topic), Cow::Borrowed(group)),
        Some((topic, rest)) => (Cow::Borrowed(topic), Cow::Owned(offset_key(rest, group))),
    }
}

impl ConsumerOffsets {
    /// What `config/consumerOffset.json` says; with light queues, `config/lmqConsumerOffset.json`. That one missing, the first is read,
    /// so that no group loses its place when they are switched on. In Java every group does.
    pub fn open(disk: Disk, config: &LiveConfig) -> Result<Self> {
        let current = config.load();
        let folder = current.store.store_path_root_dir.join(file::CONFIG);
        let light_groups = current.store.enable_lmq;
        let plain = TableFile::new(disk.clone(), folder.join(file::CONSUMER_OFFSETS));
        let (file, stored) = if light_groups {
            let file = TableFile::new(disk, folder.join(file::LMQ_CONSUMER_OFFSETS));
            let stored = file.load::<ConsumerOffsetTable>()?;
            (file, stored.map_or_else(|| plain.load(), |stored| Ok(Some(stored)))?)
        } else {
            let stored = plain.load()?;
            (plain, stored)
        };
        let stored: ConsumerOffsetTable = stored.unwrap_or_default();
        let light = stored.lmq_offset_table.unwrap_or_default().into_iter();
        let light = light.map(|(key, offset)| (key, QueueOffsets::from([(LIGHT_QUEUE_ID, offset)])));
        let mut groups: TextMap<GroupOffsets> = TextMap::default();
        for (key, offsets) in stored.offset_table.into_iter().chain(light) {
            let (topic, group) = key.split_once('@').unwrap_or((&key, ""));
            let topics = groups.entry(group.to_owned()).or_default();
            topics.insert(topic.to_owned(), Arc::new(Mutex::new(offsets.into())));
        }
        Ok(Self {
            groups: RwLock::new(groups),
            sets: AtomicU64::new(0),
            is_dirty: AtomicBool::new(false),
            light_groups,
            file,
        })
    }

    fn is_light(&self, group: &str) -> bool {
        self.light_groups && names::is_lmq(group)
    }

    /// Stores an offset, whatever its value. Allocates only for a queue that is new to the group.
    #[doc(alias = "commitOffset")]
    pub fn commit(&self, group: &str, topic: &str, queue_id: i32, offset: i64) {
        self.change(group, topic, queue_id, offset, |_, _| true);
    }

    /// Stores where a group is to go on, rather than how far it came: [`Place`] tells the two apart.
    pub fn set(&self, group: &str, topic: &str, queue_id: i32, offset: i64) {
        let number = self.sets.fetch_add(1, Ordering::Relaxed) + 1;
        self.change(group, topic, queue_id, offset, |topic, queue_id| {
            topic.sets.insert(queue_id, number);
            true
        });
    }

    /// Stores an offset for who knows the group at `from`. False, and nothing is stored, when it is elsewhere by now.
    pub fn advance(&self, group: &str, topic: &str, queue_id: i32, from: Place, offset: i64) -> bool {
        self.change(group, topic, queue_id, offset, |topic, queue_id| topic.place(queue_id) == from)
    }

    /// Stores an offset if `admits` the topic and its queue.
    fn change(
        &self,
        group: &str,
        topic: &str,
        queue_id: i32,
        offset: i64,
        admits: impl FnOnce(&mut TopicOffsets, i32) -> bool,
    ) -> bool {
        let (topic, group) = canonical(topic, group);
        let queue_id = if self.is_light(&group) { LIGHT_QUEUE_ID } else { queue_id };
        let change = |found: &Mutex<TopicOffsets>| {
            let mut found = found.lock();
            admits(&mut found, queue_id).then(|| found.queues.insert(queue_id, offset))
        };
        let changed = match self.queues(&group, &topic) {
            Some(queues) => change(&queues),
            None => {
                let mut groups = self.groups.write();
                let found = groups.get(&*group).and_then(|topics| topics.get(&*topic)).cloned();
                let queues = found.unwrap_or_default();
                let changed = change(&queues);
                if changed.is_some() {
                    groups.entry(group.to_string()).or_default().insert(topic.to_string(), queues);
                }
                changed
            }
        };
        let Some(old) = changed else { return false };
        if old == Some(offset) {
            return true;
        }
        if !self.is_dirty.load(Ordering::Relaxed) {
            self.is_dirty.store(true, Ordering::Release);
        }
        if old.is_some_and(|old| offset < old) {
            tracing::warn!(target: "broker::offsets", %group, %topic, queue_id, offset, ?old, "an offset goes back");
        }
        true
    }

    /// The committed offset of a queue.
    #[doc(alias = "queryOffset")]
    pub fn find(&self, group: &str, topic: &str, queue_id: i32) -> Option<i64> {
        self.place(group, topic, queue_id).offset
    }

    /// Where a group is in a queue, to be compared with where it is later.
    pub fn place(&self, group: &str, topic: &str, queue_id: i32) -> Place {
        let (topic, group) = canonical(topic, group);
        let queue_id = if self.is_light(&group) { LIGHT_QUEUE_ID } else { queue_id };
        let nowhere = Place { offset: None, set: 0 };
        self.queues(&group, &topic).map_or(nowhere, |found| found.lock().place(queue_id))
    }

    /// The committed offsets of a topic; `None` when the group never committed one.
    pub fn of_topic(&self, group: &str, topic: &str) -> Option<QueueOffsets> {
        let (topic, group) = canonical(topic, group);
        Some(self.queues(&group, &topic)?.lock().queues.clone())
    }

    /// Topics of which a group has offsets.
    #[doc(alias = "whichTopicByConsumer")]
    pub fn topics_of_group(&self, group: &str) -> BTreeSet<String> {
        self.groups.read().get(group).map(|topics| topics.keys().cloned().collect()).unwrap_or_default()
    }

    /// Groups that have offsets of a topic.
    #[doc(alias = "whichGroupByTopic")]
    pub fn groups_of_topic(&self, topic: &str) -> BTreeSet<String> {
        let groups = self.groups.read();
        let named = groups.iter().filter(|(_, topics)| topics.contains_key(topic));
        named.map(|(group, _)| group.clone()).collect()
    }

    /// Per queue the lowest offset of all groups but `without`, leaving out offsets before `min_offset(queue)` (code 308).
    ///
    /// Java deletes the groups it leaves out from its table; nobody can want that.
    #[doc(alias = "queryMinOffsetInAllGroup")]
    pub fn lowest_of_topic(
        &self,
        topic: &str,
        without: &[&str],
        min_offset: impl Fn(i32) -> i64,
    ) -> QueueOffsets {
        let mut lowest = QueueOffsets::new();
        for (group, topics) in self.groups.read().iter() {
            let Some(queues) = topics.get(topic).filter(|_| !without.contains(&group.as_str())) else {
                continue;
            };
            for (&queue_id, &offset) in &queues.lock().queues {
                if offset >= min_offset(queue_id) {
                    let entry = lowest.entry(queue_id).or_insert(offset);
                    *entry = offset.min(*entry);
                }
            }
        }
        lowest
    }

    /// Gives `to` the offsets that `from` has of a topic, instead of its own. Nothing happens when `from` has none.
    #[doc(alias = "cloneOffset")]
    pub fn copy(&self, from: &str, to: &str, topic: &str) {
        let Some(queues) = self.of_topic(from, topic) else { return };
        let (topic, to) = canonical(topic, to);
        let number = self.sets.fetch_add(1, Ordering::Relaxed) + 1;
        let sets = queues.keys().map(|queue_id| (*queue_id, number)).collect();
        let mut groups = self.groups.write();
        let topics = groups.entry(to.into_owned()).or_default();
        topics.insert(topic.into_owned(), Arc::new(Mutex::new(TopicOffsets { queues, sets })));
        self.is_dirty.store(true, Ordering::Release);
    }

    /// Forgets all offsets of a group.
    #[doc(alias = "removeOffset")]
    pub fn remove_group(&self, group: &str) {
        if self.groups.write().remove(group).is_some() {
            self.is_dirty.store(true, Ordering::Release);
            tracing::info!(target: "broker::offsets", group, "offsets of the group removed");
        }
    }

    /// Forgets the offsets that groups have of a topic.
    pub fn remove_topic(&self, topic: &str) {
        for topics in self.groups.write().values_mut() {
            if topics.remove(topic).is_some() {
                self.is_dirty.store(true, Ordering::Release);
            }
        }
    }

    /// The table as it is stored and as code 43 answers it.
    pub fn snapshot(&self) -> ConsumerOffsetTable {
        let groups = self.groups.read();
        let mut light = BTreeMap::new();
        let mut offset_table = BTreeMap::new();
        for (group, topics) in groups.iter() {
            for (topic, queues) in topics {
                let (key, found) = (offset_key(topic, group), queues.lock());
                let offsets = &found.queues;
                match offsets.get(&LIGHT_QUEUE_ID).filter(|_| self.is_light(group)) {
                    Some(offset) => drop(light.insert(key, *offset)),
                    None => drop(offset_table.insert(key, offsets.clone())),
                }
            }
        }
        ConsumerOffsetTable { lmq_offset_table: self.light_groups.then_some(light), offset_table }
    }

    /// The body of code 43.
    pub fn encode(&self) -> Vec<u8> {
        fastjson::to_vec(&self.snapshot())
    }

    /// Writes the offsets down if any changed: every `flushConsumerOffsetInterval` and at the stop.
    pub fn persist(&self) -> Result<()> {
        if self.is_dirty.swap(false, Ordering::AcqRel) {
            self.file.note_change();
        }
        self.file.save(|| self.snapshot())
    }

    /// [`ConsumerOffsets::persist`] first after 10 s, then every `period` (`flushConsumerOffsetInterval`).
    pub fn schedule(self: &Arc<Self>, timers: &Timers, period: Duration) {
        let offsets = self.clone();
        timers.every("offsets", FIRST_PERSIST, period, move || {
            if let Err(error) = offsets.persist() {
                tracing::error!(target: "broker::offsets", %error, "offsets are not saved");
            }
        });
    }

    fn queues(&self, group: &str, topic: &str) -> Option<Arc<Mutex<TopicOffsets>>> {
        self.groups.read().get(group)?.get(topic).cloned()
    }
}

#[cfg(test)]
mod tests;
