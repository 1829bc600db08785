//! `inspect … index`: files and entries of the key index.

use libbroker::internals::format::disk::index::IndexEntry;
use libbroker::internals::format::record::tags::index_key_hash;
use libbroker::{Error, ErrorKind};
use serde::Serialize;

use super::args::Shown;
use super::index_file::IndexFile;
use super::listing::Listing;
use super::store_dir::StoreDir;
use crate::terminal::{Output, local_time};

const HEAD: [&str; 7] = ["FILE", "ENTRY", "HASH", "SLOT", "OFFSET", "STORED", "PREVIOUS"];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    file: &'a str,
    entry: u32,
    key_hash: i32,
    slot: u32,
    physical_offset: i64,
    /// To the second.
    store_timestamp_ms: Option<i64>,
    previous: i32,
}

/// Lists them: all, or those of one key.
pub fn dump(store: &StoreDir, shown: &Shown, output: &mut Output) -> Result<(), Error> {
    let hash = match (&shown.topic, &shown.key) {
        (Some(topic), Some(key)) => Some(index_key_hash(topic.as_bytes(), key.as_bytes())),
        (None, None) => None,
        _ => {
            let text = "the index knows hashes of topic and key together: say both, --topic and --key";
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
    };
    let mut listing = Listing::new(output, &HEAD, shown.json, shown.limit);
    for path in store.index()?.0 {
        let file = IndexFile::open(store, &path)?;
        let name = file.name();
        file.each_entry(&mut |number, entry| {
            let offset = u64::try_from(entry.physical_offset).unwrap_or(0);
            if hash.is_none_or(|hash| hash == entry.key_hash) && shown.holds(offset) {
                let line = line(&file, &name, number, &entry);
                listing.row(|| cells(&line), &line)?;
            }
            Ok(listing.wants_more())
        })?;
    }
    listing.end()
}

fn line<'a>(file: &IndexFile, name: &'a str, number: u32, entry: &IndexEntry) -> Line<'a> {
    Line {
        file: name,
        entry: number,
        key_hash: entry.key_hash,
        slot: file.layout.slot_of(entry.key_hash),
        physical_offset: entry.physical_offset,
        store_timestamp_ms: file.header.time_of_ms(entry.seconds),
        previous: entry.previous,
    }
}

fn cells(line: &Line<'_>) -> Vec<String> {
    vec![
        line.file.to_owned(),
        line.entry.to_string(),
        line.key_hash.to_string(),
        line.slot.to_string(),
        line.physical_offset.to_string(),
        line.store_timestamp_ms.map_or_else(|| "-".to_owned(), local_time),
        line.previous.to_string(),
    ]
}
