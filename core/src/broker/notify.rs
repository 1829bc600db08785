//! Broker → client calls (Java: `Broker2Client`). Those that a client's answer is waited for take a responder and never block.

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;

use crate::broker::clients::Member;
use crate::config::LiveConfig;
use crate::format::wire::codes::{RequestCode, ResponseCode};
use crate::format::wire::header::transaction::CheckTransactionStateHeader;
use crate::format::wire::{HeaderFields, OutgoingRequest, RemotingCommand, Response};
use crate::net::{NetError, Peer, Responder};

/// How long a client has to answer a request that was passed on to it.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(10);

/// Told how a call to a client ended; on an I/O thread, so it must not block.
pub type OnAnswer = Box<dyn FnOnce(Result<RemotingCommand, NetError>) + Send>;

/// Sends the requests that the broker makes of clients.
#[derive(Debug, Clone)]
#[doc(alias = "Broker2Client")]
pub struct ClientNotifier {
    config: LiveConfig,
}

impl ClientNotifier {
    /// Reads `notifyConsumerIdsChangedEnable` from `config`.
    pub fn new(config: LiveConfig) -> Self {
        Self { config }
    }

    /// Tells clients that the members or subscriptions of a group changed (code 40), unless the broker's switch is off.
    pub fn consumer_ids_changed<'a>(&self, group: &str, clients: impl IntoIterator<Item = &'a Peer>) {
        if !self.config.load().broker.notify_consumer_ids_changed_enable {
            return;
        }
        let fields = HeaderFields::new().with("consumerGroup", ByteString::from(group));
        let request = OutgoingRequest::oneway(RequestCode::NotifyConsumerIdsChanged).with_fields(fields);
        for client in clients {
            self.send(client, request.clone());
        }
    }

    /// Asks a producer what became of a half message (code 39); it answers with END_TRANSACTION. `record` is the message.
    #[doc(alias = "checkProducerTransactionState")]
    pub fn check_transaction_state(
        &self,
        producer: &Peer,
        header: &CheckTransactionStateHeader<'_>,
        record: Bytes,
    ) {
        let request = OutgoingRequest::oneway(RequestCode::CheckTransactionState);
        self.send(producer, request.with_fields(header.fields()).with_body(record));
    }

    /// Tells a consumer its new offsets (code 220).
    pub fn reset_offset(&self, consumer: &Peer, fields: HeaderFields, body: Bytes) {
        let request = OutgoingRequest::oneway(RequestCode::ResetConsumerClientOffset);
        self.send(consumer, request.with_fields(fields).with_body(body));
    }

    /// Sends a request that nobody answers. That a client does not take it is its loss: it is logged.
    pub fn send(&self, client: &Peer, request: OutgoingRequest) {
        if client.leads_nowhere() {
            return;
        }
        let code = request.code;
        if let Err(error) = client.send_oneway(request) {
            tracing::warn!(target: "broker::notify", ?client, code, %error, "a client was not told");
        }
    }

    /// Asks a client (codes 221 and 326 among others).
    #[doc(alias = "callClient")]
    pub fn ask(&self, client: &Peer, request: OutgoingRequest, timeout: Duration, on_answer: OnAnswer) {
        client.call(request, timeout, on_answer);
    }

    /// Passes a request on to a member of a group (codes 307 and 309) and its answer back. A member that does not answer within
    /// 10 s makes 207.
    #[doc(alias = "callConsumer")]
    pub fn forward(&self, member: &Member, group: &str, request: OutgoingRequest, responder: Responder) {
        let name = format!("<{group}> <{}>", member.client.id);
        let on_answer = move |answer| responder.send(outcome(&name, answer));
        self.ask(&member.client.peer, request, FORWARD_TIMEOUT, Box::new(on_answer));
    }
}

/// What is answered to who asked for a request to be passed on to the member `name`.
fn outcome(name: &str, answer: Result<RemotingCommand, NetError>) -> Response {
    match answer {
        Ok(answer) => relayed(answer),
        Err(error @ NetError::Timeout(_)) => {
            Response::error(ResponseCode::ConsumeMsgTimeout, format!("consumer {name} Timeout: {error}"))
        }
        Err(error) => {
            Response::error(ResponseCode::SystemError, format!("invoke consumer {name} Exception: {error}"))
        }
    }
}

/// A client's answer as ours.
fn relayed(answer: RemotingCommand) -> Response {
    let mut response = Response::new(answer.code);
    response.remark = answer.remark.as_deref().map(|remark| remark.to_owned().into());
    response.fields = answer.ext.present().then(|| HeaderFields::from(&answer.ext));
    if answer.body.is_empty() { response } else { response.with_body(answer.body) }
}

#[cfg(test)]
mod tests;
