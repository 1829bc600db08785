//! The message store. Synchronous, with its own threads. Knows nothing of sockets, request codes, groups, permissions.
//!
//! Write: [`put`] gates → [`commit_log`] append (the one lock, where offsets are assigned) → [`acks`] ticket.
//! Behind it: [`reput`] tails the log and hands each record to the consume queues, the arrival listener and the key index.
//! Read: [`get`] goes from queue offset over units to views of the log, without copying a body.
//! Start: [`open`] locks, loads, recovers; [`close`] is the reverse. Meanwhile [`retention`] deletes what is old.

pub mod acks;
mod check;
pub mod checkpoint;
pub mod close;
pub mod commit_log;
pub mod consume_queue;
pub mod dispatch;
pub mod fan_out;
pub mod get;
pub mod index;
pub mod open;
pub mod options;
pub mod put;
pub mod query;
pub mod reput;
pub mod retention;
pub mod running;
mod snapshot;
pub mod stats;
mod topics_gone;

use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::Result;
use crate::mmap::disk::Disk;
use crate::runtime::stop::StopToken;
use crate::runtime::threads::{Poison, ServiceThread};
use crate::runtime::timers::Timers;

use checkpoint::StoreCheckpoint;
use commit_log::CommitLog;
use consume_queue::flush::QueueFlush;
use consume_queue::table::ConsumeQueueTable;
use dispatch::{ArrivalListener, Dispatch};
use index::MessageIndex;
use options::{LiveTuning, StoreOptions, Tuning};
use reput::Reput;
use retention::Retention;
use running::{Refusal, RunningFlags};
use stats::StoreStats;

pub use get::{GetOutcome, GetStatus, MatchAll, MessageFilter, QueueUnit};
pub use put::{Amount, Appended, BodyForm, PutMessage, PutOutcome, PutOutcomes, PutStatus};
pub use query::QueryOutcome;

/// The store of one broker: composition only, the rules are in the modules.
#[doc(alias = "DefaultMessageStore")]
pub struct MessageStore {
    options: StoreOptions,
    tuning: LiveTuning,
    disk: Disk,
    flags: Arc<RunningFlags>,
    poison: Poison,
    log: Arc<CommitLog>,
    queues: Arc<ConsumeQueueTable>,
    index: Arc<MessageIndex>,
    checkpoint: Arc<StoreCheckpoint>,
    dispatch: Arc<Dispatch>,
    reput: Arc<Reput>,
    queue_flush: Arc<QueueFlush>,
    retention: Arc<Retention>,
    stats: Arc<StoreStats>,
    threads: Mutex<Vec<ServiceThread>>,
    timers: Timers,
    stop: StopToken,
    /// The end of the log at the start.
    checked_below: i64,
    /// Holds the directory against a second store, as long as it is open.
    lock_file: Mutex<Option<std::fs::File>>,
}

impl std::fmt::Debug for MessageStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessageStore").field("root", &self.options.root).finish_non_exhaustive()
    }
}

impl MessageStore {
    /// Who is told of each message once it can be read. At most one; set before traffic begins.
    pub fn set_arrival_listener(&self, listener: Arc<dyn ArrivalListener>) {
        self.dispatch.set_listener(listener);
    }

    /// What the store was opened with.
    pub fn options(&self) -> &StoreOptions {
        &self.options
    }

    /// Removes the queues of a topic, with their files; the next message of that name begins at offset 0. Records stay in the
    /// log until they expire, but no queue leads to them any more.
    pub fn delete_topic(&self, topic: &str) -> Result<()> {
        topics_gone::delete(self, topic)
    }

    /// Has expired files of the log deleted soon, whatever the hour.
    #[doc(alias = "executeDeleteFilesManually")]
    pub fn delete_expired_files(&self) {
        self.retention.ask();
    }

    /// Takes new values for what may change at run time.
    pub fn retune(&self, tuning: Tuning) {
        self.tuning.store(Arc::new(tuning));
    }

    /// Numbers for statistics and runtime information.
    pub fn stats(&self) -> &StoreStats {
        &self.stats
    }

    /// Why nothing can be written any more, when that is so: a panic of a service thread, or a failed sync.
    pub fn poisoned(&self) -> Option<&str> {
        self.poison.reason()
    }

    /// True while puts are refused for want of room.
    pub fn is_disk_full(&self) -> bool {
        self.flags.has(Refusal::DiskFull)
    }

    /// Offset of the oldest byte of the commit log.
    pub fn min_physical_offset(&self) -> i64 {
        self.log.files().min_offset()
    }

    /// Offset behind the newest readable byte of the commit log.
    pub fn max_physical_offset(&self) -> i64 {
        self.log.files().max_offset()
    }

    /// Everything below this offset of the commit log can be found in its queues.
    pub fn dispatched_offset(&self) -> i64 {
        self.reput.offset()
    }

    /// Bytes of the commit log that are not dispatched yet.
    pub fn dispatch_behind_bytes(&self) -> i64 {
        self.reput.behind_bytes()
    }

    /// Makes everything durable that is in the log now. Blocks on the disk.
    pub fn flush_now(&self) -> Result<()> {
        self.log.flush().flush_now()
    }

    /// Bytes of the commit log that are not durable yet.
    pub fn flush_behind_bytes(&self) -> i64 {
        self.log.files().wrote_offset() - self.log.files().flushed_offset()
    }
}

#[cfg(test)]
pub(crate) mod tests;
