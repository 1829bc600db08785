//! A remoting command: what a frame decodes to, and what answers and outgoing requests are encoded from.

use std::borrow::Cow;

use bytes::{BufMut, Bytes};
use bytestring::ByteString;
use smallvec::SmallVec;

use super::codes::{LanguageCode, RequestCode, ResponseCode, version};
use super::ext_fields::ExtFields;
use super::fields::HeaderFields;
use super::{header_binary, header_json};

/// Flag bit: the command answers another one.
pub const FLAG_RESPONSE: i32 = 1;
/// Flag bit: the sender wants no answer.
pub const FLAG_ONEWAY: i32 = 2;

/// How a header is written: the top byte of the header word.
#[doc(alias = "SerializeType")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Serializer {
    /// A JSON object.
    #[default]
    Json = 0,
    /// The compact binary form.
    Rocketmq = 1,
}

impl Serializer {
    /// The serializer of this byte.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Serializer::Json),
            1 => Some(Serializer::Rocketmq),
            _ => None,
        }
    }

    /// The name as Java spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Serializer::Json => "JSON",
            Serializer::Rocketmq => "ROCKETMQ",
        }
    }
}

/// A decoded frame. Texts and body are slices of the read buffer.
#[derive(Debug, Clone)]
pub struct RemotingCommand {
    /// Request or response code.
    pub code: i32,
    /// Language of the sender; `None` for one that 4.9.8 does not know.
    pub language: Option<LanguageCode>,
    /// Version ordinal of the sender.
    pub version: i32,
    /// Correlation id, chosen by the requester.
    pub opaque: i32,
    /// [`FLAG_RESPONSE`], [`FLAG_ONEWAY`].
    pub flag: i32,
    /// How the header was written; the answer uses the same.
    pub serializer: Serializer,
    /// Error text of a response.
    pub remark: Option<ByteString>,
    /// Header fields.
    pub ext: ExtFields,
    /// Body; absent and empty are the same.
    pub body: Bytes,
}

impl RemotingCommand {
    /// Whether this answers a request.
    pub fn is_response(&self) -> bool {
        self.flag & FLAG_RESPONSE != 0
    }

    /// Whether the sender wants no answer.
    pub fn is_oneway(&self) -> bool {
        self.flag & FLAG_ONEWAY != 0
    }

    /// The request code, if 4.9.8 defines it.
    pub fn request_code(&self) -> Option<RequestCode> {
        RequestCode::from_code(self.code)
    }

    /// What Java's constructor sets before a header is read.
    pub fn unread() -> Self {
        Self {
            code: 0,
            language: Some(LanguageCode::Java),
            version: 0,
            opaque: 0,
            flag: 0,
            serializer: Serializer::Json,
            remark: None,
            ext: ExtFields::default(),
            body: Bytes::new(),
        }
    }

    /// The same command in memory of its own. One that is kept for long (a parked pull) must not keep the read buffer
    /// it came in.
    pub fn detach(mut self) -> Self {
        self.ext.detach();
        self.remark = self.remark.map(|text| ByteString::from(&*text));
        self.body = Bytes::copy_from_slice(&self.body);
        self
    }

    /// Appends the whole frame, with the header fields in the order they were received.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let head = Head {
            code: self.code,
            language: self.language,
            version: self.version,
            opaque: self.opaque,
            flag: self.flag,
            remark: self.remark.as_deref(),
            fields: if self.ext.present { Fields::Received(&self.ext) } else { Fields::Absent },
        };
        encode_frame(out, &head, self.serializer, self.body.len());
        out.extend_from_slice(&self.body);
    }
}

/// The body of a command to send: zero or more chunks, written behind the header in one vectored write.
pub type Body = SmallVec<[Bytes; 4]>;

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// Response code.
    pub code: i32,
    /// Error text.
    pub remark: Option<Cow<'static, str>>,
    /// Header fields; `Some` without any writes `"extFields":{}`, as Java does for a header class with nothing set.
    pub fields: Option<HeaderFields>,
    /// Body chunks.
    pub body: Body,
}

impl Response {
    /// Code 0.
    pub fn success() -> Self {
        Self::new(ResponseCode::Success)
    }

    /// An answer of this code with nothing else.
    pub fn new(code: impl Into<i32>) -> Self {
        Self { code: code.into(), remark: None, fields: None, body: Body::new() }
    }

    /// An answer of this code that says why.
    pub fn error(code: impl Into<i32>, remark: impl Into<Cow<'static, str>>) -> Self {
        Self::new(code).with_remark(remark)
    }

    /// The same answer with header fields.
    pub fn with_fields(mut self, fields: HeaderFields) -> Self {
        self.fields = Some(fields);
        self
    }

    /// The same answer with one more body chunk.
    pub fn with_body(mut self, chunk: impl Into<Bytes>) -> Self {
        self.body.push(chunk.into());
        self
    }

    /// The same answer with a remark.
    pub fn with_remark(mut self, remark: impl Into<Cow<'static, str>>) -> Self {
        self.remark = Some(remark.into());
        self
    }

    /// Size of the whole body.
    pub fn body_len(&self) -> usize {
        body_len(&self.body)
    }
}

