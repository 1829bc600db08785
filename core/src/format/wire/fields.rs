//! Header fields: the ones received, as spans into the header's text, and the ones to send, formatted while encoding.

use std::borrow::Cow;
use std::fmt;

use bytestring::ByteString;
use smallvec::SmallVec;

use super::command::Text;

/// A range of the header's text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        // A header is shorter than 2^24 bytes.
        Self { start: start as u32, end: end as u32 }
    }

    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    pub(super) fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// Key and value of one field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub key: Span,
    pub value: Span,
}

pub(super) type Entries = SmallVec<[Entry; 16]>;

/// The header fields of a received command (Java: `extFields`), in the order of the wire.
///
/// Holds the frame's bytes, so keeping it keeps the read buffer: see [`super::RemotingCommand::detach`].
#[derive(Clone, Default)]
pub struct ExtFields {
    pub(super) text: ByteString,
    pub(super) entries: Entries,
    pub(super) present: bool,
    /// The binary serialization cannot tell an empty text from none; both are none (remoting.md §3).
    pub(super) empty_is_none: bool,
}

impl ExtFields {
    /// Whether the frame had header fields at all, be it none (`"extFields":{}`).
    pub fn present(&self) -> bool {
        self.present
    }

    /// The text of a field. The last of several fields of one name wins.
    pub fn get(&self, name: &str) -> Option<&str> {
        let entry = self.entries.iter().rev().find(|entry| self.text(entry.key) == name)?;
        if self.empty_is_none && entry.value.is_empty() { None } else { Some(self.text(entry.value)) }
    }

    /// A field as Java's `Integer.parseInt` reads it; absent and unreadable are the same.
    pub fn i32(&self, name: &str) -> Option<i32> {
        self.get(name)?.parse().ok()
    }

    /// A field as Java's `Long.parseLong` reads it; absent and unreadable are the same.
    pub fn i64(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    /// A field as Java's `Boolean.parseBoolean` reads it: any text but "true" is false.
    pub fn bool(&self, name: &str) -> Option<bool> {
        self.get(name).map(parse_bool)
    }

    /// All fields in the order of the wire, duplicates included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let skip_empty = self.empty_is_none;
        self.entries
            .iter()
            .filter(move |entry| !(skip_empty && (entry.key.is_empty() || entry.value.is_empty())))
            .map(|entry| (self.text(entry.key), self.text(entry.value)))
    }

    /// As [`ExtFields::iter`], for a reader that wants few of the texts as texts: telling names apart by their bytes and
    /// reading numbers from them needs no look at where characters end.
    pub(super) fn raw(&self) -> impl Iterator<Item = (&[u8], RawText<'_>)> {
        let skip_empty = self.empty_is_none;
        let bytes = |span: Span| self.text.as_bytes().get(span.range()).unwrap_or_default();
        self.entries
            .iter()
            .filter(move |entry| !(skip_empty && (entry.key.is_empty() || entry.value.is_empty())))
            .map(move |entry| {
                (bytes(entry.key), RawText { fields: self, span: entry.value, bytes: bytes(entry.value) })
            })
    }

    /// A field's text as a reference-counted slice of the frame, to keep or send on without copying.
    pub fn shared(&self, name: &str) -> Option<ByteString> {
        self.get(name).map(|value| self.text.slice_ref(value))
    }

    pub(super) fn text(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// Texts that are not UTF-8 get replacement characters, as Java's decoder puts them; the ranges follow.
    #[cold]
    pub(super) fn replace_malformed(&mut self, header: &[u8], remark: &mut Option<Span>) -> ByteString {
        let mut text = String::with_capacity(header.len() + 64);
        let mut replace = |span: &mut Span| {
            let start = text.len();
            text.push_str(&String::from_utf8_lossy(header.get(span.range()).unwrap_or_default()));
            *span = Span::new(start, text.len());
        };
        for entry in &mut self.entries {
            replace(&mut entry.key);
            replace(&mut entry.value);
        }
        remark.iter_mut().for_each(replace);
        ByteString::from(text)
    }

    pub(super) fn for_each_raw(&self, mut each: impl FnMut(Text<'_>, Text<'_>)) {
        let text = |span| Text::Any(self.text(span).as_bytes());
        self.entries.iter().for_each(|entry| each(text(entry.key), text(entry.value)));
    }
}

/// The value of a field, not yet looked at.
#[derive(Clone, Copy)]
pub(super) struct RawText<'a> {
    fields: &'a ExtFields,
    span: Span,
    bytes: &'a [u8],
}

impl<'a> RawText<'a> {
    /// The text.
    #[inline]
    pub(super) fn as_str(self) -> &'a str {
        self.fields.text(self.span)
    }

    /// A whole number as Java's `Long.parseLong` reads it.
    #[inline]
    pub(super) fn as_i64(self) -> Option<i64> {
        // Up to 18 digits fit; everything else, signs too, goes the long way.
        if !(1..=18).contains(&self.bytes.len()) {
            return self.as_str().parse().ok();
        }
        let mut number = 0;
        for byte in self.bytes {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return self.as_str().parse().ok();
            }
            number = number * 10 + i64::from(digit);
        }
        Some(number)
    }

    /// A whole number as Java's `Integer.parseInt` reads it.
    #[inline]
    pub(super) fn as_i32(self) -> Option<i32> {
        self.as_i64()?.try_into().ok()
    }

    /// See [`parse_bool`].
    #[inline]
    pub(super) fn as_bool(self) -> bool {
        self.bytes.eq_ignore_ascii_case(b"true")
    }
}

