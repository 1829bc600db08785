//! Op records: RMQ_SYS_TRANS_OP_HALF_TOPIC. Each says that one half message is finished: tag `d`, and as body the decimal offset of
//! the half message in its queue; the op queue has the id of the half queue.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::copies::Copies;
use crate::broker::host::StoreHost;
use crate::clock::Clock;
use crate::format::names::{self, property};
use crate::format::record::decode::RecordView;
use crate::format::record::properties;
use crate::store::{BodyForm, MessageStore, PutMessage, PutStatus, QueueUnit};

/// The only tag there is: remove the half message.
const REMOVE: &[u8] = b"d";
/// Op records looked up at once.
const UNITS_PER_READ: usize = 32;
/// So many finished messages ahead are kept in mind. What is not found among them is taken for open.
const AHEAD_MAX: usize = 1 << 20;

/// Writes op records.
#[derive(Debug)]
pub struct OpQueue {
    store: Arc<MessageStore>,
    host: StoreHost,
    clock: Clock,
    properties: Vec<u8>,
}

impl OpQueue {
    /// Into `store`, as the broker known by `host`.
    pub fn new(store: Arc<MessageStore>, host: StoreHost, clock: Clock) -> Self {
        let mut text = Vec::new();
        properties::push(&mut text, property::WAIT, b"true");
        properties::push(&mut text, property::TAGS, REMOVE);
        Self { store, host, clock, properties: text }
    }

    /// Notes that the half message at `half_offset` is finished. Not waited for: a note that a crash takes back costs one question
    /// to the producer.
    #[doc(alias = "deletePrepareMessage")]
    pub fn finish(&self, queue_id: i32, half_offset: i64) -> PutStatus {
        let mut body = itoa::Buffer::new();
        let host = self.host.own();
        let outcome = self.store.put(&PutMessage {
            topic: names::TRANS_OP_HALF_TOPIC,
            queue_id,
            flag: 0,
            sys_flag: 0,
            born_timestamp_ms: self.clock.now_ms(),
            born_host: host,
            store_host: host,
            reconsume_times: 0,
            prepared_transaction_offset: 0,
            body: body.format(half_offset).as_bytes(),
            form: BodyForm::Message,
            properties: &self.properties,
            wait_store_ok: false,
        });
        if outcome.status != PutStatus::Ok {
            let status = outcome.status.name();
            tracing::warn!(target: "broker::transaction", queue_id, half_offset, status, "an op record was not stored");
        }
        outcome.status
    }
}

/// What a round of the check has read of an op queue.
#[derive(Debug)]
pub(super) struct Finished<'a> {
    store: &'a MessageStore,
    queue_id: i32,
    /// The half message that the round begins with; those before it are done with.
    half_begin: i64,
    /// Op record to read next.
    next: i64,
    /// Finished half messages that the round has not come to: half offset → op offset.
    ahead: HashMap<i64, i64>,
    /// Op records that nobody needs any more.
    done: Done,
}

impl<'a> Finished<'a> {
    pub(super) fn new(store: &'a MessageStore, queue_id: i32, op_begin: i64, half_begin: i64) -> Self {
        let (ahead, done) = (HashMap::new(), Done::default());
        Self { store, queue_id, half_begin, next: op_begin, ahead, done }
    }

    /// Whether the half message at `half_offset` is finished, as far as the op queue is known by now; then it is passed.
    pub(super) fn take(&mut self, half_offset: i64, copies: &Copies) -> bool {
        loop {
            if let Some(op) = self.ahead.remove(&half_offset) {
                self.done.insert(op);
                return true;
            }
            if self.ahead.len() >= AHEAD_MAX || !self.read_more(copies) {
                return false;
            }
        }
    }

    /// False when there is nothing more.
    #[doc(alias = "fillOpRemoveMap")]
    fn read_more(&mut self, copies: &Copies) -> bool {
        let units = self.store.units(names::TRANS_OP_HALF_TOPIC, self.queue_id, self.next, UNITS_PER_READ);
        let is_more = !units.is_empty();
        for QueueUnit { offset: op, unit, .. } in units {
            self.next = op + 1;
            let bytes = self.store.record_at(unit.physical_offset);
            let half = bytes.as_deref().and_then(half_offset_of);
            // What was ended may go on under another offset by now.
            match half.map(|half| copies.newest_of(half).unwrap_or(half)) {
                Some(half) if half >= self.half_begin => {
                    // Ended twice: one note is enough.
                    if let Some(earlier) = self.ahead.insert(half, op) {
                        self.done.insert(earlier);
                    }
                }
                _ => self.done.insert(op),
            }
        }
        is_more
    }

    /// How far the op queue is done with, from `begin` on without a gap.
    pub(super) fn progress(&self, begin: i64) -> i64 {
        self.done.end_of(begin)
    }
}

/// A set of offsets, as ranges without gaps: first offset → the one behind the last. There are no more ranges than gaps, and a gap is
/// a message ahead.
#[derive(Debug, Default)]
struct Done(BTreeMap<i64, i64>);

impl Done {
    fn insert(&mut self, offset: i64) {
        let before = self.0.range(..=offset).next_back().map(|(start, end)| (*start, *end));
        let start = match before {
            Some((_, end)) if end > offset => return,
            Some((start, end)) if end == offset => start,
            _ => offset,
        };
        let end = self.0.remove(&(offset + 1)).unwrap_or(offset + 1);
        self.0.insert(start, end);
    }

    /// Behind the last offset of the range that begins with `start`.
    fn end_of(&self, start: i64) -> i64 {
        self.0.get(&start).copied().unwrap_or(start)
    }
}

/// The offset that an op record names; `None` for a record that is no op record.
fn half_offset_of(bytes: &[u8]) -> Option<i64> {
    let record = RecordView::parse(bytes).ok().filter(|record| record.tags() == Some(REMOVE))?;
    std::str::from_utf8(record.body()).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_kept_as_ranges() {
        let mut done = Done::default();
        for offset in [7, 5, 9, 5, 6, 12] {
            done.insert(offset);
        }
        assert_eq!(done.0, BTreeMap::from([(5, 8), (9, 10), (12, 13)]));
        assert_eq!([4, 5, 9].map(|start| done.end_of(start)), [4, 8, 10]);
        done.insert(8);
        assert_eq!(done.end_of(5), 10);
    }
}
