//! The extension of one queue: what is kept beside its units, in files of their own (store-format §10). A unit of the queue then holds the
//! address of an extension unit in place of its tags code.
//!
//! It is only a help for filters: what cannot be read counts as not known. But an address must never lead to what was written for another
//! message, so nothing is written at or before an address that a queue unit holds.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::disk::cq_ext::{
    CqExtPeek, CqExtUnit, END_BLANK_SIZE, END_MARK, OFFSET_MAX, address_of, offset_of, peek,
};
use crate::mmap::disk::Disk;
use crate::mmap::file_queue::MappedFileQueue;
use crate::mmap::mapped_file::{Allocation, MappedFile};
use crate::mmap::slice::MappedSlice;
use crate::store::dispatch::FileWait;

/// Blocks are taken in steps of this size.
const ALLOCATION_STEP_BYTES: usize = 64 << 10;

/// What became of an extension unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtAppend {
    /// Written; its address.
    Written(i64),
    /// It is too long, there are no addresses left, or the unit has none: the queue unit holds the tags code itself.
    NotKept,
    /// Nothing was written: a file, or blocks of one, have to be made first and the caller cannot wait.
    NeedsFile,
}

/// The extension files of one queue. One thread writes, the one that appends to the queue.
#[derive(Debug)]
#[doc(alias = "ConsumeQueueExt")]
pub struct QueueExt {
    files: MappedFileQueue,
}

impl QueueExt {
    /// Without files, in `dir`.
    pub fn new(disk: &Disk, dir: &Path, file_bytes: usize) -> Self {
        let allocation = Allocation::Stepwise(ALLOCATION_STEP_BYTES);
        Self { files: MappedFileQueue::new(disk, dir, file_bytes, allocation) }
    }

    /// The files.
    pub fn files(&self) -> &MappedFileQueue {
        &self.files
    }

    /// Appends a unit.
    pub fn append(&self, unit: &CqExtUnit<'_>, wait: FileWait) -> Result<ExtAppend> {
        let mut bytes = Vec::new();
        if !unit.encode(&mut bytes) || bytes.len() + END_BLANK_SIZE > self.files.file_size_bytes() {
            return Ok(ExtAppend::NotKept);
        }
        loop {
            let file = match self.files.last().filter(|last| !last.is_full()) {
                Some(last) => last,
                None if wait == FileWait::Refused => return Ok(ExtAppend::NeedsFile),
                None => self.files.writable(0)?,
            };
            let left = file.size_bytes() - file.write_position();
            let needed = if bytes.len() + END_BLANK_SIZE > left { left } else { bytes.len() };
            if wait == FileWait::Refused && !file.has_room(needed) {
                return Ok(ExtAppend::NeedsFile);
            }
            if bytes.len() + END_BLANK_SIZE > left {
                self.close(&file, left)?;
                continue;
            }
            let offset = file.start_offset() + file.write_position() as i64;
            let address = address_of(offset).filter(|_| offset + bytes.len() as i64 <= OFFSET_MAX);
            let Some(address) = address else { return Ok(ExtAppend::NotKept) };
            let copy = |target: &mut [u8]| {
                target.copy_from_slice(&bytes);
                target.len()
            };
            file.append(bytes.len(), copy).map_err(|cause| self.write_failed(&cause))?;
            return Ok(ExtAppend::Written(address));
        }
    }

    /// Marks that the file ends here.
    #[doc(alias = "fullFillToEnd")]
    fn close(&self, file: &Arc<MappedFile>, left: usize) -> Result<()> {
        let mark = |target: &mut [u8]| {
            target.fill(0);
            target.iter_mut().zip(END_MARK).for_each(|(byte, mark)| *byte = mark);
            target.len()
        };
        file.append(left, mark).map(drop).map_err(|cause| self.write_failed(&cause))
    }

    fn write_failed(&self, cause: &std::io::Error) -> Error {
        Error::io(format_args!("write {}", self.files.dir().display()), cause)
    }

    /// Bytes that begin with the unit at an address; `None` when nothing can be read there.
    pub fn at(&self, address: i64) -> Option<MappedSlice> {
        self.files.slice_to_end(offset_of(address)?)
    }

    /// Sets the end behind the unit of the newest address that the queue holds, or, when it holds none, behind the last unit. For
    /// recovery, after loading.
    #[doc(alias = "truncateByMaxAddress")]
    pub fn recover(&self, newest_address: Option<i64>) -> Result<()> {
        let Some(offset) = newest_address.and_then(offset_of) else {
            return self.files.last().map_or(Ok(()), |last| self.files.truncate(end_of(&last)));
        };
        let size = self.files.find(offset).and_then(|file| {
            let position = usize::try_from(offset - file.start_offset()).ok()?;
            CqExtUnit::first_of(file.whole().get(position..)?)?.size()
        });
        match size {
            Some(size) => self.files.truncate(offset + size as i64),
            None => self.skip(offset),
        }
    }

    /// The unit is lost, perhaps with others: goes on in the file behind it.
    #[cold]
    fn skip(&self, offset: i64) -> Result<()> {
        tracing::warn!(target: "broker::store", dir = %self.files.dir().display(), offset, "consume queue extension units are lost");
        let mut last = self.files.last();
        loop {
            if let Some(last) = &last {
                last.set_positions(last.size_bytes());
                if last.end_offset() > offset {
                    return Ok(());
                }
            }
            last = Some(self.files.writable(offset)?);
        }
    }

    /// Removes the files that end before an address: the queue begins there.
    #[doc(alias = "truncateByMinAddress")]
    pub fn remove_before(&self, address: i64) -> Result<()> {
        let Some(offset) = offset_of(address) else { return Ok(()) };
        let gone = self.files.files().iter().take_while(|file| file.end_offset() < offset).count();
        (0..gone).try_for_each(|_| self.files.remove_oldest().map(drop))
    }
}

/// Where the units of a file end, as an offset.
fn end_of(file: &MappedFile) -> i64 {
    let bytes = file.whole();
    let mut position = 0;
    loop {
        match peek(bytes.get(position..).unwrap_or_default()) {
            CqExtPeek::Unit { size } => position += size,
            CqExtPeek::EndMark => return file.end_offset(),
            CqExtPeek::End => return file.start_offset() + position as i64,
        }
    }
}

#[cfg(test)]
mod tests;
