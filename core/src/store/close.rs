//! Closing a store: the reverse of opening it.

use super::MessageStore;
use super::running::Refusal;
use crate::error::{Error, ErrorKind, Result};
use crate::format::names::file;

impl MessageStore {
    /// Refuses puts, dispatches and syncs what is there, ends the threads, removes the abort marker and unlocks the directory.
    /// Blocks until then. Idempotent.
    ///
    /// The marker stays, and an error says why, when the store is poisoned or could not dispatch everything: the next start
    /// then recovers carefully.
    pub fn close(&self) -> Result<()> {
        let threads = std::mem::take(&mut *self.threads.lock());
        let Some(lock_file) = self.lock_file.lock().take() else { return Ok(()) };
        self.flags.set(Refusal::Closed, true);
        // Who saw the flag unset may still append: within the process calls come until the last moment.
        self.log.end();
        self.stop.stop();
        self.reput.wake();
        self.log.flush().wake_for_stop();
        self.queue_flush.wake_for_stop();
        self.retention.wake_for_stop();
        for thread in threads {
            thread.join()?;
        }
        self.timers.stop();
        self.log.stop_allocator();
        let result = self.finish();
        // Should this fail, the descriptor is closed all the same.
        result.and(self.disk.unlock(&lock_file).map_err(|cause| Error::io("unlock the store", &cause)))
    }

    fn finish(&self) -> Result<()> {
        if let Some(reason) = self.poison.reason() {
            return Err(Error::new(ErrorKind::Io, format!("the store was not closed cleanly: {reason}")));
        }
        // The threads are gone; what they did last must be durable before the marker goes.
        let sync = |what: &str, cause: &std::io::Error| Error::io(format_args!("sync {what}"), cause);
        self.log.files().flush(0).map_err(|cause| sync("the commit log", &cause))?;
        for queue in self.queues.all() {
            queue.flush(0).map_err(|cause| sync("a consume queue", &cause))?;
        }
        self.index.flush_all(&self.checkpoint).map_err(|cause| sync("the key index", &cause))?;
        self.checkpoint.write().map_err(|cause| sync("the checkpoint", &cause))?;
        let behind = self.reput.behind_bytes();
        if behind > 0 {
            return Err(Error::new(
                ErrorKind::Io,
                format!("{behind} bytes of the commit log could not be dispatched"),
            ));
        }
        let marker = self.options.root.join(file::ABORT);
        self.disk
            .remove(&marker)
            .map_err(|cause| Error::io(format_args!("remove {}", marker.display()), &cause))
    }
}

impl Drop for MessageStore {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(target: "broker::store", %error, "closing the store");
        }
    }
}
