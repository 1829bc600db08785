//! The one way out: which messages a group gets, and what a pull is answered with (broker-behaviour §4).

use std::net::SocketAddr;
use std::sync::Arc;

use super::clients::Consumers;
use super::filter::compile;
use super::filter::registry::ConsumerFilters;
use super::filter::subscription::{is_tag_type, parse};
use super::filter::tag::TagFilter;
use super::filter::wanted::{WantedMessages, is_by_tags};
use super::groups::SubscriptionGroups;
use super::offsets::ConsumerOffsets;
use super::refusal::{Refusal, SEE_FAQ};
use super::stats::BrokerStats;
use super::topics::Topics;
use crate::clock::Clock;
use crate::config::LiveConfig;
use crate::format::disk::tables::SubscriptionGroupConfig;
use crate::format::flags::perm;
use crate::format::names::{self, property};
use crate::format::record::properties;
use crate::format::wire::body::{MessageModel, Subscription};
use crate::format::wire::codes::ResponseCode;
use crate::format::wire::header::pull::{PullHeader, pull_flag};
use crate::store::{Amount, BodyForm, GetOutcome, GetStatus, MessageStore, PutMessage};

/// Who pulls, besides what the header says.
#[derive(Debug, Clone, Copy)]
pub struct Puller {
    /// The client.
    pub client: SocketAddr,
    /// The address it knows this broker by.
    pub broker: SocketAddr,
}

/// A pull that may be answered from the store.
#[derive(Debug)]
pub struct Admitted {
    /// The group.
    pub group: Arc<SubscriptionGroupConfig>,
    /// What it wants.
    pub filter: WantedMessages,
}

/// What a pull is answered with.
#[derive(Debug)]
pub struct Pulled {
    /// What the store says.
    pub outcome: GetOutcome,
    /// Response code for it.
    pub code: ResponseCode,
    /// Broker the client should pull from next.
    pub suggested_broker_id: i64,
}

/// Rules between the store and a group.
#[derive(Debug)]
pub struct Consume {
    /// Where messages are.
    pub store: Arc<MessageStore>,
    /// Topics.
    pub topics: Arc<Topics>,
    /// Consumer groups.
    pub groups: Arc<SubscriptionGroups>,
    /// Connected consumers and what they want.
    pub consumers: Arc<Consumers>,
    /// The expressions that groups are registered with.
    pub filters: Arc<ConsumerFilters>,
    /// What groups have committed.
    pub offsets: Arc<ConsumerOffsets>,
    /// Statistics.
    pub stats: Arc<BrokerStats>,
    /// Configuration.
    pub config: LiveConfig,
    /// Time.
    pub clock: Clock,
}

impl Consume {
    /// Checks a pull, in the order of the reference; the first rule that fails answers.
    pub fn admit(&self, header: &PullHeader<'_>, puller: Puller) -> Result<Admitted, Refusal> {
        let config = self.config.load();
        let group_name = header.consumer_group.unwrap_or_default();
        let topic_name = header.topic.unwrap_or_default();
        if !perm::is_readable(config.broker.broker_permission as i32) {
            return Err(no_permission(format!(
                "the broker[{}] pulling message is forbidden",
                puller.broker.ip()
            )));
        }
        let Some(group) = self.groups.find_or_create(group_name) else {
            let text = format!("subscription group [{group_name}] does not exist, {SEE_FAQ}");
            return Err(Refusal::new(ResponseCode::SubscriptionGroupNotExist, text));
        };
        if !group.consume_enable {
            return Err(no_permission(format!("subscription group no permission, {group_name}")));
        }
        let Some(topic) = self.topics.find(topic_name) else {
            let text = format!("topic[{topic_name}] not exist, apply first please! {SEE_FAQ}");
            return Err(Refusal::new(ResponseCode::TopicNotExist, text));
        };
        if !perm::is_readable(topic.perm) {
            return Err(no_permission(format!("the topic[{topic_name}] pulling message is forbidden")));
        }
        let queue_id = header.queue_id.unwrap_or(-1);
        if queue_id < 0 || queue_id >= topic.read_queue_nums {
            let text = format!(
                "queueId[{queue_id}] is illegal, topic:[{topic_name}] topicConfig.readQueueNums:[{}] consumer:[/{}]",
                topic.read_queue_nums, puller.client
            );
            return Err(Refusal::new(ResponseCode::SystemError, text));
        }
        let filter = self.filter_of(header, &group)?;
        Ok(Admitted { group, filter })
    }

