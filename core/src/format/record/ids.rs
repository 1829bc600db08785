//! Message ids (store-format §5).
//!
//! ```text
//! offset message id  hex( store host address 4|16 · port int32 · physical offset int64 )           32 | 56 characters
//! unique key         hex( address 4|16 · pid 2 · loader hash 4 · ms since month start 4 · counter 2 )  32 | 56
//! ```
//!
//! Upper case when written, either case when read.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Characters of an id made with an IPv4 address.
pub const ID_LEN_V4: usize = 2 * (4 + 4 + 8);
/// Characters of an id made with an IPv6 address.
pub const ID_LEN_V6: usize = 2 * (16 + 4 + 8);

/// Where a message lies, as the text clients get: broker address and physical offset. Held inline.
#[doc(alias = "MessageId")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OffsetMessageId {
    text: [u8; ID_LEN_V6],
    len: u8,
}

impl OffsetMessageId {
    /// The id of the record at `physical_offset` of the broker known as `store_host`.
    #[doc(alias = "createMessageId")]
    pub fn new(store_host: SocketAddr, physical_offset: i64) -> Self {
        let mut id = Self { text: [0; ID_LEN_V6], len: 0 };
        match store_host.ip().to_canonical() {
            IpAddr::V4(address) => id.push(&address.octets()),
            IpAddr::V6(address) => id.push(&address.octets()),
        }
        id.push(&i32::from(store_host.port()).to_be_bytes());
        id.push(&physical_offset.to_be_bytes());
        id
    }

    /// The id of another record of the same broker.
    #[must_use]
    pub fn at(mut self, physical_offset: i64) -> Self {
        self.len -= 16;
        self.push(&physical_offset.to_be_bytes());
        self
    }

    /// The text's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Hex digits only, so this is always UTF-8.
        self.text
            .get(..usize::from(self.len))
            .and_then(|text| std::str::from_utf8(text).ok())
            .unwrap_or_default()
    }

    fn push<const N: usize>(&mut self, bytes: &[u8; N]) {
        let start = usize::from(self.len);
        let Some(to) = self.text.get_mut(start..start + 2 * N) else { return };
        for (pair, byte) in to.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
            *pair = HEX[usize::from(*byte)];
        }
        self.len += 2 * N as u8;
    }
}

/// The two digits of every byte.
const HEX: [[u8; 2]; 256] = {
    let mut digits = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        digits[byte] = [hex_digit((byte >> 4) as u8), hex_digit((byte & 0xF) as u8)];
        byte += 1;
    }
    digits
};

const fn hex_digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'A' - 10 + value }
}

impl AsRef<str> for OffsetMessageId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for OffsetMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for OffsetMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an offset message id says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessagePlace {
    /// Address of the broker.
    pub store_host: SocketAddr,
    /// Physical offset in its commit log.
    pub physical_offset: i64,
}

/// Reads an offset message id; `None` for a wrong length, a character that is not a hex digit, or an impossible port.
#[doc(alias = "decodeMessageId")]
pub fn parse_offset_message_id(text: &str) -> Option<MessagePlace> {
    let mut buffer = [0; ID_LEN_V6 / 2];
    let mut bytes = unhex(text.as_bytes(), &mut buffer)?;
    let address = take_address(&mut bytes)?;
    let port = u16::try_from(u32::from_be_bytes(take(&mut bytes)?)).ok()?;
    let physical_offset = i64::from_be_bytes(take(&mut bytes)?);
    Some(MessagePlace { store_host: SocketAddr::from((address, port)), physical_offset })
}

/// What a producer's unique key says, when it was made by a client of the Java family. The broker itself never needs it.
#[doc(alias = "MessageClientIDSetter")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UniqueKey {
    /// Address of the producer's host.
    pub address: IpAddr,
    /// Low 16 bits of its process id.
    pub process_id: u16,
    /// Hash of its class loader.
    pub loader_hash: i32,
    /// Milliseconds since the first of the month, the producer's local time.
    pub since_month_start_ms: i32,
    /// Running number, wraps.
    pub counter: u16,
}

