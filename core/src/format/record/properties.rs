//! The properties text of a message (store-format §4).
//!
//! ```text
//! name 0x01 value 0x02 name 0x01 value …        no 0x02 at the end, but one is accepted
//! ```
//!
//! A part between two 0x02 counts when it has a name and a value of at least one byte each; the value begins after the
//! *first* 0x01 and may contain more. Other parts are ignored. Of two parts with one name the later wins. The order
//! of parts means nothing.

use memchr::{memchr, memrchr};

/// Stands between name and value.
pub const NAME_VALUE_SEPARATOR: u8 = 0x01;
/// Stands between two properties.
pub const PROPERTY_SEPARATOR: u8 = 0x02;

/// Name and value of every part that counts, in the order of the text, duplicates included.
#[doc(alias = "string2messageProperties")]
pub fn iter(text: &[u8]) -> Iter<'_> {
    Iter { rest: Some(text) }
}

/// See [`iter`].
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(text) = self.rest {
            // Names are short: a plain loop finds their end sooner than a search that is made for long texts.
            let name_end =
                text.iter().position(|byte| matches!(*byte, NAME_VALUE_SEPARATOR | PROPERTY_SEPARATOR));
            let Some(name_end) = name_end else {
                self.rest = None;
                return None;
            };
            let (name, tail) = split_around(text, name_end)?;
            if text.get(name_end) == Some(&PROPERTY_SEPARATOR) {
                self.rest = Some(tail);
                continue;
            }
            let value = match memchr(PROPERTY_SEPARATOR, tail).and_then(|at| split_around(tail, at)) {
                Some((value, rest)) => {
                    self.rest = Some(rest);
                    value
                }
                None => {
                    self.rest = None;
                    tail
                }
            };
            if !name.is_empty() && !value.is_empty() {
                return Some((name, value));
            }
        }
        None
    }
}

/// Value of a property, or `None` when no part counts for it.
pub fn get<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = Some(text);
    while let Some(text) = rest {
        let part = match memrchr(PROPERTY_SEPARATOR, text).and_then(|at| split_around(text, at)) {
            Some((before, part)) => {
                rest = Some(before);
                part
            }
            None => {
                rest = None;
                text
            }
        };
        if let Some((found, value)) = pair(part)
            && found == name
        {
            return Some(value);
        }
    }
    None
}

/// Values of several properties in one pass over the text.
pub fn get_many<'a, const N: usize>(text: &'a [u8], names: [&[u8]; N]) -> [Option<&'a [u8]>; N] {
    let mut values = [None; N];
    iter(text).for_each(|(name, value)| note(&names, &mut values, name, value));
    values
}

#[inline]
fn note<'a>(names: &[&[u8]], values: &mut [Option<&'a [u8]>], name: &[u8], value: &'a [u8]) {
    if let Some((_, slot)) = names.iter().zip(values).find(|(wanted, _)| **wanted == name) {
        *slot = Some(value);
    }
}

/// Writes `text` to the end of `out` without the parts that do not count, without the names in `drop`, and with the
/// pairs of `set` in place of their old values. Nothing but `out` is allocated. Duplicates of other names are kept; readers take
/// the last.
pub fn rewrite(text: &[u8], out: &mut Vec<u8>, drop: &[&[u8]], set: &[(&[u8], &[u8])]) {
    let [] = rewrite_reading(text, out, drop, set, []);
}

/// [`rewrite`] and [`get_many`] of different names in one pass.
pub fn rewrite_reading<'a, const N: usize>(
    text: &'a [u8],
    out: &mut Vec<u8>,
    drop: &[&[u8]],
    set: &[(&[u8], &[u8])],
    names: [&[u8]; N],
) -> [Option<&'a [u8]>; N] {
    let added: usize = set.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    out.reserve(text.len() + added);
    let start = out.len();
    let mut values = [None; N];
    for (name, value) in iter(text) {
        note(&names, &mut values, name, value);
        if !drop.contains(&name) && !set.iter().any(|(changed, _)| *changed == name) {
            push_from(start, out, name, value);
        }
    }
    set.iter().for_each(|(name, value)| push_from(start, out, name, value));
    values
}

/// Appends one property to a text that holds nothing else than properties.
pub fn push(text: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    push_from(0, text, name, value);
}

fn push_from(start: usize, out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    if out.len() > start && out.last() != Some(&PROPERTY_SEPARATOR) {
        out.push(PROPERTY_SEPARATOR);
    }
    out.extend_from_slice(name);
    out.push(NAME_VALUE_SEPARATOR);
    out.extend_from_slice(value);
}

/// Whether joining two texts takes a separator between them.
pub fn needs_separator(text: &[u8], tail: &[u8]) -> bool {
    !tail.is_empty() && text.last().is_some_and(|last| *last != PROPERTY_SEPARATOR)
}

/// Splits a part, when it counts.
fn pair(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = split_around(part, memchr(NAME_VALUE_SEPARATOR, part)?)?;
    (!name.is_empty() && !value.is_empty()).then_some((name, value))
}

/// What lies before and behind position `at`.
fn split_around(text: &[u8], at: usize) -> Option<(&[u8], &[u8])> {
    Some((text.get(..at)?, text.get(at + 1..)?))
}

#[cfg(test)]
mod tests;
