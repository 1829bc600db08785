//! What is built from each record of the log, in order.

use std::sync::Arc;
use std::sync::OnceLock;

use super::consume_queue::ext::{ExtAppend, QueueExt};
use super::consume_queue::flush::QueueFlush;
use super::consume_queue::queue::{ConsumeQueue, UnitAppend};
use super::consume_queue::table::ConsumeQueueTable;
use super::fan_out;
use super::index::{IndexFile, Key, MessageIndex, RecordKeys};
use super::options::FanOutOptions;
use crate::error::Result;
use crate::format::disk::cq_ext::CqExtUnit;
use crate::format::disk::cq_unit::CqUnit;
use crate::format::names::property;
use crate::format::record::decode::RecordView;
use crate::format::record::properties::get_many;
use crate::format::record::tags::{DelayLevels, record_tags_code};
use crate::mmap::mapped_file::Appender;

/// A message that can be read from now on.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Queue of the topic.
    pub queue_id: i32,
    /// Its index in the queue.
    pub queue_offset: i64,
    /// Tags code of its unit.
    pub tags_code: i64,
    /// When it was stored.
    pub store_timestamp_ms: i64,
    /// Its properties text.
    pub properties: &'a [u8],
}

/// Told of each message by whoever dispatches: it must not block.
#[doc(alias = "MessageArrivingListener")]
pub trait ArrivalListener: Send + Sync {
    /// These messages arrived, in this order.
    fn arrived(&self, arrivals: &[Arrival<'_>]);

    /// All messages that were there have been told of.
    fn batch_done(&self) {}
}

/// Says which subscriptions a message matches, as bits that are kept beside its unit. Asked by whoever dispatches: it must not block.
pub trait BitMaps: Send + Sync {
    /// Puts the bit map of a message into `map`, which is empty and stays so when there is nothing to say.
    fn bit_map(&self, topic: &str, properties: &[u8], map: &mut Vec<u8>);
}

/// Whether a dispatch may wait for files to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileWait {
    /// On a thread of the store.
    Allowed,
    /// On a thread that serves connections.
    Refused,
}

/// What a unit gets in a queue that has an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Extension,
    Nothing,
}

/// Builds consume queues, tells the listener, builds the key index.
pub struct Dispatch {
    queues: Arc<ConsumeQueueTable>,
    queue_flush: Arc<QueueFlush>,
    index: Arc<MessageIndex>,
    delay_levels: DelayLevels,
    fan_out: FanOutOptions,
    bit_maps: Option<Arc<dyn BitMaps>>,
    listener: OnceLock<Arc<dyn ArrivalListener>>,
}

impl std::fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dispatch")
    }
}

impl Dispatch {
    /// For the queues and the index of a store.
    pub fn new(
        queues: Arc<ConsumeQueueTable>,
        queue_flush: Arc<QueueFlush>,
        index: Arc<MessageIndex>,
        delay_levels: DelayLevels,
        fan_out: FanOutOptions,
        bit_maps: Option<Arc<dyn BitMaps>>,
    ) -> Self {
        Self { queues, queue_flush, index, delay_levels, fan_out, bit_maps, listener: OnceLock::new() }
    }

    /// Sets the listener; only the first one counts.
    pub fn set_listener(&self, listener: Arc<dyn ArrivalListener>) {
        let _ = self.listener.set(listener);
    }

