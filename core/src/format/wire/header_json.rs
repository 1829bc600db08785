//! The JSON header (remoting.md §2; Java: `RemotingSerializable` over fastjson).
//!
//! One pass over the bytes. Strings are unescaped where they lie and what an escape took too much is blanked, so the
//! header stays text and every string is a range of it. As fastjson does, the reader takes single quotes, bare member
//! names, surplus commas and raw control characters; comments it does not take.

use super::codes::LanguageCode;
use super::command::{Fields, Head, RemotingCommand, Text};
use super::ext_fields::{ExtFields, Span};
use super::frame::FrameError;
use super::json_string::{is_plain, read_escape, write_quoted};

/// Reads a header into `command`, all but the texts, and gives the range of the remark.
pub(super) fn decode(header: &mut [u8], command: &mut RemotingCommand) -> Result<Option<Span>, FrameError> {
    let mut reader = Reader { text: header, at: 0, error: "the header is cut off", block: 0, specials: 0 };
    reader.look_through(0);
    reader.header(command).ok_or(FrameError::BadHeader(reader.error))
}

/// A member of the header.
#[derive(Clone, Copy)]
enum Member {
    Code,
    ExtFields,
    Flag,
    Language,
    Opaque,
    Remark,
    Version,
    Other,
}

/// A member's value.
enum Value {
    Null,
    /// The content of a string, or a number, boolean, object or list as it is spelt.
    Text(Span),
}

impl Value {
    fn span(&self) -> Option<Span> {
        match self {
            Value::Null => None,
            Value::Text(span) => Some(*span),
        }
    }
}

