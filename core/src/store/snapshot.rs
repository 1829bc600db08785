//! Copying a store that is in use. What is derived is copied before what it is derived from: queues and index first, then the
//! checkpoint, the log last, and an abort marker. The copy looks as if the process had been killed in between, and recovery makes
//! it whole: everything stored before the call is in it.

use std::path::Path;

use super::MessageStore;
use crate::error::{Error, Result};
use crate::format::names::file;
use crate::mmap::copy::{copy_dir, copy_file};
use crate::mmap::disk::Disk;

impl MessageStore {
    /// Copies the store's files to `dir`, which must exist; the tables of the broker beside them are others' to copy. The log goes to
    /// its usual place, wherever it is now. Blocks on the disk; sends go on meanwhile.
    pub fn copy_to(&self, disk: &Disk, dir: &Path) -> Result<()> {
        let failed = |what: &str, cause: &std::io::Error| {
            Error::io(format_args!("copy {what} of the store to {}", dir.display()), cause)
        };
        let options = &self.options;
        let parts = [
            (file::CONSUME_QUEUE, options.consume_queue_path()),
            (file::CONSUME_QUEUE_EXT, options.consume_queue_ext_path()),
            (file::INDEX, options.index_path()),
        ];
        for (name, from) in parts {
            if from.is_dir() {
                copy_dir(disk, &from, &dir.join(name)).map_err(|cause| failed(name, &cause))?;
            }
        }
        let checkpoint = options.root.join(file::CHECKPOINT);
        copy_file(disk, &checkpoint, &dir.join(file::CHECKPOINT))
            .and_then(|()| copy_dir(disk, &options.commit_log_path(), &dir.join(file::COMMIT_LOG)))
            .and_then(|()| disk.create_empty(&dir.join(file::ABORT)).map(drop))
            .map_err(|cause| failed("the log", &cause))
    }
}
