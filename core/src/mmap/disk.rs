//! The seam to the file system: every operation of the store goes through a [`Disk`], which can fail on cue.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use memmap2::MmapRaw;

/// As many slices one write takes (IOV_MAX).
const SLICES_MAX: usize = 1024;

/// What a [`Disk`] is asked to do; a fault plan decides by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Create a file, or a directory.
    Create,
    /// Open an existing file.
    Open,
    /// Allocate blocks.
    Allocate,
    /// Map a file into memory.
    Map,
    /// Write through the file descriptor.
    Write,
    /// Make data durable.
    Sync,
    /// Rename a file.
    Rename,
    /// Remove a file or a directory.
    Remove,
}

/// Decides for each operation whether it fails: `Some(error)` fails it before anything happened.
pub type FaultPlan = dyn Fn(Operation, &Path) -> Option<io::Error> + Send + Sync;

/// Says how full the file system of a path is, instead of asking it.
pub type UsePlan = dyn Fn(&Path) -> io::Result<DiskUse> + Send + Sync;

/// The file system, as the store uses it. Clones share the plans.
#[derive(Clone, Default)]
pub struct Disk {
    faults: Option<Arc<FaultPlan>>,
    used: Option<Arc<UsePlan>>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk")
            .field("faults", &self.faults.is_some())
            .field("used", &self.used.is_some())
            .finish()
    }
}

/// Use of the file system that holds a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskUse {
    /// Size of the file system.
    pub total_bytes: u64,
    /// What files take.
    pub used_bytes: u64,
    /// What an unprivileged process can still write. With `used_bytes` less than the total where some is kept for the superuser.
    pub free_bytes: u64,
}

impl DiskUse {
    /// Used share from 0 to 100 of what an unprivileged process can use at all, rounded up: as the reference and `df` count.
    #[doc(alias = "getDiskPartitionSpaceUsedPercent")]
    pub fn used_percent(self) -> u32 {
        let (used, free) = (u128::from(self.used_bytes), u128::from(self.free_bytes));
        match used + free {
            0 => 0,
            usable => u32::try_from((used * 100).div_ceil(usable)).unwrap_or(100),
        }
    }
}

impl Disk {
    /// The real file system.
    pub fn real() -> Self {
        Self::default()
    }

    /// The real file system, except for the operations that `plan` fails.
    pub fn failing(plan: Arc<FaultPlan>) -> Self {
        Self { faults: Some(plan), used: None }
    }

    /// This file system, as full as `plan` says.
    pub fn filled(self, plan: Arc<UsePlan>) -> Self {
        Self { used: Some(plan), ..self }
    }

    fn check(&self, operation: Operation, path: &Path) -> io::Result<()> {
        match self.faults.as_ref().and_then(|plan| plan(operation, path)) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Creates a directory and its parents.
    pub fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        self.check(Operation::Create, path)?;
        fs::create_dir_all(path)
    }

    /// Opens a file for reading and writing, creating it when absent.
    pub fn open_or_create(&self, path: &Path) -> io::Result<File> {
        self.check(if path.exists() { Operation::Open } else { Operation::Create }, path)?;
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
    }

