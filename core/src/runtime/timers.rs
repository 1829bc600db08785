//! Periodic jobs on one thread, timed by the clock.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{Clock, Moment};
use crate::error::Result;
use crate::runtime::signal::Signal;
use crate::runtime::stop::StopToken;
use crate::runtime::threads::{Poison, ServiceThread};

/// Runs short periodic jobs, none of which may block for long: they share one thread.
#[derive(Debug)]
pub struct Timers {
    shared: Arc<Shared>,
    thread: Mutex<Option<ServiceThread>>,
}

struct Shared {
    clock: Clock,
    stop: StopToken,
    changed: Signal,
    jobs: Mutex<Vec<Job>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timers").field("jobs", &self.jobs.lock().len()).finish()
    }
}

struct Job {
    name: &'static str,
    due: Moment,
    period: Duration,
    run: Box<dyn FnMut() + Send>,
}

impl Timers {
    /// Starts the thread `name`; a job that panics sets `poison`.
    pub fn start(name: &str, clock: Clock, poison: &Poison) -> Result<Self> {
        let shared = Arc::new(Shared {
            clock,
            stop: StopToken::new(),
            changed: Signal::new(),
            jobs: Mutex::new(Vec::new()),
        });
        let worker = shared.clone();
        let thread = ServiceThread::spawn(name, poison, move || worker.run())?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Runs `job` after `first`, then every `period` counted from the end of the run before.
    pub fn every(
        &self,
        name: &'static str,
        first: Duration,
        period: Duration,
        job: impl FnMut() + Send + 'static,
    ) {
        let due = self.shared.clock.moment().after(first);
        self.shared.jobs.lock().push(Job { name, due, period, run: Box::new(job) });
        self.shared.changed.raise();
    }

    /// Ends the thread after the job that is running. Idempotent. The jobs are dropped.
    pub fn stop(&self) {
        self.shared.stop.stop();
        self.shared.changed.raise();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
        self.shared.jobs.lock().clear();
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn run(&self) {
        while !self.stop.is_stopped() {
            let next = self.jobs.lock().iter().map(|job| job.due).min();
            if next.is_none_or(|due| self.clock.moment() < due) {
                self.changed.wait(&self.clock, next);
                continue;
            }
            self.run_due_job();
        }
    }

    fn run_due_job(&self) {
        let now = self.clock.moment();
        let mut jobs = self.jobs.lock();
        let Some(position) = jobs.iter().position(|job| job.due <= now) else { return };
        // Taken out while it runs, so that a job may add jobs.
        let mut job = jobs.swap_remove(position);
        drop(jobs);
        tracing::trace!(target: "broker::runtime", job = job.name, "run");
        (job.run)();
        job.due = self.clock.moment().after(job.period);
        self.jobs.lock().push(job);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn jobs_run_by_the_clock_and_end_with_stop() {
        let clock = Clock::manual(0);
        let timers = Timers::start("t-timers", clock.clone(), &Poison::new()).unwrap();
        let (ran, runs) = sync_channel(16);
        timers.every("tick", Duration::from_secs(10), Duration::from_secs(5), move || {
            let _ = ran.try_send(());
        });
        assert!(runs.recv_timeout(Duration::from_millis(50)).is_err());
        clock.advance(Duration::from_secs(10));
        runs.recv_timeout(Duration::from_secs(10)).unwrap();
        timers.stop();
        timers.stop();
        assert!(runs.recv_timeout(Duration::from_secs(1)).is_err(), "the job is dropped with its sender");
    }
}
