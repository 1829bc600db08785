//! The JSON tables below `config/` (store-format §8).
//!
//! | file | type |
//! |---|---|
//! | `topics.json` | [`TopicTable`] |
//! | `subscriptionGroup.json` | [`SubscriptionGroupTable`] |
//! | `consumerOffset.json`, `lmqConsumerOffset.json` | [`ConsumerOffsetTable`] |
//! | `delayOffset.json` | [`DelayOffsetTable`] |
//! | `consumerFilter.json` | [`ConsumerFilterTable`] |
//!
//! Fields are in the order of their names, as fastjson writes them. Maps are written in the order of their keys; Java's order is that
//! of a hash map and means nothing. A field that is missing or null has its Java default; unknown fields are ignored.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde::{Deserialize, Serialize as DeriveSerialize};

use crate::format::flags::perm;
use crate::format::wire::fastjson::{self, Compact, JsonError};

/// Reads a table from the text of its file, as leniently as Java does.
pub fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, JsonError> {
    fastjson::from_slice(text)
}

/// The text of a table's file. Queue ids and levels, being numbers, are written without quotes.
pub fn to_text<T: Serialize>(table: &T) -> Vec<u8> {
    fastjson::to_pretty(table)
}

/// Version of a table; tables are the same when both numbers are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, DeriveSerialize, Deserialize)]
#[serde(default)]
pub struct DataVersion {
    /// Number of changes since the table was created.
    pub counter: i64,
    /// When the last change was made, ms.
    pub timestamp: i64,
}

impl DataVersion {
    /// Counts a change made now.
    #[doc(alias = "nextVersion")]
    pub fn advance(&mut self, now_ms: i64) {
        self.counter = self.counter.wrapping_add(1);
        self.timestamp = now_ms;
    }
}

/// What the TAGS of a topic's messages may hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, DeriveSerialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TopicFilterType {
    /// One tag.
    #[default]
    SingleTag,
    /// Several; messages get [`crate::format::flags::sys_flag::MULTI_TAGS`].
    MultiTag,
}

impl TopicFilterType {
    /// The name in JSON and in headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SingleTag => "SINGLE_TAG",
            Self::MultiTag => "MULTI_TAG",
        }
    }

    /// The type of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::SingleTag, Self::MultiTag].into_iter().find(|kind| kind.name() == name)
    }
}

/// One topic of a broker.
#[derive(Debug, Clone, PartialEq, Eq, DeriveSerialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TopicConfig {
    /// Whether the name server's order table names the topic.
    pub order: bool,
    /// See [`perm`].
    pub perm: i32,
    /// Queues consumers see.
    pub read_queue_nums: i32,
    /// See [`TopicFilterType`].
    pub topic_filter_type: TopicFilterType,
    /// The name.
    pub topic_name: String,
    /// See [`crate::format::flags::topic`].
    pub topic_sys_flag: i32,
    /// Queues producers see.
    pub write_queue_nums: i32,
}

impl TopicConfig {
    /// A topic with as many queues to read as to write.
    pub fn new(topic_name: impl Into<String>, queues: i32, perm: i32) -> Self {
        Self {
            topic_name: topic_name.into(),
            read_queue_nums: queues,
            write_queue_nums: queues,
            perm,
            ..Self::default()
        }
    }
}

impl Default for TopicConfig {
    fn default() -> Self {
        Self {
            order: false,
            perm: perm::READ | perm::WRITE,
            read_queue_nums: 16,
            topic_filter_type: TopicFilterType::SingleTag,
            topic_name: String::new(),
            topic_sys_flag: 0,
            write_queue_nums: 16,
        }
    }
}

/// All topics of a broker.
#[doc(alias = "TopicConfigSerializeWrapper")]
#[derive(Debug, Clone, Default, PartialEq, Eq, DeriveSerialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TopicTable {
    /// Version of the table.
    pub data_version: DataVersion,
    /// Topics by name.
    pub topic_config_table: BTreeMap<String, TopicConfig>,
}

/// One consumer group.
#[derive(Debug, Clone, PartialEq, Eq, DeriveSerialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SubscriptionGroupConfig {
    /// Broker to pull from.
    pub broker_id: i64,
    /// Whether broadcasting consumers may pull.
    pub consume_broadcast_enable: bool,
    /// Whether the group may pull at all.
    pub consume_enable: bool,
    /// Kept, not interpreted.
    pub consume_from_min_enable: bool,
    /// The name.
    pub group_name: String,
    /// Whether members are told when members come and go.
    pub notify_consumer_ids_changed_enable: bool,
    /// How often a message is tried again before it becomes a dead letter.
    pub retry_max_times: i32,
    /// Queues of the retry topic; none switches send back off.
    pub retry_queue_nums: i32,
    /// Broker suggested to a slow reader.
    pub which_broker_when_consume_slowly: i64,
}

impl SubscriptionGroupConfig {
    /// A group with Java's defaults.
    pub fn new(group_name: impl Into<String>) -> Self {
        Self { group_name: group_name.into(), ..Self::default() }
    }
}

