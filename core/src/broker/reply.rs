//! Answers of request-reply messages: pushed to the requester's connection, then stored (broker-behaviour §11).

use std::sync::Arc;
use std::time::Duration;

use super::clients::Producers;
use super::notify::ClientNotifier;
use super::produce::{Produce, Send};
use super::refusal::Refusal;
use crate::clock::Clock;
use crate::config::LiveConfig;
use crate::format::flags::sys_flag;
use crate::format::names::property;
use crate::format::record::properties;
use crate::format::wire::codes::{RequestCode, ResponseCode};
use crate::format::wire::header::send::ReplyPushHeader;
use crate::format::wire::{OutgoingRequest, RemotingCommand};
use crate::net::NetError;
use crate::store::{BodyForm, PutMessage, PutOutcome};

/// How long the requester has to take the answer.
const PUSH_TIMEOUT: Duration = Duration::from_secs(10);

/// Told the remark of a push that failed; on an I/O thread or the caller's, so it must not block.
pub type OnPushed = Box<dyn FnOnce(Result<(), String>) + std::marker::Send>;

/// Rules of reply messages.
#[derive(Debug)]
pub struct Replies {
    /// Checks them, and has the store they go to.
    pub produce: Arc<Produce>,
    /// Knows the requesters.
    pub producers: Arc<Producers>,
    /// Calls them.
    pub notifier: ClientNotifier,
    /// Says whether they are stored, too.
    pub config: LiveConfig,
    /// For the time of a push.
    pub clock: Clock,
}

impl Replies {
    /// Checks a reply as any send and says which queue it goes to. May create its topic.
    pub fn admit(&self, send: &Send<'_>) -> Result<i32, Refusal> {
        self.produce.admit_reply(send)
    }

    /// Gives a reply to the client that its properties name. A requester is known by its client id as a producer.
    #[doc(alias = "pushReplyMessage")]
    pub fn push(&self, send: &Send<'_>, body: bytes::Bytes, on_pushed: OnPushed) {
        let [client] = properties::get_many(send.header.properties, [property::REPLY_TO_CLIENT]);
        let Some(client) = client.map(String::from_utf8_lossy) else {
            return on_pushed(Err("reply message properties[REPLY_TO_CLIENT] is null".to_owned()));
        };
        let Some(requester) = self.producers.find_client(&client) else {
            return on_pushed(Err(format!("push reply message fail, channel of <{client}> not found.")));
        };
        let failed = format!("push reply message to {client}fail.");
        let on_answer = move |answer| on_pushed(outcome(failed, answer));
        let request = self.request(send).with_body(body);
        self.notifier.ask(&requester, request, PUSH_TIMEOUT, Box::new(on_answer));
    }

    fn request(&self, send: &Send<'_>) -> OutgoingRequest {
        let (header, now_ms) = (&send.header, self.clock.now_ms());
        let mut time = itoa::Buffer::new();
        let mut text = Vec::with_capacity(header.properties.len() + 40);
        let pushed_at = (property::PUSH_REPLY_TIME, time.format(now_ms).as_bytes());
        properties::rewrite(header.properties, &mut text, &[], &[pushed_at]);
        let (born_host, store_host) = (send.born_host.to_string(), send.store_host.to_string());
        let push = ReplyPushHeader {
            queue_id: header.queue_id,
            flag: Some(header.flag),
            sys_flag: Some(header.sys_flag),
            reconsume_times: Some(header.reconsume_times),
            store_timestamp_ms: now_ms,
            unit_mode: header.unit_mode(),
            default_topic: Some(header.default_topic()),
            born_host: Some(&born_host),
            default_topic_queue_nums: Some(header.default_topic_queue_nums()),
            producer_group: Some(header.producer_group()),
            topic: Some(header.topic),
            born_timestamp_ms: Some(header.born_timestamp_ms),
            store_host: Some(&store_host),
            properties: std::str::from_utf8(&text).ok(),
        };
        OutgoingRequest::new(RequestCode::PushReplyMessageToClient).with_fields(push.fields())
    }

    /// Stores a reply as it came, for who looks for it later; `None` where `storeReplyMessageEnable` is off. Not delayed, and in no
    /// transaction, whatever its properties say: it has been delivered.
    pub fn store(&self, send: &Send<'_>, queue_id: i32) -> Option<PutOutcome> {
        if !self.config.load().broker.store_reply_message_enable {
            return None;
        }
        let header = &send.header;
        Some(self.produce.put_counted(&PutMessage {
            topic: header.topic,
            queue_id,
            flag: header.flag,
            sys_flag: header.sys_flag & !sys_flag::TRANSACTION_MASK,
            born_timestamp_ms: header.born_timestamp_ms,
            born_host: send.born_host,
            store_host: send.store_host,
            reconsume_times: header.reconsume_times,
            prepared_transaction_offset: 0,
            body: send.body,
            form: BodyForm::Message,
            properties: header.properties,
            wait_store_ok: true,
        }))
    }
}

fn outcome(failed: String, answer: Result<RemotingCommand, NetError>) -> Result<(), String> {
    let cause = match answer {
        Ok(answer) if answer.code == ResponseCode::Success.code() => return Ok(()),
        Ok(answer) => format!("code {}", answer.code),
        Err(error) => error.to_string(),
    };
    tracing::warn!(target: "broker::notify", failed, cause, "a requester did not take its reply");
    Err(failed)
}
