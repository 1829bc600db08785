//! Deleting what is old, or what the disk has no room for; refusing puts while a disk is too full (store-behaviour §12).
//!
//! [`rules`] says what may be deleted, [`age`] how old a file is, [`trim`] follows in queues and index. This file holds the thread
//! `store-clean` and the order of a round: log, queues, index. Never deleted: the newest file, what is not dispatched or not durable,
//! what a crash of the machine would need to number a queue.

pub mod age;
pub mod rules;
mod trim;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use parking_lot::Mutex;

use super::consume_queue::flush::QueueFlush;
use super::consume_queue::table::ConsumeQueueTable;
use super::index::MessageIndex;
use super::options::{LiveTuning, StoreOptions};
use super::reput::Reput;
use super::running::{Refusal, RunningFlags};
use crate::clock::Moment;
use crate::mmap::disk::Disk;
use crate::mmap::file_queue::MappedFileQueue;
use crate::mmap::mapped_file::MappedFile;
use crate::runtime::signal::Signal;
use crate::runtime::threads::Service;

use age::{SteadyTime, written_ms};
use rules::{DiskPercent, Grounds, RetentionRules, grounds, may_go, refuses_puts};

/// The first round comes this long after the start.
const FIRST_ROUND: Duration = Duration::from_secs(60);
/// Disk use is looked at first after this time.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// And then this often.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// As many files of the log go in one round at most.
#[doc(alias = "DELETE_FILES_BATCH_MAX")]
const FILES_PER_ROUND: usize = 10;
/// As many rounds delete expired files whatever the hour once an operator asked.
#[doc(alias = "MAX_MANUAL_DELETE_FILE_TIMES")]
const ROUNDS_ASKED: u32 = 20;

/// What retention works on.
#[derive(Debug)]
pub struct RetentionParts {
    /// Measures.
    pub disk: Disk,
    /// Directories, interval of the rounds, levels of the disk.
    pub options: StoreOptions,
    /// The log.
    pub files: Arc<MappedFileQueue>,
    /// Trimmed with the log.
    pub queues: Arc<ConsumeQueueTable>,
    /// Makes queues durable before what they point to goes.
    pub queue_flush: Arc<QueueFlush>,
    /// Trimmed with the log.
    pub index: Arc<MessageIndex>,
    /// Says what is dispatched.
    pub reput: Arc<Reput>,
    /// Refuses puts.
    pub flags: Arc<RunningFlags>,
    /// Rules.
    pub tuning: LiveTuning,
    /// Time and stop.
    pub service: Service,
}

/// Deletes files of the log, and with them those of queues and index.
#[doc(alias = "CleanCommitLogService")]
#[doc(alias = "CleanConsumeQueueService")]
#[derive(Debug)]
pub struct Retention {
    parts: RetentionParts,
    wake: Signal,
    /// A round is to begin now.
    is_due: AtomicBool,
    /// Rounds that an operator asked for and that are still to come.
    rounds_asked: AtomicU32,
    state: Mutex<State>,
}

/// What one round leaves to the next.
#[derive(Debug)]
struct State {
    now: SteadyTime,
    /// When disk use is looked at next.
    look_at: Moment,
    /// Everything of the log below is durable in the queues.
    queues_durable: i64,
    /// Queues and index hold nothing below.
    trimmed_to: i64,
    /// Files that were removed, and when.
    removed: Vec<(Weak<MappedFile>, Moment)>,
    /// A file could not be removed; not before this is it tried again.
    retry_at: Option<Moment>,
}

impl Retention {
    /// Does nothing until [`Retention::run`].
    pub fn new(parts: RetentionParts) -> Self {
        let state = State {
            now: SteadyTime::new(&parts.service.clock),
            look_at: parts.service.clock.moment().after(FIRST_LOOK),
            queues_durable: 0,
            trimmed_to: 0,
            removed: Vec::new(),
            retry_at: None,
        };
        Self {
            parts,
            wake: Signal::new(),
            is_due: AtomicBool::new(false),
            rounds_asked: AtomicU32::new(0),
            state: Mutex::new(state),
        }
    }

