//! Message → bytes of a record (layout: [`super::layout`]).

use std::net::{IpAddr, SocketAddr};

use super::layout::{MESSAGE_MAGIC, PROPERTIES_LEN_MAX, TOPIC_LEN_MAX, body_len_at, is_v6, record_size};
use super::properties::{PROPERTY_SEPARATOR, needs_separator};
use crate::format::flags::sys_flag::{BORN_HOST_V6, STORE_HOST_V6};

/// Everything a record holds. Sizes, magic and the IPv6 bits of sysFlag follow from it.
#[derive(Debug, Clone, Copy)]
pub struct RecordFields<'a> {
    /// Queue of the topic.
    pub queue_id: i32,
    /// The application's value, opaque.
    pub flag: i32,
    /// Index in the consume queue; 0 for prepared and rollback records.
    pub queue_offset: i64,
    /// Where the record will lie in the commit log.
    pub physical_offset: i64,
    /// See `format::flags::sys_flag`. The two IPv6 bits are set from the hosts, whatever is given here.
    pub sys_flag: i32,
    /// The producer's clock.
    pub born_timestamp_ms: i64,
    /// Source address of the producer's connection.
    pub born_host: SocketAddr,
    /// Taken inside the append lock.
    pub store_timestamp_ms: i64,
    /// Address the broker is known by.
    pub store_host: SocketAddr,
    /// How often a consumer sent it back.
    pub reconsume_times: i32,
    /// Physical offset of the half message in a commit record, else 0.
    pub prepared_transaction_offset: i64,
    /// Message body as sent.
    pub body: &'a [u8],
    /// [`body_crc`] of `body`; computed by the caller so that it happens outside the append lock.
    pub body_crc: u32,
    /// Topic, UTF-8.
    pub topic: &'a [u8],
    /// Properties text, final.
    pub properties: &'a [u8],
}

impl RecordFields<'_> {
    /// Bytes [`encode`] will write.
    pub fn size(&self) -> usize {
        let (born, store) = (is_v6(&self.born_host), is_v6(&self.store_host));
        record_size(self.body.len(), self.topic.len(), self.properties.len(), born, store)
    }

    /// `sys_flag` as it will be stored.
    pub fn stored_sys_flag(&self) -> i32 {
        let bit = |host: &SocketAddr, bit: i32| if is_v6(host) { bit } else { 0 };
        (self.sys_flag & !(BORN_HOST_V6 | STORE_HOST_V6))
            | bit(&self.born_host, BORN_HOST_V6)
            | bit(&self.store_host, STORE_HOST_V6)
    }
}

/// Why a record cannot be written. Nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The length of a topic is stored in a signed byte.
    #[error("topic of {0} bytes, at most 127 can be stored")]
    TopicTooLong(usize),
    /// The length of the properties is stored in an int16.
    #[error("properties of {0} bytes, at most 32767 can be stored")]
    PropertiesTooLong(usize),
    /// The total size is stored in an int32.
    #[error("record of {0} bytes exceeds the format")]
    TooLarge(usize),
    /// The slice is shorter than the record.
    #[error("record needs {need} bytes, {have} given")]
    NoRoom {
        /// Bytes of the record.
        need: usize,
        /// Bytes of the slice.
        have: usize,
    },
}

/// CRC-32 of a stored body without its top bit; 0 for an empty body.
#[doc(alias = "UtilAll.crc32")]
pub fn body_crc(body: &[u8]) -> u32 {
    crc32fast::hash(body) & 0x7FFF_FFFF
}

/// Writes the record to the front of `out` and returns its size: for tools and tests. The log uses [`encode_onto`].
pub fn encode(out: &mut [u8], record: &RecordFields<'_>) -> Result<usize, EncodeError> {
    let mut bytes = Vec::new();
    encode_onto(&mut bytes, record, &[], BodyPlace::Here)?;
    let (need, have) = (bytes.len(), out.len());
    let target = out.get_mut(..need).ok_or(EncodeError::NoRoom { need, have })?;
    target.copy_from_slice(&bytes);
    Ok(need)
}