/// Its methods give `None` when the text is not what it should be; `error` says what was expected last.
struct Reader<'a> {
    text: &'a mut [u8],
    at: usize,
    error: &'static str,
    /// Where the block of 64 bytes starts that was looked through last, and which of them are `"` or `\`.
    block: usize,
    specials: u64,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The next byte that is not blank.
    #[inline]
    fn token(&mut self) -> Option<u8> {
        loop {
            let byte = self.peek()?;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0C | 0x08) {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    #[cold]
    fn fail<T>(&mut self, expected: &'static str) -> Option<T> {
        self.error = expected;
        None
    }

    fn bytes(&self, span: Span) -> &[u8] {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// Reads the whole header.
    fn header(&mut self, command: &mut RemotingCommand) -> Option<Option<Span>> {
        let mut remark = None;
        self.open()?;
        self.members_as_java(command, &mut remark)?;
        while let Some(key) = self.key()? {
            let member = match self.bytes(key) {
                b"code" => Member::Code,
                b"extFields" => Member::ExtFields,
                b"flag" => Member::Flag,
                b"language" => Member::Language,
                b"opaque" => Member::Opaque,
                b"remark" => Member::Remark,
                b"version" => Member::Version,
                _ => Member::Other,
            };
            self.member(member, command, &mut remark)?;
        }
        match self.token() {
            None => Some(remark),
            Some(_) => self.fail("text behind the object"),
        }
    }

    /// The short way over the members as Java writes them, in its order; stays before the first that comes otherwise.
    #[inline]
    fn members_as_java(&mut self, command: &mut RemotingCommand, remark: &mut Option<Span>) -> Option<()> {
        if self.skip(b"\"code\":") {
            self.member(Member::Code, command, remark)?;
        }
        if self.skip(b"\"extFields\":") {
            self.member(Member::ExtFields, command, remark)?;
        }
        if self.skip(b"\"flag\":") {
            self.member(Member::Flag, command, remark)?;
        }
        if self.skip(b"\"language\":\"JAVA\",\"opaque\":") {
            command.language = Some(LanguageCode::Java);
            self.member(Member::Opaque, command, remark)?;
        }
        if self.skip(b"\"serializeTypeCurrentRPC\":\"JSON\",\"version\":") {
            self.member(Member::Version, command, remark)?;
        }
        Some(())
    }

    /// Steps over `text`, if that is what comes.
    #[inline(always)]
    fn skip<const N: usize>(&mut self, text: &[u8; N]) -> bool {
        let found = self.text.get(self.at..).and_then(|rest| rest.first_chunk()) == Some(text);
        self.at += if found { N } else { 0 };
        found
    }

    /// Reads the value of a member, and the separator behind it.
    #[inline(always)]
    fn member(
        &mut self,
        member: Member,
        command: &mut RemotingCommand,
        remark: &mut Option<Span>,
    ) -> Option<()> {
        match member {
            Member::Code => command.code = self.int(command.code)?,
            Member::Version => command.version = self.int(command.version)?,
            Member::Opaque => command.opaque = self.int(command.opaque)?,
            Member::Flag => command.flag = self.int(command.flag)?,
            Member::Remark => *remark = self.value()?.span(),
            Member::Language => {
                let value = self.value()?;
                command.language = value.span().and_then(|span| self.language(span));
            }
            Member::ExtFields => {
                command.ext.clear();
                command.ext.present = self.fields(&mut command.ext)?;
            }
            Member::Other => {
                self.value()?;
            }
        }
        self.separator()
    }

    /// Reads `extFields`; false for null.
    fn fields(&mut self, fields: &mut ExtFields) -> Option<bool> {
        if self.token()? == b'n' {
            self.bare()?;
            return Some(false);
        }
        self.open()?;
        loop {
            self.letter_fields(fields)?;
            let Some(key) = self.key()? else { return Some(true) };
            if let Value::Text(value) = self.value()? {
                fields.push_named(self.text, key, value);
            }
            self.separator()?;
        }
    }

    fn open(&mut self) -> Option<()> {
        if self.token() != Some(b'{') {
            return self.fail("expected an object");
        }
        self.at += 1;
        Some(())
    }

    #[inline]
    fn separator(&mut self) -> Option<()> {
        match self.token()? {
            b',' => self.at += 1,
            b'}' => {}
            _ => return self.fail("expected a comma or the end of the object"),
        }
        Some(())
    }

    /// The short way over `"x":"value",`, as which the fields of a send come; stays before the first that comes otherwise.
    #[inline]
    fn letter_fields(&mut self, fields: &mut ExtFields) -> Option<()> {
        const SHAPE: u64 = u64::from_le_bytes(*b"\"\0\":\"\0\0\0");
        const SHAPE_MASK: u64 = 0xFF_FFFF_00FF;
        while let Some(&ahead) = self.text.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let [_, letter, ..] = ahead;
            if u64::from_le_bytes(ahead) & SHAPE_MASK != SHAPE || letter == b'\\' {
                break;
            }
            let key = Span::new(self.at + 1, self.at + 2);
            self.at += 4;
            let value = self.string()?;
            fields.push_letter(letter, key, value);
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => self.separator()?,
            }
        }
        Some(())
    }

    /// Reads a member name and its colon; `Some(None)` at the end of the object.
    fn key(&mut self) -> Option<Option<Span>> {
        let key = loop {
            match self.token()? {
                b'"' => break self.string()?,
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(None);
                }
                b'\'' => break self.single_quoted()?,
                b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'$' => break self.name(),
                _ => return self.fail("expected a member name"),
            }
        };
        if self.token() != Some(b':') {
            return self.fail("expected a colon");
        }
        self.at += 1;
        Some(Some(key))
    }

    fn name(&mut self) -> Span {
        let start = self.at;
        while matches!(self.peek(), Some(b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'$')) {
            self.at += 1;
        }
        Span::new(start, self.at)
    }

    /// Reads a number; null leaves the default.
    fn int(&mut self, default: i32) -> Option<i32> {
        let mut number = 0;
        // Up to nine digits fit.
        for (len, byte) in self.text.get(self.at..)?.iter().take(10).enumerate() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                if len > 0 && matches!(byte, b',' | b'}') {
                    self.at += len;
                    return Some(number);
                }
                break;
            }
            number = i32::wrapping_add(i32::wrapping_mul(number, 10), i32::from(digit));
        }
        self.unusual_int(default)
    }

    /// As fastjson converts: texts, null, and decimals cut to the integer.
    fn unusual_int(&mut self, default: i32) -> Option<i32> {
        let Value::Text(span) = self.value()? else { return Some(default) };
        let text = str::from_utf8(self.bytes(span)).unwrap_or_default();
        if let Ok(number) = text.parse() {
            return Some(number);
        }
        let is_decimal = text.contains(['.', 'e', 'E']);
        let range = f64::from(i32::MIN)..=f64::from(i32::MAX);
        match text.parse::<f64>() {
            Ok(number) if is_decimal && range.contains(&number) => Some(number as i32),
            _ => self.fail("expected a 32-bit integer"),
        }
    }

    /// The name of a language, or its number.
    fn language(&self, span: Span) -> Option<LanguageCode> {
        if self.bytes(span) == b"JAVA" {
            return Some(LanguageCode::Java);
        }
        let text = str::from_utf8(self.bytes(span)).ok()?;
        LanguageCode::from_name(text).or_else(|| LanguageCode::from_code(text.parse().ok()?))
    }

    #[inline(always)]
    fn value(&mut self) -> Option<Value> {
        match self.token()? {
            b'"' => self.string().map(Value::Text),
            b'\'' => self.single_quoted().map(Value::Text),
            b'{' | b'[' => self.nested().map(Value::Text),
            _ => self.bare(),
        }
    }

    fn bare(&mut self) -> Option<Value> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'+' | b'-' | b'.')) {
            self.at += 1;
        }
        let span = Span::new(start, self.at);
        match self.bytes(span) {
            b"null" => Some(Value::Null),
            b"true" | b"false" => Some(Value::Text(span)),
            [b'0'..=b'9', ..] | [b'-' | b'+', b'0'..=b'9', ..] => Some(Value::Text(span)),
            _ => self.fail("expected a value"),
        }
    }

    /// Steps over a nested object or list. Nothing of the protocol has one; depth costs no stack.
    fn nested(&mut self) -> Option<Span> {
        let start = self.at;
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                b'"' => {
                    self.at += 1;
                    while self.peek()? != b'"' {
                        self.at += if self.peek() == Some(b'\\') { 2 } else { 1 };
                    }
                }
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(Span::new(start, self.at));
            }
        }
    }

    /// Position of the first `"` or `\` from `from` on, which never goes back.
    #[inline]
    fn special(&mut self, mut from: usize) -> Option<usize> {
        loop {
            let passed = from - self.block;
            if passed < BLOCK {
                let ahead = self.specials >> passed;
                if ahead != 0 {
                    return Some(from + ahead.trailing_zeros() as usize);
                }
                from = self.block + BLOCK;
            }
            if from >= self.text.len() {
                return None;
            }
            self.look_through(from);
        }
    }

    fn look_through(&mut self, from: usize) {
        let rest = self.text.get(from..).unwrap_or_default();
        self.block = from;
        self.specials = match rest.first_chunk() {
            Some(block) => specials(block),
            None => {
                let mut padded = [0; BLOCK];
                padded.iter_mut().zip(rest).for_each(|(place, &byte)| *place = byte);
                specials(&padded)
            }
        };
    }

    /// Reads the string that starts at the quote and unescapes it in place.
    #[inline]
    fn string(&mut self) -> Option<Span> {
        let start = self.at + 1;
        let mut end = self.special(start)?;
        self.at = end + 1;
        if self.text.get(end) != Some(&b'"') {
            end = self.unescape(end)?;
        }
        Some(Span::new(start, end))
    }

    /// Goes on with a string from its first backslash. Gives the end of the unescaped text.
    #[inline(never)]
    fn unescape(&mut self, first: usize) -> Option<usize> {
        let mut write = first;
        let mut read = first;
        while self.text.get(read) != Some(&b'"') {
            let Some((character, size)) = self.text.get(read..).and_then(read_escape) else {
                return self.fail("unknown escape");
            };
            if character.is_ascii() {
                *self.text.get_mut(write)? = character as u8;
                write += 1;
            } else {
                let len = character.len_utf8();
                character.encode_utf8(self.text.get_mut(write..write + len)?);
                write += len;
            }
            read += size;
            let next = self.special(read)?;
            self.text.copy_within(read..next, write);
            write += next - read;
            read = next;
        }
        self.text.get_mut(write..read)?.fill(b' ');
        self.at = read + 1;
        Some(write)
    }

    /// Reads a string in single quotes, which nobody sends: its escapes stay as they are.
    #[cold]
    fn single_quoted(&mut self) -> Option<Span> {
        let start = self.at + 1;
        let len = self.text.get(start..)?.iter().position(|&byte| byte == b'\'')?;
        self.at = start + len + 1;
        Some(Span::new(start, start + len))
    }
}

