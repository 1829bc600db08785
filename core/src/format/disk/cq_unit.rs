//! One entry of a consume queue (store-format §9). Unit n of a queue lies at byte 20·n of its file sequence.
//!
//! ```text
//!  0  8  physical offset        valid when ≥ 0 and size > 0
//!  8  4  record size
//! 12  8  tagsCode               tags hash · deliver time · address of an extension unit
//! ```

/// Bytes of a unit.
#[doc(alias = "CQ_STORE_UNIT_SIZE")]
pub const CQ_UNIT_SIZE: usize = 20;

/// Where a message lies in the commit log, and the number filters look at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CqUnit {
    /// Physical offset of the record.
    pub physical_offset: i64,
    /// Its total size.
    pub size: i32,
    /// See [`crate::format::record::tags::record_tags_code`]; an address when [`super::cq_ext::is_address`].
    pub tags_code: i64,
}

impl CqUnit {
    /// Fills the part of a file before a queue's first real unit.
    pub const BLANK: Self = Self { physical_offset: 0, size: i32::MAX, tags_code: 0 };

    /// The unit's bytes.
    pub fn encode(&self) -> [u8; CQ_UNIT_SIZE] {
        let mut out = [0; CQ_UNIT_SIZE];
        let (offset, rest) = out.split_at_mut(8);
        let (size, tags_code) = rest.split_at_mut(4);
        offset.copy_from_slice(&self.physical_offset.to_be_bytes());
        size.copy_from_slice(&self.size.to_be_bytes());
        tags_code.copy_from_slice(&self.tags_code.to_be_bytes());
        out
    }

    /// Reads a unit.
    pub fn decode(bytes: &[u8; CQ_UNIT_SIZE]) -> Self {
        let [a, b, c, d, e, f, g, h, s0, s1, s2, s3, t @ ..] = *bytes;
        Self {
            physical_offset: i64::from_be_bytes([a, b, c, d, e, f, g, h]),
            size: i32::from_be_bytes([s0, s1, s2, s3]),
            tags_code: i64::from_be_bytes(t),
        }
    }

    /// The unit at the start of `bytes`; `None` when they are too few.
    pub fn first_of(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(Self::decode)
    }

    /// The unit at `index` of a slice; unlike a step through [`CqUnit::iter`] it costs the same everywhere.
    pub fn at(bytes: &[u8], index: usize) -> Option<Self> {
        bytes.as_chunks().0.get(index).map(Self::decode)
    }

    /// The whole units of a slice, in order.
    pub fn iter(bytes: &[u8]) -> impl ExactSizeIterator<Item = Self> + DoubleEndedIterator + '_ {
        bytes.as_chunks().0.iter().map(Self::decode)
    }

    /// Whether something was written here. Holds for [`Self::BLANK`] too, as in Java.
    pub const fn is_written(&self) -> bool {
        self.physical_offset >= 0 && self.size > 0
    }

    /// Whether this fills a gap and points to no record.
    pub const fn is_blank(&self) -> bool {
        self.physical_offset == 0 && self.size == i32::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_goes_both_ways() {
        let unit = CqUnit { physical_offset: 0x9E, size: 0x74, tags_code: -2 };
        let bytes = unit.encode();
        assert_eq!(bytes, *b"\0\0\0\0\0\0\0\x9E\0\0\0\x74\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE");
        assert_eq!(CqUnit::decode(&bytes), unit);
        assert_eq!(CqUnit::first_of(&bytes[..19]), None);
        let two = [CqUnit::BLANK.encode(), bytes].concat();
        assert_eq!(CqUnit::at(&two, 1), Some(unit));
        assert_eq!(CqUnit::at(&two[..39], 1), None);
    }

    #[test]
    fn blank_counts_as_written_and_zero_does_not() {
        assert!(CqUnit::BLANK.is_written() && CqUnit::BLANK.is_blank());
        assert!(!CqUnit::decode(&[0; CQ_UNIT_SIZE]).is_written());
    }
}
