//! What belongs to the process that made it. A forked child has its memory, but none of its threads: there it must neither be
//! used nor dropped, since whatever lock was held at the fork stays held.

use std::mem::ManuallyDrop;

use pyo3::prelude::*;

use crate::errors::forked;

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
        if self.is_here() { Ok(&self.value) } else { Err(forked(py)) }
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
