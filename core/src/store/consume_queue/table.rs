//! All consume queues of a store.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::RwLock;

use super::ext::QueueExt;
use super::queue::ConsumeQueue;
use crate::error::{Error, Result};
use crate::format::disk::cq_unit::CqUnit;
use crate::format::disk::paths::parse_queue_folder;
use crate::mmap::disk::Disk;
use crate::store::commit_log::append::QueueOffsets;

/// The queues of one topic, by queue id.
type Queues = HashMap<i32, Arc<ConsumeQueue>>;

/// Where the extensions of queues are, and the size of their files.
#[derive(Debug, Clone)]
pub struct ExtFiles {
    /// Directory of all extensions.
    pub root: PathBuf,
    /// Size of a file.
    pub file_bytes: usize,
}

/// Topic → queue id → queue.
#[derive(Debug)]
pub struct ConsumeQueueTable {
    disk: Disk,
    root: PathBuf,
    file_bytes: usize,
    ext: Option<ExtFiles>,
    topics: RwLock<HashMap<Arc<str>, Queues>>,
}

impl ConsumeQueueTable {
    /// An empty table over the directory `root`; with `ext` each queue gets an extension.
    pub fn new(disk: &Disk, root: PathBuf, file_bytes: usize, ext: Option<ExtFiles>) -> Self {
        Self { disk: disk.clone(), root, file_bytes, ext, topics: RwLock::new(HashMap::new()) }
    }

    fn queue(&self, topic: Arc<str>, queue_id: i32) -> ConsumeQueue {
        let below = |root: &Path| root.join(&*topic).join(queue_id.to_string());
        let ext = self.ext.as_ref().map(|ext| QueueExt::new(&self.disk, &below(&ext.root), ext.file_bytes));
        let dir = below(&self.root);
        ConsumeQueue::new(&self.disk, &dir, topic, queue_id, self.file_bytes).with_ext(ext)
    }

    /// Makes the root. That it is missing at a start means that somebody wants the queues built again, deleted topics among them.
    pub fn create_dir(&self) -> Result<()> {
        let made = self.disk.create_dir_all(&self.root);
        made.map_err(|cause| Error::io(format_args!("create {}", self.root.display()), &cause))
    }

    /// Opens every queue found below the root. Directories whose name is no number are skipped.
    pub fn load(&self) -> Result<()> {
        for topic_dir in directories(&self.root)? {
            let Some(topic) = topic_dir.file_name().and_then(|name| name.to_str()) else { continue };
            let topic: Arc<str> = topic.into();
            for queue_dir in directories(&topic_dir)? {
                let Some(queue_id) = queue_id_of(&queue_dir) else { continue };
                let queue = self.queue(topic.clone(), queue_id);
                queue
                    .load()
                    .map_err(|error| error.while_doing(format_args!("consume queue {topic}/{queue_id}")))?;
                self.topics.write().entry(topic.clone()).or_default().insert(queue_id, Arc::new(queue));
            }
        }
        self.ext.as_ref().map_or(Ok(()), |ext| self.remove_orphans(&ext.root))
    }

    /// Removes extensions whose queue is gone. The queue is built anew, and so is what it leads to.
    fn remove_orphans(&self, ext_root: &Path) -> Result<()> {
        for topic_dir in directories(ext_root)? {
            let Some(topic) = topic_dir.file_name().and_then(|name| name.to_str()) else { continue };
            for queue_dir in directories(&topic_dir)? {
                if queue_id_of(&queue_dir).is_some_and(|queue_id| self.find(topic, queue_id).is_none()) {
                    self.disk
                        .remove_dir_all(&queue_dir)
                        .map_err(|cause| Error::io(format_args!("remove {}", queue_dir.display()), &cause))?;
                }
            }
        }
        Ok(())
    }

    /// The queue, when it exists.
    pub fn find(&self, topic: &str, queue_id: i32) -> Option<Arc<ConsumeQueue>> {
        self.topics.read().get(topic)?.get(&queue_id).cloned()
    }

