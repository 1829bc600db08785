//! An ordered sequence of mapped files of one size: one log of bytes with 64-bit offsets.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::RwLock;

use super::disk::Disk;
use super::mapped_file::{Allocation, MappedFile};
use super::slice::MappedSlice;
use crate::error::{Error, ErrorKind, Result};

/// Files ordered by start offset, each named by it and each of the same size.
#[derive(Debug)]
pub struct MappedFileQueue {
    disk: Disk,
    dir: PathBuf,
    file_size_bytes: usize,
    allocation: Allocation,
    files: RwLock<Vec<Arc<MappedFile>>>,
    /// Everything below is durable.
    flushed: AtomicI64,
}

impl MappedFileQueue {
    /// An empty queue in `dir`; [`MappedFileQueue::load`] fills it from the files that are there.
    pub fn new(disk: &Disk, dir: &Path, file_size_bytes: usize, allocation: Allocation) -> Self {
        Self {
            disk: disk.clone(),
            dir: dir.to_owned(),
            file_size_bytes,
            allocation,
            files: RwLock::new(Vec::new()),
            flushed: AtomicI64::new(0),
        }
    }

    /// Opens every file of the directory. Refuses a name that is no number, a file of another size, and a gap in the middle.
    ///
    /// Files at the end that are too short and hold only zeros are what a crash leaves of a creation; they are removed.
    pub fn load(&self) -> Result<()> {
        let mut found = self.list()?;
        found.sort_unstable_by_key(|(offset, ..)| *offset);
        while let Some((_, path, length)) = found.last() {
            if *length >= self.file_size_bytes as u64 || !holds_only_zeros(path)? {
                break;
            }
            tracing::warn!(target: "broker::mmap", path = %path.display(), "removed an unfinished empty file");
            self.disk
                .remove(path)
                .map_err(|cause| Error::io(format_args!("remove {}", path.display()), &cause))?;
            found.pop();
        }
        let mut files: Vec<Arc<MappedFile>> = Vec::with_capacity(found.len());
        for (offset, path, length) in found {
            if length != self.file_size_bytes as u64 {
                return Err(corrupt(format!(
                    "{} has {length} bytes, but the configured file size is {}",
                    path.display(),
                    self.file_size_bytes
                )));
            }
            if files.last().is_some_and(|last| last.end_offset() != offset) {
                return Err(corrupt(format!("a file is missing before {}", path.display())));
            }
            let file = MappedFile::open(&self.disk, &path, offset, self.file_size_bytes, self.allocation)
                .map_err(|cause| Error::io(format_args!("open {}", path.display()), &cause))?;
            files.push(Arc::new(file));
        }
        self.flushed.store(files.last().map_or(0, |last| last.end_offset()), Ordering::Release);
        *self.files.write() = files;
        Ok(())
    }

    fn list(&self) -> Result<Vec<(i64, PathBuf, u64)>> {
        let listing = |cause: std::io::Error| Error::io(format_args!("list {}", self.dir.display()), &cause);
        let mut found = Vec::new();
        if !self.dir.exists() {
            return Ok(found);
        }
        for entry in fs::read_dir(&self.dir).map_err(listing)? {
            let entry = entry.map_err(listing)?;
            let metadata = entry.metadata().map_err(listing)?;
            if metadata.is_dir() {
                continue;
            }
            let name = entry.file_name();
            let offset =
                name.to_str().and_then(|name| name.parse::<i64>().ok()).filter(|offset| *offset >= 0);
            let Some(offset) = offset else {
                return Err(corrupt(format!(
                    "{} does not belong here: its name is no offset",
                    entry.path().display()
                )));
            };
            found.push((offset, entry.path(), metadata.len()));
        }
        Ok(found)
    }

    /// The directory of the files.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The size of every file.
    pub fn file_size_bytes(&self) -> usize {
        self.file_size_bytes
    }

    /// All files, oldest first.
    pub fn files(&self) -> Vec<Arc<MappedFile>> {
        self.files.read().clone()
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.read().len()
    }

    /// True without files.
    pub fn is_empty(&self) -> bool {
        self.files.read().is_empty()
    }

