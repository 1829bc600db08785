//! Codes 203, 204, 223, 307, 309, 328.

use super::{AdminProcessor, Answer, given, json, required, with_default_remark};
use crate::broker::refusal::Refusal;
use crate::format::record::ids::parse_offset_message_id;
use crate::format::wire::codes::{RequestCode, ResponseCode};
use crate::format::wire::header::client::{
    ConsumeDirectlyHeader, ConsumerGroupHeader, ConsumerRunningHeader, ProducerGroupHeader,
};
use crate::format::wire::header::offset::ConsumerStatusHeader;
use crate::format::wire::{HeaderFields, OutgoingRequest, RemotingCommand, Response};
use crate::net::{Peer, Reply};

impl AdminProcessor {
    /// Code 203.
    pub(super) fn consumer_connections(&self, request: &RemotingCommand) -> Answer {
        let group = required(ConsumerGroupHeader::decode(&request.ext).consumer_group, "consumerGroup")?;
        self.admin.clients.consumer_connections(group).map(|connections| json(&connections))
    }

    /// Code 204.
    pub(super) fn producer_connections(&self, request: &RemotingCommand) -> Answer {
        let group = required(ProducerGroupHeader::decode(&request.ext).producer_group, "producerGroup")?;
        self.admin.clients.producer_connections(group).map(|connections| json(&connections))
    }

    /// Code 328.
    pub(super) fn all_producers(&self) -> Response {
        json(&self.admin.clients.producers())
    }

    /// Code 223; answered when the members have answered.
    pub(super) fn consumer_status(&self, request: &RemotingCommand, peer: &Peer) -> Result<Reply, Refusal> {
        let header = ConsumerStatusHeader::decode(&request.ext);
        let topic = required(header.topic, "topic")?;
        let group = required(header.group, "group")?;
        let responder = peer.responder(request);
        let answer = Box::new(move |status| responder.send(with_default_remark(json(&status))));
        self.admin.clients.consumer_status(topic, group, given(header.client_addr), answer)?;
        Ok(Reply::Later)
    }

    /// Code 307, passed on to the member as it is.
    pub(super) fn consumer_running_info(
        &self,
        request: &RemotingCommand,
        peer: &Peer,
    ) -> Result<Reply, Refusal> {
        let header = ConsumerRunningHeader::decode(&request.ext);
        let mut passed_on = OutgoingRequest::new(RequestCode::GetConsumerRunningInfo);
        passed_on.fields = request.ext.present().then(|| HeaderFields::from(&request.ext));
        if !request.body.is_empty() {
            passed_on = passed_on.with_body(request.body.clone());
        }
        self.pass_on(header.consumer_group, header.client_id, passed_on, request, peer)
    }

    /// Code 309, passed on to the member with the broker's name and the message.
    pub(super) fn consume_directly(&self, request: &RemotingCommand, peer: &Peer) -> Result<Reply, Refusal> {
        let header = ConsumeDirectlyHeader::decode(&request.ext);
        let message_id = required(header.message_id, "msgId")?;
        let place = parse_offset_message_id(message_id);
        let record = place.and_then(|place| self.admin.offsets.store.record_at(place.physical_offset));
        let record = record.ok_or_else(|| {
            Refusal::new(ResponseCode::SystemError, format!("can not find message by the id, {message_id}"))
        })?;
        let broker_name = self.config.load().broker.broker_name.to_string();
        let passed_on = OutgoingRequest::new(RequestCode::ConsumeMessageDirectly)
            .with_fields(fields_with_broker(request, broker_name))
            .with_body(record);
        self.pass_on(header.consumer_group, header.client_id, passed_on, request, peer)
    }

    fn pass_on(
        &self,
        group: Option<&str>,
        client_id: Option<&str>,
        passed_on: OutgoingRequest,
        request: &RemotingCommand,
        peer: &Peer,
    ) -> Result<Reply, Refusal> {
        let clients = &self.admin.clients;
        let group = required(group, "consumerGroup")?;
        let member = clients.member(group, required(client_id, "clientId")?)?;
        clients.notifier.forward(&member, group, passed_on, peer.responder(request));
        Ok(Reply::Later)
    }
}

fn fields_with_broker(request: &RemotingCommand, broker_name: String) -> HeaderFields {
    let mut fields = HeaderFields::new();
    for (name, value) in request.ext.iter().filter(|(name, _)| *name != "brokerName") {
        fields.push(name.to_owned(), value.to_owned());
    }
    fields.push("brokerName", broker_name);
    fields
}