    /// Adds one record to its queue, and to `chunk` what else is to be done for it. False when that would have to wait for a
    /// file to be made and `wait` does not allow it. Failing, or false, it has done nothing that a second try would do again: the
    /// queue knows its unit, the listener is told with it.
    pub fn add<'a>(
        &self,
        record: &RecordView<'a>,
        recent: &mut Recent,
        chunk: &mut Chunk<'a>,
        wait: FileWait,
    ) -> Result<bool> {
        chunk.records += 1;
        let Some(topic) = record.topic() else {
            tracing::error!(target: "broker::store", offset = record.physical_offset(), "a record's topic is no text; skipped");
            return Ok(true);
        };
        let wanted = [property::TAGS, property::DELAY, property::UNIQ_KEY, property::KEYS];
        let [tags, delay, unique, keys] = get_many(record.properties(), wanted);
        if record.transaction_type().takes_queue_offset() {
            let at = record.store_timestamp_ms();
            let tags_code = record_tags_code(topic.as_bytes(), tags, delay, at, &self.delay_levels);
            let arrival = Arrival {
                topic,
                queue_id: record.queue_id(),
                queue_offset: record.queue_offset(),
                tags_code,
                store_timestamp_ms: record.store_timestamp_ms(),
                properties: record.properties(),
            };
            match self.to_queue(&arrival, record, Beside::Extension, recent, wait)? {
                UnitAppend::Written => chunk.arrivals.push(arrival),
                UnitAppend::Known => {}
                UnitAppend::NeedsFile => return Ok(false),
            }
            if self.fan_out.enabled && !self.add_to_others(&arrival, record, recent, chunk, wait)? {
                return Ok(false);
            }
        }
        RecordKeys { unique, keys }.collect(record, &mut chunk.keys);
        Ok(true)
    }

    /// [`Dispatch::add`] for the queues that a record goes into besides its own; only that one has extensions.
    fn add_to_others<'a>(
        &self,
        own: &Arrival<'a>,
        record: &RecordView<'a>,
        recent: &mut Recent,
        chunk: &mut Chunk<'a>,
        wait: FileWait,
    ) -> Result<bool> {
        for (target, queue_offset) in fan_out::entries(self.fan_out, own.queue_id, own.properties) {
            let (topic, queue_id) = (target.topic, target.queue_id);
            let arrival = Arrival { topic, queue_id, queue_offset, ..*own };
            match self.to_queue(&arrival, record, Beside::Nothing, recent, wait)? {
                UnitAppend::Written => chunk.arrivals.push(arrival),
                UnitAppend::Known => {}
                UnitAppend::NeedsFile => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Does what is left for the records of a chunk: notes which queues have to be flushed, tells the listener, adds the keys.
    /// False, as [`Dispatch::add`], when the index needs a file; then the chunk is to be dispatched again.
    pub fn finish(&self, chunk: &Chunk<'_>, recent: &mut Recent, wait: FileWait) -> Result<bool> {
        recent.note_written(&self.queue_flush);
        if let Some(listener) = self.listener.get()
            && !chunk.arrivals.is_empty()
        {
            listener.arrived(&chunk.arrivals);
        }
        self.index.put(&chunk.keys, &mut recent.index, wait)
    }

    fn to_queue(
        &self,
        arrival: &Arrival<'_>,
        record: &RecordView<'_>,
        beside: Beside,
        recent: &mut Recent,
        wait: FileWait,
    ) -> Result<UnitAppend> {
        let Arrival { topic, queue_id, queue_offset, tags_code, store_timestamp_ms, .. } = *arrival;
        if recent.is_gone(topic, record.physical_offset()) {
            return Ok(UnitAppend::Known);
        }
        let size = i32::try_from(record.total_size()).unwrap_or(i32::MAX);
        let unit = CqUnit { physical_offset: record.physical_offset(), size, tags_code };
        let find = || match wait {
            FileWait::Allowed => Some(self.queues.find_or_create(topic, queue_id)),
            FileWait::Refused => self.queues.find(topic, queue_id),
        };
        let Some(recent) = recent.queue(topic, queue_id, find, &self.queue_flush) else {
            return Ok(UnitAppend::NeedsFile);
        };
        let extend = |ext: &QueueExt| {
            if beside == Beside::Nothing {
                return Ok(ExtAppend::NotKept);
            }
            let mut bit_map = Vec::new();
            if let Some(bit_maps) = &self.bit_maps {
                bit_maps.bit_map(topic, arrival.properties, &mut bit_map);
            }
            ext.append(&CqExtUnit { tags_code, store_timestamp_ms, bit_map: &bit_map }, wait)
        };
        let appended = recent.queue.append(queue_offset, &unit, &mut recent.last, wait, extend)?;
        if appended == UnitAppend::Written {
            recent.newest_ms = Some(store_timestamp_ms);
        }
        Ok(appended)
    }

    /// Tells the listener that a batch is complete.
    pub fn batch_done(&self) {
        if let Some(listener) = self.listener.get() {
            listener.batch_done();
        }
    }
}

/// As many records are in a chunk at most.
const CHUNK_RECORDS_MAX: usize = 64;

/// Records that are dispatched together: locks and cache misses of one are shared or overlapped by the others.
#[derive(Debug, Default)]
pub struct Chunk<'a> {
    records: usize,
    arrivals: Vec<Arrival<'a>>,
    keys: Vec<Key>,
}

impl Chunk<'_> {
    /// True when it is to be finished.
    pub fn is_full(&self) -> bool {
        self.records >= CHUNK_RECORDS_MAX
    }
}

