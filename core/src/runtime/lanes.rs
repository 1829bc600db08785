//! Bounded worker pools. A lane has its own queue, so that slow work of one kind cannot hold up another kind.
//!
//! Workers start when there is something to do and end after [`WORKER_IDLE`] without work. A job that waited longer than
//! the lane's age limit is refused instead of run: when a worker takes it, or, with every worker busy, by the lane's watch,
//! which sleeps until the head of the queue reaches the limit and exists only while jobs wait behind busy workers.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::clock::{Clock, Moment};
use crate::runtime::threads::{Poison, ServiceThread, panic_text};

/// A worker without anything to do for this long ends.
pub const WORKER_IDLE: Duration = Duration::from_secs(60);

/// One piece of work. Every submitted job is run or refused, unless the lane stops first: then it is dropped.
pub trait Job: Send + 'static {
    /// Does the work, on a worker thread. `waiting` jobs are queued behind this one.
    fn run(self: Box<Self>, waiting: usize);

    /// Told instead of [`Job::run`] when the lane gives the job up; may run on the thread that caused it.
    fn refused(self: Box<Self>, refusal: Refusal);
}

impl<F: FnOnce() + Send + 'static> Job for F {
    fn run(self: Box<Self>, _: usize) {
        self();
    }

    fn refused(self: Box<Self>, _: Refusal) {}
}

/// Why a job was not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// What happened.
    pub reason: RefusalReason,
    /// How long the job was queued.
    pub waited: Duration,
    /// Jobs left in the queue.
    pub queue_len: usize,
}

/// See [`Refusal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// The queue had no room, or the lane was stopped.
    Full,
    /// It waited as long as the lane's age limit.
    TooOld,
    /// The owner of the lane emptied the queue.
    Emptied,
}

/// The queue is full, or the lane is stopped. Gives the job back.
pub struct Full(pub Box<dyn Job>);

impl std::fmt::Debug for Full {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Full")
    }
}

/// A named, bounded worker pool. Dropping it stops it.
#[derive(Debug)]
#[doc(alias = "BrokerFixedThreadPoolExecutor")]
pub struct Lane {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    threads_max: usize,
    queue_max: usize,
    age_max: Option<Duration>,
    worker_idle: Duration,
    clock: Clock,
    panics: AtomicU64,
    state: Mutex<State>,
    work: Condvar,
    watch: Condvar,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("name", &self.name).field("len", &self.state.lock().queue.len()).finish()
    }
}

#[derive(Default)]
struct State {
    queue: VecDeque<Waiting>,
    idle_workers: usize,
    workers: usize,
    watching: bool,
    stopped: bool,
    next_thread: u64,
    threads: Vec<(u64, ServiceThread)>,
}

struct Waiting {
    since: Moment,
    job: Box<dyn Job>,
}

impl Lane {
    /// A lane of at most `threads_max` workers and `queue_max` waiting jobs. No thread starts before the first job.
    pub fn new(name: &str, threads_max: usize, queue_max: usize, age_max_ms: Option<u64>) -> Arc<Self> {
        Self::with_worker_idle(name, threads_max, queue_max, age_max_ms, WORKER_IDLE)
    }

