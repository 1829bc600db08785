//! Names with a meaning: topics, groups, property keys, files, and what a legal name is (broker-behaviour §1, §2.4).

/// Template of topics created on their first message.
#[doc(alias = "AUTO_CREATE_TOPIC_KEY_TOPIC")]
pub const AUTO_CREATE_TOPIC: &str = "TBW102";
/// Delayed messages wait here, one queue per level.
#[doc(alias = "RMQ_SYS_SCHEDULE_TOPIC")]
pub const SCHEDULE_TOPIC: &str = "SCHEDULE_TOPIC_XXXX";
/// For load generators.
pub const BENCHMARK_TOPIC: &str = "BenchmarkTest";
/// Half messages of transactions.
#[doc(alias = "RMQ_SYS_TRANS_HALF_TOPIC")]
pub const TRANS_HALF_TOPIC: &str = "RMQ_SYS_TRANS_HALF_TOPIC";
/// Which half messages are settled.
#[doc(alias = "RMQ_SYS_TRANS_OP_HALF_TOPIC")]
pub const TRANS_OP_HALF_TOPIC: &str = "RMQ_SYS_TRANS_OP_HALF_TOPIC";
/// Half messages whose producer never answered.
#[doc(alias = "RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC")]
pub const TRANS_CHECK_MAX_TIME_TOPIC: &str = "TRANS_CHECK_MAX_TIME_TOPIC";
/// Message traces of clients; the name can be changed by `msgTraceTopicName`.
pub const TRACE_TOPIC: &str = "RMQ_SYS_TRACE_TOPIC";
/// Self test.
pub const SELF_TEST_TOPIC: &str = "SELF_TEST_TOPIC";
/// Events about pulls outside of a queue's range.
pub const OFFSET_MOVED_EVENT: &str = "OFFSET_MOVED_EVENT";
/// Every topic that begins so is a system topic.
pub const SYSTEM_TOPIC_PREFIX: &str = "rmq_sys_";

/// `%RETRY%group`: messages a group sent back.
#[doc(alias = "RETRY_GROUP_TOPIC_PREFIX")]
pub const RETRY_TOPIC_PREFIX: &str = "%RETRY%";
/// `%DLQ%group`: messages a group failed too often.
#[doc(alias = "DLQ_GROUP_TOPIC_PREFIX")]
pub const DLQ_TOPIC_PREFIX: &str = "%DLQ%";
/// `cluster_REPLY_TOPIC`: answers of request-reply messages.
#[doc(alias = "REPLY_TOPIC_POSTFIX")]
pub const REPLY_TOPIC_SUFFIX: &str = "_REPLY_TOPIC";
/// Stands for the broker in the statistics of delayed messages.
#[doc(alias = "SCHEDULE_CONSUMER_GROUP")]
pub const SCHEDULE_CONSUMER: &str = "SCHEDULE_CONSUMER";
/// Light queues (LMQ), topics and groups alike.
pub const LMQ_PREFIX: &str = "%LMQ%";
/// Stands between the queues named in INNER_MULTI_DISPATCH and the offsets in INNER_MULTI_QUEUE_OFFSET.
pub const MULTI_DISPATCH_SEPARATOR: u8 = b',';

/// Prefix of the broker's own groups.
pub const SYSTEM_GROUP_PREFIX: &str = "CID_RMQ_SYS_";
/// Group whose offsets are the progress of the transaction check.
#[doc(alias = "CID_SYS_RMQ_TRANS")]
pub const TRANS_GROUP: &str = "CID_RMQ_SYS_TRANS";
/// Group of the admin tools.
pub const TOOLS_GROUP: &str = "TOOLS_CONSUMER";
/// Groups every broker creates at start.
pub const BUILT_IN_GROUPS: [&str; 7] = [
    TOOLS_GROUP,
    "FILTERSRV_CONSUMER",
    "SELF_TEST_C_GROUP",
    "CID_ONS-HTTP-PROXY",
    "CID_ONSAPI_PULL",
    "CID_ONSAPI_PERMISSION",
    "CID_ONSAPI_OWNER",
];

