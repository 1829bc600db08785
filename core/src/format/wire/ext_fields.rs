//! Header fields as they were received: spans into the header's text.

use std::fmt;

use bytes::Bytes;
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
struct Entry {
    key: Span,
    value: Span,
}

/// Letters that name the fields of a send: `a` to `p`.
const LETTERS: usize = 16;

/// The header fields of a received command (Java: `extFields`), in the order of the wire.
///
/// Holds the frame's bytes, so keeping it keeps the read buffer: see [`super::RemotingCommand::detach`].
#[derive(Clone, Default)]
pub struct ExtFields {
    /// UTF-8 wherever a field lies: whoever sets it has looked.
    text: Bytes,
    entries: SmallVec<[Entry; 16]>,
    /// For each letter the place in `entries`, counted from 1, of the last field that it names: a send has a dozen of these,
    /// and needs no search for them.
    letters: [u8; LETTERS],
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
        self.named(name.as_bytes()).map(RawText::as_str)
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

    /// As [`ExtFields::iter`], for a reader that wants few of the texts as texts: names are told apart by their bytes, and numbers
    /// read from them.
    pub(super) fn raw(&self) -> impl Iterator<Item = (&[u8], RawText<'_>)> {
        let (skip_empty, text) = (self.empty_is_none, &*self.text);
        let bytes = |span: Span| text.get(span.range()).unwrap_or_default();
        self.entries
            .iter()
            .filter(move |entry| !(skip_empty && (entry.key.is_empty() || entry.value.is_empty())))
            .map(move |entry| (bytes(entry.key), RawText(bytes(entry.value))))
    }

    /// A field's text as a reference-counted slice of the frame, to keep or send on without copying.
    pub fn shared(&self, name: &str) -> Option<ByteString> {
        self.get(name).and_then(|value| self.share(value))
    }

    /// Adds a field that was read.
    #[inline]
    fn push(&mut self, key: Span, value: Span) {
        self.entries.push(Entry { key, value });
    }

    /// Adds a field whose name is the letter `key` spans.
    #[inline]
    pub(super) fn push_letter(&mut self, letter: u8, key: Span, value: Span) {
        self.push(key, value);
        if let Some(place) = self.letters.get_mut(usize::from(letter.wrapping_sub(b'a'))) {
            *place = u8::try_from(self.entries.len()).unwrap_or(u8::MAX);
        }
    }

    /// Adds a field whose name lies in `header`, the text to be.
    pub(super) fn push_named(&mut self, header: &[u8], key: Span, value: Span) {
        match header.get(key.range()) {
            Some(&[letter]) => self.push_letter(letter, key, value),
            _ => self.push(key, value),
        }
    }

    /// Forgets the fields.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.letters = [0; LETTERS];
    }

    /// The value of the last field that this letter names.
    #[inline]
    pub(super) fn letter(&self, letter: u8) -> Option<RawText<'_>> {
        let place = *self.letters.get(usize::from(letter.wrapping_sub(b'a')))?;
        if place == u8::MAX {
            // More fields than the places count.
            return self.raw().filter(|(name, _)| *name == [letter]).last().map(|(_, value)| value);
        }
        self.value(self.entries.get(usize::from(place).wrapping_sub(1))?)
    }

    /// The value of the last field of this name.
    pub(super) fn named(&self, name: &[u8]) -> Option<RawText<'_>> {
        self.value(self.entries.iter().rev().find(|entry| self.bytes(entry.key) == name)?)
    }

    #[inline]
    fn value(&self, entry: &Entry) -> Option<RawText<'_>> {
        (!(self.empty_is_none && entry.value.is_empty())).then(|| RawText(self.bytes(entry.value)))
    }

    /// A part of the text by reference to it.
    pub(super) fn share(&self, text: &str) -> Option<ByteString> {
        ByteString::try_from(self.text.slice_ref(text.as_bytes())).ok()
    }

    fn bytes(&self, span: Span) -> &[u8] {
        self.text.get(span.range()).unwrap_or_default()
    }

    pub(super) fn text(&self, span: Span) -> &str {
        RawText(self.bytes(span)).as_str()
    }

    /// Sets the text that the fields and the remark are ranges of, and gives the remark.
    pub(super) fn set_text(&mut self, header: Bytes, mut remark: Option<Span>) -> Option<ByteString> {
        // In this form the look is a few vector instructions.
        let is_ascii = header.iter().fold(0, |all, byte| all | byte) < 0x80;
        self.text = if is_ascii || str::from_utf8(&header).is_ok() {
            header
        } else {
            self.replace_malformed(&header, &mut remark)
        };
        remark.and_then(|span| self.share(self.text(span)))
    }

    /// The same fields in memory of their own.
    pub(super) fn detach(&mut self) {
        self.text = Bytes::copy_from_slice(&self.text);
    }

    /// Texts that are not UTF-8 get replacement characters, as Java's decoder puts them; the ranges follow.
    #[cold]
    fn replace_malformed(&mut self, header: &[u8], remark: &mut Option<Span>) -> Bytes {
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
        Bytes::from(text)
    }

    pub(super) fn for_each_raw(&self, mut each: impl FnMut(Text<'_>, Text<'_>)) {
        let text = |span| Text::Any(self.bytes(span));
        self.entries.iter().for_each(|entry| each(text(entry.key), text(entry.value)));
    }
}

/// The value of a field, not yet looked at.
#[derive(Clone, Copy)]
pub(super) struct RawText<'a>(&'a [u8]);

impl<'a> RawText<'a> {
    /// The text.
    #[inline]
    pub(super) fn as_str(self) -> &'a str {
        // It is UTF-8, see `ExtFields::set_text`.
        str::from_utf8(self.0).unwrap_or_default()
    }

    /// The text as UTF-8.
    #[inline]
    pub(super) fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// A whole number as Java's `Long.parseLong` reads it.
    #[inline]
    pub(super) fn as_i64(self) -> Option<i64> {
        // Up to 18 digits fit; everything else, signs too, goes the long way.
        if !(1..=18).contains(&self.0.len()) {
            return self.unusual_number();
        }
        let mut number = 0;
        for byte in self.0 {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return self.unusual_number();
            }
            number = number * 10 + i64::from(digit);
        }
        Some(number)
    }

    #[cold]
    fn unusual_number(self) -> Option<i64> {
        self.as_str().parse().ok()
    }

    /// A whole number as Java's `Integer.parseInt` reads it.
    #[inline]
    pub(super) fn as_i32(self) -> Option<i32> {
        self.as_i64()?.try_into().ok()
    }

    /// See [`parse_bool`].
    #[inline]
    pub(super) fn as_bool(self) -> bool {
        self.0.eq_ignore_ascii_case(b"true")
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
