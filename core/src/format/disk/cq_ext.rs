//! A unit of the consume queue extension (store-format §10), where the bit map of SQL filters is kept.
//!
//! ```text
//!  0  2  size of the unit, −1: nothing more in this file
//!  2  8  tagsCode
//! 10  8  store timestamp, ms
//! 18  2  M, size of the bit map
//! 20  M  bit map
//! ```
//!
//! Units follow each other without gaps; the last [`END_BLANK_SIZE`] bytes of a file stay free. A consume queue unit
//! names an extension unit by its address in place of the tagsCode: an address lies below every int32 hash.

/// Bytes of a unit without bit map.
pub const CQ_EXT_UNIT_MIN: usize = 20;
/// Bytes of the largest unit.
pub const CQ_EXT_UNIT_MAX: usize = i16::MAX as usize;
/// Bytes that stay free at the end of a file.
#[doc(alias = "END_BLANK_DATA_LENGTH")]
pub const END_BLANK_SIZE: usize = 4;
/// Written where a unit would begin when the rest of the file is not used.
pub const END_MARK: [u8; 2] = (-1_i16).to_be_bytes();
/// The highest address.
#[doc(alias = "MAX_ADDR")]
pub const ADDRESS_MAX: i64 = i32::MIN as i64 - 1;
/// The highest offset that has an address.
#[doc(alias = "MAX_REAL_OFFSET")]
pub const OFFSET_MAX: i64 = ADDRESS_MAX - i64::MIN;

/// Whether the tagsCode of a consume queue unit is an address.
#[doc(alias = "isExtAddr")]
pub const fn is_address(tags_code: i64) -> bool {
    tags_code <= ADDRESS_MAX
}

/// Offset in the extension's file sequence, when this is an address.
#[doc(alias = "unDecorate")]
pub const fn offset_of(tags_code: i64) -> Option<i64> {
    if is_address(tags_code) { Some(tags_code - i64::MIN) } else { None }
}

/// Address of an offset; `None` for an offset beyond [`OFFSET_MAX`] or below zero.
#[doc(alias = "decorate")]
pub const fn address_of(offset: i64) -> Option<i64> {
    if offset >= 0 && offset <= OFFSET_MAX { Some(offset + i64::MIN) } else { None }
}

/// What is kept about a message beside its consume queue unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CqExtUnit<'a> {
    /// The tagsCode the consume queue has no room for.
    pub tags_code: i64,
    /// Store timestamp of the message.
    pub store_timestamp_ms: i64,
    /// Which SQL filters match; empty when it was not computed.
    pub bit_map: &'a [u8],
}

/// What lies at a position of an extension file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CqExtPeek {
    /// A unit of this size, complete.
    Unit {
        /// Its size.
        size: usize,
    },
    /// The mark that the file ends here.
    EndMark,
    /// Nothing was written, or not a whole unit is there.
    End,
}

/// Looks at the size only.
#[doc(alias = "readBySkip")]
pub fn peek(bytes: &[u8]) -> CqExtPeek {
    let Some(size) = bytes.first_chunk().map(|size| i16::from_be_bytes(*size)) else {
        return CqExtPeek::End;
    };
    match usize::try_from(size) {
        Ok(size) if size >= CQ_EXT_UNIT_MIN && size <= bytes.len() => CqExtPeek::Unit { size },
        Ok(_) => CqExtPeek::End,
        Err(_) => CqExtPeek::EndMark,
    }
}

impl<'a> CqExtUnit<'a> {
    /// Bytes of the unit; `None` when the bit map is too long to be kept.
    #[doc(alias = "calcUnitSize")]
    pub fn size(&self) -> Option<usize> {
        CQ_EXT_UNIT_MIN.checked_add(self.bit_map.len()).filter(|size| *size <= CQ_EXT_UNIT_MAX)
    }

    /// The unit at the start of `bytes`; `None` when there is none, or when its bit map is longer than the unit.
    pub fn first_of(bytes: &'a [u8]) -> Option<Self> {
        let CqExtPeek::Unit { size } = peek(bytes) else { return None };
        let (_, rest) = bytes.get(..size)?.split_first_chunk::<2>()?;
        let (tags_code, rest) = rest.split_first_chunk::<8>()?;
        let (store_timestamp, rest) = rest.split_first_chunk::<8>()?;
        let (bit_map_len, rest) = rest.split_first_chunk::<2>()?;
        let bit_map_len = usize::try_from(i16::from_be_bytes(*bit_map_len)).unwrap_or(0);
        Some(Self {
            tags_code: i64::from_be_bytes(*tags_code),
            store_timestamp_ms: i64::from_be_bytes(*store_timestamp),
            bit_map: rest.get(..bit_map_len)?,
        })
    }

    /// Appends the unit to `out`; false, and nothing written, when the bit map is too long.
    pub fn encode(&self, out: &mut Vec<u8>) -> bool {
        let Some(size) = self.size() else { return false };
        out.reserve(size);
        // Both fit an int16: size() has checked the larger.
        out.extend_from_slice(&(size as i16).to_be_bytes());
        out.extend_from_slice(&self.tags_code.to_be_bytes());
        out.extend_from_slice(&self.store_timestamp_ms.to_be_bytes());
        out.extend_from_slice(&(self.bit_map.len() as i16).to_be_bytes());
        out.extend_from_slice(self.bit_map);
        true
    }
}

const _: () = assert!(ADDRESS_MAX == -2_147_483_649);
const _: () = assert!(CQ_EXT_UNIT_MIN == 2 + 8 + 8 + 2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_goes_both_ways() {
        for bit_map in [&b""[..], b"\x01\x80"] {
            let unit = CqExtUnit { tags_code: 7, store_timestamp_ms: 1_700_000_000_000, bit_map };
            let mut bytes = Vec::new();
            assert!(unit.encode(&mut bytes));
            assert_eq!(bytes.len(), unit.size().unwrap());
            assert_eq!(CqExtUnit::first_of(&bytes), Some(unit));
            assert_eq!(CqExtUnit::first_of(&bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn oversized_bit_map_is_refused() {
        let bit_map = vec![0; CQ_EXT_UNIT_MAX - CQ_EXT_UNIT_MIN + 1];
        let unit = CqExtUnit { tags_code: 0, store_timestamp_ms: 0, bit_map: &bit_map };
        assert!(!unit.encode(&mut Vec::new()));
    }

    #[test]
    fn address_lies_below_every_hash() {
        assert_eq!(address_of(0), Some(i64::MIN));
        assert_eq!(address_of(OFFSET_MAX), Some(ADDRESS_MAX));
        assert_eq!(address_of(OFFSET_MAX + 1), None);
        assert_eq!(offset_of(i64::MIN + 45), Some(45));
        assert!(!is_address(i64::from(i32::MIN)));
    }

    #[test]
    fn end_of_file_is_told_from_units() {
        assert_eq!(peek(&END_MARK), CqExtPeek::EndMark);
        assert_eq!(peek(&[0; 30]), CqExtPeek::End);
        assert_eq!(peek(&[0, 19, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), CqExtPeek::End);
        assert_eq!(peek(&[]), CqExtPeek::End);
    }
}