    fn filter_of(
        &self,
        header: &PullHeader<'_>,
        group: &SubscriptionGroupConfig,
    ) -> Result<WantedMessages, Refusal> {
        let wanted = if header.sys_flag.unwrap_or(0) & pull_flag::SUBSCRIPTION != 0 {
            self.wanted_by_pull(header)?
        } else {
            self.wanted_by_group(header, group)?
        };
        Ok(if self.config.load().broker.filter_support_retry {
            wanted.with_retried(header.topic.unwrap_or_default(), &self.filters)
        } else {
            wanted
        })
    }

    /// What the pull itself says. Java lets every message through when its expression does not compile.
    fn wanted_by_pull(&self, header: &PullHeader<'_>) -> Result<WantedMessages, Refusal> {
        let topic = header.topic.unwrap_or_default();
        let parse_failed = || {
            Refusal::new(ResponseCode::SubscriptionParseFailed, "parse the consumer's subscription failed")
        };
        let parsed = parse(topic, header.subscription, header.expression_type);
        let subscription = parsed.map_err(|_| parse_failed())?;
        if is_by_tags(&subscription) {
            return Ok(WantedMessages::Tags(TagFilter::new(Arc::new(subscription))));
        }
        self.check_expressions_allowed(&subscription)?;
        let compiled = compile(&subscription.expression_type, &subscription.sub_string);
        compiled
            .map(|expression| WantedMessages::Expression(Arc::new(expression)))
            .map_err(|_| parse_failed())
    }

    /// What the group's heartbeats say.
    fn wanted_by_group(
        &self,
        header: &PullHeader<'_>,
        group: &SubscriptionGroupConfig,
    ) -> Result<WantedMessages, Refusal> {
        let subscription = self.subscription_of(header, group)?;
        if is_tag_type(&subscription.expression_type) {
            return Ok(WantedMessages::of_group(subscription, None));
        }
        let filter = self.filters.find(header.topic.unwrap_or_default(), &group.group_name);
        let Some(filter) = filter else {
            return Err(Refusal::new(
                ResponseCode::FilterDataNotExist,
                "The broker's consumer filter data is not exist!Your expression may be wrong!",
            ));
        };
        if filter.data.client_version < header.subscription_version.unwrap_or(0) {
            return Err(Refusal::new(
                ResponseCode::FilterDataNotLatest,
                "the consumer's consumer filter data not latest",
            ));
        }
        self.check_expressions_allowed(&subscription)?;
        Ok(WantedMessages::of_group(subscription, Some(filter)))
    }

    fn check_expressions_allowed(&self, subscription: &Subscription) -> Result<(), Refusal> {
        if self.config.load().broker.enable_property_filter {
            return Ok(());
        }
        let text = format!(
            "The broker does not support consumer to filter message by {}",
            subscription.expression_type
        );
        Err(Refusal::new(ResponseCode::SystemError, text))
    }

    /// What the group's heartbeats say of the topic.
    fn subscription_of(
        &self,
        header: &PullHeader<'_>,
        group: &SubscriptionGroupConfig,
    ) -> Result<Arc<Subscription>, Refusal> {
        let not_exist = |what: &str| {
            Refusal::new(
                ResponseCode::SubscriptionNotExist,
                format!("the consumer's {what} not exist{SEE_FAQ}"),
            )
        };
        let members = self.consumers.find(&group.group_name).ok_or_else(|| not_exist("group info"))?;
        if !group.consume_broadcast_enable && members.message_model == Some(MessageModel::Broadcasting) {
            let text = format!("the consumer group[{}] can not consume by broadcast way", group.group_name);
            return Err(no_permission(text));
        }
        let subscription = members.subscription(header.topic.unwrap_or_default());
        let subscription = subscription.ok_or_else(|| not_exist("subscription"))?;
        if subscription.sub_version < header.subscription_version.unwrap_or(0) {
            return Err(Refusal::new(
                ResponseCode::SubscriptionNotLatest,
                "the consumer's subscription not latest",
            ));
        }
        Ok(subscription.clone())
    }