/// System topics whose name is the same on every broker.
const SYSTEM_TOPICS: [&str; 9] = [
    AUTO_CREATE_TOPIC,
    SCHEDULE_TOPIC,
    BENCHMARK_TOPIC,
    TRANS_HALF_TOPIC,
    TRACE_TOPIC,
    TRANS_OP_HALF_TOPIC,
    TRANS_CHECK_MAX_TIME_TOPIC,
    SELF_TEST_TOPIC,
    OFFSET_MOVED_EVENT,
];

const FORBIDDEN_FOR_SENDING: [&str; 6] = [
    SCHEDULE_TOPIC,
    TRANS_HALF_TOPIC,
    TRANS_OP_HALF_TOPIC,
    TRANS_CHECK_MAX_TIME_TOPIC,
    SELF_TEST_TOPIC,
    OFFSET_MOVED_EVENT,
];

/// Whether a topic belongs to the system by its name alone. The topics named after broker and cluster are the caller's to add.
pub fn is_system_topic(topic: &str) -> bool {
    SYSTEM_TOPICS.contains(&topic) || topic.starts_with(SYSTEM_TOPIC_PREFIX)
}

/// System topics with a fixed name.
pub fn system_topics() -> impl Iterator<Item = &'static str> {
    SYSTEM_TOPICS.into_iter()
}

/// Whether clients must not send to a topic.
#[doc(alias = "isNotAllowedSendTopic")]
pub fn is_forbidden_for_sending(topic: &str) -> bool {
    FORBIDDEN_FOR_SENDING.contains(&topic)
}

/// Whether a group is the broker's own: created on demand even when groups are not created automatically.
#[doc(alias = "isSysConsumerGroup")]
pub fn is_system_group(group: &str) -> bool {
    group.starts_with(SYSTEM_GROUP_PREFIX)
}

/// Whether a topic or group is a light queue's.
pub fn is_lmq(name: &str) -> bool {
    name.starts_with(LMQ_PREFIX)
}

/// `%RETRY%group`.
pub fn retry_topic(group: &str) -> String {
    [RETRY_TOPIC_PREFIX, group].concat()
}

/// `%DLQ%group`.
pub fn dlq_topic(group: &str) -> String {
    [DLQ_TOPIC_PREFIX, group].concat()
}

/// `cluster_REPLY_TOPIC`.
pub fn reply_topic(cluster: &str) -> String {
    [cluster, REPLY_TOPIC_SUFFIX].concat()
}

/// Longest legal topic.
pub const TOPIC_LEN_MAX: usize = 127;

/// Why a topic's name is refused. The text is the remark clients of 4.9.8 see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopicNameError {
    /// Empty, or blanks only.
    #[error("The specified topic is blank.")]
    Blank,
    /// A character that is not allowed.
    #[error("The specified topic contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$")]
    IllegalCharacter,
    /// More than [`TOPIC_LEN_MAX`] characters.
    #[error("The specified topic is longer than topic max length.")]
    TooLong,
}

/// Checks the name of a topic as a send or an update must.
#[doc(alias = "validateTopic")]
pub fn check_topic(topic: &str) -> Result<(), TopicNameError> {
    if topic.trim().is_empty() {
        return Err(TopicNameError::Blank);
    }
    if !has_legal_characters(topic) {
        return Err(TopicNameError::IllegalCharacter);
    }
    if topic.len() > TOPIC_LEN_MAX {
        return Err(TopicNameError::TooLong);
    }
    Ok(())
}

/// Whether a topic or group is made of `% | a-z A-Z 0-9 _ -` only. Such a name is always a safe folder name.
#[doc(alias = "isTopicOrGroupIllegal")]
pub fn has_legal_characters(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'%' | b'|' | b'_' | b'-'))
}

