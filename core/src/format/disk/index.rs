//! A key index file: header, hash slots, entries (store-format §11).
//!
//! ```text
//!   0              8      begin store timestamp, ms
//!   8              8      end store timestamp
//!  16              8      begin physical offset
//!  24              8      end physical offset
//!  32              4      used slots
//!  36              4      next entry number: entries + 1, so entry 0 is never used
//!  40              4·S    slots: number of the newest entry with that slot, 0 none
//!  40 + 4·S       20·E    entries
//!
//!  entry   0  4  key hash
//!          4  8  physical offset
//!         12  4  seconds since the header's begin timestamp
//!         16  4  previous entry of the slot, 0 none
//! ```
//!
//! The key of an entry is `topic#key`; its hash is [`crate::format::record::tags::index_key_hash`], its slot the hash modulo S.

/// Bytes of the header.
pub const INDEX_HEADER_SIZE: usize = 40;
/// Bytes of a slot.
pub const INDEX_SLOT_SIZE: usize = 4;
/// Bytes of an entry.
pub const INDEX_ENTRY_SIZE: usize = 20;
/// Slots of a file unless configured otherwise (`maxHashSlotNum`).
pub const INDEX_SLOTS_DEFAULT: u32 = 5_000_000;
/// Entries of a file unless configured otherwise (`maxIndexNum`).
pub const INDEX_ENTRIES_DEFAULT: u32 = 20_000_000;

/// Numbers of slots and entries of the files of one store, and where each lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexLayout {
    slots: u32,
    entries: u32,
}

impl IndexLayout {
    /// `None` without slots, or when a file would exceed an int32 of bytes.
    pub const fn new(slots: u32, entries: u32) -> Option<Self> {
        let layout = Self { slots, entries };
        if slots == 0 || layout.file_size() > i32::MAX as usize { None } else { Some(layout) }
    }

    /// Number of slots.
    pub const fn slots(&self) -> u32 {
        self.slots
    }

    /// Room for entries, the unused entry 0 included.
    pub const fn entries(&self) -> u32 {
        self.entries
    }

    /// Bytes of a file.
    pub const fn file_size(&self) -> usize {
        self.entry_at(self.entries)
    }

    /// Slot of a key hash. Hashes are never negative; a negative one would go to slot 0.
    pub const fn slot_of(&self, key_hash: i32) -> u32 {
        if key_hash < 0 { 0 } else { key_hash as u32 % self.slots }
    }

    /// Where a slot lies.
    pub const fn slot_at(&self, slot: u32) -> usize {
        INDEX_HEADER_SIZE + slot as usize * INDEX_SLOT_SIZE
    }

    /// Where an entry lies.
    pub const fn entry_at(&self, number: u32) -> usize {
        self.slot_at(self.slots) + number as usize * INDEX_ENTRY_SIZE
    }

    /// Entry a slot or an entry's `previous` names, given the header's next number; `None` when it names none. A value beyond
    /// what was written (left by a crash) counts as none.
    pub const fn entry_named(&self, value: i32, next_entry: u32) -> Option<u32> {
        if value <= 0 || value as u32 >= next_entry || value as u32 >= self.entries {
            return None;
        }
        Some(value as u32)
    }

    /// How many further entries fit.
    #[doc(alias = "isWriteFull")]
    pub const fn free_entries(&self, next_entry: u32) -> u32 {
        self.entries.saturating_sub(next_entry)
    }
}

impl Default for IndexLayout {
    fn default() -> Self {
        Self { slots: INDEX_SLOTS_DEFAULT, entries: INDEX_ENTRIES_DEFAULT }
    }
}

/// The header of an index file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexHeader {
    /// Store timestamp of the first message in it; until then that of the previous file's last message.
    pub begin_timestamp_ms: i64,
    /// Store timestamp of the last message.
    pub end_timestamp_ms: i64,
    /// Physical offset of the first message; until then that of the previous file's last message.
    pub begin_physical_offset: i64,
    /// Physical offset of the last message.
    pub end_physical_offset: i64,
    /// Slots that were used at least once.
    pub used_slots: u32,
    /// Number the next entry gets, from 1.
    #[doc(alias = "indexCount")]
    pub next_entry: u32,
}