    /// Has expired files deleted whatever the hour, in the next rounds, of which the first begins now.
    #[doc(alias = "executeDeleteFilesManually")]
    pub fn ask(&self) {
        self.rounds_asked.store(ROUNDS_ASKED, Ordering::Release);
        self.begin_round_now();
    }

    /// Begins a round without waiting for its time: the disk may be full.
    pub fn begin_round_now(&self) {
        self.is_due.store(true, Ordering::Release);
        self.wake.raise();
    }

    /// Ends [`Retention::run`].
    pub fn wake_for_stop(&self) {
        self.wake.raise();
    }

    /// Body of the thread.
    pub fn run(&self) {
        let clock = &self.parts.service.clock;
        let mut round_at = clock.moment().after(FIRST_ROUND);
        while !self.is_stopped() {
            if self.is_due.swap(false, Ordering::AcqRel) || clock.moment() >= round_at {
                self.round();
                round_at = clock.moment().after(self.parts.options.clean_interval);
            } else {
                let look_at = self.look_if_due(&mut self.state.lock());
                self.wake.wait(clock, Some(look_at.min(round_at)));
            }
        }
    }

    /// Sets or lifts the refusal of puts, when it is time; says when that is next.
    fn look_if_due(&self, state: &mut State) -> Moment {
        let now = self.parts.service.clock.moment();
        if now >= state.look_at {
            state.now.now_ms();
            self.judge(self.measure());
            state.look_at = now.after(LOOK_INTERVAL);
        }
        state.look_at
    }

    /// One round: deletes, follows in queues and index, and looks at the disk again.
    pub fn round(&self) {
        let mut state = self.state.lock();
        let rules = self.rules();
        let took = |rounds: u32| rounds.checked_sub(1);
        let asked = self.rounds_asked.fetch_update(Ordering::AcqRel, Ordering::Acquire, took).is_ok();
        let disk = self.measure();
        self.judge(disk);
        let why = self.grounds(&rules, asked, disk);
        if why != Grounds::Nothing {
            let removed = self.clean_log(&mut state, &rules, asked, why);
            if removed == 0 && why == Grounds::AnyAge {
                tracing::warn!(target: "broker::store", ?disk, "the disk is nearly full, and no file of the log can be deleted");
            }
        }
        self.trim(&mut state, &rules);
        self.judge(self.measure());
    }

    fn clean_log(&self, state: &mut State, rules: &RetentionRules, asked: bool, mut why: Grounds) -> usize {
        let clock = &self.parts.service.clock;
        let mut removed = 0;
        while removed < FILES_PER_ROUND && state.retry_at.is_none_or(|at| clock.moment() >= at) {
            let Some(file) = self.parts.files.first_of_several() else { break };
            if !self.may_remove(state, rules, why, &file) {
                break;
            }
            drop(file);
            match self.parts.files.remove_oldest() {
                Ok(Some(file)) => {
                    tracing::info!(target: "broker::store", path = %file.path().display(), ?why, "deleted a file of the log");
                    state.removed.push((Arc::downgrade(&file), clock.moment()));
                    (state.retry_at, removed) = (None, removed + 1);
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(target: "broker::store", %error, retry = ?rules.retry_pause, "a file of the log could not be deleted");
                    state.retry_at = Some(clock.moment().after(rules.retry_pause));
                    break;
                }
            }
            if !self.pause(state, rules.file_pause) {
                break;
            }
            if why == Grounds::AnyAge {
                // One file may have been enough.
                why = self.grounds(rules, asked, self.measure());
            }
        }
        removed
    }

