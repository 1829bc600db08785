//! Named service threads. A panic in one poisons what it serves instead of passing silently.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::stop::StopToken;

/// Remembers the first panic of any thread that carries it; clones share the state.
#[derive(Debug, Clone, Default)]
pub struct Poison(Arc<OnceLock<String>>);

impl Poison {
    /// Not poisoned.
    pub fn new() -> Self {
        Self::default()
    }

    /// What went wrong, once something did.
    pub fn reason(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }

    /// True once a thread panicked or [`Poison::set`] was called.
    pub fn is_set(&self) -> bool {
        self.0.get().is_some()
    }

    /// Poisons by hand: for failures after which writing must not go on. The first reason stays.
    pub fn set(&self, reason: impl Into<String>) {
        let reason = reason.into();
        tracing::error!(target: "broker::runtime", %reason, "poisoned");
        let _ = self.0.set(reason);
    }
}

/// What every service thread of one owner shares: its time, the order to end, and the mark of a failure.
#[derive(Debug, Clone)]
pub struct Service {
    /// Source of time.
    pub clock: Clock,
    /// Tells the threads to end.
    pub stop: StopToken,
    /// Set by the first that fails.
    pub poison: Poison,
}

/// A running service thread. Dropping it without [`ServiceThread::join`] detaches it.
#[derive(Debug)]
#[must_use = "a service thread has to be joined"]
pub struct ServiceThread {
    name: String,
    handle: JoinHandle<()>,
}

impl ServiceThread {
    /// Starts `body` on a thread called `name` (at most 15 bytes are visible to the system). A panic of `body` sets `poison`.
    pub fn spawn(name: &str, poison: &Poison, body: impl FnOnce() + Send + 'static) -> Result<Self> {
        let poison = poison.clone();
        let label = name.to_owned();
        let handle = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(body)) {
                    poison.set(format!("thread {label} panicked: {}", panic_text(&*panic)));
                }
            })
            .map_err(|cause| Error::io(format_args!("start thread {name}"), &cause))?;
        Ok(Self { name: name.to_owned(), handle })
    }

    /// Waits for the end of the thread. An error only when called from that very thread.
    pub fn join(self) -> Result<()> {
        if self.handle.thread().id() == std::thread::current().id() {
            return Err(Error::new(
                ErrorKind::Internal,
                format!("thread {} tried to join itself", self.name),
            ));
        }
        // The body catches its own panics, so the result carries nothing.
        let _ = self.handle.join();
        Ok(())
    }
}

/// The text of a panic payload.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_poisons_and_is_named() {
        let poison = Poison::new();
        ServiceThread::spawn("t-panic", &poison, || panic!("on purpose")).unwrap().join().unwrap();
        assert_eq!(poison.reason(), Some("thread t-panic panicked: on purpose"));
    }
}