const BLOCK: usize = 64;

/// Which bytes of a block are `"` or `\`, as bits. Compilers turn the first loop into a few vector instructions.
fn specials(block: &[u8; BLOCK]) -> u64 {
    // Moves the lowest bit of byte i to bit 56 + i; no two products meet.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let mut hits = [0u8; BLOCK];
    for (hit, &byte) in hits.iter_mut().zip(block) {
        *hit = u8::from(byte == b'"') | u8::from(byte == b'\\');
    }
    let eights = hits.as_chunks().0.iter().rev();
    eights.fold(0, |bits, eight| bits << 8 | u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56)
}

/// Appends a header, members in alphabetical order as fastjson writes them.
pub(super) fn encode(out: &mut Vec<u8>, head: &Head<'_>) {
    out.extend_from_slice(b"{\"code\":");
    write_number(out, head.code);
    if !matches!(head.fields, Fields::Absent) {
        out.extend_from_slice(b",\"extFields\":{");
        encode_fields(out, head.fields);
        out.push(b'}');
    }
    out.extend_from_slice(b",\"flag\":");
    write_number(out, head.flag);
    match head.language {
        // Our own: one copy of a known length.
        Some(LanguageCode::Java) => out.extend_from_slice(b",\"language\":\"JAVA\",\"opaque\":"),
        Some(language) => {
            out.extend_from_slice(b",\"language\":\"");
            out.extend_from_slice(language.name().as_bytes());
            out.extend_from_slice(b"\",\"opaque\":");
        }
        None => out.extend_from_slice(b",\"opaque\":"),
    }
    write_number(out, head.opaque);
    if let Some(remark) = head.remark {
        out.extend_from_slice(b",\"remark\":");
        write_quoted(out, remark.as_bytes());
    }
    out.extend_from_slice(b",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":");
    write_number(out, head.version);
    out.push(b'}');
}

/// Appends fields as members of an object, without its braces.
pub(super) fn encode_fields(out: &mut Vec<u8>, fields: Fields<'_>) {
    let start = out.len();
    fields.for_each(|key, value| {
        if out.len() > start {
            out.push(b',');
        }
        write_text(out, key);
        out.push(b':');
        write_text(out, value);
    });
}

#[inline]
fn write_text(out: &mut Vec<u8>, text: Text<'_>) {
    match text {
        Text::Plain(text) => {
            debug_assert!(is_plain(text), "{text:?} is not plain");
            out.reserve(text.len() + 2);
            out.push(b'"');
            out.extend_from_slice(text);
            out.push(b'"');
        }
        Text::Any(text) => write_quoted(out, text),
    }
}

#[inline]
fn write_number(out: &mut Vec<u8>, number: i32) {
    match number {
        0..=9 => out.push(b'0' + number as u8),
        _ => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
    }
}
