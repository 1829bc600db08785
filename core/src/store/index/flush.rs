//! Making index files durable, and removing those whose records are gone.

use std::io;

use super::MessageIndex;
use crate::store::checkpoint::StoreCheckpoint;

impl MessageIndex {
    /// Makes full files durable and moves the index timestamp of the checkpoint; true when it moved. The newest file is left to
    /// [`MessageIndex::flush_all`], as in the reference: after a crash it is built again.
    pub fn flush_full(&self, checkpoint: &StoreCheckpoint) -> io::Result<bool> {
        let mut moved = false;
        for file in self.all().iter().filter(|file| !file.is_durable() && file.is_full()) {
            file.sync()?;
            file.set_durable();
            checkpoint.index_durable(file.header().end_timestamp_ms);
            moved = true;
        }
        Ok(moved)
    }

    /// Makes everything durable; for the close, when nobody writes.
    pub fn flush_all(&self, checkpoint: &StoreCheckpoint) -> io::Result<()> {
        self.flush_full(checkpoint)?;
        self.newest().filter(|file| !file.is_durable()).map_or(Ok(()), |file| file.sync())
    }

    /// Removes the oldest files as long as all their records lie below `log_min`; the newest one stays. Returns how many.
    #[doc(alias = "deleteExpiredFile")]
    pub fn remove_below(&self, log_min: i64) -> io::Result<usize> {
        let mut removed = 0;
        loop {
            let files = self.files.read();
            let Some(oldest) = files.first().filter(|_| files.len() > 1).cloned() else { return Ok(removed) };
            drop(files);
            if oldest.header().end_physical_offset >= log_min {
                return Ok(removed);
            }
            oldest.remove()?;
            self.files.write().remove(0);
            removed += 1;
        }
    }
}
