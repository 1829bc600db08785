//! Offsets of queues and groups: codes 29 to 32, 43, 45, 222, 308, 314.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{queue_of, write_queues};
use crate::broker::clients::{ConsumerGroup, Consumers};
use crate::broker::notify::ClientNotifier;
use crate::broker::offsets::{ConsumerOffsets, QueueOffsets};
use crate::broker::refusal::Refusal;
use crate::broker::topics::Topics;
use crate::config::LiveConfig;
use crate::format::disk::tables::{ConsumerOffsetTable, DelayOffsetTable};
use crate::format::wire::body::{MessageQueue, QueueOffsetForC, ResetOffset, ResetOffsetForC};
use crate::format::wire::codes::{ResponseCode, version};
use crate::format::wire::fastjson;
use crate::format::wire::header::offset::ResetOffsetHeader;
use crate::store::MessageStore;

/// Asks for the progress of the delay levels.
pub type DelayOffsets = Arc<dyn Fn() -> DelayOffsetTable + Send + Sync>;

/// Administration of offsets.
pub struct OffsetAdmin {
    /// The queues.
    pub store: Arc<MessageStore>,
    /// The topics.
    pub topics: Arc<Topics>,
    /// What groups have committed.
    pub offsets: Arc<ConsumerOffsets>,
    /// Who is told of a reset.
    pub consumers: Arc<Consumers>,
    /// Tells them.
    pub notifier: ClientNotifier,
    /// Progress of delayed messages.
    pub delay_offsets: DelayOffsets,
    /// For the broker's name.
    pub config: LiveConfig,
}

impl fmt::Debug for OffsetAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OffsetAdmin").field("offsets", &self.offsets).finish_non_exhaustive()
    }
}

/// A wish to set a group to a point in time.
#[derive(Debug, Clone, Copy)]
pub struct Reset<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The group.
    pub group: &'a str,
    /// To the first message stored then; `None` goes to the end.
    pub timestamp_ms: Option<i64>,
    /// Also forward; otherwise only back.
    pub is_forced: bool,
    /// Whoever asked is a C++ client, and so the members probably are.
    pub is_for_c: bool,
}

/// Offset by queue, in the order of the queues.
pub type OffsetsByQueue = BTreeMap<MessageQueue, i64>;

impl OffsetAdmin {
    /// Offset of the message stored at a time, or of its nearer neighbour (code 29).
    pub fn at_time(&self, topic: &str, queue_id: i32, timestamp_ms: i64) -> i64 {
        self.store.offset_by_time(topic, queue_id, timestamp_ms)
    }

    /// Offset behind the newest message; 0 for a queue that does not exist (code 30).
    pub fn max(&self, topic: &str, queue_id: i32) -> i64 {
        self.store.max_offset(topic, queue_id)
    }

    /// Offset of the oldest message; 0 for a queue that does not exist (code 31).
    pub fn min(&self, topic: &str, queue_id: i32) -> i64 {
        self.store.min_offset(topic, queue_id).unwrap_or(0)
    }

    /// Store time of the oldest message (code 32).
    pub fn earliest_store_time_ms(&self, topic: &str, queue_id: i32) -> Option<i64> {
        self.store.earliest_store_time_of_queue_ms(topic, queue_id)
    }

    /// Everything that groups have committed (code 43).
    pub fn all(&self) -> ConsumerOffsetTable {
        self.offsets.snapshot()
    }

    /// How far each delay level is (code 45).
    pub fn of_delay_levels(&self) -> DelayOffsetTable {
        (self.delay_offsets)()
    }

    /// Tells the members of a group to go to a point in time (code 222) and gives the offsets they are told. The broker's own
    /// table stays: members set theirs and commit, but those within the process, for whom it is set here. A group without members is
    /// refused, and its caller may commit instead.
    #[doc(alias = "resetOffset")]
    pub fn reset(&self, reset: Reset<'_>) -> Result<OffsetsByQueue, Refusal> {
        let offsets = self.offsets_after(reset)?;
        let members = self.consumers.find(reset.group).ok_or_else(|| {
            let remark = format!(
                "Consumer not online, so can not reset offset, Group: {} Topic: {} Timestamp: {}",
                reset.group,
                reset.topic,
                reset.timestamp_ms.unwrap_or(-1)
            );
            Refusal::new(ResponseCode::ConsumerNotOnline, remark)
        })?;
        // Java pushes to the members before the one it refuses for; nobody is told half of it here.
        refuse_old_members(&members)?;
        // Like Java's, the push never says that it is forced.
        let header = ResetOffsetHeader {
            topic: Some(reset.topic),
            is_force: false,
            group: Some(reset.group),
            timestamp_ms: reset.timestamp_ms.unwrap_or(-1),
        };
        let body: Bytes = reset_body(&offsets, reset.is_for_c).into();
        for member in members.members() {
            self.notifier.reset_offset(&member.client.peer, header.fields(), body.clone());
        }
        if members.members().iter().any(|member| member.client.peer.leads_nowhere()) {
            for (queue, offset) in &offsets {
                self.offsets.set(reset.group, reset.topic, queue.queue_id, *offset);
            }
            self.consumers.offsets_set(reset.group);
        }
        tracing::info!(target: "broker::admin", ?reset, members = members.members().len(), "offsets reset");
        Ok(offsets)
    }

