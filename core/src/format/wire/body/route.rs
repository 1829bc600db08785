//! Routes: codes 105, 106, 206, 224, 304, 305, 311 to 313.

use std::collections::BTreeMap;

use super::beans;

beans! {
    /// Where a topic's queues are: code 105.
    #[doc(alias = "TopicRouteData")]
    TopicRoute {
        /// Brokers that hold queues of the topic.
        #[serde(rename = "brokerDatas")]
        brokers: Vec<BrokerRoute>,
        /// Filter servers by broker address.
        filter_server_table: BTreeMap<String, Vec<String>>,
        /// Order of an ordered topic, left out unless the NameServer is told to give it.
        order_topic_conf: Option<String>,
        /// Queues by broker name.
        #[serde(rename = "queueDatas")]
        queues: Vec<QueueRoute>,
    }

    /// Addresses of a broker name.
    #[doc(alias = "BrokerData")]
    BrokerRoute {
        /// Address by broker id; 0 is the master.
        broker_addrs: BTreeMap<i64, String>,
        /// Broker name.
        broker_name: String,
        /// Cluster.
        cluster: String,
    }

    /// A topic's queues on one broker name.
    #[doc(alias = "QueueData")]
    QueueRoute {
        /// Broker name.
        broker_name: String,
        /// Permission bits.
        perm: i32,
        /// Queues to read.
        read_queue_nums: i32,
        /// Bits: unit, unit subscription.
        topic_sys_flag: i32,
        /// Queues to write.
        write_queue_nums: i32,
    }

    /// All brokers: code 106.
    #[doc(alias = "ClusterInfo")]
    ClusterTable {
        /// By broker name.
        broker_addr_table: BTreeMap<String, BrokerRoute>,
        /// Broker names by cluster.
        cluster_addr_table: BTreeMap<String, Vec<String>>,
    }

    /// Topic names: codes 206, 224, 304, 305, 311, 312, 313.
    TopicList {
        /// A broker to ask further; only in the answer of code 304.
        broker_addr: Option<String>,
        /// The names.
        topic_list: Vec<String>,
    }
}