    /// The oldest file.
    pub fn first(&self) -> Option<Arc<MappedFile>> {
        self.files.read().first().cloned()
    }

    /// The newest file.
    pub fn last(&self) -> Option<Arc<MappedFile>> {
        self.files.read().last().cloned()
    }

    /// Offset of the oldest byte; 0 without files.
    pub fn min_offset(&self) -> i64 {
        self.files.read().first().map_or(0, |file| file.start_offset())
    }

    /// Offset behind the newest readable byte; 0 without files.
    pub fn max_offset(&self) -> i64 {
        self.files.read().last().map_or(0, |file| file.start_offset() + file.read_limit() as i64)
    }

    /// Offset behind the newest written byte; differs from [`MappedFileQueue::max_offset`] with a transient pool.
    pub fn wrote_offset(&self) -> i64 {
        self.files.read().last().map_or(0, |file| file.start_offset() + file.write_position() as i64)
    }

    /// Everything below is durable.
    pub fn flushed_offset(&self) -> i64 {
        self.flushed.load(Ordering::Acquire)
    }

    /// The file that holds `offset`.
    pub fn find(&self, offset: i64) -> Option<Arc<MappedFile>> {
        let files = self.files.read();
        let first = files.first()?;
        let distance = offset.checked_sub(first.start_offset()).filter(|distance| *distance >= 0)?;
        let index = usize::try_from(distance / self.file_size_bytes as i64).ok()?;
        files.get(index).filter(|file| offset >= file.start_offset() && offset < file.end_offset()).cloned()
    }

    /// A view of `len` bytes at `offset`; `None` when they are not all readable in one file.
    pub fn slice(&self, offset: i64, len: usize) -> Option<MappedSlice> {
        let file = self.find(offset)?;
        let position = usize::try_from(offset - file.start_offset()).ok()?;
        file.slice(position, len)
    }

    /// A view from `offset` to the end of what is readable in that file; empty views are `None`.
    pub fn slice_to_end(&self, offset: i64) -> Option<MappedSlice> {
        let file = self.find(offset)?;
        let position = usize::try_from(offset - file.start_offset()).ok()?;
        let len = file.read_limit().checked_sub(position).filter(|len| *len > 0)?;
        file.slice(position, len)
    }

    /// The path a file with this start offset has.
    pub fn path_of(&self, start_offset: i64) -> PathBuf {
        self.dir.join(format!("{start_offset:020}"))
    }

    /// Adds a file behind the last one.
    pub fn push(&self, file: Arc<MappedFile>) -> Result<()> {
        let mut files = self.files.write();
        match files.last() {
            Some(last) if last.end_offset() != file.start_offset() => {
                return Err(Error::new(
                    ErrorKind::Internal,
                    format!("{} does not continue its queue", file.path().display()),
                ));
            }
            Some(_) => {}
            None => self.flushed.store(file.start_offset(), Ordering::Release),
        }
        files.push(file);
        Ok(())
    }

    /// The last file when it has room, else a new one created here and now; an empty queue begins at the file that holds `offset`.
    pub fn writable(&self, offset: i64) -> Result<Arc<MappedFile>> {
        let last = self.last();
        let start = match &last {
            Some(last) if !last.is_full() => return Ok(last.clone()),
            Some(last) => last.end_offset(),
            None => offset - offset % self.file_size_bytes as i64,
        };
        let path = self.path_of(start);
        // What lies in its place is left of files whose removal failed.
        if path.exists() {
            self.disk
                .remove(&path)
                .map_err(|cause| Error::io(format_args!("remove {}", path.display()), &cause))?;
        }
        let file = MappedFile::create(&self.disk, &path, start, self.file_size_bytes, self.allocation)
            .map_err(|cause| Error::io(format_args!("create {}", path.display()), &cause))?;
        let file = Arc::new(file);
        self.push(file.clone())?;
        Ok(file)
    }

