//! Figures about topics and groups: codes 202, 208, 315, 317.

use std::collections::BTreeMap;

use super::beans;
use super::queue::MessageQueue;

beans! {
    /// A topic's queues: answer of code 202.
    #[doc(alias = "TopicStatsTable")]
    TopicStats {
        /// By queue.
        offset_table: BTreeMap<MessageQueue, TopicOffset>,
    }

    /// What a queue holds.
    TopicOffset {
        /// Store time of the newest message, 0 for none.
        #[serde(rename = "lastUpdateTimestamp")]
        last_update_timestamp_ms: i64,
        /// Offset behind the newest message.
        max_offset: i64,
        /// Offset of the oldest message.
        min_offset: i64,
    }

    /// A group's progress: answer of code 208.
    ConsumeStats {
        /// Messages per second.
        consume_tps: f64,
        /// By queue.
        offset_table: BTreeMap<MessageQueue, QueueProgress>,
    }

    /// A group's progress in a queue.
    #[doc(alias = "OffsetWrapper")]
    QueueProgress {
        /// Offset behind the newest message.
        broker_offset: i64,
        /// Offset of the group.
        consumer_offset: i64,
        /// Store time of the message before the group's offset.
        #[serde(rename = "lastTimestamp")]
        last_timestamp_ms: i64,
    }

    /// Progress of all groups: answer of code 317.
    ConsumeStatsList {
        /// Address of this broker.
        broker_addr: String,
        /// One entry for each group, with one element for each topic.
        #[serde(rename = "consumeStatsList")]
        groups: Vec<BTreeMap<String, Vec<ConsumeStats>>>,
        /// Messages not consumed yet, of all groups.
        total_diff: i64,
    }

    /// One statistic over three spans: answer of code 315.
    #[doc(alias = "BrokerStatsData")]
    BrokerStats {
        /// Of a day.
        #[serde(rename = "statsDay")]
        day: StatsSpan,
        /// Of an hour.
        #[serde(rename = "statsHour")]
        hour: StatsSpan,
        /// Of a minute.
        #[serde(rename = "statsMinute")]
        minute: StatsSpan,
    }

    /// One statistic over a span of time.
    #[doc(alias = "BrokerStatsItem")]
    StatsSpan {
        /// Average of a call.
        #[serde(rename = "avgpt")]
        average_per_call: f64,
        /// Total.
        sum: i64,
        /// Per second.
        tps: f64,
    }
}