    /// Opens an existing file for reading and writing.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        self.check(Operation::Open, path)?;
        OpenOptions::new().read(true).write(true).open(path)
    }

    /// Allocates the blocks of `offset .. offset + len` without changing what the file holds. The file grows when it ends earlier.
    pub fn allocate(&self, file: &File, path: &Path, offset: u64, len: u64) -> io::Result<()> {
        self.check(Operation::Allocate, path)?;
        if len == 0 {
            return Ok(());
        }
        match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), offset, len) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                allocate_by_writing(file, offset, len)
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// Sets the length of a file without allocating blocks.
    pub fn set_len(&self, file: &File, path: &Path, len: u64) -> io::Result<()> {
        self.check(Operation::Allocate, path)?;
        file.set_len(len)
    }

    /// The first position from `offset` on that is not in a hole; `None` when only holes follow. Allocated blocks that were never
    /// written are holes.
    pub fn next_data(&self, file: &File, offset: u64) -> io::Result<Option<u64>> {
        match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(offset)) {
            Ok(position) => Ok(Some(position)),
            Err(rustix::io::Errno::NXIO) => Ok(None),
            // It keeps no book of holes.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::OPNOTSUPP) => Ok(Some(offset)),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Called before a file is mapped.
    pub fn check_map(&self, path: &Path) -> io::Result<()> {
        self.check(Operation::Map, path)
    }

    /// Writes all of `bytes` at `offset` through the descriptor.
    pub fn write_at(&self, file: &File, path: &Path, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.check(Operation::Write, path)?;
        file.write_all_at(bytes, offset)
    }

    /// Writes all of `slices`, one behind the other, at `offset` through the descriptor.
    pub fn write_slices_at(
        &self,
        file: &File,
        path: &Path,
        mut slices: &mut [IoSlice<'_>],
        mut offset: u64,
    ) -> io::Result<()> {
        self.check(Operation::Write, path)?;
        while !slices.is_empty() {
            let now = slices.get(..slices.len().min(SLICES_MAX)).unwrap_or_default();
            match rustix::io::pwritev(file, now, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    offset += written as u64;
                    IoSlice::advance_slices(&mut slices, written);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Makes the data of a file durable, dirty pages of its mappings included.
    pub fn sync(&self, file: &File, path: &Path) -> io::Result<()> {
        self.check(Operation::Sync, path)?;
        file.sync_data()
    }

    /// Makes the data of a mapped file durable, without its descriptor.
    pub fn sync_map(&self, map: &MmapRaw, path: &Path) -> io::Result<()> {
        self.check(Operation::Sync, path)?;
        map.flush()
    }

    /// Makes the names in a directory durable.
    pub fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.check(Operation::Sync, path)?;
        File::open(path)?.sync_all()
    }

    /// Renames a file, replacing the target.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check(Operation::Rename, from)?;
        fs::rename(from, to)
    }

    /// Removes a file; a file that is not there is no error.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        self.check(Operation::Remove, path)?;
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    /// Removes a directory with all that it holds; one that is not there is no error.
    pub fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.check(Operation::Remove, path)?;
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    /// Size and free space of the file system that holds `path`.
    pub fn usage(&self, path: &Path) -> io::Result<DiskUse> {
        if let Some(plan) = &self.used {
            return plan(path);
        }
        let stat = rustix::fs::statvfs(path)?;
        Ok(DiskUse {
            total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
            used_bytes: stat.f_blocks.saturating_sub(stat.f_bfree).saturating_mul(stat.f_frsize),
            free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        })
    }

    /// Takes the exclusive lock on byte 0 of `file`, as the Java broker does; false when somebody holds it.
    ///
    /// An open-file-description lock: it keeps out other processes (Java's included) and other stores of this process,
    /// and ends with [`Disk::unlock`], or with the last copy of `file`.
    pub fn try_lock(&self, file: &File) -> io::Result<bool> {
        match set_lock(file, libc::F_WRLCK) {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gives up what [`Disk::try_lock`] took. Closing `file` is not enough when the process was forked: the child has a copy.
    pub fn unlock(&self, file: &File) -> io::Result<()> {
        set_lock(file, libc::F_UNLCK)
    }

    /// Writes a small file so that a crash leaves the old or the new content: temporary file, sync, rename, sync of the directory.
    pub fn replace_file(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = sibling(path, ".tmp");
        let file = self.create_empty(&temporary)?;
        self.write_at(&file, &temporary, bytes, 0)?;
        self.sync(&file, &temporary)?;
        drop(file);
        self.rename(&temporary, path)?;
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => self.sync_dir(parent),
            _ => Ok(()),
        }
    }

    /// Creates a file, or empties it.
    pub fn create_empty(&self, path: &Path) -> io::Result<File> {
        self.check(Operation::Create, path)?;
        File::create(path)
    }
}

/// `path` with `suffix` behind its file name.
pub fn sibling(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// For file systems without block allocation: fills holes by writing zeros, but only past the present end, so no data is lost.
fn allocate_by_writing(file: &File, offset: u64, len: u64) -> io::Result<()> {
    const CHUNK_BYTES: usize = 1 << 20;
    let end = offset.saturating_add(len);
    let mut position = offset.max(file.metadata()?.len());
    let zeros = vec![0_u8; CHUNK_BYTES];
    while position < end {
        let step = usize::try_from(end - position).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        file.write_all_at(zeros.get(..step).unwrap_or_default(), position)?;
        position += step as u64;
    }
    Ok(())
}

/// Sets the kind of open-file-description lock on byte 0.
fn set_lock(file: &File, kind: libc::c_int) -> io::Result<()> {
    // SAFETY: all-zero is a valid value of this plain C struct.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = 0;
    lock.l_len = 1;
    // SAFETY: the descriptor is open for the whole call and `lock` is a valid, initialised struct.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_percent_rounds_up_and_leaves_out_what_is_reserved() {
        let percent =
            |used_bytes, free_bytes| DiskUse { total_bytes: 1000, used_bytes, free_bytes }.used_percent();
        assert_eq!(percent(0, 1000), 0);
        assert_eq!(percent(1, 999), 1);
        assert_eq!(percent(900, 100), 90);
        assert_eq!(percent(901, 99), 91);
        assert_eq!(percent(475, 475), 50, "50 of 1000 are reserved");
        assert_eq!(percent(950, 0), 100);
        assert_eq!(percent(0, 0), 0);
        assert_eq!(percent(u64::MAX, u64::MAX), 50);
    }

    #[test]
    fn unlock_with_another_copy_of_the_file_lets_others_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let disk = Disk::real();
        let (first, second) = (disk.open_or_create(&path).unwrap(), disk.open_or_create(&path).unwrap());
        // What a forked child has.
        let copy = first.try_clone().unwrap();
        assert!(disk.try_lock(&first).unwrap());
        assert!(!disk.try_lock(&second).unwrap());
        disk.unlock(&first).unwrap();
        assert!(disk.try_lock(&second).unwrap());
        drop(copy);
    }
}
