//! Codes 12 and 33: query by key, view by physical offset.

use std::sync::Arc;

use crate::broker::refusal::Refusal;
use crate::config::LiveConfig;
use crate::format::wire::codes::{RequestCode, ResponseCode};
use crate::format::wire::command::{RemotingCommand, Response};
use crate::format::wire::header::query::{QueryMessageAnswer, QueryMessageHeader, ViewMessageHeader};
use crate::net::{Peer, Processor, Reply};
use crate::store::{MessageStore, QueryOutcome};

/// Answers queries.
#[doc(alias = "QueryMessageProcessor")]
#[derive(Debug)]
pub struct QueryProcessor {
    store: Arc<MessageStore>,
    config: LiveConfig,
}

impl QueryProcessor {
    /// Reads from `store`.
    pub fn new(store: Arc<MessageStore>, config: LiveConfig) -> Self {
        Self { store, config }
    }

    fn view(&self, request: &RemotingCommand) -> Response {
        let offset = ViewMessageHeader::decode(&request.ext).offset.unwrap_or(-1);
        match self.store.record_at(offset) {
            Some(record) => Response::success().with_body(record),
            None => Refusal::new(
                ResponseCode::SystemError,
                format!("can not find message by the offset, {offset}"),
            )
            .into(),
        }
    }

    fn query(&self, request: &RemotingCommand) -> Response {
        let Some(outcome) = self.find(&QueryMessageHeader::decode(&request.ext)) else {
            let remark =
                "header field topic, key, maxNum, beginTimestamp or endTimestamp is missing or malformed";
            return Refusal::new(ResponseCode::SystemError, remark).into();
        };
        let fields = QueryMessageAnswer {
            index_last_update_timestamp_ms: Some(outcome.index_last_update_timestamp_ms),
            index_last_update_physical_offset: Some(outcome.index_last_update_physical_offset),
        };
        let response = if outcome.records.is_empty() {
            Response::error(ResponseCode::QueryNotFound, "can not find message, maybe time range not correct")
        } else {
            Response::success()
        };
        outcome.records.into_iter().fold(response.with_fields(fields.fields()), Response::with_body)
    }

    /// `None` when a field is missing.
    fn find(&self, header: &QueryMessageHeader<'_>) -> Option<QueryOutcome> {
        let count_max = if header.unique_key_query == Some(true) {
            self.config.load().store.default_query_max_num as usize
        } else {
            usize::try_from(header.count_max?).unwrap_or(0)
        };
        let (begin_ms, end_ms) = (header.begin_timestamp_ms?, header.end_timestamp_ms?);
        Some(self.store.query(header.topic?, header.key?, count_max, begin_ms, end_ms))
    }
}

impl Processor for QueryProcessor {
    fn process(&self, request: RemotingCommand, _peer: &Peer) -> Reply {
        Reply::Now(match request.request_code() {
            Some(RequestCode::ViewMessageById) => self.view(&request),
            _ => self.query(&request),
        })
    }
}

#[cfg(test)]
mod tests;
