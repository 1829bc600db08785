//! A forked child has the memory of its parent, and none of its threads. Whatever lock a thread held at the fork stays held for ever
//! there, and the table in which threads wait knows threads that do not exist: neither a broker of the parent nor a new one can
//! work. Both are refused, instead of hanging.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use crate::error::{Error, ErrorKind, Result};

/// Handles that run, and the process that they run in.
static RUNNING: AtomicUsize = AtomicUsize::new(0);
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// Belongs to the process that made it.
#[derive(Debug)]
pub(super) struct Home(u32);

impl Home {
    /// For a handle, from before its start to its end.
    pub(super) fn enter() -> Result<Self> {
        let here = std::process::id();
        if RUNNING.load(Ordering::Acquire) > 0 && PROCESS.load(Ordering::Acquire) != here {
            let text = "this process was forked while a broker ran, so it cannot start one: fork before the start, or begin a new \
                        process instead of a fork";
            return Err(Error::new(ErrorKind::Forked, text));
        }
        RUNNING.fetch_add(1, Ordering::AcqRel);
        PROCESS.store(here, Ordering::Release);
        Ok(Self(here))
    }

    /// For whoever belongs to the same process.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.0)
    }
}

/// Tells the process that made it from its forked children.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(u32);

impl Mark {
    /// True in the process that made it.
    pub(super) fn is_here(self) -> bool {
        self.0 == std::process::id()
    }

    /// [`ErrorKind::Forked`] in any other.
    pub(super) fn check(self) -> Result<()> {
        if self.is_here() {
            return Ok(());
        }
        let text = "the broker stayed in the parent of this forked process: fork before the start, or begin a new process instead";
        Err(Error::new(ErrorKind::Forked, text))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.mark().is_here() {
            RUNNING.fetch_sub(1, Ordering::AcqRel);
        }
    }
}
