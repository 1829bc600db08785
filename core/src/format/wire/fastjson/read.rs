//! The reader: as lenient as fastjson with texts, and with types where clients rely on it.
//!
//! Text: single quotes, bare member names, surplus commas, comments, raw control characters in strings, `Set[...]`.
//! Types: numbers and booleans in quotes, numbers for strings, null for anything (its zero value), members nobody knows.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};
use serde::{Deserialize, de::DeserializeOwned, forward_to_deserialize_any};

use super::super::json_string::read_escape;

/// How deep objects and lists may nest; the protocol needs six.
const DEPTH_MAX: usize = 64;

/// Why a text does not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    what: Cow<'static, str>,
    at: Option<usize>,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(f, "{} at byte {at}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl std::error::Error for JsonError {}

impl de::Error for JsonError {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self { what: what.to_string().into(), at: None }
    }
}

/// Reads a body. Bytes that are not UTF-8 become replacement characters, as Java decodes them.
pub fn from_slice<T: DeserializeOwned>(text: &[u8]) -> Result<T, JsonError> {
    from_str(&String::from_utf8_lossy(text))
}

/// Reads a text.
pub fn from_str<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, JsonError> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let value = T::deserialize(&mut reader).map_err(|error| reader.locate(error))?;
    match reader.peek()? {
        None => Ok(value),
        Some(_) => Err(reader.error("text behind the value")),
    }
}

struct Reader<'de> {
    text: &'de str,
    at: usize,
    depth: usize,
}

/// A value that is neither an object nor a list.
enum Scalar<'de> {
    Null,
    Text(Cow<'de, str>),
    /// A number or boolean, as it is spelt.
    Bare(&'de str),
}

impl<'de> Reader<'de> {
    #[cold]
    fn error(&self, what: &'static str) -> JsonError {
        JsonError { what: what.into(), at: Some(self.at) }
    }

    fn locate(&self, error: JsonError) -> JsonError {
        JsonError { at: error.at.or(Some(self.at)), ..error }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'de str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next byte that is neither blank nor comment.
    fn peek(&mut self) -> Result<Option<u8>, JsonError> {
        loop {
            match self.byte() {
                Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0C | 0x08) => self.at += 1,
                Some(b'/') if self.rest().starts_with("/*") => match self.rest().find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return Err(self.error("unfinished comment")),
                },
                Some(b'/') if self.rest().starts_with("//") => {
                    self.at += self.rest().find('\n').unwrap_or(self.rest().len());
                }
                other => return Ok(other),
            }
        }
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), JsonError> {
        if self.peek()? != Some(byte) {
            return Err(self.error(what));
        }
        self.at += 1;
        Ok(())
    }

    fn enter(&mut self, bracket: u8, what: &'static str) -> Result<(), JsonError> {
        self.expect(bracket, what)?;
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(self.error("nested too deep")) } else { Ok(()) }
    }

    /// Reads the string that starts at the quote.
    fn string(&mut self, quote: u8) -> Result<Cow<'de, str>, JsonError> {
        self.at += 1;
        let mut unescaped: Option<String> = None;
        loop {
            let rest = self.rest();
            let Some(run) = memchr::memchr2(quote, b'\\', rest.as_bytes()) else {
                return Err(self.error("unfinished string"));
            };
            let text = rest.get(..run).unwrap_or_default();
            self.at += run;
            if self.byte() == Some(quote) {
                self.at += 1;
                return Ok(match unescaped {
                    None => Cow::Borrowed(text),
                    Some(mut before) => {
                        before.push_str(text);
                        Cow::Owned(before)
                    }
                });
            }
            let Some((character, size)) = read_escape(self.rest().as_bytes()) else {
                return Err(self.error("unknown escape"));
            };
            let unescaped = unescaped.get_or_insert_default();
            unescaped.push_str(text);
            unescaped.push(character);
            self.at += size;
        }
    }

    fn bare(&mut self) -> &'de str {
        let rest = self.rest();
        let is_bare =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'+' | b'-' | b'.');
        let len = rest.bytes().take_while(is_bare).count();
        self.at += len;
        rest.get(..len).unwrap_or_default()
    }

    fn scalar(&mut self) -> Result<Scalar<'de>, JsonError> {
        match self.peek()? {
            Some(quote @ (b'"' | b'\'')) => self.string(quote).map(Scalar::Text),
            Some(b'{' | b'[') => self.skip().map(Scalar::Bare),
            _ => match self.bare() {
                "null" | "undefined" | "NaN" => Ok(Scalar::Null),
                bare @ ("true" | "false") => Ok(Scalar::Bare(bare)),
                bare if is_number(bare) => Ok(Scalar::Bare(bare)),
                _ => Err(self.error("expected a value")),
            },
        }
    }

    /// The scalar as text; `None` for null.
    fn text(&mut self) -> Result<Option<Cow<'de, str>>, JsonError> {
        Ok(match self.scalar()? {
            Scalar::Null => None,
            Scalar::Text(text) => Some(text),
            Scalar::Bare(text) => Some(Cow::Borrowed(text)),
        })
    }

    fn integer(&mut self) -> Result<i64, JsonError> {
        let Some(text) = self.text()? else { return Ok(0) };
        let text = text.trim();
        if let Ok(number) = text.parse() {
            return Ok(number);
        }
        match text {
            "" | "false" => Ok(0),
            "true" => Ok(1),
            _ => match text.parse::<f64>() {
                // 1.0 and 1e3 are cut; digits alone that do not fit are refused.
                Ok(number) if text.contains(['.', 'e', 'E']) && number.abs() < 9.2e18 => Ok(number as i64),
                _ => Err(self.error("expected an integer")),
            },
        }
    }

    fn float(&mut self) -> Result<f64, JsonError> {
        match self.text()? {
            None => Ok(0.0),
            Some(text) => text.trim().parse().map_err(|_| self.error("expected a number")),
        }
    }

    fn boolean(&mut self) -> Result<bool, JsonError> {
        match self.text()?.as_deref() {
            None | Some("") => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") || text == "1" => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") || text == "0" => Ok(false),
            Some(_) => Err(self.error("expected a boolean")),
        }
    }

    /// Steps over a value and gives its text. Depth costs no stack here.
    fn skip(&mut self) -> Result<&'de str, JsonError> {
        self.peek()?;
        let start = self.at;
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b':') if depth > 0 => self.at += 1,
                Some(quote @ (b'"' | b'\'')) => {
                    self.string(quote)?;
                }
                _ => {
                    let bare = self.bare();
                    if bare.is_empty() {
                        return Err(self.error("expected a value"));
                    }
                    if self.byte() == Some(b'[') {
                        continue; // Set[...]
                    }
                }
            }
            if depth == 0 {
                return Ok(self.text.get(start..self.at).unwrap_or_default());
            }
        }
    }

    /// Whether null comes next; takes it.
    fn null(&mut self) -> Result<bool, JsonError> {
        let start = {
            self.peek()?;
            self.at
        };
        if matches!(self.bare(), "null" | "undefined" | "NaN") {
            return Ok(true);
        }
        self.at = start;
        Ok(false)
    }

    fn list<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        if self.null()? {
            return visitor.visit_seq(de::value::SeqDeserializer::new(std::iter::empty::<()>()));
        }
        self.peek()?;
        if matches!(self.rest().split_once('['), Some(("Set" | "TreeSet", _))) {
            self.bare();
        }
        self.enter(b'[', "expected a list")?;
        let value = visitor.visit_seq(Elements(self))?;
        self.expect(b']', "expected the end of the list")?;
        self.depth -= 1;
        Ok(value)
    }

    fn object<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        if self.null()? {
            return visitor.visit_map(de::value::MapDeserializer::new(std::iter::empty::<((), ())>()));
        }
        self.enter(b'{', "expected an object")?;
        let value = visitor.visit_map(Members(self))?;
        self.expect(b'}', "expected the end of the object")?;
        self.depth -= 1;
        Ok(value)
    }
}

