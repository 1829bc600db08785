//! Codes 10, 310, 320: send. Wire → [`Produce`] → wire.

use std::sync::Arc;

use crate::broker::host::StoreHost;
use crate::broker::produce::{Produce, Send, Sent, SentAll, message_illegal};
use crate::broker::refusal::Refusal;
use crate::config::LiveConfig;
use crate::format::record::ids::OffsetMessageId;
use crate::format::wire::codes::ResponseCode;
use crate::format::wire::command::{RemotingCommand, Response};
use crate::format::wire::header::send::SendFields;
use crate::format::wire::{HeaderFields, SendAnswer, SendAnswerForm};
use crate::net::{Answer, Peer, ProcessTogether, Processor, Reply};
use crate::store::{Appended, PutStatus};

/// Answers sends.
#[doc(alias = "SendMessageProcessor")]
#[derive(Debug)]
pub struct SendProcessor {
    produce: Arc<Produce>,
    config: LiveConfig,
    store_host: StoreHost,
    region: String,
    /// The answer to a message that was stored: without and with tracing.
    forms: [SendAnswerForm; 2],
}

impl SendProcessor {
    /// Feeds `produce`.
    pub fn new(produce: Arc<Produce>, config: LiveConfig, store_host: StoreHost) -> Self {
        let region = config.load().broker.region_id.as_str().to_owned();
        let forms = [false, true].map(|trace_on| SendAnswerForm::new(&marks(&region, trace_on)));
        Self { produce, config, store_host, region, forms }
    }

    fn form(&self) -> &SendAnswerForm {
        let [without, with] = &self.forms;
        if self.config.load().broker.trace_on { with } else { without }
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        let trace_on = self.config.load().broker.trace_on;
        Response::from(refusal).with_fields(marks(&self.region, trace_on))
    }

    fn refuse_put(&self, status: PutStatus) -> Response {
        self.refuse(self.refusal_of(status))
    }

    /// Gives `answer` what is to be said of a message that the store has.
    fn answer(
        &self,
        status: PutStatus,
        stored: &Stored,
        form: &SendAnswerForm,
        answer: impl FnOnce(Answer<'_>),
    ) {
        match status {
            PutStatus::Ok => answer(Answer::Form(&stored.as_answer(form))),
            PutStatus::FlushDiskTimeout => {
                let fields = stored.fields(marks(&self.region, self.config.load().broker.trace_on));
                let mut response = Response::new(ResponseCode::FlushDiskTimeout).with_fields(fields);
                answer(Answer::Whole(&mut response));
            }
            failed => answer(Answer::Whole(&mut self.refuse_put(failed))),
        }
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
            PutStatus::LightQueuesExceeded => Refusal::new(
                ResponseCode::SystemError,
                "[LMQ_CONSUME_QUEUE_NUM_EXCEEDED]there are maxLmqConsumeQueueNum light queues already",
            ),
            _ => Refusal::new(ResponseCode::SystemError, "UNKNOWN_ERROR"),
        }
    }
}

/// What every answer has, refusals too.
pub(super) fn marks(region: &str, trace_on: bool) -> HeaderFields {
    HeaderFields::new().with("MSG_REGION", region.to_owned()).with("TRACE_ON", trace_on)
}

/// What an answer says of a stored message.
struct Stored {
    appended: Appended,
    queue_id: i32,
    /// Of some record of this broker.
    id: OffsetMessageId,
}

impl Stored {
    fn offsets(&self) -> &[i64] {
        let Appended { batch_offsets, physical_offset, .. } = &self.appended;
        if batch_offsets.is_empty() { std::slice::from_ref(physical_offset) } else { batch_offsets }
    }

    fn as_answer<'a>(&'a self, form: &'a SendAnswerForm) -> SendAnswer<'a> {
        let queue_offset = self.appended.queue_offset;
        SendAnswer { form, id: self.id, offsets: self.offsets(), queue_id: self.queue_id, queue_offset }
    }

    fn fields(&self, marks: HeaderFields) -> HeaderFields {
        let ids: Vec<_> = self.offsets().iter().map(|offset| self.id.at(*offset).to_string()).collect();
        let fields = marks.with("msgId", ids.join(",")).with("queueId", self.queue_id);
        fields.with("queueOffset", self.appended.queue_offset)
    }
}

impl Processor for Arc<SendProcessor> {
    fn process(&self, request: RemotingCommand, peer: &Peer) -> Reply {
        let mut responder = Some(peer.responder(&request));
        self.process_together(std::slice::from_ref(&request), peer, &mut |_, answer| {
            if let Some(responder) = responder.take() {
                responder.send_answer(answer);
            }
        });
        Reply::Later
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
        answer: &mut dyn FnMut(usize, Answer<'_>),
    ) {
        let (store_host, born_host) = (self.store_host.for_peer(peer), peer.remote_addr());
        let sends = requests.iter().map(|request| {
            let header = SendFields::of(request.code, &request.ext);
            Send { header, body: &request.body, born_host, store_host, version: request.version }
        });
        let sends: Vec<_> = sends.collect();
        let SentAll { each, ticket } = self.produce.send_all(&sends);
        let (form, id) = (self.form(), OffsetMessageId::new(store_host, 0));
        let mut waiting = Vec::new();
        for (place, (request, sent)) in requests.iter().zip(each).enumerate() {
            let mut refused = match sent {
                Ok(Sent { status, appended: Some(appended), queue_id, waits }) => {
                    let stored = Stored { appended, queue_id, id };
                    if waits {
                        waiting.push((peer.responder(request), stored));
                    } else {
                        self.answer(status, &stored, form, |given| answer(place, given));
                    }
                    continue;
                }
                Ok(Sent { status, appended: None, .. }) => self.refuse_put(status),
                Err(refusal) => self.refuse(refusal),
            };
            answer(place, Answer::Whole(&mut refused));
        }
        if let Some(ticket) = ticket {
            let processor = self.clone();
            ticket.on_done(Box::new(move |status| {
                let form = processor.form();
                for (responder, stored) in waiting {
                    processor.answer(status, &stored, form, |given| responder.send_answer_batched(given));
                }
            }));
        }
    }
}
