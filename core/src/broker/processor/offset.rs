//! Consumer offsets: codes 14 and 15 (broker-behaviour §7).

use std::sync::Arc;

use crate::broker::offsets::ConsumerOffsets;
use crate::format::wire::codes::{RequestCode, ResponseCode, remark};
use crate::format::wire::header::offset::{
    OffsetAnswer, QueryConsumerOffsetHeader, UpdateConsumerOffsetHeader,
};
use crate::format::wire::{HeaderFields, RemotingCommand, Response};
use crate::net::{Peer, Processor, Reply};
use crate::store::MessageStore;

/// What code 14 has to know of the store.
pub trait QueueBounds: Send + Sync {
    /// First readable offset of a queue; `None` when it does not exist.
    fn min_offset(&self, topic: &str, queue_id: i32) -> Option<i64>;

    /// Whether the message at `offset` is too far behind the newest to be in memory.
    #[doc(alias = "checkInDiskByConsumeOffset")]
    fn is_message_on_disk(&self, topic: &str, queue_id: i32, offset: i64) -> bool;
}

impl QueueBounds for MessageStore {
    fn min_offset(&self, topic: &str, queue_id: i32) -> Option<i64> {
        MessageStore::min_offset(self, topic, queue_id)
    }

    fn is_message_on_disk(&self, topic: &str, queue_id: i32, offset: i64) -> bool {
        MessageStore::is_message_on_disk(self, topic, queue_id, offset)
    }
}

/// Reads and stores the offsets of groups. Neither group nor topic has to exist.
#[doc(alias = "ConsumerManageProcessor")]
pub struct OffsetProcessor {
    offsets: Arc<ConsumerOffsets>,
    queues: Arc<dyn QueueBounds>,
}

impl std::fmt::Debug for OffsetProcessor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OffsetProcessor").field("offsets", &self.offsets).finish_non_exhaustive()
    }
}

impl Processor for OffsetProcessor {
    fn process(&self, request: RemotingCommand, _peer: &Peer) -> Reply {
        let answer = match request.request_code() {
            Some(RequestCode::QueryConsumerOffset) => self.query(&request),
            Some(RequestCode::UpdateConsumerOffset) => self.update(&request),
            _ => Some(Response::error(
                ResponseCode::RequestCodeNotSupported,
                remark::not_supported(request.code),
            )),
        };
        let incomplete =
            || Response::error(ResponseCode::SystemError, "a header field is missing or no number");
        Reply::Now(answer.unwrap_or_else(incomplete))
    }
}

impl OffsetProcessor {
    /// Over these offsets and queues.
    pub fn new(offsets: Arc<ConsumerOffsets>, queues: Arc<dyn QueueBounds>) -> Self {
        Self { offsets, queues }
    }

    /// Code 14; `None` when the header is incomplete.
    ///
    /// A group without offset starts at 0 as long as the queue still has its first message and that is young; else the client
    /// is told that there is none and decides by its start position.
    fn query(&self, request: &RemotingCommand) -> Option<Response> {
        let header = QueryConsumerOffsetHeader::decode(&request.ext);
        let (group, topic, queue_id) = (header.consumer_group?, header.topic?, header.queue_id?);
        let committed = self.offsets.find(group, topic, queue_id).filter(|offset| *offset >= 0);
        let offset = committed.or_else(|| self.is_young(topic, queue_id).then_some(0));
        Some(match offset {
            Some(_) => Response::success().with_fields(OffsetAnswer { offset }.fields()),
            None => Response::error(
                ResponseCode::QueryNotFound,
                "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first",
            )
            .with_fields(HeaderFields::new()),
        })
    }

    fn is_young(&self, topic: &str, queue_id: i32) -> bool {
        self.queues.min_offset(topic, queue_id).is_none_or(|min| min <= 0)
            && !self.queues.is_message_on_disk(topic, queue_id, 0)
    }

    /// Code 15; `None` when the header is incomplete.
    fn update(&self, request: &RemotingCommand) -> Option<Response> {
        let header = UpdateConsumerOffsetHeader::decode(&request.ext);
        let (group, topic, queue_id) = (header.consumer_group?, header.topic?, header.queue_id?);
        self.offsets.commit(group, topic, queue_id, header.commit_offset?);
        Some(Response::success().with_fields(HeaderFields::new()))
    }
}

#[cfg(test)]
mod tests;
