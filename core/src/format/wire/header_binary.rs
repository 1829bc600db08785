//! The ROCKETMQ header (remoting.md §3; Java: `RocketMQSerializable`).
//!
//! ```text
//! code i16 │ language u8 │ version i16 │ opaque i32 │ flag i32 │ remark: i32 n, n bytes │ fields: i32 m, m bytes
//! field: i16 k, k bytes of name │ i32 v, v bytes of value
//! ```

use bytes::BufMut;

use super::codes::LanguageCode;
use super::command::{Fields, Head, RemotingCommand};
use super::ext_fields::Span;
use super::frame::FrameError;

/// Reads a header into `command`, all but the texts, and gives the range of the remark. Numbers between the texts are
/// overwritten with blanks, so that the whole is text when the texts are.
pub(super) fn decode(header: &mut [u8], command: &mut RemotingCommand) -> Result<Option<Span>, FrameError> {
    let mut reader = Reader { header, at: 0 };
    command.code = i32::from(i16::from_be_bytes(reader.take()?));
    let [language] = reader.take()?;
    command.language = LanguageCode::from_code(language);
    command.version = i32::from(i16::from_be_bytes(reader.take()?));
    command.opaque = i32::from_be_bytes(reader.take()?);
    command.flag = i32::from_be_bytes(reader.take()?);
    let remark_len = i32::from_be_bytes(reader.take()?);
    let remark = reader.text(remark_len)?;
    let fields_len = i32::from_be_bytes(reader.take()?);
    command.ext.present = fields_len > 0;
    if let Ok(fields_len @ 1..) = usize::try_from(fields_len) {
        let end = reader.at + fields_len;
        if end > reader.header.len() {
            return Err(FrameError::BadHeader("fields are longer than the header"));
        }
        while reader.at < end {
            let key_len = i16::from_be_bytes(reader.take()?);
            let key = reader.text(i32::from(key_len))?;
            let value_len = i32::from_be_bytes(reader.take()?);
            let value = reader.text(value_len)?;
            command.ext.push_named(reader.header, key, value);
        }
    }
    reader.blank_rest();
    Ok(if remark.is_empty() { None } else { Some(remark) })
}

struct Reader<'a> {
    header: &'a mut [u8],
    at: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let bytes = self.header.get_mut(self.at..).and_then(|rest| rest.first_chunk_mut::<N>());
        let bytes = bytes.ok_or(FrameError::BadHeader("header ends inside a number"))?;
        self.at += N;
        Ok(std::mem::replace(bytes, [b' '; N]))
    }

    fn text(&mut self, len: i32) -> Result<Span, FrameError> {
        let len = usize::try_from(len).map_err(|_| FrameError::BadHeader("negative text length"))?;
        if len > self.header.len() - self.at {
            return Err(FrameError::BadHeader("text is longer than the header"));
        }
        let start = self.at;
        self.at += len;
        Ok(Span::new(start, self.at))
    }

    /// Java ignores what follows the fields.
    fn blank_rest(&mut self) {
        self.header.get_mut(self.at..).unwrap_or_default().fill(b' ');
    }
}

/// Appends a header.
pub(super) fn encode(out: &mut Vec<u8>, head: &Head<'_>) {
    // Java has no byte for a language it does not know; OTHER decodes everywhere.
    let language = head.language.unwrap_or(LanguageCode::Other);
    out.put_i16(head.code as i16);
    out.put_u8(language.code());
    out.put_i16(head.version as i16);
    out.put_i32(head.opaque);
    out.put_i32(head.flag);
    let remark = head.remark.unwrap_or_default();
    out.put_i32(remark.len() as i32);
    out.put_slice(remark.as_bytes());
    let start = out.len();
    out.put_i32(0);
    encode_fields(out, head.fields);
    let len = out.len() - start - 4;
    set_i32(out, start, len as i32);
}

/// Appends fields without the length of all.
pub(super) fn encode_fields(out: &mut Vec<u8>, fields: Fields<'_>) {
    fields.for_each(|key, value| encode_field(out, key.bytes(), |out| out.put_slice(value.bytes())));
}

/// Appends one field, whose value `write` appends.
#[inline]
pub(super) fn encode_field(out: &mut Vec<u8>, name: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
    // 15 bits for the length of a name; no name of the protocol comes near.
    let Ok(name_len) = i16::try_from(name.len()) else { return };
    out.put_i16(name_len);
    out.put_slice(name);
    let start = out.len();
    out.put_i32(0);
    write(out);
    let len = out.len() - start - 4;
    set_i32(out, start, len as i32);
}

/// Overwrites the number at `at`.
pub(super) fn set_i32(out: &mut [u8], at: usize, value: i32) {
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&value.to_be_bytes());
    }
}
