//! Tests of the formats against bytes written by Java 4.9.8: `tests/golden/store` (whole store directories) and
//! `tests/golden/vectors.json` (single values).

mod disk;
mod records;
mod tables;
mod vectors;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::format::disk::paths::parse_offset_name;
use crate::format::names::file;

pub(super) const STORES: [&str; 5] = ["main", "trimmed", "ext", "crash", "torn"];

fn golden_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden")
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

pub(crate) fn vectors() -> Value {
    read_json(&golden_folder().join("vectors.json"))
}

/// A store directory in memory, with what Java says about it.
pub(super) struct GoldenStore {
    pub name: &'static str,
    pub manifest: Value,
    conf: BTreeMap<String, String>,
    files: BTreeMap<String, Vec<u8>>,
}

impl GoldenStore {
    pub(super) fn open(name: &'static str) -> Self {
        let folder = golden_folder().join("store").join(name);
        let archive = fs::File::open(folder.join("store.tar.zst")).unwrap();
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(zstd::Decoder::new(archive).unwrap()).entries().unwrap() {
            let mut entry = entry.unwrap();
            if entry.header().entry_type().is_file() {
                let path = entry.path().unwrap().strip_prefix("store").unwrap().to_str().unwrap().to_owned();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                files.insert(path, content);
            }
        }
        let conf = fs::read_to_string(folder.join("broker.conf")).unwrap();
        let conf = conf.lines().filter_map(|line| line.split_once('='));
        Self {
            name,
            manifest: read_json(&folder.join("manifest.json")),
            conf: conf.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            files,
        }
    }

    pub(super) fn all() -> impl Iterator<Item = Self> {
        STORES.into_iter().map(Self::open)
    }

    /// Whether the archive is what the manifest describes; otherwise Java's recovery has changed queues and indexes.
    pub(super) fn was_stopped_cleanly(&self) -> bool {
        !self.files.contains_key(file::ABORT)
    }

    pub(super) fn conf_number(&self, key: &str) -> u64 {
        self.conf[key].parse().unwrap()
    }

    pub(super) fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// Files directly in a folder, by name.
    pub(super) fn folder<'a>(&'a self, folder: &str) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let prefix = format!("{folder}/");
        self.files.iter().filter_map(move |(path, content)| {
            let name = path.strip_prefix(&prefix)?;
            (!name.contains('/')).then_some((name, content.as_slice()))
        })
    }

    /// What lies at an offset of a file sequence, up to the end of its file.
    pub(super) fn at(&self, folder: &str, offset: u64) -> Option<&[u8]> {
        self.folder(folder).find_map(|(name, content)| {
            let within = offset.checked_sub(parse_offset_name(name)?)?;
            content.get(usize::try_from(within).ok()?..).filter(|rest| !rest.is_empty())
        })
    }

    pub(super) fn list(&self, key: &str) -> &[Value] {
        self.manifest[key].as_array().unwrap()
    }
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}"))
}

pub(super) fn number(value: &Value, key: &str) -> i64 {
    value[key].as_i64().unwrap_or_else(|| panic!("{key} in {value}"))
}

pub(super) fn unhex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0);
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
