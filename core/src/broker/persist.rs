//! The JSON tables below `config/`: loading with the backup as second choice, and writing so that a crash leaves the old or
//! the new content (store-format §8; Java: `ConfigManager`).

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::format::disk::tables;
use crate::format::names::file::{BACKUP_SUFFIX, TEMPORARY_SUFFIX};
use crate::format::wire::fastjson::JsonError;
use crate::mmap::disk::{Disk, sibling};

/// One JSON table on disk.
///
/// Its owner calls [`TableFile::note_change`] after each change in memory and [`TableFile::save`] when the change has to be
/// durable. Saves that come together share one write.
#[derive(Debug)]
#[doc(alias = "ConfigManager")]
pub struct TableFile {
    disk: Disk,
    path: PathBuf,
    /// Number of changes made in memory.
    changes: AtomicU64,
    /// Number of changes that are in the file. Held while writing.
    saved: Mutex<u64>,
    /// The file does not parse and its backup was loaded: the backup must outlive the next write.
    is_corrupt: AtomicBool,
}

impl TableFile {
    /// The table at `path`; nothing is read yet.
    pub fn new(disk: Disk, path: PathBuf) -> Self {
        Self {
            disk,
            path,
            changes: AtomicU64::new(0),
            saved: Mutex::new(0),
            is_corrupt: AtomicBool::new(false),
        }
    }

    /// Where the table is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the table: the file, or its backup when the file is missing, empty or does not parse. `None` when both are missing
    /// or empty.
    ///
    /// An error when something is there and nothing of it parses. Java starts empty when only the backup is missing, and
    /// overwrites the broken file with the next change.
    pub fn load<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let broken = match self.parse(&self.path)? {
            Parsed::Table(table) => return Ok(Some(table)),
            Parsed::Nothing => None,
            Parsed::Broken(error) => {
                self.is_corrupt.store(true, Ordering::Relaxed);
                tracing::error!(target: "broker::persist", path = %self.path.display(), %error, "the table does not parse; its backup is loaded");
                Some(error)
            }
        };
        match (self.parse(&sibling(&self.path, BACKUP_SUFFIX))?, broken) {
            (Parsed::Table(table), _) => Ok(Some(table)),
            (Parsed::Nothing, None) => Ok(None),
            (Parsed::Nothing, Some(error)) | (Parsed::Broken(error), _) => Err(Error::new(
                ErrorKind::StoreCorrupt,
                format!(
                    "neither {} nor its backup can be read ({error}); mend or remove them",
                    self.path.display()
                ),
            )),
        }
    }

    fn parse<T: DeserializeOwned>(&self, path: &Path) -> Result<Parsed<T>> {
        Ok(match self.read(path)? {
            None => Parsed::Nothing,
            Some(text) => tables::parse(&text).map_or_else(Parsed::Broken, Parsed::Table),
        })
    }

    /// Content of a file; `None` when it is missing or empty.
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        let mut text = Vec::new();
        let read = self.disk.open(path).and_then(|mut file| file.read_to_end(&mut text));
        match read {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(format_args!("read {}", path.display()), &error)),
        }
    }

    /// Counts a change that is visible in memory already.
    pub fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// True when the file lacks a change.
    pub fn is_behind(&self) -> bool {
        *self.saved.lock() < self.changes.load(Ordering::Acquire)
    }

    /// Makes every change noted before this call durable. `snapshot` is taken only if no other save has done it meanwhile.
    pub fn save<T: Serialize>(&self, snapshot: impl FnOnce() -> T) -> Result<()> {
        let wanted = self.changes.load(Ordering::Acquire);
        let mut saved = self.saved.lock();
        if *saved >= wanted {
            return Ok(());
        }
        let included = self.changes.load(Ordering::Acquire);
        self.replace(&tables::to_text(&snapshot()))
            .map_err(|error| Error::io(format_args!("write {}", self.path.display()), &error))?;
        *saved = included;
        Ok(())
    }

    /// [`TableFile::save`] for callers that go on whatever happens, as Java does; the next save tries again.
    pub fn save_or_log<T: Serialize>(&self, snapshot: impl FnOnce() -> T) {
        if let Err(error) = self.save(snapshot) {
            tracing::error!(target: "broker::persist", %error, "a table is not saved");
        }
    }

    /// Temporary file, sync, old content to the backup, rename, sync of the directory. Between the renames only the backup
    /// exists, which is what loading falls back to.
    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let temporary = sibling(&self.path, TEMPORARY_SUFFIX);
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            self.disk.create_dir_all(folder)?;
        }
        let file = self.disk.create_empty(&temporary)?;
        self.disk.write_at(&file, &temporary, text, 0)?;
        self.disk.sync(&file, &temporary)?;
        drop(file);
        if !self.is_corrupt.swap(false, Ordering::Relaxed) {
            match self.disk.rename(&self.path, &sibling(&self.path, BACKUP_SUFFIX)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.disk.rename(&temporary, &self.path)?;
        folder.map_or(Ok(()), |folder| self.disk.sync_dir(folder))
    }
}

/// What one file holds.
enum Parsed<T> {
    /// It is missing or empty.
    Nothing,
    Broken(JsonError),
    Table(T),
}

#[cfg(test)]
mod tests;
