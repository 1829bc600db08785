//! Requests of our own that wait for their answer, by opaque.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parking_lot::Mutex;
use tokio::task::AbortHandle;

use crate::format::wire::command::RemotingCommand;
use crate::net::NetError;
use crate::runtime::threads::panic_text;

/// Told once how a call ended; on an I/O thread, so it must not block.
pub(super) type OnDone = Box<dyn FnOnce(Result<RemotingCommand, NetError>) + Send>;

/// The calls of one connection. Opaques are unique among those that wait.
#[derive(Default)]
pub(super) struct Calls(Mutex<Table>);

#[derive(Default)]
struct Table {
    last_opaque: i32,
    closed: bool,
    pending: HashMap<i32, PendingCall>,
}

#[doc(alias = "ResponseFuture")]
struct PendingCall {
    on_done: OnDone,
    timer: AbortHandle,
}

impl Calls {
    /// An opaque for a request without answer.
    pub(super) fn next_opaque(&self) -> i32 {
        self.0.lock().next_opaque()
    }

    /// Notes a call and gives its opaque. `start_timer` has to end it by [`Calls::finish`] when its time is over.
    /// Gives `on_done` back when the connection is closed.
    pub(super) fn start(
        &self,
        on_done: OnDone,
        start_timer: impl FnOnce(i32) -> AbortHandle,
    ) -> Result<i32, OnDone> {
        let mut table = self.0.lock();
        if table.closed {
            return Err(on_done);
        }
        let opaque = table.next_opaque();
        // The timer cannot fire before the entry is there: finishing needs the lock.
        let timer = start_timer(opaque);
        table.pending.insert(opaque, PendingCall { on_done, timer });
        Ok(opaque)
    }

    /// Ends the call `opaque` with `outcome`; false when it does not wait (any more).
    pub(super) fn finish(&self, opaque: i32, outcome: Result<RemotingCommand, NetError>) -> bool {
        let Some(call) = self.0.lock().pending.remove(&opaque) else { return false };
        call.timer.abort();
        tell(call.on_done, outcome);
        true
    }

    /// Fails every waiting call and those to come.
    pub(super) fn close(&self) {
        let pending = {
            let mut table = self.0.lock();
            table.closed = true;
            std::mem::take(&mut table.pending)
        };
        for call in pending.into_values() {
            call.timer.abort();
            tell(call.on_done, Err(NetError::Closed));
        }
    }
}

impl Table {
    fn next_opaque(&mut self) -> i32 {
        loop {
            self.last_opaque = self.last_opaque.wrapping_add(1);
            if !self.pending.contains_key(&self.last_opaque) {
                return self.last_opaque;
            }
        }
    }
}

/// The listener of a call is not ours: its panic must not end the task that reads the connection.
pub(super) fn tell(on_done: OnDone, outcome: Result<RemotingCommand, NetError>) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| on_done(outcome))) {
        tracing::error!(target: "broker::net", panic = panic_text(&*panic), "listener of a call panicked");
    }
}
