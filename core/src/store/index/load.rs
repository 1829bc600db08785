//! What of the index can be trusted at start, and building the rest again.
//!
//! The reference removes files newer than the checkpoint after a crash and refills them from where the recovery of the log begins:
//! keys of older records of a removed file are lost unless `messageIndexSafe` is set. Here everything that a removed file may have
//! held is built again, always.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;

use super::file::IndexFile;
use super::{IndexParts, MessageIndex, RecordKeys};
use crate::error::{Error, Result};
use crate::format::disk::paths::is_index_name;
use crate::mmap::file_queue::MappedFileQueue;
use crate::store::commit_log::scan::{Found, look};
use crate::store::dispatch::FileWait;

/// What is known about the last stop.
#[derive(Debug, Clone, Copy)]
pub struct Trust {
    /// Where the log ends. An index that knows records beyond was written back when the log was not.
    pub log_end: i64,
    /// Index timestamp of the checkpoint: full files up to it are durable.
    pub durable_until_ms: i64,
    /// After a crash only what is durable counts.
    pub crashed: bool,
    /// Offset of the newest record that the queues know, if it has keys and is to be indexed: an index that ends before it lacks files.
    pub newest_with_keys: Option<i64>,
}

/// The part of the index that is not there any more.
#[derive(Debug)]
pub(super) struct Lost {
    files: Vec<PathBuf>,
    /// Offset of the last record whose keys are there; they may not be all of its keys.
    from: i64,
    /// Where the log ended at start: records up to it are indexed also while the index is switched off.
    until: i64,
}

impl MessageIndex {
    /// Opens the files in the directory. The first one that cannot be trusted, and all behind it, are lost; so is what is missing at the
    /// end: see [`MessageIndex::is_damaged`].
    pub fn open(parts: IndexParts, trust: &Trust) -> Result<Self> {
        let paths = index_files(&parts.dir)?;
        let mut kept: Vec<Arc<IndexFile>> = Vec::new();
        let mut paths = paths.into_iter();
        let mut lost = Vec::new();
        for (name, path) in paths.by_ref() {
            let Some(file) = open_trusted(&parts, &name, &path, trust)? else {
                lost.push(path);
                break;
            };
            kept.push(Arc::new(file));
        }
        lost.extend(paths.map(|(_, path)| path));
        let end = kept.last().map(|file| file.header().end_physical_offset);
        let is_incomplete = trust.newest_with_keys.is_some_and(|newest| end.is_none_or(|end| end < newest));
        let lost = (is_incomplete || !lost.is_empty()).then_some(Lost {
            files: lost,
            from: end.unwrap_or(0),
            until: trust.log_end,
        });
        Ok(Self { parts, files: RwLock::new(kept), lost })
    }

    /// Whether files must be removed and built again. The abort marker must exist before that begins: half an index would
    /// be taken for a whole one.
    pub fn is_damaged(&self) -> bool {
        self.lost.is_some()
    }

    /// Removes what cannot be trusted, newest first. The oldest of it stays, emptied, and is filled again: should this start die before
    /// that is done, the next one finds a file that it cannot trust, and knows that keys are missing.
    pub fn remove_damaged(&self) -> Result<()> {
        let Some(lost) = &self.lost else { return Ok(()) };
        let Some((oldest, others)) = lost.files.split_first() else { return Ok(()) };
        for path in others.iter().rev() {
            self.remove_lost(path)?;
        }
        if lost.from >= lost.until || !self.begin_anew(oldest)? {
            self.remove_lost(oldest)?;
        }
        Ok(())
    }

    fn remove_lost(&self, path: &Path) -> Result<()> {
        tracing::warn!(target: "broker::store", path = %path.display(),
            "index file removed; its keys are read from the log again");
        self.parts
            .disk
            .remove(path)
            .map_err(|cause| Error::io(format_args!("remove {}", path.display()), &cause))
    }

