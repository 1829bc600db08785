//! What is built from each record of the log, in order.

use std::sync::Arc;
use std::sync::OnceLock;

use super::consume_queue::flush::QueueFlush;
use super::consume_queue::queue::UnitAppend;
use super::consume_queue::table::ConsumeQueueTable;
use super::index::{MessageIndex, RecordKeys};
use crate::error::Result;
use crate::format::disk::cq_unit::CqUnit;
use crate::format::names::property;
use crate::format::record::decode::RecordView;
use crate::format::record::properties::get_many;
use crate::format::record::tags::{DelayLevels, record_tags_code};

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

/// Told of each message on the reput thread: it must not block.
#[doc(alias = "MessageArrivingListener")]
pub trait ArrivalListener: Send + Sync {
    /// One message arrived.
    fn arrived(&self, arrival: &Arrival<'_>);

    /// All messages that were there have been told of.
    fn batch_done(&self) {}
}

/// Whether a dispatch may wait for files to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileWait {
    /// On a thread of the store.
    Allowed,
    /// On a thread that serves connections.
    Refused,
}

/// Builds consume queues, tells the listener, builds the key index.
pub struct Dispatch {
    queues: Arc<ConsumeQueueTable>,
    queue_flush: Arc<QueueFlush>,
    index: Arc<MessageIndex>,
    delay_levels: DelayLevels,
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
    ) -> Self {
        Self { queues, queue_flush, index, delay_levels, listener: OnceLock::new() }
    }

    /// Sets the listener; only the first one counts.
    pub fn set_listener(&self, listener: Arc<dyn ArrivalListener>) {
        let _ = self.listener.set(listener);
    }

    /// Builds everything from one record. False, and nothing done, when that would have to wait for a file to be made and
    /// `wait` does not allow it. Failing, it has done nothing that a second try would do again: the queue knows its
    /// unit, the listener is told with it, the index counts the keys it has.
    pub fn dispatch(&self, record: &RecordView<'_>, wait: FileWait) -> Result<bool> {
        let Some(topic) = record.topic() else {
            tracing::error!(target: "broker::store", offset = record.physical_offset(), "a record's topic is no text; skipped");
            return Ok(true);
        };
        let wanted = [property::TAGS, property::DELAY, property::UNIQ_KEY, property::KEYS];
        let [tags, delay, unique, keys] = get_many(record.properties(), wanted);
        let keys = RecordKeys { unique, keys };
        if wait == FileWait::Refused && !self.has_room(topic, record, keys) {
            return Ok(false);
        }
        if record.transaction_type().takes_queue_offset() {
            let at = record.store_timestamp_ms();
            let tags_code = record_tags_code(topic.as_bytes(), tags, delay, at, &self.delay_levels);
            self.to_queue(topic, record, tags_code)?;
        }
        self.index.put(record, keys)?;
        Ok(true)
    }

    /// True when nothing that the record adds needs a new file, or new blocks of one.
    fn has_room(&self, topic: &str, record: &RecordView<'_>, keys: RecordKeys<'_>) -> bool {
        let queue = self.queues.find(topic, record.queue_id());
        queue.is_some_and(|queue| queue.has_room()) && self.index.has_room_for(keys)
    }

    fn to_queue(&self, topic: &str, record: &RecordView<'_>, tags_code: i64) -> Result<()> {
        let store_timestamp_ms = record.store_timestamp_ms();
        let size = i32::try_from(record.total_size()).unwrap_or(i32::MAX);
        let unit = CqUnit { physical_offset: record.physical_offset(), size, tags_code };
        let (queue_id, queue_offset) = (record.queue_id(), record.queue_offset());
        let queue = self.queues.find_or_create(topic, queue_id);
        if queue.append(queue_offset, &unit)? == UnitAppend::Known {
            return Ok(());
        }
        self.queue_flush.note(&queue, store_timestamp_ms);
        if let Some(listener) = self.listener.get() {
            listener.arrived(&Arrival {
                topic,
                queue_id,
                queue_offset,
                tags_code,
                store_timestamp_ms,
                properties: record.properties(),
            });
        }
        Ok(())
    }

    /// Tells the listener that a batch is complete.
    pub fn batch_done(&self) {
        if let Some(listener) = self.listener.get() {
            listener.batch_done();
        }
    }
}