    /// Cuts the queue at `offset`: later files are removed, the one that holds it is written from there on. For recovery.
    pub fn truncate(&self, offset: i64) -> Result<()> {
        let mut files = self.files.write();
        let keep =
            files.iter().take_while(|file| file.start_offset() < offset || file.start_offset() == 0).count();
        // Newest first: where a removal fails, what is left has no gap.
        while files.len() > keep
            && let Some(file) = files.last()
        {
            file.remove()
                .map_err(|cause| Error::io(format_args!("remove {}", file.path().display()), &cause))?;
            files.pop();
        }
        if let Some(last) = files.last() {
            last.set_positions(usize::try_from((offset - last.start_offset()).max(0)).unwrap_or(0));
        }
        self.flushed.store(offset.max(0), Ordering::Release);
        Ok(())
    }

    /// Zeros what lies behind the end of the last file; true when there was something. For recovery.
    pub fn clear_behind(&self) -> Result<bool> {
        let Some(last) = self.last() else { return Ok(false) };
        last.clear_behind()
            .map_err(|cause| Error::io(format_args!("clear {}", last.path().display()), &cause))
    }

    /// Removes the oldest file, unless it is the newest too: first its name, then from the queue. Where the name cannot be removed
    /// nothing changes, so that names never go in another order than that of the files. Views keep what they show.
    ///
    /// For one caller at a time, which keeps [`MappedFileQueue::destroy`] out: a file made anew may have the same name.
    pub fn remove_oldest(&self) -> Result<Option<Arc<MappedFile>>> {
        let Some(oldest) = self.first_of_several() else { return Ok(None) };
        oldest
            .remove()
            .map_err(|cause| Error::io(format_args!("remove {}", oldest.path().display()), &cause))?;
        let mut files = self.files.write();
        if files.first().is_some_and(|first| Arc::ptr_eq(first, &oldest)) {
            files.remove(0);
        }
        Ok(Some(oldest))
    }

    /// The oldest file, if there is a newer one.
    pub fn first_of_several(&self) -> Option<Arc<MappedFile>> {
        let files = self.files.read();
        files.first().filter(|_| files.len() > 1).cloned()
    }

    /// Removes every file and the directory.
    pub fn destroy(&self) -> Result<()> {
        for file in self.files.write().drain(..) {
            file.remove()
                .map_err(|cause| Error::io(format_args!("remove {}", file.path().display()), &cause))?;
        }
        self.disk
            .remove_dir_all(&self.dir)
            .map_err(|cause| Error::io(format_args!("remove {}", self.dir.display()), &cause))
    }

    /// Makes durable what each file's page rule allows, in order. Returns the durable offset.
    pub fn flush(&self, pages_min: usize) -> std::io::Result<i64> {
        loop {
            // What lay there may have been removed since.
            let from = self.flushed_offset().max(self.min_offset());
            let Some(file) = self.find(from) else { return Ok(from) };
            let position = file.flush(pages_min)?;
            self.flushed.fetch_max(file.start_offset() + position as i64, Ordering::AcqRel);
            if position < file.size_bytes() {
                return Ok(self.flushed_offset());
            }
        }
    }

    /// Moves buffered bytes into their files (transient pool). Returns true when anything moved.
    pub fn commit(&self, pages_min: usize) -> std::io::Result<bool> {
        let mut moved = false;
        for file in self.files() {
            if file.read_limit() < file.write_position() {
                moved |= file.commit(pages_min)?;
            }
        }
        Ok(moved)
    }
}

fn corrupt(text: String) -> Error {
    Error::new(ErrorKind::StoreCorrupt, text)
}

