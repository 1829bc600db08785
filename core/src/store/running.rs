//! Whether the store takes puts.

use std::sync::atomic::{AtomicU8, Ordering};

/// Reasons for refusing puts, one bit each; the store is writable when none is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Refusal {
    /// Not started yet, or closing.
    Closed = 1,
    /// The last attempt to get disk space failed; cleared by the next one that succeeds.
    DiskFull = 2,
    /// A consume queue cannot be written; cleared when it can.
    DispatchFailing = 4,
    /// More of a disk is in use than the warning level; cleared by the first look that finds less.
    DiskAboveWarning = 8,
}

/// The refusal bits.
#[derive(Debug)]
pub struct RunningFlags(AtomicU8);

impl RunningFlags {
    /// A store that is not started.
    pub fn closed() -> Self {
        Self(AtomicU8::new(Refusal::Closed as u8))
    }

    /// Sets or clears one reason.
    pub fn set(&self, refusal: Refusal, on: bool) {
        if on {
            self.0.fetch_or(refusal as u8, Ordering::AcqRel);
        } else {
            self.0.fetch_and(!(refusal as u8), Ordering::AcqRel);
        }
    }

    /// True when this reason is set.
    pub fn has(&self, refusal: Refusal) -> bool {
        self.0.load(Ordering::Acquire) & refusal as u8 != 0
    }

    /// True when puts must be refused before they reach the log. A disk without any room does not count: the append itself finds out
    /// whether there is room again.
    pub fn refuses_puts(&self) -> bool {
        self.0.load(Ordering::Acquire) & !(Refusal::DiskFull as u8) != 0
    }
}
