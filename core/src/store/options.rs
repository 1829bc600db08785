//! What a store is opened with: plain values, taken from the configuration by whoever opens it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::retention::rules::{DiskLevels, RetentionRules};
use crate::config::{FlushDiskType, StoreConfig, SystemConfig};
use crate::format::disk::index::{INDEX_ENTRIES_DEFAULT, INDEX_SLOTS_DEFAULT};
use crate::format::names::file;
use crate::format::record::tags::DelayLevels;

/// When a put is final.
#[doc(alias = "FlushDiskType")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlushMode {
    /// As soon as it is in the log's memory: a crash of the process loses nothing, a crash of the machine may.
    Async,
    /// When it is durable.
    Sync,
}

/// Limits of one pull, for messages near the end of the log and for older ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferLimit {
    /// Bytes of records.
    pub bytes: usize,
    /// Number of messages.
    pub count: usize,
}

/// Whether messages go into several queues; see [`super::fan_out`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FanOutOptions {
    /// `enableMultiDispatch`.
    pub enabled: bool,
    /// `enableLmq`.
    pub light_queues: bool,
    /// `maxLmqConsumeQueueNum`.
    pub light_queues_max: usize,
}

impl Default for FanOutOptions {
    fn default() -> Self {
        Self { enabled: false, light_queues: false, light_queues_max: 20_000 }
    }
}

/// What may change while the store runs: the store takes the present values at every use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuning {
    /// `flushIntervalCommitLog`.
    pub flush_interval: Duration,
    /// `flushCommitLogTimed`: true sleeps the whole interval, false flushes as soon as enough is dirty.
    pub flush_timed: bool,
    /// `flushCommitLogLeastPages`.
    pub flush_pages_min: usize,
    /// `flushCommitLogThoroughInterval`.
    pub flush_thorough_interval: Duration,
    /// `syncFlushTimeout`.
    pub sync_flush_timeout: Duration,
    /// `commitIntervalCommitLog`.
    pub commit_interval: Duration,
    /// `commitCommitLogLeastPages`.
    pub commit_pages_min: usize,
    /// `commitCommitLogThoroughInterval`.
    pub commit_thorough_interval: Duration,
    /// `flushIntervalConsumeQueue`.
    pub queue_flush_interval: Duration,
    /// `flushConsumeQueueLeastPages`.
    pub queue_flush_pages_min: usize,
    /// `flushConsumeQueueThoroughInterval`.
    pub queue_flush_thorough_interval: Duration,
    /// `maxMessageSize`.
    pub message_bytes_max: usize,
    /// `maxTransfer…OnMessageInMemory`.
    pub transfer_in_memory: TransferLimit,
    /// `maxTransfer…OnMessageInDisk`.
    pub transfer_on_disk: TransferLimit,
    /// `accessMessageInMemoryMaxRatio`, percent of physical memory.
    pub in_memory_percent: u32,
    /// `messageIndexEnable`.
    pub index_enabled: bool,
    /// `maxMsgsNumBatch`: records that one query by key finds at most.
    pub query_count_max: usize,
    /// When files go.
    pub retention: RetentionRules,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            flush_interval: Duration::from_millis(500),
            flush_timed: true,
            flush_pages_min: 4,
            flush_thorough_interval: Duration::from_secs(10),
            sync_flush_timeout: Duration::from_secs(5),
            commit_interval: Duration::from_millis(200),
            commit_pages_min: 4,
            commit_thorough_interval: Duration::from_millis(200),
            queue_flush_interval: Duration::from_secs(1),
            queue_flush_pages_min: 2,
            queue_flush_thorough_interval: Duration::from_secs(60),
            message_bytes_max: 4 << 20,
            transfer_in_memory: TransferLimit { bytes: 262_144, count: 32 },
            transfer_on_disk: TransferLimit { bytes: 65_536, count: 8 },
            in_memory_percent: 40,
            index_enabled: true,
            query_count_max: 64,
            retention: RetentionRules::default(),
        }
    }
}

impl From<&StoreConfig> for Tuning {
    fn from(config: &StoreConfig) -> Self {
        let ms = |ms: u32| Duration::from_millis(u64::from(ms));
        Self {
            flush_interval: ms(config.flush_interval_commit_log),
            flush_timed: config.flush_commit_log_timed,
            flush_pages_min: config.flush_commit_log_least_pages as usize,
            flush_thorough_interval: ms(config.flush_commit_log_thorough_interval),
            sync_flush_timeout: ms(config.sync_flush_timeout),
            commit_interval: ms(config.commit_interval_commit_log),
            commit_pages_min: config.commit_commit_log_least_pages as usize,
            commit_thorough_interval: ms(config.commit_commit_log_thorough_interval),
            queue_flush_interval: ms(config.flush_interval_consume_queue),
            queue_flush_pages_min: config.flush_consume_queue_least_pages as usize,
            queue_flush_thorough_interval: ms(config.flush_consume_queue_thorough_interval),
            message_bytes_max: config.max_message_size as usize,
            transfer_in_memory: TransferLimit {
                bytes: config.max_transfer_bytes_on_message_in_memory as usize,
                count: config.max_transfer_count_on_message_in_memory as usize,
            },
            transfer_on_disk: TransferLimit {
                bytes: config.max_transfer_bytes_on_message_in_disk as usize,
                count: config.max_transfer_count_on_message_in_disk as usize,
            },
            in_memory_percent: config.access_message_in_memory_max_ratio,
            index_enabled: config.message_index_enable,
            query_count_max: config.max_msgs_num_batch as usize,
            retention: RetentionRules::from(config),
        }
    }
}

