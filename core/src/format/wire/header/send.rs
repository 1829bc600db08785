//! Sending: codes 10, 310, 320, 324, 325, their answer, 36 and 326.

use super::super::codes::RequestCode;
use super::super::ext_fields::{ExtFields, Letters};
use super::header;

header! {
    /// Send with long field names: codes 10 and 324. Use [`SendHeader::of`] to read any send.
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

    /// Send with one-letter names: codes 310, 320 and 325. Turns into a [`SendHeader`].
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

impl<'a> SendHeader<'a> {
    /// Reads the header of a send in the form its request code says.
    #[doc(alias = "parseRequestHeader")]
    pub fn of(request_code: i32, fields: &'a ExtFields) -> Self {
        match RequestCode::from_code(request_code) {
            Some(
                RequestCode::SendMessageV2 | RequestCode::SendBatchMessage | RequestCode::SendReplyMessageV2,
            ) => match fields.letters() {
                Some(letters) => Self::of_letters(letters),
                None => SendHeaderV2::decode(fields).into(),
            },
            _ => Self::decode(fields),
        }
    }

    /// As [`SendHeaderV2`] declares them, without a search.
    fn of_letters(fields: Letters<'a>) -> Self {
        Self {
            producer_group: fields.text(b'a'),
            topic: fields.text(b'b'),
            default_topic: fields.text(b'c'),
            default_topic_queue_nums: fields.i32(b'd'),
            queue_id: fields.i32(b'e'),
            sys_flag: fields.i32(b'f'),
            born_timestamp_ms: fields.i64(b'g'),
            flag: fields.i32(b'h'),
            properties: fields.text(b'i'),
            reconsume_times: fields.i32(b'j'),
            unit_mode: fields.bool(b'k'),
            max_reconsume_times: fields.i32(b'l'),
            batch: fields.bool(b'm'),
        }
    }
}

impl<'a> From<SendHeaderV2<'a>> for SendHeader<'a> {
    fn from(v2: SendHeaderV2<'a>) -> Self {
        Self {
            queue_id: v2.queue_id,
            flag: v2.flag,
            sys_flag: v2.sys_flag,
            reconsume_times: v2.reconsume_times,
            batch: v2.batch,
            unit_mode: v2.unit_mode,
            default_topic: v2.default_topic,
            default_topic_queue_nums: v2.default_topic_queue_nums,
            producer_group: v2.producer_group,
            topic: v2.topic,
            born_timestamp_ms: v2.born_timestamp_ms,
            properties: v2.properties,
            max_reconsume_times: v2.max_reconsume_times,
        }
    }
}
