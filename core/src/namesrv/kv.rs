//! The key-value table: two levels of texts, kept in one small file (namesrv.md §7).
//!
//! Only the namespace [`ORDER_TOPIC_CONFIG`] means something to servers: topic → `broker:queues;...`.
//!
//! A change is written before it is visible, so nobody reads what a crash could take back, and a full disk is an error of
//! the request that met it (Java answers success and writes later or never). The file before the change stays as `.bak`;
//! it is read when the main file does not parse.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::format::wire::fastjson;
use crate::mmap::disk::{Disk, sibling};

/// Namespace of the ordered topics.
#[doc(alias = "NAMESPACE_ORDER_TOPIC_CONFIG")]
pub const ORDER_TOPIC_CONFIG: &str = "ORDER_TOPIC_CONFIG";

/// All texts together. Every change writes the whole table, and a namespace has to fit into one answer.
const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Keys and values of one namespace.
pub type Namespace = BTreeMap<String, String>;

type Namespaces = BTreeMap<String, Arc<Namespace>>;

/// The table and its file.
#[derive(Debug)]
#[doc(alias = "KVConfigManager")]
pub struct KvTable {
    path: PathBuf,
    disk: Disk,
    current: RwLock<Arc<Namespaces>>,
    /// Held over a whole change, with the disk; readers never wait for it.
    changing: Mutex<()>,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[doc(alias = "KVConfigSerializeWrapper")]
struct Stored<T> {
    #[serde(rename = "configTable")]
    table: T,
}

impl KvTable {
    /// Reads the table at `path`; without a file it is empty. A file that does not parse, and whose `.bak` does not either,
    /// is an error: going on would overwrite it.
    pub fn open(path: &Path, disk: Disk) -> Result<Self> {
        let namespaces = match read(path) {
            Ok(Some(namespaces)) => namespaces,
            Ok(None) => read_backup(path)?.unwrap_or_default(),
            Err(error) => {
                tracing::error!(target: "broker::namesrv", %error, "trying the backup");
                read_backup(path).ok().flatten().ok_or(error)?
            }
        };
        Ok(Self {
            path: path.to_owned(),
            disk,
            current: RwLock::new(Arc::new(namespaces)),
            changing: Mutex::new(()),
        })
    }

    /// The value of a key.
    pub fn get(&self, namespace: &str, key: &str) -> Option<String> {
        self.namespace(namespace)?.get(key).cloned()
    }

    /// A whole namespace; `Some` once anything was ever put into it.
    #[doc(alias = "getKVListByNamespace")]
    pub fn namespace(&self, namespace: &str) -> Option<Arc<Namespace>> {
        self.current.read().get(namespace).cloned()
    }

    /// Gives a key a value; without a value the key goes, as in Java, where a null value is never written.
    #[doc(alias = "putKVConfig")]
    pub fn put(&self, namespace: &str, key: &str, value: Option<&str>) -> Result<()> {
        self.change(|namespaces| {
            let keys = Arc::make_mut(namespaces.entry(namespace.to_owned()).or_default());
            match value {
                Some(value) => keys.insert(key.to_owned(), value.to_owned()),
                None => keys.remove(key),
            };
            true
        })
    }

    /// Removes a key. Its namespace stays, even when empty.
    #[doc(alias = "deleteKVConfig")]
    pub fn delete(&self, namespace: &str, key: &str) -> Result<()> {
        self.change(|namespaces| match namespaces.get_mut(namespace) {
            Some(keys) => Arc::make_mut(keys).remove(key).is_some(),
            None => false,
        })
    }

    /// Applies a change that says whether it changed anything, and writes it.
    fn change(&self, apply: impl FnOnce(&mut Namespaces) -> bool) -> Result<()> {
        let _changing = self.changing.lock();
        let before = self.current.read().clone();
        let mut after = Namespaces::clone(&before);
        if !apply(&mut after) {
            return Ok(());
        }
        let size = text_bytes(&after);
        if size > TEXT_BYTES_MAX && size > text_bytes(&before) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("the key-value table may have {TEXT_BYTES_MAX} bytes of text"),
            ));
        }
        self.write(&before, &after)?;
        *self.current.write() = Arc::new(after);
        Ok(())
    }

    fn write(&self, before: &Namespaces, after: &Namespaces) -> Result<()> {
        let failed = |cause: io::Error| Error::io(format_args!("write {}", self.path.display()), &cause);
        if let Some(folder) = self.path.parent() {
            self.disk.create_dir_all(folder).map_err(failed)?;
        }
        let text = |table| fastjson::to_vec(&Stored { table });
        if self.path.exists() {
            self.disk.replace_file(&backup(&self.path), &text(before)).map_err(failed)?;
        }
        self.disk.replace_file(&self.path, &text(after)).map_err(failed)
    }
}

fn backup(path: &Path) -> PathBuf {
    sibling(path, ".bak")
}

/// The table in a file; `None` when there is none, or nothing in it.
fn read(path: &Path) -> Result<Option<Namespaces>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) if bytes.trim_ascii().is_empty() => return Ok(None),
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(Error::io(format_args!("read {}", path.display()), &cause)),
    };
    match fastjson::from_slice::<Stored<Namespaces>>(&bytes) {
        Ok(stored) => Ok(Some(stored.table)),
        Err(error) => {
            let text = format!("{} does not parse: {error}", path.display());
            Err(Error::new(ErrorKind::StoreCorrupt, text))
        }
    }
}

fn read_backup(path: &Path) -> Result<Option<Namespaces>> {
    let namespaces = read(&backup(path))?;
    if namespaces.is_some() {
        tracing::warn!(target: "broker::namesrv", path = %path.display(), "key-value table read from its backup");
    }
    Ok(namespaces)
}

fn text_bytes(namespaces: &Namespaces) -> usize {
    let of_namespace = |(name, keys): (&String, &Arc<Namespace>)| {
        name.len() + keys.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
    };
    namespaces.iter().map(of_namespace).sum()
}

#[cfg(test)]
mod tests;
