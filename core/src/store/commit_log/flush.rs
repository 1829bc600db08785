//! Making the log durable: every so often, or for puts that wait for it.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::{Error, ErrorKind, Result};
use crate::mmap::file_queue::MappedFileQueue;
use crate::runtime::signal::Signal;
use crate::runtime::threads::Service;
use crate::store::acks::FlushWaiters;
use crate::store::acks::PutTicket;
use crate::store::checkpoint::StoreCheckpoint;
use crate::store::options::{FlushMode, LiveTuning, StoreOptions};
use crate::store::put::PutStatus;

/// Flush state of the log, shared by its threads and by puts.
#[derive(Debug)]
pub struct LogFlush {
    files: Arc<MappedFileQueue>,
    checkpoint: Arc<StoreCheckpoint>,
    waiters: FlushWaiters,
    /// Held during a sync.
    syncing: Mutex<()>,
    wrote: Signal,
    committed: Signal,
    /// Raised when buffered bytes become readable.
    readable: Arc<Signal>,
    service: Service,
    mode: FlushMode,
    buffered: bool,
    tuning: LiveTuning,
}

impl LogFlush {
    /// For the files of a log.
    pub fn new(
        files: Arc<MappedFileQueue>,
        checkpoint: Arc<StoreCheckpoint>,
        options: &StoreOptions,
        tuning: LiveTuning,
        readable: Arc<Signal>,
        service: Service,
    ) -> Self {
        Self {
            files,
            checkpoint,
            waiters: FlushWaiters::new(&service.clock),
            syncing: Mutex::new(()),
            wrote: Signal::new(),
            committed: Signal::new(),
            readable,
            service,
            mode: options.flush_mode,
            buffered: options.transient_buffers.is_some(),
            tuning,
        }
    }

    /// Puts that wait for the disk.
    pub fn waiters(&self) -> &FlushWaiters {
        &self.waiters
    }

    /// A ticket for the put that ends at `end_offset`.
    pub fn wait_for(&self, end_offset: i64) -> PutTicket {
        self.waiters.enter(end_offset, self.tuning.load().sync_flush_timeout)
    }

    /// Something was appended.
    #[inline]
    pub fn wake(&self) {
        self.wrote.raise();
    }

    /// Body of the flush thread. Returns after a last thorough flush once the store stops.
    pub fn run(&self) {
        match self.mode {
            FlushMode::Sync => self.run_group_commit(),
            FlushMode::Async => self.run_periodic(),
        }
        self.commit_once(0);
        self.flush_once(0);
        self.waiters.fail_all(PutStatus::ServiceNotAvailable);
        self.waiters.close();
    }

    /// Ends the threads.
    pub fn wake_for_stop(&self) {
        self.wrote.raise();
        self.committed.raise();
    }

    /// One flush for all puts that came in meanwhile; while it runs, the next group gathers.
    #[doc(alias = "GroupCommitService")]
    fn run_group_commit(&self) {
        while !self.service.stop.is_stopped() {
            self.wrote.wait(&self.service.clock, None);
            self.flush_once(0);
        }
    }

    /// Sleeps while nothing is dirty; then flushes once an interval, and the last incomplete pages when they get old.
    #[doc(alias = "FlushRealTimeService")]
    fn run_periodic(&self) {
        let signal = if self.buffered { &self.committed } else { &self.wrote };
        let mut last_thorough = self.service.clock.moment();
        while !self.service.stop.is_stopped() {
            let tuning = self.tuning.load_full();
            let thorough_at = last_thorough.after(tuning.flush_thorough_interval);
            let dirty = self.files.max_offset() > self.files.flushed_offset();
            signal.wait(&self.service.clock, dirty.then_some(thorough_at));
            if tuning.flush_timed && self.service.stop.wait_for(tuning.flush_interval) {
                return;
            }
            let is_thorough = self.service.clock.moment() >= thorough_at;
            self.flush_once(if is_thorough { 0 } else { tuning.flush_pages_min });
            if is_thorough {
                last_thorough = self.service.clock.moment();
            }
        }
    }

    /// Body of the commit thread: moves the transient buffers into the files.
    #[doc(alias = "CommitRealTimeService")]
    pub fn run_commit(&self) {
        let mut last_thorough = self.service.clock.moment();
        while !self.service.stop.is_stopped() {
            let tuning = self.tuning.load_full();
            let thorough_at = last_thorough.after(tuning.commit_thorough_interval);
            let behind = self.files.wrote_offset() > self.files.max_offset();
            self.wrote.wait(&self.service.clock, behind.then_some(thorough_at));
            if self.service.stop.wait_for(tuning.commit_interval) {
                return;
            }
            let is_thorough = self.service.clock.moment() >= thorough_at;
            self.commit_once(if is_thorough { 0 } else { tuning.commit_pages_min });
            if is_thorough {
                last_thorough = self.service.clock.moment();
            }
        }
    }

    /// True when the files hold bytes that only a commit makes readable.
    pub fn is_buffered(&self) -> bool {
        self.buffered
    }

    fn commit_once(&self, pages_min: usize) {
        match self.files.commit(pages_min) {
            Ok(true) => {
                self.readable.raise();
                self.committed.raise();
            }
            Ok(false) => {}
            Err(error) => {
                self.service.poison.set(format!("could not write to the commit log: {error}"));
                self.waiters.fail_all(PutStatus::ServiceNotAvailable);
            }
        }
    }

    fn flush_once(&self, pages_min: usize) {
        match self.sync(pages_min) {
            Some(durable_offset) => self.waiters.flushed(durable_offset),
            None => self.waiters.fail_all(PutStatus::ServiceNotAvailable),
        }
    }

    /// The durable offset; `None` once a sync has failed. It may have dropped the dirty pages: it is never tried again, and nothing is
    /// acknowledged after it. One at a time: the kernel tells of a failure once, and another sync of the same file would succeed.
    fn sync(&self, pages_min: usize) -> Option<i64> {
        let _one = self.syncing.lock();
        if self.service.poison.is_set() {
            return None;
        }
        let newest_ms = self.files.last().map_or(0, |file| file.last_store_timestamp_ms());
        match self.files.flush(pages_min) {
            Ok(durable_offset) => {
                if pages_min == 0 {
                    self.checkpoint.log_durable(newest_ms);
                }
                Some(durable_offset)
            }
            Err(error) => {
                self.service.poison.set(format!("could not sync the commit log: {error}"));
                None
            }
        }
    }

    /// Makes everything durable that is in the log now, on the calling thread.
    pub fn flush_now(&self) -> Result<()> {
        self.commit_once(0);
        self.flush_once(0);
        match self.service.poison.reason() {
            None => Ok(()),
            Some(reason) => Err(Error::new(ErrorKind::Io, reason)),
        }
    }
}