/// Whether a body is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyPlace {
    /// Among what stands before and behind it.
    Here,
    /// It is not; the caller puts it in.
    Elsewhere,
}

/// Appends a record to `out` and says where in `out` its body is, or belongs. `tail` is appended to the properties: what a batch does
/// with the properties of its request. A separator goes between when both are present and the first does not end with one
/// (store-format §12). Failing, it appends nothing.
pub fn encode_onto(
    out: &mut Vec<u8>,
    record: &RecordFields<'_>,
    tail: &[u8],
    body: BodyPlace,
) -> Result<usize, EncodeError> {
    let separator: &[u8] = if needs_separator(record.properties, tail) { &[PROPERTY_SEPARATOR] } else { &[] };
    let properties_len = record.properties.len() + separator.len() + tail.len();
    if record.topic.len() > TOPIC_LEN_MAX {
        return Err(EncodeError::TopicTooLong(record.topic.len()));
    }
    if properties_len > PROPERTIES_LEN_MAX {
        return Err(EncodeError::PropertiesTooLong(properties_len));
    }
    let (born, store) = (is_v6(&record.born_host), is_v6(&record.store_host));
    let size = record_size(record.body.len(), record.topic.len(), properties_len, born, store);
    let total_size = i32::try_from(size).map_err(|_| EncodeError::TooLarge(size))?;
    let body: &[u8] = if body == BodyPlace::Here { record.body } else { &[] };
    out.reserve(size - record.body.len() + body.len());
    out.extend_from_slice(head(record, total_size).bytes());
    let body_at = out.len();
    out.extend_from_slice(body);
    out.push(record.topic.len() as u8);
    out.extend_from_slice(record.topic);
    out.extend_from_slice(&(properties_len as u16).to_be_bytes());
    out.extend_from_slice(record.properties);
    out.extend_from_slice(separator);
    out.extend_from_slice(tail);
    Ok(body_at)
}

/// The fields up to and including the body length, put together on the stack and copied at once.
fn head(record: &RecordFields<'_>, total_size: i32) -> Head {
    let mut head = Head { bytes: [0; HEAD_SIZE_MAX], len: 0 };
    head.i32(total_size);
    head.i32(MESSAGE_MAGIC);
    head.i32(record.body_crc as i32);
    head.i32(record.queue_id);
    head.i32(record.flag);
    head.i64(record.queue_offset);
    head.i64(record.physical_offset);
    head.i32(record.stored_sys_flag());
    head.i64(record.born_timestamp_ms);
    head.host(&record.born_host);
    head.i64(record.store_timestamp_ms);
    head.host(&record.store_host);
    head.i32(record.reconsume_times);
    head.i64(record.prepared_transaction_offset);
    head.i32(record.body.len() as i32);
    head
}

const HEAD_SIZE_MAX: usize = body_len_at(true, true) + 4;

struct Head {
    bytes: [u8; HEAD_SIZE_MAX],
    len: usize,
}

impl Head {
    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    #[inline]
    fn put<const N: usize>(&mut self, field: [u8; N]) {
        debug_assert!(self.len + N <= HEAD_SIZE_MAX);
        if let Some(to) = self.bytes.get_mut(self.len..self.len + N) {
            to.copy_from_slice(&field);
        }
        self.len += N;
    }

    #[inline]
    fn i32(&mut self, value: i32) {
        self.put(value.to_be_bytes());
    }

    #[inline]
    fn i64(&mut self, value: i64) {
        self.put(value.to_be_bytes());
    }

    #[inline]
    fn host(&mut self, host: &SocketAddr) {
        match host.ip().to_canonical() {
            IpAddr::V4(address) => self.put(address.octets()),
            IpAddr::V6(address) => self.put(address.octets()),
        }
        self.i32(i32::from(host.port()));
    }
}

#[cfg(test)]
pub(crate) mod tests;
