//! The table of the protocol: request codes, response codes, languages, versions and the remark texts that more than one
//! part answers with (remoting.md §5 to §7; Java: `RequestCode`, `ResponseCode`, `LanguageCode`, `MQVersion`).

/// Who answers a request code in 4.9.8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Handler {
    /// A processor of the broker.
    Broker,
    /// The NameServer.
    NameServer,
    /// The client library; the broker only sends it.
    Client,
    /// The broker, which passes the same code on to a client.
    BrokerAndClient,
    /// Defined in Java but handled nowhere: the broker answers 3, the NameServer keeps silent.
    Nobody,
}

macro_rules! request_codes {
    ($($name:ident = $code:literal, $java:literal, $handler:ident;)*) => {
        /// A request code of 4.9.8. Numbers on the wire may be anything: see [`RequestCode::from_code`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i32)]
        pub enum RequestCode {
            $(#[doc = concat!("`", $java, "`")] #[doc(alias = $java)] $name = $code,)*
        }

        impl RequestCode {
            /// Every code, in ascending order.
            pub const ALL: &[RequestCode] = &[$(RequestCode::$name,)*];

            /// The code of this number, if 4.9.8 defines it.
            pub const fn from_code(code: i32) -> Option<Self> {
                match code {
                    $($code => Some(RequestCode::$name),)*
                    _ => None,
                }
            }

            /// The name as Java spells it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(RequestCode::$name => $java,)*
                }
            }

            /// Who answers it.
            pub const fn handler(self) -> Handler {
                match self {
                    $(RequestCode::$name => Handler::$handler,)*
                }
            }
        }
    };
}