impl fmt::Debug for ExtFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Java's `Boolean.parseBoolean`.
pub fn parse_bool(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}

/// A short text built without allocation, such as a message id.
#[derive(Clone, Copy)]
pub struct InlineText {
    len: u8,
    bytes: [u8; InlineText::LEN_MAX],
}

impl InlineText {
    /// The longest text that fits; a message id of an IPv4 host has 32 characters.
    pub const LEN_MAX: usize = 38;

    /// An empty text, to be written to with `write!`.
    pub const fn new() -> Self {
        Self { len: 0, bytes: [0; Self::LEN_MAX] }
    }

    /// `text`, if it is short enough.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut inline = Self::new();
        fmt::Write::write_str(&mut inline, text).ok().map(|()| inline)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The text's UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl Default for InlineText {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Write for InlineText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let start = usize::from(self.len);
        let room = self.bytes.get_mut(start..start + text.len()).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len += text.len() as u8;
        Ok(())
    }
}

impl fmt::Debug for InlineText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// The value of a field to send.
#[derive(Debug, Clone)]
pub enum FieldValue {
    /// A decimal number.
    I64(i64),
    /// `true` or `false`.
    Bool(bool),
    /// A constant.
    Static(&'static str),
    /// A text of its own.
    Text(String),
    /// A short text, not allocated.
    Inline(InlineText),
    /// A slice of a received frame, or a text shared by many answers.
    Shared(ByteString),
}

impl FieldValue {
    /// A copy of `text`, allocated only when it is long.
    pub fn copied(text: &str) -> Self {
        InlineText::from_text(text).map_or_else(|| FieldValue::Text(text.to_owned()), FieldValue::Inline)
    }

    /// Gives the value as text.
    #[inline]
    fn with_text(&self, each: impl FnOnce(Text<'_>)) {
        match self {
            FieldValue::I64(number) => each(Text::Plain(itoa::Buffer::new().format(*number).as_bytes())),
            FieldValue::Bool(true) => each(Text::Plain(b"true")),
            FieldValue::Bool(false) => each(Text::Plain(b"false")),
            FieldValue::Static(text) => each(Text::Any(text.as_bytes())),
            FieldValue::Text(text) => each(Text::Any(text.as_bytes())),
            FieldValue::Inline(text) => each(Text::Any(text.as_bytes())),
            FieldValue::Shared(text) => each(Text::Any(text.as_bytes())),
        }
    }
}

macro_rules! field_value_from {
    ($($from:ty => |$value:ident| $make:expr;)*) => {
        $(impl From<$from> for FieldValue {
            fn from($value: $from) -> Self {
                $make
            }
        })*
    };
}

field_value_from! {
    i32 => |number| FieldValue::I64(i64::from(number));
    u32 => |number| FieldValue::I64(i64::from(number));
    i64 => |number| FieldValue::I64(number);
    bool => |value| FieldValue::Bool(value);
    &'static str => |text| FieldValue::Static(text);
    String => |text| FieldValue::Text(text);
    InlineText => |text| FieldValue::Inline(text);
    ByteString => |text| FieldValue::Shared(text);
}

/// The fields of a command to send, in the order they are written. Names are constants, numbers are formatted while
/// encoding: filling it allocates nothing.
#[derive(Debug, Clone, Default)]
pub struct HeaderFields(SmallVec<[(Cow<'static, str>, FieldValue); 6]>);

impl HeaderFields {
    /// No field; a header class with nothing set writes `"extFields":{}`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field behind the others.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<FieldValue>) {
        self.0.push((name.into(), value.into()));
    }

    /// Adds a field if it has a value: null fields are left out.
    pub fn push_some(&mut self, name: &'static str, value: Option<impl Into<FieldValue>>) {
        if let Some(value) = value {
            self.push(name, value);
        }
    }

    /// The same fields with one more.
    pub fn with(mut self, name: &'static str, value: impl Into<FieldValue>) -> Self {
        self.push(name, value);
        self
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of a field, for tests and logs.
    pub fn get(&self, name: &str) -> Option<String> {
        let mut found = None;
        self.for_each(|key, value| {
            if key.bytes() == name.as_bytes() {
                found = Some(String::from_utf8_lossy(value.bytes()).into_owned());
            }
        });
        found
    }

    pub(super) fn for_each(&self, mut each: impl FnMut(Text<'_>, Text<'_>)) {
        for (key, value) in &self.0 {
            let key = match key {
                // Written in this crate, as Java spells its fields.
                Cow::Borrowed(name) => Text::Plain(name.as_bytes()),
                Cow::Owned(name) => Text::Any(name.as_bytes()),
            };
            value.with_text(|value| each(key, value));
        }
    }
}

impl From<&ExtFields> for HeaderFields {
    /// The fields of a request that is passed on to a client. Values are shared, not copied.
    fn from(fields: &ExtFields) -> Self {
        let mut copy = Self::new();
        for (key, value) in fields.iter() {
            copy.push(key.to_owned(), fields.text.slice_ref(value));
        }
        copy
    }
}
