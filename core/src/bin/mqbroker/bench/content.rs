//! What the messages of the load say, so that a puller can tell whether it got what was sent.
//!
//! ```text
//! PPPPPPPPSSSSSSSSSSSSSSSS   producer and sequence number in hexadecimal; then letters whose first one the number chooses
//! ```

use std::fmt::Write as _;

use bytes::Bytes;

/// Bytes of producer and sequence number: the smallest body.
pub const BODY_MIN: usize = 8 + 16;

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Who sent a message, and its place among those of that producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub producer: u32,
    pub sequence: u64,
}

impl Stamp {
    /// The stamp as it stands in the body.
    pub fn write(self, out: &mut String) {
        // Writing to a string does not fail.
        let _ = write!(out, "{:08X}{:016X}", self.producer, self.sequence);
    }

    fn read(body: &[u8]) -> Option<Self> {
        let (producer, rest) = body.split_first_chunk::<8>()?;
        let sequence = rest.first_chunk::<16>()?;
        let producer = u32::from_str_radix(str::from_utf8(producer).ok()?, 16).ok()?;
        let sequence = u64::from_str_radix(str::from_utf8(sequence).ok()?, 16).ok()?;
        Some(Self { producer, sequence })
    }
}

/// Makes and checks bodies.
pub struct Content {
    letters: Bytes,
}

impl Content {
    /// For bodies of up to `body_size_max` bytes.
    pub fn new(body_size_max: usize) -> Self {
        let letters = LETTERS.iter().copied().cycle().take(LETTERS.len() + body_size_max);
        Self { letters: letters.collect() }
    }

    /// The letters behind the stamp of a body of `body_size` bytes, which is not larger than said to [`Self::new`].
    pub fn letters(&self, sequence: u64, body_size: usize) -> Bytes {
        let start = (sequence % LETTERS.len() as u64) as usize;
        let end = start + body_size.saturating_sub(BODY_MIN);
        self.letters.slice(start..end.min(self.letters.len()))
    }

    /// The stamp of a body that has every byte it was sent with.
    pub fn check(&mut self, body: &[u8]) -> Option<Stamp> {
        if body.len() + LETTERS.len() > self.letters.len() {
            *self = Self::new(body.len());
        }
        let stamp = Stamp::read(body)?;
        (body.get(BODY_MIN..)? == self.letters(stamp.sequence, body.len())).then_some(stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_recognized_until_a_byte_changes() {
        let mut content = Content::new(100);
        for size in [BODY_MIN, 100, 5000] {
            let stamp = Stamp { producer: 0xA1, sequence: 77 };
            let mut text = String::new();
            stamp.write(&mut text);
            let mut body = text.into_bytes();
            body.extend_from_slice(&Content::new(size).letters(77, size));
            assert_eq!(body.len(), size);
            assert_eq!(content.check(&body), Some(stamp));
            body[size - 1] ^= 1;
            assert_ne!(content.check(&body), Some(stamp));
        }
        assert_eq!(content.check(b"short"), None);
    }
}