request_codes! {
    SendMessage = 10, "SEND_MESSAGE", Broker;
    PullMessage = 11, "PULL_MESSAGE", Broker;
    QueryMessage = 12, "QUERY_MESSAGE", Broker;
    QueryBrokerOffset = 13, "QUERY_BROKER_OFFSET", Nobody;
    QueryConsumerOffset = 14, "QUERY_CONSUMER_OFFSET", Broker;
    UpdateConsumerOffset = 15, "UPDATE_CONSUMER_OFFSET", Broker;
    UpdateAndCreateTopic = 17, "UPDATE_AND_CREATE_TOPIC", Broker;
    GetAllTopicConfig = 21, "GET_ALL_TOPIC_CONFIG", Broker;
    GetTopicConfigList = 22, "GET_TOPIC_CONFIG_LIST", Nobody;
    GetTopicNameList = 23, "GET_TOPIC_NAME_LIST", Nobody;
    UpdateBrokerConfig = 25, "UPDATE_BROKER_CONFIG", Broker;
    GetBrokerConfig = 26, "GET_BROKER_CONFIG", Broker;
    TriggerDeleteFiles = 27, "TRIGGER_DELETE_FILES", Nobody;
    GetBrokerRuntimeInfo = 28, "GET_BROKER_RUNTIME_INFO", Broker;
    SearchOffsetByTimestamp = 29, "SEARCH_OFFSET_BY_TIMESTAMP", Broker;
    GetMaxOffset = 30, "GET_MAX_OFFSET", Broker;
    GetMinOffset = 31, "GET_MIN_OFFSET", Broker;
    GetEarliestMsgStoretime = 32, "GET_EARLIEST_MSG_STORETIME", Broker;
    ViewMessageById = 33, "VIEW_MESSAGE_BY_ID", Broker;
    HeartBeat = 34, "HEART_BEAT", Broker;
    UnregisterClient = 35, "UNREGISTER_CLIENT", Broker;
    ConsumerSendMsgBack = 36, "CONSUMER_SEND_MSG_BACK", Broker;
    EndTransaction = 37, "END_TRANSACTION", Broker;
    GetConsumerListByGroup = 38, "GET_CONSUMER_LIST_BY_GROUP", Broker;
    CheckTransactionState = 39, "CHECK_TRANSACTION_STATE", Client;
    NotifyConsumerIdsChanged = 40, "NOTIFY_CONSUMER_IDS_CHANGED", Client;
    LockBatchMq = 41, "LOCK_BATCH_MQ", Broker;
    UnlockBatchMq = 42, "UNLOCK_BATCH_MQ", Broker;
    GetAllConsumerOffset = 43, "GET_ALL_CONSUMER_OFFSET", Broker;
    GetAllDelayOffset = 45, "GET_ALL_DELAY_OFFSET", Broker;
    CheckClientConfig = 46, "CHECK_CLIENT_CONFIG", Broker;
    UpdateAndCreateAclConfig = 50, "UPDATE_AND_CREATE_ACL_CONFIG", Broker;
    DeleteAclConfig = 51, "DELETE_ACL_CONFIG", Broker;
    GetBrokerClusterAclInfo = 52, "GET_BROKER_CLUSTER_ACL_INFO", Broker;
    UpdateGlobalWhiteAddrsConfig = 53, "UPDATE_GLOBAL_WHITE_ADDRS_CONFIG", Broker;
    PutKvConfig = 100, "PUT_KV_CONFIG", NameServer;
    GetKvConfig = 101, "GET_KV_CONFIG", NameServer;
    DeleteKvConfig = 102, "DELETE_KV_CONFIG", NameServer;
    RegisterBroker = 103, "REGISTER_BROKER", NameServer;
    UnregisterBroker = 104, "UNREGISTER_BROKER", NameServer;
    GetRouteinfoByTopic = 105, "GET_ROUTEINFO_BY_TOPIC", NameServer;
    GetBrokerClusterInfo = 106, "GET_BROKER_CLUSTER_INFO", NameServer;
    UpdateAndCreateSubscriptiongroup = 200, "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP", Broker;
    GetAllSubscriptiongroupConfig = 201, "GET_ALL_SUBSCRIPTIONGROUP_CONFIG", Broker;
    GetTopicStatsInfo = 202, "GET_TOPIC_STATS_INFO", Broker;
    GetConsumerConnectionList = 203, "GET_CONSUMER_CONNECTION_LIST", Broker;
    GetProducerConnectionList = 204, "GET_PRODUCER_CONNECTION_LIST", Broker;
    WipeWritePermOfBroker = 205, "WIPE_WRITE_PERM_OF_BROKER", NameServer;
    GetAllTopicListFromNameserver = 206, "GET_ALL_TOPIC_LIST_FROM_NAMESERVER", NameServer;
    DeleteSubscriptiongroup = 207, "DELETE_SUBSCRIPTIONGROUP", Broker;
    GetConsumeStats = 208, "GET_CONSUME_STATS", Broker;
    SuspendConsumer = 209, "SUSPEND_CONSUMER", Nobody;
    ResumeConsumer = 210, "RESUME_CONSUMER", Nobody;
    ResetConsumerOffsetInConsumer = 211, "RESET_CONSUMER_OFFSET_IN_CONSUMER", Nobody;
    ResetConsumerOffsetInBroker = 212, "RESET_CONSUMER_OFFSET_IN_BROKER", Nobody;
    AdjustConsumerThreadPool = 213, "ADJUST_CONSUMER_THREAD_POOL", Nobody;
    WhoConsumeTheMessage = 214, "WHO_CONSUME_THE_MESSAGE", Nobody;
    DeleteTopicInBroker = 215, "DELETE_TOPIC_IN_BROKER", Broker;
    DeleteTopicInNamesrv = 216, "DELETE_TOPIC_IN_NAMESRV", NameServer;
    GetKvlistByNamespace = 219, "GET_KVLIST_BY_NAMESPACE", NameServer;
    ResetConsumerClientOffset = 220, "RESET_CONSUMER_CLIENT_OFFSET", Client;
    GetConsumerStatusFromClient = 221, "GET_CONSUMER_STATUS_FROM_CLIENT", Client;
    InvokeBrokerToResetOffset = 222, "INVOKE_BROKER_TO_RESET_OFFSET", Broker;
    InvokeBrokerToGetConsumerStatus = 223, "INVOKE_BROKER_TO_GET_CONSUMER_STATUS", Broker;
    GetTopicsByCluster = 224, "GET_TOPICS_BY_CLUSTER", NameServer;
    QueryTopicConsumeByWho = 300, "QUERY_TOPIC_CONSUME_BY_WHO", Broker;
    RegisterFilterServer = 301, "REGISTER_FILTER_SERVER", Nobody;
    RegisterMessageFilterClass = 302, "REGISTER_MESSAGE_FILTER_CLASS", Nobody;
    QueryConsumeTimeSpan = 303, "QUERY_CONSUME_TIME_SPAN", Broker;
    GetSystemTopicListFromNs = 304, "GET_SYSTEM_TOPIC_LIST_FROM_NS", NameServer;
    GetSystemTopicListFromBroker = 305, "GET_SYSTEM_TOPIC_LIST_FROM_BROKER", Broker;
    CleanExpiredConsumequeue = 306, "CLEAN_EXPIRED_CONSUMEQUEUE", Broker;
    GetConsumerRunningInfo = 307, "GET_CONSUMER_RUNNING_INFO", BrokerAndClient;
    QueryCorrectionOffset = 308, "QUERY_CORRECTION_OFFSET", Broker;
    ConsumeMessageDirectly = 309, "CONSUME_MESSAGE_DIRECTLY", BrokerAndClient;
    SendMessageV2 = 310, "SEND_MESSAGE_V2", Broker;
    GetUnitTopicList = 311, "GET_UNIT_TOPIC_LIST", NameServer;
    GetHasUnitSubTopicList = 312, "GET_HAS_UNIT_SUB_TOPIC_LIST", NameServer;
    GetHasUnitSubUnunitTopicList = 313, "GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST", NameServer;
    CloneGroupOffset = 314, "CLONE_GROUP_OFFSET", Broker;
    ViewBrokerStatsData = 315, "VIEW_BROKER_STATS_DATA", Broker;
    CleanUnusedTopic = 316, "CLEAN_UNUSED_TOPIC", Broker;
    GetBrokerConsumeStats = 317, "GET_BROKER_CONSUME_STATS", Broker;
    UpdateNamesrvConfig = 318, "UPDATE_NAMESRV_CONFIG", NameServer;
    GetNamesrvConfig = 319, "GET_NAMESRV_CONFIG", NameServer;
    SendBatchMessage = 320, "SEND_BATCH_MESSAGE", Broker;
    QueryConsumeQueue = 321, "QUERY_CONSUME_QUEUE", Broker;
    QueryDataVersion = 322, "QUERY_DATA_VERSION", NameServer;
    ResumeCheckHalfMessage = 323, "RESUME_CHECK_HALF_MESSAGE", Broker;
    SendReplyMessage = 324, "SEND_REPLY_MESSAGE", Broker;
    SendReplyMessageV2 = 325, "SEND_REPLY_MESSAGE_V2", Broker;
    PushReplyMessageToClient = 326, "PUSH_REPLY_MESSAGE_TO_CLIENT", Client;
    AddWritePermOfBroker = 327, "ADD_WRITE_PERM_OF_BROKER", NameServer;
    GetAllProducerInfo = 328, "GET_ALL_PRODUCER_INFO", Broker;
    DeleteExpiredCommitlog = 329, "DELETE_EXPIRED_COMMITLOG", Broker;
}

