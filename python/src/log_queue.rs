//! Log records on their way from the broker's threads to Python's `logging`.
//!
//! A thread of the broker puts its record into a bounded queue and goes on. A thread of the Python half, which waits without the
//! interpreter, takes what has come.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use libbroker::embed::{Level, LogRecord, LogSink};
use pyo3::prelude::*;

use crate::errors::detached;
use crate::process::Native;

/// Records that wait; what comes when it is full is counted and dropped.
const RECORDS_MAX: usize = 1_000;

/// Level as Python counts it, target, message, milliseconds since 1970.
type Record = (u8, String, String, i64);

/// See the module.
#[pyclass(frozen, module = "libbroker._native")]
pub struct LogQueue {
    queue: Native<Arc<Queue>>,
    level: Level,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    records: VecDeque<Record>,
    dropped: u64,
    last_timestamp_ms: i64,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, record: &LogRecord<'_>) {
        let mut waiting = self.lock();
        waiting.last_timestamp_ms = record.timestamp_ms;
        if waiting.closed || waiting.records.len() == RECORDS_MAX {
            waiting.dropped += 1;
            return;
        }
        let level = python_level(record.level);
        waiting.records.push_back((
            level,
            record.target.to_owned(),
            record.message.to_owned(),
            record.timestamp_ms,
        ));
        drop(waiting);
        self.changed.notify_one();
    }

    /// Everything that came; None once it is closed and empty.
    fn take(&self) -> Option<Vec<Record>> {
        let waiting = self.lock();
        let idle = |waiting: &mut Waiting| waiting.records.is_empty() && !waiting.closed;
        let mut waiting = self.changed.wait_while(waiting, idle).unwrap_or_else(PoisonError::into_inner);
        let mut records: Vec<Record> = std::mem::take(&mut waiting.records).into();
        if waiting.dropped > 0 && !records.is_empty() {
            let text =
                format!("{} records were dropped: they came faster than they were read", waiting.dropped);
            records.push((python_level(Level::Warn), "log".to_owned(), text, waiting.last_timestamp_ms));
            waiting.dropped = 0;
        }
        (!records.is_empty()).then_some(records)
    }
}

impl LogQueue {
    /// What puts records of a broker in here.
    pub fn sink(&self, py: Python<'_>) -> PyResult<LogSink> {
        let queue = self.queue.get(py)?.clone();
        Ok(LogSink::new(self.level, Arc::new(move |record| queue.put(record))))
    }
}

#[pymethods]
impl LogQueue {
    /// For records of a level, as Python counts them, and above.
    #[new]
    fn new(level: i64) -> Self {
        let level = match level {
            ..=5 => Level::Trace,
            6..=10 => Level::Debug,
            11..=20 => Level::Info,
            21..=30 => Level::Warn,
            _ => Level::Error,
        };
        Self { queue: Native::new(Arc::default()), level }
    }

    /// Waits for records. None at the end.
    fn take(&self, py: Python<'_>) -> PyResult<Option<Vec<Record>>> {
        let queue = self.queue.get(py)?;
        detached(py, || Ok(queue.take()))
    }

    /// What is in it can still be taken.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let queue = self.queue.get(py)?;
        queue.lock().closed = true;
        queue.changed.notify_all();
        Ok(())
    }
}

fn python_level(level: Level) -> u8 {
    match level {
        Level::Error => 40,
        Level::Warn => 30,
        Level::Info => 20,
        Level::Debug => 10,
        Level::Trace => 5,
    }
}
