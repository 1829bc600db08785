//! Read-only views of published bytes that keep their file mapped.

use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;

use super::mapped_file::MappedFile;

/// A view of published bytes of one mapped file.
#[doc(alias = "SelectMappedBufferResult")]
#[derive(Debug, Clone)]
pub struct MappedSlice {
    file: Arc<MappedFile>,
    position: usize,
    len: usize,
}

impl MappedSlice {
    /// Only [`MappedFile::slice`] makes views, after checking them against the read limit.
    pub(super) fn new(file: Arc<MappedFile>, position: usize, len: usize) -> Self {
        Self { file, position, len }
    }

    /// Position of the view's first byte in its file.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Offset of the view's first byte in the sequence of files.
    pub fn start_offset(&self) -> i64 {
        self.file.start_offset() + self.position as i64
    }

    /// A view of other bytes of the same file, when the file has them and they are published.
    pub fn elsewhere(&self, start_offset: i64, len: usize) -> Option<MappedSlice> {
        self.file.slice(usize::try_from(start_offset - self.file.start_offset()).ok()?, len)
    }

    /// Lengthens the view to `len` bytes when `other` starts exactly where this one ends; otherwise gives it back.
    pub fn join(&mut self, other: MappedSlice) -> Result<(), MappedSlice> {
        if Arc::ptr_eq(&self.file, &other.file) && self.position + self.len == other.position {
            self.len += other.len;
            Ok(())
        } else {
            Err(other)
        }
    }

    /// The same view as `Bytes`, for layers that must not know of mappings.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl Deref for MappedSlice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.file.bytes(self.position, self.len)
    }
}

impl AsRef<[u8]> for MappedSlice {
    fn as_ref(&self) -> &[u8] {
        self
    }
}
