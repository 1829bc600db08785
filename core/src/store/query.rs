//! Looking messages up by physical offset, by time and by key.

use bytes::Bytes;

use super::MessageStore;
use super::consume_queue::ConsumeQueue;
use crate::format::disk::cq_unit::CqUnit;

/// What a query by key found.
#[doc(alias = "QueryMessageResult")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryOutcome {
    /// The records, oldest first. Keys are compared by hash, so others may be among them: clients look at the keys.
    pub records: Vec<Bytes>,
    /// Store timestamp of the newest indexed record; 0 when the index knows none with this key.
    pub index_last_update_timestamp_ms: i64,
    /// Its physical offset, or 0.
    pub index_last_update_physical_offset: i64,
}

impl MessageStore {
    /// The newest records with a key, at most `count_max` and `maxMsgsNumBatch`, stored from `begin_ms` to `end_ms`.
    ///
    /// The reference asks the index up to three times while no found record is in the log any more; the newest ones come first,
    /// so a second answer cannot be better.
    #[doc(alias = "queryMessage")]
    pub fn query(
        &self,
        topic: &str,
        key: &str,
        count_max: usize,
        begin_ms: i64,
        end_ms: i64,
    ) -> QueryOutcome {
        let mut found = self.index.find(topic, key, count_max, begin_ms, end_ms);
        if found.offsets.is_empty() {
            return QueryOutcome::default();
        }
        found.offsets.sort_unstable();
        QueryOutcome {
            records: found.offsets.into_iter().filter_map(|offset| self.record_at(offset)).collect(),
            index_last_update_timestamp_ms: found.last_update_timestamp_ms,
            index_last_update_physical_offset: found.last_update_physical_offset,
        }
    }

    /// The record that begins at `physical_offset`.
    pub fn record_at(&self, physical_offset: i64) -> Option<Bytes> {
        let record = self.log.record_at(physical_offset)?;
        self.is_body_intact(physical_offset, &record).then(|| record.into_bytes())
    }

    /// Store timestamp of the oldest record of the log.
    pub fn earliest_store_time_ms(&self) -> Option<i64> {
        self.log.earliest_store_timestamp_ms()
    }

    /// Offset of the message stored at `timestamp_ms`, or of the nearer of its two neighbours. Before all messages it is the first
    /// one, behind all the last one, in an empty queue 0.
    ///
    /// The reference picks a file by its modification time first; copied files change that, so this searches by the stored
    /// times alone.
    #[doc(alias = "getOffsetInQueueByTime")]
    pub fn offset_by_time(&self, topic: &str, queue_id: i32, timestamp_ms: i64) -> i64 {
        self.queues
            .find(topic, queue_id)
            .and_then(|queue| self.search_by_time(&queue, timestamp_ms))
            .unwrap_or(0)
    }

    fn search_by_time(&self, queue: &ConsumeQueue, timestamp_ms: i64) -> Option<i64> {
        let files = queue.files().files();
        // The first file whose newest message is not older, else the last file. The records of the oldest files may be gone.
        let before = files.partition_point(|file| {
            let newest = CqUnit::iter(file.published(0)).next_back();
            newest.and_then(|unit| self.unit_time_ms(&unit)).is_none_or(|newest_ms| newest_ms < timestamp_ms)
        });
        let file = files.get(before).or(files.last())?;
        let units = file.published(0);
        let first_index = file.start_offset() / crate::format::disk::cq_unit::CQ_UNIT_SIZE as i64;
        let log_min = self.min_physical_offset();
        let mut low = (queue.min_index() - first_index).max(0);
        let mut high = CqUnit::iter(units).len() as i64 - 1;
        // The neighbours found so far: index and time; the left one has no time while its record is gone from the log.
        let mut left: Option<(i64, Option<i64>)> = None;
        let mut right: Option<(i64, i64)> = None;
        while low <= high {
            let middle = (low + high) / 2;
            let unit = CqUnit::at(units, usize::try_from(middle).ok()?)?;
            if unit.physical_offset < log_min {
                left = Some((middle, left.and_then(|(_, time)| time)));
                low = middle + 1;
                continue;
            }
            match self.unit_time_ms(&unit)? {
                time if time == timestamp_ms => return Some(first_index + middle),
                time if time > timestamp_ms => {
                    high = middle - 1;
                    right = Some((middle, time));
                }
                time => {
                    low = middle + 1;
                    left = Some((middle, Some(time)));
                }
            }
        }
        let index = match (left, right) {
            (Some((left, Some(left_ms))), Some((right, right_ms))) => {
                if timestamp_ms.abs_diff(left_ms) > timestamp_ms.abs_diff(right_ms) { right } else { left }
            }
            (_, Some((right, _))) => right,
            (Some((left, Some(_))), None) => left,
            // Every record of the file is gone from the log.
            (_, None) => return None,
        };
        Some(first_index + index)
    }

    fn unit_time_ms(&self, unit: &CqUnit) -> Option<i64> {
        self.log.store_timestamp_ms(unit.physical_offset, usize::try_from(unit.size).ok()?)
    }
}
