//! Reading a queue: offset → units → views of the log.

use std::sync::OnceLock;

use bytes::Bytes;
use smallvec::SmallVec;

use super::MessageStore;
use super::consume_queue::ConsumeQueue;
use super::options::{TransferLimit, Tuning};
use crate::format::disk::cq_ext::{CqExtUnit, is_address};
use crate::format::disk::cq_unit::{CQ_UNIT_SIZE, CqUnit};
use crate::format::record::decode::RecordView;
use crate::mmap::slice::MappedSlice;

/// One read looks at no more units than this many bytes hold, or 20 bytes per wanted message if that is more.
const UNIT_BYTES_PER_READ: usize = 16_000;

/// How a read ended. Names as the reference puts them into remarks.
#[doc(alias = "GetMessageStatus")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GetStatus {
    /// At least one message.
    Found,
    /// Messages were there, none matched the filter.
    NoMatchedMessage,
    /// The log no longer has the records.
    MessageWasRemoving,
    /// The queue has messages, but its file at the offset cannot be read.
    OffsetFoundNull,
    /// The offset lies beyond the next message.
    OffsetOverflowBadly,
    /// The offset is the next message's: nothing there yet.
    OffsetOverflowOne,
    /// The offset lies before the oldest message.
    OffsetTooSmall,
    /// The queue is empty or does not exist.
    NoMessageInQueue,
}

impl GetStatus {
    /// The status name of the reference.
    pub const fn name(self) -> &'static str {
        match self {
            GetStatus::Found => "FOUND",
            GetStatus::NoMatchedMessage => "NO_MATCHED_MESSAGE",
            GetStatus::MessageWasRemoving => "MESSAGE_WAS_REMOVING",
            GetStatus::OffsetFoundNull => "OFFSET_FOUND_NULL",
            GetStatus::OffsetOverflowBadly => "OFFSET_OVERFLOW_BADLY",
            GetStatus::OffsetOverflowOne => "OFFSET_OVERFLOW_ONE",
            GetStatus::OffsetTooSmall => "OFFSET_TOO_SMALL",
            GetStatus::NoMessageInQueue => "NO_MESSAGE_IN_QUEUE",
        }
    }
}

/// Decides which messages a read returns.
pub trait MessageFilter {
    /// By the unit alone; `None` when its tags code is not known. May let too much through.
    fn matches_unit(&self, tags_code: Option<i64>, ext: Option<&CqExtUnit<'_>>) -> bool;

    /// By the properties text of the record, for those that passed the first test.
    fn matches_properties(&self, _properties: &[u8]) -> bool {
        true
    }

    /// False when [`MessageFilter::matches_properties`] always agrees; the record is then not looked at.
    fn needs_properties(&self) -> bool {
        false
    }
}

/// Every message.
#[derive(Debug, Clone, Copy, Default)]
pub struct MatchAll;

impl MessageFilter for MatchAll {
    fn matches_unit(&self, _tags_code: Option<i64>, _ext: Option<&CqExtUnit<'_>>) -> bool {
        true
    }
}

/// Answer to a read.
#[doc(alias = "GetMessageResult")]
#[derive(Debug)]
pub struct GetOutcome {
    /// How it ended.
    pub status: GetStatus,
    /// Where to read next.
    pub next_begin_offset: i64,
    /// The queue's first readable offset.
    pub min_offset: i64,
    /// The queue's next offset.
    pub max_offset: i64,
    /// The records, in order; neighbours in the log share one view.
    pub slices: SmallVec<[Bytes; 4]>,
    /// How many records.
    pub message_count: usize,
    /// Bytes of all records.
    pub size_bytes: usize,
    /// The reader is so far behind that a slave should serve it.
    pub suggest_pulling_from_slave: bool,
}

impl GetOutcome {
    fn empty(status: GetStatus, next_begin_offset: i64, min_offset: i64, max_offset: i64) -> Self {
        Self {
            status,
            next_begin_offset,
            min_offset,
            max_offset,
            slices: SmallVec::new(),
            message_count: 0,
            size_bytes: 0,
            suggest_pulling_from_slave: false,
        }
    }
}

/// Records gathered so far.
struct Gathered {
    slices: SmallVec<[MappedSlice; 4]>,
    count: usize,
    bytes: usize,
}

impl Gathered {
    fn push(&mut self, slice: MappedSlice) {
        self.count += 1;
        self.bytes += slice.len();
        let rest = match self.slices.last_mut() {
            Some(last) => last.join(slice).err(),
            None => Some(slice),
        };
        self.slices.extend(rest);
    }

