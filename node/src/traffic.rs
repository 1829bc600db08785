//! Sending, pulling and reading.

use napi::Env;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use std::time::Duration;

use libbroker::embed;

use crate::errors::to_js;
use crate::handle::Handle;
use crate::messages::{Message, MessageQuery, NewMessage, Pulled, SendResult, all};
use crate::numbers::{count, whole};
use crate::work::Work;

#[napi]
impl Handle {
    /// Stores one message. On the pool: a store that syncs each message waits for the disk.
    #[napi(catch_unwind, ts_return_type = "Promise<SendResult>")]
    pub fn send(
        &self,
        env: Env,
        message: NewMessage,
    ) -> napi::Result<AsyncTask<Work<embed::SendResult, SendResult>>> {
        let message = message.into_message().map_err(|error| to_js(env, &error))?;
        self.call(env, move |broker| broker.send(&message), SendResult::from)
    }

    /// Stores many messages.
    #[napi(catch_unwind, ts_return_type = "Promise<Array<SendResult>>")]
    pub fn send_many(
        &self,
        env: Env,
        messages: Vec<NewMessage>,
    ) -> napi::Result<AsyncTask<Work<Vec<embed::SendResult>, Vec<SendResult>>>> {
        let messages: Result<Vec<_>, _> = messages.into_iter().map(NewMessage::into_message).collect();
        let messages = messages.map_err(|error| to_js(env, &error))?;
        let convert = |results: Vec<embed::SendResult>| results.into_iter().map(SendResult::from).collect();
        self.call(env, move |broker| broker.send_many(&messages), convert)
    }

    /// What a queue has from an offset on, without waiting for more.
    #[napi(catch_unwind, ts_return_type = "Promise<Pulled>")]
    pub fn pull(
        &self,
        env: Env,
        topic: String,
        queue: f64,
        offset: f64,
        max_messages: f64,
    ) -> napi::Result<AsyncTask<Work<embed::Pulled, Pulled>>> {
        let numbers =
            (|| Ok((count("queue", queue)?, whole("offset", offset)?, count("maxMessages", max_messages)?)))(
            );
        let (queue, offset, max): (u32, i64, usize) = numbers.map_err(|error| to_js(env, &error))?;
        let look = move |broker: &embed::Embedded| broker.pull(&topic, queue, offset, max, Duration::ZERO);
        self.call(env, look, Pulled::from)
    }

    /// The messages that a query finds.
    #[napi(catch_unwind, ts_return_type = "Promise<Array<Message>>")]
    pub fn messages(
        &self,
        env: Env,
        query: MessageQuery,
    ) -> napi::Result<AsyncTask<Work<Vec<embed::Message>, Vec<Message>>>> {
        let query = query.into_query().map_err(|error| to_js(env, &error))?;
        self.call(env, move |broker| broker.messages(&query), all)
    }

    /// The message at a place that `offsetMsgId` names.
    #[napi(catch_unwind, ts_return_type = "Promise<Message>")]
    pub fn message(
        &self,
        env: Env,
        msg_id: String,
    ) -> napi::Result<AsyncTask<Work<embed::Message, Message>>> {
        self.call(env, move |broker| broker.message(&msg_id), Message::from)
    }

    /// How many messages a topic has.
    #[napi(catch_unwind, ts_return_type = "Promise<number>")]
    pub fn message_count(&self, env: Env, topic: String) -> napi::Result<AsyncTask<Work<u64, i64>>> {
        self.call(env, move |broker| broker.message_count(&topic), u64::cast_signed)
    }
}