    /// Tells the members of a group to go on at what is committed for a topic (code 220), when there are any.
    pub fn announce(&self, group: &str, topic: &str) {
        let Some(members) = self.consumers.find(group) else { return };
        let config = self.config.load();
        let committed = self.offsets.of_topic(group, topic).unwrap_or_default().into_iter();
        let offsets =
            committed.map(|(queue_id, offset)| (queue_of(&config, topic, queue_id), offset)).collect();
        let header =
            ResetOffsetHeader { topic: Some(topic), is_force: true, group: Some(group), timestamp_ms: -1 };
        let body: Bytes = reset_body(&offsets, false).into();
        for member in members.members() {
            self.notifier.reset_offset(&member.client.peer, header.fields(), body.clone());
        }
    }

    /// Where the queues of a reset lead. Every write queue must have an offset of the group.
    fn offsets_after(&self, reset: Reset<'_>) -> Result<OffsetsByQueue, Refusal> {
        let refused = |remark| Refusal::new(ResponseCode::SystemError, remark);
        let topic = self.topics.find(reset.topic).ok_or_else(|| {
            refused(format!(
                "[reset-offset] reset offset failed, no topic in this broker. topic={}",
                reset.topic
            ))
        })?;
        let config = self.config.load();
        let after = |queue_id| {
            let committed = self.offsets.find(reset.group, reset.topic, queue_id).ok_or_else(|| {
                // Java's spelling.
                refused(format!("THe consumer group <{}> not exist", reset.group))
            })?;
            let wanted = match reset.timestamp_ms {
                Some(timestamp_ms) => self.at_time(reset.topic, queue_id, timestamp_ms),
                None => self.max(reset.topic, queue_id),
            };
            let wanted = wanted.max(0);
            let offset = if reset.is_forced { wanted } else { wanted.min(committed) };
            Ok((queue_of(&config, reset.topic, queue_id), offset))
        };
        write_queues(&topic).map(after).collect()
    }

    /// Gives a group the offsets of another one (code 314): of one topic, or of every topic the other has offsets of. A topic
    /// that members of the other group do not subscribe to (any more) is left out, unless `is_offline`.
    ///
    /// Java does nothing when no topic is named.
    #[doc(alias = "cloneGroupOffset")]
    pub fn copy(&self, from: &str, to: &str, topic: Option<&str>, is_offline: bool) {
        let topics = match topic {
            Some(topic) => [topic.to_owned()].into(),
            None => self.offsets.topics_of_group(from),
        };
        let members = if is_offline { None } else { self.consumers.find(from) };
        for topic in topics {
            if self.topics.contains(&topic) && is_subscribed(members.as_deref(), &topic) {
                self.offsets.copy(from, to, &topic);
            } else {
                tracing::warn!(target: "broker::admin", from, to, topic, "offsets not copied: unknown or not subscribed");
            }
        }
    }

    /// The lowest offset of all groups but `without`, by queue (code 308). A queue of which `compare_with` is behind them says
    /// the largest number there is; one of which only it has an offset is left out (Java: an exception).
    #[doc(alias = "queryCorrectionOffset")]
    pub fn lowest(&self, topic: &str, without: &[&str], compare_with: &str) -> QueueOffsets {
        let mut lowest = self.offsets.lowest_of_topic(topic, without, |queue_id| self.min(topic, queue_id));
        for (queue_id, offset) in self.offsets.of_topic(compare_with, topic).unwrap_or_default() {
            if let Some(lowest) = lowest.get_mut(&queue_id).filter(|lowest| **lowest > offset) {
                *lowest = i64::MAX;
            }
        }
        lowest
    }
}

/// A group without members or subscriptions is not held against its topics.
pub(super) fn is_subscribed(group: Option<&ConsumerGroup>, topic: &str) -> bool {
    group.is_none_or(|group| group.subscriptions().len() == 0 || group.subscription(topic).is_some())
}

/// Members older than 3.0.7 know neither code 220 nor 221.
pub(super) fn refuse_old_members(group: &ConsumerGroup) -> Result<(), Refusal> {
    let mut versions = group.members().iter().map(|member| member.client.version);
    match versions.find(|version| *version < version::V3_0_7_SNAPSHOT) {
        None => Ok(()),
        Some(version) => Err(Refusal::new(
            ResponseCode::SystemError,
            format!("the client does not support this feature. version={version}"),
        )),
    }
}

fn reset_body(offsets: &OffsetsByQueue, is_for_c: bool) -> Vec<u8> {
    if !is_for_c {
        return fastjson::to_vec(&ResetOffset { offset_table: offsets.clone() });
    }
    let entry = |(queue, offset): (&MessageQueue, &i64)| QueueOffsetForC {
        broker_name: queue.broker_name.clone(),
        offset: *offset,
        queue_id: queue.queue_id,
        topic: queue.topic.clone(),
    };
    fastjson::to_vec(&ResetOffsetForC { offset_table: offsets.iter().map(entry).collect() })
}

#[cfg(test)]
mod tests;
