//! `inspect … verify`: every record, unit, entry and table, and what they say of each other (store-format §2, §6, §8 to §11).
//!
//! After a crash (`abort` is there) the queues may lag behind the log and the log may end in half a record: the next start of the
//! broker repairs that as far as the checkpoint lets it, so it is noted. Everything else that does not agree is a fault.

mod findings;
mod index;
mod log;
mod queues;
mod rest;

use libbroker::internals::format::disk::tables::TopicTable;
use libbroker::internals::format::names::file;
use libbroker::{Error, ErrorKind};
use serde::Serialize;

use self::findings::Findings;
use super::args::Shown;
use super::files::OffsetFiles;
use super::store_dir::StoreDir;
use super::tables;
use crate::terminal::{Output, good};

/// What every check needs.
struct Subject<'a> {
    store: &'a StoreDir,
    log: OffsetFiles,
    is_crashed: bool,
    /// What was stored later is dispatched again at the next start after a crash.
    durable_until_ms: i64,
    /// Topics that the broker knows; `None` where the table is not there or not readable.
    topics: Option<TopicTable>,
}

/// What the walk over the log found.
#[derive(Debug, Default)]
struct Extent {
    /// Behind the last record.
    end: u64,
    newest_ms: i64,
    records: u64,
}

/// How much was looked at.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    records: u64,
    units: u64,
    entries: u64,
    faults: u64,
    notes: u64,
}

/// Verifies; an error when something is wrong, after it was printed.
pub fn verify(store: &StoreDir, shown: &Shown, output: &mut Output) -> Result<(), Error> {
    let checkpoint = tables::checkpoint(store).ok().flatten().unwrap_or_default();
    let subject = Subject {
        store,
        log: store.log()?,
        is_crashed: store.is_crashed(),
        durable_until_ms: checkpoint.recovered_until_ms(),
        topics: tables::table(store, file::TOPICS),
    };
    let mut findings = Findings::new(output, shown.json);
    if subject.is_crashed {
        findings.note(file::ABORT, "the broker did not stop cleanly; its next start recovers the store")?;
    }
    let extent = log::verify(&subject, &mut findings)?;
    let units = queues::verify(&subject, &extent, &mut findings)?;
    let entries = index::verify(&subject, &extent, &mut findings)?;
    rest::verify(&subject, &extent, &mut findings)?;
    let (faults, notes) = findings.end()?;
    let verified = Verified { records: extent.records, units, entries, faults, notes };
    let looked_at = format!("{} records, {units} queue units, {entries} index entries", extent.records);
    if shown.json {
        output.json(&verified)?;
    }
    if faults > 0 {
        let text = format!(
            "{faults} faults in {looked_at}; a copy of the store is worth having before a broker starts in it"
        );
        return Err(Error::new(ErrorKind::StoreCorrupt, text));
    }
    if !shown.json {
        output.line(&format!("{}  {looked_at}", good("ok")))?;
    }
    Ok(())
}
