//! Shutdown as a value that can be awaited.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Tells threads to end. Clones share one state; stopping twice is harmless.
#[derive(Debug, Clone, Default)]
pub struct StopToken(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl StopToken {
    /// A token that is not stopped.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops and wakes everyone in [`StopToken::wait_for`]. Returns true for the call that did it.
    pub fn stop(&self) -> bool {
        let first = !std::mem::replace(&mut *self.0.stopped.lock(), true);
        self.0.changed.notify_all();
        first
    }

    /// True once [`StopToken::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        *self.0.stopped.lock()
    }

    /// Blocks for at most `pause` of real time; true when stopped.
    pub fn wait_for(&self, pause: Duration) -> bool {
        let mut stopped = self.0.stopped.lock();
        if !*stopped {
            self.0.changed.wait_for(&mut stopped, pause);
        }
        *stopped
    }
}