fn is_number(text: &str) -> bool {
    text.trim_start_matches(['+', '-']).starts_with(|first: char| first.is_ascii_digit())
}

fn visit_text<'de, V: Visitor<'de>>(text: Cow<'de, str>, visitor: V) -> Result<V::Value, JsonError> {
    match text {
        Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
        Cow::Owned(text) => visitor.visit_string(text),
    }
}

macro_rules! read_integers {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
            visitor.visit_i64(self.integer()?)
        })*
    };
}

impl<'de> de::Deserializer<'de> for &mut Reader<'de> {
    type Error = JsonError;

    read_integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.peek()? {
            Some(b'{') => self.object(visitor),
            Some(b'[' | b'S' | b'T') => self.list(visitor),
            _ => match self.scalar()? {
                Scalar::Null => visitor.visit_unit(),
                Scalar::Text(text) => visit_text(text, visitor),
                Scalar::Bare("true") => visitor.visit_bool(true),
                Scalar::Bare("false") => visitor.visit_bool(false),
                Scalar::Bare(number) => match number.parse::<i64>() {
                    Ok(number) => visitor.visit_i64(number),
                    Err(_) => match number.parse::<f64>() {
                        Ok(number) => visitor.visit_f64(number),
                        Err(_) => Err(self.error("expected a number")),
                    },
                },
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_bool(self.boolean()?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visit_text(self.text()?.unwrap_or_default(), visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        if self.null()? { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.list(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, JsonError> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.object(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.object(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        let name = self.text()?.unwrap_or_default();
        visitor.visit_enum(name.into_deserializer())
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.skip()?;
        visitor.visit_unit()
    }
}

struct Elements<'a, 'de>(&'a mut Reader<'de>);

impl<'de> de::SeqAccess<'de> for Elements<'_, 'de> {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, JsonError> {
        while self.0.peek()? == Some(b',') {
            self.0.at += 1;
        }
        if self.0.byte() == Some(b']') {
            return Ok(None);
        }
        let value = seed.deserialize(&mut *self.0)?;
        match self.0.peek()? {
            Some(b',' | b']') => Ok(Some(value)),
            _ => Err(self.0.error("expected a comma or the end of the list")),
        }
    }
}

struct Members<'a, 'de>(&'a mut Reader<'de>);

impl<'de> de::MapAccess<'de> for Members<'_, 'de> {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, JsonError> {
        while self.0.peek()? == Some(b',') {
            self.0.at += 1;
        }
        if self.0.byte() == Some(b'}') {
            return Ok(None);
        }
        let key = match self.0.byte() {
            Some(b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'$') => seed.deserialize(BareName(self.0))?,
            _ => seed.deserialize(&mut *self.0)?,
        };
        Ok(Some(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, JsonError> {
        self.0.expect(b':', "expected a colon")?;
        let value = seed.deserialize(&mut *self.0)?;
        match self.0.peek()? {
            Some(b',' | b'}') => Ok(value),
            _ => Err(self.0.error("expected a comma or the end of the object")),
        }
    }
}

/// A member name without quotes.
struct BareName<'a, 'de>(&'a mut Reader<'de>);

impl<'de> de::Deserializer<'de> for BareName<'_, 'de> {
    type Error = JsonError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_borrowed_str(self.0.bare())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