    /// [`Lane::new`] with another idle time of the workers.
    pub fn with_worker_idle(
        name: &str,
        threads_max: usize,
        queue_max: usize,
        age_max_ms: Option<u64>,
        worker_idle: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            shared: Arc::new(Shared {
                name: name.to_owned(),
                threads_max: threads_max.max(1),
                queue_max,
                age_max: age_max_ms.map(Duration::from_millis),
                worker_idle,
                clock: Clock::system(),
                panics: AtomicU64::new(0),
                state: Mutex::new(State::default()),
                work: Condvar::new(),
                watch: Condvar::new(),
            }),
        })
    }

    /// Queues `job` and makes sure that a worker will take it.
    pub fn submit(&self, job: impl Job) -> Result<(), Full> {
        let mut jobs = vec![Box::new(job) as Box<dyn Job>];
        self.enqueue(&mut jobs);
        jobs.pop().map_or(Ok(()), |job| Err(Full(job)))
    }

    /// Queues `jobs` at the price of one; leaves the vector empty. What finds no room is refused with
    /// [`RefusalReason::Full`], on this thread.
    pub fn submit_all(&self, jobs: &mut Vec<Box<dyn Job>>) {
        self.enqueue(jobs);
        if !jobs.is_empty() {
            let queue_len = self.len();
            for job in jobs.drain(..) {
                let refusal = Refusal { reason: RefusalReason::Full, waited: Duration::ZERO, queue_len };
                self.shared.guarded(|| job.refused(refusal));
            }
        }
    }

    /// Moves as many of `jobs` into the queue as there is room for.
    fn enqueue(&self, jobs: &mut Vec<Box<dyn Job>>) {
        let since = self.shared.clock.moment();
        let mut state = self.shared.state.lock();
        let room = if state.stopped { 0 } else { self.shared.queue_max.saturating_sub(state.queue.len()) };
        let taken = room.min(jobs.len());
        state.queue.extend(jobs.drain(..taken).map(|job| Waiting { since, job }));
        for _ in 0..taken.min(state.idle_workers) {
            self.shared.work.notify_one();
        }
        let mut uncovered = state.queue.len().saturating_sub(state.idle_workers);
        while uncovered > 0 && state.workers < self.shared.threads_max && self.start_worker(&mut state) {
            uncovered -= 1;
        }
        if uncovered > 0 && self.shared.age_max.is_some() && !state.watching {
            self.start_watch(&mut state);
        }
    }

    /// Refuses every job that waits now, oldest first, with [`RefusalReason::Emptied`].
    pub fn refuse_waiting(&self) {
        let mut waiting = std::mem::take(&mut self.shared.state.lock().queue);
        while let Some(job) = waiting.pop_front() {
            self.shared.refuse(job, RefusalReason::Emptied, waiting.len());
        }
    }

    /// How long the oldest waiting job has waited; 0 when none waits.
    pub fn head_wait_ms(&self) -> u64 {
        let now = self.shared.clock.moment();
        let state = self.shared.state.lock();
        let head = state.queue.front().map_or(Duration::ZERO, |head| now.since(head.since));
        u64::try_from(head.as_millis()).unwrap_or(u64::MAX)
    }

    /// Jobs that wait.
    pub fn len(&self) -> usize {
        self.shared.state.lock().queue.len()
    }

    /// True when no job waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waiting jobs at most.
    pub fn capacity(&self) -> usize {
        self.shared.queue_max
    }

    /// The name its threads carry.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Jobs that panicked so far. The worker survives them.
    pub fn panics(&self) -> u64 {
        self.shared.panics.load(Ordering::Relaxed)
    }

    /// Takes no more jobs, drops the waiting ones, waits for the running ones and joins every thread. Idempotent.
    pub fn stop(&self) {
        let (waiting, threads) = {
            let mut state = self.shared.state.lock();
            state.stopped = true;
            self.shared.work.notify_all();
            self.shared.watch.notify_all();
            (std::mem::take(&mut state.queue), std::mem::take(&mut state.threads))
        };
        drop(waiting);
        for (_, thread) in threads {
            // An error means that a job stops its own lane: that worker ends by itself.
            let _ = thread.join();
        }
    }

    fn start_worker(&self, state: &mut State) -> bool {
        let shared = self.shared.clone();
        let number = state.workers;
        let id = state.next_thread;
        let started =
            self.start_thread(state, &format!("{}-{number}", self.shared.name), move || shared.work(id));
        state.workers += usize::from(started);
        started
    }

    fn start_watch(&self, state: &mut State) {
        let shared = self.shared.clone();
        let id = state.next_thread;
        state.watching =
            self.start_thread(state, &format!("{}-age", self.shared.name), move || shared.watch(id));
    }

    /// False when the system gives no thread: the job then waits for a worker that runs already, or for the next submit.
    fn start_thread(&self, state: &mut State, name: &str, body: impl FnOnce() + Send + 'static) -> bool {
        match ServiceThread::spawn(name, &Poison::new(), body) {
            Ok(thread) => {
                state.threads.push((state.next_thread, thread));
                state.next_thread += 1;
                true
            }
            Err(error) => {
                tracing::error!(target: "broker::runtime", %error, "lane without thread");
                false
            }
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn work(&self, id: u64) {
        let mut state = self.state.lock();
        while !state.stopped {
            let Some(waiting) = state.queue.pop_front() else {
                if self.rest(&mut state) {
                    continue;
                }
                break;
            };
            let left = state.queue.len();
            drop(state);
            if self.is_too_old(&waiting) {
                self.refuse(waiting, RefusalReason::TooOld, left);
            } else {
                self.guarded(|| waiting.job.run(left));
            }
            state = self.state.lock();
        }
        state.workers -= 1;
        state.threads.retain(|(thread, _)| *thread != id);
    }

    /// Waits for work; false when it is time to end.
    fn rest(&self, state: &mut MutexGuard<'_, State>) -> bool {
        state.idle_workers += 1;
        let timed_out = self.work.wait_for(state, self.worker_idle).timed_out();
        state.idle_workers -= 1;
        !timed_out || !state.queue.is_empty()
    }

    /// Refuses what grows too old while every worker is busy; ends when nothing waits.
    fn watch(&self, id: u64) {
        let Some(age_max) = self.age_max else { return };
        let mut state = self.state.lock();
        while !state.stopped {
            let Some(since) = state.queue.front().map(|head| head.since) else { break };
            let due = since.after(age_max);
            if self.clock.moment() < due {
                self.clock.wait_until(&self.watch, &mut state, Some(due));
                continue;
            }
            let Some(oldest) = state.queue.pop_front() else { continue };
            let left = state.queue.len();
            MutexGuard::unlocked(&mut state, || self.refuse(oldest, RefusalReason::TooOld, left));
        }
        state.watching = false;
        state.threads.retain(|(thread, _)| *thread != id);
    }

    fn is_too_old(&self, waiting: &Waiting) -> bool {
        self.age_max.is_some_and(|age_max| self.clock.moment().since(waiting.since) >= age_max)
    }

    fn refuse(&self, waiting: Waiting, reason: RefusalReason, queue_len: usize) {
        let waited = self.clock.moment().since(waiting.since);
        self.guarded(|| waiting.job.refused(Refusal { reason, waited, queue_len }));
    }

    fn guarded(&self, body: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(body)) {
            self.panics.fetch_add(1, Ordering::Relaxed);
            tracing::error!(target: "broker::runtime", lane = self.name, panic = panic_text(&*panic), "job panicked");
        }
    }
}

#[cfg(test)]
mod tests;