/// Names of message properties (store-format §4). Bytes, since the properties text is searched as bytes.
#[doc(alias = "MessageConst")]
pub mod property {
    /// Keys for the index, separated by [`KEY_SEPARATOR`].
    pub const KEYS: &[u8] = b"KEYS";
    /// Tags; filters compare the hash of the whole text.
    pub const TAGS: &[u8] = b"TAGS";
    /// Whether the sender waits for disk and replica; see [`waits_for_store`].
    pub const WAIT: &[u8] = b"WAIT";
    /// Delay level.
    pub const DELAY: &[u8] = b"DELAY";
    /// Topic a message had before it was first sent back.
    pub const RETRY_TOPIC: &[u8] = b"RETRY_TOPIC";
    /// Topic of a delayed or half message.
    pub const REAL_TOPIC: &[u8] = b"REAL_TOPIC";
    /// Queue of a delayed or half message.
    pub const REAL_QID: &[u8] = b"REAL_QID";
    /// `true` makes a half message.
    pub const TRAN_MSG: &[u8] = b"TRAN_MSG";
    /// Group of the producer.
    pub const PGROUP: &[u8] = b"PGROUP";
    /// Set by consumers.
    pub const MIN_OFFSET: &[u8] = b"MIN_OFFSET";
    /// Set by consumers.
    pub const MAX_OFFSET: &[u8] = b"MAX_OFFSET";
    /// Set by clients, not interpreted.
    pub const BUYER_ID: &[u8] = b"BUYER_ID";
    /// Id of the record that was sent back first.
    pub const ORIGIN_MESSAGE_ID: &[u8] = b"ORIGIN_MESSAGE_ID";
    /// Set by clients, not interpreted.
    pub const TRANSFER_FLAG: &[u8] = b"TRANSFER_FLAG";
    /// Set by clients, not interpreted.
    pub const CORRECTION_FLAG: &[u8] = b"CORRECTION_FLAG";
    /// Set by clients, not interpreted.
    pub const MQ2_FLAG: &[u8] = b"MQ2_FLAG";
    /// Set by clients, not interpreted.
    pub const RECONSUME_TIME: &[u8] = b"RECONSUME_TIME";
    /// Region of the broker, in answers.
    pub const MSG_REGION: &[u8] = b"MSG_REGION";
    /// Whether clients trace, in answers.
    pub const TRACE_ON: &[u8] = b"TRACE_ON";
    /// The producer's unique id; indexed like a key.
    #[doc(alias = "PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX")]
    pub const UNIQ_KEY: &[u8] = b"UNIQ_KEY";
    /// Set by clients when they send back themselves.
    pub const MAX_RECONSUME_TIMES: &[u8] = b"MAX_RECONSUME_TIMES";
    /// Set by consumers.
    pub const CONSUME_START_TIME: &[u8] = b"CONSUME_START_TIME";
    /// Queue offset a half message had before it was appended again.
    pub const TRAN_PREPARED_QUEUE_OFFSET: &[u8] = b"TRAN_PREPARED_QUEUE_OFFSET";
    /// How often the producer of a half message was asked.
    pub const TRANSACTION_CHECK_TIMES: &[u8] = b"TRANSACTION_CHECK_TIMES";
    /// Age below which a half message is not asked about.
    pub const CHECK_IMMUNITY_TIME_IN_SECONDS: &[u8] = b"CHECK_IMMUNITY_TIME_IN_SECONDS";
    /// Set by clients, not interpreted.
    pub const INSTANCE_ID: &[u8] = b"INSTANCE_ID";
    /// Pairs a reply with its request.
    pub const CORRELATION_ID: &[u8] = b"CORRELATION_ID";
    /// Client that waits for a reply.
    pub const REPLY_TO_CLIENT: &[u8] = b"REPLY_TO_CLIENT";
    /// How long a requester waits, ms.
    pub const TTL: &[u8] = b"TTL";
    /// When a reply reached the broker.
    pub const ARRIVE_TIME: &[u8] = b"ARRIVE_TIME";
    /// When the broker pushed a reply.
    pub const PUSH_REPLY_TIME: &[u8] = b"PUSH_REPLY_TIME";
    /// Cluster of the broker that stored the message.
    pub const CLUSTER: &[u8] = b"CLUSTER";
    /// `reply` marks replies.
    pub const MSG_TYPE: &[u8] = b"MSG_TYPE";
    /// Light queues a message is also put into.
    pub const INNER_MULTI_DISPATCH: &[u8] = b"INNER_MULTI_DISPATCH";
    /// Its offsets in those queues.
    pub const INNER_MULTI_QUEUE_OFFSET: &[u8] = b"INNER_MULTI_QUEUE_OFFSET";

