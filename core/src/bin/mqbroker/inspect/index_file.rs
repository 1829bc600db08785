//! One file of the key index, for reading only.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use libbroker::internals::format::disk::index::{
    INDEX_ENTRY_SIZE, INDEX_HEADER_SIZE, INDEX_SLOT_SIZE, IndexEntry, IndexHeader, IndexLayout, decode_slot,
};
use libbroker::{Error, ErrorKind};

use super::store_dir::StoreDir;

/// Slots or entries read at once.
const AT_ONCE: usize = 8192;

/// Is called with a number and its bytes; false when it has enough.
type EachPiece<'a> = dyn FnMut(u32, &[u8]) -> Result<bool, Error> + 'a;

/// An index file whose size is one that index files have.
#[derive(Debug)]
pub struct IndexFile {
    pub path: PathBuf,
    pub header: IndexHeader,
    pub layout: IndexLayout,
    file: File,
}

impl IndexFile {
    /// Opens it and reads its header.
    pub fn open(store: &StoreDir, path: &Path) -> Result<Self, Error> {
        let failed = |cause| Error::io(format_args!("cannot read {}", path.display()), &cause);
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let layout = store.index_layout(size).ok_or_else(|| {
            let text = format!(
                "{}: {size} bytes fit no number of slots and entries; where maxHashSlotNum and maxIndexNum are not \
                 1 to 4 name the broker's properties file with -c",
                path.display()
            );
            Error::new(ErrorKind::StoreCorrupt, text)
        })?;
        let mut bytes = [0; INDEX_HEADER_SIZE];
        file.read_exact_at(&mut bytes, 0).map_err(failed)?;
        Ok(Self { path: path.to_owned(), header: IndexHeader::decode(&bytes), layout, file })
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Number behind the last entry that the header counts and the file has room for.
    pub fn next_entry(&self) -> u32 {
        self.header.next_entry.min(self.layout.entries())
    }

    /// Calls `each` with every slot and its value.
    pub fn each_slot(&self, each: &mut dyn FnMut(u32, i32) -> Result<(), Error>) -> Result<(), Error> {
        self.each_piece(
            self.layout.slot_at(0),
            INDEX_SLOT_SIZE,
            (0, self.layout.slots()),
            &mut |number, bytes| each(number, decode_slot(bytes).unwrap_or_default()).map(|()| true),
        )
    }

    /// Calls `each` with the entries that the header counts, oldest first, until it has enough.
    pub fn each_entry(
        &self,
        each: &mut dyn FnMut(u32, IndexEntry) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let numbers = (1, self.next_entry());
        self.each_piece(self.layout.entry_at(0), INDEX_ENTRY_SIZE, numbers, &mut |number, bytes| {
            IndexEntry::first_of(bytes).map_or(Ok(true), |entry| each(number, entry))
        })
    }

    fn each_piece(
        &self,
        start: usize,
        size: usize,
        (from, to): (u32, u32),
        each: &mut EachPiece<'_>,
    ) -> Result<(), Error> {
        let mut bytes = Vec::new();
        let mut number = from;
        while number < to {
            let count = ((to - number) as usize).min(AT_ONCE);
            bytes.resize(count * size, 0);
            self.read(&mut bytes, start + number as usize * size)?;
            for piece in bytes.chunks_exact(size) {
                if !each(number, piece)? {
                    return Ok(());
                }
                number += 1;
            }
        }
        Ok(())
    }

    fn read(&self, into: &mut [u8], at: usize) -> Result<(), Error> {
        let read = self.file.read_exact_at(into, at as u64);
        read.map_err(|cause| Error::io(format_args!("cannot read {}", self.path.display()), &cause))
    }
}