    /// Stores the offset that came with a pull, when it says so.
    pub fn commit(&self, header: &PullHeader<'_>) {
        let wanted = header.sys_flag.unwrap_or(0) & pull_flag::COMMIT_OFFSET != 0;
        if let (true, Some(offset), Some(queue_id)) = (wanted, header.commit_offset, header.queue_id) {
            let (group, topic) =
                (header.consumer_group.unwrap_or_default(), header.topic.unwrap_or_default());
            self.offsets.commit(group, topic, queue_id, offset);
        }
    }

    /// Reads for an admitted pull.
    pub fn read(&self, header: &PullHeader<'_>, admitted: &Admitted) -> Pulled {
        let offset = header.queue_offset.unwrap_or(0);
        let count_max = usize::try_from(header.message_count_max.unwrap_or(0)).unwrap_or(0);
        let topic = header.topic.unwrap_or_default();
        let queue_id = header.queue_id.unwrap_or(0);
        let begin = self.clock.moment();
        let outcome = self.store.get(topic, queue_id, offset, count_max, &admitted.filter);
        if outcome.message_count > 0 {
            let amount = Amount { messages: outcome.message_count, bytes: outcome.size_bytes };
            let latency = self.clock.moment().since(begin);
            self.stats.got(&admitted.group.group_name, topic, queue_id, amount, latency);
        }
        let code = match outcome.status {
            GetStatus::Found => ResponseCode::Success,
            GetStatus::MessageWasRemoving | GetStatus::NoMatchedMessage => ResponseCode::PullRetryImmediately,
            GetStatus::NoMessageInQueue if offset != 0 => ResponseCode::PullOffsetMoved,
            GetStatus::OffsetOverflowBadly | GetStatus::OffsetTooSmall => ResponseCode::PullOffsetMoved,
            GetStatus::NoMessageInQueue | GetStatus::OffsetFoundNull | GetStatus::OffsetOverflowOne => {
                ResponseCode::PullNotFound
            }
        };
        let suggested_broker_id =
            match (self.config.load().broker.slave_read_enable, outcome.suggest_pulling_from_slave) {
                (false, _) => 0,
                (true, true) => admitted.group.which_broker_when_consume_slowly,
                (true, false) => admitted.group.broker_id,
            };
        Pulled { outcome, code, suggested_broker_id }
    }

    /// Notes in OFFSET_MOVED_EVENT that a group was sent elsewhere in a queue.
    pub fn note_offset_moved(&self, header: &PullHeader<'_>, new_offset: i64, store_host: SocketAddr) {
        let group = header.consumer_group.unwrap_or_default();
        let config = self.config.load();
        let body = serde_json::json!({
            "consumerGroup": group,
            "messageQueue": {
                "brokerName": config.broker.broker_name.as_str(),
                "queueId": header.queue_id.unwrap_or(0),
                "topic": header.topic.unwrap_or_default(),
            },
            "offsetNew": new_offset,
            "offsetRequest": header.queue_offset.unwrap_or(0),
        });
        let mut text = Vec::new();
        properties::push(&mut text, property::KEYS, group.as_bytes());
        properties::push(&mut text, property::DELAY, b"0");
        properties::push(&mut text, property::TAGS, group.as_bytes());
        self.store.put(&PutMessage {
            topic: names::OFFSET_MOVED_EVENT,
            queue_id: 0,
            flag: 0,
            sys_flag: 0,
            born_timestamp_ms: self.clock.now_ms(),
            born_host: store_host,
            store_host,
            reconsume_times: 0,
            prepared_transaction_offset: 0,
            body: body.to_string().as_bytes(),
            form: BodyForm::Message,
            properties: &text,
            wait_store_ok: false,
        });
    }
}

fn no_permission(text: String) -> Refusal {
    Refusal::new(ResponseCode::NoPermission, text)
}