    /// Whether the oldest file may go, and nothing that is still needed goes with it.
    fn may_remove(
        &self,
        state: &mut State,
        rules: &RetentionRules,
        why: Grounds,
        file: &Arc<MappedFile>,
    ) -> bool {
        let next = self.parts.files.find(file.end_offset());
        let age_ms = match written_ms(file, next.as_ref()) {
            Ok(written_ms) => state.now.now_ms().saturating_sub(written_ms),
            Err(error) => {
                tracing::error!(target: "broker::store", path = %file.path().display(), %error, "the age of a file is not known");
                return false;
            }
        };
        may_go(why, age_ms, rules.reserved)
            && !(why == Grounds::AnyAge && self.has_reader(state, rules))
            && file.end_offset() <= self.parts.files.flushed_offset()
            && self.is_safe_in_queues(state, file.end_offset())
    }

    /// True while somebody reads a removed file: its blocks are not free yet, so deleting more would be too early. The reference
    /// unmaps it under the reader after a while; here it is only not waited for any longer.
    fn has_reader(&self, state: &mut State, rules: &RetentionRules) -> bool {
        let now = self.parts.service.clock.moment();
        state.removed.retain(|(file, at)| file.strong_count() > 0 && now < at.after(rules.reader_patience));
        !state.removed.is_empty()
    }

    /// Whether all records below `end_offset` are durable in their queues. If not, a crash of the machine could take the newest units
    /// of a queue, which could not be made again, and later ones would get their numbers.
    fn is_safe_in_queues(&self, state: &mut State, end_offset: i64) -> bool {
        if state.queues_durable < end_offset {
            let dispatched = self.parts.reput.offset();
            if dispatched < end_offset || !self.parts.queue_flush.flush_all() {
                return false;
            }
            state.queues_durable = dispatched;
        }
        true
    }

    fn grounds(&self, rules: &RetentionRules, asked: bool, disk: DiskPercent) -> Grounds {
        let now = Timestamp::from_millisecond(self.parts.service.clock.now_ms()).unwrap_or_default();
        let hour = now.to_zoned(TimeZone::system()).hour();
        grounds(rules, self.parts.options.disk_levels, hour.unsigned_abs(), asked, disk)
    }

    fn judge(&self, disk: DiskPercent) {
        let refuses = refuses_puts(self.parts.options.disk_levels, disk);
        let flags = &self.parts.flags;
        if flags.has(Refusal::DiskAboveWarning) == refuses {
            return;
        }
        flags.set(Refusal::DiskAboveWarning, refuses);
        if refuses {
            let level = self.parts.options.disk_levels.refuse_above;
            tracing::error!(target: "broker::store", ?disk, level, "the disk is nearly full: puts are refused");
        } else {
            tracing::info!(target: "broker::store", ?disk, "the disk has room: puts are taken again");
        }
    }

    /// Used share of the disks that hold log and queues, or the nearest of their parents that exists.
    fn measure(&self) -> DiskPercent {
        let percent = |path: &Path| {
            let used = path.ancestors().find_map(|path| self.parts.disk.usage(path).ok());
            used.map(|used| used.used_percent())
        };
        let options = &self.parts.options;
        DiskPercent {
            log: percent(&options.commit_log_path()),
            queues: percent(&options.consume_queue_path()),
        }
    }

    fn rules(&self) -> RetentionRules {
        self.parts.tuning.load().retention.clone()
    }

    /// Waits, and looks at the disk meanwhile; false when the store is closing.
    fn pause(&self, state: &mut State, pause: Duration) -> bool {
        let clock = &self.parts.service.clock;
        let deadline = clock.moment().after(pause);
        while !self.is_stopped() && clock.moment() < deadline {
            let look_at = self.look_if_due(state);
            self.wake.wait(clock, Some(deadline.min(look_at)));
        }
        !self.is_stopped()
    }

    fn is_stopped(&self) -> bool {
        self.parts.service.stop.is_stopped()
    }
}

#[cfg(test)]
mod tests;
