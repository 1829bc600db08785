//! The NameServer: codes 100 to 105, 205, 216, 219, 224, 322, 327.

use super::header;

header! {
    /// Register a broker: code 103.
    #[doc(alias = "RegisterBrokerRequestHeader")]
    RegisterBrokerHeader<'a> {
        "brokerId" broker_id: Option<i64>,
        /// CRC32 of the body as sent, without its top bit; 0 is not checked.
        "bodyCrc32" body_crc32: Option<i32>,
        "clusterName" cluster_name: Option<&'a str>,
        "brokerAddr" broker_addr: Option<&'a str>,
        "haServerAddr" ha_server_addr: Option<&'a str>,
        "compressed" compressed: bool,
        "brokerName" broker_name: Option<&'a str>,
    }

    /// Answer of code 103; both are set for slaves only.
    #[doc(alias = "RegisterBrokerResponseHeader")]
    RegisterBrokerAnswer<'a> {
        "haServerAddr" ha_server_addr: Option<&'a str>,
        "masterAddr" master_addr: Option<&'a str>,
    }

    /// Names a broker process: codes 104 and 322.
    #[doc(alias = "UnRegisterBrokerRequestHeader")]
    #[doc(alias = "QueryDataVersionRequestHeader")]
    BrokerHeader<'a> {
        "brokerId" broker_id: Option<i64>,
        "clusterName" cluster_name: Option<&'a str>,
        "brokerAddr" broker_addr: Option<&'a str>,
        "brokerName" broker_name: Option<&'a str>,
    }

    /// Answer of code 322.
    #[doc(alias = "QueryDataVersionResponseHeader")]
    DataVersionAnswer {
        "changed" changed: Option<bool>,
    }

    /// Route of a topic: code 105.
    #[doc(alias = "GetRouteInfoRequestHeader")]
    RouteHeader<'a> {
        "topic" topic: Option<&'a str>,
        "acceptStandardJsonOnly" accept_standard_json_only: Option<bool>,
    }

    /// Topics of a cluster: code 224.
    #[doc(alias = "GetTopicsByClusterRequestHeader")]
    ClusterHeader<'a> {
        "cluster" cluster: Option<&'a str>,
    }

    /// Names a broker: codes 205 and 327.
    #[doc(alias = "WipeWritePermOfBrokerRequestHeader")]
    #[doc(alias = "AddWritePermOfBrokerRequestHeader")]
    BrokerNameHeader<'a> {
        "brokerName" broker_name: Option<&'a str>,
    }

    /// Answer of code 205.
    #[doc(alias = "WipeWritePermOfBrokerResponseHeader")]
    WipeWritePermAnswer {
        "wipeTopicCount" wipe_topic_count: Option<i32>,
    }

    /// Answer of code 327.
    #[doc(alias = "AddWritePermOfBrokerResponseHeader")]
    AddWritePermAnswer {
        "addTopicCount" add_topic_count: Option<i32>,
    }

    /// Delete a topic's route: code 216.
    #[doc(alias = "DeleteTopicFromNamesrvRequestHeader")]
    DeleteRouteHeader<'a> {
        "topic" topic: Option<&'a str>,
        "clusterName" cluster_name: Option<&'a str>,
    }

    /// Set a value: code 100.
    #[doc(alias = "PutKVConfigRequestHeader")]
    PutKvHeader<'a> {
        "namespace" namespace: Option<&'a str>,
        "value" value: Option<&'a str>,
        "key" key: Option<&'a str>,
    }

    /// Names a key or a namespace: codes 101, 102 and 219.
    #[doc(alias = "GetKVConfigRequestHeader")]
    #[doc(alias = "DeleteKVConfigRequestHeader")]
    #[doc(alias = "GetKVListByNamespaceRequestHeader")]
    KvHeader<'a> {
        "namespace" namespace: Option<&'a str>,
        "key" key: Option<&'a str>,
    }

    /// Answer of code 101.
    #[doc(alias = "GetKVConfigResponseHeader")]
    KvAnswer<'a> {
        "value" value: Option<&'a str>,
    }
}
