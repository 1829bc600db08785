//! Tails the log: every record, in order, once, goes to [`Dispatch`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::commit_log::scan::{Found, look};
use super::dispatch::{Dispatch, FileWait, Recent};
use super::running::{Refusal, RunningFlags};
use crate::mmap::file_queue::MappedFileQueue;
use crate::runtime::signal::Signal;
use crate::runtime::threads::{Service, panic_text};

/// More than this is left to the thread: a connection must not wait for it.
const BYTES_HERE_MAX: i64 = 1 << 20;
/// Pause before a failed dispatch is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// Position of the dispatch and the thread that moves it.
#[doc(alias = "ReputMessageService")]
#[derive(Debug)]
pub struct Reput {
    files: Arc<MappedFileQueue>,
    dispatch: Arc<Dispatch>,
    flags: Arc<RunningFlags>,
    service: Service,
    wrote: Arc<Signal>,
    /// Everything below is dispatched.
    offset: AtomicI64,
    /// Held during a round.
    round: Mutex<Recent>,
}

/// The right to dispatch.
#[derive(Debug)]
pub struct DispatchRound<'a> {
    reput: &'a Reput,
    recent: MutexGuard<'a, Recent>,
}

impl DispatchRound<'_> {
    /// See [`Reput::catch_up`].
    pub fn dispatch_all(&mut self) -> bool {
        matches!(self.reput.dispatch_all(&mut self.recent, FileWait::Allowed), Round::CaughtUp)
    }

    /// Forgets the files that the dispatch kept at hand: the caller removes some.
    pub fn forget_files(&mut self) {
        *self.recent = Recent::default();
    }
}

/// How one round over a file ended.
enum Round {
    CaughtUp,
    NextFile,
    /// A file has to be made first.
    NeedsFile,
    Failed,
}

impl Reput {
    /// Begins at offset 0; [`Reput::set_offset`] moves it before the thread starts.
    pub fn new(
        files: Arc<MappedFileQueue>,
        dispatch: Arc<Dispatch>,
        flags: Arc<RunningFlags>,
        service: Service,
    ) -> Self {
        Self {
            files,
            dispatch,
            flags,
            service,
            wrote: Arc::new(Signal::new()),
            offset: AtomicI64::new(0),
            round: Mutex::new(Recent::default()),
        }
    }

    /// Everything below `offset` is dispatched already.
    pub fn set_offset(&self, offset: i64) {
        self.offset.store(offset, Ordering::Release);
    }

    /// Bytes of the log that are not dispatched yet.
    pub fn behind_bytes(&self) -> i64 {
        (self.files.max_offset() - self.offset.load(Ordering::Acquire)).max(0)
    }

    /// Raised when there is something to dispatch.
    pub fn signal(&self) -> Arc<Signal> {
        self.wrote.clone()
    }

    /// Something was appended.
    #[inline]
    pub fn wake(&self) {
        self.wrote.raise();
    }

    /// Body of the thread. When told to stop it first dispatches what is in the log.
    pub fn run(&self) {
        loop {
            // Read before the round: what was appended before the stop is dispatched by it.
            let stopping = self.service.stop.is_stopped();
            let failed = !self.catch_up();
            if stopping {
                return;
            }
            if failed {
                self.service.stop.wait_for(RETRY);
            } else {
                self.wrote.wait(&self.service.clock, None);
            }
        }
    }

    /// Dispatches everything that is in the log. False when something could not be written; the position stays there.
    pub fn catch_up(&self) -> bool {
        self.begin_round().dispatch_all()
    }

    /// Something was appended: dispatches it here and now, while it is in this processor's cache and without waking a thread, unless
    /// somebody is at it already, or a file has to be made, or much is waiting; then the thread is woken.
    pub fn catch_up_here(&self) {
        if self.behind_bytes() > BYTES_HERE_MAX {
            return self.wake();
        }
        let caught_up = match self.round.try_lock() {
            None => false,
            Some(mut recent) => {
                let dispatch = || self.dispatch_all(&mut recent, FileWait::Refused);
                let done = catch_unwind(AssertUnwindSafe(dispatch));
                if let Err(panic) = &done {
                    self.service.poison.set(format!("dispatch panicked: {}", panic_text(&**panic)));
                }
                matches!(done, Ok(Round::CaughtUp))
            }
        };
        // What came after the round ended was left to it by whoever found it locked.
        if !caught_up || self.behind_bytes() > 0 {
            self.wake();
        }
    }

    /// Keeps every other dispatch out until the round is dropped.
    pub fn begin_round(&self) -> DispatchRound<'_> {
        DispatchRound { reput: self, recent: self.round.lock() }
    }

    fn dispatch_all(&self, recent: &mut Recent, wait: FileWait) -> Round {
        loop {
            let start = self.offset.load(Ordering::Acquire);
            let min_offset = self.files.min_offset();
            if start < min_offset {
                tracing::warn!(target: "broker::store", from = start, to = min_offset, "undispatched records are gone");
                self.offset.store(min_offset, Ordering::Release);
                continue;
            }
            match self.dispatch_file(start, recent, wait) {
                Round::NextFile => {}
                end => return end,
            }
        }
    }

    /// Dispatches from `start` to the end of what can be read in its file.
    fn dispatch_file(&self, start: i64, recent: &mut Recent, wait: FileWait) -> Round {
        let Some(bytes) = self.files.slice_to_end(start) else { return Round::CaughtUp };
        let round = self.dispatch_bytes(start, &bytes, recent, wait);
        self.dispatch.batch_done(recent);
        round
    }

    fn dispatch_bytes(&self, start: i64, bytes: &[u8], recent: &mut Recent, wait: FileWait) -> Round {
        let mut position = 0;
        while let Some(rest) = bytes.get(position..).filter(|rest| !rest.is_empty()) {
            let record = match look(rest) {
                Found::Record(record) => record,
                Found::EndOfFile => {
                    let file_bytes = self.files.file_size_bytes() as i64;
                    let next = (start / file_bytes + 1) * file_bytes;
                    self.offset.store(next, Ordering::Release);
                    return Round::NextFile;
                }
                Found::Nothing => return Round::CaughtUp,
                Found::Broken(error) => {
                    // Published bytes are complete records: this is damage on disk. Nothing behind it can be told apart.
                    self.service.poison.set(format!(
                        "the commit log is damaged at offset {}: {error}",
                        start + position as i64
                    ));
                    return Round::CaughtUp;
                }
            };
            match self.dispatch.dispatch(&record, recent, wait) {
                Ok(true) => {}
                Ok(false) => return Round::NeedsFile,
                Err(error) => {
                    self.report_failure(&error);
                    return Round::Failed;
                }
            }
            position += record.total_size();
            self.offset.store(start + position as i64, Ordering::Release);
        }
        if self.flags.has(Refusal::DispatchFailing) {
            tracing::info!(target: "broker::store", "consume queues and key index can be written again");
            self.flags.set(Refusal::DispatchFailing, false);
        }
        // A file that is full to the last byte has no filler.
        Round::NextFile
    }

    /// Puts are refused until the dispatch succeeds: otherwise the log would grow with messages that nobody can read.
    fn report_failure(&self, error: &crate::error::Error) {
        if !self.flags.has(Refusal::DispatchFailing) {
            tracing::error!(target: "broker::store", %error, "cannot dispatch; puts are refused until it works");
            self.flags.set(Refusal::DispatchFailing, true);
        }
    }
}
