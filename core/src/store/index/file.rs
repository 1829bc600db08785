//! One file: put a key, count what a record has, follow a slot.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

use parking_lot::{RwLock, RwLockReadGuard};

use crate::format::disk::index::{IndexEntry, IndexHeader, IndexLayout, decode_slot, encode_slot};
use crate::mmap::disk::Disk;
use crate::mmap::mapped_table::MappedTable;

/// A query lets the writer in after as many entries.
const ENTRIES_BETWEEN_PAUSES: u32 = 1024;

/// One key of one record, as it is put.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// See `index_key_hash`.
    pub hash: i32,
    /// The record.
    pub physical_offset: i64,
    /// When it was stored.
    pub store_timestamp_ms: i64,
}

/// What a query asks of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub hash: i32,
    pub begin_ms: i64,
    pub end_ms: i64,
    pub count_max: usize,
}

/// One index file.
#[derive(Debug)]
pub struct IndexFile {
    name: String,
    layout: IndexLayout,
    table: RwLock<MappedTable>,
    /// The newest record in it; the one writer keeps it, so that it need not read it back.
    end_physical_offset: AtomicI64,
    /// How many keys it still takes.
    free_entries: AtomicU32,
    is_durable: AtomicBool,
}

impl IndexFile {
    /// Opens an existing file; one of another size is [`io::ErrorKind::InvalidData`].
    pub fn open(disk: &Disk, path: &Path, name: &str, layout: IndexLayout) -> io::Result<Self> {
        Ok(Self::of(MappedTable::open(disk, path, layout.file_size())?, name, layout))
    }

    /// Creates a file that begins with `header`, its blocks allocated. Nothing is left behind on failure.
    pub fn create(
        disk: &Disk,
        path: &Path,
        name: &str,
        layout: IndexLayout,
        header: &IndexHeader,
    ) -> io::Result<Self> {
        let create = || {
            let mut table = MappedTable::open_or_create(disk, path, layout.file_size())?;
            write(table.bytes_mut(), 0, &header.encode());
            path.parent().map_or(Ok(()), |dir| disk.sync_dir(dir))?;
            Ok(Self::of(table, name, layout))
        };
        create().inspect_err(|_| drop(disk.remove(path)))
    }

    /// Empties an existing file, which then begins with `header`; one of another size is [`io::ErrorKind::InvalidData`]. Entries stay:
    /// what the header does not count is not there.
    pub fn begin_anew(
        disk: &Disk,
        path: &Path,
        name: &str,
        layout: IndexLayout,
        header: &IndexHeader,
    ) -> io::Result<Self> {
        let mut table = MappedTable::open(disk, path, layout.file_size())?;
        // First, so that a half-emptied file does not count as full.
        write(table.bytes_mut(), 0, &header.encode());
        let slots = layout.slot_at(0)..layout.entry_at(0);
        table.bytes_mut().get_mut(slots).unwrap_or_default().fill(0);
        Ok(Self::of(table, name, layout))
    }

