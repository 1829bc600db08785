//! The directory of a stopped store: taken so that no broker starts in it meanwhile, and not changed.

use std::fs::File;
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};

use libbroker::embed::Options;
use libbroker::internals::config::Config;
use libbroker::internals::format::disk::index::IndexLayout;
use libbroker::internals::format::disk::paths::{self, is_index_name, parse_queue_folder};
use libbroker::internals::format::names::file;
use libbroker::internals::format::record::tags::DelayLevels;
use libbroker::{Error, ErrorKind};
use rustix::fs::{FlockOperation, fcntl_lock};

use super::files::OffsetFiles;

/// Entries for each slot of an index file by default, which its size tells the numbers from.
const ENTRIES_PER_SLOT: u64 = 4;

/// A store whose broker is stopped.
#[derive(Debug)]
pub struct StoreDir {
    root: PathBuf,
    config: Option<Config>,
    /// Held for reading: a broker asks for it for writing.
    _lock: Option<File>,
}

/// One consume queue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueName {
    pub topic: String,
    pub queue_id: i32,
}

impl StoreDir {
    /// Opens the store in `root`; `config_file` is the broker's, where it has one.
    pub fn open(root: &Path, config_file: Option<&Path>) -> Result<Self, Error> {
        let config = config_file.map(|file| Options::server().file(file).resolve()).transpose()?;
        let config = config.map(|resolved| resolved.config().clone());
        let parts = [file::COMMIT_LOG, file::CONSUME_QUEUE, file::CHECKPOINT];
        if !parts.iter().any(|part| root.join(part).exists()) {
            let text = format!(
                "{} is not a store directory: there is no {} in it; name the storePathRootDir of a broker",
                root.display(),
                parts.join(", no "),
            );
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        Ok(Self { root: root.to_owned(), config, _lock: lock(root)? })
    }

    /// A path in it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(name)
    }

    /// Whether the broker did not stop, but was stopped.
    pub fn is_crashed(&self) -> bool {
        self.path(file::ABORT).exists()
    }

    /// Whether the broker's configuration was named.
    pub fn is_configured(&self) -> bool {
        self.config.is_some()
    }

    /// The files of the commit log.
    pub fn log(&self) -> Result<OffsetFiles, Error> {
        let elsewhere = self.config.as_ref().and_then(|config| config.store.store_path_commit_log.clone());
        OffsetFiles::list(&elsewhere.unwrap_or_else(|| self.path(file::COMMIT_LOG)))
    }

    /// The delay levels; `None` where nobody told.
    pub fn delay_levels(&self) -> Option<DelayLevels> {
        let config = self.config.as_ref()?;
        DelayLevels::parse(config.store.message_delay_level.as_str()).ok()
    }

    /// The consume queues, and folders among them that are none.
    pub fn queues(&self) -> Result<(Vec<QueueName>, Vec<PathBuf>), Error> {
        let (mut queues, mut strangers) = (Vec::new(), Vec::new());
        for topic_dir in entries(&self.path(file::CONSUME_QUEUE))? {
            let Some(topic) =
                topic_dir.file_name().and_then(|name| name.to_str()).filter(|_| topic_dir.is_dir())
            else {
                strangers.push(topic_dir);
                continue;
            };
            for queue_dir in entries(&topic_dir)? {
                let name = queue_dir.file_name().and_then(|name| name.to_str());
                match name.and_then(parse_queue_folder).filter(|_| queue_dir.is_dir()) {
                    Some(queue_id) => queues.push(QueueName { topic: topic.to_owned(), queue_id }),
                    None => strangers.push(queue_dir),
                }
            }
        }
        queues.sort();
        Ok((queues, strangers))
    }

    /// The files of a queue; `None` for a name that no folder can have.
    pub fn queue(&self, topic: &str, queue_id: i32) -> Result<Option<OffsetFiles>, Error> {
        paths::consume_queue(topic, queue_id).map(|path| OffsetFiles::list(&self.path(path))).transpose()
    }