    /// Stands between keys in KEYS.
    pub const KEY_SEPARATOR: u8 = b' ';

    /// What WAIT means: absent or `true` in any case waits for disk and replica (store-behaviour §3).
    #[doc(alias = "isWaitStoreMsgOK")]
    pub fn waits_for_store(wait: Option<&[u8]>) -> bool {
        wait.is_none_or(|wait| wait.eq_ignore_ascii_case(b"true"))
    }

    /// The keys of a KEYS text: split at single blanks, empty ones skipped.
    pub fn split_keys(keys: &[u8]) -> impl Iterator<Item = &[u8]> {
        keys.split(|byte| *byte == KEY_SEPARATOR).filter(|key| !key.is_empty())
    }
}

/// Names inside a store directory (store-format §1).
pub mod file {
    /// Commit log files.
    pub const COMMIT_LOG: &str = "commitlog";
    /// Consume queues, `consumequeue/TOPIC/QUEUEID`.
    pub const CONSUME_QUEUE: &str = "consumequeue";
    /// Consume queue extensions.
    pub const CONSUME_QUEUE_EXT: &str = "consumequeue_ext";
    /// Key index files.
    pub const INDEX: &str = "index";
    /// Folder of the JSON tables.
    pub const CONFIG: &str = "config";
    /// How far files are known to be on disk.
    pub const CHECKPOINT: &str = "checkpoint";
    /// Exists while the store runs.
    pub const ABORT: &str = "abort";
    /// Held by the process that owns the store.
    pub const LOCK: &str = "lock";
    /// What `lock` contains.
    pub const LOCK_TEXT: &str = "lock";

    /// Topics.
    pub const TOPICS: &str = "topics.json";
    /// Subscription groups.
    pub const SUBSCRIPTION_GROUPS: &str = "subscriptionGroup.json";
    /// Consumer offsets.
    pub const CONSUMER_OFFSETS: &str = "consumerOffset.json";
    /// Consumer offsets when light queues are on.
    pub const LMQ_CONSUMER_OFFSETS: &str = "lmqConsumerOffset.json";
    /// Filters of SQL consumers.
    pub const CONSUMER_FILTERS: &str = "consumerFilter.json";
    /// Progress of the delay levels.
    pub const DELAY_OFFSETS: &str = "delayOffset.json";
    /// Appended to a table's name for its previous content.
    pub const BACKUP_SUFFIX: &str = ".bak";
    /// Appended to a table's name while it is written.
    pub const TEMPORARY_SUFFIX: &str = ".tmp";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_topics_are_known_by_name_or_prefix() {
        assert!(is_system_topic("TBW102") && is_system_topic("rmq_sys_anything"));
        assert!(!is_system_topic("RMQ_SYS_other") && !is_system_topic("%RETRY%g"));
        assert!(is_forbidden_for_sending("OFFSET_MOVED_EVENT") && !is_forbidden_for_sending("TBW102"));
    }

    #[test]
    fn topic_check_names_the_first_fault() {
        assert_eq!(check_topic(" \t"), Err(TopicNameError::Blank));
        assert_eq!(check_topic("a.b"), Err(TopicNameError::IllegalCharacter));
        assert_eq!(check_topic("订单"), Err(TopicNameError::IllegalCharacter));
        assert_eq!(check_topic(&"a".repeat(128)), Err(TopicNameError::TooLong));
        assert_eq!(check_topic(&"a".repeat(127)), Ok(()));
        assert_eq!(check_topic("%RETRY%g-1|x_Y"), Ok(()));
    }

    #[test]
    fn wait_is_on_unless_it_says_otherwise() {
        use property::waits_for_store;
        assert!(waits_for_store(None) && waits_for_store(Some(b"TRUE")));
        assert!(!waits_for_store(Some(b"false")) && !waits_for_store(Some(b"yes")));
    }

    #[test]
    fn keys_split_at_single_blanks() {
        let keys: Vec<_> = property::split_keys(b" k1  k2 k2").collect();
        assert_eq!(keys, [b"k1", b"k2", b"k2"]);
    }
}
