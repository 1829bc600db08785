//! A mapped file that is changed in place by its one owner: index files and the checkpoint.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use memmap2::MmapRaw;

use super::disk::Disk;

/// A whole file as memory. Writing needs `&mut`, so the borrow checker keeps readers and writer apart.
#[derive(Debug)]
pub struct MappedTable {
    disk: Disk,
    path: PathBuf,
    file: File,
    map: MmapRaw,
    size_bytes: usize,
}

impl MappedTable {
    /// Opens or creates the file with all blocks of `size_bytes` allocated; a longer file is refused.
    pub fn open_or_create(disk: &Disk, path: &Path, size_bytes: usize) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            disk.create_dir_all(parent)?;
        }
        let file = disk.open_or_create(path)?;
        let length = file.metadata()?.len();
        if length > size_bytes as u64 {
            return Err(wrong_length(path, length, size_bytes));
        }
        disk.allocate(&file, path, 0, size_bytes as u64)?;
        if file.metadata()?.len() < size_bytes as u64 {
            disk.set_len(&file, path, size_bytes as u64)?;
        }
        Self::map(disk, path, file, size_bytes)
    }

    /// Opens an existing file of exactly `size_bytes` and allocates its holes, so that writing cannot hit a full disk.
    pub fn open(disk: &Disk, path: &Path, size_bytes: usize) -> io::Result<Self> {
        let file = disk.open(path)?;
        let length = file.metadata()?.len();
        if length != size_bytes as u64 {
            return Err(wrong_length(path, length, size_bytes));
        }
        disk.allocate(&file, path, 0, size_bytes as u64)?;
        Self::map(disk, path, file, size_bytes)
    }

    fn map(disk: &Disk, path: &Path, file: File, size_bytes: usize) -> io::Result<Self> {
        disk.check_map(path)?;
        let map = MmapRaw::map_raw(&file)?;
        if map.len() < size_bytes {
            return Err(wrong_length(path, map.len() as u64, size_bytes));
        }
        Ok(Self { disk: disk.clone(), path: path.to_owned(), file, map, size_bytes })
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: inside the mapping; writing needs `&mut self`, which excludes this borrow.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr(), self.size_bytes) }
    }

    /// All bytes, to change.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: inside the mapping, whose blocks are allocated; `&mut self` excludes every other borrow.
        unsafe { std::slice::from_raw_parts_mut(self.map.as_mut_ptr(), self.size_bytes) }
    }

    /// Makes the file durable.
    pub fn sync(&self) -> io::Result<()> {
        self.disk.sync(&self.file, &self.path)
    }

    /// Removes the file's name.
    pub fn remove(&self) -> io::Result<()> {
        self.disk.remove(&self.path)
    }
}

fn wrong_length(path: &Path, length: u64, expected: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{} has {length} bytes, expected {expected}", path.display()),
    )
}
