//! Messages as a host program sends and sees them.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::broker::refusal::Refusal;
use crate::error::{Error, ErrorKind, Result};
use crate::format::flags::sys_flag::COMPRESSED;
use crate::format::names::property;
use crate::format::record::compressed::inflate;
use crate::format::record::decode::RecordView;
use crate::format::record::properties::{self, NAME_VALUE_SEPARATOR, PROPERTY_SEPARATOR};
use crate::format::wire::codes::ResponseCode;

/// A compressed body is shown as it is stored when it would be longer than this.
const INFLATED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A message to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewMessage {
    /// The topic; created when it is missing, where the broker does so for clients.
    pub topic: String,
    /// The body.
    pub body: Bytes,
    /// One tag, mostly.
    pub tags: Option<String>,
    /// Keys to find it by; without blanks.
    pub keys: Vec<String>,
    /// More properties. Names that RocketMQ uses itself have their meaning.
    pub properties: Vec<(String, String)>,
    /// The delay level, from 1 on; 0 is at once.
    pub delay_level: u32,
    /// The queue; `None` leaves the choice to the broker.
    pub queue: Option<u32>,
}

impl NewMessage {
    /// With nothing but a body.
    pub fn new(topic: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self { topic: topic.into(), body: body.into(), ..Self::default() }
    }

    /// Its properties text, with `id` as its unique key.
    pub(super) fn properties_text(&self, id: &str) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        for (name, value) in &self.properties {
            push(&mut text, name, value)?;
        }
        let unique = std::str::from_utf8(property::UNIQ_KEY).unwrap_or_default();
        if !self.properties.iter().any(|(name, _)| name == unique) {
            push(&mut text, unique, id)?;
        }
        if let Some(key) = self.keys.iter().find(|key| key.is_empty() || key.contains(char::is_whitespace)) {
            return Err(invalid(format!("the key {key:?} is empty or has blanks, which stand between keys")));
        }
        let keys = self.keys.join(" ");
        let level = if self.delay_level > 0 { self.delay_level.to_string() } else { String::new() };
        let named = [
            (property::KEYS, keys.as_str()),
            (property::TAGS, self.tags.as_deref().unwrap_or_default()),
            (property::DELAY, &level),
        ];
        for (name, value) in named.into_iter().filter(|(_, value)| !value.is_empty()) {
            push(&mut text, std::str::from_utf8(name).unwrap_or_default(), value)?;
        }
        Ok(text)
    }
}

fn push(text: &mut Vec<u8>, name: &str, value: &str) -> Result<()> {
    let is_unfit =
        |part: &str| part.bytes().any(|byte| matches!(byte, NAME_VALUE_SEPARATOR | PROPERTY_SEPARATOR));
    if name.is_empty() || value.is_empty() || is_unfit(name) || is_unfit(value) {
        let what = "is empty, or has the bytes 1 or 2, which stand between properties";
        return Err(invalid(format!("the property {name:?} with the value {value:?} {what}")));
    }
    properties::push(text, name.as_bytes(), value.as_bytes());
    Ok(())
}

/// How a send that was stored ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendStatus {
    /// As asked for.
    SendOk,
    /// It is stored, but the disk did not take it in time (`syncFlushTimeout`).
    FlushDiskTimeout,
    /// It is stored, but a slave did not take it in time.
    FlushSlaveTimeout,
    /// It is stored, but there is no slave.
    SlaveNotAvailable,
}

impl SendStatus {
    /// The name in Java.
    pub const fn name(self) -> &'static str {
        match self {
            SendStatus::SendOk => "SEND_OK",
            SendStatus::FlushDiskTimeout => "FLUSH_DISK_TIMEOUT",
            SendStatus::FlushSlaveTimeout => "FLUSH_SLAVE_TIMEOUT",
            SendStatus::SlaveNotAvailable => "SLAVE_NOT_AVAILABLE",
        }
    }
}

