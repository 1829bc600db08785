//! Codes 324 and 325: reply messages. Wire → [`Replies`] → wire.

use std::net::SocketAddr;
use std::sync::Arc;

use super::send::marks;
use crate::broker::host::StoreHost;
use crate::broker::produce::Send;
use crate::broker::refusal::Refusal;
use crate::broker::reply::Replies;
use crate::config::LiveConfig;
use crate::format::record::ids::OffsetMessageId;
use crate::format::wire::codes::ResponseCode;
use crate::format::wire::command::{RemotingCommand, Response};
use crate::format::wire::header::send::SendFields;
use crate::net::{Peer, Processor, Reply};
use crate::store::{Appended, PutOutcome, PutStatus};

/// Answers replies.
#[doc(alias = "ReplyMessageProcessor")]
#[derive(Debug)]
pub struct ReplyProcessor {
    replies: Arc<Replies>,
    config: LiveConfig,
    store_host: StoreHost,
}

impl ReplyProcessor {
    /// Feeds `replies`.
    pub fn new(replies: Replies, config: LiveConfig, store_host: StoreHost) -> Self {
        Self { replies: Arc::new(replies), config, store_host }
    }

    fn marked(&self, response: Response) -> Response {
        let config = self.config.load();
        response.with_fields(marks(config.broker.region_id.as_str(), config.broker.trace_on))
    }
}

impl Processor for ReplyProcessor {
    fn process(&self, request: RemotingCommand, peer: &Peer) -> Reply {
        let (store_host, born_host) = (self.store_host.for_peer(peer), peer.remote_addr());
        let request = Arc::new(request);
        let send = send_of(&request, born_host, store_host);
        let queue_id = match self.replies.admit(&send) {
            Ok(queue_id) => queue_id,
            Err(refusal) => return Reply::Now(self.marked(refusal.into())),
        };
        let (replies, kept, responder) = (self.replies.clone(), request.clone(), peer.responder(&request));
        let empty = self.marked(Response::success());
        let on_pushed = move |pushed: Result<(), String>| {
            let send = send_of(&kept, born_host, store_host);
            let stored = replies.store(&send, queue_id);
            let answer = Answer { empty, pushed, queue_id, id: OffsetMessageId::new(store_host, 0) };
            match stored {
                Some(PutOutcome { appended: Some(appended), ticket: Some(ticket), .. }) => {
                    ticket.on_done(Box::new(move |status| {
                        responder.send_batched(answer.with(stored_at(status, appended)));
                    }));
                }
                Some(PutOutcome { status, appended: Some(appended), .. }) => {
                    responder.send(answer.with(stored_at(status, appended)));
                }
                _ => responder.send(answer.with(None)),
            }
        };
        self.replies.push(&send, request.body.clone(), Box::new(on_pushed));
        Reply::Later
    }
}

fn send_of(request: &RemotingCommand, born_host: SocketAddr, store_host: SocketAddr) -> Send<'_> {
    let header = SendFields::of(request.code, &request.ext);
    Send { header, body: &request.body, born_host, store_host, version: request.version }
}

/// Where it lies, if it was stored; a reply that may not be durable yet counts. The push decides about the code.
fn stored_at(status: PutStatus, appended: Appended) -> Option<Appended> {
    matches!(status, PutStatus::Ok | PutStatus::FlushDiskTimeout).then_some(appended)
}

struct Answer {
    empty: Response,
    pushed: Result<(), String>,
    queue_id: i32,
    id: OffsetMessageId,
}

impl Answer {
    /// The code says whether the requester has the reply; the fields where it is stored.
    fn with(self, stored: Option<Appended>) -> Response {
        let Answer { empty, pushed, queue_id, id } = self;
        let place = match stored {
            Some(at) => Some((id.at(at.physical_offset).to_string(), at.queue_offset)),
            None => pushed.is_ok().then(|| ("0".to_owned(), 0)),
        };
        let mut response = match pushed {
            Ok(()) => empty,
            Err(remark) => {
                let mut refused = Response::from(Refusal::new(ResponseCode::SystemError, remark));
                refused.fields = empty.fields;
                refused
            }
        };
        if let Some((message_id, queue_offset)) = place {
            let fields = response.fields.take().unwrap_or_default();
            let fields = fields.with("msgId", message_id).with("queueId", queue_id);
            response.fields = Some(fields.with("queueOffset", queue_offset));
        }
        response
    }
}

#[cfg(test)]
mod tests;
