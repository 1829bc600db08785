//! What the broker logs, to a JavaScript function.

use std::sync::Arc;

use libbroker::Error;
use libbroker::embed::{Level, LogRecord, LogSink};
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode::NonBlocking;
use napi_derive::napi;

use crate::options::unusable;

/// So many records wait for the event loop; more are dropped, since the broker must not wait for it.
const WAITING_MAX: usize = 1024;

/// One record.
#[napi(object, object_from_js = false)]
pub struct LogLine {
    /// How much it matters: "error", "warn", "info", "debug" or "trace".
    pub level: &'static str,
    /// The part that speaks.
    pub target: String,
    /// What it says, with its values.
    pub message: String,
    /// When, by the machine's clock.
    pub timestamp_ms: i64,
}

/// What calls `callback` with every record of `level` and what matters more. It does not keep the process alive.
pub fn sink(level: Level, callback: Function<'_, LogLine, ()>) -> napi::Result<LogSink> {
    let callback =
        callback.build_threadsafe_function().weak::<true>().max_queue_size::<WAITING_MAX>().build()?;
    let write = move |record: &LogRecord<'_>| {
        let line = LogLine {
            level: level_name(record.level),
            target: record.target.to_owned(),
            message: record.message.to_owned(),
            timestamp_ms: record.timestamp_ms,
        };
        // A refusal says that too many wait, or that the environment ends.
        let _ = callback.call(line, NonBlocking);
    };
    Ok(LogSink::new(level, Arc::new(write)))
}

/// The level of this name.
pub fn level(name: &str) -> Result<Level, Error> {
    const LEVELS: [Level; 5] = [Level::Error, Level::Warn, Level::Info, Level::Debug, Level::Trace];
    let unknown = || unusable(format!("logLevel is {name:?}; it is {}", LEVELS.map(level_name).join(", ")));
    LEVELS.into_iter().find(|level| level_name(*level) == name).ok_or_else(unknown)
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}
