//! The threads that read and write sockets.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;

use crate::error::{Error, Result};
use crate::runtime::threads::{Poison, ServiceThread};

/// How long a name lookup that hangs in the system may delay [`IoThreads::stop`].
const LOOKUP_GRACE: Duration = Duration::from_millis(500);

thread_local! {
    static ON_IO_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Named threads `io-N`, each with an event loop of its own. A connection lives on one of them: nothing of its state moves
/// between processors and no thread wakes another to share work. Servers and clients of one process share them.
#[derive(Debug)]
#[doc(alias = "NioEventLoopGroup")]
pub struct IoThreads {
    pool: Arc<IoPool>,
    running: Mutex<Vec<(Arc<Notify>, ServiceThread)>>,
}

/// Hands out the threads, least busy first.
#[derive(Debug)]
pub(super) struct IoPool(Vec<IoThread>);

#[derive(Debug)]
struct IoThread {
    handle: Handle,
    connections: Arc<AtomicUsize>,
}

/// A place on an I/O thread, for one connection. Given back on drop.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) handle: Handle,
    connections: Arc<AtomicUsize>,
}

impl IoThreads {
    /// Starts `count` threads, at least one.
    pub fn start(count: usize) -> Result<Self> {
        let runtimes: Vec<Runtime> = (0..count.max(1)).map(|_| event_loop()).collect::<Result<_>>()?;
        let pool = runtimes
            .iter()
            .map(|runtime| IoThread { handle: runtime.handle().clone(), connections: Arc::default() });
        // From here on a failure stops, by drop, what was started.
        let io = Self { pool: Arc::new(IoPool(pool.collect())), running: Mutex::default() };
        for (number, runtime) in runtimes.into_iter().enumerate() {
            let stop = Arc::new(Notify::new());
            let stopped = stop.clone();
            let thread = ServiceThread::spawn(&format!("io-{number}"), &Poison::new(), move || {
                ON_IO_THREAD.set(true);
                runtime.block_on(stopped.notified());
                runtime.shutdown_timeout(LOOKUP_GRACE);
            })?;
            io.running.lock().push((stop, thread));
        }
        Ok(io)
    }

    /// Ends the threads; what still runs on them is dropped. Stop servers and clients first. Idempotent.
    pub fn stop(&self) {
        let running = std::mem::take(&mut *self.running.lock());
        for (stop, _) in &running {
            stop.notify_one();
        }
        for (_, thread) in running {
            // An error means that an I/O thread stops itself: it ends when it returns to its loop.
            let _ = thread.join();
        }
    }

    pub(super) fn pool(&self) -> Arc<IoPool> {
        self.pool.clone()
    }
}

impl Drop for IoThreads {
    fn drop(&mut self) {
        self.stop();
    }
}

fn event_loop() -> Result<Runtime> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .thread_name("io-lookup")
        .build()
        .map_err(|cause| Error::io("start an event loop", &cause))
}

/// True on a thread of ours, where waiting for the network would wait for itself. The host may have event loops of its own;
/// those are not meant.
pub(super) fn on_io_thread() -> bool {
    ON_IO_THREAD.get()
}

impl IoPool {
    /// A seat on the thread with the fewest connections.
    pub(super) fn seat(&self) -> Option<Seat> {
        let thread = self.0.iter().min_by_key(|thread| thread.connections.load(Ordering::Relaxed))?;
        thread.connections.fetch_add(1, Ordering::Relaxed);
        Some(Seat { handle: thread.handle.clone(), connections: thread.connections.clone() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
