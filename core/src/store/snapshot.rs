//! Copying a store that is in use. An abort marker comes first: the copy looks as if the process had been killed, also when it is never
//! finished. Then the checkpoint, which must not say more of the queues than their copies know; then what is derived before what
//! it is derived from: queues and index, and the log last. Recovery makes it whole: everything stored before the call is in it.

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
        disk.create_empty(&dir.join(file::ABORT)).map_err(|cause| failed("the marker", &cause))?;
        copy_file(disk, &options.root.join(file::CHECKPOINT), &dir.join(file::CHECKPOINT))
            .map_err(|cause| failed("the checkpoint", &cause))?;
        if self.log.flush().is_buffered() {
            // What was put is not in the file yet.
            self.flush_now()?;
        }
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
        copy_dir(disk, &options.commit_log_path(), &dir.join(file::COMMIT_LOG))
            .map_err(|cause| failed("the log", &cause))
    }
}
