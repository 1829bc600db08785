//! The checkpoint file: how far log and queues were durable (format: `format::disk::checkpoint`).

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::format::disk::checkpoint::{CHECKPOINT_FILE_SIZE, Checkpoint};
use crate::mmap::disk::Disk;
use crate::mmap::mapped_table::MappedTable;

/// The three timestamps, advanced in memory and written now and then.
#[derive(Debug)]
pub struct StoreCheckpoint {
    file: Mutex<MappedTable>,
    log_ms: AtomicI64,
    queues_ms: AtomicI64,
    index_ms: AtomicI64,
}

impl StoreCheckpoint {
    /// Opens or creates the file and reads it.
    pub fn open(disk: &Disk, path: &Path) -> Result<Self> {
        let file = MappedTable::open_or_create(disk, path, CHECKPOINT_FILE_SIZE)
            .map_err(|cause| Error::io(format_args!("open {}", path.display()), &cause))?;
        let stored = Checkpoint::decode(file.bytes()).unwrap_or_default();
        Ok(Self {
            file: Mutex::new(file),
            log_ms: AtomicI64::new(stored.commit_log_timestamp_ms),
            queues_ms: AtomicI64::new(stored.consume_queue_timestamp_ms),
            index_ms: AtomicI64::new(stored.index_timestamp_ms),
        })
    }

    /// The present values.
    pub fn values(&self) -> Checkpoint {
        Checkpoint {
            commit_log_timestamp_ms: self.log_ms.load(Ordering::Acquire),
            consume_queue_timestamp_ms: self.queues_ms.load(Ordering::Acquire),
            index_timestamp_ms: self.index_ms.load(Ordering::Acquire),
        }
    }

    /// The log is durable up to the record with this store timestamp.
    pub fn log_durable(&self, store_timestamp_ms: i64) {
        self.log_ms.fetch_max(store_timestamp_ms, Ordering::AcqRel);
    }

    /// The queues durably hold everything up to the record with this store timestamp.
    pub fn queues_durable(&self, store_timestamp_ms: i64) {
        self.queues_ms.fetch_max(store_timestamp_ms, Ordering::AcqRel);
    }

    /// Every index file up to the one that ends with this store timestamp is full and durable.
    pub fn index_durable(&self, store_timestamp_ms: i64) {
        self.index_ms.fetch_max(store_timestamp_ms, Ordering::AcqRel);
    }

    /// Writes and syncs the file.
    pub fn write(&self) -> std::io::Result<()> {
        let bytes = self.values().encode();
        let mut file = self.file.lock();
        for (target, byte) in file.bytes_mut().iter_mut().zip(bytes) {
            *target = byte;
        }
        file.sync()
    }
}