impl IndexHeader {
    /// The header of a new file after one that ended at the given time and offset (0: there was none).
    pub const fn following(end_timestamp_ms: i64, end_physical_offset: i64) -> Self {
        Self {
            begin_timestamp_ms: end_timestamp_ms,
            end_timestamp_ms,
            begin_physical_offset: end_physical_offset,
            end_physical_offset,
            used_slots: 0,
            next_entry: 1,
        }
    }

    /// The header's bytes.
    pub fn encode(&self) -> [u8; INDEX_HEADER_SIZE] {
        let longs = [
            self.begin_timestamp_ms,
            self.end_timestamp_ms,
            self.begin_physical_offset,
            self.end_physical_offset,
            i64::from(self.used_slots) << 32 | i64::from(self.next_entry),
        ];
        let mut out = [0; INDEX_HEADER_SIZE];
        for (to, long) in out.as_chunks_mut::<8>().0.iter_mut().zip(longs) {
            *to = long.to_be_bytes();
        }
        out
    }

    /// Reads a header. A next number below 1, as in a file never written to, becomes 1.
    pub fn decode(bytes: &[u8; INDEX_HEADER_SIZE]) -> Self {
        let (longs, _) = bytes.as_chunks::<8>();
        let mut longs = longs.iter().map(|long| i64::from_be_bytes(*long));
        let mut next = || longs.next().unwrap_or_default();
        let (begin_timestamp_ms, end_timestamp_ms) = (next(), next());
        let (begin_physical_offset, end_physical_offset) = (next(), next());
        let counts = next();
        let (used_slots, next_entry) = ((counts >> 32) as i32, counts as i32);
        Self {
            begin_timestamp_ms,
            end_timestamp_ms,
            begin_physical_offset,
            end_physical_offset,
            used_slots: used_slots.max(0) as u32,
            next_entry: next_entry.max(1) as u32,
        }
    }

    /// The header at the start of a file; `None` when that is too short.
    pub fn first_of(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(Self::decode)
    }

    /// Whether the file may hold messages stored between `begin_ms` and `end_ms`.
    pub const fn is_time_matched(&self, begin_ms: i64, end_ms: i64) -> bool {
        let (begin, end) = (self.begin_timestamp_ms, self.end_timestamp_ms);
        (begin_ms < begin && end_ms > end)
            || (begin_ms >= begin && begin_ms <= end)
            || (end_ms >= begin && end_ms <= end)
    }

    /// The seconds field of an entry: since the begin timestamp, 0 while that is unset, never negative.
    pub fn seconds_of(&self, store_timestamp_ms: i64) -> i32 {
        if self.begin_timestamp_ms <= 0 {
            return 0;
        }
        let seconds = store_timestamp_ms.saturating_sub(self.begin_timestamp_ms) / 1000;
        seconds.clamp(0, i64::from(i32::MAX)) as i32
    }

    /// Store time of an entry, to the second; `None` for a negative field, which ends a chain.
    pub fn time_of_ms(&self, seconds: i32) -> Option<i64> {
        (seconds >= 0).then(|| self.begin_timestamp_ms.saturating_add(i64::from(seconds) * 1000))
    }

    /// Counts one more entry. `slot_was_empty` says whether it was the first of its slot.
    pub fn count(&mut self, physical_offset: i64, store_timestamp_ms: i64, slot_was_empty: bool) {
        if self.next_entry <= 1 {
            self.begin_physical_offset = physical_offset;
            self.begin_timestamp_ms = store_timestamp_ms;
        }
        self.used_slots += u32::from(slot_was_empty);
        self.next_entry += 1;
        self.end_physical_offset = physical_offset;
        self.end_timestamp_ms = store_timestamp_ms;
    }
}

/// One key of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    /// Hash of `topic#key`. Different keys may share it.
    pub key_hash: i32,
    /// Where the message lies.
    pub physical_offset: i64,
    /// See [`IndexHeader::seconds_of`].
    pub seconds: i32,
    /// Number of the next older entry in the slot; see [`IndexLayout::entry_named`].
    pub previous: i32,
}

