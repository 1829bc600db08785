//! Copying directories of a store, also of one that is in use.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::disk::Disk;

/// Read at once. Pieces that are zero are left out of the copy: files are made long before they are full.
const PIECE_BYTES: usize = 64 * 1024;

/// Copies a directory with everything in it, files and directories, to `to`, which is made. Files that come or go meanwhile may or may
/// not be in the copy; each that is has the length that it had, and every byte that was in it when its copying began. Nothing is
/// synced.
pub fn copy_dir(disk: &Disk, from: &Path, to: &Path) -> io::Result<()> {
    disk.create_dir_all(to)?;
    let Some(entries) = present(std::fs::read_dir(from))? else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let Some(kind) = present(entry.file_type())? else { continue };
        if kind.is_dir() {
            copy_dir(disk, &entry.path(), &target)?;
        } else if kind.is_file() {
            copy_file(disk, &entry.path(), &target)?;
        }
    }
    Ok(())
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
        copy_dir(&Disk::real(), &from, &to).unwrap();
        for name in ["a/b/big", "a/small", "empty"] {
            assert!(
                std::fs::read(from.join(name)).unwrap() == std::fs::read(to.join(name)).unwrap(),
                "{name}"
            );
        }
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
