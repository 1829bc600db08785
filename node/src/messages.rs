//! Messages on their way in and out.

use bytes::Bytes;
use libbroker::Error;
use libbroker::embed;
use napi::bindgen_prelude::{BufferSlice, ToNapiValue, TypeName, Uint8Array};
use napi::{Env, ValueType, sys};
use napi_derive::napi;

use crate::numbers::{count, whole};

/// Bodies up to this size are copied to JavaScript; a larger one is handed over, which costs more than copying a small one.
const COPIED_BYTES_MAX: usize = 16 << 10;

/// A message to be sent; node/lib has checked the types.
#[napi(object, object_to_js = false)]
pub struct NewMessage {
    /// Its topic.
    pub topic: String,
    /// Its body. Copied at once: JavaScript may go on writing to it.
    pub body: Uint8Array,
    /// Its tag.
    pub tags: Option<String>,
    /// Its keys.
    pub keys: Vec<String>,
    /// Name, value, name, value.
    pub properties: Vec<String>,
    /// 0 for none.
    pub delay_level: f64,
    /// Which queue; any without it.
    pub queue: Option<f64>,
}

impl NewMessage {
    /// The same for the broker.
    pub fn into_message(self) -> Result<embed::NewMessage, Error> {
        let mut message = embed::NewMessage::new(self.topic, Bytes::copy_from_slice(&self.body));
        message.tags = self.tags;
        message.keys = self.keys;
        message.properties = pairs(self.properties);
        message.delay_level = count("delayLevel", self.delay_level)?;
        message.queue = self.queue.map(|queue| count("queue", queue)).transpose()?;
        Ok(message)
    }
}

/// Name, value, name, value becomes pairs.
pub fn pairs(flat: Vec<String>) -> Vec<(String, String)> {
    let mut flat = flat.into_iter();
    std::iter::from_fn(|| Some((flat.next()?, flat.next()?))).collect()
}

/// Where a message was put.
#[napi(object, object_from_js = false)]
pub struct SendResult {
    /// The id that the sender gave it.
    pub msg_id: String,
    /// The id that says where it lies.
    pub offset_msg_id: String,
    /// Its queue.
    pub queue_id: i32,
    /// Its place in the queue.
    pub queue_offset: i64,
    /// "SEND_OK", or what the store could not promise.
    pub status: &'static str,
}

impl From<embed::SendResult> for SendResult {
    fn from(result: embed::SendResult) -> Self {
        Self {
            msg_id: result.msg_id,
            offset_msg_id: result.offset_msg_id,
            queue_id: result.queue_id,
            queue_offset: result.queue_offset,
            status: result.status.name(),
        }
    }
}

/// A message out of the store.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// Its body, inflated.
    #[napi(ts_type = "Buffer")]
    pub body: Body,
    /// Its tag.
    pub tags: Option<String>,
    /// Its keys.
    pub keys: Vec<String>,
    /// Name, value, name, value.
    pub properties: Vec<String>,
    /// Its queue.
    pub queue_id: i32,
    /// Its place in the queue.
    pub queue_offset: i64,
    /// The id that the sender gave it.
    pub msg_id: String,
    /// The id that says where it lies.
    pub offset_msg_id: String,
    /// When it was sent.
    pub born_timestamp_ms: i64,
    /// When it was stored.
    pub store_timestamp_ms: i64,
    /// How often it came back to its group.
    pub reconsume_times: i32,
    /// Who sent it.
    pub born_host: String,
}

impl From<embed::Message> for Message {
    fn from(message: embed::Message) -> Self {
        Self {
            topic: message.topic,
            body: Body(message.body),
            tags: message.tags,
            keys: message.keys,
            properties: message.properties.into_iter().flat_map(|(name, value)| [name, value]).collect(),
            queue_id: message.queue_id,
            queue_offset: message.queue_offset,
            msg_id: message.msg_id,
            offset_msg_id: message.offset_msg_id,
            born_timestamp_ms: message.born_timestamp_ms,
            store_timestamp_ms: message.store_timestamp_ms,
            reconsume_times: message.reconsume_times,
            born_host: message.born_host.to_string(),
        }
    }
}

/// Many of them.
pub fn all(messages: Vec<embed::Message>) -> Vec<Message> {
    messages.into_iter().map(Message::from).collect()
}

/// What a pull found.
#[napi(object, object_from_js = false)]
pub struct Pulled {
    /// The messages.
    pub messages: Vec<Message>,
    /// Where to go on.
    pub next_offset: i64,
    /// The first offset of the queue.
    pub min_offset: i64,
    /// The offset that the next message gets.
    pub max_offset: i64,
}

impl From<embed::Pulled> for Pulled {
    fn from(pulled: embed::Pulled) -> Self {
        Self {
            messages: all(pulled.messages),
            next_offset: pulled.next_offset,
            min_offset: pulled.min_offset,
            max_offset: pulled.max_offset,
        }
    }
}

/// Which messages to read.
#[napi(object, object_to_js = false)]
pub struct MessageQuery {
    /// Their topic.
    pub topic: String,
    /// Their queue; all without it.
    pub queue: Option<f64>,
    /// The first queue offset.
    pub start: Option<f64>,
    /// The queue offset behind the last.
    pub end: Option<f64>,
    /// Stored at this time or later.
    pub start_ms: Option<f64>,
    /// Stored at this time or earlier.
    pub end_ms: Option<f64>,
    /// A key or an id.
    pub key: Option<String>,
    /// At most so many.
    pub limit: Option<f64>,
}

impl MessageQuery {
    /// The same for the broker.
    pub fn into_query(self) -> Result<embed::MessageQuery, Error> {
        let number = |name, value: Option<f64>| value.map(|value| whole(name, value)).transpose();
        let mut query = embed::MessageQuery::default();
        query.topic = self.topic;
        query.queue = self.queue.map(|queue| count("queue", queue)).transpose()?;
        query.start = number("start", self.start)?;
        query.end = number("end", self.end)?;
        query.start_ms = number("startMs", self.start_ms)?;
        query.end_ms = number("endMs", self.end_ms)?;
        query.key = self.key;
        query.limit = self.limit.map(|limit| count("limit", limit)).transpose()?;
        Ok(query)
    }
}

/// A body that becomes a `Buffer`.
pub struct Body(Bytes);

impl TypeName for Body {
    fn type_name() -> &'static str {
        "Buffer"
    }

    fn value_type() -> ValueType {
        ValueType::Object
    }
}

impl ToNapiValue for Body {
    unsafe fn to_napi_value(raw: sys::napi_env, Body(bytes): Self) -> napi::Result<sys::napi_value> {
        let env = Env::from_raw(raw);
        let whole = if bytes.len() > COPIED_BYTES_MAX { bytes.try_into_mut() } else { Err(bytes) };
        let slice = match whole {
            Ok(mut own) => {
                let (start, length) = (own.as_mut_ptr(), own.len());
                // SAFETY: the memory is `own`'s, which nobody else shares and which stays until the buffer is garbage.
                unsafe { BufferSlice::from_external(&env, start, length, own, |_, own| drop(own))? }
            }
            Err(shared) => BufferSlice::copy_from(&env, &shared)?,
        };
        // SAFETY: the environment is the one that we were called with.
        unsafe { BufferSlice::to_napi_value(raw, slice) }
    }
}
