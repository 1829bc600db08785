//! What a consumer tells about itself: codes 307 and 309. The broker only passes these on.

use std::collections::BTreeMap;

use super::heartbeat::Subscription;
use super::queue::MessageQueue;
use super::{beans, java_enum};

java_enum! {
    /// How consuming one message ended.
    #[doc(alias = "CMResult")]
    ConsumeOutcome {
        Success = "CR_SUCCESS",
        Later = "CR_LATER",
        Rollback = "CR_ROLLBACK",
        Commit = "CR_COMMIT",
        ThrowException = "CR_THROW_EXCEPTION",
        ReturnNull = "CR_RETURN_NULL",
    }
}

beans! {
    /// State of a consumer: answer of code 307.
    #[doc(alias = "ConsumerRunningInfo")]
    ConsumerRunning {
        /// Thread dump, when asked for.
        jstack: Option<String>,
        /// Its queues.
        #[serde(rename = "mqTable")]
        queue_table: BTreeMap<MessageQueue, ProcessQueue>,
        /// Its settings.
        properties: BTreeMap<String, String>,
        /// Its rates by topic.
        status_table: BTreeMap<String, ConsumeRates>,
        /// Its subscriptions.
        #[serde(rename = "subscriptionSet")]
        subscriptions: Vec<Subscription>,
    }

    /// State of a queue at its consumer.
    #[doc(alias = "ProcessQueueInfo")]
    ProcessQueue {
        /// Messages pulled and not consumed.
        cached_msg_count: i32,
        /// Offset of the newest of them.
        cached_msg_max_offset: i64,
        /// Offset of the oldest of them.
        cached_msg_min_offset: i64,
        /// Their size.
        #[serde(rename = "cachedMsgSizeInMiB")]
        cached_msg_size_mib: i32,
        /// Offset of the group.
        commit_offset: i64,
        /// No longer this consumer's. Java's spelling on the wire.
        #[serde(rename = "droped")]
        dropped: bool,
        /// Last time something was consumed.
        #[serde(rename = "lastConsumeTimestamp")]
        last_consume_timestamp_ms: i64,
        /// Last time the queue was locked.
        #[serde(rename = "lastLockTimestamp")]
        last_lock_timestamp_ms: i64,
        /// Last pull.
        #[serde(rename = "lastPullTimestamp")]
        last_pull_timestamp_ms: i64,
        /// Locked for ordered consuming.
        locked: bool,
        /// Messages being consumed in order.
        transaction_msg_count: i32,
        /// Offset of the newest of them.
        transaction_msg_max_offset: i64,
        /// Offset of the oldest of them.
        transaction_msg_min_offset: i64,
        /// Attempts to unlock.
        try_unlock_times: i64,
    }

    /// Rates of a consumer in a topic.
    #[doc(alias = "ConsumeStatus")]
    ConsumeRates {
        /// Messages that failed.
        consume_failed_msgs: i64,
        /// Failures per second.
        #[serde(rename = "consumeFailedTPS")]
        consume_failed_tps: f64,
        /// Messages consumed per second.
        #[serde(rename = "consumeOKTPS")]
        consume_ok_tps: f64,
        /// Milliseconds for a message.
        #[serde(rename = "consumeRT")]
        consume_rt: f64,
        /// Milliseconds for a pull.
        #[serde(rename = "pullRT")]
        pull_rt: f64,
        /// Messages pulled per second.
        #[serde(rename = "pullTPS")]
        pull_tps: f64,
    }

    /// How consuming one message on demand ended: answer of code 309.
    #[doc(alias = "ConsumeMessageDirectlyResult")]
    ConsumeDirectlyOutcome {
        /// Whether the consumer commits by itself.
        auto_commit: bool,
        /// The outcome.
        #[serde(deserialize_with = "super::known", rename = "consumeResult")]
        outcome: Option<ConsumeOutcome>,
        /// Whether it consumes in order.
        order: bool,
        /// Error text.
        remark: Option<String>,
        /// How long it took.
        #[serde(rename = "spentTimeMills")]
        spent_ms: i64,
    }
}