    /// The queue, created when it does not exist. Its files come with its first unit.
    pub fn find_or_create(&self, topic: &str, queue_id: i32) -> Arc<ConsumeQueue> {
        if let Some(queue) = self.find(topic, queue_id) {
            return queue;
        }
        let mut topics = self.topics.write();
        let name: Arc<str> =
            topics.get_key_value(topic).map_or_else(|| topic.into(), |(name, _)| name.clone());
        let queues = topics.entry(name.clone()).or_default();
        queues.entry(queue_id).or_insert_with(|| Arc::new(self.queue(name, queue_id))).clone()
    }

    /// Every queue.
    pub fn all(&self) -> Vec<Arc<ConsumeQueue>> {
        self.topics.read().values().flat_map(|queues| queues.values().cloned()).collect()
    }

    /// Names of all topics that have queues.
    pub fn topics(&self) -> Vec<Arc<str>> {
        self.topics.read().keys().cloned().collect()
    }

    /// Takes a topic's queues out and removes their files. Returns how many queues there were.
    pub fn remove_topic(&self, topic: &str) -> Result<usize> {
        let Some(queues) = self.topics.write().remove(topic) else { return Ok(0) };
        for queue in queues.values() {
            queue.destroy()?;
        }
        for root in self.ext.iter().map(|ext| &ext.root).chain([&self.root]) {
            self.disk
                .remove_dir_all(&root.join(topic))
                .map_err(|cause| Error::io(format_args!("remove the queues of {topic}"), &cause))?;
        }
        Ok(queues.len())
    }

    /// Largest log offset that any unit reaches.
    pub fn log_end(&self) -> i64 {
        self.all().iter().map(|queue| queue.log_end()).max().unwrap_or(0)
    }

    /// The unit that reaches furthest into the log.
    pub fn newest_unit(&self) -> Option<CqUnit> {
        newest_of(self.all().iter().max_by_key(|queue| queue.log_end())?)
    }

    /// The newest units of the `count` queues that reach furthest into the log, that one first.
    pub fn newest_units(&self, count: usize) -> Vec<CqUnit> {
        let mut all = self.all();
        all.sort_unstable_by_key(|queue| std::cmp::Reverse(queue.log_end()));
        all.iter().take(count).filter_map(newest_of).collect()
    }

    /// Where the log has to be dispatched again for the queues that are damaged, if some are.
    pub fn damaged_from(&self) -> Option<i64> {
        let all = self.all();
        all.iter().filter(|queue| queue.is_damaged()).map(|queue| queue.log_end()).min()
    }

    /// Cuts every queue where the log ends; see [`ConsumeQueue::truncate_to_log`].
    pub fn truncate_to_log(&self, log_offset: i64, clean: bool) -> Result<()> {
        self.all()
            .iter()
            .filter(|queue| queue.log_end() > log_offset)
            .try_for_each(|queue| queue.truncate_to_log(log_offset, clean))
    }

    /// Removes every queue: the log is gone.
    pub fn destroy_all(&self) -> Result<()> {
        self.topics().iter().try_for_each(|topic| self.remove_topic(topic).map(drop))
    }

    /// Moves every queue's minimum to what the log still holds.
    pub fn correct_min(&self, log_min: i64) {
        self.all().iter().for_each(|queue| queue.correct_min(log_min));
    }

    /// The next offset of every queue, for the append lock.
    pub fn next_offsets(&self) -> QueueOffsets {
        let mut offsets = QueueOffsets::default();
        for queue in self.all() {
            offsets.set(queue.topic(), queue.queue_id(), queue.max_index());
        }
        offsets
    }
}

fn queue_id_of(queue_dir: &Path) -> Option<i32> {
    queue_dir.file_name().and_then(|name| name.to_str()).and_then(parse_queue_folder)
}

fn newest_of(queue: &Arc<ConsumeQueue>) -> Option<CqUnit> {
    queue.unit(queue.max_index() - 1).filter(|unit| !unit.is_blank())
}

fn directories(dir: &Path) -> Result<Vec<PathBuf>> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let listing = |cause: std::io::Error| Error::io(format_args!("list {}", dir.display()), &cause);
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(listing)? {
        let path = entry.map_err(listing)?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    Ok(found)
}
