//! Text of `java.util.Properties`: reader and writer.
//!
//! Rules (spec config.json, `loading`; Java class `Properties`): `#` and `!` begin a comment, a backslash at the end of a
//! line joins the next one, a key ends at the first unescaped `=`, `:` or blank, `\uXXXX` is a UTF-16 unit, later entries
//! win. Bytes that are not UTF-8 are read as ISO-8859-1, which is what Java assumes.

use std::borrow::Cow;
use std::fmt;

/// One entry of a properties text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key, unescaped.
    pub key: String,
    /// The value, unescaped; blanks at its end belong to it.
    pub value: String,
    /// The line on which it begins, from 1.
    pub line: usize,
}

/// Why a text is not a properties text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The line on which the entry begins, from 1.
    pub line: usize,
    what: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.what)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Comments and empty lines, with their line ends.
    Other(String),
    /// An entry and the text it was read from, with its line end.
    Entry(Entry, String),
}

/// A properties text that can be changed without losing comments and order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    parts: Vec<Part>,
}

impl Document {
    /// Reads a whole text.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let text = decode(bytes);
        let mut lines = Lines { rest: &text, line: 0 };
        let mut parts = Vec::new();
        while let Some(logical) = lines.next_logical() {
            parts.push(match logical.content {
                None => Part::Other(logical.raw.to_owned()),
                Some(content) => Part::Entry(entry(&content, logical.line)?, logical.raw.to_owned()),
            });
        }
        Ok(Self { parts })
    }

    /// The entries in the order of the text; a key may come more than once, and then the last one counts.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.parts.iter().filter_map(|part| match part {
            Part::Entry(entry, _) => Some(entry),
            Part::Other(_) => None,
        })
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries().filter(|entry| entry.key == key).last().map(|entry| entry.value.as_str())
    }

    /// Gives `key` a value: in the line that counts now, else on a new line at the end.
    pub fn set(&mut self, key: &str, value: &str) {
        let raw = entry_line(key, value) + "\n";
        let last = self.parts.iter_mut().rev().find_map(|part| match part {
            Part::Entry(entry, raw) if entry.key == key => Some((entry, raw)),
            _ => None,
        });
        if let Some((entry, old_raw)) = last {
            if entry.value != value {
                value.clone_into(&mut entry.value);
                *old_raw = raw;
            }
            return;
        }
        self.end_last_line();
        let entry = Entry { key: key.to_owned(), value: value.to_owned(), line: 0 };
        self.parts.push(Part::Entry(entry, raw));
    }

    /// The text, with every untouched line as it was read.
    pub fn to_text(&self) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Other(raw) | Part::Entry(_, raw) => raw.as_str(),
            })
            .collect()
    }

    fn end_last_line(&mut self) {
        if let Some(Part::Other(raw) | Part::Entry(_, raw)) = self.parts.last_mut()
            && !raw.ends_with(['\n', '\r'])
        {
            raw.push('\n');
        }
    }
}

/// One entry as a line without its end, escaped so that Java and [`Document::parse`] read it back.
fn entry_line(key: &str, value: &str) -> String {
    format!("{}={}", escape(key, true), escape(value, false))
}

/// UTF-8 when it is, else one character per byte.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(_) => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

/// One logical line: what it was read from, where it begins, and its joined content unless it is a comment or empty.
struct Logical<'a> {
    raw: &'a str,
    line: usize,
    content: Option<String>,
}

struct Lines<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Lines<'a> {
    /// The next natural line with its end (LF, CR or CR LF).
    fn next_natural(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        self.line += 1;
        let end = match self.rest.find(['\n', '\r']) {
            None => self.rest.len(),
            Some(at) if self.rest[at..].starts_with("\r\n") => at + 2,
            Some(at) => at + 1,
        };
        let (natural, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(natural)
    }

    fn next_logical(&mut self) -> Option<Logical<'a>> {
        let start = self.rest;
        let mut natural = self.next_natural()?;
        let line = self.line;
        let mut content = String::new();
        loop {
            let text = natural.trim_end_matches(['\n', '\r']).trim_start_matches(is_blank);
            if content.is_empty() && text.starts_with(['#', '!']) {
                break;
            }
            let backslashes = text.len() - text.trim_end_matches('\\').len();
            if backslashes % 2 == 0 {
                content.push_str(text);
                break;
            }
            content.push_str(&text[..text.len() - 1]);
            match self.next_natural() {
                Some(next) => natural = next,
                None => break,
            }
        }
        let raw = &start[..start.len() - self.rest.len()];
        Some(Logical { raw, line, content: (!content.is_empty()).then_some(content) })
    }
}

/// Splits a logical line into key and value.
fn entry(content: &str, line: usize) -> Result<Entry, Malformed> {
    let mut escaped = false;
    let key_end = content.find(|c: char| {
        let ends = !escaped && (matches!(c, '=' | ':') || is_blank(c));
        escaped = !escaped && c == '\\';
        ends
    });
    let (key, rest) = content.split_at(key_end.unwrap_or(content.len()));
    let rest = rest.trim_start_matches(is_blank);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start_matches(is_blank);
    Ok(Entry { key: unescape(key, line)?, value: unescape(rest, line)?, line })
}

fn unescape(text: &str, line: usize) -> Result<String, Malformed> {
    if !text.contains('\\') {
        return Ok(text.to_owned());
    }
    let malformed = |what: &str| Malformed { line, what: what.to_owned() };
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let c = if c != '\\' {
            c
        } else {
            match chars.next() {
                None => break,
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).collect();
                    let is_hex = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                    let unit = u16::from_str_radix(&digits, 16).ok().filter(|_| is_hex);
                    units.push(unit.ok_or_else(|| malformed("expected four hexadecimal digits after \\u"))?);
                    continue;
                }
                Some(other) => other,
            }
        };
        units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16(&units).map_err(|_| malformed("half of a UTF-16 pair in \\u escapes"))
}

/// Escapes as Java's `store` does; characters outside printable ASCII become `\uXXXX`.
fn escape(text: &str, is_key: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '\\' | '=' | ':' | '#' | '!' if c == '\\' || is_key || at == 0 => {
                out.push('\\');
                out.push(c);
            }
            ' ' if is_key || at == 0 => out.push_str("\\ "),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04X}"));
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests;
