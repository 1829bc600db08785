//! Opening a store: lock, load, recover, start the threads.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::MessageStore;
use super::checkpoint::StoreCheckpoint;
use super::commit_log::CommitLog;
use super::commit_log::flush::LogFlush;
use super::commit_log::recover::{Mode, Recovered, recover};
use super::consume_queue::flush::QueueFlush;
use super::consume_queue::table::{ConsumeQueueTable, ExtFiles};
use super::dispatch::{BitMaps, Dispatch};
use super::index::{IndexParts, MessageIndex, RecordKeys, Trust};
use super::options::{FlushMode, LiveTuning, StoreOptions};
use super::reput::Reput;
use super::retention::{Retention, RetentionParts};
use super::running::{Refusal, RunningFlags};
use super::stats::StoreStats;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::format::disk::cq_unit::CqUnit;
use crate::format::disk::index::IndexLayout;
use crate::format::names::file;
use crate::format::record::decode::RecordView;
use crate::mmap::allocator::MappedFileAllocator;
use crate::mmap::disk::Disk;
use crate::mmap::file_queue::MappedFileQueue;
use crate::mmap::mapped_file::Allocation;
use crate::mmap::transient_pool::TransientStorePool;
use crate::runtime::signal::Signal;
use crate::runtime::stop::StopToken;
use crate::runtime::threads::{Poison, Service, ServiceThread};
use crate::runtime::timers::Timers;

/// In the newest messages of as many queues keys are looked for.
const QUEUES_LOOKED_AT: usize = 64;
/// Rates are sampled this often.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

impl MessageStore {
    /// Opens or creates the store in `options.root`, recovers it and starts its threads. Blocks until every stored message can
    /// be read.
    ///
    /// The directory is locked before anything in it is read: a second store fails with [`ErrorKind::StoreLocked`].
    pub fn open(options: StoreOptions, clock: &Clock, disk: &Disk) -> Result<Arc<Self>> {
        Self::open_with_bit_maps(options, clock, disk, || Ok(None))
    }

    /// [`MessageStore::open`] with somebody who computes the bit maps of extension units, also of those that recovery writes again. He is
    /// made after the directory is locked, and before anything else in it is read.
    pub fn open_with_bit_maps(
        options: StoreOptions,
        clock: &Clock,
        disk: &Disk,
        bit_maps: impl FnOnce() -> Result<Option<Arc<dyn BitMaps>>>,
    ) -> Result<Arc<Self>> {
        let layout = check(&options)?;
        let lock_file = take_directory(disk, &options)?;
        let bit_maps = bit_maps()?;
        let (poison, stop) = (Poison::new(), StopToken::new());
        let service = Service { clock: clock.clone(), stop: stop.clone(), poison: poison.clone() };
        let checkpoint = Arc::new(StoreCheckpoint::open(disk, &options.root.join(file::CHECKPOINT))?);
        let files = load_log(&options, disk)?;
        let queues = load_queues(&options, disk)?;
        let crashed = options.root.join(file::ABORT).exists();
        // A clean stop dispatches everything. Who wants the queues built anew removes their directory.
        let queues_are_complete = !crashed && options.consume_queue_path().is_dir();
        let recovered = recover_log(&options, crashed, &files, &queues, &checkpoint)?;
        let tuning: LiveTuning = Arc::new(ArcSwap::from_pointee(options.tuning.clone()));
        let parts = index_parts(&options, disk, clock, layout, &tuning);
        let log_end = recovered.map_or(0, |recovered| recovered.end_offset);
        let trust = trust_in_index(&options, crashed, log_end, &checkpoint, (&files, &queues));
        let index = open_index(&options, parts, &trust)?;
        let flags = Arc::new(RunningFlags::closed());
        let queue_flush =
            Arc::new(QueueFlush::new(checkpoint.clone(), index.clone(), tuning.clone(), service.clone()));
        let dispatch = Arc::new(dispatch_into(&queues, &queue_flush, &index, &options, bit_maps));
        let reput = Arc::new(Reput::new(files.clone(), dispatch.clone(), flags.clone(), service.clone()));
        dispatch_rest(&files, &queues, &index, &reput, recovered, queues_are_complete)?;
        queues.create_dir()?;
        let retention = Arc::new(Retention::new(RetentionParts {
            disk: disk.clone(),
            options: options.clone(),
            files: files.clone(),
            queues: queues.clone(),
            queue_flush: queue_flush.clone(),
            index: index.clone(),
            reput: reput.clone(),
            flags: flags.clone(),
            tuning: tuning.clone(),
            service: service.clone(),
        }));
        let log = start_log(disk, &options, files, &checkpoint, &tuning, (reput.signal(), service))?;
        log.set_queue_offsets(queues.next_offsets());
        create_abort_marker(disk, &options.root)?;
        let threads = start_threads(&options, log.flush(), &queue_flush, (&reput, &retention), &poison)?;
        let (stats, timers) = start_sampling(clock, &poison)?;
        flags.set(Refusal::Closed, false);
        Ok(Arc::new(Self {
            options,
            tuning,
            disk: disk.clone(),
            flags,
            poison,
            log,
            queues,
            index,
            checkpoint,
            dispatch,
            reput,
            queue_flush,
            retention,
            stats,
            threads: Mutex::new(threads),
            timers,
            stop,
            checked_below: recovered.map_or(0, |recovered| recovered.end_offset),
            lock_file: Mutex::new(Some(lock_file)),
        }))
    }
}

