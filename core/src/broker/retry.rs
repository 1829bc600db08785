//! Messages that a consumer gives back: through the delay levels to the retry topic of the group, or to its dead letters
//! (broker-behaviour §3).

use std::net::SocketAddr;
use std::sync::Arc;

use super::groups::SubscriptionGroups;
use super::produce::{rewritten_for_delay, sending_forbidden};
use super::refusal::{Refusal, SEE_FAQ};
use super::stats::BrokerStats;
use super::topics::Topics;
use crate::config::LiveConfig;
use crate::format::flags::{perm, topic as topic_flag};
use crate::format::names::{self, property};
use crate::format::record::decode::RecordView;
use crate::format::record::properties;
use crate::format::record::tags::delay_queue_id;
use crate::format::wire::codes::{ResponseCode, version};
use crate::format::wire::header::send::SendBackHeader;
use crate::store::{Amount, MessageStore, PutMessage, PutOutcome};

/// A message that is not tried again at once waits at least this level: 10 s with the default levels.
const FIRST_RETRY_LEVEL: i32 = 3;

/// A send-back as it came in.
#[derive(Debug, Clone, Copy)]
pub struct Back<'a> {
    /// The header.
    pub header: &'a SendBackHeader<'a>,
    /// Version of the sender.
    pub version: i32,
    /// The address the sender knows this broker by.
    pub broker: SocketAddr,
}

/// Rules of retry and dead letters.
#[derive(Debug)]
pub struct SendBack {
    store: Arc<MessageStore>,
    topics: Arc<Topics>,
    groups: Arc<SubscriptionGroups>,
    stats: Arc<BrokerStats>,
    config: LiveConfig,
}

impl SendBack {
    /// With the tables it asks and the store it feeds.
    pub fn new(
        store: Arc<MessageStore>,
        topics: Arc<Topics>,
        groups: Arc<SubscriptionGroups>,
        stats: Arc<BrokerStats>,
        config: LiveConfig,
    ) -> Self {
        Self { store, topics, groups, stats, config }
    }

    /// Stores the message again. `None` for a group without retry queues: its messages are dropped by configuration.
    pub fn take(&self, back: &Back<'_>) -> Result<Option<PutOutcome>, Refusal> {
        let group = back.header.group.unwrap_or_default();
        let Some(config) = self.groups.find_or_create(group) else {
            let text = format!("subscription group not exist, {group} {SEE_FAQ}");
            return Err(Refusal::new(ResponseCode::SubscriptionGroupNotExist, text));
        };
        if !perm::is_writable(self.config.load().broker.broker_permission as i32) {
            return Err(sending_forbidden(back.broker, "sending message"));
        }
        if config.retry_queue_nums <= 0 {
            return Ok(None);
        }
        let sys_flag = if back.header.unit_mode { topic_flag::UNIT_SUB } else { 0 };
        let retry = self.topic(names::retry_topic(group), config.retry_queue_nums, sys_flag)?;
        let offset = back.header.offset.unwrap_or(-1);
        let failed =
            || Refusal::new(ResponseCode::SystemError, format!("look message by offset failed, {offset}"));
        let bytes = self.store.record_at(offset).ok_or_else(failed)?;
        let record = RecordView::parse(&bytes).map_err(|_| failed())?;

        let own_limit = back.header.max_reconsume_times.filter(|_| back.version >= version::V3_4_9);
        let limit = own_limit.unwrap_or(config.retry_max_times);
        let level = back.header.delay_level.unwrap_or(0);
        if level < 0 || record.reconsume_times() >= limit {
            let dead = self.topic(names::dlq_topic(group), 1, 0)?;
            return Ok(Some(self.put(group, &record, &dead, 0, 0)));
        }
        let level = if level == 0 { FIRST_RETRY_LEVEL + record.reconsume_times() } else { level };
        let queue_id = fastrand::i32(0..config.retry_queue_nums);
        Ok(Some(self.put(group, &record, &retry, queue_id, level)))
    }

    fn topic(&self, name: String, queues: i32, sys_flag: i32) -> Result<String, Refusal> {
        match self.topics.find_or_create(&name, queues, perm::READ | perm::WRITE, sys_flag) {
            None => Err(Refusal::new(ResponseCode::SystemError, format!("topic[{name}] not exist"))),
            Some(topic) if !perm::is_writable(topic.perm) => Err(Refusal::new(
                ResponseCode::NoPermission,
                format!("the topic[{name}] sending message is forbidden"),
            )),
            Some(_) => Ok(name),
        }
    }

    /// Stores a copy of `record` for `topic`: after the delay of `level`, at once for level 0.
    ///
    /// The reference does not wait for the disk here; this does, since the consumer forgets the message on success.
    fn put(
        &self,
        group: &str,
        record: &RecordView<'_>,
        topic: &str,
        queue_id: i32,
        level: i32,
    ) -> PutOutcome {
        let level = if level > 0 { self.store.options().delay_levels.clamp(level) } else { 0 };
        let own_id = record.offset_message_id();
        let origin = record.property(property::ORIGIN_MESSAGE_ID).unwrap_or(own_id.as_str().as_bytes());
        let first_topic = record.property(property::RETRY_TOPIC).unwrap_or(record.topic_bytes());
        let (mut queue_text, mut level_text) = (itoa::Buffer::new(), itoa::Buffer::new());
        let mut set: Vec<(&[u8], &[u8])> = vec![
            (property::RETRY_TOPIC, first_topic),
            (property::WAIT, b"false"),
            (property::ORIGIN_MESSAGE_ID, origin),
        ];
        if level > 0 {
            set.extend(rewritten_for_delay(&mut queue_text, &mut level_text, topic, queue_id, level));
        } else {
            set.push((property::DELAY, b"0"));
        }
        let mut text = Vec::new();
        properties::rewrite(record.properties(), &mut text, &[], &set);
        let (topic, queue_id) =
            if level > 0 { (names::SCHEDULE_TOPIC, delay_queue_id(level)) } else { (topic, queue_id) };
        let outcome = self.store.put(&PutMessage {
            reconsume_times: record.reconsume_times().saturating_add(1),
            properties: &text,
            wait_store_ok: true,
            ..PutMessage::moved(record, topic, queue_id)
        });
        if let Some(appended) = &outcome.appended {
            if topic == names::SCHEDULE_TOPIC {
                let amount = Amount::from(appended);
                self.stats.put(topic, amount);
                self.stats.put_delayed(topic, queue_id, amount);
            }
            self.stats.sent_back(group, std::str::from_utf8(first_topic).unwrap_or_default());
        }
        outcome
    }
}
