//! Sending: codes 10, 310, 320, 324, 325, their answer, 36 and 326.

use super::super::codes::RequestCode;
use super::super::ext_fields::{ExtFields, RawText};
use super::header;
use crate::format::names;

header! {
    /// Send with long field names: codes 10 and 324. Use [`SendFields`] to read any send.
    #[doc(alias = "SendMessageRequestHeader")]
    SendHeader<'a> {
        "queueId" queue_id: Option<i32>,
        "flag" flag: Option<i32>,
        "sysFlag" sys_flag: Option<i32>,
        "reconsumeTimes" reconsume_times: Option<i32>,
        /// Whether the body is a batch.
        "batch" batch: bool,
        "unitMode" unit_mode: bool,
        /// The template a missing topic is created from.
        "defaultTopic" default_topic: Option<&'a str>,
        "defaultTopicQueueNums" default_topic_queue_nums: Option<i32>,
        "producerGroup" producer_group: Option<&'a str>,
        "topic" topic: Option<&'a str>,
        "bornTimestamp" born_timestamp_ms: Option<i64>,
        "properties" properties: Option<&'a str>,
        "maxReconsumeTimes" max_reconsume_times: Option<i32>,
    }

    /// Send with one-letter names: codes 310, 320 and 325.
    #[doc(alias = "SendMessageRequestHeaderV2")]
    SendHeaderV2<'a> {
        "a" producer_group: Option<&'a str>,
        "b" topic: Option<&'a str>,
        "c" default_topic: Option<&'a str>,
        "d" default_topic_queue_nums: Option<i32>,
        "e" queue_id: Option<i32>,
        "f" sys_flag: Option<i32>,
        "g" born_timestamp_ms: Option<i64>,
        "h" flag: Option<i32>,
        "i" properties: Option<&'a str>,
        "j" reconsume_times: Option<i32>,
        "k" unit_mode: bool,
        "l" max_reconsume_times: Option<i32>,
        "m" batch: bool,
    }

    /// Answer of every send. A refused send has only the last two; one refused by access control has no fields at all.
    #[doc(alias = "SendMessageResponseHeader")]
    SendAnswer<'a> {
        "queueId" queue_id: Option<i32>,
        "TRACE_ON" trace_on: Option<bool>,
        "MSG_REGION" region: Option<&'a str>,
        /// Offset message id; of a batch, all of them with commas.
        "msgId" message_id: Option<&'a str>,
        /// Of a batch, that of the first message.
        "queueOffset" queue_offset: Option<i64>,
        /// Never set by 4.9.8.
        "transactionId" transaction_id: Option<&'a str>,
    }

    /// Send back of a message that was not consumed: code 36.
    #[doc(alias = "ConsumerSendMsgBackRequestHeader")]
    SendBackHeader<'a> {
        /// Physical offset of the message.
        "offset" offset: Option<i64>,
        "group" group: Option<&'a str>,
        "delayLevel" delay_level: Option<i32>,
        "originMsgId" origin_message_id: Option<&'a str>,
        "originTopic" origin_topic: Option<&'a str>,
        "unitMode" unit_mode: bool,
        "maxReconsumeTimes" max_reconsume_times: Option<i32>,
    }

    /// A reply message on its way to the requester: code 326, broker to client.
    #[doc(alias = "ReplyMessageRequestHeader")]
    ReplyPushHeader<'a> {
        "queueId" queue_id: Option<i32>,
        "flag" flag: Option<i32>,
        "sysFlag" sys_flag: Option<i32>,
        "reconsumeTimes" reconsume_times: Option<i32>,
        "storeTimestamp" store_timestamp_ms: i64,
        "unitMode" unit_mode: bool,
        "defaultTopic" default_topic: Option<&'a str>,
        "bornHost" born_host: Option<&'a str>,
        "defaultTopicQueueNums" default_topic_queue_nums: Option<i32>,
        "producerGroup" producer_group: Option<&'a str>,
        "topic" topic: Option<&'a str>,
        "bornTimestamp" born_timestamp_ms: Option<i64>,
        "storeHost" store_host: Option<&'a str>,
        "properties" properties: Option<&'a str>,
    }
}

/// The fields of any send, in the form its request code says. What every send is asked for is read at once, the rest on demand.
#[derive(Debug, Clone, Copy)]
pub struct SendFields<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Queue of the topic; negative or none leaves the choice to the broker.
    pub queue_id: Option<i32>,
    /// The application's value, opaque.
    pub flag: i32,
    /// See `format::flags::sys_flag`.
    pub sys_flag: i32,
    /// The producer's clock.
    pub born_timestamp_ms: i64,
    /// How often a consumer sent it back.
    pub reconsume_times: i32,
    /// Properties text, UTF-8.
    pub properties: &'a [u8],
    /// Whether the body is a batch.
    pub batch: bool,
    rest: Rest<'a>,
}