fn check(options: &StoreOptions) -> Result<IndexLayout> {
    let too_small = |key: &str, bytes: usize, min: usize| {
        Err(Error::new(ErrorKind::Config, format!("{key}={bytes}: at least {min} bytes are needed")))
    };
    if options.commit_log_file_bytes < 4096 {
        return too_small("mappedFileSizeCommitLog", options.commit_log_file_bytes, 4096);
    }
    if options.consume_queue_file_bytes < 20 {
        return too_small("mappedFileSizeConsumeQueue", options.consume_queue_file_bytes, 20);
    }
    let (slots, entries) = (options.index_slots, options.index_entries);
    let layout = IndexLayout::new(slots, entries).filter(|_| entries >= 2);
    layout.ok_or_else(|| {
        Error::new(
            ErrorKind::Config,
            format!(
                "maxHashSlotNum={slots}, maxIndexNum={entries}: at least 1 and 2, and a file below 2 GiB"
            ),
        )
    })
}

/// Makes the directories that are missing and takes the lock, before anything is read.
fn take_directory(disk: &Disk, options: &StoreOptions) -> Result<std::fs::File> {
    for dir in [options.root.clone(), options.commit_log_path(), options.root.join(file::CONFIG)] {
        disk.create_dir_all(&dir)
            .map_err(|cause| Error::io(format_args!("create {}", dir.display()), &cause))?;
    }
    lock(disk, &options.root)
}

/// Takes the lock of the directory and writes its text, as the reference does (but before loading, not after).
fn lock(disk: &Disk, root: &Path) -> Result<std::fs::File> {
    let path = root.join(file::LOCK);
    let failed = |cause: std::io::Error| Error::io(format_args!("lock {}", path.display()), &cause);
    let lock_file = disk.open_or_create(&path).map_err(failed)?;
    if !disk.try_lock(&lock_file).map_err(failed)? {
        return Err(Error::new(
            ErrorKind::StoreLocked,
            format!(
                "{} is in use by another broker; stop it or choose another store directory",
                root.display()
            ),
        ));
    }
    disk.write_at(&lock_file, &path, file::LOCK_TEXT.as_bytes(), 0).map_err(failed)?;
    Ok(lock_file)
}

fn load_log(options: &StoreOptions, disk: &Disk) -> Result<Arc<MappedFileQueue>> {
    let dir = options.commit_log_path();
    let files = MappedFileQueue::new(disk, &dir, options.commit_log_file_bytes, Allocation::Whole);
    files.load().map_err(|error| error.while_doing("commit log"))?;
    Ok(Arc::new(files))
}

