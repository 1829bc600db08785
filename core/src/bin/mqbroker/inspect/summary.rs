//! `inspect` without a word: what there is.

use std::collections::BTreeMap;

use libbroker::Error;
use libbroker::internals::format::names::file;
use serde::Serialize;

use super::args::Shown;
use super::index_file::IndexFile;
use super::queue::Queue;
use super::store_dir::StoreDir;
use super::tables;
use super::walk::{Go, Step, walk};
use crate::terminal::{Output, Table, local_time, strong};

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    stopped_cleanly: bool,
    commit_log: Log,
    topics: BTreeMap<String, Vec<QueueLine>>,
    index: Vec<IndexLine>,
    checkpoint_until_ms: Option<i64>,
    tables: Vec<&'static str>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    files: usize,
    first_offset: u64,
    /// Behind the newest record.
    end_offset: u64,
    records: u64,
    damaged_bytes: u64,
    newest_timestamp_ms: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct QueueLine {
    queue_id: i32,
    first_index: u64,
    /// Behind the newest unit.
    end_index: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct IndexLine {
    file: String,
    /// `None` where the file cannot be read.
    entries: Option<u32>,
}

/// Prints it.
pub fn print(store: &StoreDir, shown: &Shown, output: &mut Output) -> Result<(), Error> {
    let summary = Summary {
        stopped_cleanly: !store.is_crashed(),
        commit_log: log(store)?,
        topics: topics(store, shown)?,
        index: index(store)?,
        checkpoint_until_ms: tables::checkpoint(store)
            .ok()
            .flatten()
            .map(|checkpoint| checkpoint.recovered_until_ms()),
        tables: table_names(store),
    };
    if shown.json { output.json(&summary) } else { print_text(&summary, output) }
}

fn log(store: &StoreDir) -> Result<Log, Error> {
    let files = store.log()?;
    let mut log = Log { files: files.files().len(), first_offset: files.start(), ..Log::default() };
    walk(&files, 0, &mut |step| {
        match step {
            Step::Record { record, .. } => {
                log.records += 1;
                log.newest_timestamp_ms = log.newest_timestamp_ms.max(record.store_timestamp_ms());
            }
            Step::Damage { bytes, .. } => log.damaged_bytes += bytes,
            Step::End { offset, .. } => log.end_offset = offset,
            Step::Filler { .. } => {}
        }
        Ok(Go::On)
    })?;
    Ok(log)
}

fn topics(store: &StoreDir, shown: &Shown) -> Result<BTreeMap<String, Vec<QueueLine>>, Error> {
    let mut topics: BTreeMap<String, Vec<QueueLine>> = BTreeMap::new();
    for name in store.queues()?.0 {
        if !shown.holds_queue(&name.topic, name.queue_id) {
            continue;
        }
        let Some(queue) = Queue::open(store, &name)? else { continue };
        let first_index = queue.first_index();
        let end_index = queue.last()?.map_or(first_index, |(index, _)| index + 1);
        topics.entry(name.topic).or_default().push(QueueLine {
            queue_id: name.queue_id,
            first_index,
            end_index,
        });
    }
    Ok(topics)
}

fn index(store: &StoreDir) -> Result<Vec<IndexLine>, Error> {
    let lines = store.index()?.0.into_iter().map(|path| {
        let entries = IndexFile::open(store, &path).ok().map(|file| file.next_entry().saturating_sub(1));
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        IndexLine { file, entries }
    });
    Ok(lines.collect())
}

fn table_names(store: &StoreDir) -> Vec<&'static str> {
    let exists = |name: &&str| store.path([file::CONFIG, name].join("/")).is_file();
    tables::TABLES.into_iter().map(|(name, _)| name).filter(exists).collect()
}

fn print_text(summary: &Summary, output: &mut Output) -> Result<(), Error> {
    let stopped = if summary.stopped_cleanly { "cleanly" } else { "not cleanly: the next start recovers" };
    let log = &summary.commit_log;
    let damaged = match log.damaged_bytes {
        0 => String::new(),
        bytes => format!(", {bytes} bytes damaged"),
    };
    let until = summary.checkpoint_until_ms.filter(|ms| *ms > 0);
    let until = until.map_or_else(|| "nothing is known to be on disk".to_owned(), local_time);
    let entries: u64 = summary.index.iter().filter_map(|file| file.entries).map(u64::from).sum();
    for (what, value) in [
        ("stopped", stopped.to_owned()),
        (
            "commit log",
            format!(
                "{} records from {} to {} in {} files{damaged}, the newest of {}",
                log.records,
                log.first_offset,
                log.end_offset,
                log.files,
                local_time(log.newest_timestamp_ms)
            ),
        ),
        ("index", format!("{entries} entries in {} files", summary.index.len())),
        ("checkpoint", until),
        ("tables", summary.tables.join(", ")),
    ] {
        output.line(&format!("{}  {value}", strong(&format!("{what:<10}"))))?;
    }
    if summary.topics.is_empty() {
        return Ok(());
    }
    output.line("")?;
    let mut table = Table::new(&["TOPIC", "QUEUE", "FROM", "TO", "UNITS"]);
    for (topic, queues) in &summary.topics {
        for queue in queues {
            let units = queue.end_index.saturating_sub(queue.first_index);
            let numbers = [queue.first_index, queue.end_index, units];
            let cells = [topic.clone(), queue.queue_id.to_string()].into_iter();
            table.row(cells.chain(numbers.map(|number| number.to_string())));
        }
    }
    output.table(&table)
}
