//! Heartbeats and subscriptions: codes 34 and 46.

use std::collections::BTreeSet;

use super::{beans, java_enum};

java_enum! {
    /// How a group consumes.
    ConsumeType {
        /// Pull.
        Actively = "CONSUME_ACTIVELY",
        /// Push.
        Passively = "CONSUME_PASSIVELY",
    }

    /// Whether every member gets every message.
    MessageModel {
        Broadcasting = "BROADCASTING",
        Clustering = "CLUSTERING",
    }

    /// Where a new group starts; only clients act on it.
    ConsumeFromWhere {
        LastOffset = "CONSUME_FROM_LAST_OFFSET",
        LastOffsetAndFromMinWhenBootFirst = "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST",
        MinOffset = "CONSUME_FROM_MIN_OFFSET",
        MaxOffset = "CONSUME_FROM_MAX_OFFSET",
        FirstOffset = "CONSUME_FROM_FIRST_OFFSET",
        Timestamp = "CONSUME_FROM_TIMESTAMP",
    }
}

beans! {
    /// What a client tells every broker it knows, every 30 seconds: code 34.
    #[doc(alias = "HeartbeatData")]
    Heartbeat {
        #[serde(rename = "clientID")]
        /// Id the client chose, the same on all its connections.
        client_id: String,
        /// Groups it consumes in.
        #[serde(rename = "consumerDataSet")]
        consumers: Vec<ConsumerHeartbeat>,
        /// Groups it produces in.
        #[serde(rename = "producerDataSet")]
        producers: Vec<ProducerHeartbeat>,
    }

    /// One producer group of a heartbeat.
    #[doc(alias = "ProducerData")]
    ProducerHeartbeat {
        /// The group.
        group_name: String,
    }

    /// One consumer group of a heartbeat.
    #[doc(alias = "ConsumerData")]
    ConsumerHeartbeat {
        /// Where a new group starts.
        #[serde(deserialize_with = "super::known")]
        consume_from_where: Option<ConsumeFromWhere>,
        /// Pull or push.
        #[serde(deserialize_with = "super::known")]
        consume_type: Option<ConsumeType>,
        /// The group.
        group_name: String,
        /// Broadcasting or clustering.
        #[serde(deserialize_with = "super::known")]
        message_model: Option<MessageModel>,
        /// Topics it consumes, at most one entry for each.
        #[serde(rename = "subscriptionDataSet")]
        subscriptions: Vec<Subscription>,
        /// Marks the retry topic of the group as one of a unit.
        unit_mode: bool,
    }

    /// Asks whether a subscription compiles: code 46.
    #[doc(alias = "CheckClientRequestBody")]
    CheckClient {
        /// Id of the client.
        client_id: String,
        /// Consumer group.
        group: String,
        /// What is to be checked.
        #[serde(rename = "subscriptionData")]
        subscription: Option<Subscription>,
    }
}

/// What a group wants from a topic.
#[doc(alias = "SubscriptionData")]
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Subscription {
    /// Class filters were removed; nothing acts on it.
    pub class_filter_mode: bool,
    /// Java string hashes of the tags.
    pub code_set: BTreeSet<i32>,
    /// `TAG` or `SQL92`; empty is `TAG`.
    pub expression_type: String,
    /// The expression.
    pub sub_string: String,
    /// Rises with every change: the client's clock.
    pub sub_version: i64,
    /// The tags of a `TAG` expression, none for `*`.
    pub tags_set: BTreeSet<String>,
    /// The topic.
    pub topic: String,
}

impl Default for Subscription {
    fn default() -> Self {
        Self {
            class_filter_mode: false,
            code_set: BTreeSet::new(),
            expression_type: "TAG".to_owned(),
            sub_string: String::new(),
            sub_version: 0,
            tags_set: BTreeSet::new(),
            topic: String::new(),
        }
    }
}