fn load_queues(options: &StoreOptions, disk: &Disk) -> Result<Arc<ConsumeQueueTable>> {
    let ext_root = options.consume_queue_ext_path();
    let ext = options.consume_queue_ext_file_bytes.map(|file_bytes| ExtFiles { root: ext_root, file_bytes });
    let bytes = options.consume_queue_file_bytes;
    let queues = ConsumeQueueTable::new(disk, options.consume_queue_path(), bytes, ext);
    queues.load()?;
    Ok(Arc::new(queues))
}

fn start_log(
    disk: &Disk,
    options: &StoreOptions,
    files: Arc<MappedFileQueue>,
    checkpoint: &Arc<StoreCheckpoint>,
    tuning: &LiveTuning,
    (readable, service): (Arc<Signal>, Service),
) -> Result<Arc<CommitLog>> {
    let clock = service.clock.clone();
    let allocator = MappedFileAllocator::start(disk, &clock, transient_pool(options)?, &service.poison)?;
    let flush = LogFlush::new(files.clone(), checkpoint.clone(), options, tuning.clone(), readable, service);
    Ok(Arc::new(CommitLog::new(files, allocator, Arc::new(flush), clock, tuning.clone(), options.fan_out)))
}

fn start_sampling(clock: &Clock, poison: &Poison) -> Result<(Arc<StoreStats>, Timers)> {
    let stats = Arc::new(StoreStats::new(clock));
    let timers = Timers::start("store-timers", clock.clone(), poison)?;
    let sampled = stats.clone();
    timers.every("store statistics", SAMPLE_INTERVAL, SAMPLE_INTERVAL, move || sampled.sample());
    Ok((stats, timers))
}

fn dispatch_into(
    queues: &Arc<ConsumeQueueTable>,
    queue_flush: &Arc<QueueFlush>,
    index: &Arc<MessageIndex>,
    options: &StoreOptions,
    bit_maps: Option<Arc<dyn BitMaps>>,
) -> Dispatch {
    let (queues, queue_flush, index) = (queues.clone(), queue_flush.clone(), index.clone());
    Dispatch::new(queues, queue_flush, index, options.delay_levels.clone(), options.fan_out, bit_maps)
}

/// Finds the end of the log, and makes the queues agree with it.
fn recover_log(
    options: &StoreOptions,
    crashed: bool,
    files: &MappedFileQueue,
    queues: &ConsumeQueueTable,
    checkpoint: &StoreCheckpoint,
) -> Result<Option<Recovered>> {
    let mode = if crashed {
        Mode::AfterCrash { durable_until_ms: checkpoint.values().recovered_until_ms() }
    } else {
        Mode::Clean { newest: queues.newest_unit() }
    };
    let recovered = recover(files, mode, options.check_crc_on_recover)?;
    match recovered {
        None => queues.destroy_all()?,
        Some(recovered) => {
            queues.truncate_to_log(recovered.end_offset, !crashed)?;
            queues.correct_min(files.min_offset());
        }
    }
    Ok(recovered.map(|recovered| Recovered {
        // After a clean stop everything up to the queues' end is dispatched.
        walked_from: if crashed { recovered.walked_from } else { recovered.end_offset },
        ..recovered
    }))
}

fn index_parts(
    options: &StoreOptions,
    disk: &Disk,
    clock: &Clock,
    layout: IndexLayout,
    tuning: &LiveTuning,
) -> IndexParts {
    IndexParts {
        disk: disk.clone(),
        clock: clock.clone(),
        dir: options.index_path(),
        layout,
        tuning: tuning.clone(),
    }
}

/// Opens the index and removes what cannot be trusted; [`dispatch_rest`] builds it again.
fn open_index(options: &StoreOptions, parts: IndexParts, trust: &Trust) -> Result<Arc<MessageIndex>> {
    let disk = parts.disk.clone();
    let index = MessageIndex::open(parts, trust)?;
    if index.is_damaged() {
        create_abort_marker(&disk, &options.root)?;
        index.remove_damaged()?;
    }
    Ok(Arc::new(index))
}

/// What the index has to agree with.
fn trust_in_index(
    options: &StoreOptions,
    crashed: bool,
    log_end: i64,
    checkpoint: &StoreCheckpoint,
    (files, queues): (&MappedFileQueue, &ConsumeQueueTable),
) -> Trust {
    let durable_until_ms = checkpoint.values().index_timestamp_ms;
    let newest_with_keys = options.tuning.index_enabled.then(|| newest_with_keys(files, queues)).flatten();
    Trust { log_end, durable_until_ms, crashed, newest_with_keys }
}