    fn of(table: MappedTable, name: &str, layout: IndexLayout) -> Self {
        let header = header_of(table.bytes());
        Self {
            name: name.to_owned(),
            layout,
            table: RwLock::new(table),
            end_physical_offset: AtomicI64::new(header.end_physical_offset),
            free_entries: AtomicU32::new(layout.free_entries(header.next_entry)),
            is_durable: AtomicBool::new(false),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn header(&self) -> IndexHeader {
        header_of(self.table.read().bytes())
    }

    pub fn is_full(&self) -> bool {
        self.free_entries() == 0
    }

    /// How many keys it still takes.
    pub fn free_entries(&self) -> u32 {
        self.free_entries.load(Ordering::Acquire)
    }

    /// Physical offset of the newest record in it.
    pub fn end_physical_offset(&self) -> i64 {
        self.end_physical_offset.load(Ordering::Acquire)
    }

    /// Adds an entry for each key, as far as they fit; says how many did. Called by one thread at a time.
    #[doc(alias = "putKey")]
    pub(super) fn put(&self, keys: &[Key]) -> usize {
        // A full file may be held by its sync: its lock is not taken here.
        if self.is_full() {
            return 0;
        }
        let mut table = self.table.write();
        let bytes = table.bytes_mut();
        let mut header = header_of(bytes);
        let fitting = keys.len().min(self.free_entries() as usize);
        for key in keys.iter().take(fitting) {
            let number = header.next_entry;
            let slot_at = self.layout.slot_at(self.layout.slot_of(key.hash));
            let previous =
                bytes.get(slot_at..).and_then(decode_slot).filter(|slot| self.names_entry(*slot, number));
            let entry = IndexEntry {
                key_hash: key.hash,
                physical_offset: key.physical_offset,
                seconds: header.seconds_of(key.store_timestamp_ms),
                previous: previous.unwrap_or(0),
            };
            header.count(key.physical_offset, key.store_timestamp_ms, previous.is_none());
            write(bytes, self.layout.entry_at(number), &entry.encode());
            write(bytes, slot_at, &encode_slot(number));
        }
        write(bytes, 0, &header.encode());
        drop(table);
        self.end_physical_offset.store(header.end_physical_offset, Ordering::Release);
        self.free_entries.store(self.layout.free_entries(header.next_entry), Ordering::Release);
        fitting
    }

    fn names_entry(&self, value: i32, next_entry: u32) -> bool {
        self.layout.entry_named(value, next_entry).is_some()
    }

    /// How many of the newest entries belong to the record at `physical_offset`, and whether that is all there are.
    pub fn newest_entries_of(&self, physical_offset: i64) -> (usize, bool) {
        let table = self.table.read();
        let entries = (1..header_of(table.bytes()).next_entry).rev();
        let total = entries.len();
        let of_record = entries
            .take_while(|number| {
                self.entry(&table, *number).is_some_and(|entry| entry.physical_offset == physical_offset)
            })
            .count();
        (of_record, of_record == total)
    }

    /// Adds the offsets of entries with this hash and time to `found`, newest first, as long as there are fewer than the maximum.
    #[doc(alias = "selectPhyOffset")]
    pub(super) fn select(&self, wanted: &Wanted, found: &mut Vec<i64>) {
        let mut table = self.table.read();
        let header = header_of(table.bytes());
        let slot_at = self.layout.slot_at(self.layout.slot_of(wanted.hash));
        let mut value = table.bytes().get(slot_at..).and_then(decode_slot).unwrap_or(0);
        // Older entries have lower numbers; anything else is damage, and would be a circle.
        let mut below = header.next_entry;
        let mut steps = 0;
        while found.len() < wanted.count_max
            && let Some(number) = self.layout.entry_named(value, below)
            && let Some(entry) = self.entry(&table, number)
            && let Some(time_ms) = header.time_of_ms(entry.seconds)
        {
            if entry.key_hash == wanted.hash && (wanted.begin_ms..=wanted.end_ms).contains(&time_ms) {
                found.push(entry.physical_offset);
            }
            if time_ms < wanted.begin_ms {
                return;
            }
            (below, value, steps) = (number, entry.previous, steps + 1);
            if steps % ENTRIES_BETWEEN_PAUSES == 0 {
                RwLockReadGuard::bump(&mut table);
            }
        }
    }

    fn entry(&self, table: &MappedTable, number: u32) -> Option<IndexEntry> {
        IndexEntry::first_of(table.bytes().get(self.layout.entry_at(number)..)?)
    }

    pub fn is_durable(&self) -> bool {
        self.is_durable.load(Ordering::Acquire)
    }

    pub fn set_durable(&self) {
        self.is_durable.store(true, Ordering::Release);
    }

    /// Makes the file durable. Keeps the writer out meanwhile: for files that are full, or when nobody writes.
    pub fn sync(&self) -> io::Result<()> {
        self.table.read().sync()
    }

    /// Removes the file's name; queries that read it go on.
    pub fn remove(&self) -> io::Result<()> {
        self.table.read().remove()
    }
}

fn header_of(bytes: &[u8]) -> IndexHeader {
    IndexHeader::first_of(bytes).unwrap_or(IndexHeader::following(0, 0))
}

fn write(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(target) = bytes.get_mut(at..at + value.len()) {
        target.copy_from_slice(value);
    }
}
