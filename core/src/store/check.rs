//! Records that were stored before this start are checked when they are read: they come from a disk, which may have changed them.
//! A record that is not intact, or that a damaged unit of a queue points to, is reported and left out; Java gives out what lies there.
//!
//! What this process wrote is not checked: it comes from the memory that it was written to.

use super::MessageStore;
use super::consume_queue::ConsumeQueue;
use crate::format::disk::cq_unit::CqUnit;
use crate::format::names::{MULTI_DISPATCH_SEPARATOR, property};
use crate::format::record::decode::RecordView;

/// A record may lie so many places from the one it was given: dispatch puts it behind what is there when one before it is damaged.
const DISPLACEMENT_MAX: u64 = 1000;

impl MessageStore {
    /// Whether the record that the unit at `index` of a queue points to may be given out.
    #[inline]
    pub(super) fn is_readable(
        &self,
        queue: &ConsumeQueue,
        index: i64,
        unit: &CqUnit,
        record: Option<&[u8]>,
    ) -> bool {
        if unit.physical_offset >= self.checked_below && record.is_some() {
            return true;
        }
        let is_intact = record.is_some_and(|record| is_intact(queue, index, unit, record));
        if !is_intact {
            tracing::error!(target: "broker::store", topic = %queue.topic(), queue_id = queue.queue_id(), index,
                physical_offset = unit.physical_offset, size = unit.size, "a message is damaged; it is left out");
        }
        is_intact
    }

    /// Whether the body of the record at `physical_offset` may be given out.
    pub(super) fn is_body_intact(&self, physical_offset: i64, record: &[u8]) -> bool {
        if physical_offset >= self.checked_below {
            return true;
        }
        let is_intact = RecordView::parse(record).is_ok_and(|record| record.crc_ok());
        if !is_intact {
            tracing::error!(target: "broker::store", physical_offset, "a message is damaged; it is left out");
        }
        is_intact
    }
}

fn is_intact(queue: &ConsumeQueue, index: i64, unit: &CqUnit, record: &[u8]) -> bool {
    let Ok(view) = RecordView::parse(record) else { return false };
    let is_own = view.topic_bytes() == queue.topic().as_bytes()
        && view.queue_id() == queue.queue_id()
        && view.queue_offset().abs_diff(index) <= DISPLACEMENT_MAX;
    (is_own || goes_into(&view, queue))
        && view.total_size() == record.len()
        && view.physical_offset() == unit.physical_offset
        && view.crc_ok()
}

/// Whether the record names the queue as one that it goes into besides its own (see `fan_out`).
fn goes_into(record: &RecordView<'_>, queue: &ConsumeQueue) -> bool {
    let named = record.property(property::INNER_MULTI_DISPATCH).unwrap_or_default();
    named.split(|byte| *byte == MULTI_DISPATCH_SEPARATOR).any(|name| name == queue.topic().as_bytes())
}
