//! Rows of Java's `BrokerConfig`, the two keys its start class reads beside it.

use std::path::PathBuf;

use super::address::{Host, ServerList};
use super::table::{computed, fixed, live, section, unset};
use super::value::{KeyList, Name};

/// Largest Java `int`.
const INT_MAX: i64 = i32::MAX as i64;

section! {
/// Who the broker is, what it permits, and how its lanes are sized.
Broker broker BrokerConfig {
    /// Installation directory; where it is set, the ACL files are looked up in its `conf/`. Not needed.
    rocketmq_home: Option<PathBuf> = "rocketmqHome",
        computed("environment ROCKETMQ_HOME", |machine| machine.rocketmq_home.clone());
    /// NameServers to register with, `host:port` entries split by `;`. Without it the broker runs its own
    /// NameServer.
    namesrv_addr: Option<ServerList> = "namesrvAddr",
        computed("environment NAMESRV_ADDR", |machine| machine.namesrv_addr.clone()).important();
    /// Address announced to clients and written as store host; also the listening address unless
    /// `bindAddress` says otherwise. Unset: the NameServer of this process answers each asker with the
    /// address through which it was reached.
    broker_ip1: Option<Host> = "brokerIP1", unset().important();
    /// Address announced to slaves for the replication channel; unset follows `brokerIP1`.
    broker_ip2: Option<Host> = "brokerIP2", unset();
    /// Name of the master/slave set.
    broker_name: Name = "brokerName",
        computed("the host name, else DEFAULT_BROKER", |machine| machine.host_name.clone().or_else(|| Some("DEFAULT_BROKER".to_owned())))
            .important();
    /// Cluster name; also the name of a system topic and the prefix of the reply topic.
    broker_cluster_name: Name = "brokerClusterName", fixed("DefaultCluster").important();
    /// 0 is the master, a positive number a slave; always 0 for master roles.
    broker_id: i64 = "brokerId", fixed("0").within(0, i64::MAX).important();
    /// Permission bits of the whole broker (4 read, 2 write); also forced on every topic at registration
    /// when not both are set.
    broker_permission: u32 = "brokerPermission", live("6").within(0, 7);
    /// Queue count of the template topic TBW102.
    default_topic_queue_nums: u32 = "defaultTopicQueueNums", fixed("8").within(1, 65_535);
    /// Creates TBW102 with the inherit bit at start, which enables automatic topics.
    auto_create_topic_enable: bool = "autoCreateTopicEnable", live("true").important();
    /// Gives the cluster-named topic read and write permission.
    cluster_topic_enable: bool = "clusterTopicEnable", fixed("true");
    /// Gives the broker-named topic read and write permission.
    broker_topic_enable: bool = "brokerTopicEnable", fixed("true");
    /// Unknown consumer groups are created on first use.
    auto_create_subscription_group: bool = "autoCreateSubscriptionGroup", live("true").important();
    /// Comma separated Java classes wrapped around the store.
    message_store_plug_in: String = "messageStorePlugIn",
        fixed("").only(&[""], "Java classes cannot be loaded");
    /// Topic for trace records when traceTopicEnable is set.
    msg_trace_topic_name: Name = "msgTraceTopicName", fixed("RMQ_SYS_TRACE_TOPIC").important();
    /// Creates the trace topic (1 queue) at start.
    trace_topic_enable: bool = "traceTopicEnable", fixed("false").important();
    /// Threads of the send pool.
    send_message_thread_pool_nums: u32 = "sendMessageThreadPoolNums",
        computed("min(cpus,4)", |machine| Some(machine.cpus.min(4).to_string()))
            .within(1, 10_000)
            .embedded("2");
    /// Threads that write the send replies.
    put_message_future_thread_pool_nums: u32 = "putMessageFutureThreadPoolNums",
        computed("min(cpus,4)", |machine| Some(machine.cpus.min(4).to_string()))
            .within(1, 10_000)
            .embedded("2").accepted("answers are written by whoever completes the put");
    /// Threads of the pull pool.
    pull_message_thread_pool_nums: u32 = "pullMessageThreadPoolNums",
        computed("16+2*cpus", |machine| Some((16 + 2 * machine.cpus).to_string()))
            .within(1, 10_000)
            .embedded("4").accepted("pulls run on the I/O threads and do not queue");
    /// Threads of the reply pool.
    process_reply_message_thread_pool_nums: u32 = "processReplyMessageThreadPoolNums",
        computed("16+2*cpus", |machine| Some((16 + 2 * machine.cpus).to_string()))
            .within(1, 10_000)
            .embedded("2");
    /// Threads of the query pool.
    query_message_thread_pool_nums: u32 = "queryMessageThreadPoolNums",
        computed("8+cpus", |machine| Some((8 + machine.cpus).to_string())).within(1, 10_000).embedded("2");
    /// Threads of the default (admin) pool.
    admin_broker_thread_pool_nums: u32 = "adminBrokerThreadPoolNums",
        fixed("16").within(1, 10_000).embedded("2");
    /// Threads for unregister and check-client requests.
    client_manage_thread_pool_nums: u32 = "clientManageThreadPoolNums",
        fixed("32").within(1, 10_000).embedded("2");
    /// Threads for consumer list and offset requests.
    consumer_manage_thread_pool_nums: u32 = "consumerManageThreadPoolNums",
        fixed("32").within(1, 10_000).embedded("2");
    /// Threads of the heartbeat pool.
    heartbeat_thread_pool_nums: u32 = "heartbeatThreadPoolNums",
        computed("min(32,cpus)", |machine| Some(machine.cpus.min(32).to_string()))
            .within(1, 10_000)
            .embedded("2");
    /// Threads of the end-transaction pool.
    end_transaction_thread_pool_nums: u32 = "endTransactionThreadPoolNums",
        computed("max(8+2*cpus, 4*sendMessageThreadPoolNums)", |machine| Some((8 + 2 * machine.cpus).max(4 * machine.cpus.min(4)).to_string()))
            .within(1, 10_000)
            .embedded("4");
    /// Milliseconds between saves of the consumer offset file (first after 10 s).
    flush_consumer_offset_interval: u32 = "flushConsumerOffsetInterval", fixed("5000").within(1, INT_MAX);
    /// Unused.
    flush_consumer_offset_history_interval: u32 = "flushConsumerOffsetHistoryInterval",
       fixed("60000").accepted("nothing reads it in 4.9.8 either");
    /// Refuses messages flagged as transactional with NO_PERMISSION.
    reject_transaction_message: bool = "rejectTransactionMessage", live("false").important();
    /// Without `namesrvAddr`, polls the HTTP address server every 2 minutes.
    fetch_namesrv_addr_by_address_server: bool = "fetchNamesrvAddrByAddressServer",
        fixed("false")
            .important()
            .only(&["false"], "the address server is not asked; list the NameServers in namesrvAddr");
    /// Queue length of the send pool; overflow answers SYSTEM_BUSY.
    send_thread_pool_queue_capacity: u32 = "sendThreadPoolQueueCapacity", fixed("10000").within(1, INT_MAX);
    /// Queue length of the reply-writing pool.
    put_thread_pool_queue_capacity: u32 = "putThreadPoolQueueCapacity", fixed("10000").within(1, INT_MAX).accepted("answers are written by whoever completes the put");
    /// Queue length of the pull pool.
    pull_thread_pool_queue_capacity: u32 = "pullThreadPoolQueueCapacity", fixed("100000").within(1, INT_MAX);
    /// Queue length of the reply pool.
    reply_thread_pool_queue_capacity: u32 = "replyThreadPoolQueueCapacity", fixed("10000").within(1, INT_MAX);
    /// Queue length of the query pool.
    query_thread_pool_queue_capacity: u32 = "queryThreadPoolQueueCapacity", fixed("20000").within(1, INT_MAX);
    /// Queue length of the client manage pool.
    client_manager_thread_pool_queue_capacity: u32 = "clientManagerThreadPoolQueueCapacity",
        fixed("1000000").within(1, INT_MAX);
    /// Queue length of the consumer manage pool; Java declares it and leaves that queue unbounded.
    consumer_manager_thread_pool_queue_capacity: u32 = "consumerManagerThreadPoolQueueCapacity",
        fixed("1000000").within(1, INT_MAX);
    /// Queue length of the heartbeat pool.
    heartbeat_thread_pool_queue_capacity: u32 = "heartbeatThreadPoolQueueCapacity",
        fixed("50000").within(1, INT_MAX);
    /// Queue length of the end-transaction pool.
    end_transaction_pool_queue_capacity: u32 = "endTransactionPoolQueueCapacity",
        fixed("100000").within(1, INT_MAX);
    /// Removed feature.
    filter_server_nums: u32 = "filterServerNums",
       fixed("0").accepted("filter servers were removed before 4.9.8");
    /// Suspends pulls that find nothing; also controls arrival notification.
    long_polling_enable: bool = "longPollingEnable", live("true");
    /// Hold time when long polling is off.
    short_polling_time_mills: u64 = "shortPollingTimeMills", live("1000").within(1, i64::MAX);
    /// Global switch of the group-changed notification (code 40).
    notify_consumer_ids_changed_enable: bool = "notifyConsumerIdsChangedEnable", live("true");
    /// Unused.
    high_speed_mode: bool = "highSpeedMode", fixed("false").accepted("nothing reads it in 4.9.8 either");
    /// Unused.
    commercial_enable: bool = "commercialEnable", fixed("true").accepted("nothing reads it in 4.9.8 either");
    /// Unused.
    commercial_timer_count: u32 = "commercialTimerCount",
       fixed("1").accepted("nothing reads it in 4.9.8 either");
    /// Unused.
    commercial_trans_count: u32 = "commercialTransCount",
       fixed("1").accepted("nothing reads it in 4.9.8 either");
    /// Unused.
    commercial_big_count: u32 = "commercialBigCount", fixed("1").accepted("nothing reads it in 4.9.8 either");
    /// Factor in the hook context only.
    commercial_base_count: u32 = "commercialBaseCount",
       fixed("1").accepted("it only reaches hooks of a closed product");
    /// Copies pulled messages to the heap before sending.
    transfer_msg_by_heap: bool = "transferMsgByHeap",
       fixed("true").accepted("pulled messages are never copied; the bytes sent are the same");
    /// Unused.
    max_delay_time: u32 = "maxDelayTime", fixed("40").accepted("nothing reads it in 4.9.8 either");
    /// Value of reply ext field MSG_REGION.
    region_id: Name = "regionId", fixed("DefaultRegion");
    /// Timeout of each registration round and data version query.
    register_broker_timeout_mills: u32 = "registerBrokerTimeoutMills", live("6000").within(1, INT_MAX);
    /// Lets the broker advise clients to read from a slave and lets a slave serve pulls.
    slave_read_enable: bool = "slaveReadEnable", live("false");
    /// Every 3 minutes disables groups that lag more than consumerFallbehindThreshold.
    disable_consume_if_consumer_read_slowly: bool = "disableConsumeIfConsumerReadSlowly", fixed("false").accepted("slow groups are not disabled in this version");
    /// Lag in bytes for the switch above.
    consumer_fallbehind_threshold: u64 = "consumerFallbehindThreshold", fixed("17179869184").accepted("slow groups are not disabled in this version");
    /// Runs the 10 ms queue cleaner.
    broker_fast_failure_enable: bool = "brokerFastFailureEnable", fixed("true");
    /// Age limit in the send queue.
    wait_time_mills_in_send_queue: u64 = "waitTimeMillsInSendQueue", fixed("200");
    /// Age limit in the pull queue.
    wait_time_mills_in_pull_queue: u64 = "waitTimeMillsInPullQueue", fixed("5000").accepted("pulls run on the I/O threads and do not queue");
    /// Age limit in the heartbeat queue.
    wait_time_mills_in_heartbeat_queue: u64 = "waitTimeMillsInHeartbeatQueue", fixed("31000");
    /// Age limit in the end-transaction queue.
    wait_time_mills_in_transaction_queue: u64 = "waitTimeMillsInTransactionQueue", fixed("3000");
    /// Sends are refused with SYSTEM_ERROR before this epoch millisecond.
    start_accept_send_request_time_stamp: u64 = "startAcceptSendRequestTimeStamp", live("0");
    /// Value of reply ext field TRACE_ON.
    trace_on: bool = "traceOn", live("true");
    /// Computes the SQL bloom bit map at dispatch (useful only with enableConsumeQueueExt).
    enable_calc_filter_bit_map: bool = "enableCalcFilterBitMap", live("false");
    /// Bloom parameter n.
    expect_consumer_num_use_filter: u32 = "expectConsumerNumUseFilter", fixed("32").within(1, INT_MAX);
    /// Bloom parameter f in percent (1..99).
    max_error_rate_of_bloom_filter: u32 = "maxErrorRateOfBloomFilter", fixed("20").within(1, 99);
    /// Milliseconds a dead SQL filter is kept.
    filter_data_clean_time_span: u64 = "filterDataCleanTimeSpan", live("86400000");
    /// Applies SQL filters to retry topics as well.
    filter_support_retry: bool = "filterSupportRetry", live("false");
    /// Allows non TAG expressions.
    enable_property_filter: bool = "enablePropertyFilter", live("false");
    /// Sends the registration body in the compressed form.
    compressed_register: bool = "compressedRegister", live("false");
    /// Registers every round; false first asks QUERY_DATA_VERSION.
    force_register: bool = "forceRegister", live("true");
    /// Milliseconds between registrations; a value outside 10000..60000 is moved to the nearer end.
    register_name_server_period: u32 = "registerNameServerPeriod", fixed("30000").clamped(10_000, 60_000);
    /// Default immunity time of a half message in milliseconds.
    transaction_time_out: u64 = "transactionTimeOut", live("6000").important();
    /// Checks before a half message is moved to TRANS_CHECK_MAX_TIME_TOPIC.
    transaction_check_max: u32 = "transactionCheckMax", live("15").within(0, INT_MAX).important();
    /// Milliseconds between check rounds; read once at thread start.
    transaction_check_interval: u64 = "transactionCheckInterval",
       fixed("60000").within(1, i64::MAX).important();
    /// Loads the ACL validators from the service files.
    acl_enable: bool = "aclEnable", fixed("false").important().only(&["false"], "access control is not part of this version");
    /// Stores reply messages besides pushing them.
    store_reply_message_enable: bool = "storeReplyMessageEnable", live("true");
    /// Keeps per-queue statistics; fixed at construction.
    enable_detail_stat: bool = "enableDetailStat", fixed("true");
    /// Drops statistics of deleted topics and groups.
    auto_delete_unused_stats: bool = "autoDeleteUnusedStats", live("false");
    /// Puts log files in a directory named after broker name and id.
    isolate_log_enable: bool = "isolateLogEnable",
       fixed("false").accepted("logs go to standard error, or to the host program");
    /// Keys that remote updates may not contain, split by `;`.
    config_black_list: KeyList = "configBlackList", fixed("configBlackList;brokerConfigPath");
    /// Host of the HTTP address server.
    rmq_address_server_domain: String = "rmqAddressServerDomain",
       fixed("jmenv.tbsite.net").accepted("read only with fetchNamesrvAddrByAddressServer");
    /// Last path element of the address server's URL.
    rmq_address_server_sub_group: String = "rmqAddressServerSubGroup",
       fixed("nsaddr").accepted("read only with fetchNamesrvAddrByAddressServer");
}
}
