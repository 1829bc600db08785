//! The writer: compact, pretty and strict.

use serde::ser::{self, Serialize};

use super::super::json_string::{write_quoted, write_quoted_ascii};

/// Writes `value` as `JSON.toJSONString(value)` does.
///
/// A value whose own `Serialize` refuses to be written becomes `null`; none of this crate does.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    write(value, Style::Compact)
}

/// Writes `value` as `PrettyFormat` does: the form of the configuration files.
pub fn to_pretty<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    write(value, Style::Pretty)
}

/// Writes `value` as `BrowserCompatible` with quoted keys does, the form strict parsers take: numeric keys in quotes,
/// ASCII only, slashes escaped. Maps are written in the order given; use sorted ones for `MapSortField`.
pub fn to_strict<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    write(value, Style::Strict)
}

/// A list that stays on one line in the pretty form too, as Java's arrays of primitives do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compact<'a, T>(pub &'a [T]);

impl<T: Serialize> Serialize for Compact<'_, T> {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|item| ser::SerializeTuple::serialize_element(&mut list, item))?;
        ser::SerializeTuple::end(list)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Compact,
    Pretty,
    Strict,
}

fn write<T: Serialize + ?Sized>(value: &T, style: Style) -> Vec<u8> {
    let mut writer = Writer { out: Vec::with_capacity(128), style, depth: 0 };
    match value.serialize(&mut writer) {
        Ok(()) => writer.out,
        Err(Refused) => NULL.to_vec(),
    }
}

const NULL: &[u8] = b"null";

struct Writer {
    out: Vec<u8>,
    style: Style,
    depth: usize,
}

impl Writer {
    fn quoted(&mut self, text: &str) {
        match self.style {
            Style::Strict => write_quoted_ascii(&mut self.out, text),
            Style::Compact | Style::Pretty => write_quoted(&mut self.out, text.as_bytes()),
        }
    }

    fn line(&mut self) {
        if self.style == Style::Pretty {
            self.out.push(b'\n');
            self.out.extend(std::iter::repeat_n(b'\t', self.depth));
        }
    }

    fn open(&mut self, bracket: u8) -> Nested<'_> {
        self.out.push(bracket);
        self.depth += 1;
        Nested { writer: self, is_first: true, key_start: 0, lines: true }
    }
}

/// A value cannot be written.
#[derive(Debug)]
struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the value refuses to be written")
    }
}

impl std::error::Error for Refused {}

impl ser::Error for Refused {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Refused
    }
}

/// An open object or list.
struct Nested<'a> {
    writer: &'a mut Writer,
    is_first: bool,
    /// Where the last key (with its comma) starts, to take it back when the value is null.
    key_start: usize,
    lines: bool,
}

impl Nested<'_> {
    fn comma(&mut self) {
        self.key_start = self.writer.out.len();
        if !self.is_first {
            self.writer.out.push(b',');
        }
    }

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Refused> {
        self.comma();
        self.writer.line();
        self.writer.quoted(name);
        self.value(value)
    }

    /// Writes what belongs to the key just written, or takes the key back.
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.writer.out.push(b':');
        let start = self.writer.out.len();
        value.serialize(&mut *self.writer)?;
        if self.writer.out.get(start..) == Some(NULL) {
            self.writer.out.truncate(self.key_start);
        } else {
            self.is_first = false;
        }
        Ok(())
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.comma();
        self.is_first = false;
        if self.lines {
            self.writer.line();
        }
        value.serialize(&mut *self.writer)
    }

    fn close(self, bracket: u8, on_own_line: bool) {
        self.writer.depth -= 1;
        if on_own_line {
            self.writer.line();
        }
        self.writer.out.push(bracket);
    }
}

macro_rules! write_integers {
    ($($name:ident: $type:ty,)*) => {
        $(fn $name(self, value: $type) -> Result<(), Refused> {
            self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            Ok(())
        })*
    };
}

impl<'a> ser::Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Refused;
    type SerializeSeq = Nested<'a>;
    type SerializeTuple = Nested<'a>;
    type SerializeTupleStruct = Nested<'a>;
    type SerializeTupleVariant = Nested<'a>;
    type SerializeMap = Nested<'a>;
    type SerializeStruct = Nested<'a>;
    type SerializeStructVariant = Nested<'a>;

    write_integers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
    }

    fn serialize_bool(self, value: bool) -> Result<(), Refused> {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Refused> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), Refused> {
        if value.is_finite() {
            self.out.extend_from_slice(java_double(value).as_bytes());
        } else {
            self.out.extend_from_slice(NULL);
        }
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Refused> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Refused> {
        self.quoted(value);
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Refused> {
        Err(Refused)
    }

    fn serialize_none(self) -> Result<(), Refused> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Refused> {
        self.out.extend_from_slice(NULL);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Refused> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Refused> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Refused> {
        Err(Refused)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Nested<'a>, Refused> {
        Ok(self.open(b'['))
    }

    fn serialize_tuple(self, _: usize) -> Result<Nested<'a>, Refused> {
        Ok(Nested { lines: false, ..self.open(b'[') })
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Nested<'a>, Refused> {
        self.serialize_tuple(len)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Nested<'a>, Refused> {
        Err(Refused)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Nested<'a>, Refused> {
        Ok(self.open(b'{'))
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Nested<'a>, Refused> {
        Ok(Nested { lines: len > 0, ..self.open(b'{') })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Nested<'a>, Refused> {
        Err(Refused)
    }
}

impl ser::SerializeSeq for Nested<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.element(value)
    }

    fn end(self) -> Result<(), Refused> {
        let on_own_line = !self.is_first;
        self.close(b']', on_own_line);
        Ok(())
    }
}

impl ser::SerializeTuple for Nested<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.element(value)
    }

    fn end(self) -> Result<(), Refused> {
        self.close(b']', false);
        Ok(())
    }
}

impl ser::SerializeTupleStruct for Nested<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.element(value)
    }

    fn end(self) -> Result<(), Refused> {
        ser::SerializeTuple::end(self)
    }
}

impl ser::SerializeTupleVariant for Nested<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.element(value)
    }

    fn end(self) -> Result<(), Refused> {
        ser::SerializeTuple::end(self)
    }
}

impl ser::SerializeMap for Nested<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Refused> {
        self.comma();
        let start = self.writer.out.len();
        key.serialize(&mut *self.writer)?;
        if self.writer.out.get(start) == Some(&b'"') {
            // Only string keys get a line of their own.
            if self.writer.style == Style::Pretty {
                let key = self.writer.out.split_off(start);
                self.writer.line();
                self.writer.out.extend_from_slice(&key);
            }
        } else if self.writer.style == Style::Strict {
            let key = String::from_utf8_lossy(&self.writer.out.split_off(start)).into_owned();
            self.writer.quoted(&key);
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.value(value)
    }

    fn end(self) -> Result<(), Refused> {
        let on_own_line = !self.is_first;
        self.close(b'}', on_own_line);
        Ok(())
    }
}

impl ser::SerializeStruct for Nested<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        self.member(name, value)
    }

    fn end(self) -> Result<(), Refused> {
        let on_own_line = self.lines;
        self.close(b'}', on_own_line);
        Ok(())
    }
}

impl ser::SerializeStructVariant for Nested<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        self.member(name, value)
    }

    fn end(self) -> Result<(), Refused> {
        ser::SerializeStruct::end(self)
    }
}

/// `Double.toString`: plain between 10^-3 and 10^7, with an exponent outside, always with a fraction.
fn java_double(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-3..1e7).contains(&size) {
        return format!("{value:?}");
    }
    let text = format!("{value:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}