/// The newest record that belongs into the index, among the newest ones of some queues.
fn newest_with_keys(files: &MappedFileQueue, queues: &ConsumeQueueTable) -> Option<i64> {
    let has_keys = |unit: &CqUnit| {
        let record = usize::try_from(unit.size).ok().and_then(|size| files.slice(unit.physical_offset, size));
        record.is_some_and(|bytes| {
            RecordView::parse(&bytes).is_ok_and(|record| !RecordKeys::of(&record).is_empty())
        })
    };
    queues.newest_units(QUEUES_LOOKED_AT).iter().find(|unit| has_keys(unit)).map(|unit| unit.physical_offset)
}

/// Dispatches what the queues lack: nothing after a clean stop, else from the end of what they know, or from where recovery began,
/// whichever is earlier. The index may lack older records.
fn dispatch_rest(
    files: &MappedFileQueue,
    queues: &ConsumeQueueTable,
    index: &MessageIndex,
    reput: &Reput,
    recovered: Option<Recovered>,
    queues_are_complete: bool,
) -> Result<()> {
    let known = queues.log_end();
    let from = match recovered {
        // Queues of deleted topics are gone on purpose: what they know is no measure.
        Some(recovered) if queues_are_complete => recovered.walked_from,
        Some(recovered) => recovered.walked_from.min(known),
        None => known,
    };
    let from = queues.damaged_from().map_or(from, |damaged_from| from.min(damaged_from));
    index.rebuild(files, from)?;
    reput.set_offset(from.max(files.min_offset()));
    if !reput.catch_up() {
        return Err(Error::new(
            ErrorKind::DiskFull,
            "consume queues and key index cannot be completed; see the log for the cause",
        ));
    }
    queues.correct_min(files.min_offset());
    Ok(())
}

fn transient_pool(options: &StoreOptions) -> Result<Option<TransientStorePool>> {
    let Some(count) = options.transient_buffers.filter(|_| options.flush_mode == FlushMode::Async) else {
        return Ok(None);
    };
    let pool = TransientStorePool::new(count, options.commit_log_file_bytes);
    pool.map(Some).ok_or_else(|| {
        Error::new(
            ErrorKind::Config,
            format!("transientStorePoolSize={count}: not enough memory for that many buffers"),
        )
    })
}

/// Present while the store runs; found at the next start, it asks for the careful recovery.
fn create_abort_marker(disk: &Disk, root: &Path) -> Result<()> {
    let path = root.join(file::ABORT);
    let failed = |cause: std::io::Error| Error::io(format_args!("create {}", path.display()), &cause);
    disk.create_empty(&path).map_err(failed)?;
    disk.sync_dir(root).map_err(failed)
}

fn start_threads(
    options: &StoreOptions,
    flush: &Arc<LogFlush>,
    queue_flush: &Arc<QueueFlush>,
    (reput, retention): (&Arc<Reput>, &Arc<Retention>),
    poison: &Poison,
) -> Result<Vec<ServiceThread>> {
    let mut threads = Vec::new();
    let service = reput.clone();
    threads.push(ServiceThread::spawn("store-reput", poison, move || service.run())?);
    let service = flush.clone();
    threads.push(ServiceThread::spawn("store-flush", poison, move || service.run())?);
    if flush.is_buffered() {
        let service = flush.clone();
        threads.push(ServiceThread::spawn("store-commit", poison, move || service.run_commit())?);
    }
    if options.flush_mode == FlushMode::Sync {
        let service = flush.clone();
        threads.push(ServiceThread::spawn("store-flush-late", poison, move || service.waiters().watch())?);
    }
    let service = queue_flush.clone();
    threads.push(ServiceThread::spawn("store-cq-flush", poison, move || service.run())?);
    let service = retention.clone();
    threads.push(ServiceThread::spawn("store-clean", poison, move || service.run())?);
    Ok(threads)
}