impl IndexEntry {
    /// The entry's bytes.
    pub fn encode(&self) -> [u8; INDEX_ENTRY_SIZE] {
        let mut out = [0; INDEX_ENTRY_SIZE];
        let (hash, rest) = out.split_at_mut(4);
        let (offset, rest) = rest.split_at_mut(8);
        let (seconds, previous) = rest.split_at_mut(4);
        hash.copy_from_slice(&self.key_hash.to_be_bytes());
        offset.copy_from_slice(&self.physical_offset.to_be_bytes());
        seconds.copy_from_slice(&self.seconds.to_be_bytes());
        previous.copy_from_slice(&self.previous.to_be_bytes());
        out
    }

    /// Reads an entry.
    pub fn decode(bytes: &[u8; INDEX_ENTRY_SIZE]) -> Self {
        let [h0, h1, h2, h3, a, b, c, d, e, f, g, h, s0, s1, s2, s3, p @ ..] = *bytes;
        Self {
            key_hash: i32::from_be_bytes([h0, h1, h2, h3]),
            physical_offset: i64::from_be_bytes([a, b, c, d, e, f, g, h]),
            seconds: i32::from_be_bytes([s0, s1, s2, s3]),
            previous: i32::from_be_bytes(p),
        }
    }

    /// The entry at the start of `bytes`; `None` when they are too few.
    pub fn first_of(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(Self::decode)
    }
}

/// The value of a slot from its bytes; `None` when they are too few.
pub fn decode_slot(bytes: &[u8]) -> Option<i32> {
    bytes.first_chunk().map(|slot| i32::from_be_bytes(*slot))
}

/// The bytes of a slot.
pub const fn encode_slot(entry: u32) -> [u8; INDEX_SLOT_SIZE] {
    entry.to_be_bytes()
}

const _: () = assert!(
    INDEX_HEADER_SIZE
        + INDEX_SLOTS_DEFAULT as usize * INDEX_SLOT_SIZE
        + INDEX_ENTRIES_DEFAULT as usize * INDEX_ENTRY_SIZE
        == 420_000_040
);

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> IndexLayout {
        IndexLayout::new(100, 400).unwrap()
    }

    #[test]
    fn header_and_entry_go_both_ways() {
        let mut header = IndexHeader::following(5_000, 77);
        header.count(80, 6_000, true);
        assert_eq!((header.begin_timestamp_ms, header.begin_physical_offset), (6_000, 80));
        header.count(90, 9_999, false);
        assert_eq!((header.used_slots, header.next_entry, header.end_physical_offset), (1, 3, 90));
        assert_eq!(IndexHeader::decode(&header.encode()), header);

        let entry = IndexEntry { key_hash: 7, physical_offset: 1 << 40, seconds: 3, previous: 2 };
        assert_eq!(IndexEntry::decode(&entry.encode()), entry);
    }

    #[test]
    fn empty_header_starts_at_entry_one() {
        let header = IndexHeader::decode(&[0; INDEX_HEADER_SIZE]);
        assert_eq!(header, IndexHeader::following(0, 0));
    }

    #[test]
    fn seconds_are_clamped() {
        let header = IndexHeader::following(10_000, 1);
        assert_eq!(header.seconds_of(12_999), 2);
        assert_eq!(header.seconds_of(9_000), 0);
        assert_eq!(header.seconds_of(i64::MAX), i32::MAX);
        assert_eq!(IndexHeader::following(0, 0).seconds_of(12_999), 0);
        assert_eq!((header.time_of_ms(2), header.time_of_ms(-1)), (Some(12_000), None));
    }

    #[test]
    fn entries_beyond_the_written_ones_are_none() {
        let layout = layout();
        assert_eq!(layout.entry_named(3, 4), Some(3));
        assert_eq!(
            [layout.entry_named(0, 4), layout.entry_named(4, 4), layout.entry_named(-1, 4)],
            [None; 3]
        );
        assert_eq!((layout.free_entries(400), layout.free_entries(399)), (0, 1));
    }

    #[test]
    fn layout_knows_its_sizes() {
        assert_eq!(layout().file_size(), 40 + 400 + 8_000);
        assert_eq!(layout().slot_of(i32::MAX), 47);
        assert_eq!(IndexLayout::default().file_size(), 420_000_040);
        assert_eq!(IndexLayout::new(0, 1), None);
        assert_eq!(IndexLayout::new(5_000_000, 200_000_000), None);
    }
}
