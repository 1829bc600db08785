//! `inspect … tables` and `inspect … checkpoint`.

use std::io::ErrorKind as IoErrorKind;
use std::path::Path;

use libbroker::internals::format::disk::checkpoint::{CHECKPOINT_FILE_SIZE, Checkpoint};
use libbroker::internals::format::disk::paths;
use libbroker::internals::format::disk::tables::{
    self, ConsumerFilterTable, ConsumerOffsetTable, DelayOffsetTable, SubscriptionGroupTable, TopicTable,
};
use libbroker::internals::format::names::file;
use libbroker::internals::format::wire::fastjson;
use libbroker::{Error, ErrorKind};
use serde::Serialize;
use serde_json::Value;

use super::args::Shown;
use super::store_dir::StoreDir;
use crate::terminal::{Output, Table, local_time, printable, strong};

/// A table has at most so many bytes: more than those of a hundred thousand topics and groups.
const TABLE_BYTES_MAX: u64 = 1 << 30;

/// Reads a table; what is wrong with it, in words.
pub type Check = fn(&[u8]) -> Result<(), String>;

/// The tables, and what reads them.
pub const TABLES: [(&str, Check); 6] = [
    (file::TOPICS, checked::<TopicTable>),
    (file::SUBSCRIPTION_GROUPS, checked::<SubscriptionGroupTable>),
    (file::CONSUMER_OFFSETS, checked::<ConsumerOffsetTable>),
    (file::LMQ_CONSUMER_OFFSETS, checked::<ConsumerOffsetTable>),
    (file::CONSUMER_FILTERS, checked::<ConsumerFilterTable>),
    (file::DELAY_OFFSETS, checked::<DelayOffsetTable>),
];

fn checked<T: serde::de::DeserializeOwned>(text: &[u8]) -> Result<(), String> {
    tables::parse::<T>(text).map(drop).map_err(|cause| cause.to_string())
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    file: &'a str,
    table: Value,
}

/// Prints the tables that there are.
pub fn dump(store: &StoreDir, names: &[String], shown: &Shown, output: &mut Output) -> Result<(), Error> {
    let known = TABLES.map(|(name, _)| name);
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let text = format!("{unknown} is no table; those are {}", known.join(", "));
        return Err(Error::new(ErrorKind::InvalidArgument, text));
    }
    for name in known.into_iter().filter(|name| names.is_empty() || names.iter().any(|wanted| wanted == name))
    {
        let Some(text) = read(&store.path(paths::table(name)))? else { continue };
        let parsed = fastjson::from_slice::<Value>(&text).map_err(|cause| {
            let text = format!("{name}: {cause}; verify says more");
            Error::new(ErrorKind::StoreCorrupt, text)
        })?;
        if shown.json {
            output.json(&Line { file: name, table: parsed })?;
        } else {
            output.line(&strong(name))?;
            let pretty = serde_json::to_string_pretty(&parsed).unwrap_or_default();
            pretty.lines().try_for_each(|line| output.line(&printable(line)))?;
        }
    }
    Ok(())
}

/// The text of a table; `None` when there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let failed = |cause| Error::io(format_args!("cannot read {}", path.display()), &cause);
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.len() > TABLE_BYTES_MAX => {
            let text = format!("{}: {} bytes are too many for a table", path.display(), metadata.len());
            Err(Error::new(ErrorKind::StoreCorrupt, text))
        }
        Ok(_) => std::fs::read(path).map(Some).map_err(failed),
        Err(cause) if cause.kind() == IoErrorKind::NotFound => Ok(None),
        Err(cause) => Err(failed(cause)),
    }
}

/// A table, where it can be read.
pub fn table<T: serde::de::DeserializeOwned>(store: &StoreDir, name: &str) -> Option<T> {
    let text = read(&store.path(paths::table(name))).ok().flatten()?;
    tables::parse(&text).ok()
}

/// The checkpoint; `None` without one, an error for one that is none.
pub fn checkpoint(store: &StoreDir) -> Result<Option<Checkpoint>, Error> {
    let path = store.path(file::CHECKPOINT);
    let Some(bytes) = read(&path)? else { return Ok(None) };
    Checkpoint::decode(&bytes).map(Some).ok_or_else(|| {
        let text = format!("{} has {} bytes, not {CHECKPOINT_FILE_SIZE}", path.display(), bytes.len());
        Error::new(ErrorKind::StoreCorrupt, text)
    })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckpointLine {
    commit_log_timestamp_ms: i64,
    consume_queue_timestamp_ms: i64,
    index_timestamp_ms: i64,
    recovered_until_ms: i64,
}

/// Prints the checkpoint.
pub fn dump_checkpoint(store: &StoreDir, shown: &Shown, output: &mut Output) -> Result<(), Error> {
    let Some(checkpoint) = checkpoint(store)? else {
        return Err(Error::new(ErrorKind::NotFound, "the store has no checkpoint: nothing was ever flushed"));
    };
    if shown.json {
        return output.json(&CheckpointLine {
            commit_log_timestamp_ms: checkpoint.commit_log_timestamp_ms,
            consume_queue_timestamp_ms: checkpoint.consume_queue_timestamp_ms,
            index_timestamp_ms: checkpoint.index_timestamp_ms,
            recovered_until_ms: checkpoint.recovered_until_ms(),
        });
    }
    let mut table = Table::new(&["ON DISK", "UNTIL", "MILLISECONDS"]);
    for (what, ms) in [
        ("commit log", checkpoint.commit_log_timestamp_ms),
        ("consume queues", checkpoint.consume_queue_timestamp_ms),
        ("index (full files)", checkpoint.index_timestamp_ms),
    ] {
        table.row([what.to_owned(), if ms > 0 { local_time(ms) } else { "-".to_owned() }, ms.to_string()]);
    }
    output.table(&table)
}