    /// The first message always fits.
    fn is_full(&self, size_bytes: usize, count_max: usize, limit: TransferLimit) -> bool {
        self.count > 0
            && (self.count >= count_max || self.count >= limit.count || self.bytes + size_bytes > limit.bytes)
    }
}

impl MessageStore {
    /// Reads at most `messages_max` matching messages of a queue from `offset` on; at least one if there is one.
    pub fn get(
        &self,
        topic: &str,
        queue_id: i32,
        offset: i64,
        messages_max: usize,
        filter: &dyn MessageFilter,
    ) -> GetOutcome {
        let outcome = match self.queues.find(topic, queue_id) {
            None => GetOutcome::empty(GetStatus::NoMessageInQueue, 0, 0, 0),
            Some(queue) => self.get_from(&queue, offset, messages_max, filter),
        };
        self.stats.got(outcome.message_count as u64);
        outcome
    }

    fn get_from(
        &self,
        queue: &ConsumeQueue,
        offset: i64,
        messages_max: usize,
        filter: &dyn MessageFilter,
    ) -> GetOutcome {
        let (min, max) = (queue.min_index(), queue.max_index());
        let (status, next) = match offset {
            _ if max == 0 => (GetStatus::NoMessageInQueue, 0),
            _ if offset < min => (GetStatus::OffsetTooSmall, min),
            _ if offset == max => (GetStatus::OffsetOverflowOne, offset),
            _ if offset > max => (GetStatus::OffsetOverflowBadly, max),
            _ => match queue.units_from(offset) {
                Some(units) => return self.gather(queue, &units, offset, messages_max, filter),
                None => (GetStatus::OffsetFoundNull, queue.next_file_index(offset)),
            },
        };
        GetOutcome::empty(status, next, min, max)
    }

    fn gather(
        &self,
        queue: &ConsumeQueue,
        units: &[u8],
        offset: i64,
        messages_max: usize,
        filter: &dyn MessageFilter,
    ) -> GetOutcome {
        let (min, max) = (queue.min_index(), queue.max_index());
        let log_max = self.max_physical_offset();
        let tuning = self.tuning.load();
        let window_bytes = memory_window_bytes(&tuning);
        let scan_bytes = UNIT_BYTES_PER_READ.max(messages_max.saturating_mul(CQ_UNIT_SIZE));
        let mut gathered = Gathered { slices: SmallVec::new(), count: 0, bytes: 0 };
        let mut status = GetStatus::NoMatchedMessage;
        let mut skip_until = i64::MIN;
        let mut scanned = 0;
        let mut last_offset = 0;
        for unit in CqUnit::iter(units.get(..scan_bytes.min(units.len())).unwrap_or(units)) {
            last_offset = unit.physical_offset;
            if unit.physical_offset < skip_until {
                scanned += 1;
                continue;
            }
            let size = usize::try_from(unit.size).unwrap_or(0);
            let is_on_disk = log_max - unit.physical_offset > window_bytes;
            let limit = if is_on_disk { tuning.transfer_on_disk } else { tuning.transfer_in_memory };
            if gathered.is_full(size, messages_max, limit) {
                break;
            }
            scanned += 1;
            if !queue.read_ext(unit.tags_code, |tags_code, ext| filter.matches_unit(tags_code, ext)) {
                continue;
            }
            // Mostly in the file of the record before, which then need not be looked for.
            let neighbour =
                gathered.slices.last().and_then(|last| last.elsewhere(unit.physical_offset, size));
            let record = neighbour.or_else(|| self.log.slice(unit.physical_offset, size));
            if record.is_none() && unit.physical_offset < self.min_physical_offset() {
                // Gone with its file: so is everything else in that file.
                skip_until = self.next_log_file(unit.physical_offset);
                status = GetStatus::MessageWasRemoving;
                continue;
            }
            let is_readable = self.is_readable(queue, offset + scanned - 1, &unit, record.as_deref());
            let Some(record) = record.filter(|_| is_readable) else { continue };
            if filter.needs_properties()
                && !RecordView::parse(&record).is_ok_and(|view| filter.matches_properties(view.properties()))
            {
                continue;
            }
            gathered.push(record);
            status = GetStatus::Found;
            skip_until = i64::MIN;
        }
        GetOutcome {
            status: if gathered.count > 0 { GetStatus::Found } else { status },
            next_begin_offset: offset + scanned,
            min_offset: min,
            max_offset: max,
            message_count: gathered.count,
            size_bytes: gathered.bytes,
            slices: gathered.slices.into_iter().map(MappedSlice::into_bytes).collect(),
            suggest_pulling_from_slave: log_max - last_offset > window_bytes,
        }
    }

