//! Finding records by key.

use super::MessageIndex;
use super::file::Wanted;
use crate::format::record::tags::index_key_hash;

/// What a query found.
#[doc(alias = "QueryOffsetResult")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Physical offsets, newest first. Keys are compared by hash, so others may be among them; a record that names a key twice is
    /// there twice.
    pub offsets: Vec<i64>,
    /// Store timestamp of the newest indexed record.
    pub last_update_timestamp_ms: i64,
    /// Its physical offset.
    pub last_update_physical_offset: i64,
}

impl MessageIndex {
    /// At most `count_max` records with a key, stored from `begin_ms` to `end_ms` (to the second), the newest ones.
    #[doc(alias = "queryOffset")]
    pub fn find(&self, topic: &str, key: &str, count_max: usize, begin_ms: i64, end_ms: i64) -> Found {
        let count_max = count_max.min(self.parts.tuning.load().query_count_max);
        let hash = index_key_hash(topic.as_bytes(), key.as_bytes());
        let wanted = Wanted { hash, begin_ms, end_ms, count_max };
        let files = self.all();
        let mut found = Found::default();
        if let Some(newest) = files.last() {
            let header = newest.header();
            found.last_update_timestamp_ms = header.end_timestamp_ms;
            found.last_update_physical_offset = header.end_physical_offset;
        }
        for file in files.iter().rev() {
            let header = file.header();
            if header.is_time_matched(begin_ms, end_ms) {
                file.select(&wanted, &mut found.offsets);
            }
            if header.begin_timestamp_ms < begin_ms || found.offsets.len() >= count_max {
                break;
            }
        }
        found
    }
}
