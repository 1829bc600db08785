//! Code 36: a consumer gives a message back. Wire → [`SendBack`] → wire.

use std::sync::Arc;

use crate::broker::refusal::Refusal;
use crate::broker::retry::{Back, SendBack};
use crate::format::wire::codes::ResponseCode;
use crate::format::wire::command::{RemotingCommand, Response};
use crate::format::wire::header::send::SendBackHeader;
use crate::net::{Peer, Processor, Reply};
use crate::store::PutStatus;

/// Answers send-backs.
#[derive(Debug)]
pub struct SendBackProcessor {
    send_back: Arc<SendBack>,
}

impl SendBackProcessor {
    /// Feeds `send_back`.
    pub fn new(send_back: Arc<SendBack>) -> Self {
        Self { send_back }
    }
}

impl Processor for SendBackProcessor {
    fn process(&self, request: RemotingCommand, peer: &Peer) -> Reply {
        let header = SendBackHeader::decode(&request.ext);
        let back = Back { header: &header, version: request.version, broker: peer.local_addr() };
        let outcome = match self.send_back.take(&back) {
            Ok(Some(outcome)) => outcome,
            Ok(None) => return Reply::Now(Response::success()),
            Err(refusal) => return Reply::Now(refusal.into()),
        };
        match outcome.ticket {
            None => Reply::Now(answer(outcome.status)),
            Some(ticket) => {
                let responder = peer.responder(&request);
                ticket.on_done(Box::new(move |status| responder.send_batched(answer(status))));
                Reply::Later
            }
        }
    }
}

fn answer(status: PutStatus) -> Response {
    match status {
        PutStatus::Ok => Response::success(),
        failed => Refusal::new(ResponseCode::SystemError, failed.name()).into(),
    }
}