    fn next_log_file(&self, physical_offset: i64) -> i64 {
        let file_bytes = self.options.commit_log_file_bytes as i64;
        physical_offset - physical_offset % file_bytes + file_bytes
    }

    fn is_on_disk(&self, log_max: i64, physical_offset: i64) -> bool {
        log_max - physical_offset > memory_window_bytes(&self.tuning.load())
    }

    /// Next offset of a queue; 0 when it does not exist.
    pub fn max_offset(&self, topic: &str, queue_id: i32) -> i64 {
        self.queues.find(topic, queue_id).map_or(0, |queue| queue.max_index())
    }

    /// First readable offset of a queue; `None` when it does not exist.
    pub fn min_offset(&self, topic: &str, queue_id: i32) -> Option<i64> {
        self.queues.find(topic, queue_id).map(|queue| queue.min_index())
    }

    /// Store timestamp of the message at `offset` of a queue.
    pub fn store_time_ms(&self, topic: &str, queue_id: i32, offset: i64) -> Option<i64> {
        let unit = self.queues.find(topic, queue_id)?.unit(offset)?;
        self.log.store_timestamp_ms(unit.physical_offset, usize::try_from(unit.size).ok()?)
    }

    /// Store timestamp of the oldest message of a queue.
    pub fn earliest_store_time_of_queue_ms(&self, topic: &str, queue_id: i32) -> Option<i64> {
        self.store_time_ms(topic, queue_id, self.min_offset(topic, queue_id)?)
    }

    /// True when the message at `offset` lies so far behind the end of the log that it is taken to be on disk only.
    pub fn is_message_on_disk(&self, topic: &str, queue_id: i32, offset: i64) -> bool {
        self.queues
            .find(topic, queue_id)
            .and_then(|queue| queue.unit(offset))
            .is_some_and(|unit| self.is_on_disk(self.max_physical_offset(), unit.physical_offset))
    }

    /// Units of a queue from `offset` on, at most `count`.
    pub fn units(&self, topic: &str, queue_id: i32, offset: i64, count: usize) -> Vec<QueueUnit> {
        let Some(queue) = self.queues.find(topic, queue_id) else { return Vec::new() };
        let mut found = Vec::new();
        let mut next = offset.max(queue.min_index());
        while found.len() < count {
            let Some(units) = queue.units_from(next) else { break };
            let before = next;
            for unit in CqUnit::iter(&units).take(count - found.len()) {
                let ext = queue.ext().and_then(|ext| ext.at(unit.tags_code)).map(MappedSlice::into_bytes);
                found.push(QueueUnit { offset: next, unit, ext });
                next += 1;
            }
            if next == before {
                break;
            }
        }
        found
    }
}

/// A unit of a queue, with what the extension keeps beside it.
#[derive(Debug, Clone)]
pub struct QueueUnit {
    /// Its offset in the queue.
    pub offset: i64,
    /// The unit as it is.
    pub unit: CqUnit,
    ext: Option<Bytes>,
}

impl QueueUnit {
    /// What the extension keeps.
    pub fn ext(&self) -> Option<CqExtUnit<'_>> {
        self.ext.as_deref().and_then(CqExtUnit::first_of)
    }

    /// The tags code; `None` when it is in the extension and cannot be read.
    pub fn tags_code(&self) -> Option<i64> {
        if is_address(self.unit.tags_code) {
            self.ext().map(|ext| ext.tags_code)
        } else {
            Some(self.unit.tags_code)
        }
    }
}

/// Messages this close to the end of the log are taken to be in memory.
fn memory_window_bytes(tuning: &Tuning) -> i64 {
    physical_memory_bytes() / 100 * i64::from(tuning.in_memory_percent)
}

/// Physical memory of the machine, read once.
fn physical_memory_bytes() -> i64 {
    static BYTES: OnceLock<i64> = OnceLock::new();
    *BYTES.get_or_init(|| {
        let info = rustix::system::sysinfo();
        let total = u128::from(info.totalram) * u128::from(info.mem_unit.max(1));
        i64::try_from(total).unwrap_or(i64::MAX)
    })
}
