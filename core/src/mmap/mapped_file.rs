//! One file of fixed size that grows by appending: reserve, write, publish.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use memmap2::{Advice, MmapRaw};
use parking_lot::Mutex;

use super::disk::Disk;
use super::slice::MappedSlice;
use super::transient_pool::TransientBuffer;

/// How the blocks of a file come to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// All at creation: for files that will surely be filled.
    Whole,
    /// In steps of this many bytes ahead of the write position: for files that mostly stay small.
    Stepwise(usize),
}

/// A mapped file of fixed size, written by one appender and read by many.
///
/// Bytes below the published mark never change while the file is in use; bytes above it belong to the appender.
#[doc(alias = "DefaultMappedFile")]
#[derive(Debug)]
pub struct MappedFile {
    disk: Disk,
    path: PathBuf,
    /// `None` for files that mostly stay small: there is one for each queue, and a process may not open as many files as map them.
    file: Option<File>,
    start_offset: i64,
    size_bytes: usize,
    map: MmapRaw,
    allocation: Allocation,
    /// Blocks below this position are allocated.
    allocated: AtomicUsize,
    /// The write position: bytes below are published.
    wrote: AtomicUsize,
    /// With a transient buffer: bytes below are in the file as well. Otherwise unused.
    committed: AtomicUsize,
    flushed: AtomicUsize,
    appending: AtomicBool,
    buffer: Mutex<Option<Arc<TransientBuffer>>>,
    buffered: AtomicBool,
    /// Store timestamp of the last record, for the checkpoint; 0 when unknown.
    last_store_timestamp_ms: AtomicI64,
}

