//! The thread that creates the next two files before they are needed.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::disk::Disk;
use super::mapped_file::{Allocation, MappedFile};
use super::transient_pool::TransientStorePool;
use crate::clock::{Clock, Moment};
use crate::error::Result;
use crate::runtime::threads::{Poison, ServiceThread};

/// How long a caller waits for its file (reference: 5 s).
const WAIT: Duration = Duration::from_secs(5);
/// After a failure, the next attempt at the same file comes this much later: on a full disk, every put asks.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Which file to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRequest {
    /// Where.
    pub path: PathBuf,
    /// Its start offset.
    pub start_offset: i64,
    /// Its size; larger files are created first.
    pub size_bytes: usize,
}

/// Creates files ahead of time on its own thread.
#[doc(alias = "AllocateMappedFileService")]
#[derive(Debug)]
pub struct MappedFileAllocator {
    shared: Arc<Shared>,
    thread: Mutex<Option<ServiceThread>>,
}

#[derive(Debug)]
struct Shared {
    disk: Disk,
    clock: Clock,
    pool: Option<TransientStorePool>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    /// The last attempt failed; only the first failure of a row is worth a line in the log.
    failing: bool,
    slots: HashMap<PathBuf, Slot>,
}

#[derive(Debug)]
enum Slot {
    Wanted(FileRequest),
    InWork,
    Ready(MappedFile),
    Failed(Failure),
}

#[derive(Debug)]
struct Failure {
    error: io::Error,
    at: Moment,
}

impl MappedFileAllocator {
    /// Starts the thread. With a `pool`, files get a buffer of it while it has one.
    pub fn start(
        disk: &Disk,
        clock: &Clock,
        pool: Option<TransientStorePool>,
        poison: &Poison,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            disk: disk.clone(),
            clock: clock.clone(),
            pool,
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
        });
        let worker = shared.clone();
        let thread = ServiceThread::spawn("store-alloc", poison, move || worker.run())?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Waits for the wanted file, at most 5 s, and has the one after it prepared meanwhile.
    ///
    /// A failed creation is tried again by a later call, though not at once, so puts go on when a full disk has room again.
    pub fn take(&self, wanted: &FileRequest, after_it: Option<&FileRequest>) -> io::Result<MappedFile> {
        let shared = &*self.shared;
        let deadline = shared.clock.moment().after(WAIT);
        let mut state = shared.state.lock();
        let now = shared.clock.moment();
        state.want(wanted, now);
        if let Some(next) = after_it {
            state.want(next, now);
        }
        shared.changed.notify_all();
        loop {
            if state.stopped {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "the store is closing"));
            }
            match state.slots.remove(&wanted.path) {
                Some(Slot::Ready(file)) => return Ok(file),
                Some(Slot::Failed(failure)) => {
                    let error = failure.again();
                    state.slots.insert(wanted.path.clone(), Slot::Failed(failure));
                    return Err(error);
                }
                Some(other) => {
                    state.slots.insert(wanted.path.clone(), other);
                }
                None => state.want(wanted, shared.clock.moment()),
            }
            if shared.clock.moment() >= deadline {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "creating the next file took more than 5 s",
                ));
            }
            shared.clock.wait_until(&shared.changed, &mut state, Some(deadline));
        }
    }

    /// Ends the thread and removes files that nobody took. Idempotent.
    pub fn stop(&self) {
        self.shared.state.lock().stopped = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
        for (path, slot) in self.shared.state.lock().slots.drain() {
            if let Slot::Ready(file) = slot
                && let Err(error) = file.remove()
            {
                tracing::warn!(target: "broker::mmap", path = %path.display(), %error, "could not remove a prepared file");
            }
        }
    }
}

impl Drop for MappedFileAllocator {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Failure {
    /// The same error for one more caller; `io::Error` cannot be cloned.
    fn again(&self) -> io::Error {
        match self.error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(self.error.kind(), self.error.to_string()),
        }
    }
}

impl State {
    fn want(&mut self, request: &FileRequest, now: Moment) {
        match self.slots.get_mut(&request.path) {
            Some(Slot::Failed(failure)) if now < failure.at.after(RETRY_PAUSE) => {}
            Some(slot @ Slot::Failed(_)) => *slot = Slot::Wanted(request.clone()),
            Some(_) => {}
            None => {
                self.slots.insert(request.path.clone(), Slot::Wanted(request.clone()));
            }
        }
    }

