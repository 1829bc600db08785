//! What belongs to the process that made it. A forked child has its memory, but none of its threads: there it must neither be
//! used nor dropped, since whatever lock was held at the fork stays held.

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use pyo3::prelude::*;

use crate::errors::{FORKED_BROKER, FORKED_WHILE_RUNNING, forked};

/// A value that only the process that made it can reach.
pub struct Native<T> {
    value: ManuallyDrop<T>,
    process: u32,
}

impl<T> Native<T> {
    pub fn new(value: T) -> Self {
        Self { value: ManuallyDrop::new(value), process: std::process::id() }
    }

    /// The value, or the exception `Forked`.
    pub fn get(&self, py: Python<'_>) -> PyResult<&T> {
        if self.is_here() { Ok(&self.value) } else { Err(forked(py, FORKED_BROKER)) }
    }

    fn is_here(&self) -> bool {
        self.process == std::process::id()
    }
}

impl<T> Drop for Native<T> {
    fn drop(&mut self) {
        if self.is_here() {
            // SAFETY: this is the only place that drops it, and nobody has it after that.
            unsafe { ManuallyDrop::drop(&mut self.value) }
        }
    }
}

/// Brokers that run, and the process that they run in.
static BROKERS: AtomicUsize = AtomicUsize::new(0);
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// Counts a broker from before its start to its end.
///
/// A child that was forked while one ran must not start another: the locks of this library know of threads that the child does
/// not have.
pub struct Counted(());

impl Counted {
    /// Or the exception `Forked`.
    pub fn new(py: Python<'_>) -> PyResult<Self> {
        let here = std::process::id();
        let before = PROCESS.load(Ordering::Acquire);
        if before != here && BROKERS.load(Ordering::Acquire) > 0 {
            return Err(forked(py, FORKED_WHILE_RUNNING));
        }
        BROKERS.fetch_add(1, Ordering::AcqRel);
        PROCESS.store(here, Ordering::Release);
        Ok(Self(()))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        BROKERS.fetch_sub(1, Ordering::AcqRel);
    }
}
