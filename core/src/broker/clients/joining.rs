//! How a consumer joins its group: what a heartbeat, or a member within the process, brings about.

use std::sync::Arc;

use super::{Client, Consumers};
use crate::broker::groups::SubscriptionGroups;
use crate::broker::topics::Topics;
use crate::format::flags::{perm, topic as topic_flag};
use crate::format::names::retry_topic;
use crate::format::wire::body::ConsumerHeartbeat;

/// What joining touches.
#[derive(Debug, Clone)]
pub struct Joining {
    /// Retry topics are made here.
    pub topics: Arc<Topics>,
    /// Groups are made here.
    pub groups: Arc<SubscriptionGroups>,
    /// Connected consumers.
    pub consumers: Arc<Consumers>,
}

impl Joining {
    /// A group that does not exist and is not created is registered all the same, without retry topic.
    pub fn join(&self, client: &Client, consumer: ConsumerHeartbeat) {
        let group = self.groups.find_or_create(&consumer.group_name);
        if let Some(group) = &group {
            let sys_flag = if consumer.unit_mode { topic_flag::UNIT_SUB } else { 0 };
            let retry = retry_topic(&consumer.group_name);
            self.topics.find_or_create(&retry, group.retry_queue_nums, perm::READ | perm::WRITE, sys_flag);
        }
        let tells_members = group.is_none_or(|group| group.notify_consumer_ids_changed_enable);
        self.consumers.register(client, consumer, tells_members);
    }
}