    /// Empties a file and makes it the newest; false when it has another size.
    fn begin_anew(&self, path: &Path) -> Result<bool> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let header = self.header_behind(self.newest().as_deref());
        match IndexFile::begin_anew(&self.parts.disk, path, name, self.parts.layout, &header) {
            Ok(file) => self.files.write().push(Arc::new(file)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(false),
            Err(cause) => return Err(Error::io(format_args!("open {}", path.display()), &cause)),
        }
        tracing::warn!(target: "broker::store", path = %path.display(),
            "index file emptied; its keys are read from the log again");
        Ok(true)
    }

    /// Builds what was lost from the records below `until`; the dispatch does the rest. Damage in a part of the log that recovery
    /// does not look at costs the keys of that file only.
    pub fn rebuild(&self, log: &MappedFileQueue, until: i64) -> Result<()> {
        let Some(lost) = &self.lost else { return Ok(()) };
        let mut position = lost.from.max(log.min_offset());
        if position < until {
            tracing::info!(target: "broker::store", from = position, until, "building the key index again");
        }
        while position < until {
            let Some(bytes) = log.slice_to_end(position) else { break };
            let len = usize::try_from(until - position).unwrap_or(0).min(bytes.len());
            self.rebuild_from(position, bytes.get(..len).unwrap_or_default())?;
            let file_bytes = log.file_size_bytes() as i64;
            position = (position / file_bytes + 1) * file_bytes;
        }
        Ok(())
    }

    fn rebuild_from(&self, start: i64, bytes: &[u8]) -> Result<()> {
        let (mut position, mut newest, mut keys) = (0, None, Vec::new());
        while let Some(rest) = bytes.get(position..).filter(|rest| !rest.is_empty()) {
            match look(rest) {
                Found::Record(record) => {
                    keys.clear();
                    RecordKeys::of(&record).collect(&record, &mut keys);
                    self.put(&keys, &mut newest, FileWait::Allowed)?;
                    position += record.total_size();
                }
                Found::EndOfFile | Found::Nothing => break,
                Found::Broken(error) => {
                    let offset = start + position as i64;
                    tracing::error!(target: "broker::store", offset, %error,
                        "the log is damaged; keys of this file's later records are lost");
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether a record belongs into the index.
    pub(super) fn is_wanted(&self, physical_offset: i64) -> bool {
        self.parts.tuning.load().index_enabled
            || self.lost.as_ref().is_some_and(|lost| physical_offset < lost.until)
    }
}

/// The file, when what it holds can be trusted. A file that cannot be opened for another reason than its size is an error: it may be
/// fine, and removing it could not be undone.
fn open_trusted(parts: &IndexParts, name: &str, path: &Path, trust: &Trust) -> Result<Option<IndexFile>> {
    let file = match IndexFile::open(&parts.disk, path, name, parts.layout) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            tracing::warn!(target: "broker::store", %error, "index file of another size");
            return Ok(None);
        }
        Err(cause) => return Err(Error::io(format_args!("open {}", path.display()), &cause)),
    };
    let header = file.header();
    let is_sane = header.next_entry <= parts.layout.entries().max(1)
        && header.used_slots <= parts.layout.slots()
        && header.begin_physical_offset >= 0
        && header.end_physical_offset < trust.log_end;
    let is_durable = file.is_full() && header.end_timestamp_ms <= trust.durable_until_ms;
    if is_durable {
        file.set_durable();
    }
    Ok((is_sane && (is_durable || !trust.crashed)).then_some(file))
}

/// Index files of a directory, oldest first; anything else in it is left alone.
fn index_files(dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let listing = |cause: io::Error| Error::io(format_args!("list {}", dir.display()), &cause);
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(listing)? {
        let entry = entry.map_err(listing)?;
        match entry.file_name().into_string() {
            Ok(name) if is_index_name(&name) && entry.path().is_file() => found.push((name, entry.path())),
            _ => {
                tracing::warn!(target: "broker::store", path = %entry.path().display(), "not an index file; skipped")
            }
        }
    }
    found.sort();
    Ok(found)
}