impl RequestCode {
    /// The number on the wire.
    pub const fn code(self) -> i32 {
        self as i32
    }
}

impl From<RequestCode> for i32 {
    fn from(code: RequestCode) -> i32 {
        code.code()
    }
}

macro_rules! response_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $java:literal;)*) => {
        /// A response code of 4.9.8.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i32)]
        pub enum ResponseCode {
            $($(#[$doc])* #[doc(alias = $java)] $name = $code,)*
        }

        impl ResponseCode {
            /// Every code, in ascending order.
            pub const ALL: &[ResponseCode] = &[$(ResponseCode::$name,)*];

            /// The code of this number, if 4.9.8 defines it.
            pub const fn from_code(code: i32) -> Option<Self> {
                match code {
                    $($code => Some(ResponseCode::$name),)*
                    _ => None,
                }
            }

            /// The name as Java spells it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(ResponseCode::$name => $java,)*
                }
            }
        }
    };
}

response_codes! {
    /// Done.
    Success = 0, "SUCCESS";
    /// Any failure, including an exception text from the processor.
    SystemError = 1, "SYSTEM_ERROR";
    /// Flow control; remark starts with `[REJECTREQUEST]`, `[OVERLOAD]`, `[TIMEOUT_CLEAN_QUEUE]` or `[PCBUSY_CLEAN_QUEUE]`.
    SystemBusy = 2, "SYSTEM_BUSY";
    /// Unknown request code.
    RequestCodeNotSupported = 3, "REQUEST_CODE_NOT_SUPPORTED";
    /// Never sent by 4.9.8 servers.
    TransactionFailed = 4, "TRANSACTION_FAILED";
    /// Message stored, disk flush not confirmed in time (client SendStatus FLUSH_DISK_TIMEOUT).
    FlushDiskTimeout = 10, "FLUSH_DISK_TIMEOUT";
    /// Message stored, no usable slave (client SendStatus SLAVE_NOT_AVAILABLE); also END_TRANSACTION sent to a slave.
    SlaveNotAvailable = 11, "SLAVE_NOT_AVAILABLE";
    /// Message stored, slave ack late (client SendStatus FLUSH_SLAVE_TIMEOUT).
    FlushSlaveTimeout = 12, "FLUSH_SLAVE_TIMEOUT";
    /// Size or shape refused.
    MessageIllegal = 13, "MESSAGE_ILLEGAL";
    /// Store refuses writes (shutdown, slave, disk full, store error flags).
    ServiceNotAvailable = 14, "SERVICE_NOT_AVAILABLE";
    /// Not sent by 4.9.8 servers.
    VersionNotSupported = 15, "VERSION_NOT_SUPPORTED";
    /// Permission refused.
    NoPermission = 16, "NO_PERMISSION";
    /// Topic unknown (broker and name server).
    TopicNotExist = 17, "TOPIC_NOT_EXIST";
    /// Not sent by 4.9.8 servers.
    TopicExistAlready = 18, "TOPIC_EXIST_ALREADY";
    /// Nothing to pull now.
    PullNotFound = 19, "PULL_NOT_FOUND";
    /// Pull again at once from nextBeginOffset.
    PullRetryImmediately = 20, "PULL_RETRY_IMMEDIATELY";
    /// Request offset outside queue; continue at nextBeginOffset.
    PullOffsetMoved = 21, "PULL_OFFSET_MOVED";
    /// Query found nothing.
    QueryNotFound = 22, "QUERY_NOT_FOUND";
    /// Expression does not parse.
    SubscriptionParseFailed = 23, "SUBSCRIPTION_PARSE_FAILED";
    /// Group or topic subscription unknown to broker (heartbeat not yet seen).
    SubscriptionNotExist = 24, "SUBSCRIPTION_NOT_EXIST";
    /// Broker holds an older subVersion than the pull.
    SubscriptionNotLatest = 25, "SUBSCRIPTION_NOT_LATEST";
    /// Subscription group unknown.
    SubscriptionGroupNotExist = 26, "SUBSCRIPTION_GROUP_NOT_EXIST";
    /// No compiled SQL filter for topic and group.
    FilterDataNotExist = 27, "FILTER_DATA_NOT_EXIST";
    /// Compiled SQL filter older than the pull.
    FilterDataNotLatest = 28, "FILTER_DATA_NOT_LATEST";
    /// Not sent by 4.9.8 servers.
    TransactionShouldCommit = 200, "TRANSACTION_SHOULD_COMMIT";
    /// Not sent by 4.9.8 servers.
    TransactionShouldRollback = 201, "TRANSACTION_SHOULD_ROLLBACK";
    /// Not sent by 4.9.8 servers.
    TransactionStateUnknow = 202, "TRANSACTION_STATE_UNKNOW";
    /// Not sent by 4.9.8 servers.
    TransactionStateGroupWrong = 203, "TRANSACTION_STATE_GROUP_WRONG";
    /// Not sent by 4.9.8 servers.
    NoBuyerId = 204, "NO_BUYER_ID";
    /// Not sent by 4.9.8 servers.
    NotInCurrentUnit = 205, "NOT_IN_CURRENT_UNIT";
    /// No consumer connected.
    ConsumerNotOnline = 206, "CONSUMER_NOT_ONLINE";
    /// Client did not answer in 10 s.
    ConsumeMsgTimeout = 207, "CONSUME_MSG_TIMEOUT";
    /// Not sent by 4.9.8 servers.
    NoMessage = 208, "NO_MESSAGE";
    /// ACL update refused.
    UpdateAndCreateAclConfigFailed = 209, "UPDATE_AND_CREATE_ACL_CONFIG_FAILED";
    /// ACL delete refused.
    DeleteAclConfigFailed = 210, "DELETE_ACL_CONFIG_FAILED";
    /// ACL white list update refused.
    UpdateGlobalWhiteAddrsConfigFailed = 211, "UPDATE_GLOBAL_WHITE_ADDRS_CONFIG_FAILED";
    /// Client side constant; not sent by 4.9.8 servers.
    FlowControl = 215, "FLOW_CONTROL";
}

