//! Copying directories of a store, also of one that is in use.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::disk::Disk;

/// Read at once. Pieces that are zero are left out of the copy: files are made long before they are full.
const PIECE_BYTES: usize = 64 * 1024;

/// Copies a directory with everything in it, files and directories, to `to`, which is made and must not lie in `from`. Files that come
/// or go meanwhile may or may not be in the copy; each that is has the length that it had, and every byte that was in it when its
/// copying began. The last by name is copied first: the oldest of a sequence may be deleted meanwhile, and leave no gap. Nothing
/// is synced.
pub fn copy_dir(disk: &Disk, from: &Path, to: &Path) -> io::Result<()> {
    check_apart(disk, from, to)?;
    copy_entries(disk, from, to)
}

/// [`copy_dir`] to a directory, but for the entries of `from` that `place` sends elsewhere.
pub fn copy_dir_to(
    disk: &Disk,
    from: &Path,
    to: &Path,
    place: impl Fn(&OsStr) -> Option<PathBuf>,
) -> io::Result<()> {
    check_apart(disk, from, to)?;
    for entry in std::fs::read_dir(from)? {
        let name = entry?.file_name();
        let target = place(&name).unwrap_or_else(|| to.join(&name));
        copy_entry(disk, &from.join(&name), &target)?;
    }
    Ok(())
}

fn check_apart(disk: &Disk, from: &Path, to: &Path) -> io::Result<()> {
    disk.create_dir_all(to)?;
    let Some(from) = present(from.canonicalize())? else { return Ok(()) };
    if to.canonicalize()?.starts_with(&from) {
        let text = format!("{} cannot be copied into itself, to {}", from.display(), to.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(())
}

fn copy_entries(disk: &Disk, from: &Path, to: &Path) -> io::Result<()> {
    disk.create_dir_all(to)?;
    let Some(entries) = present(std::fs::read_dir(from))? else { return Ok(()) };
    let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
    entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.file_name()));
    for entry in entries {
        copy_entry(disk, &entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Links are followed: a store may have parts of it elsewhere.
fn copy_entry(disk: &Disk, from: &Path, to: &Path) -> io::Result<()> {
    match present(std::fs::metadata(from))? {
        Some(found) if found.is_dir() => copy_entries(disk, from, to),
        Some(found) if found.is_file() => copy_file(disk, from, to),
        _ => Ok(()),
    }
}

/// Copies one file; nothing happens when there is none.
pub fn copy_file(disk: &Disk, from: &Path, to: &Path) -> io::Result<()> {
    let Some(source) = present(File::open(from))? else { return Ok(()) };
    let len = source.metadata()?.len();
    let target = disk.open_or_create(to)?;
    disk.set_len(&target, to, len)?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut offset = 0;
    while offset < len {
        match disk.next_data(&source, offset)? {
            // Whole pieces, so that zeros between data in one of them are looked at once.
            Some(data) => offset = offset.max(data - data % PIECE_BYTES as u64),
            None => break,
        }
        let wanted = usize::try_from(len - offset).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let read = source.read_at(piece.get_mut(..wanted).unwrap_or_default(), offset)?;
        if read == 0 {
            break;
        }
        let bytes = piece.get(..read).unwrap_or_default();
        if bytes.iter().any(|byte| *byte != 0) {
            disk.write_at(&target, to, bytes, offset)?;
        }
        offset += read as u64;
    }
    Ok(())
}

/// Nothing for what is gone.
fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_every_byte_and_every_hole() {
        let scratch = tempfile::tempdir().unwrap();
        let (from, to) = (scratch.path().join("from"), scratch.path().join("to"));
        std::fs::create_dir_all(from.join("a/b")).unwrap();
        let big = File::create(from.join("a/b/big")).unwrap();
        big.set_len(10_000_000).unwrap();
        big.write_at(b"begin", 0).unwrap();
        big.write_at(b"middle", 5_000_001).unwrap();
        big.write_at(b"end", 9_999_997).unwrap();
        std::fs::write(from.join("a/small"), b"small").unwrap();
        std::fs::write(from.join("empty"), b"").unwrap();
        std::os::unix::fs::symlink(from.join("a"), from.join("link")).unwrap();
        copy_dir(&Disk::real(), &from, &to).unwrap();
        for name in ["a/b/big", "a/small", "empty", "link/small"] {
            assert!(
                std::fs::read(from.join(name)).unwrap() == std::fs::read(to.join(name)).unwrap(),
                "{name}"
            );
        }
    }

    #[test]
    fn files_that_are_deleted_meanwhile_leave_no_gap() {
        let scratch = tempfile::tempdir().unwrap();
        let (from, to) = (scratch.path().join("from"), scratch.path().join("to"));
        std::fs::create_dir_all(&from).unwrap();
        for number in 0..30 {
            std::fs::write(from.join(format!("{number:020}")), "x").unwrap();
        }
        let oldest = std::sync::atomic::AtomicUsize::new(0);
        let deleted = from.clone();
        // With each file that is copied, the two oldest go.
        let disk = Disk::failing(std::sync::Arc::new(move |operation, _| {
            for _ in 0..usize::from(operation == crate::mmap::disk::Operation::Write) * 2 {
                let number = oldest.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let _ = std::fs::remove_file(deleted.join(format!("{number:020}")));
            }
            None
        }));
        copy_dir(&disk, &from, &to).unwrap();
        let mut copied: Vec<usize> = std::fs::read_dir(&to)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
            .collect();
        copied.sort_unstable();
        assert_eq!(copied, (20..30).collect::<Vec<_>>());
    }

    #[test]
    fn a_directory_is_not_copied_into_itself() {
        let scratch = tempfile::tempdir().unwrap();
        let inside = scratch.path().join("a/b");
        std::fs::create_dir_all(&inside).unwrap();
        let error = copy_dir(&Disk::real(), scratch.path(), &inside.join("copy")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(std::fs::read_dir(inside.join("copy")).unwrap().count(), 0);
    }

    #[test]
    fn what_is_not_there_is_not_copied() {
        let scratch = tempfile::tempdir().unwrap();
        copy_dir(&Disk::real(), &scratch.path().join("no"), &scratch.path().join("to")).unwrap();
        copy_file(&Disk::real(), &scratch.path().join("no"), &scratch.path().join("file")).unwrap();
        assert_eq!(std::fs::read_dir(scratch.path().join("to")).unwrap().count(), 0);
        assert!(!scratch.path().join("file").exists());
    }
}
