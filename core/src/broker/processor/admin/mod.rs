//! Administration: wire → [`Admin`] → wire (broker-behaviour §10). One file per noun, as in `broker::admin`.

mod acl;
mod clients;
mod config;
mod groups;
mod maintenance;
mod offsets;
mod progress;
mod stats;
mod topics;
mod transactions;

use std::sync::{Arc, OnceLock};

use serde::Serialize;

use crate::broker::admin::Admin;
use crate::broker::refusal::Refusal;
use crate::broker::registration::Registration;
use crate::config::LiveConfig;
use crate::format::wire::codes::{RequestCode, ResponseCode, remark};
use crate::format::wire::fastjson;
use crate::format::wire::{RemotingCommand, Response};
use crate::net::{Peer, Processor, Reply};

/// Answers administrators. Runs on a lane: operations write tables and walk over all queues.
#[derive(Debug)]
#[doc(alias = "AdminBrokerProcessor")]
pub struct AdminProcessor {
    admin: Arc<Admin>,
    config: LiveConfig,
    registration: OnceLock<Arc<Registration>>,
}

type Answer = Result<Response, Refusal>;

impl AdminProcessor {
    /// Puts `admin` on the wire.
    pub fn new(admin: Arc<Admin>, config: LiveConfig) -> Self {
        Self { admin, config, registration: OnceLock::new() }
    }

    /// From now on changes of topics are answered when the NameServers know of them: who creates a topic may use its route at
    /// once. Only the first one counts.
    pub fn set_registration(&self, registration: Arc<Registration>) {
        let _ = self.registration.set(registration);
    }

    /// Answers when the NameServers were told of what changed before.
    fn answer_when_told(&self, request: &RemotingCommand, peer: &Peer, response: Response) -> Reply {
        let Some(registration) = self.registration.get() else { return Reply::Now(response) };
        let responder = peer.responder(request);
        registration.when_told(Box::new(move || responder.send(response)));
        Reply::Later
    }

    fn answer(&self, code: RequestCode, request: &RemotingCommand, peer: &Peer) -> Answer {
        match code {
            RequestCode::GetAllTopicConfig => Ok(self.all_topics()),
            RequestCode::DeleteTopicInBroker => self.delete_topic(request),
            RequestCode::GetTopicStatsInfo => self.topic_stats(request),
            RequestCode::QueryTopicConsumeByWho => self.groups_of_topic(request),
            RequestCode::GetSystemTopicListFromBroker => Ok(self.system_topics()),
            RequestCode::UpdateAndCreateSubscriptiongroup => self.update_group(request),
            RequestCode::GetAllSubscriptiongroupConfig => Ok(self.all_groups()),
            RequestCode::DeleteSubscriptiongroup => self.delete_group(request),
            RequestCode::SearchOffsetByTimestamp => self.offset_at_time(request),
            RequestCode::GetMaxOffset => self.max_offset(request),
            RequestCode::GetMinOffset => self.min_offset(request),
            RequestCode::GetEarliestMsgStoretime => self.earliest_store_time(request),
            RequestCode::GetAllConsumerOffset => Ok(self.all_offsets()),
            RequestCode::GetAllDelayOffset => Ok(self.delay_offsets()),
            RequestCode::InvokeBrokerToResetOffset => self.reset_offset(request),
            RequestCode::QueryCorrectionOffset => self.correction_offset(request),
            RequestCode::CloneGroupOffset => self.clone_group_offset(request),
            RequestCode::GetConsumeStats => self.consume_stats(request),
            RequestCode::GetBrokerConsumeStats => Ok(self.broker_consume_stats(request, peer)),
            RequestCode::QueryConsumeTimeSpan => self.consume_time_span(request),
            RequestCode::QueryConsumeQueue => self.consume_queue(request),
            RequestCode::GetConsumerConnectionList => self.consumer_connections(request),
            RequestCode::GetProducerConnectionList => self.producer_connections(request),
            RequestCode::GetAllProducerInfo => Ok(self.all_producers()),
            RequestCode::GetBrokerConfig => Ok(self.broker_config()),
            RequestCode::GetBrokerRuntimeInfo => Ok(self.runtime_info()),
            RequestCode::ViewBrokerStatsData => self.stats_data(request),
            RequestCode::CleanExpiredConsumequeue => Ok(self.clean_expired_queues()),
            RequestCode::CleanUnusedTopic => Ok(self.clean_unused_topics()),
            RequestCode::DeleteExpiredCommitlog => Ok(self.delete_expired_files()),
            RequestCode::UpdateAndCreateAclConfig => Err(acl::update_refused()),
            RequestCode::DeleteAclConfig => Err(acl::delete_refused()),
            RequestCode::UpdateGlobalWhiteAddrsConfig => Err(acl::white_list_refused()),
            RequestCode::GetBrokerClusterAclInfo => Err(acl::version_refused()),
            _ => Ok(not_supported(request)),
        }
    }
}

impl Processor for AdminProcessor {
    fn process(&self, request: RemotingCommand, peer: &Peer) -> Reply {
        let Some(code) = request.request_code() else { return Reply::Now(not_supported(&request)) };
        // These answer later.
        let reply = match code {
            RequestCode::UpdateAndCreateTopic => self.update_topic(&request, peer),
            RequestCode::UpdateBrokerConfig => self.update_config(&request, peer),
            RequestCode::InvokeBrokerToGetConsumerStatus => self.consumer_status(&request, peer),
            RequestCode::GetConsumerRunningInfo => self.consumer_running_info(&request, peer),
            RequestCode::ResumeCheckHalfMessage => self.resume_check(&request, peer),
            RequestCode::ConsumeMessageDirectly => self.consume_directly(&request, peer),
            _ => self.answer(code, &request, peer).map(Reply::Now),
        };
        reply.unwrap_or_else(|refusal| Reply::Now(refusal.into()))
    }
}

fn not_supported(request: &RemotingCommand) -> Response {
    Response::error(ResponseCode::RequestCodeNotSupported, remark::not_supported(request.code))
}

/// A header field that the operation cannot do without.
fn required<T>(value: Option<T>, name: &str) -> Result<T, Refusal> {
    let refusal =
        || Refusal::new(ResponseCode::SystemError, format!("header field {name} is missing or malformed"));
    value.ok_or_else(refusal)
}

/// A text that says something.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

/// Success with a body.
fn json<T: Serialize>(body: &T) -> Response {
    Response::success().with_body(fastjson::to_vec(body))
}

/// Java forgets to clear this remark in some successes.
fn with_default_remark(response: Response) -> Response {
    response.with_remark(remark::NOT_SET)
}

#[cfg(test)]
mod tests;
