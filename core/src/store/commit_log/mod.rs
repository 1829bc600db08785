//! The commit log: every message of every topic, in one sequence of files.

pub mod append;
mod fanned_out;
pub mod flush;
mod group;
pub mod read;
pub mod recover;
pub mod scan;

use std::sync::Arc;

use parking_lot::Mutex;

use crate::clock::Clock;
use crate::mmap::allocator::MappedFileAllocator;
use crate::mmap::file_queue::MappedFileQueue;
use crate::store::options::{FanOutOptions, LiveTuning};

use append::AppendState;
use flush::LogFlush;

/// Files, append lock and flushing of the log.
#[derive(Debug)]
pub struct CommitLog {
    files: Arc<MappedFileQueue>,
    allocator: MappedFileAllocator,
    flush: Arc<LogFlush>,
    clock: Clock,
    tuning: LiveTuning,
    fan_out: FanOutOptions,
    /// The append lock: the only place where offsets are assigned.
    append: Mutex<AppendState>,
}

impl CommitLog {
    /// Composes the log of loaded files.
    pub fn new(
        files: Arc<MappedFileQueue>,
        allocator: MappedFileAllocator,
        flush: Arc<LogFlush>,
        clock: Clock,
        tuning: LiveTuning,
        fan_out: FanOutOptions,
    ) -> Self {
        Self { files, allocator, flush, clock, tuning, fan_out, append: Mutex::new(AppendState::default()) }
    }

    /// The files.
    pub fn files(&self) -> &MappedFileQueue {
        &self.files
    }

    /// Flushing and its waiters.
    pub fn flush(&self) -> &Arc<LogFlush> {
        &self.flush
    }

    /// Ends the allocator thread and removes the files it prepared.
    pub fn stop_allocator(&self) {
        self.allocator.stop();
    }
}
