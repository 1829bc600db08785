//! Field order, sizes and magic codes of a commit log record (store-format §2). Big endian.
//!
//! ```text
//!  at (v4/v4)  size    field
//!   0          4       total size, of this record
//!   4          4       magic 0xDAA320A7
//!   8          4       body CRC: CRC-32 of the stored body & 0x7FFFFFFF
//!  12          4       queue id
//!  16          4       flag, the application's
//!  20          8       queue offset
//!  28          8       physical offset
//!  36          4       sysFlag; bit 4: born host is IPv6, bit 5: store host is IPv6
//!  40          8       born timestamp, ms
//!  48          8 | 20  born host: address (4 or 16), port int32
//!  56          8       store timestamp, ms
//!  64          8 | 20  store host
//!  72          4       reconsume times
//!  76          8       prepared transaction offset
//!  84          4 + B   body length, body
//!  88+B        1 + T   topic length (signed byte), topic
//!  89+B+T      2 + P   properties length (int16), properties
//! ```
//!
//! A record that does not fit a file leaves a *blank* behind: the space left and magic 0xCBD43194, 8 bytes, the rest of
//! the file undefined. A file always keeps room for it: a record never ends within the last 8 bytes.

use std::net::SocketAddr;

/// Marks a message record.
#[doc(alias = "MESSAGE_MAGIC_CODE")]
pub const MESSAGE_MAGIC: i32 = 0xDAA3_20A7_u32 as i32;
/// Marks the filler at the end of a file.
#[doc(alias = "BLANK_MAGIC_CODE")]
pub const BLANK_MAGIC: i32 = 0xCBD4_3194_u32 as i32;
/// Bytes of a blank that are written, and the least room every record must leave behind itself.
#[doc(alias = "END_FILE_MIN_BLANK_LENGTH")]
pub const BLANK_MIN: usize = 8;

/// Offset of the total size.
pub const TOTAL_SIZE_AT: usize = 0;
/// Offset of the magic code.
pub const MAGIC_AT: usize = 4;
/// Offset of the body CRC.
pub const BODY_CRC_AT: usize = 8;
/// Offset of the queue id.
pub const QUEUE_ID_AT: usize = 12;
/// Offset of the application's flag.
pub const FLAG_AT: usize = 16;
/// Offset of the queue offset.
pub const QUEUE_OFFSET_AT: usize = 20;
/// Offset of the physical offset.
pub const PHYSICAL_OFFSET_AT: usize = 28;
/// Offset of sysFlag.
pub const SYS_FLAG_AT: usize = 36;
/// Offset of the born timestamp.
pub const BORN_TIMESTAMP_AT: usize = 40;
/// Offset of the born host. Everything behind it moves by 12 per IPv6 host.
pub const BORN_HOST_AT: usize = 48;

/// Bytes of an IPv4 host: address and port as int32.
pub const HOST_SIZE_V4: usize = 4 + 4;
/// Bytes of an IPv6 host.
pub const HOST_SIZE_V6: usize = 16 + 4;
/// What an IPv6 host takes more than an IPv4 host.
pub const HOST_V6_EXTRA: usize = HOST_SIZE_V6 - HOST_SIZE_V4;

/// Bytes of a record without body, topic and properties, both hosts IPv4.
pub const FIXED_SIZE: usize = body_len_at(false, false) + 4 + 1 + 2;
/// Longest topic: its length is a signed byte.
pub const TOPIC_LEN_MAX: usize = i8::MAX as usize;
/// Longest properties text: its length is an int16.
pub const PROPERTIES_LEN_MAX: usize = i16::MAX as usize;

/// Bytes of a host.
pub const fn host_size(is_v6: bool) -> usize {
    if is_v6 { HOST_SIZE_V6 } else { HOST_SIZE_V4 }
}

/// Offset of the store timestamp.
pub const fn store_timestamp_at(born_is_v6: bool) -> usize {
    BORN_HOST_AT + host_size(born_is_v6)
}

/// Offset of the store host.
pub const fn store_host_at(born_is_v6: bool) -> usize {
    store_timestamp_at(born_is_v6) + 8
}

/// Offset of the body length; the body follows it.
pub const fn body_len_at(born_is_v6: bool, store_is_v6: bool) -> usize {
    store_host_at(born_is_v6) + host_size(store_is_v6) + 4 + 8
}

/// Bytes of a whole record.
#[doc(alias = "calMsgLength")]
pub const fn record_size(
    body_len: usize,
    topic_len: usize,
    properties_len: usize,
    born_is_v6: bool,
    store_is_v6: bool,
) -> usize {
    let fixed = body_len_at(born_is_v6, store_is_v6) + 4 + 1 + 2;
    fixed.saturating_add(body_len).saturating_add(topic_len).saturating_add(properties_len)
}

/// Whether a host is stored with 16 address bytes. An IPv4 address mapped into IPv6 counts as IPv4, as in Java.
pub fn is_v6(host: &SocketAddr) -> bool {
    host.ip().to_canonical().is_ipv6()
}

/// Writes the blank that ends a file with `remaining` bytes left. False, and nothing written, when `out` is
/// shorter than [`BLANK_MIN`].
pub fn encode_blank(out: &mut [u8], remaining: i32) -> bool {
    let Some(out) = out.first_chunk_mut::<BLANK_MIN>() else { return false };
    let (size, magic) = out.split_at_mut(MAGIC_AT);
    size.copy_from_slice(&remaining.to_be_bytes());
    magic.copy_from_slice(&BLANK_MAGIC.to_be_bytes());
    true
}

const _: () = assert!(FIXED_SIZE == 91);
const _: () = assert!(record_size(0, 0, 0, true, true) == 91 + 2 * 12);
const _: () = assert!(store_timestamp_at(false) == 56 && store_timestamp_at(true) == 68);
const _: () = assert!(store_host_at(false) == 64 && body_len_at(false, false) == 84);
const _: () = assert!(MESSAGE_MAGIC == -626_843_481 && BLANK_MAGIC == -875_286_124);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_is_size_and_magic() {
        let mut out = [0xEE_u8; 10];
        assert!(encode_blank(&mut out, 300));
        assert_eq!(out, [0, 0, 1, 0x2C, 0xCB, 0xD4, 0x31, 0x94, 0xEE, 0xEE]);
        assert!(!encode_blank(&mut out[..7], 7));
    }

    #[test]
    fn mapped_v4_host_counts_as_v4() {
        assert!(!is_v6(&"[::ffff:10.0.0.1]:1".parse().unwrap()));
        assert!(is_v6(&"[::1]:1".parse().unwrap()));
    }
}