/// As many queues are kept, each at a place that its id says.
const RECENT_QUEUES: usize = 16;

/// What the last records went into. Looking it up again for every record would cost more, in locks and reference counts, than
/// writing. Belongs to the round of [`super::reput::Reput`], and is forgotten when somebody else takes a round: he may remove
/// queues.
#[derive(Debug, Default)]
pub struct Recent {
    queues: [Option<RecentQueue>; RECENT_QUEUES],
    index: Option<Arc<IndexFile>>,
    /// Topics that were deleted while the log held undispatched records of theirs, and where those end.
    gone: Vec<(Box<str>, i64)>,
}

#[derive(Debug)]
struct RecentQueue {
    queue: Arc<ConsumeQueue>,
    /// Its last file.
    last: Option<Appender>,
    /// Store timestamp of the newest unit that [`QueueFlush`] was not told of.
    newest_ms: Option<i64>,
}

impl Recent {
    fn queue(
        &mut self,
        topic: &str,
        queue_id: i32,
        find: impl FnOnce() -> Option<Arc<ConsumeQueue>>,
        flush: &QueueFlush,
    ) -> Option<&mut RecentQueue> {
        let place = self.queues.get_mut(queue_id as usize % RECENT_QUEUES)?;
        let is_same =
            |recent: &RecentQueue| recent.queue.queue_id() == queue_id && &**recent.queue.topic() == topic;
        if !place.as_ref().is_some_and(is_same) {
            if let Some(other) = place {
                other.note_written(flush);
            }
            *place = Some(RecentQueue { queue: find()?, last: None, newest_ms: None });
        }
        place.as_mut()
    }

    /// See [`super::reput::DispatchRound::forget_files`].
    pub(super) fn forget_files(&mut self) {
        (self.queues, self.index) = Default::default();
    }

    /// See [`super::reput::DispatchRound::skip_topic`].
    pub(super) fn skip_topic(&mut self, topic: &str, end_offset: i64) {
        self.gone.retain(|(gone, _)| &**gone != topic);
        self.gone.push((topic.into(), end_offset));
    }

    /// Everything below `offset` is dispatched, and will not be dispatched again.
    pub(super) fn dispatched_until(&mut self, offset: i64) {
        self.gone.retain(|(_, end_offset)| offset < *end_offset);
    }

    /// Whether the topic of this record was deleted after it was stored.
    #[inline]
    fn is_gone(&self, topic: &str, physical_offset: i64) -> bool {
        self.gone.iter().any(|(gone, end_offset)| physical_offset < *end_offset && &**gone == topic)
    }

    fn note_written(&mut self, flush: &QueueFlush) {
        self.queues.iter_mut().flatten().for_each(|recent| recent.note_written(flush));
    }
}

impl RecentQueue {
    fn note_written(&mut self, flush: &QueueFlush) {
        if let Some(newest_ms) = self.newest_ms.take() {
            flush.note(&self.queue, newest_ms);
        }
    }
}