/// The present [`Tuning`]; clones share it.
pub type LiveTuning = Arc<ArcSwap<Tuning>>;

/// Everything the store needs to know. Defaults are the reference's.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// `storePathRootDir`.
    pub root: PathBuf,
    /// `storePathCommitLog`; below the root when unset.
    pub commit_log_dir: Option<PathBuf>,
    /// `mappedFileSizeCommitLog`.
    pub commit_log_file_bytes: usize,
    /// `mappedFileSizeConsumeQueue`, a multiple of 20.
    pub consume_queue_file_bytes: usize,
    /// `mappedFileSizeConsumeQueueExt` when `enableConsumeQueueExt` is on.
    pub consume_queue_ext_file_bytes: Option<usize>,
    /// `maxHashSlotNum`.
    pub index_slots: u32,
    /// `maxIndexNum`, at least 2.
    pub index_entries: u32,
    /// `flushDiskType`.
    pub flush_mode: FlushMode,
    /// `transientStorePoolSize` when `transientStorePoolEnable` is on.
    pub transient_buffers: Option<usize>,
    /// `checkCRCOnRecover`.
    pub check_crc_on_recover: bool,
    /// `messageDelayLevel`.
    pub delay_levels: DelayLevels,
    /// `enableMultiDispatch` and what goes with it.
    pub fan_out: FanOutOptions,
    /// `cleanResourceInterval`.
    pub clean_interval: Duration,
    /// At which use of the disk files go whatever their age, and puts are refused.
    pub disk_levels: DiskLevels,
    /// What may change later.
    pub tuning: Tuning,
}

impl StoreOptions {
    /// The reference's defaults, in `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            commit_log_dir: None,
            commit_log_file_bytes: 1 << 30,
            consume_queue_file_bytes: 6_000_000,
            consume_queue_ext_file_bytes: None,
            index_slots: INDEX_SLOTS_DEFAULT,
            index_entries: INDEX_ENTRIES_DEFAULT,
            flush_mode: FlushMode::Async,
            transient_buffers: None,
            check_crc_on_recover: true,
            delay_levels: DelayLevels::default(),
            fan_out: FanOutOptions::default(),
            clean_interval: Duration::from_secs(10),
            disk_levels: DiskLevels::default(),
            tuning: Tuning::default(),
        }
    }

    /// What the configuration says.
    pub fn of(config: &StoreConfig, system: &SystemConfig) -> Self {
        let delay_levels = DelayLevels::parse(config.message_delay_level.as_str()).unwrap_or_default();
        Self {
            root: config.store_path_root_dir.clone(),
            commit_log_dir: config.store_path_commit_log.clone(),
            commit_log_file_bytes: config.mapped_file_size_commit_log as usize,
            consume_queue_file_bytes: config.mapped_file_size_consume_queue as usize,
            consume_queue_ext_file_bytes: config
                .enable_consume_queue_ext
                .then_some(config.mapped_file_size_consume_queue_ext as usize),
            index_slots: config.max_hash_slot_num,
            index_entries: config.max_index_num,
            flush_mode: match config.flush_disk_type {
                FlushDiskType::Async => FlushMode::Async,
                FlushDiskType::Sync => FlushMode::Sync,
            },
            transient_buffers: config
                .transient_store_pool_enable
                .then_some(config.transient_store_pool_size as usize),
            check_crc_on_recover: config.check_crc_on_recover,
            delay_levels,
            fan_out: FanOutOptions {
                enabled: config.enable_multi_dispatch,
                light_queues: config.enable_lmq,
                light_queues_max: config.max_lmq_consume_queue_num as usize,
            },
            clean_interval: Duration::from_millis(u64::from(config.clean_resource_interval)),
            disk_levels: DiskLevels::from(system),
            tuning: Tuning::from(config),
        }
    }

    /// Directory of the commit log.
    pub fn commit_log_path(&self) -> PathBuf {
        self.commit_log_dir.clone().unwrap_or_else(|| self.root.join(file::COMMIT_LOG))
    }

    /// Directory of the consume queues.
    pub fn consume_queue_path(&self) -> PathBuf {
        self.root.join(file::CONSUME_QUEUE)
    }

    /// Directory of the extensions of consume queues.
    pub fn consume_queue_ext_path(&self) -> PathBuf {
        self.root.join(file::CONSUME_QUEUE_EXT)
    }

    /// Directory of the key index.
    pub fn index_path(&self) -> PathBuf {
        self.root.join(file::INDEX)
    }
}
