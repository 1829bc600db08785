//! Making consume queues and full index files durable, and the checkpoint with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;

use super::queue::ConsumeQueue;
use crate::runtime::signal::Signal;
use crate::runtime::threads::{Service, for_each_overlapping};
use crate::store::checkpoint::StoreCheckpoint;
use crate::store::index::MessageIndex;
use crate::store::options::LiveTuning;

/// From so many queues on they are synced by several threads: each sync waits for the journal of the file system, which takes what
/// waits at a time together.
const QUEUES_FOR_HELPERS_MIN: usize = 64;
const HELPERS: usize = 7;

/// Queues with unflushed units, and the thread that flushes them.
#[doc(alias = "FlushConsumeQueueService")]
#[derive(Debug)]
pub struct QueueFlush {
    dirty: Mutex<Vec<Arc<ConsumeQueue>>>,
    wrote: Signal,
    /// Store timestamp of the newest dispatched record.
    dispatched_ms: AtomicI64,
    checkpoint: Arc<StoreCheckpoint>,
    index: Arc<MessageIndex>,
    service: Service,
    tuning: LiveTuning,
    /// Held by a flush: the checkpoint must not move before what another one took off the list is durable.
    flushing: Mutex<()>,
}

impl QueueFlush {
    /// With the periods of `tuning`.
    pub fn new(
        checkpoint: Arc<StoreCheckpoint>,
        index: Arc<MessageIndex>,
        tuning: LiveTuning,
        service: Service,
    ) -> Self {
        Self {
            dirty: Mutex::new(Vec::new()),
            wrote: Signal::new(),
            dispatched_ms: AtomicI64::new(0),
            checkpoint,
            index,
            service,
            tuning,
            flushing: Mutex::new(()),
        }
    }

    /// A unit was appended to `queue`.
    #[inline]
    pub fn note(&self, queue: &Arc<ConsumeQueue>, store_timestamp_ms: i64) {
        self.dispatched_ms.store(store_timestamp_ms, Ordering::Release);
        if queue.mark_dirty() {
            self.dirty.lock().push(queue.clone());
            self.wrote.raise();
        }
    }

    /// Ends [`QueueFlush::run`].
    pub fn wake_for_stop(&self) {
        self.wrote.raise();
    }

    /// Body of the thread: sleeps while nothing is dirty. Returns after a last thorough flush.
    pub fn run(&self) {
        let mut last_thorough = self.service.clock.moment();
        while !self.service.stop.is_stopped() {
            let tuning = self.tuning.load_full();
            let thorough_at = last_thorough.after(tuning.queue_flush_thorough_interval);
            let pending = !self.dirty.lock().is_empty();
            self.wrote.wait(&self.service.clock, pending.then_some(thorough_at));
            if self.service.stop.wait_for(tuning.queue_flush_interval) {
                break;
            }
            let is_thorough = self.service.clock.moment() >= thorough_at;
            self.flush(if is_thorough { 0 } else { tuning.queue_flush_pages_min });
            if is_thorough {
                last_thorough = self.service.clock.moment();
            }
        }
        self.flush(0);
    }

    fn flush_queue(&self, queue: &Arc<ConsumeQueue>, pages_min: usize) {
        queue.clear_dirty();
        match queue.flush(pages_min) {
            Ok(false) => {
                if queue.mark_dirty() {
                    self.dirty.lock().push(queue.clone());
                }
            }
            Ok(true) => {}
            // A deleted topic's files are gone; that is no failure of the disk.
            Err(_) if queue.files().is_empty() => {}
            Err(error) => self
                .service
                .poison
                .set(format!("could not sync a consume queue of {}: {error}", queue.topic())),
        }
    }

    /// Makes every unit durable that was noted. False when that failed, or had failed before. Blocks on the disk.
    pub fn flush_all(&self) -> bool {
        self.flush(0);
        !self.service.poison.is_set()
    }

    fn flush(&self, pages_min: usize) {
        let _alone = self.flushing.lock();
        if self.service.poison.is_set() {
            return;
        }
        let dispatched_ms = self.dispatched_ms.load(Ordering::Acquire);
        let dirty = std::mem::take(&mut *self.dirty.lock());
        let syncs_many = pages_min == 0 && dirty.len() >= QUEUES_FOR_HELPERS_MIN;
        let helpers = if syncs_many { HELPERS } else { 0 };
        for_each_overlapping("store-cq-sync", &self.service.poison, &dirty, helpers, |queue| {
            self.flush_queue(queue, pages_min);
        });
        let index_moved = self.index.flush_full(&self.checkpoint).unwrap_or_else(|error| {
            self.service.poison.set(format!("could not sync an index file: {error}"));
            false
        });
        if (pages_min == 0 || index_moved) && !self.service.poison.is_set() {
            if pages_min == 0 {
                self.checkpoint.queues_durable(dispatched_ms);
            }
            if let Err(error) = self.checkpoint.write() {
                self.service.poison.set(format!("could not write the checkpoint: {error}"));
            }
        }
    }
}