impl UniqueKey {
    /// Reads a unique key; `None` when it is of another make.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut buffer = [0; ID_LEN_V6 / 2];
        let mut bytes = unhex(text, &mut buffer)?;
        Some(Self {
            address: take_address(&mut bytes)?,
            process_id: u16::from_be_bytes(take(&mut bytes)?),
            loader_hash: i32::from_be_bytes(take(&mut bytes)?),
            since_month_start_ms: i32::from_be_bytes(take(&mut bytes)?),
            counter: u16::from_be_bytes(take(&mut bytes)?),
        })
    }
}

/// The key's text, upper case.
impl fmt::Display for UniqueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address.to_canonical() {
            IpAddr::V4(address) => write_hex(f, &address.octets())?,
            IpAddr::V6(address) => write_hex(f, &address.octets())?,
        }
        write_hex(f, &self.process_id.to_be_bytes())?;
        write_hex(f, &self.loader_hash.to_be_bytes())?;
        write_hex(f, &self.since_month_start_ms.to_be_bytes())?;
        write_hex(f, &self.counter.to_be_bytes())
    }
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
}

/// Bytes of a text that has one of the two lengths.
fn unhex<'a>(text: &[u8], buffer: &'a mut [u8; ID_LEN_V6 / 2]) -> Option<&'a [u8]> {
    if text.len() != ID_LEN_V4 && text.len() != ID_LEN_V6 {
        return None;
    }
    let (pairs, _) = text.as_chunks::<2>();
    for ([high, low], to) in pairs.iter().zip(buffer.iter_mut()) {
        *to = digit(*high)? << 4 | digit(*low)?;
    }
    buffer.get(..text.len() / 2)
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).map(|digit| digit as u8)
}

/// Takes the address off the front of a whole id.
fn take_address(bytes: &mut &[u8]) -> Option<IpAddr> {
    if bytes.len() == ID_LEN_V4 / 2 {
        Some(IpAddr::V4(Ipv4Addr::from(take::<4>(bytes)?)))
    } else {
        Some(IpAddr::V6(Ipv6Addr::from(take::<16>(bytes)?)))
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (field, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*field)
}

const _: () = assert!(ID_LEN_V4 == 32 && ID_LEN_V6 == 56);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offset_id_goes_both_ways() {
        for (host, offset, text) in [
            ("127.0.0.1:10911", 4096, "7F00000100002A9F0000000000001000"),
            ("[::ffff:127.0.0.1]:10911", 4096, "7F00000100002A9F0000000000001000"),
            ("[2001:db8::2]:10911", 4096, "20010DB800000000000000000000000200002A9F0000000000001000"),
        ] {
            let id = OffsetMessageId::new(host.parse().unwrap(), offset);
            assert_eq!(id.as_str(), text);
            let place = parse_offset_message_id(text).unwrap();
            assert_eq!(OffsetMessageId::new(place.store_host, place.physical_offset), id);
            assert_eq!(parse_offset_message_id(&text.to_lowercase()), Some(place));
        }
    }

    #[test]
    fn offset_id_refuses_what_it_cannot_mean() {
        for text in [
            "",
            "7F00000100002A9F000000000000100",
            "7F00000100002A9F000000000000100G",
            "7F00000100012A9F0000000000001000",
            "7F000001000é2A9F00000000001000",
        ] {
            assert_eq!(parse_offset_message_id(text), None, "{text}");
        }
    }

    #[test]
    fn unique_key_shows_its_parts() {
        let key = UniqueKey::parse(b"7F00000112342A139A5500000001000A").unwrap();
        assert_eq!(key.address, IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!((key.process_id, key.counter, key.since_month_start_ms), (0x1234, 10, 1));
        assert_eq!(UniqueKey::parse(b"ABCDEF"), None);
        assert_eq!(key.to_string(), "7F00000112342A139A5500000001000A");
        let v6 = UniqueKey { address: "2001:db8::2".parse().unwrap(), ..key };
        assert_eq!(UniqueKey::parse(v6.to_string().as_bytes()), Some(v6));
    }
}
