//! Named service threads. A panic in one poisons what it serves instead of passing silently. What they log goes where the thread
//! logs that started them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::logsink::Inherited;
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
        let log = Inherited::here();
        let guarded = move || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(body)) {
                poison.set(format!("thread {label} panicked: {}", panic_text(&*panic)));
            }
        };
        let handle = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || log.run(guarded))
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

/// Runs `each` for every item, on this thread and on up to `helpers` more, so that what they wait for overlaps; returns when all are
/// done. Helpers are called `name`; one that cannot be started is done without. A panic of a helper sets `poison`.
pub fn for_each_overlapping<T: Sync>(
    name: &str,
    poison: &Poison,
    items: &[T],
    helpers: usize,
    each: impl Fn(&T) + Sync,
) {
    let next = AtomicUsize::new(0);
    let log = &Inherited::here();
    let work = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            each(item);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..helpers {
            let guarded = || {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
                    poison.set(format!("thread {name} panicked: {}", panic_text(&*panic)));
                }
            };
            let helper = move || log.run(guarded);
            if std::thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, helper).is_err() {
                break;
            }
        }
        work();
    });
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

    #[test]
    fn overlapping_work_is_done_once_and_a_panic_of_a_helper_poisons() {
        let items: Vec<AtomicUsize> = (0..1000).map(|_| AtomicUsize::new(0)).collect();
        for helpers in [0, 1, 7] {
            for_each_overlapping("t-overlap", &Poison::new(), &items, helpers, |item| {
                item.fetch_add(1, Ordering::Relaxed);
            });
        }
        assert!(items.iter().all(|item| item.load(Ordering::Relaxed) == 3));

        let poison = Poison::new();
        let both_run = std::sync::Barrier::new(2);
        for_each_overlapping("t-overlap", &poison, &[(), ()], 1, |()| {
            both_run.wait();
            assert_ne!(std::thread::current().name(), Some("t-overlap"), "on purpose");
        });
        assert!(poison.reason().is_some_and(|reason| reason.contains("t-overlap panicked: assertion")));
    }
}
