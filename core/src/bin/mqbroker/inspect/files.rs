//! A sequence of files whose names are the offsets of their first bytes, for reading only. Nothing is believed of them: a read gives
//! as many bytes as there are.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, ErrorKind as IoErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use libbroker::Error;
use libbroker::internals::format::disk::paths::{OffsetName, parse_offset_name};

/// Files of one folder, in order.
#[derive(Debug)]
pub struct OffsetFiles {
    dir: PathBuf,
    files: Vec<OffsetFile>,
    /// What lies in the folder and does not belong there.
    pub strangers: Vec<PathBuf>,
    /// The file that was read last.
    open: RefCell<Option<(u64, File)>>,
}

/// A file of the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetFile {
    /// Offset of its first byte.
    pub start: u64,
    /// Its size.
    pub size: u64,
}

impl OffsetFile {
    /// Offset behind its last byte.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.size)
    }
}

impl OffsetFiles {
    /// Lists a folder; one that is not there has no files.
    pub fn list(dir: &Path) -> Result<Self, Error> {
        let failed = |cause| Error::io(format_args!("cannot list {}", dir.display()), &cause);
        let (mut files, mut strangers) = (Vec::new(), Vec::new());
        let entries = match std::fs::read_dir(dir) {
            Ok(entries) => Some(entries),
            Err(cause) if cause.kind() == IoErrorKind::NotFound => None,
            Err(cause) => return Err(failed(cause)),
        };
        for entry in entries.into_iter().flatten() {
            let entry = entry.map_err(failed)?;
            let metadata = entry.metadata().map_err(failed)?;
            match entry.file_name().to_str().and_then(parse_offset_name).filter(|_| metadata.is_file()) {
                Some(start) => files.push(OffsetFile { start, size: metadata.len() }),
                None => strangers.push(entry.path()),
            }
        }
        files.sort_by_key(|file| file.start);
        strangers.sort();
        Ok(Self { dir: dir.to_owned(), files, strangers, open: RefCell::new(None) })
    }

    /// The files.
    pub fn files(&self) -> &[OffsetFile] {
        &self.files
    }

    /// Where a file lies.
    pub fn path(&self, file: OffsetFile) -> PathBuf {
        self.dir.join(OffsetName::new(file.start))
    }

    /// First offset; 0 without files.
    pub fn start(&self) -> u64 {
        self.files.first().map_or(0, |file| file.start)
    }

    /// The file that holds an offset.
    pub fn find(&self, offset: u64) -> Option<OffsetFile> {
        let behind = self.files.partition_point(|file| file.start <= offset);
        let file = self.files.get(behind.checked_sub(1)?)?;
        (offset < file.end()).then_some(*file)
    }

    /// Fills `into` with the bytes from `offset` on, as many of `len` as its file holds.
    pub fn read(&self, offset: u64, len: usize, into: &mut Vec<u8>) -> Result<(), Error> {
        into.clear();
        let Some(file) = self.find(offset) else { return Ok(()) };
        let left = usize::try_from(file.end() - offset).unwrap_or(usize::MAX);
        let len = len.min(left);
        let failed = |cause| Error::io(format_args!("cannot read {}", self.path(file).display()), &cause);
        let no_memory = |_| failed(IoErrorKind::OutOfMemory.into());
        into.try_reserve_exact(len).map_err(no_memory)?;
        into.resize(len, 0);
        let read = self.read_from(file, offset - file.start, into).map_err(failed)?;
        into.truncate(read);
        Ok(())
    }

    fn read_from(&self, file: OffsetFile, position: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut open = self.open.borrow_mut();
        if open.as_ref().is_none_or(|(start, _)| *start != file.start) {
            *open = Some((file.start, File::open(self.path(file))?));
        }
        let Some((_, opened)) = open.as_ref() else { return Ok(0) };
        let mut done = 0;
        while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match opened.read_at(rest, position + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(cause) if cause.kind() == IoErrorKind::Interrupted => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(done)
    }

    /// What is wrong with the sequence itself: gaps, overlaps.
    pub fn gaps(&self) -> Vec<String> {
        let pairs = self.files.iter().zip(self.files.iter().skip(1));
        pairs
            .filter(|(file, next)| file.end() != next.start)
            .map(|(file, next)| {
                let (name, end, start) = (self.path(*file), file.end(), next.start);
                format!("{} ends at {end}, but the next file begins at {start}", name.display())
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_stay_within_a_file_and_gaps_are_told() {
        let dir = tempfile::tempdir().unwrap();
        for (start, bytes) in [(0, &b"abcd"[..]), (4, b"ef"), (9, b"gh")] {
            std::fs::write(dir.path().join(OffsetName::new(start)), bytes).unwrap();
        }
        std::fs::write(dir.path().join("notes.txt"), "").unwrap();
        let files = OffsetFiles::list(dir.path()).unwrap();
        let mut bytes = Vec::new();
        for (offset, expected) in [(0, &b"abc"[..]), (2, b"cd"), (5, b"f"), (7, b""), (10, b"h"), (11, b"")] {
            files.read(offset, 3, &mut bytes).unwrap();
            assert_eq!(bytes, expected, "{offset}");
        }
        assert_eq!((files.gaps().len(), files.strangers.len()), (1, 1));
        assert_eq!((files.start(), files.find(10).map(|file| file.end())), (0, Some(11)));
        let none = OffsetFiles::list(&dir.path().join("missing")).unwrap();
        assert!(none.files().is_empty() && none.find(0).is_none());
    }
}