impl Default for SubscriptionGroupConfig {
    fn default() -> Self {
        Self {
            broker_id: 0,
            consume_broadcast_enable: true,
            consume_enable: true,
            consume_from_min_enable: true,
            group_name: String::new(),
            notify_consumer_ids_changed_enable: true,
            retry_max_times: 16,
            retry_queue_nums: 1,
            which_broker_when_consume_slowly: 1,
        }
    }
}

/// All consumer groups of a broker.
#[doc(alias = "SubscriptionGroupWrapper")]
#[derive(Debug, Clone, Default, PartialEq, Eq, DeriveSerialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SubscriptionGroupTable {
    /// Version of the table.
    pub data_version: DataVersion,
    /// Groups by name.
    pub subscription_group_table: BTreeMap<String, SubscriptionGroupConfig>,
}

/// Offsets that consumer groups have committed.
#[doc(alias = "ConsumerOffsetSerializeWrapper")]
#[derive(Debug, Clone, Default, PartialEq, Eq, DeriveSerialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ConsumerOffsetTable {
    /// Offsets of light queues by [`offset_key`]; only in `lmqConsumerOffset.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lmq_offset_table: Option<BTreeMap<String, i64>>,
    /// [`offset_key`] → queue id → offset.
    pub offset_table: BTreeMap<String, BTreeMap<i32, i64>>,
}

const TOPIC_GROUP_SEPARATOR: char = '@';

/// `topic@group`, the key of [`ConsumerOffsetTable`].
pub fn offset_key(topic: &str, group: &str) -> String {
    let mut key = String::with_capacity(topic.len() + 1 + group.len());
    key.push_str(topic);
    key.push(TOPIC_GROUP_SEPARATOR);
    key.push_str(group);
    key
}

/// Topic and group of a key; `None` unless it has exactly one separator, with something on both sides.
pub fn split_offset_key(key: &str) -> Option<(&str, &str)> {
    let (topic, group) = key.split_once(TOPIC_GROUP_SEPARATOR)?;
    (!topic.is_empty() && !group.is_empty() && !group.contains(TOPIC_GROUP_SEPARATOR))
        .then_some((topic, group))
}

/// How far each delay level was delivered.
#[doc(alias = "DelayOffsetSerializeWrapper")]
#[derive(Debug, Clone, Default, PartialEq, Eq, DeriveSerialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DelayOffsetTable {
    /// Level → next offset of its queue.
    pub offset_table: BTreeMap<i32, i64>,
}

/// Bits of the extension's bit map that stand for a filter.
#[derive(Debug, Clone, Default, PartialEq, Eq, DeriveSerialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BloomFilterData {
    /// Length of the bit map in bits.
    pub bit_num: i32,
    /// Positions in it.
    #[serde(serialize_with = "serialize_on_one_line")]
    pub bit_pos: Vec<i32>,
}

fn serialize_on_one_line<S: Serializer>(numbers: &[i32], serializer: S) -> Result<S::Ok, S::Error> {
    Compact(numbers).serialize(serializer)
}

/// The filter of one group on one topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ConsumerFilterData {
    /// Its bits, once they were computed.
    pub bloom_filter_data: Option<BloomFilterData>,
    /// Since when it is known, ms.
    #[serde(rename = "bornTime")]
    pub born_time_ms: i64,
    /// Version of the subscription, from the client.
    pub client_version: i64,
    /// The group.
    pub consumer_group: String,
    /// Since when no member of the group is connected, ms; see [`Self::is_dead`].
    #[serde(rename = "deadTime")]
    pub dead_time_ms: i64,
    /// Text of the filter.
    pub expression: String,
    /// `SQL92` or a type of the future.
    pub expression_type: String,
    /// The topic.
    pub topic: String,
}

impl ConsumerFilterData {
    /// Whether its group had vanished and not come back.
    pub fn is_dead(&self) -> bool {
        self.dead_time_ms >= self.born_time_ms
    }
}

/// By hand for the field `dead`, which is written and never read.
impl Serialize for ConsumerFilterData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("ConsumerFilterData", 9)?;
        match &self.bloom_filter_data {
            Some(bloom) => out.serialize_field("bloomFilterData", bloom)?,
            None => out.skip_field("bloomFilterData")?,
        }
        out.serialize_field("bornTime", &self.born_time_ms)?;
        out.serialize_field("clientVersion", &self.client_version)?;
        out.serialize_field("consumerGroup", &self.consumer_group)?;
        out.serialize_field("dead", &self.is_dead())?;
        out.serialize_field("deadTime", &self.dead_time_ms)?;
        out.serialize_field("expression", &self.expression)?;
        out.serialize_field("expressionType", &self.expression_type)?;
        out.serialize_field("topic", &self.topic)?;
        out.end()
    }
}

/// The filters of one topic.
#[doc(alias = "FilterDataMapByTopic")]
#[derive(Debug, Clone, Default, PartialEq, Eq, DeriveSerialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TopicFilters {
    /// Filters by group.
    pub group_filter_data: BTreeMap<String, ConsumerFilterData>,
    /// The topic.
    pub topic: String,
}

/// All filters of a broker.
#[doc(alias = "ConsumerFilterManager")]
#[derive(Debug, Clone, Default, PartialEq, Eq, DeriveSerialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ConsumerFilterTable {
    /// Filters by topic.
    pub filter_data_by_topic: BTreeMap<String, TopicFilters>,
}

#[cfg(test)]
mod tests;