impl MappedFile {
    /// Creates the file with its full length. A file that is there already keeps its bytes; a shorter one grows.
    pub fn create(
        disk: &Disk,
        path: &Path,
        start_offset: i64,
        size_bytes: usize,
        allocation: Allocation,
    ) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            disk.create_dir_all(parent)?;
        }
        let file = disk.open_or_create(path)?;
        let allocated = match allocation {
            Allocation::Whole => {
                disk.allocate(&file, path, 0, size_bytes as u64)?;
                size_bytes
            }
            Allocation::Stepwise(_) => 0,
        };
        // Also cuts what a fallback allocation may have written too much; never shrinks a foreign file silently.
        if file.metadata()?.len() < size_bytes as u64 {
            disk.set_len(&file, path, size_bytes as u64)?;
        }
        Self::map(disk, path, file, start_offset, size_bytes, allocation, allocated)
    }

    /// Maps an existing file of exactly `size_bytes`; its write position is the end until recovery sets it.
    pub fn open(
        disk: &Disk,
        path: &Path,
        start_offset: i64,
        size_bytes: usize,
        allocation: Allocation,
    ) -> io::Result<Self> {
        let file = disk.open(path)?;
        let length = file.metadata()?.len();
        if length != size_bytes as u64 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} has {length} bytes, expected {size_bytes}", path.display()),
            ));
        }
        let opened = Self::map(disk, path, file, start_offset, size_bytes, allocation, 0)?;
        opened.set_positions(size_bytes);
        Ok(opened)
    }

    fn map(
        disk: &Disk,
        path: &Path,
        file: File,
        start_offset: i64,
        size_bytes: usize,
        allocation: Allocation,
        allocated: usize,
    ) -> io::Result<Self> {
        disk.check_map(path)?;
        if size_bytes == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a mapped file cannot be empty"));
        }
        let map = MmapRaw::map_raw(&file).map_err(with_limit)?;
        if map.len() < size_bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "mapping shorter than the file"));
        }
        if matches!(allocation, Allocation::Stepwise(_)) && is_mostly_holes(&file, size_bytes)? {
            // Read-ahead would fill memory with the zeros of the holes: megabytes for the first 20 bytes of a consume queue.
            let _ = map.advise(Advice::Random);
        }
        Ok(Self {
            disk: disk.clone(),
            path: path.to_owned(),
            file: matches!(allocation, Allocation::Whole).then_some(file),
            start_offset,
            size_bytes,
            map,
            allocation,
            allocated: AtomicUsize::new(allocated),
            wrote: AtomicUsize::new(0),
            committed: AtomicUsize::new(0),
            flushed: AtomicUsize::new(0),
            appending: AtomicBool::new(false),
            buffer: Mutex::new(None),
            buffered: AtomicBool::new(false),
            last_store_timestamp_ms: AtomicI64::new(0),
        })
    }

    /// Routes appends of a fresh file through a buffer of the transient pool. No effect once something was written.
    pub fn set_buffer(&self, buffer: TransientBuffer) {
        if self.write_position() == 0 && buffer.len() >= self.size_bytes {
            *self.buffer.lock() = Some(Arc::new(buffer));
            self.buffered.store(true, Ordering::Release);
        }
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Offset of the file's first byte in its sequence; its name.
    pub fn start_offset(&self) -> i64 {
        self.start_offset
    }

    /// Offset behind the file's last byte in its sequence.
    pub fn end_offset(&self) -> i64 {
        self.start_offset + self.size_bytes as i64
    }

    /// The fixed size of the file.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// The appender's position; everything below is written.
    pub fn write_position(&self) -> usize {
        self.wrote.load(Ordering::Acquire)
    }

    /// How far readers may read: the write position, or what is committed when a transient buffer is in use.
    pub fn read_limit(&self) -> usize {
        if self.buffered.load(Ordering::Acquire) {
            self.committed.load(Ordering::Acquire)
        } else {
            self.write_position()
        }
    }

    /// Everything below is durable.
    pub fn flushed_position(&self) -> usize {
        self.flushed.load(Ordering::Acquire)
    }

    /// True when nothing more can be appended.
    pub fn is_full(&self) -> bool {
        self.write_position() >= self.size_bytes
    }

    /// Store timestamp noted by the appender with the last record, 0 when unknown.
    pub fn last_store_timestamp_ms(&self) -> i64 {
        self.last_store_timestamp_ms.load(Ordering::Acquire)
    }

    /// Notes the store timestamp of the newest record.
    pub fn note_store_timestamp(&self, timestamp_ms: i64) {
        self.last_store_timestamp_ms.store(timestamp_ms, Ordering::Release);
    }

    /// Sets write, commit and flush position; for recovery, before the file has readers or an appender.
    pub fn set_positions(&self, position: usize) {
        let position = position.min(self.size_bytes);
        self.wrote.store(position, Ordering::Release);
        self.committed.store(position, Ordering::Release);
        self.flushed.store(position, Ordering::Release);
    }

    /// True when the next `len` bytes can be appended without asking the disk for blocks.
    pub fn has_room(&self, len: usize) -> bool {
        let end = self.write_position().saturating_add(len);
        end <= self.size_bytes && end <= self.allocated.load(Ordering::Relaxed)
    }

    /// One append by whoever has no [`Appender`]; see [`Appender::append`].
    pub fn append(self: &Arc<Self>, len: usize, write: impl FnOnce(&mut [u8]) -> usize) -> io::Result<usize> {
        Appender::new(self.clone())?.append(len, write)
    }

    fn append_to_buffer(
        &self,
        position: usize,
        len: usize,
        write: impl FnOnce(&mut [u8]) -> usize,
    ) -> io::Result<usize> {
        let buffer = self.buffer.lock().clone();
        match buffer {
            Some(buffer) => Ok(buffer.fill(position, len, write).min(len)),
            None => Err(io::Error::other("the transient buffer is gone before the file was full")),
        }
    }

    #[cold]
    fn allocate_to(&self, end: usize) -> io::Result<()> {
        let from = self.allocated.load(Ordering::Relaxed);
        let until = match self.allocation {
            Allocation::Whole => self.size_bytes,
            Allocation::Stepwise(step) => end.next_multiple_of(step.max(1)).min(self.size_bytes),
        };
        // An opened file may hold holes below its write position: allocation starts there, earlier holes are never written.
        let from = if from == 0 { self.wrote.load(Ordering::Relaxed) } else { from };
        self.with_file(|file| self.disk.allocate(file, &self.path, from as u64, (until - from) as u64))?;
        self.allocated.store(until, Ordering::Relaxed);
        if until == self.size_bytes {
            // No holes are left: whoever reads it from disk reads on.
            let _ = self.map.advise(Advice::Normal);
        }
        Ok(())
    }

    /// The descriptor, opened anew where it is not kept. Only the newest file of a sequence is asked for it, which keeps its name.
    fn with_file<T>(&self, action: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
        match &self.file {
            Some(file) => action(file),
            None => action(&self.disk.open(&self.path)?),
        }
    }

    fn write_slices(
        &self,
        mut slices: &mut [IoSlice<'_>],
        position: usize,
        mark_bytes: usize,
    ) -> io::Result<()> {
        let first: &[u8] = slices.first().map_or(&[], |first| first);
        let mark = first.get(..mark_bytes).unwrap_or_default().to_vec();
        IoSlice::advance_slices(&mut slices, mark.len());
        self.with_file(|file| {
            self.disk.write_slices_at(file, &self.path, slices, (position + mark.len()) as u64)?;
            if mark.is_empty() {
                return Ok(());
            }
            self.disk.write_at(file, &self.path, &mark, position as u64)
        })
    }

    /// A view of `len` bytes at `position`, when all of them are below the read limit.
    pub fn slice(self: &Arc<Self>, position: usize, len: usize) -> Option<MappedSlice> {
        let end = position.checked_add(len)?;
        (end <= self.read_limit()).then(|| MappedSlice::new(self.clone(), position, len))
    }

    /// The bytes below the read limit, from `position` on; empty when there are none.
    pub fn published(&self, position: usize) -> &[u8] {
        let limit = self.read_limit();
        if position >= limit {
            return &[];
        }
        self.bytes(position, limit - position)
    }

    /// Zeros what is not zero from the write position on; true when there was something. For recovery: left there, it would be taken
    /// for a continuation of what is appended now.
    pub fn clear_behind(&self) -> io::Result<bool> {
        const CHUNK_BYTES: usize = 64 << 10;
        let zeros = vec![0_u8; CHUNK_BYTES];
        let mut found = false;
        self.with_file(|file| {
            let mut position = self.write_position();
            while let Some(data) = self.disk.next_data(file, position as u64)? {
                let data = usize::try_from(data).unwrap_or(usize::MAX);
                if data >= self.size_bytes {
                    break;
                }
                let len = CHUNK_BYTES.min(self.size_bytes - data);
                let chunk = self.bytes(data, len);
                if chunk.iter().any(|byte| *byte != 0) {
                    let zeros = zeros.get(..len).unwrap_or_default();
                    self.disk.write_at(file, &self.path, zeros, data as u64)?;
                    found = true;
                }
                position = data + len;
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// All bytes of the file, whatever the marks say: for recovery, before there is an appender.
    pub fn whole(&self) -> &[u8] {
        self.bytes(0, self.size_bytes)
    }

    /// `position + len` must not exceed the size; bytes above the read limit only while nobody appends.
    pub(super) fn bytes(&self, position: usize, len: usize) -> &[u8] {
        debug_assert!(position + len <= self.size_bytes);
        let len = len.min(self.size_bytes.saturating_sub(position));
        // SAFETY: inside the mapping. Bytes below the read limit are not written any more; `whole` is for recovery, which
        // runs before any appender exists. Positions are lowered only there (`set_positions`).
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().add(position), len) }
    }

    /// Moves what the transient buffer holds into the file when at least `pages_min` pages are dirty (0: any byte).
    /// Returns true when data moved. Without a buffer there is nothing to do.
    pub fn commit(&self, pages_min: usize) -> io::Result<bool> {
        if !self.buffered.load(Ordering::Acquire) {
            return Ok(false);
        }
        let wrote = self.write_position();
        let committed = self.committed.load(Ordering::Acquire);
        if !is_enough(committed, wrote, pages_min, self.size_bytes) {
            return Ok(false);
        }
        let Some(buffer) = self.buffer.lock().clone() else { return Ok(false) };
        let bytes = buffer.written(committed, wrote);
        self.with_file(|file| self.disk.write_at(file, &self.path, bytes, committed as u64))?;
        self.committed.fetch_max(wrote, Ordering::AcqRel);
        if wrote == self.size_bytes {
            // Full and committed: readers use the mapping, the buffer goes back to the pool.
            self.buffered.store(false, Ordering::Release);
            *self.buffer.lock() = None;
        }
        Ok(true)
    }

    /// Makes everything readable durable when at least `pages_min` pages are dirty (0: any byte). Returns the durable position.
    pub fn flush(&self, pages_min: usize) -> io::Result<usize> {
        let limit = self.read_limit();
        let flushed = self.flushed.load(Ordering::Acquire);
        if !is_enough(flushed, limit, pages_min, self.size_bytes) {
            return Ok(flushed);
        }
        match &self.file {
            Some(file) => self.disk.sync(file, &self.path)?,
            // By its mapping: the name may be gone already.
            None => self.disk.sync_map(&self.map, &self.path)?,
        }
        self.flushed.fetch_max(limit, Ordering::AcqRel);
        Ok(limit.max(flushed))
    }

    /// Removes the file's name. Views stay valid; memory and blocks are freed with the last of them.
    pub fn remove(&self) -> io::Result<()> {
        self.disk.remove(&self.path)
    }

    /// Time of the last change of the file, in milliseconds since 1970.
    pub fn modified_ms(&self) -> io::Result<i64> {
        let stat = self.with_file(|file| Ok(rustix::fs::fstat(file)?))?;
        Ok(stat
            .st_mtime
            .saturating_mul(1000)
            .saturating_add(i64::try_from(stat.st_mtime_nsec / 1_000_000).unwrap_or(0)))
    }
}

/// The right to append to a file. There is one at a time.
#[derive(Debug)]
pub struct Appender {
    file: Arc<MappedFile>,
}

impl Appender {
    /// Takes the right; [`io::ErrorKind::ResourceBusy`] while somebody has it.
    pub fn new(file: Arc<MappedFile>) -> io::Result<Self> {
        if file.appending.swap(true, Ordering::Acquire) {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "two appenders on one mapped file"));
        }
        Ok(Self { file })
    }

    /// The file.
    pub fn file(&self) -> &MappedFile {
        &self.file
    }

    /// Appends at most `len` bytes: `write` gets exactly the next `len` bytes of memory and says how many of them it filled;
    /// those are published. Fails when the file has less room, or when blocks cannot be allocated.
    pub fn append(&mut self, len: usize, write: impl FnOnce(&mut [u8]) -> usize) -> io::Result<usize> {
        let file = &*self.file;
        let position = file.wrote.load(Ordering::Relaxed);
        let end = position.checked_add(len).filter(|end| *end <= file.size_bytes);
        let Some(end) = end else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "append past the end of a mapped file"));
        };
        let filled = if file.buffered.load(Ordering::Acquire) {
            file.append_to_buffer(position, len, write)?
        } else {
            if file.allocated.load(Ordering::Relaxed) < end {
                file.allocate_to(end)?;
            }
            // SAFETY: position + len ≤ size ≤ the mapping's length (checked above and in `map`); bytes at and above the
            // published mark are touched by nobody but the one appender, which `&mut self` is; blocks are allocated.
            let target = unsafe { std::slice::from_raw_parts_mut(file.map.as_mut_ptr().add(position), len) };
            write(target).min(len)
        };
        file.wrote.store(position + filled, Ordering::Release);
        Ok(filled)
    }

    /// Appends `slices`, one behind the other, by a write instead of through the mapping; all of them are published, or none. The
    /// first `mark_bytes`, which lie in the first slice, are written last.
    ///
    /// For large appends. The first touch of a page of the mapping makes the kernel zero as much of the file as read-ahead
    /// reaches, 8 MiB at a time on some machines; a write zeroes nothing and faults nowhere. Readers of the mapping see the same
    /// pages.
    pub fn append_slices(&mut self, slices: &mut [IoSlice<'_>], mark_bytes: usize) -> io::Result<()> {
        let file = &*self.file;
        let position = file.wrote.load(Ordering::Relaxed);
        let len: usize = slices.iter().map(|slice| slice.len()).sum();
        let end = position.checked_add(len).filter(|end| *end <= file.size_bytes);
        let Some(end) = end else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "append past the end of a mapped file"));
        };
        if file.buffered.load(Ordering::Acquire) {
            let copied = file.append_to_buffer(position, len, |target| copy_all(target, slices))?;
            if copied != len {
                return Err(io::ErrorKind::WriteZero.into());
            }
        } else {
            if file.allocated.load(Ordering::Relaxed) < end {
                file.allocate_to(end)?;
            }
            file.write_slices(slices, position, mark_bytes)?;
        }
        file.wrote.store(end, Ordering::Release);
        Ok(())
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        self.file.appending.store(false, Ordering::Release);
    }
}

