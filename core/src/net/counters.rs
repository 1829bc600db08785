//! What a server or a client counted since it started.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) requests: AtomicU64,
    pub(super) processor_panics: AtomicU64,
    pub(super) frame_errors: AtomicU64,
    pub(super) refused_busy: AtomicU64,
    pub(super) stray_responses: AtomicU64,
    pub(super) connections_refused: AtomicU64,
    pub(super) idle_closes: AtomicU64,
    pub(super) body_bytes_copied: AtomicU64,
}

/// A reading of the counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NetCounts {
    /// Requests read.
    pub requests: u64,
    /// Processors that panicked; answered with code 1.
    pub processor_panics: u64,
    /// Connections closed because a frame was malformed.
    pub frame_errors: u64,
    /// Requests refused with code 2.
    pub refused_busy: u64,
    /// Responses nobody waited for (any more).
    pub stray_responses: u64,
    /// Connections closed at once: over the connection limit, or TLS without TLS being on.
    pub connections_refused: u64,
    /// Connections closed because nothing was read and written for the idle time.
    pub idle_closes: u64,
    /// Bytes of bodies that were copied on their way to the socket: of short ones. The others are written from where they lie.
    pub body_bytes_copied: u64,
}

pub(super) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

impl Counters {
    pub(super) fn read(&self) -> NetCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        NetCounts {
            requests: of(&self.requests),
            processor_panics: of(&self.processor_panics),
            frame_errors: of(&self.frame_errors),
            refused_busy: of(&self.refused_busy),
            stray_responses: of(&self.stray_responses),
            connections_refused: of(&self.connections_refused),
            idle_closes: of(&self.idle_closes),
            body_bytes_copied: of(&self.body_bytes_copied),
        }
    }
}
