//! Heartbeats and who is there: codes 34, 35, 38 and 46 (broker-behaviour §6).

use std::sync::Arc;

use crate::broker::clients::{Client, Joining, Producers};
use crate::broker::filter::compile;
use crate::broker::filter::subscription::is_tag_type;
use crate::broker::groups::check_group;
use crate::config::LiveConfig;
use crate::format::wire::body::{CheckClient, ConsumerList, Heartbeat};
use crate::format::wire::codes::{RequestCode, ResponseCode, remark};
use crate::format::wire::fastjson;
use crate::format::wire::header::client::{ConsumerGroupHeader, UnregisterClientHeader};
use crate::format::wire::{HeaderFields, RemotingCommand, Response};
use crate::net::{Peer, Processor, Reply};

/// Answers what clients say about themselves.
#[derive(Debug)]
#[doc(alias = "ClientManageProcessor")]
pub struct ClientProcessor {
    /// How consumers come in, and who is in.
    pub joining: Joining,
    /// Connected producers.
    pub producers: Arc<Producers>,
    /// For `enablePropertyFilter`.
    pub config: LiveConfig,
}

impl Processor for ClientProcessor {
    fn process(&self, request: RemotingCommand, peer: &Peer) -> Reply {
        Reply::Now(match request.request_code() {
            Some(RequestCode::HeartBeat) => self.heartbeat(&request, peer),
            Some(RequestCode::UnregisterClient) => self.unregister(&request, peer),
            Some(RequestCode::GetConsumerListByGroup) => self.consumer_list(&request),
            Some(RequestCode::CheckClientConfig) => self.check_client(&request),
            _ => Response::error(ResponseCode::RequestCodeNotSupported, remark::not_supported(request.code)),
        })
    }
}

impl ClientProcessor {
    /// Code 34. The code 40 that a change causes is sent before the answer.
    fn heartbeat(&self, request: &RemotingCommand, peer: &Peer) -> Response {
        let heartbeat: Heartbeat = match fastjson::from_slice(&request.body) {
            Ok(heartbeat) => heartbeat,
            Err(error) => return Response::error(ResponseCode::SystemError, format!("heartbeat: {error}")),
        };
        let client = Client {
            peer: peer.clone(),
            id: heartbeat.client_id.into(),
            language: request.language,
            version: request.version,
        };
        for consumer in &heartbeat.consumers {
            if let Err(error) = check_group(&consumer.group_name) {
                return Response::error(ResponseCode::SystemError, error.to_string());
            }
        }
        for consumer in heartbeat.consumers {
            self.joining.join(&client, consumer);
        }
        for producer in heartbeat.producers {
            self.producers.register(&client, &producer.group_name);
        }
        if !peer.is_open() {
            // Its close event may have come before the registration.
            self.joining.consumers.close(peer);
            self.producers.close(peer);
        }
        Response::success()
    }

    /// Code 35. Always succeeds. Java creates the group when it does not exist; here nothing is created for one who leaves.
    fn unregister(&self, request: &RemotingCommand, peer: &Peer) -> Response {
        let header = UnregisterClientHeader::decode(&request.ext);
        if let Some(group) = header.producer_group {
            self.producers.unregister(peer, group);
        }
        if let Some(group) = header.consumer_group {
            let config = self.joining.groups.find(group);
            let tells_members = config.is_none_or(|config| config.notify_consumer_ids_changed_enable);
            self.joining.consumers.unregister(peer, group, tells_members);
        }
        Response::success().with_fields(HeaderFields::new())
    }

    /// Code 38.
    fn consumer_list(&self, request: &RemotingCommand) -> Response {
        let group = ConsumerGroupHeader::decode(&request.ext).consumer_group.unwrap_or_default();
        let response = match self.joining.consumers.find(group) {
            Some(found) => {
                let body = ConsumerList { client_ids: found.client_ids() };
                Response::success().with_body(fastjson::to_vec(&body))
            }
            None => {
                Response::error(ResponseCode::SystemError, format!("no consumer for this group, {group}"))
            }
        };
        response.with_fields(HeaderFields::new())
    }

    /// Code 46.
    fn check_client(&self, request: &RemotingCommand) -> Response {
        let check: CheckClient = match fastjson::from_slice(&request.body) {
            Ok(check) => check,
            Err(error) => {
                return Response::error(ResponseCode::SystemError, format!("check client: {error}"));
            }
        };
        let Some(subscription) = check.subscription else { return Response::success() };
        let expression_type = subscription.expression_type.as_str();
        if is_tag_type(expression_type) {
            return Response::success();
        }
        if !self.config.load().broker.enable_property_filter {
            let remark =
                format!("The broker does not support consumer to filter message by {expression_type}");
            return Response::error(ResponseCode::SystemError, remark);
        }
        match compile(expression_type, &subscription.sub_string) {
            Ok(_) => Response::success(),
            Err(error) => Response::error(ResponseCode::SubscriptionParseFailed, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
