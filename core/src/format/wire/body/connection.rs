//! Connected clients: codes 38, 203, 204, 300, 328.

use std::collections::BTreeMap;

use super::super::codes::LanguageCode;
use super::beans;
use super::heartbeat::{ConsumeFromWhere, ConsumeType, MessageModel, Subscription};

beans! {
    /// Client ids of a consumer group: answer of code 38.
    #[doc(alias = "GetConsumerListByGroupResponseBody")]
    ConsumerList {
        /// The ids.
        #[serde(rename = "consumerIdList")]
        client_ids: Vec<String>,
    }

    /// One connection of a client.
    #[doc(alias = "Connection")]
    ClientConnection {
        /// `ip:port`.
        client_addr: String,
        /// Client id.
        client_id: String,
        /// Language of the client.
        #[serde(deserialize_with = "super::known")]
        language: Option<LanguageCode>,
        /// Version ordinal of the client.
        version: i32,
    }

    /// Members and subscriptions of a consumer group: answer of code 203.
    ConsumerConnection {
        /// The members.
        #[serde(rename = "connectionSet")]
        connections: Vec<ClientConnection>,
        /// As the last heartbeat said.
        #[serde(deserialize_with = "super::known")]
        consume_from_where: Option<ConsumeFromWhere>,
        /// As the last heartbeat said.
        #[serde(deserialize_with = "super::known")]
        consume_type: Option<ConsumeType>,
        /// As the last heartbeat said.
        #[serde(deserialize_with = "super::known")]
        message_model: Option<MessageModel>,
        /// By topic.
        subscription_table: BTreeMap<String, Subscription>,
    }

    /// Members of a producer group: answer of code 204.
    ProducerConnection {
        /// The members.
        #[serde(rename = "connectionSet")]
        connections: Vec<ClientConnection>,
    }

    /// All producers: answer of code 328.
    #[doc(alias = "ProducerTableInfo")]
    ProducerTable {
        /// By group.
        data: BTreeMap<String, Vec<ProducerEntry>>,
    }

    /// One producer.
    #[doc(alias = "ProducerInfo")]
    ProducerEntry {
        /// Client id.
        client_id: String,
        /// Language of the client.
        #[serde(deserialize_with = "super::known")]
        language: Option<LanguageCode>,
        /// Last heartbeat.
        #[serde(rename = "lastUpdateTimestamp")]
        last_update_timestamp_ms: i64,
        /// `/ip:port`.
        #[serde(rename = "remoteIP")]
        remote_ip: String,
        /// Version ordinal of the client.
        version: i32,
    }

    /// Groups that consume a topic: answer of code 300.
    GroupList {
        /// The names.
        #[serde(rename = "groupList")]
        groups: Vec<String>,
    }
}
