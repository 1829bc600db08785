//! Codes 10, 310, 320: send. Wire → [`Produce`] → wire.

use std::fmt::Write;
use std::sync::Arc;

use bytestring::ByteString;

use crate::broker::host::StoreHost;
use crate::broker::produce::{Produce, Send, Sent, SentAll, message_illegal};
use crate::broker::refusal::Refusal;
use crate::config::LiveConfig;
use crate::format::record::ids::OffsetMessageId;
use crate::format::wire::codes::ResponseCode;
use crate::format::wire::command::{RemotingCommand, Response};
use crate::format::wire::fields::{FieldValue, HeaderFields, InlineText};
use crate::format::wire::header::send::SendHeader;
use crate::net::{Peer, ProcessTogether, Processor, Reply};
use crate::store::{Appended, PutStatus};

/// Answers sends.
#[doc(alias = "SendMessageProcessor")]
#[derive(Debug)]
pub struct SendProcessor {
    produce: Arc<Produce>,
    config: LiveConfig,
    store_host: StoreHost,
    region: ByteString,
}

impl SendProcessor {
    /// Feeds `produce`.
    pub fn new(produce: Arc<Produce>, config: LiveConfig, store_host: StoreHost) -> Self {
        let region = ByteString::from(config.load().broker.region_id.as_str());
        Self { produce, config, store_host, region }
    }

    /// Adds what every answer has, refusals too.
    fn mark<'a>(&self, response: &'a mut Response) -> &'a mut HeaderFields {
        let fields = response.fields.get_or_insert_default();
        fields.push("MSG_REGION", self.region.clone());
        fields.push("TRACE_ON", self.config.load().broker.trace_on);
        fields
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        let mut response = Response::from(refusal);
        self.mark(&mut response);
        response
    }

    fn answer(&self, status: PutStatus, stored: &Stored) -> Response {
        let code = match status {
            PutStatus::Ok => ResponseCode::Success,
            PutStatus::FlushDiskTimeout => ResponseCode::FlushDiskTimeout,
            failed => return self.refuse(self.refusal_of(failed)),
        };
        let mut response = Response::new(code);
        let fields = self.mark(&mut response);
        fields.push("msgId", stored.message_id.clone());
        fields.push("queueId", stored.queue_id);
        fields.push("queueOffset", stored.queue_offset);
        response
    }

    #[cold]
    fn refusal_of(&self, status: PutStatus) -> Refusal {
        match status {
            PutStatus::MessageIllegal | PutStatus::PropertiesSizeExceeded => {
                message_illegal(&self.config.load())
            }
            PutStatus::CreateMappedFileFailed => Refusal::new(
                ResponseCode::SystemError,
                "create mapped file failed, server is busy or broken.",
            ),
            PutStatus::ServiceNotAvailable => {
                let text = match self.produce.store().poisoned() {
                    Some(reason) => format!("service not available now: {reason}"),
                    None => "service not available now. It may be caused by one of the following reasons: the broker's disk \
                             is full, messages are put to the slave, message store has been shut down, etc."
                        .to_owned(),
                };
                Refusal::new(ResponseCode::ServiceNotAvailable, text)
            }
            _ => Refusal::new(ResponseCode::SystemError, "UNKNOWN_ERROR"),
        }
    }
}

/// What an answer says of a stored message.
struct Stored {
    message_id: FieldValue,
    queue_id: i32,
    queue_offset: i64,
}

impl Stored {
    fn of(appended: &Appended, queue_id: i32, store_host: std::net::SocketAddr) -> Self {
        let id = |offset| OffsetMessageId::new(store_host, offset);
        let message_id = if appended.batch_offsets.is_empty() {
            let id = id(appended.physical_offset);
            InlineText::from_text(id.as_str())
                .map_or_else(|| id.as_str().to_owned().into(), FieldValue::Inline)
        } else {
            let mut ids = String::with_capacity(appended.batch_offsets.len() * 33);
            for offset in &appended.batch_offsets {
                let separator = if ids.is_empty() { "" } else { "," };
                let _ = write!(ids, "{separator}{}", id(*offset).as_str());
            }
            FieldValue::Text(ids)
        };
        Self { message_id, queue_id, queue_offset: appended.queue_offset }
    }
}

impl Processor for Arc<SendProcessor> {
    fn process(&self, request: RemotingCommand, peer: &Peer) -> Reply {
        let mut reply = Reply::Later;
        let mut answer = |_, response: &mut Response| {
            reply = Reply::Now(std::mem::replace(response, Response::success()));
        };
        self.process_together(std::slice::from_ref(&request), peer, &mut answer);
        reply
    }

    fn together(&self) -> Option<&dyn ProcessTogether> {
        Some(self)
    }
}

impl ProcessTogether for Arc<SendProcessor> {
    fn process_together(
        &self,
        requests: &[RemotingCommand],
        peer: &Peer,
        answer: &mut dyn FnMut(usize, &mut Response),
    ) {
        let headers: Vec<_> =
            requests.iter().map(|request| SendHeader::of(request.code, &request.ext)).collect();
        let (store_host, born_host) = (self.store_host.for_peer(peer), peer.remote_addr());
        let each = requests.iter().zip(&headers);
        let sends: Vec<_> = each
            .map(|(request, header)| {
                let RemotingCommand { body, version, .. } = request;
                Send { header, body, born_host, store_host, version: *version }
            })
            .collect();
        let SentAll { each, ticket } = self.produce.send_all(&sends);
        let mut waiting = Vec::new();
        for (place, (request, sent)) in requests.iter().zip(each).enumerate() {
            let mut response = match sent {
                Err(refusal) => self.refuse(refusal),
                Ok(Sent { status, appended: None, .. }) => self.refuse(self.refusal_of(status)),
                Ok(Sent { status, appended: Some(appended), queue_id, waits }) => {
                    let stored = Stored::of(&appended, queue_id, store_host);
                    if waits {
                        waiting.push((peer.responder(request), stored));
                        continue;
                    }
                    self.answer(status, &stored)
                }
            };
            answer(place, &mut response);
        }
        if let Some(ticket) = ticket {
            let processor = self.clone();
            ticket.on_done(Box::new(move |status| {
                for (responder, stored) in waiting {
                    responder.send_batched(processor.answer(status, &stored));
                }
            }));
        }
    }
}