/// A request this process sends: to a client, to a NameServer, to a master.
#[derive(Debug, Clone)]
pub struct OutgoingRequest {
    /// Request code.
    pub code: i32,
    /// Whether no answer is wanted.
    pub oneway: bool,
    /// Remark; requests normally have none.
    pub remark: Option<Cow<'static, str>>,
    /// Header fields.
    pub fields: Option<HeaderFields>,
    /// Body chunks.
    pub body: Body,
}

impl OutgoingRequest {
    /// A request that wants an answer.
    pub fn new(code: impl Into<i32>) -> Self {
        Self { code: code.into(), oneway: false, remark: None, fields: None, body: Body::new() }
    }

    /// A request that wants none.
    pub fn oneway(code: impl Into<i32>) -> Self {
        Self { oneway: true, ..Self::new(code) }
    }

    /// The same request with header fields.
    pub fn with_fields(mut self, fields: HeaderFields) -> Self {
        self.fields = Some(fields);
        self
    }

    /// The same request with one more body chunk.
    pub fn with_body(mut self, chunk: impl Into<Bytes>) -> Self {
        self.body.push(chunk.into());
        self
    }

    /// Size of the whole body.
    pub fn body_len(&self) -> usize {
        body_len(&self.body)
    }
}

fn body_len(body: &Body) -> usize {
    body.iter().map(Bytes::len).sum()
}

/// Appends length word, header word and header of an answer. The length counts the body, whose chunks follow on the wire
/// but are not copied. Answers carry language JAVA and version 409.
pub fn encode_response(out: &mut Vec<u8>, response: &Response, opaque: i32, serializer: Serializer) {
    let head = Head {
        code: response.code,
        language: Some(LanguageCode::Java),
        version: version::CURRENT,
        opaque,
        flag: FLAG_RESPONSE,
        remark: response.remark.as_deref(),
        fields: response.fields.as_ref().map_or(Fields::Absent, Fields::Sent),
    };
    encode_frame(out, &head, serializer, response.body_len());
}

/// Appends length word, header word and header of a request; see [`encode_response`].
pub fn encode_request(out: &mut Vec<u8>, request: &OutgoingRequest, opaque: i32, serializer: Serializer) {
    let head = Head {
        code: request.code,
        language: Some(LanguageCode::Java),
        version: version::CURRENT,
        opaque,
        flag: if request.oneway { FLAG_ONEWAY } else { 0 },
        remark: request.remark.as_deref(),
        fields: request.fields.as_ref().map_or(Fields::Absent, Fields::Sent),
    };
    encode_frame(out, &head, serializer, request.body_len());
}

/// What both serializations write.
pub(super) struct Head<'a> {
    pub code: i32,
    pub language: Option<LanguageCode>,
    pub version: i32,
    pub opaque: i32,
    pub flag: i32,
    pub remark: Option<&'a str>,
    pub fields: Fields<'a>,
}

/// Where the header fields come from.
#[derive(Clone, Copy)]
pub(super) enum Fields<'a> {
    Absent,
    Received(&'a ExtFields),
    Sent(&'a HeaderFields),
}

/// UTF-8 on its way into a header.
#[derive(Clone, Copy)]
pub(super) enum Text<'a> {
    /// Known to hold nothing that JSON escapes: our own names, numbers.
    Plain(&'a [u8]),
    /// Anything.
    Any(&'a [u8]),
}

impl<'a> Text<'a> {
    pub(super) fn bytes(self) -> &'a [u8] {
        match self {
            Text::Plain(text) | Text::Any(text) => text,
        }
    }
}

impl Fields<'_> {
    /// Names and values.
    pub(super) fn for_each(self, each: impl FnMut(Text<'_>, Text<'_>)) {
        match self {
            Fields::Absent => {}
            Fields::Received(fields) => fields.for_each_raw(each),
            Fields::Sent(fields) => fields.for_each(each),
        }
    }
}

const HEADER_LEN_MAX: usize = 0xFF_FFFF;

fn encode_frame(out: &mut Vec<u8>, head: &Head<'_>, serializer: Serializer, body_len: usize) {
    let start = begin_frame(out);
    match serializer {
        Serializer::Json => header_json::encode(out, head),
        Serializer::Rocketmq => header_binary::encode(out, head),
    }
    if !end_frame(out, start, serializer, body_len) {
        // A wrong length would break the connection: send the code alone.
        let bare = Head { remark: None, fields: Fields::Absent, ..*head };
        encode_frame(out, &bare, serializer, body_len);
    }
}

/// Makes room for length word and header word; gives where they stand.
#[inline]
pub(super) fn begin_frame(out: &mut Vec<u8>) -> usize {
    out.put_u64(0);
    out.len() - 8
}

/// Writes length word and header word of the frame whose header was appended. False, and the header taken back, when 24 bits
/// cannot say its length.
#[inline]
pub(super) fn end_frame(out: &mut Vec<u8>, start: usize, serializer: Serializer, body_len: usize) -> bool {
    let header_len = out.len() - start - 8;
    if header_len > HEADER_LEN_MAX {
        out.truncate(start);
        return false;
    }
    let length = (4 + header_len + body_len) as u32;
    let word = (serializer as u32) << 24 | header_len as u32;
    if let Some(words) = out.get_mut(start..start + 8) {
        words.copy_from_slice(&(u64::from(length) << 32 | u64::from(word)).to_be_bytes());
    }
    true
}
