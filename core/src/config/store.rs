//! Rows of Java's `MessageStoreConfig`.

use std::path::PathBuf;

use super::table::{computed, fixed, live, section, unset};
use super::value::{BrokerRole, DelayList, FlushDiskType, Hours};

/// Largest Java `int`.
const INT_MAX: i64 = i32::MAX as i64;

section! {
/// Where messages are kept, for how long, and how they reach the disk.
Store store StoreConfig {
    /// Root of consume queues, index, config, checkpoint, abort and lock file.
    store_path_root_dir: PathBuf = "storePathRootDir",
        computed("$HOME/store", |machine| machine.under_home("store")).important();
    /// Commit log directory; unset is `commitlog` below the root.
    store_path_commit_log: Option<PathBuf> = "storePathCommitLog", unset().important();
    /// DLedger data directory or list.
    store_path_dledger_commit_log: Option<String> = "storePathDLedgerCommitLog",
        unset().important().accepted("read only with enableDLegerCommitLog");
    /// Comma separated commit log directories that are read but get no new file.
    read_only_commit_log_store_paths: Option<String> = "readOnlyCommitLogStorePaths",
        unset().only(&[""], "the commit log has one directory");
    /// Bytes per commit log file.
    mapped_file_size_commit_log: u32 = "mappedFileSizeCommitLog",
        fixed("1073741824").within(4096, INT_MAX).embedded("16777216");
    /// Bytes per consume queue file; rounded up to a multiple of 20.
    mapped_file_size_consume_queue: u32 = "mappedFileSizeConsumeQueue",
        fixed("6000000").within(20, INT_MAX).embedded("400000");
    /// Writes consumequeue_ext files.
    enable_consume_queue_ext: bool = "enableConsumeQueueExt", fixed("false");
    /// Bytes per ext file.
    mapped_file_size_consume_queue_ext: u32 = "mappedFileSizeConsumeQueueExt",
       fixed("50331648").within(4096, INT_MAX).embedded("1048576");
    /// Bits of the filter map in a consumequeue_ext unit.
    bit_map_length_consume_queue_ext: u32 = "bitMapLengthConsumeQueueExt",
       fixed("64").accepted("it is always computed from the Bloom filter keys, as in Java");
    /// Milliseconds per round of the async flush thread.
    flush_interval_commit_log: u32 = "flushIntervalCommitLog", live("500").within(1, INT_MAX).important();
    /// Milliseconds per round of the pool commit thread.
    commit_interval_commit_log: u32 = "commitIntervalCommitLog", live("200").within(1, INT_MAX).important();
    /// Blocking lock instead of a spin lock around the append.
    use_reentrant_lock_when_put_message: bool = "useReentrantLockWhenPutMessage",
       fixed("true").accepted("one lock serves both cases: it spins briefly, then blocks");
    /// true: the async flusher sleeps the full interval; false: it can be woken by each put.
    flush_commit_log_timed: bool = "flushCommitLogTimed", live("true").important();
    /// Milliseconds per round of the consume queue flusher.
    flush_interval_consume_queue: u32 = "flushIntervalConsumeQueue", live("1000").within(1, INT_MAX);
    /// Milliseconds between cleaner rounds (first after 60 s).
    clean_resource_interval: u32 = "cleanResourceInterval", fixed("10000").within(1, INT_MAX);
    /// Pause between two deleted commit log files.
    delete_commit_log_files_interval: u32 = "deleteCommitLogFilesInterval", live("100");
    /// Pause after a consume queue that lost files.
    delete_consume_queue_files_interval: u32 = "deleteConsumeQueueFilesInterval", live("100");
    /// As long a removed file that is still read is waited for before further files go that have not expired.
    destroy_maped_file_interval_forcibly: u32 = "destroyMapedFileIntervalForcibly", live("120000");
    /// Milliseconds before a file that could not be removed is tried again.
    redelete_hanged_file_interval: u32 = "redeleteHangedFileInterval", live("120000");
    /// Hours of day, semicolon separated, at which expired files are deleted.
    delete_when: Hours = "deleteWhen", live("04").important();
    /// Percent of disk use that triggers deletion; a value outside 10..95 is moved to the nearer end.
    disk_max_used_space_ratio: u32 = "diskMaxUsedSpaceRatio", live("75").clamped(10, 95);
    /// Hours a commit log file is kept; also the age at which a half message is given up.
    file_reserved_time: u32 = "fileReservedTime", live("72").important();
    /// Unused.
    put_msg_index_hight_water: u32 = "putMsgIndexHightWater",
       fixed("600000").accepted("nothing reads it in 4.9.8 either");
    /// Limit of the body in bytes (also of a whole batch body); changes at run time except in DLedger mode.
    max_message_size: u32 = "maxMessageSize", live("4194304").within(1, INT_MAX);
    /// Verifies the body CRC while recovering.
    check_crc_on_recover: bool = "checkCRCOnRecover", fixed("true");
    /// Minimum dirty 4 KiB pages for an async flush.
    flush_commit_log_least_pages: u32 = "flushCommitLogLeastPages", live("4");
    /// Minimum dirty pages for a pool commit.
    commit_commit_log_least_pages: u32 = "commitCommitLogLeastPages", live("4");
    /// Pages between forced flushes while warming with SYNC_FLUSH.
    flush_least_pages_when_warm_maped_file: u32 = "flushLeastPagesWhenWarmMapedFile", fixed("4096").accepted("files are not warmed in this version");
    /// Minimum dirty pages for a consume queue flush.
    flush_consume_queue_least_pages: u32 = "flushConsumeQueueLeastPages", live("2");
    /// Milliseconds after which the page minimum is ignored.
    flush_commit_log_thorough_interval: u32 = "flushCommitLogThoroughInterval", live("10000");
    /// Same for the pool commit.
    commit_commit_log_thorough_interval: u32 = "commitCommitLogThoroughInterval", live("200");
    /// Same for consume queues; also writes the checkpoint.
    flush_consume_queue_thorough_interval: u32 = "flushConsumeQueueThoroughInterval", live("60000");
    /// Byte limit of one pull for messages considered in memory.
    max_transfer_bytes_on_message_in_memory: u32 = "maxTransferBytesOnMessageInMemory",
        live("262144").within(1, INT_MAX).important();
    /// Count limit of one pull for messages considered in memory.
    max_transfer_count_on_message_in_memory: u32 = "maxTransferCountOnMessageInMemory",
        live("32").within(1, INT_MAX).important();
    /// Byte limit for messages considered on disk.
    max_transfer_bytes_on_message_in_disk: u32 = "maxTransferBytesOnMessageInDisk",
        live("65536").within(1, INT_MAX).important();
    /// Count limit for messages considered on disk.
    max_transfer_count_on_message_in_disk: u32 = "maxTransferCountOnMessageInDisk",
        live("8").within(1, INT_MAX).important();
    /// Percent of physical memory that counts as page cache window.
    access_message_in_memory_max_ratio: u32 = "accessMessageInMemoryMaxRatio",
        live("40").within(0, 100).important();
    /// Builds the key index.
    message_index_enable: bool = "messageIndexEnable", live("true").important();
    /// Slots per index file.
    max_hash_slot_num: u32 = "maxHashSlotNum", fixed("5000000").within(1, INT_MAX).embedded("20000");
    /// Entries per index file.
    max_index_num: u32 = "maxIndexNum", fixed("20000000").within(2, INT_MAX).embedded("80000");
    /// Upper bound of one key query.
    max_msgs_num_batch: u32 = "maxMsgsNumBatch", live("64").within(1, INT_MAX);
    /// Recovery also respects the index timestamp of the checkpoint.
    message_index_safe: bool = "messageIndexSafe", fixed("false").important().accepted("after a crash no key is lost either way");
    /// Port for slaves.
    ha_listen_port: u16 = "haListenPort", fixed("10912").accepted("it is always listenPort+1, as in Java");
    /// Milliseconds without traffic before an empty HA frame or offset report is sent.
    ha_send_heartbeat_interval: u32 = "haSendHeartbeatInterval",
       fixed("5000").accepted("read only for replication");
    /// Milliseconds without traffic before an HA connection is closed.
    ha_housekeeping_interval: u32 = "haHousekeepingInterval",
       fixed("20000").accepted("read only for replication");
    /// Maximum payload of one HA frame.
    ha_transfer_batch_size: u32 = "haTransferBatchSize",
       fixed("32768").within(1, INT_MAX).accepted("read only for replication");
    /// Fixed HA address for a slave (at least 6 characters), else learned from the name server.
    ha_master_address: Option<String> = "haMasterAddress",
        unset().important().accepted("read only by slaves");
    /// A slave further behind than this does not count for SYNC_MASTER.
    ha_slave_fallbehind_max: u32 = "haSlaveFallbehindMax",
       fixed("268435456").accepted("read only for replication");
    /// ASYNC_MASTER, SYNC_MASTER or SLAVE.
    broker_role: BrokerRole = "brokerRole",
        fixed("ASYNC_MASTER").important().only(&["ASYNC_MASTER"], "replication is not part of this version");
    /// ASYNC_FLUSH or SYNC_FLUSH; the flush service is chosen once at construction.
    flush_disk_type: FlushDiskType = "flushDiskType", fixed("ASYNC_FLUSH").important();
    /// Milliseconds a SYNC_FLUSH put waits.
    sync_flush_timeout: u32 = "syncFlushTimeout", live("5000").within(1, INT_MAX);
    /// Milliseconds a SYNC_MASTER put waits for the slave ack.
    slave_timeout: u32 = "slaveTimeout", fixed("3000").accepted("read only with brokerRole=SYNC_MASTER");
    /// Delay list, blank separated, units s m h d; level 1 is the first.
    message_delay_level: DelayList = "messageDelayLevel",
        fixed("1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h");
    /// Milliseconds between saves of delayOffset.json.
    flush_delay_offset_interval: u64 = "flushDelayOffsetInterval", fixed("10000").within(1, i64::MAX);
    /// Allows deletion regardless of age when the disk is over the forcible ratio.
    clean_file_forcibly_enable: bool = "cleanFileForciblyEnable", live("true").important();
    /// Touches and locks every page of a new commit log file.
    warm_maped_file_enable: bool = "warmMapedFileEnable", fixed("false").accepted("files are not warmed in this version");
    /// Lets a slave correct illegal offsets too.
    offset_check_in_slave: bool = "offsetCheckInSlave", fixed("false").accepted("read only by slaves");
    /// Writes a thread dump when the put lock is held over 1 s.
    debug_lock_enable: bool = "debugLockEnable", fixed("false").accepted("it only wrote a thread dump");
    /// Dispatch only below the confirm offset.
    duplication_enable: bool = "duplicationEnable",
       fixed("false").accepted("unfinished in 4.9.8; dispatch follows the log");
    /// Records consumer lag in bytes per pull.
    disk_fall_recorded: bool = "diskFallRecorded", fixed("true").accepted("not counted in this version");
    /// Milliseconds of holding the put lock that count as a busy page cache; further sends are then
    /// refused.
    os_page_cache_busy_time_out_mills: u64 = "osPageCacheBusyTimeOutMills", fixed("1000").within(1, i64::MAX).accepted("the page cache is never reported busy");
    /// maxNum used for unique key queries.
    default_query_max_num: u32 = "defaultQueryMaxNum", live("32").within(1, INT_MAX);
    /// Writes into a direct memory pool first; works with ASYNC_FLUSH masters.
    transient_store_pool_enable: bool = "transientStorePoolEnable", fixed("false").important();
    /// Buffers in the pool, each one commit log file long.
    transient_store_pool_size: u32 = "transientStorePoolSize", fixed("5").within(1, 1024);
    /// Fails file creation when the pool is empty instead of mapping the file directly.
    fast_fail_if_no_buffer_in_store_pool: bool = "fastFailIfNoBufferInStorePool", fixed("false").accepted("without a free buffer the file is mapped directly");
    /// Uses the raft commit log.
    enable_dleger_commit_log: bool = "enableDLegerCommitLog",
        fixed("false").only(&["false"], "the raft commit log (DLedger) is not part of this broker");
    /// Raft group name.
    dleger_group: Option<String> = "dLegerGroup", unset().accepted("read only with enableDLegerCommitLog");
    /// Raft peers, id-host:port joined by semicolon.
    dleger_peers: Option<String> = "dLegerPeers", unset().accepted("read only with enableDLegerCommitLog");
    /// Own raft id.
    dleger_self_id: Option<String> = "dLegerSelfId", unset().accepted("read only with enableDLegerCommitLog");
    /// Raft id that should become leader.
    preferred_leader_id: Option<String> = "preferredLeaderId",
        unset().accepted("read only with enableDLegerCommitLog");
    /// Field behind `enableBatchPush`; Java writes it when it saves its configuration.
    is_enable_batch_push: bool = "isEnableBatchPush",
       fixed("false").accepted("read only with enableDLegerCommitLog");
    /// Counts delayed delivery in the statistics.
    enable_schedule_message_stats: bool = "enableScheduleMessageStats", fixed("true");
    /// Light queues: names starting with %LMQ%.
    enable_lmq: bool = "enableLmq", fixed("false");
    /// Dispatches one message to several queues.
    enable_multi_dispatch: bool = "enableMultiDispatch", fixed("false");
    /// Limit of light queues.
    max_lmq_consume_queue_num: u32 = "maxLmqConsumeQueueNum", fixed("20000");
    /// Asynchronous delivery of delayed messages.
    enable_schedule_async_deliver: bool = "enableScheduleAsyncDeliver",
       fixed("false").accepted("delivery of delayed messages has one form; no message is skipped");
    /// In-flight limit per level for the above.
    schedule_async_deliver_max_pending_limit: u32 = "scheduleAsyncDeliverMaxPendingLimit",
       fixed("2000").accepted("read only with enableScheduleAsyncDeliver");
    /// Resends of the oldest message before its level blocks; twice that before it is skipped.
    schedule_async_deliver_max_resend_num2_blocked: u32 = "scheduleAsyncDeliverMaxResendNum2Blocked",
       fixed("3").accepted("read only with enableScheduleAsyncDeliver");
    /// Raft batch push.
    enable_batch_push: bool = "enableBatchPush",
       fixed("false").accepted("read only with enableDLegerCommitLog");
}
}

impl StoreConfig {
    /// The directory of the commit log: `storePathCommitLog`, else `commitlog` below the root.
    pub fn commit_log_dir(&self) -> PathBuf {
        self.store_path_commit_log.clone().unwrap_or_else(|| self.store_path_root_dir.join("commitlog"))
    }
}
