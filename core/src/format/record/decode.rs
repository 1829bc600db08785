//! Bytes of a record → [`RecordView`], borrowed and checked (layout: [`super::layout`]). No input makes it panic.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::encode::{RecordFields, body_crc};
use super::ids::OffsetMessageId;
use super::layout::{
    BLANK_MAGIC, BLANK_MIN, BODY_CRC_AT, BORN_HOST_AT, BORN_TIMESTAMP_AT, FIXED_SIZE, FLAG_AT, MAGIC_AT,
    MESSAGE_MAGIC, PHYSICAL_OFFSET_AT, QUEUE_ID_AT, QUEUE_OFFSET_AT, SYS_FLAG_AT, TOTAL_SIZE_AT, body_len_at,
    host_size, store_host_at, store_timestamp_at,
};
use super::properties;
use crate::format::flags::TransactionType;
use crate::format::flags::sys_flag::{BORN_HOST_V6, STORE_HOST_V6};
use crate::format::names::property;

/// Why bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Fewer bytes than the record claims, or nothing was written here.
    #[error("record is not complete: {have} bytes")]
    Incomplete {
        /// Bytes given.
        have: usize,
    },
    /// The filler at the end of a file.
    #[error("filler at the end of a file, not a record")]
    Blank,
    /// Neither of the two magic codes.
    #[error("magic code {0:#010x} is not a record's")]
    Magic(i32),
    /// The total size is too small for any record, or negative.
    #[error("total size {0} is impossible")]
    Size(i32),
    /// The lengths inside do not add up to the total size.
    #[error("lengths inside the record do not add up to its total size {0}")]
    Lengths(usize),
}

/// What lies at the start of some bytes, judged by the first eight of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peek {
    /// A record, complete as far as its total size says.
    Record {
        /// Its total size.
        size: usize,
    },
    /// The filler at the end of a file; the next record is in the next file.
    Blank {
        /// Space it fills, itself included.
        size: usize,
    },
    /// Nothing was written here (zeros), or not all bytes of the record are there.
    End,
    /// Neither.
    Bad(RecordError),
}

/// Looks at the total size and the magic code only. Touches no more than eight bytes.
pub fn peek(bytes: &[u8]) -> Peek {
    let (Some(total_size), Some(magic)) = (i32_at(bytes, TOTAL_SIZE_AT), i32_at(bytes, MAGIC_AT)) else {
        return Peek::End;
    };
    let size = usize::try_from(total_size).unwrap_or(0);
    match magic {
        MESSAGE_MAGIC if size < FIXED_SIZE => Peek::Bad(RecordError::Size(total_size)),
        MESSAGE_MAGIC if size > bytes.len() => Peek::End,
        MESSAGE_MAGIC => Peek::Record { size },
        BLANK_MAGIC if size < BLANK_MIN => Peek::Bad(RecordError::Size(total_size)),
        BLANK_MAGIC => Peek::Blank { size },
        0 if total_size == 0 => Peek::End,
        _ => Peek::Bad(RecordError::Magic(magic)),
    }
}

/// Total size that the record at the start of `bytes` claims, of which no more than the head need be there. `None` when there is no
/// head of a record.
pub fn claimed_size(bytes: &[u8]) -> Option<usize> {
    let size = usize::try_from(i32_at(bytes, TOTAL_SIZE_AT)?).ok()?;
    (i32_at(bytes, MAGIC_AT)? == MESSAGE_MAGIC && size >= FIXED_SIZE).then_some(size)
}

/// Where in `bytes` the next record may begin, by the magic code: for those who look for what is left behind damage.
pub fn find_head(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes.get(MAGIC_AT..)?, &MESSAGE_MAGIC.to_be_bytes())
}

/// Store timestamp of the record at the start of `bytes`, without looking at anything but its head. `None` when
/// the head is not there or is not a record's.
pub fn peek_store_timestamp_ms(bytes: &[u8]) -> Option<i64> {
    if i32_at(bytes, MAGIC_AT)? != MESSAGE_MAGIC {
        return None;
    }
    let born_is_v6 = i32_at(bytes, SYS_FLAG_AT)? & BORN_HOST_V6 != 0;
    i64_at(bytes, store_timestamp_at(born_is_v6))
}

