//! The key index: which records of the log carry a key (format: `format::disk::index`).
//!
//! Files follow each other in time; entries go to the newest one, which the reput thread alone writes. The others are full and
//! only read. Everything in it comes from the log: what cannot be trusted after a crash is removed and built again.

mod file;
pub mod flush;
mod load;
pub mod query;
pub mod write;

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::RwLock;

use super::options::LiveTuning;
use crate::clock::Clock;
use crate::format::disk::index::IndexLayout;
use crate::format::flags::TransactionType;
use crate::format::names::property;
use crate::format::record::decode::RecordView;
use crate::format::record::properties::get_many;
use crate::format::record::tags::index_key_hash;
use crate::mmap::disk::Disk;

use load::Lost;

pub use file::{IndexFile, Key};
pub use load::Trust;
pub use query::Found;

/// What an index is made of.
#[derive(Debug)]
pub struct IndexParts {
    /// Access to files.
    pub disk: Disk,
    /// Names new files.
    pub clock: Clock,
    /// Directory of the files.
    pub dir: PathBuf,
    /// Slots and entries of every file.
    pub layout: IndexLayout,
    /// Whether records are indexed, and how much a query may find.
    pub tuning: LiveTuning,
}

/// The key index of a store.
#[doc(alias = "IndexService")]
#[derive(Debug)]
pub struct MessageIndex {
    parts: IndexParts,
    /// Oldest first.
    files: RwLock<Vec<Arc<IndexFile>>>,
    /// What must be built again.
    lost: Option<Lost>,
}

/// What a record is found by.
#[derive(Debug, Clone, Copy)]
pub struct RecordKeys<'a> {
    /// The unique key.
    pub unique: Option<&'a [u8]>,
    /// The keys of the application, separated by blanks.
    pub keys: Option<&'a [u8]>,
}

impl<'a> RecordKeys<'a> {
    /// Those of a record.
    pub fn of(record: &RecordView<'a>) -> Self {
        let [unique, keys] = get_many(record.properties(), [property::UNIQ_KEY, property::KEYS]);
        Self { unique, keys }
    }

    /// True without any key.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Appends what [`MessageIndex::put`] takes for the unique key of a record, then for each of its keys.
    pub fn collect(self, record: &RecordView<'_>, into: &mut Vec<Key>) {
        if record.transaction_type() == TransactionType::Rollback {
            return;
        }
        let key = |key: &[u8]| Key {
            hash: index_key_hash(record.topic_bytes(), key),
            physical_offset: record.physical_offset(),
            store_timestamp_ms: record.store_timestamp_ms(),
        };
        into.extend(self.iter().map(key));
    }

    fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let keys = self.keys.unwrap_or_default().split(|byte| *byte == b' ').filter(|key| !key.is_empty());
        self.unique.into_iter().chain(keys)
    }
}

impl MessageIndex {
    fn newest(&self) -> Option<Arc<IndexFile>> {
        self.files.read().last().cloned()
    }

    fn all(&self) -> Vec<Arc<IndexFile>> {
        self.files.read().clone()
    }
}

#[cfg(test)]
mod tests;