/// A message that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SendResult {
    /// The id that the message carries, as consumers see it.
    pub msg_id: String,
    /// The id made of the broker's address and the place in its log.
    pub offset_msg_id: String,
    /// The queue of its topic, also of a message that waits elsewhere first.
    pub queue_id: i32,
    /// Its place in the queue; of a message that is delayed, in the queue where it waits.
    pub queue_offset: i64,
    /// How it ended.
    pub status: SendStatus,
}

/// A message that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The topic; for one that a consumer group gets again, the topic it was sent to.
    pub topic: String,
    /// The body as it was sent: a compressed one is inflated.
    pub body: Bytes,
    /// The tags.
    pub tags: Option<String>,
    /// The keys.
    pub keys: Vec<String>,
    /// All properties, those of RocketMQ itself too.
    pub properties: Vec<(String, String)>,
    /// The queue it lies in.
    pub queue_id: i32,
    /// Its place there.
    pub queue_offset: i64,
    /// The id it carries (`UNIQ_KEY`); without one, [`Message::offset_msg_id`].
    pub msg_id: String,
    /// The id made of the broker's address and the place in its log.
    pub offset_msg_id: String,
    /// When its producer made it, by the producer's clock: milliseconds since 1970.
    pub born_timestamp_ms: i64,
    /// When the broker stored it.
    pub store_timestamp_ms: i64,
    /// How often a consumer gave it back.
    pub reconsume_times: i32,
    /// Where its producer was connected from.
    pub born_host: SocketAddr,
}

impl Message {
    pub(super) fn of(record: &RecordView<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let all = properties::iter(record.properties());
        let offset_msg_id = record.offset_message_id().to_string();
        let keys = record.keys().map(text).unwrap_or_default();
        Self {
            topic: record.topic().unwrap_or_default().to_owned(),
            body: body_of(record),
            tags: record.tags().map(text),
            keys: keys.split_ascii_whitespace().map(str::to_owned).collect(),
            properties: all.map(|(name, value)| (text(name), text(value))).collect(),
            queue_id: record.queue_id(),
            queue_offset: record.queue_offset(),
            msg_id: record.uniq_key().map_or_else(|| offset_msg_id.clone(), text),
            offset_msg_id,
            born_timestamp_ms: record.born_timestamp_ms(),
            store_timestamp_ms: record.store_timestamp_ms(),
            reconsume_times: record.reconsume_times(),
            born_host: record.born_host(),
        }
    }

    /// Every record of some bytes, as pulls answer them.
    pub(super) fn all_of(bytes: &[u8]) -> Vec<Self> {
        let (mut messages, mut rest) = (Vec::new(), bytes);
        while let Ok(record) = RecordView::parse(rest) {
            messages.push(Self::of(&record));
            rest = rest.get(record.total_size()..).unwrap_or_default();
        }
        messages
    }

    /// The value of a property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// A copy: it stays when the log file is gone.
fn body_of(record: &RecordView<'_>) -> Bytes {
    let compressed = record.sys_flag() & COMPRESSED != 0;
    let inflated = if compressed { inflate(record.body(), INFLATED_BYTES_MAX) } else { None };
    inflated.map_or_else(|| Bytes::copy_from_slice(record.body()), Bytes::from)
}

/// The error of a call that a rule of the broker refused.
pub(super) fn refused(refusal: Refusal) -> Error {
    let kind = match refusal.code {
        ResponseCode::TopicNotExist
        | ResponseCode::SubscriptionGroupNotExist
        | ResponseCode::ConsumerNotOnline
        | ResponseCode::QueryNotFound => ErrorKind::NotFound,
        ResponseCode::MessageIllegal | ResponseCode::SubscriptionParseFailed => ErrorKind::InvalidArgument,
        _ => ErrorKind::Refused,
    };
    Error::new(kind, refusal.remark)
}

pub(super) fn invalid(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, text)
}
