//! Typed header fields, one file per family (codes.json: `requestHeader`, `responseHeader`).
//!
//! A header decodes from [`super::ExtFields`] in one pass and borrows its texts; `fields` gives what to send. Java enforces none
//! of its "required" marks: a field that is missing or does not convert is `None`, and the handler decides what that
//! means (remoting.md §4). Fields of Java's primitive types have their zero value instead. Fields are written in the order
//! the Java broker writes them, where that was recorded; order carries no meaning.

pub mod admin;
pub mod client;
pub mod offset;
pub mod pull;
pub mod query;
pub mod route;
pub mod send;
pub mod transaction;

use super::ext_fields::RawText;
use super::fields::{FieldValue, HeaderFields};

/// A type a header field can have.
trait Field<'a> {
    /// Takes the text of the field; one that does not convert changes nothing.
    fn read(&mut self, text: RawText<'a>);
    /// Adds the field; no value adds nothing.
    fn write(&self, name: &'static str, fields: &mut HeaderFields);
}

impl<'a> Field<'a> for Option<&'a str> {
    #[inline]
    fn read(&mut self, text: RawText<'a>) {
        *self = Some(text.as_str());
    }

    fn write(&self, name: &'static str, fields: &mut HeaderFields) {
        fields.push_some(name, self.map(FieldValue::copied));
    }
}

macro_rules! parsed_field {
    ($($field:ty => $parse:expr;)*) => {
        $(impl<'a> Field<'a> for Option<$field> {
            #[inline]
            fn read(&mut self, text: RawText<'a>) {
                *self = $parse(text).or(*self);
            }

            fn write(&self, name: &'static str, fields: &mut HeaderFields) {
                fields.push_some(name, *self);
            }
        }

        impl<'a> Field<'a> for $field {
            #[inline]
            fn read(&mut self, text: RawText<'a>) {
                *self = $parse(text).unwrap_or(*self);
            }

            fn write(&self, name: &'static str, fields: &mut HeaderFields) {
                fields.push(name, *self);
            }
        })*
    };
}

parsed_field! {
    i32 => RawText::as_i32;
    i64 => RawText::as_i64;
    bool => |text: RawText<'_>| Some(text.as_bool());
}

/// Declares a header: its fields, each with its name on the wire.
macro_rules! header {
    ($($(#[$meta:meta])* $name:ident $(<$life:lifetime>)? {
        $($(#[$field_meta:meta])* $wire:literal $field:ident: $type:ty,)*
    })*) => {
        $($(#[$meta])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $name $(<$life>)? {
            $($(#[$field_meta])* #[doc = concat!("`", $wire, "`")] pub $field: $type,)*
        }

        impl $(<$life>)? $name $(<$life>)? {
            /// Reads the fields of a command; others are ignored, the last of several of one name wins.
            #[allow(non_upper_case_globals, reason = "constants named like their fields")]
            pub fn decode(fields: & $($life)? $crate::format::wire::ExtFields) -> Self {
                // As constants, so that a name is found by one look at its length and bytes.
                $(const $field: &[u8] = $wire.as_bytes();)*
                let mut header = Self::default();
                for (name, text) in fields.raw() {
                    match name {
                        $($field => $crate::format::wire::header::Field::read(&mut header.$field, text),)*
                        _ => {}
                    }
                }
                header
            }

            /// The fields to send.
            pub fn fields(&self) -> $crate::format::wire::HeaderFields {
                let mut fields = $crate::format::wire::HeaderFields::new();
                $($crate::format::wire::header::Field::write(&self.$field, $wire, &mut fields);)*
                fields
            }
        })*
    };
}
use header;

#[cfg(test)]
mod tests;
