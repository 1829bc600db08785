//! Checkpoint and tables.

use libbroker::Error;
use libbroker::internals::format::disk::paths;
use libbroker::internals::format::names::file;

use super::findings::Findings;
use super::{Extent, Subject};
use crate::inspect::tables::{self, Check, TABLES};

/// Checks them.
pub fn verify(subject: &Subject<'_>, extent: &Extent, findings: &mut Findings<'_>) -> Result<(), Error> {
    checkpoint(subject, extent, findings)?;
    TABLES.iter().try_for_each(|(name, check)| table(subject, name, *check, findings))
}

fn checkpoint(subject: &Subject<'_>, extent: &Extent, findings: &mut Findings<'_>) -> Result<(), Error> {
    let checkpoint = match tables::checkpoint(subject.store) {
        Ok(Some(checkpoint)) => checkpoint,
        Ok(None) if extent.records > 0 => {
            return findings.note(file::CHECKPOINT, "there is none: a recovery would read the whole log");
        }
        Ok(None) => return Ok(()),
        Err(error) => return findings.fault(file::CHECKPOINT, error.context()),
    };
    for (what, ms) in [
        ("commit log", checkpoint.commit_log_timestamp_ms),
        ("consume queues", checkpoint.consume_queue_timestamp_ms),
        ("index", checkpoint.index_timestamp_ms),
    ] {
        // A log whose files have all expired says nothing.
        if ms < 0 || (ms > extent.newest_ms && extent.records > 0) {
            let text = format!(
                "the {what} is said to be on disk until {ms}, but the newest record is of {}",
                extent.newest_ms
            );
            findings.fault(file::CHECKPOINT, &text)?;
        }
    }
    Ok(())
}

fn table(subject: &Subject<'_>, name: &str, check: Check, findings: &mut Findings<'_>) -> Result<(), Error> {
    let path = paths::table(name);
    let place = path.display().to_string();
    let text = match tables::read(&subject.store.path(&path)) {
        Ok(text) => text,
        Err(error) => return findings.fault(&place, error.context()),
    };
    let Some(Err(problem)) = text.map(|text| check(&text)) else { return Ok(()) };
    let backup = tables::read(&subject.store.path(paths::table_backup(name))).ok().flatten();
    let instead = match backup.map(|text| check(&text)) {
        Some(Ok(())) => "its .bak can be read and is used instead",
        Some(Err(_)) => "its .bak cannot be read either",
        None => "there is no .bak",
    };
    findings.fault(&place, &format!("{problem}; {instead}"))
}