/// "Cannot allocate memory" alone would be looked for in the wrong place.
fn with_limit(cause: io::Error) -> io::Error {
    match cause.kind() {
        io::ErrorKind::OutOfMemory => io::Error::new(
            cause.kind(),
            format!(
                "{cause}; a process may map as many files as sysctl vm.max_map_count says, and each queue takes one or more"
            ),
        ),
        _ => cause,
    }
}

fn copy_all(target: &mut [u8], slices: &[IoSlice<'_>]) -> usize {
    let mut rest = target;
    let mut copied = 0;
    for slice in slices {
        let Some((to, behind)) = std::mem::take(&mut rest).split_at_mut_checked(slice.len()) else { break };
        to.copy_from_slice(slice);
        (rest, copied) = (behind, copied + slice.len());
    }
    copied
}

fn is_mostly_holes(file: &File, size_bytes: usize) -> io::Result<bool> {
    const BLOCK_BYTES: u64 = 512;
    Ok(file.metadata()?.blocks().saturating_mul(BLOCK_BYTES) < size_bytes as u64 / 2)
}

/// The rule of the reference: a full file always, else by whole dirty pages, else any dirty byte.
fn is_enough(done: usize, limit: usize, pages_min: usize, size_bytes: usize) -> bool {
    const PAGE_BYTES: usize = 4096;
    if limit <= done {
        return false;
    }
    limit == size_bytes || pages_min == 0 || limit / PAGE_BYTES - done / PAGE_BYTES >= pages_min
}

#[cfg(test)]
mod tests;