fn holds_only_zeros(path: &Path) -> Result<bool> {
    use std::io::Read;
    let reading = |cause: std::io::Error| Error::io(format_args!("read {}", path.display()), &cause);
    let mut file = fs::File::open(path).map_err(reading)?;
    let mut chunk = vec![0_u8; 1 << 16];
    loop {
        match file.read(&mut chunk).map_err(reading)? {
            0 => return Ok(true),
            read if chunk.iter().take(read).any(|byte| *byte != 0) => return Ok(false),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(dir: &Path) -> MappedFileQueue {
        MappedFileQueue::new(&Disk::real(), dir, 4096, Allocation::Whole)
    }

    fn append(queue: &MappedFileQueue, len: usize) {
        queue.writable(0).unwrap().append(len, |target| target.len()).unwrap();
    }

    #[test]
    fn files_follow_each_other_and_are_found_by_offset() {
        let dir = tempfile::tempdir().unwrap();
        let queue = queue(dir.path());
        append(&queue, 4096);
        append(&queue, 4096);
        append(&queue, 10);
        assert_eq!((queue.len(), queue.min_offset(), queue.max_offset()), (3, 0, 8202));
        assert_eq!(queue.find(4096).unwrap().start_offset(), 4096);
        assert!(queue.find(12_288).is_none() && queue.find(-1).is_none());
        assert!(queue.slice(4090, 10).is_none(), "a view does not cross files");
        assert_eq!(queue.flush(0).unwrap(), 8202);
        for removed in [0, 4096] {
            assert_eq!(queue.remove_oldest().unwrap().unwrap().start_offset(), removed);
        }
        assert!(queue.remove_oldest().unwrap().is_none(), "the newest stays");
        assert_eq!(queue.min_offset(), 8192);
        assert!(queue.find(4096).is_none());
    }

    #[test]
    fn a_file_whose_name_stays_keeps_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let stuck = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let plan = stuck.clone();
        let disk = Disk::failing(Arc::new(move |operation, path: &Path| {
            let fails =
                operation == super::super::disk::Operation::Remove && path.ends_with(format!("{:020}", 0));
            (fails && plan.load(Ordering::Relaxed)).then(|| std::io::ErrorKind::PermissionDenied.into())
        }));
        let queue = MappedFileQueue::new(&disk, dir.path(), 4096, Allocation::Whole);
        (0..3).for_each(|_| append(&queue, 4096));
        assert!(queue.remove_oldest().is_err());
        assert_eq!((queue.len(), queue.min_offset()), (3, 0));
        stuck.store(false, Ordering::Relaxed);
        assert!(queue.remove_oldest().unwrap().is_some());
        let reopened = self::queue(dir.path());
        reopened.load().unwrap();
        assert_eq!((reopened.len(), reopened.min_offset()), (2, 4096));
    }

    #[test]
    fn flush_goes_on_behind_what_was_removed() {
        let dir = tempfile::tempdir().unwrap();
        let queue = queue(dir.path());
        append(&queue, 4096);
        append(&queue, 4096);
        append(&queue, 10);
        queue.remove_oldest().unwrap();
        assert_eq!(queue.flush(0).unwrap(), 8202);
    }

    #[test]
    fn load_refuses_foreign_names_sizes_and_gaps_but_drops_unfinished_files() {
        let dir = tempfile::tempdir().unwrap();
        append(&queue(dir.path()), 4096);
        fs::write(dir.path().join(format!("{:020}", 4096)), [0_u8; 100]).unwrap();
        let reopened = queue(dir.path());
        reopened.load().unwrap();
        assert_eq!(reopened.len(), 1);
        fs::write(dir.path().join(format!("{:020}", 8192)), [0_u8; 4096]).unwrap();
        assert!(queue(dir.path()).load().unwrap_err().context().contains("missing"));
        fs::remove_file(dir.path().join(format!("{:020}", 8192))).unwrap();
        fs::write(dir.path().join(format!("{:020}", 4096)), [1_u8; 100]).unwrap();
        assert!(queue(dir.path()).load().unwrap_err().context().contains("100 bytes"));
        fs::remove_file(dir.path().join(format!("{:020}", 4096))).unwrap();
        fs::write(dir.path().join("notes.txt"), "x").unwrap();
        assert!(queue(dir.path()).load().unwrap_err().context().contains("notes.txt"));
    }

    #[test]
    fn truncate_removes_later_files_and_reopens_the_cut_one() {
        let dir = tempfile::tempdir().unwrap();
        let queue = queue(dir.path());
        for _ in 0..3 {
            append(&queue, 4096);
        }
        queue.truncate(5000).unwrap();
        assert_eq!((queue.len(), queue.max_offset()), (2, 5000));
        append(&queue, 1);
        assert_eq!(queue.max_offset(), 5001);
        queue.truncate(4096).unwrap();
        assert_eq!((queue.len(), queue.max_offset()), (1, 4096));
    }
}