    /// The files of a queue's extension.
    pub fn queue_ext(&self, topic: &str, queue_id: i32) -> Result<Option<OffsetFiles>, Error> {
        paths::consume_queue_ext(topic, queue_id).map(|path| OffsetFiles::list(&self.path(path))).transpose()
    }

    /// The index files, oldest first, and what is none among them.
    pub fn index(&self) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Error> {
        let is_index = |path: &PathBuf| {
            path.is_file() && path.file_name().and_then(|name| name.to_str()).is_some_and(is_index_name)
        };
        Ok(entries(&self.path(file::INDEX))?.into_iter().partition(is_index))
    }

    /// Numbers of slots and entries of an index file of this size; `None` when it fits neither the configuration nor, without one,
    /// four entries for each slot.
    pub fn index_layout(&self, size: u64) -> Option<IndexLayout> {
        let layout = match &self.config {
            Some(config) => IndexLayout::new(config.store.max_hash_slot_num, config.store.max_index_num),
            None => guessed_layout(size),
        };
        layout.filter(|layout| layout.file_size() as u64 == size)
    }
}

fn guessed_layout(size: u64) -> Option<IndexLayout> {
    let empty = IndexLayout::new(1, 0)?.file_size() as u64;
    let one = IndexLayout::new(2, ENTRIES_PER_SLOT as u32)?.file_size() as u64 - empty;
    // 1 slot and no entry more than whole groups of a slot and its entries, less that slot.
    let slot = IndexLayout::new(2, 0)?.file_size() as u64 - empty;
    let groups = size.checked_sub(empty.checked_sub(slot)?)?;
    let slots = u32::try_from(groups / one).ok().filter(|_| groups.is_multiple_of(one))?;
    IndexLayout::new(slots, slots.checked_mul(ENTRIES_PER_SLOT as u32)?)
}

/// What a folder holds, sorted; nothing where there is none.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |cause| Error::io(format_args!("cannot list {}", dir.display()), &cause);
    let listed = match std::fs::read_dir(dir) {
        Ok(listed) => listed,
        Err(cause) if cause.kind() == IoErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(failed(cause)),
    };
    let paths = listed.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<PathBuf>, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// Takes the lock for reading. Without a lock file there was no broker yet: it is not made.
fn lock(root: &Path) -> Result<Option<File>, Error> {
    let path = root.join(file::LOCK);
    let failed = |cause: std::io::Error| Error::io(format_args!("lock {}", path.display()), &cause);
    let lock_file = match File::open(&path) {
        Ok(lock_file) => lock_file,
        Err(cause) if cause.kind() == IoErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(failed(cause)),
    };
    match fcntl_lock(&lock_file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(Some(lock_file)),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => {
            let text = format!(
                "{} is in use by another broker; stop it or choose another store directory",
                root.display()
            );
            Err(Error::new(ErrorKind::StoreLocked, text))
        }
        Err(errno) => Err(failed(errno.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_of_an_index_file_is_told_by_its_size() {
        for (slots, entries) in [(100, 400), (5_000_000, 20_000_000), (1, 4)] {
            let layout = IndexLayout::new(slots, entries).unwrap();
            assert_eq!(guessed_layout(layout.file_size() as u64), Some(layout));
        }
        for size in [0, 39, 40, 125, u64::MAX] {
            assert_eq!(guessed_layout(size).filter(|layout| layout.slots() > 0), None, "{size}");
        }
    }

    #[test]
    fn what_is_no_store_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let refused = StoreDir::open(dir.path(), None).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound);
        assert!(refused.context().contains("is not a store directory"), "{refused}");
        std::fs::create_dir(dir.path().join(file::COMMIT_LOG)).unwrap();
        assert!(StoreDir::open(dir.path(), None).unwrap().log().unwrap().files().is_empty());
        assert!(!dir.path().join(file::LOCK).exists(), "nothing is made");
    }
}