    /// The larger file first, then the lower offset.
    fn next(&mut self) -> Option<FileRequest> {
        let wanted = self.slots.values().filter_map(|slot| match slot {
            Slot::Wanted(request) => Some(request),
            _ => None,
        });
        let first = wanted
            .max_by_key(|request| (request.size_bytes, std::cmp::Reverse(request.start_offset)))?
            .clone();
        self.slots.insert(first.path.clone(), Slot::InWork);
        Some(first)
    }
}

impl Shared {
    fn run(&self) {
        let mut state = self.state.lock();
        while !state.stopped {
            let Some(request) = state.next() else {
                self.changed.wait(&mut state);
                continue;
            };
            drop(state);
            let created = self.create(&request);
            state = self.state.lock();
            let was_failing = std::mem::replace(&mut state.failing, created.is_err());
            let slot = match created {
                Ok(file) => Slot::Ready(file),
                Err(error) => {
                    if !was_failing {
                        tracing::error!(target: "broker::mmap", path = %request.path.display(), %error, "could not create a file");
                    }
                    Slot::Failed(Failure { error, at: self.clock.moment() })
                }
            };
            state.slots.insert(request.path, slot);
            self.changed.notify_all();
        }
    }

    fn create(&self, request: &FileRequest) -> io::Result<MappedFile> {
        let create = || {
            let file = MappedFile::create(
                &self.disk,
                &request.path,
                request.start_offset,
                request.size_bytes,
                Allocation::Whole,
            )?;
            request.path.parent().map_or(Ok(()), |parent| self.disk.sync_dir(parent))?;
            Ok(file)
        };
        // Half a file would be refused at the next start; and the name of a whole one, whose sync failed, would not be written again
        // by another sync: the next attempt makes a new one.
        let file = create().inspect_err(|_: &io::Error| drop(self.disk.remove(&request.path)))?;
        if let Some(buffer) = self.pool.as_ref().and_then(TransientStorePool::take) {
            file.set_buffer(buffer);
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;
    use crate::mmap::disk::Operation;

    fn request(dir: &std::path::Path, start_offset: i64) -> FileRequest {
        FileRequest { path: dir.join(format!("{start_offset:020}")), start_offset, size_bytes: 4096 }
    }

    #[test]
    fn the_next_file_is_prepared_and_removed_when_nobody_takes_it() {
        let dir = tempfile::tempdir().unwrap();
        let allocator =
            MappedFileAllocator::start(&Disk::real(), &Clock::system(), None, &Poison::new()).unwrap();
        let (first, second, third) =
            (request(dir.path(), 0), request(dir.path(), 4096), request(dir.path(), 8192));
        let file = allocator.take(&first, Some(&second)).unwrap();
        assert_eq!(file.size_bytes(), 4096);
        allocator.take(&second, Some(&third)).unwrap();
        allocator.stop();
        allocator.stop();
        assert!(!third.path.exists());
        assert!(first.path.exists() && second.path.exists());
    }

    #[test]
    fn a_full_disk_is_an_error_until_space_returns() {
        let dir = tempfile::tempdir().unwrap();
        let full = Arc::new(AtomicBool::new(true));
        let attempts = Arc::new(AtomicUsize::new(0));
        let (plan, counter) = (full.clone(), attempts.clone());
        let disk = Disk::failing(Arc::new(move |operation, _: &std::path::Path| {
            if operation != Operation::Allocate {
                return None;
            }
            counter.fetch_add(1, Ordering::Relaxed);
            plan.load(Ordering::Relaxed).then(|| io::Error::from(io::ErrorKind::StorageFull))
        }));
        let clock = Clock::manual(0);
        let allocator = MappedFileAllocator::start(&disk, &clock, None, &Poison::new()).unwrap();
        let wanted = request(dir.path(), 0);
        for _ in 0..100 {
            assert_eq!(allocator.take(&wanted, None).unwrap_err().kind(), io::ErrorKind::StorageFull);
        }
        assert_eq!(attempts.load(Ordering::Relaxed), 1, "many puts in a moment cost one attempt");
        assert!(!wanted.path.exists(), "no half file stays behind");
        full.store(false, Ordering::Relaxed);
        clock.advance(RETRY_PAUSE);
        assert!(allocator.take(&wanted, None).is_ok());
    }
}
