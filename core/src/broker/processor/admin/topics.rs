//! Codes 17, 21, 202, 215, 300, 305.

use super::{AdminProcessor, Answer, json, required, with_default_remark};
use crate::broker::refusal::Refusal;
use crate::format::disk::tables::{TopicConfig, TopicFilterType};
use crate::format::wire::body::{GroupList, TopicList};
use crate::format::wire::codes::ResponseCode;
use crate::format::wire::header::admin::{CreateTopicHeader, TopicHeader};
use crate::format::wire::{HeaderFields, RemotingCommand, Response};
use crate::net::{Peer, Reply};

impl AdminProcessor {
    /// Code 17; answered when the NameServers know the topic.
    pub(super) fn update_topic(&self, request: &RemotingCommand, peer: &Peer) -> Result<Reply, Refusal> {
        let header = CreateTopicHeader::decode(&request.ext);
        let filter_type = header.topic_filter_type.and_then(TopicFilterType::of_name).ok_or_else(|| {
            let text = header.topic_filter_type.unwrap_or("null");
            Refusal::new(ResponseCode::SystemError, format!("topicFilterType = [{text}] value invalid"))
        })?;
        self.admin.topics.update(TopicConfig {
            topic_name: header.topic.unwrap_or_default().to_owned(),
            read_queue_nums: required(header.read_queue_nums, "readQueueNums")?,
            write_queue_nums: required(header.write_queue_nums, "writeQueueNums")?,
            perm: required(header.perm, "perm")?,
            topic_filter_type: filter_type,
            topic_sys_flag: header.topic_sys_flag.unwrap_or(0),
            order: false,
        })?;
        Ok(self.answer_when_told(request, peer, with_default_remark(Response::success())))
    }

    /// Code 21.
    pub(super) fn all_topics(&self) -> Response {
        json(&self.admin.topics.all()).with_fields(HeaderFields::new())
    }

    /// Code 215.
    pub(super) fn delete_topic(&self, request: &RemotingCommand) -> Answer {
        let topic = TopicHeader::decode(&request.ext).topic.unwrap_or_default();
        self.admin.topics.delete(topic).map(|()| Response::success())
    }

    /// Code 202.
    pub(super) fn topic_stats(&self, request: &RemotingCommand) -> Answer {
        let topic = required(TopicHeader::decode(&request.ext).topic, "topic")?;
        self.admin.topics.stats(topic).map(|stats| json(&stats))
    }

    /// Code 300.
    pub(super) fn groups_of_topic(&self, request: &RemotingCommand) -> Answer {
        let topic = required(TopicHeader::decode(&request.ext).topic, "topic")?;
        Ok(json(&GroupList { groups: self.admin.topics.groups(topic).into_iter().collect() }))
    }

    /// Code 305.
    pub(super) fn system_topics(&self) -> Response {
        let topic_list = self.admin.topics.system_topics().into_iter().collect();
        json(&TopicList { topic_list, ..TopicList::default() })
    }
}
