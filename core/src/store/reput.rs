//! Tails the log: every record, in order, once, goes to [`Dispatch`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::commit_log::scan::{Found, look};
use super::dispatch::{Chunk, Dispatch, FileWait, Recent};
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
    /// How many want it to end soon.
    waiting: AtomicUsize,
}

/// The right to dispatch.
#[derive(Debug)]
pub struct DispatchRound<'a> {
    reput: &'a Reput,
    recent: MutexGuard<'a, Recent>,
}

impl DispatchRound<'_> {
    /// Forgets the files that the dispatch kept at hand: the caller removes some.
    pub fn forget_files(&mut self) {
        self.recent.forget_files();
    }

    /// The topic's records below `end_offset` go to no queue.
    pub fn skip_topic(&mut self, topic: &str, end_offset: i64) {
        if end_offset > self.reput.offset() {
            self.recent.skip_topic(topic, end_offset);
        }
    }
}

/// How one round over a file ended.
enum Round {
    CaughtUp,
    NextFile,
    /// A file has to be made first.
    NeedsFile,
    /// Somebody waits for the round.
    Interrupted,
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
            waiting: AtomicUsize::new(0),
        }
    }

    /// Everything below `offset` is dispatched already.
    pub fn set_offset(&self, offset: i64) {
        self.offset.store(offset, Ordering::Release);
    }

    /// Everything below is dispatched.
    pub fn offset(&self) -> i64 {
        self.offset.load(Ordering::Acquire)
    }

    /// Bytes of the log that are not dispatched yet.
    pub fn behind_bytes(&self) -> i64 {
        (self.files.max_offset() - self.offset()).max(0)
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
        loop {
            let mut recent = self.round.lock();
            match self.dispatch_all(&mut recent, FileWait::Allowed) {
                // While more is appended than dispatched a round has no end of its own.
                Round::Interrupted => MutexGuard::unlock_fair(recent),
                end => return matches!(end, Round::CaughtUp),
            }
        }
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

    /// Keeps every other dispatch out until the round is dropped. Waits for as long as a few records take.
    pub fn begin_round(&self) -> DispatchRound<'_> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let recent = self.round.lock();
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        DispatchRound { reput: self, recent }
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
            // Not by the records that come by: a chunk that could not be finished comes again.
            recent.dispatched_until(start);
            match self.dispatch_file(start, recent, wait) {
                Round::NextFile => {}
                end => return end,
            }
        }
    }

    /// Dispatches from `start` to the end of what can be read in its file.
    fn dispatch_file(&self, start: i64, recent: &mut Recent, wait: FileWait) -> Round {
        let Some(bytes) = self.files.slice_to_end(start) else { return Round::CaughtUp };
        let mut position = 0;
        let end = loop {
            let rest = bytes.get(position..).unwrap_or_default();
            let (len, end) = self.dispatch_chunk(start + position as i64, rest, recent, wait);
            position += len;
            self.offset.store(start + position as i64, Ordering::Release);
            if let Some(end) = end {
                break end;
            }
            if self.waiting.load(Ordering::Acquire) > 0 {
                break Round::Interrupted;
            }
        };
        self.dispatch.batch_done();
        end
    }

    /// Dispatches some of the records that `bytes` begins with; says how long they are, and how the round over the file ends,
    /// if there is nothing left to do in it.
    fn dispatch_chunk(
        &self,
        start: i64,
        bytes: &[u8],
        recent: &mut Recent,
        wait: FileWait,
    ) -> (usize, Option<Round>) {
        let mut chunk = Chunk::default();
        let mut len = 0;
        let end = loop {
            if chunk.is_full() {
                break None;
            }
            let record = match bytes.get(len..).filter(|rest| !rest.is_empty()).map(look) {
                Some(Found::Record(record)) => record,
                // A file that is full to the last byte has no filler.
                None => break Some(Round::NextFile),
                Some(Found::Nothing) => break Some(Round::CaughtUp),
                Some(Found::EndOfFile) => {
                    let file_bytes = self.files.file_size_bytes() as i64;
                    len = (file_bytes - start % file_bytes) as usize;
                    break Some(Round::NextFile);
                }
                Some(Found::Broken(error)) => {
                    // Published bytes are complete records: this is damage on disk. Nothing behind it can be told apart.
                    let offset = start + len as i64;
                    self.service.poison.set(format!("the commit log is damaged at offset {offset}: {error}"));
                    break Some(Round::CaughtUp);
                }
            };
            match self.dispatch.add(&record, recent, &mut chunk, wait) {
                Ok(true) => len += record.total_size(),
                Ok(false) => break Some(Round::NeedsFile),
                Err(error) => break Some(self.failed(&error)),
            }
        };
        match self.dispatch.finish(&chunk, recent, wait) {
            Ok(true) if matches!(end, Some(Round::Failed)) => (len, end),
            Ok(true) => {
                self.works_again();
                (len, end)
            }
            Ok(false) => (0, Some(Round::NeedsFile)),
            Err(error) => (0, Some(self.failed(&error))),
        }
    }

    /// Puts are refused until the dispatch succeeds: otherwise the log would grow with messages that nobody can read.
    #[cold]
    fn failed(&self, error: &crate::error::Error) -> Round {
        if !self.flags.has(Refusal::DispatchFailing) {
            tracing::error!(target: "broker::store", %error, "cannot dispatch; puts are refused until it works");
            self.flags.set(Refusal::DispatchFailing, true);
        }
        Round::Failed
    }

    fn works_again(&self) {
        if self.flags.has(Refusal::DispatchFailing) {
            tracing::info!(target: "broker::store", "consume queues and key index can be written again");
            self.flags.set(Refusal::DispatchFailing, false);
        }
    }
}