/// One record, borrowed from the bytes it lies in.
#[doc(alias = "MessageExt")]
#[derive(Debug, Clone, Copy)]
pub struct RecordView<'a> {
    bytes: &'a [u8],
    body: &'a [u8],
    topic: &'a [u8],
    properties: &'a [u8],
    sys_flag: i32,
}

impl<'a> RecordView<'a> {
    /// The record at the start of `bytes`; more may follow it. Checks sizes and magic, not the CRC, and does not touch the body.
    #[doc(alias = "checkMessageAndReturnSize")]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RecordError> {
        let size = match peek(bytes) {
            Peek::Record { size } => size,
            Peek::Blank { .. } => return Err(RecordError::Blank),
            Peek::End => return Err(RecordError::Incomplete { have: bytes.len() }),
            Peek::Bad(error) => return Err(error),
        };
        let bytes = bytes.get(..size).ok_or(RecordError::Incomplete { have: bytes.len() })?;
        Self::of_whole(bytes).ok_or(RecordError::Lengths(size))
    }

    fn of_whole(bytes: &'a [u8]) -> Option<Self> {
        let sys_flag = i32_at(bytes, SYS_FLAG_AT)?;
        let body_len_at = body_len_at(sys_flag & BORN_HOST_V6 != 0, sys_flag & STORE_HOST_V6 != 0);
        let body_len = usize::try_from(i32_at(bytes, body_len_at)?).ok()?;
        let (body, rest) = bytes.get(body_len_at + 4..)?.split_at_checked(body_len)?;
        let (topic_len, rest) = rest.split_first()?;
        let topic_len = usize::try_from(*topic_len as i8).ok()?;
        let (topic, rest) = rest.split_at_checked(topic_len)?;
        let (properties_len, properties) = rest.split_first_chunk::<2>()?;
        let properties_len = usize::try_from(i16::from_be_bytes(*properties_len)).ok()?;
        (properties.len() == properties_len).then_some(Self { bytes, body, topic, properties, sys_flag })
    }

    /// The record's bytes, exactly.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Its size in bytes.
    pub fn total_size(&self) -> usize {
        self.bytes.len()
    }

    /// CRC of the body as stored.
    pub fn body_crc(&self) -> u32 {
        self.i32(BODY_CRC_AT) as u32
    }

    /// Whether the body has the stored CRC. As in Java an empty body is not checked.
    pub fn crc_ok(&self) -> bool {
        self.body.is_empty() || body_crc(self.body) == self.body_crc()
    }

    /// Queue of the topic.
    pub fn queue_id(&self) -> i32 {
        self.i32(QUEUE_ID_AT)
    }

    /// The application's value.
    pub fn flag(&self) -> i32 {
        self.i32(FLAG_AT)
    }

    /// Index in the consume queue.
    pub fn queue_offset(&self) -> i64 {
        self.i64(QUEUE_OFFSET_AT)
    }

    /// Where the record says it lies in the commit log.
    pub fn physical_offset(&self) -> i64 {
        self.i64(PHYSICAL_OFFSET_AT)
    }

    /// See `format::flags::sys_flag`.
    pub fn sys_flag(&self) -> i32 {
        self.sys_flag
    }

    /// Transaction state, from sysFlag.
    pub fn transaction_type(&self) -> TransactionType {
        TransactionType::of(self.sys_flag)
    }

    /// The producer's clock.
    pub fn born_timestamp_ms(&self) -> i64 {
        self.i64(BORN_TIMESTAMP_AT)
    }

    /// Source address of the producer's connection.
    pub fn born_host(&self) -> SocketAddr {
        host_at(self.bytes, BORN_HOST_AT, self.born_is_v6())
    }

    /// When the broker stored it.
    pub fn store_timestamp_ms(&self) -> i64 {
        self.i64(store_timestamp_at(self.born_is_v6()))
    }

    /// Address of the broker that stored it.
    pub fn store_host(&self) -> SocketAddr {
        host_at(self.bytes, store_host_at(self.born_is_v6()), self.store_is_v6())
    }

    /// How often a consumer sent it back.
    pub fn reconsume_times(&self) -> i32 {
        self.i32(store_host_at(self.born_is_v6()) + host_size(self.store_is_v6()))
    }

    /// Physical offset of the half message in a commit record, else 0.
    pub fn prepared_transaction_offset(&self) -> i64 {
        self.i64(store_host_at(self.born_is_v6()) + host_size(self.store_is_v6()) + 4)
    }

    /// Body as sent.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Topic; `None` when it is not UTF-8, which only a damaged record shows (the CRC does not cover the topic).
    pub fn topic(&self) -> Option<&'a str> {
        std::str::from_utf8(self.topic).ok()
    }

    /// Topic as stored.
    pub fn topic_bytes(&self) -> &'a [u8] {
        self.topic
    }

    /// Properties text as stored; see [`super::properties`].
    pub fn properties(&self) -> &'a [u8] {
        self.properties
    }

    /// Value of a property.
    pub fn property(&self, name: &[u8]) -> Option<&'a [u8]> {
        properties::get(self.properties, name)
    }

    /// The producer's unique id.
    pub fn uniq_key(&self) -> Option<&'a [u8]> {
        self.property(property::UNIQ_KEY)
    }

    /// Keys, separated by blanks.
    pub fn keys(&self) -> Option<&'a [u8]> {
        self.property(property::KEYS)
    }

    /// Tags, the whole text.
    pub fn tags(&self) -> Option<&'a [u8]> {
        self.property(property::TAGS)
    }

    /// The id made of store host and physical offset.
    pub fn offset_message_id(&self) -> OffsetMessageId {
        OffsetMessageId::new(self.store_host(), self.physical_offset())
    }

    /// Every field, to encode the record anew with changes.
    pub fn fields(&self) -> RecordFields<'a> {
        RecordFields {
            queue_id: self.queue_id(),
            flag: self.flag(),
            queue_offset: self.queue_offset(),
            physical_offset: self.physical_offset(),
            sys_flag: self.sys_flag(),
            born_timestamp_ms: self.born_timestamp_ms(),
            born_host: self.born_host(),
            store_timestamp_ms: self.store_timestamp_ms(),
            store_host: self.store_host(),
            reconsume_times: self.reconsume_times(),
            prepared_transaction_offset: self.prepared_transaction_offset(),
            body: self.body,
            body_crc: self.body_crc(),
            topic: self.topic,
            properties: self.properties,
        }
    }

    fn born_is_v6(&self) -> bool {
        self.sys_flag & BORN_HOST_V6 != 0
    }

    fn store_is_v6(&self) -> bool {
        self.sys_flag & STORE_HOST_V6 != 0
    }

    /// A field of the head, which [`Self::of_whole`] has shown to be there.
    fn i32(&self, at: usize) -> i32 {
        i32_at(self.bytes, at).unwrap_or_default()
    }

    fn i64(&self, at: usize) -> i64 {
        i64_at(self.bytes, at).unwrap_or_default()
    }
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    bytes.get(at..)?.first_chunk().map(|field| i32::from_be_bytes(*field))
}

fn i64_at(bytes: &[u8], at: usize) -> Option<i64> {
    bytes.get(at..)?.first_chunk().map(|field| i64::from_be_bytes(*field))
}

/// A host field. A port is an int32 on disk; only its low 16 bits can mean anything.
fn host_at(bytes: &[u8], at: usize, is_v6: bool) -> SocketAddr {
    let field = bytes.get(at..).unwrap_or_default();
    let port = i32_at(field, host_size(is_v6) - 4).unwrap_or_default() as u16;
    if is_v6 {
        let octets = field.first_chunk::<16>().copied().unwrap_or_default();
        SocketAddr::from((Ipv6Addr::from(octets), port))
    } else {
        let octets = field.first_chunk::<4>().copied().unwrap_or_default();
        SocketAddr::from((Ipv4Addr::from(octets), port))
    }
}

#[cfg(test)]
mod tests;
