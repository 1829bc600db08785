//! Header fields to send: formatted while encoding.

use std::borrow::Cow;
use std::fmt;

use bytestring::ByteString;
use smallvec::SmallVec;

use super::command::Text;
use super::ext_fields::ExtFields;

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
            copy.push(key.to_owned(), fields.share(value).unwrap_or_default());
        }
        copy
    }
}