/// Where the fields are that only some sends are asked for.
#[derive(Debug, Clone, Copy)]
enum Rest<'a> {
    Header {
        fields: &'a ExtFields,
        has_letters: bool,
    },
    /// A send of the process itself: the topic may be created after the usual template, with as many queues as that has.
    Own,
}

impl<'a> SendFields<'a> {
    /// Reads the header of a send.
    #[doc(alias = "parseRequestHeader")]
    #[inline]
    pub fn of(request_code: i32, fields: &'a ExtFields) -> Self {
        let has_letters = has_letters(request_code);
        let field = |letter, name| Self::field(fields, has_letters, letter, name);
        let i32 = |letter, name| field(letter, name).and_then(RawText::as_i32);
        Self {
            topic: field(b'b', "topic").map_or("", RawText::as_str),
            queue_id: i32(b'e', "queueId"),
            flag: i32(b'h', "flag").unwrap_or(0),
            sys_flag: i32(b'f', "sysFlag").unwrap_or(0),
            born_timestamp_ms: field(b'g', "bornTimestamp").and_then(RawText::as_i64).unwrap_or(0),
            reconsume_times: i32(b'j', "reconsumeTimes").unwrap_or(0),
            properties: field(b'i', "properties").map_or(&[], RawText::as_bytes),
            batch: field(b'm', "batch").is_some_and(RawText::as_bool),
            rest: Rest::Header { fields, has_letters },
        }
    }

    /// A send that came through no socket.
    pub fn own(topic: &'a str, queue_id: Option<i32>, properties: &'a [u8], born_timestamp_ms: i64) -> Self {
        Self {
            topic,
            queue_id,
            flag: 0,
            sys_flag: 0,
            born_timestamp_ms,
            reconsume_times: 0,
            properties,
            batch: false,
            rest: Rest::Own,
        }
    }

    /// Group of the producer.
    pub fn producer_group(&self) -> &'a str {
        self.rest(b'a', "producerGroup").map_or("", RawText::as_str)
    }

    /// Whether the topic belongs to a unit.
    pub fn unit_mode(&self) -> bool {
        self.rest(b'k', "unitMode").is_some_and(RawText::as_bool)
    }

    /// The template a missing topic is created from.
    pub fn default_topic(&self) -> &'a str {
        match self.rest {
            Rest::Header { .. } => self.rest(b'c', "defaultTopic").map_or("", RawText::as_str),
            Rest::Own => names::AUTO_CREATE_TOPIC,
        }
    }

    /// How many queues a missing topic is to have.
    pub fn default_topic_queue_nums(&self) -> i32 {
        match self.rest {
            Rest::Header { .. } => {
                self.rest(b'd', "defaultTopicQueueNums").and_then(RawText::as_i32).unwrap_or(0)
            }
            Rest::Own => i32::MAX,
        }
    }

    /// How often the consumer wants it again before it is a dead letter.
    pub fn max_reconsume_times(&self) -> Option<i32> {
        self.rest(b'l', "maxReconsumeTimes").and_then(RawText::as_i32)
    }

    fn rest(&self, letter: u8, name: &str) -> Option<RawText<'a>> {
        match self.rest {
            Rest::Header { fields, has_letters } => Self::field(fields, has_letters, letter, name),
            Rest::Own => None,
        }
    }

    #[inline]
    fn field(fields: &'a ExtFields, has_letters: bool, letter: u8, name: &str) -> Option<RawText<'a>> {
        if has_letters { fields.letter(letter) } else { fields.named(name.as_bytes()) }
    }
}

/// Whether requests of this code have one-letter names ([`SendHeaderV2`]).
#[inline]
fn has_letters(request_code: i32) -> bool {
    const LETTERS: [i32; 3] = [
        RequestCode::SendMessageV2 as i32,
        RequestCode::SendBatchMessage as i32,
        RequestCode::SendReplyMessageV2 as i32,
    ];
    LETTERS.contains(&request_code)
}

/// The field that has this name in [`SendHeader`], also where its request writes a letter for it. Requests that are no sends have their
/// fields under their names.
pub fn field_by_long_name<'a>(request_code: i32, fields: &'a ExtFields, name: &str) -> Option<&'a str> {
    const NAMES: [(&str, &str); 13] = [
        ("producerGroup", "a"),
        ("topic", "b"),
        ("defaultTopic", "c"),
        ("defaultTopicQueueNums", "d"),
        ("queueId", "e"),
        ("sysFlag", "f"),
        ("bornTimestamp", "g"),
        ("flag", "h"),
        ("properties", "i"),
        ("reconsumeTimes", "j"),
        ("unitMode", "k"),
        ("maxReconsumeTimes", "l"),
        ("batch", "m"),
    ];
    let letter = || NAMES.iter().find(|(long, _)| *long == name).map(|(_, letter)| *letter);
    let written = if has_letters(request_code) { letter().unwrap_or(name) } else { name };
    fields.get(written)
}