impl ResponseCode {
    /// The number on the wire.
    pub const fn code(self) -> i32 {
        self as i32
    }
}

impl From<ResponseCode> for i32 {
    fn from(code: ResponseCode) -> i32 {
        code.code()
    }
}

macro_rules! language_codes {
    ($($name:ident = $code:literal, $java:literal;)*) => {
        /// The language of the sender. A number or name outside this list decodes to nothing (remoting.md §5).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum LanguageCode {
            $(#[doc = concat!("`", $java, "`")] $name = $code,)*
        }

        impl LanguageCode {
            /// The language of this byte.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(LanguageCode::$name),)*
                    _ => None,
                }
            }

            /// The language of this enum name, as JSON headers and bodies write it.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($java => Some(LanguageCode::$name),)*
                    _ => None,
                }
            }

            /// The name as Java spells it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(LanguageCode::$name => $java,)*
                }
            }
        }
    };
}

language_codes! {
    Java = 0, "JAVA";
    Cpp = 1, "CPP";
    DotNet = 2, "DOTNET";
    Python = 3, "PYTHON";
    Delphi = 4, "DELPHI";
    Erlang = 5, "ERLANG";
    Ruby = 6, "RUBY";
    Other = 7, "OTHER";
    Http = 8, "HTTP";
    Go = 9, "GO";
    Php = 10, "PHP";
    Oms = 11, "OMS";
    Rust = 12, "RUST";
}

