//! Where the log records of one owner go: a function of the host, instead of the process-wide subscriber.
//!
//! A sink belongs to the threads, not to the process: whoever starts a thread through [`super::threads`] hands its own sink on,
//! so that several owners in one process keep theirs apart. Without a sink nothing is set, and records go where the host sends
//! `tracing`'s, or nowhere.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber, dispatcher, span};

use crate::clock::Clock;

/// How much a record matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Something failed that should not.
    Error = 1,
    /// Something is not as it should be, and is dealt with.
    Warn = 2,
    /// What an operator may want to know.
    Info = 3,
    /// What a developer may want to know.
    Debug = 4,
    /// Everything.
    Trace = 5,
}

impl Level {
    /// Its name, such as "WARN".
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }

    fn of(level: tracing::Level) -> Self {
        match level {
            tracing::Level::ERROR => Self::Error,
            tracing::Level::WARN => Self::Warn,
            tracing::Level::INFO => Self::Info,
            tracing::Level::DEBUG => Self::Debug,
            tracing::Level::TRACE => Self::Trace,
        }
    }
}

/// One line of the log.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct LogRecord<'a> {
    /// How much it matters.
    pub level: Level,
    /// The part that speaks, such as "broker::store".
    pub target: &'a str,
    /// What it says, and the fields it carries: `poisoned reason=…`.
    pub message: &'a str,
    /// Wall time of the machine in milliseconds since 1970, also with a manual clock.
    pub timestamp_ms: i64,
}

type Write = dyn Fn(&LogRecord<'_>) + Send + Sync;

/// A function of the host that gets the records of one broker, up to a level.
///
/// It is called on the thread that has something to say, also by several at once and while that thread holds locks: it must
/// return soon, may ask the handle for addresses, store directory and health, and must call nothing else of the library; least
/// of all the stop. A panic in it is dropped with the record. After the stop it is called no more, and released.
#[derive(Clone)]
pub struct LogSink {
    level: Level,
    write: Arc<Write>,
}

impl LogSink {
    /// Gives records of `level` and what matters more to `write`.
    pub fn new(level: Level, write: Arc<dyn Fn(&LogRecord<'_>) + Send + Sync>) -> Self {
        Self { level, write }
    }

    /// The least that is written.
    pub fn level(&self) -> Level {
        self.level
    }
}

impl fmt::Debug for LogSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogSink").field("level", &self.level).finish_non_exhaustive()
    }
}

/// The same function at the same level.
impl PartialEq for LogSink {
    fn eq(&self, other: &Self) -> bool {
        self.level == other.level && Arc::ptr_eq(&self.write, &other.write)
    }
}

impl Eq for LogSink {}

thread_local! {
    static IN_SINK: Cell<bool> = const { Cell::new(false) };
}

/// True while this thread runs a sink.
pub fn in_sink() -> bool {
    IN_SINK.get()
}

/// The way of an owner's records to its sink, for as long as it runs. Without a sink it does nothing.
#[derive(Debug, Default)]
pub struct LogRoute(Option<(Dispatch, Arc<Outlet>)>);

impl LogRoute {
    /// A route to `sink`.
    pub fn open(sink: Option<LogSink>) -> Self {
        Self(sink.map(|sink| {
            keep_levels_apart();
            let outlet = Arc::new(Outlet {
                level: AtomicU8::new(sink.level as u8),
                sink: Mutex::new(Some(sink)),
                running: RwLock::new(()),
            });
            (Dispatch::new(Records { clock: Clock::system(), outlet: outlet.clone() }), outlet)
        }))
    }

    /// Runs `body`; what it logs, and what the threads log that it starts, goes to the sink.
    pub fn run<T>(&self, body: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some((dispatch, _)) => dispatcher::with_default(dispatch, body),
            None => body(),
        }
    }

    /// Releases the sink. When it returns, no thread runs the sink but, where a sink closes its own route, this one. Idempotent.
    pub fn close(&self) {
        let Some((_, outlet)) = &self.0 else { return };
        let Some(sink) = outlet.sink.lock().take() else { return };
        if !in_sink() {
            drop(outlet.running.write());
        }
        // Levels that only this sink wanted cost nothing from here on.
        outlet.level.store(0, Ordering::Relaxed);
        tracing::callsite::rebuild_interest_cache();
        drop(sink);
    }
}

impl Drop for LogRoute {
    fn drop(&mut self) {
        self.close();
    }
}

/// The sink of the thread that asks, to be handed on to a thread that it starts.
#[derive(Debug, Clone)]
pub struct Inherited(Option<Dispatch>);

impl Inherited {
    /// That of this thread. A subscriber of the host is none of ours and not handed on.
    pub fn here() -> Self {
        Self(dispatcher::get_default(|current| current.is::<Records>().then(|| current.clone())))
    }

    /// Runs `body` with it.
    pub fn run<T>(&self, body: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(dispatch) => dispatcher::with_default(dispatch, body),
            None => body(),
        }
    }
}

/// With a single subscriber, `tracing` asks the thread that comes by a place first whether that place is of interest, and keeps the
/// answer for all threads. One that wants nothing, and stays, makes it ask every subscriber.
fn keep_levels_apart() {
    static SECOND: OnceLock<Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| Dispatch::new(Nothing));
}

struct Outlet {
    /// The level of the sink; 0 once it is closed.
    level: AtomicU8,
    sink: Mutex<Option<LogSink>>,
    /// Read while the sink runs.
    running: RwLock<()>,
}

impl Outlet {
    fn filter(&self) -> LevelFilter {
        match self.level.load(Ordering::Relaxed) {
            0 => LevelFilter::OFF,
            1 => LevelFilter::ERROR,
            2 => LevelFilter::WARN,
            3 => LevelFilter::INFO,
            4 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        }
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outlet")
    }
}

/// Turns events into records.
struct Records {
    clock: Clock,
    outlet: Arc<Outlet>,
}

impl Records {
    fn write(&self, event: &Event<'_>) {
        let _running = self.outlet.running.read();
        // Not held while the sink runs, since several threads may run it.
        let Some(sink) = self.outlet.sink.lock().clone() else { return };
        let mut line = Line::default();
        event.record(&mut line);
        let metadata = event.metadata();
        (sink.write)(&LogRecord {
            level: Level::of(*metadata.level()),
            target: metadata.target(),
            message: &line.text(),
            timestamp_ms: self.clock.now_ms(),
        });
    }
}

impl Subscriber for Records {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::sometimes() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= self.outlet.filter()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.outlet.filter())
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        // What a sink itself gives rise to would come back to it without end.
        if IN_SINK.replace(true) {
            return;
        }
        // The host's function is none of ours: what it panics about must not end the work that is logged about.
        let _ = catch_unwind(AssertUnwindSafe(|| self.write(event)));
        IN_SINK.set(false);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Wants nothing.
struct Nothing;

impl Subscriber for Nothing {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::OFF)
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Message first, then ` name=value` for each field.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn text(&self) -> std::borrow::Cow<'_, str> {
        match (self.message.is_empty(), self.fields.is_empty()) {
            (_, true) => self.message.as_str().into(),
            (true, false) => self.fields.trim_start().into(),
            (false, false) => format!("{}{}", self.message, self.fields).into(),
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail; a value that cannot be shown leaves what it wrote so far.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(value),
            _ => self.record_debug(field, &value),
        }
    }
}

#[cfg(test)]
mod tests;
