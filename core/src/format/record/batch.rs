//! The body of a SEND_BATCH_MESSAGE request (store-format §12): parts, one after another.
//!
//! ```text
//! int32 total size · int32 magic · int32 CRC      written by producers, ignored here as in Java
//! int32 flag · int32 B · body · int16 P · properties
//! ```
//!
//! Every part becomes a record of its own. The request's properties are appended to those of each part, see
//! [`super::encode::encode_onto`].

use super::properties::{PROPERTY_SEPARATOR, needs_separator};

/// Bytes of a part without body and properties.
pub const PART_FIXED_SIZE: usize = 4 + 4 + 4 + 4 + 4 + 2;

/// One message of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchPart<'a> {
    /// The application's value.
    pub flag: i32,
    /// Message body.
    pub body: &'a [u8],
    /// Properties text as sent.
    pub properties: &'a [u8],
}

/// A part is cut off or has a negative length. Where it starts in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("batch body is broken in the message that starts at byte {at}")]
pub struct BatchError {
    /// Offset of the broken part.
    pub at: usize,
}

/// The parts of a batch body. After an error there is nothing more.
#[doc(alias = "MessageBatch")]
pub fn parts(body: &[u8]) -> BatchParts<'_> {
    BatchParts { rest: body, at: 0 }
}

/// See [`parts`].
#[derive(Debug, Clone)]
pub struct BatchParts<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Iterator for BatchParts<'a> {
    type Item = Result<BatchPart<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let whole = std::mem::take(&mut self.rest);
        match split_part(whole) {
            Some((part, rest)) => {
                self.rest = rest;
                self.at += whole.len() - rest.len();
                Some(Ok(part))
            }
            None => Some(Err(BatchError { at: self.at })),
        }
    }
}

fn split_part(bytes: &[u8]) -> Option<(BatchPart<'_>, &[u8])> {
    let (_total_magic_crc, rest) = bytes.split_first_chunk::<12>()?;
    let (flag, rest) = rest.split_first_chunk::<4>()?;
    let (body_len, rest) = rest.split_first_chunk::<4>()?;
    let body_len = usize::try_from(i32::from_be_bytes(*body_len)).ok()?;
    let (body, rest) = rest.split_at_checked(body_len)?;
    let (properties_len, rest) = rest.split_first_chunk::<2>()?;
    let properties_len = usize::try_from(i16::from_be_bytes(*properties_len)).ok()?;
    let (properties, rest) = rest.split_at_checked(properties_len)?;
    Some((BatchPart { flag: i32::from_be_bytes(*flag), body, properties }, rest))
}

/// Length of a part's properties with the request's appended.
pub fn merged_len(part: &[u8], request: &[u8]) -> usize {
    part.len() + usize::from(needs_separator(part, request)) + request.len()
}

/// Appends a part's properties, with the request's appended to them, to `out`.
pub fn merge_into(out: &mut Vec<u8>, part: &[u8], request: &[u8]) {
    out.reserve(merged_len(part, request));
    out.extend_from_slice(part);
    if needs_separator(part, request) {
        out.push(PROPERTY_SEPARATOR);
    }
    out.extend_from_slice(request);
}

/// Appends one part to a batch body, as a producer does.
#[doc(alias = "encodeMessage")]
pub fn push_part(out: &mut Vec<u8>, part: &BatchPart<'_>) -> bool {
    let total = PART_FIXED_SIZE.saturating_add(part.body.len()).saturating_add(part.properties.len());
    let (Ok(total), Ok(body_len), Ok(properties_len)) =
        (i32::try_from(total), i32::try_from(part.body.len()), i16::try_from(part.properties.len()))
    else {
        return false;
    };
    out.extend_from_slice(&total.to_be_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&part.flag.to_be_bytes());
    out.extend_from_slice(&body_len.to_be_bytes());
    out.extend_from_slice(part.body);
    out.extend_from_slice(&properties_len.to_be_bytes());
    out.extend_from_slice(part.properties);
    true
}

#[cfg(test)]
mod tests;
