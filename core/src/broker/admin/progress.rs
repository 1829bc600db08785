//! How far groups are: codes 208, 303, 317.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::offsets::is_subscribed;
use super::{queue_of, read_queues, unknown_topic, write_queues};
use crate::broker::clients::Consumers;
use crate::broker::groups::SubscriptionGroups;
use crate::broker::offsets::ConsumerOffsets;
use crate::broker::refusal::Refusal;
use crate::broker::stats::BrokerStats;
use crate::broker::topics::Topics;
use crate::clock::Clock;
use crate::config::LiveConfig;
use crate::format::wire::body::{
    ConsumeStats, ConsumeStatsList, ConsumeTimeSpans, MessageQueue, QueueProgress, QueueTimeSpan,
};
use crate::store::MessageStore;

/// Compares what groups have committed with what the store holds.
#[derive(Debug)]
pub struct ProgressAdmin {
    /// The queues.
    pub store: Arc<MessageStore>,
    /// The topics.
    pub topics: Arc<Topics>,
    /// The groups.
    pub groups: Arc<SubscriptionGroups>,
    /// What groups have committed.
    pub offsets: Arc<ConsumerOffsets>,
    /// What they subscribe to.
    pub consumers: Arc<Consumers>,
    /// How fast they are.
    pub stats: Arc<BrokerStats>,
    /// For the broker's name.
    pub config: LiveConfig,
    /// For the delay.
    pub clock: Clock,
}

impl ProgressAdmin {
    /// Progress of a group (code 208): in one topic, or in every topic it has offsets of. Topics that do not exist or that
    /// its members do not subscribe to (any more) are left out.
    #[doc(alias = "getConsumeStats")]
    pub fn of_group(&self, group: &str, topic: Option<&str>) -> ConsumeStats {
        let topics = match topic {
            Some(topic) => [topic.to_owned()].into(),
            None => self.offsets.topics_of_group(group),
        };
        let members = self.consumers.find(group);
        let mut progress = ConsumeStats::default();
        for name in topics.iter().filter(|topic| is_subscribed(members.as_deref(), topic)) {
            let Some(topic) = self.topics.find(name) else { continue };
            let queues = read_queues(&topic).map(|queue_id| self.of_queue(group, name, queue_id));
            progress.offset_table.extend(queues);
            progress.consume_tps += self.stats.group_tps(group, name);
        }
        progress
    }

    /// Progress of all groups (code 317), by topic; of ordered topics alone if wanted. `address` is this broker's.
    #[doc(alias = "fetchAllConsumeStatsInBroker")]
    pub fn of_all(&self, is_order: bool, address: String) -> ConsumeStatsList {
        let mut list = ConsumeStatsList { broker_addr: address, ..ConsumeStatsList::default() };
        for group in self.groups.all() {
            let group = group.group_name.as_str();
            let members = self.consumers.find(group);
            let mut by_topic = Vec::new();
            for name in self.offsets.topics_of_group(group) {
                let Some(topic) = self.topics.find(&name) else { continue };
                if (is_order && !topic.order) || !is_subscribed(members.as_deref(), &name) {
                    continue;
                }
                let queues = write_queues(&topic).map(|queue_id| self.of_queue(group, &name, queue_id));
                let progress = ConsumeStats {
                    offset_table: queues.collect(),
                    consume_tps: self.stats.group_tps(group, &name),
                };
                list.total_diff += lag(&progress);
                by_topic.push(progress);
            }
            list.groups.push(BTreeMap::from([(group.to_owned(), by_topic)]));
        }
        list
    }

    fn of_queue(&self, group: &str, topic: &str, queue_id: i32) -> (MessageQueue, QueueProgress) {
        let consumer_offset = self.offsets.find(group, topic, queue_id).unwrap_or(0).max(0);
        let last =
            (consumer_offset > 0).then(|| self.store.store_time_ms(topic, queue_id, consumer_offset - 1));
        let progress = QueueProgress {
            broker_offset: self.store.max_offset(topic, queue_id).max(0),
            consumer_offset,
            last_timestamp_ms: last.flatten().unwrap_or(0).max(0),
        };
        (queue_of(&self.config.load(), topic, queue_id), progress)
    }

    /// Store times of a topic's queues, and where a group is in them (code 303).
    #[doc(alias = "queryConsumeTimeSpan")]
    pub fn time_spans(&self, topic: &str, group: &str) -> Result<ConsumeTimeSpans, Refusal> {
        let found = self.topics.find(topic).ok_or_else(|| unknown_topic(topic))?;
        let spans = write_queues(&found).map(|queue_id| self.time_span(topic, group, queue_id)).collect();
        Ok(ConsumeTimeSpans { spans })
    }

    /// Times that are not known are -1. A group without offset waits for the oldest message (Java: since 1970).
    fn time_span(&self, topic: &str, group: &str, queue_id: i32) -> QueueTimeSpan {
        let time_at = |offset| self.store.store_time_ms(topic, queue_id, offset);
        let oldest = self.store.earliest_store_time_of_queue_ms(topic, queue_id);
        let max_offset = self.store.max_offset(topic, queue_id);
        let committed = self.offsets.find(group, topic, queue_id).unwrap_or(-1);
        let consumed = if committed > 0 { time_at(committed - 1) } else { oldest };
        let next_offset = committed.max(self.store.min_offset(topic, queue_id).unwrap_or(0));
        let next = (next_offset < max_offset).then(|| time_at(next_offset)).flatten();
        let (oldest, newest) = (oldest.unwrap_or(-1), time_at(max_offset - 1).unwrap_or(-1));
        let consumed = consumed.unwrap_or(-1);
        QueueTimeSpan {
            consume_timestamp_ms: consumed,
            consume_timestamp_text: local_time(consumed),
            delay_ms: next.map_or(0, |next| self.clock.now_ms() - next),
            max_timestamp_ms: newest,
            max_timestamp_text: local_time(newest),
            message_queue: queue_of(&self.config.load(), topic, queue_id),
            min_timestamp_ms: oldest,
            min_timestamp_text: local_time(oldest),
        }
    }
}

/// Messages a group has not consumed yet.
#[doc(alias = "computeTotalDiff")]
fn lag(progress: &ConsumeStats) -> i64 {
    progress.offset_table.values().map(|queue| queue.broker_offset - queue.consumer_offset).sum()
}

/// A time in the zone of this machine, `2026-11-21#06:21:52:043`.
#[doc(alias = "formatDate")]
fn local_time(timestamp_ms: i64) -> String {
    let Ok(timestamp) = Timestamp::from_millisecond(timestamp_ms) else { return String::new() };
    let time = timestamp.to_zoned(TimeZone::system()).datetime();
    format!("{}:{:03}", time.strftime("%Y-%m-%d#%H:%M:%S"), time.millisecond())
}

#[cfg(test)]
mod tests;
