//! Administration of a broker: topics, groups, statistics, configuration, access control.

use super::header;

header! {
    /// Create or change a topic: code 17.
    #[doc(alias = "CreateTopicRequestHeader")]
    CreateTopicHeader<'a> {
        "readQueueNums" read_queue_nums: Option<i32>,
        "perm" perm: Option<i32>,
        "writeQueueNums" write_queue_nums: Option<i32>,
        /// `SINGLE_TAG` or `MULTI_TAG`; Java refuses anything else.
        "topicFilterType" topic_filter_type: Option<&'a str>,
        "topic" topic: Option<&'a str>,
        "defaultTopic" default_topic: Option<&'a str>,
        "topicSysFlag" topic_sys_flag: Option<i32>,
        "order" order: bool,
    }

    /// Names a topic: codes 202, 215 and 300.
    #[doc(alias = "GetTopicStatsInfoRequestHeader")]
    #[doc(alias = "DeleteTopicRequestHeader")]
    #[doc(alias = "QueryTopicConsumeByWhoRequestHeader")]
    TopicHeader<'a> {
        "topic" topic: Option<&'a str>,
    }

    /// Delete a group: code 207.
    #[doc(alias = "DeleteSubscriptionGroupRequestHeader")]
    DeleteGroupHeader<'a> {
        "groupName" group_name: Option<&'a str>,
        "removeOffset" remove_offset: bool,
    }

    /// Progress of a group: code 208.
    #[doc(alias = "GetConsumeStatsRequestHeader")]
    ConsumeStatsHeader<'a> {
        "consumerGroup" consumer_group: Option<&'a str>,
        "topic" topic: Option<&'a str>,
    }

    /// Progress of all groups: code 317.
    #[doc(alias = "GetConsumeStatsInBrokerHeader")]
    BrokerConsumeStatsHeader {
        "isOrder" is_order: bool,
    }

    /// One statistic: code 315.
    #[doc(alias = "ViewBrokerStatsDataRequestHeader")]
    ViewStatsHeader<'a> {
        "statsName" stats_name: Option<&'a str>,
        "statsKey" stats_key: Option<&'a str>,
    }

    /// Answer of code 26.
    #[doc(alias = "GetBrokerConfigResponseHeader")]
    BrokerConfigAnswer<'a> {
        /// A data version as JSON text.
        "version" version: Option<&'a str>,
    }

    /// Create or change an account: code 50.
    #[doc(alias = "CreateAccessConfigRequestHeader")]
    CreateAccountHeader<'a> {
        "defaultGroupPerm" default_group_perm: Option<&'a str>,
        /// Entries with commas.
        "groupPerms" group_perms: Option<&'a str>,
        "secretKey" secret_key: Option<&'a str>,
        "accessKey" access_key: Option<&'a str>,
        "whiteRemoteAddress" white_remote_address: Option<&'a str>,
        "defaultTopicPerm" default_topic_perm: Option<&'a str>,
        /// Entries with commas.
        "topicPerms" topic_perms: Option<&'a str>,
        "admin" admin: bool,
    }

    /// Delete an account: code 51.
    #[doc(alias = "DeleteAccessConfigRequestHeader")]
    DeleteAccountHeader<'a> {
        "accessKey" access_key: Option<&'a str>,
    }

    /// Answer of code 52.
    #[doc(alias = "GetBrokerAclConfigResponseHeader")]
    AclVersionAnswer<'a> {
        /// Data versions by file name, as JSON text.
        "allAclFileVersion" all_acl_file_version: Option<&'a str>,
        "clusterName" cluster_name: Option<&'a str>,
        "brokerAddr" broker_addr: Option<&'a str>,
        "brokerName" broker_name: Option<&'a str>,
        /// A data version as JSON text.
        "version" version: Option<&'a str>,
    }

    /// Replace the list of addresses that need no account: code 53.
    #[doc(alias = "UpdateGlobalWhiteAddrsConfigRequestHeader")]
    GlobalWhiteAddrsHeader<'a> {
        /// Addresses with commas.
        "globalWhiteAddrs" global_white_addrs: Option<&'a str>,
        "aclFileFullPath" acl_file_full_path: Option<&'a str>,
    }

    /// Register a filter server: code 301, handled by nobody.
    #[doc(alias = "RegisterFilterServerRequestHeader")]
    RegisterFilterServerHeader<'a> {
        "filterServerAddr" filter_server_addr: Option<&'a str>,
    }

    /// Register a filter class: code 302, handled by nobody.
    #[doc(alias = "RegisterMessageFilterClassRequestHeader")]
    RegisterFilterClassHeader<'a> {
        "consumerGroup" consumer_group: Option<&'a str>,
        "topic" topic: Option<&'a str>,
        "className" class_name: Option<&'a str>,
        "classCRC" class_crc: Option<i32>,
    }
}
