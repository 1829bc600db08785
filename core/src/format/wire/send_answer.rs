//! The answer to a send that was stored, put together from constant pieces.
//!
//! It is sent as often as messages come, and but for five values it is always the same. The general way, by way of
//! [`super::Response`], takes several times as long.

use super::codes::{LanguageCode, ResponseCode, version};
use super::command::{
    FLAG_RESPONSE, Fields, Head, Response, Serializer, begin_frame, encode_response, end_frame,
};
use super::fields::HeaderFields;
use super::{header_binary, header_json};
use crate::format::record::ids::OffsetMessageId;

/// An answer that writes its own frame.
pub trait EncodeAnswer {
    /// Appends the whole frame.
    fn encode(&self, out: &mut Vec<u8>, opaque: i32, serializer: Serializer);
}

/// The constant pieces.
#[derive(Debug)]
pub struct SendAnswerForm {
    json_head: Vec<u8>,
    binary_head: Vec<u8>,
}

/// What an answer says of the message, or of the messages of a batch.
#[derive(Debug, Clone, Copy)]
pub struct SendAnswer<'a> {
    /// The pieces.
    pub form: &'a SendAnswerForm,
    /// The id of some record of this broker.
    pub id: OffsetMessageId,
    /// Physical offsets of the records.
    pub offsets: &'a [i64],
    /// Queue of the topic.
    pub queue_id: i32,
    /// Index of the first record in its queue.
    pub queue_offset: i64,
}

const _: () = assert!(version::CURRENT == 409 && FLAG_RESPONSE == 1, "the constant pieces say so");
/// More than the pieces behind the ids have.
const REST_BYTES_MAX: usize = 256;
/// Where a binary header has its opaque, and the length of its fields.
const BINARY_OPAQUE_AT: usize = 5;
const BINARY_FIELDS_AT: usize = 17;

impl SendAnswerForm {
    /// With the fields that every answer has; they come first.
    pub fn new(marks: &HeaderFields) -> Self {
        let mut json_head = b"{\"code\":0,\"extFields\":{".to_vec();
        header_json::encode_fields(&mut json_head, Fields::Sent(marks));
        if !marks.is_empty() {
            json_head.push(b',');
        }
        json_head.extend_from_slice(b"\"msgId\":\"");
        let mut binary_head = Vec::new();
        let head = Head {
            code: ResponseCode::Success.into(),
            language: Some(LanguageCode::Java),
            version: version::CURRENT,
            opaque: 0,
            flag: FLAG_RESPONSE,
            remark: None,
            fields: Fields::Sent(marks),
        };
        header_binary::encode(&mut binary_head, &head);
        Self { json_head, binary_head }
    }
}

impl EncodeAnswer for SendAnswer<'_> {
    fn encode(&self, out: &mut Vec<u8>, opaque: i32, serializer: Serializer) {
        let form = self.form;
        let ids_len = self.offsets.len() * (self.id.as_bytes().len() + 1);
        out.reserve(form.json_head.len().max(form.binary_head.len()) + ids_len + REST_BYTES_MAX);
        let start = begin_frame(out);
        match serializer {
            Serializer::Json => self.json(out, opaque),
            Serializer::Rocketmq => self.binary(out, opaque),
        }
        if !end_frame(out, start, serializer, 0) {
            encode_response(out, &Response::success(), opaque, serializer);
        }
    }
}

impl SendAnswer<'_> {
    fn json(&self, out: &mut Vec<u8>, opaque: i32) {
        let mut number = itoa::Buffer::new();
        out.extend_from_slice(&self.form.json_head);
        self.ids(out);
        out.extend_from_slice(b"\",\"queueId\":\"");
        out.extend_from_slice(number.format(self.queue_id).as_bytes());
        out.extend_from_slice(b"\",\"queueOffset\":\"");
        out.extend_from_slice(number.format(self.queue_offset).as_bytes());
        out.extend_from_slice(b"\"},\"flag\":1,\"language\":\"JAVA\",\"opaque\":");
        out.extend_from_slice(number.format(opaque).as_bytes());
        out.extend_from_slice(b",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":409}");
    }

    fn binary(&self, out: &mut Vec<u8>, opaque: i32) {
        let start = out.len();
        let mut number = itoa::Buffer::new();
        out.extend_from_slice(&self.form.binary_head);
        header_binary::encode_field(out, b"msgId", |out| self.ids(out));
        for (name, value) in
            [(&b"queueId"[..], i64::from(self.queue_id)), (b"queueOffset", self.queue_offset)]
        {
            header_binary::encode_field(out, name, |out| {
                out.extend_from_slice(number.format(value).as_bytes());
            });
        }
        header_binary::set_i32(out, start + BINARY_OPAQUE_AT, opaque);
        let fields_len = out.len() - start - BINARY_FIELDS_AT - 4;
        header_binary::set_i32(out, start + BINARY_FIELDS_AT, fields_len as i32);
    }

    #[inline]
    fn ids(&self, out: &mut Vec<u8>) {
        for (place, offset) in self.offsets.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.extend_from_slice(self.id.at(*offset).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_what_the_general_way_writes(
            offsets in prop::collection::vec(0i64.., 1..5),
            (queue_id, queue_offset, opaque) in any::<(i32, i64, i32)>(),
            has_marks in any::<bool>(),
            host in prop::sample::select(vec!["127.0.0.1:10911", "[2001:db8::7]:1"]),
        ) {
            let mut marks = HeaderFields::new();
            if has_marks {
                marks = marks.with("MSG_REGION", "Default\"Region").with("TRACE_ON", true);
            }
            let id = |offset: &i64| OffsetMessageId::new(host.parse().unwrap(), *offset);
            let ids: Vec<_> = offsets.iter().map(|offset| id(offset).as_str().to_owned()).collect();
            let fields = marks.clone().with("msgId", ids.join(","));
            let fields = fields.with("queueId", queue_id).with("queueOffset", queue_offset);
            let general = Response::success().with_fields(fields);
            let form = SendAnswerForm::new(&marks);
            let answer = SendAnswer { form: &form, id: id(&7), offsets: &offsets, queue_id, queue_offset };
            for serializer in [Serializer::Json, Serializer::Rocketmq] {
                let (mut expected, mut found) = (b"before".to_vec(), b"before".to_vec());
                encode_response(&mut expected, &general, opaque, serializer);
                answer.encode(&mut found, opaque, serializer);
                prop_assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(&expected));
            }
        }
    }

    #[test]
    fn ids_that_no_header_can_hold_are_left_out() {
        let form = SendAnswerForm::new(&HeaderFields::new());
        let id = OffsetMessageId::new("127.0.0.1:1".parse().unwrap(), 0);
        let offsets = vec![1; 600_000];
        let answer = SendAnswer { form: &form, id, offsets: &offsets, queue_id: 0, queue_offset: 0 };
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        encode_response(&mut expected, &Response::success(), 5, Serializer::Json);
        answer.encode(&mut found, 5, Serializer::Json);
        assert_eq!(found, expected);
    }
}
