//! Topics: codes 17, 21, 202, 215, 300, 305.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{QUEUES_MAX, queue_of, refuse_on_slave, unknown_topic, write_queues};
use crate::broker::clients::Consumers;
use crate::broker::offsets::ConsumerOffsets;
use crate::broker::refusal::Refusal;
use crate::broker::stats::BrokerStats;
use crate::broker::topics::Topics;
use crate::config::LiveConfig;
use crate::format::disk::tables::{TopicConfig, TopicTable};
use crate::format::flags::perm;
use crate::format::names;
use crate::format::wire::body::{TopicOffset, TopicStats};
use crate::format::wire::codes::ResponseCode;
use crate::store::MessageStore;

/// Administration of topics.
#[derive(Debug)]
pub struct TopicAdmin {
    /// The table.
    pub topics: Arc<Topics>,
    /// The queues.
    pub store: Arc<MessageStore>,
    /// Who reads topics now.
    pub consumers: Arc<Consumers>,
    /// Who ever read them.
    pub offsets: Arc<ConsumerOffsets>,
    /// Forgets deleted topics with `autoDeleteUnusedStats`.
    pub stats: Arc<BrokerStats>,
    /// For the role, the broker's name and `autoDeleteUnusedStats`.
    pub config: LiveConfig,
}

impl TopicAdmin {
    /// Creates or changes a topic (code 17). `order` follows the NameServers, not the caller.
    #[doc(alias = "updateAndCreateTopic")]
    pub fn update(&self, topic: TopicConfig) -> Result<Arc<TopicConfig>, Refusal> {
        self.check(&topic.topic_name)?;
        let is_possible = |count: i32| (0..=QUEUES_MAX).contains(&count);
        if !is_possible(topic.read_queue_nums) || !is_possible(topic.write_queue_nums) {
            return Err(refused(format!("a topic has from 0 to {QUEUES_MAX} queues")));
        }
        if topic.perm & !(perm::READ | perm::WRITE | perm::INHERIT) != 0 {
            return Err(refused(format!(
                "perm {} is not made of 4 (read), 2 (write) and 1 (inherit)",
                topic.perm
            )));
        }
        Ok(self.topics.update(TopicConfig { order: false, ..topic }))
    }

    /// Deletes a topic with its queues (code 215); also one whose queues alone are left. Offsets of groups stay, and so does
    /// the route until it is deleted at the NameServers.
    #[doc(alias = "deleteTopic")]
    pub fn delete(&self, topic: &str) -> Result<(), Refusal> {
        self.check(topic)?;
        self.topics.delete(topic);
        if self.config.load().broker.auto_delete_unused_stats {
            self.stats.topic_deleted(topic);
        }
        self.store
            .delete_topic(topic)
            .map_err(|error| refused(format!("topic[{topic}] is deleted, its queues are not: {error}")))
    }

    fn check(&self, topic: &str) -> Result<(), Refusal> {
        refuse_on_slave(&self.config.load())?;
        names::check_topic(topic).map_err(|error| refused(error.to_string()))?;
        if self.topics.is_system(topic) {
            return Err(refused(format!("The topic[{topic}] is conflict with system topic.")));
        }
        Ok(())
    }

    /// All topics (code 21).
    pub fn all(&self) -> TopicTable {
        self.topics.snapshot()
    }

    /// Names of the broker's own topics (code 305).
    pub fn system_topics(&self) -> BTreeSet<String> {
        self.topics.system_topics()
    }

    /// What the queues of a topic hold (code 202).
    #[doc(alias = "getTopicStatsInfo")]
    pub fn stats(&self, topic: &str) -> Result<TopicStats, Refusal> {
        let found = self.topics.find(topic).ok_or_else(|| unknown_topic(topic))?;
        let config = self.config.load();
        let of_queue = |queue_id| {
            let max_offset = self.store.max_offset(topic, queue_id).max(0);
            let newest = (max_offset > 0).then(|| self.store.store_time_ms(topic, queue_id, max_offset - 1));
            let held = TopicOffset {
                last_update_timestamp_ms: newest.map_or(0, |time| time.unwrap_or(-1)),
                max_offset,
                min_offset: self.store.min_offset(topic, queue_id).unwrap_or(0).max(0),
            };
            (queue_of(&config, topic, queue_id), held)
        };
        Ok(TopicStats { offset_table: write_queues(&found).map(of_queue).collect() })
    }

    /// Groups that read a topic now, or have offsets of it (code 300).
    #[doc(alias = "queryTopicConsumeByWho")]
    pub fn groups(&self, topic: &str) -> BTreeSet<String> {
        let mut groups = self.consumers.groups_of_topic(topic);
        groups.extend(self.offsets.groups_of_topic(topic));
        groups
    }
}

fn refused(remark: String) -> Refusal {
    Refusal::new(ResponseCode::SystemError, remark)
}
