//! Reading records by physical offset.

use super::CommitLog;
use crate::format::record::decode::{Peek, RecordView, peek, peek_store_timestamp_ms};
use crate::format::record::layout::BLANK_MIN;
use crate::mmap::slice::MappedSlice;

impl CommitLog {
    /// The record at `offset`, when its size is known from elsewhere; not parsed.
    pub fn slice(&self, offset: i64, size_bytes: usize) -> Option<MappedSlice> {
        self.files.slice(offset, size_bytes)
    }

    /// The whole record at `offset`; `None` when none begins there.
    pub fn record_at(&self, offset: i64) -> Option<MappedSlice> {
        let head = self.files.slice(offset, BLANK_MIN)?;
        let rest = self.files.slice_to_end(offset)?;
        drop(head);
        let Peek::Record { size } = peek(&rest) else { return None };
        let record = self.files.slice(offset, size)?;
        let physical_offset = RecordView::parse(&record).ok()?.physical_offset();
        (physical_offset == offset).then_some(record)
    }

    /// Store timestamp of the record at `offset`.
    pub fn store_timestamp_ms(&self, offset: i64, size_bytes: usize) -> Option<i64> {
        let record = self.files.slice(offset, size_bytes)?;
        peek_store_timestamp_ms(&record)
    }

    /// Store timestamp of the oldest record.
    pub fn earliest_store_timestamp_ms(&self) -> Option<i64> {
        let rest = self.files.slice_to_end(self.files.min_offset())?;
        peek_store_timestamp_ms(&rest)
    }
}