impl LanguageCode {
    /// The byte on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// Version ordinals (Java: `MQVersion.Version`) that decide something, and our own.
pub mod version {
    /// What this broker and NameServer write into every frame: `V4_9_8`.
    pub const CURRENT: i32 = V4_9_8;
    /// `V3_0_7_SNAPSHOT`: a connection of this version or newer may get reset-offset and status requests.
    pub const V3_0_7_SNAPSHOT: i32 = 28;
    /// `V3_0_11`: REGISTER_BROKER of this version or newer carries a RegisterBrokerBody.
    pub const V3_0_11: i32 = 37;
    /// `V3_1_8_SNAPSHOT`: a connection of this version or newer may get running-info and consume-directly requests.
    pub const V3_1_8_SNAPSHOT: i32 = 62;
    /// `V3_4_9`: maxReconsumeTimes of the send header overrides the group's retryMaxTimes.
    pub const V3_4_9: i32 = 121;
    /// `V4_9_4`: GET_ROUTEINFO_BY_TOPIC answers strict JSON.
    pub const V4_9_4: i32 = 401;
    /// `V4_9_8`.
    pub const V4_9_8: i32 = 409;
    /// `V5_0_0`.
    pub const V5_0_0: i32 = 413;
    /// The last entry of the list; larger numbers are shown as this one.
    pub const HIGHER_VERSION: i32 = 612;
}

/// Remark texts that several parts answer with, letter by letter as Java writes them.
pub mod remark {
    /// Of a response nobody set a code on; also of some successes (remoting.md §7).
    pub const NOT_SET: &str = "not set any response code";
    /// Before queueing, while the store is too busy to take messages.
    pub const REJECT_REQUEST: &str = "[REJECTREQUEST]system busy, start flow control for a while";
    /// The lane of the request is full.
    pub const OVERLOAD: &str = "[OVERLOAD]system busy, start flow control for a while";

    /// Code 3 of the broker; the leading blank is Java's.
    pub fn not_supported(request_code: i32) -> String {
        format!(" request type {request_code} not supported")
    }

    /// Code 2: the page cache is busy and the request at the head of the send lane is refused.
    pub fn page_cache_busy(in_queue_ms: i64, queue_len: usize) -> String {
        format!(
            "[PCBUSY_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: {in_queue_ms}ms, size of queue: {queue_len}"
        )
    }

    /// Code 2: the request waited longer than its lane allows.
    pub fn timed_out_in_queue(in_queue_ms: i64, queue_len: usize) -> String {
        format!(
            "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: {in_queue_ms}ms, size of queue: {queue_len}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_complete_and_reversible() {
        assert_eq!(RequestCode::ALL.len(), 95);
        assert_eq!(RequestCode::ALL.iter().filter(|c| c.handler() == Handler::Nobody).count(), 12);
        assert!(RequestCode::ALL.iter().all(|c| RequestCode::from_code(c.code()) == Some(*c)));
        assert!(RequestCode::ALL.is_sorted());
        assert_eq!(ResponseCode::ALL.len(), 37);
        assert!(ResponseCode::ALL.iter().all(|c| ResponseCode::from_code(c.code()) == Some(*c)));
        assert_eq!(RequestCode::from_code(9999), None);
        for code in 0..=12 {
            let language = LanguageCode::from_code(code).unwrap();
            assert_eq!(LanguageCode::from_name(language.name()), Some(language));
        }
        assert_eq!(LanguageCode::from_code(13), None);
    }
}
