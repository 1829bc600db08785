//! Finding the end of the log at start.

use std::sync::Arc;

use super::scan::{Found, look};
use crate::error::Result;
use crate::format::disk::cq_unit::CqUnit;
use crate::format::record::decode::{RecordView, peek_store_timestamp_ms};
use crate::format::record::layout::BLANK_MIN;
use crate::mmap::file_queue::MappedFileQueue;
use crate::mmap::mapped_file::MappedFile;

/// After a clean stop the last files are checked, not all, where the queues do not know the end of the log.
const FILES_CHECKED_AFTER_CLEAN_STOP: usize = 3;

/// Where the valid log ends, and from where on its records have to be dispatched again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// Offset behind the last valid record.
    pub end_offset: i64,
    /// Start of the part that was walked.
    pub walked_from: i64,
}

/// How carefully to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The last stop was clean: everything was dispatched, so what the queues do not know is behind the record that they know last.
    /// Where that record is not found, the last three files, as in Java.
    Clean {
        /// The unit of that record.
        newest: Option<CqUnit>,
    },
    /// It was not: from the newest file whose first record the checkpoint covers (`durable_until_ms`).
    AfterCrash {
        /// From the checkpoint.
        durable_until_ms: i64,
    },
}

/// Where a walk begins: a file, and a position in it.
type Place = (usize, usize);

/// Walks the log, cuts it behind the last valid record and removes later files. `None` without files.
pub fn recover(files: &MappedFileQueue, mode: Mode, check_crc: bool) -> Result<Option<Recovered>> {
    let all = files.files();
    let Some((start, mut position)) = first_to_walk(&all, mode, check_crc) else { return Ok(None) };
    let walked_from = all.get(start).map_or(0, |file| file.start_offset() + position as i64);
    let mut end_offset = walked_from;
    for file in all.iter().skip(start) {
        let (valid_until, is_filled_up) = valid_prefix(file, position, check_crc);
        end_offset = file.start_offset() + valid_until as i64;
        if !is_filled_up {
            break;
        }
        end_offset = file.end_offset();
        position = 0;
    }
    let last = all.last().map_or(0, |file| file.end_offset());
    tracing::info!(target: "broker::store", ?mode, walked_from, end_offset, files_end = last, "commit log recovered");
    let begins = |file: &Arc<MappedFile>| file.whole().iter().take(BLANK_MIN).any(|byte| *byte != 0);
    let has_more = all.iter().any(|file| file.start_offset() > end_offset && begins(file));
    files.truncate(end_offset)?;
    if files.clear_behind()? || has_more {
        tracing::warn!(target: "broker::store", end_offset,
            "the commit log was cut: what lay behind is no intact record, or follows one that is not");
    }
    Ok(Some(Recovered { end_offset, walked_from }))
}

fn first_to_walk(all: &[Arc<MappedFile>], mode: Mode, check_crc: bool) -> Option<Place> {
    let newest_file = all.len().checked_sub(1)?;
    match mode {
        Mode::Clean { newest } => {
            let known = newest.and_then(|unit| place_of(all, &unit, check_crc));
            Some(known.unwrap_or((all.len().saturating_sub(FILES_CHECKED_AFTER_CLEAN_STOP), 0)))
        }
        Mode::AfterCrash { durable_until_ms } => {
            let covered = |file: &Arc<MappedFile>| {
                peek_store_timestamp_ms(file.whole())
                    .is_some_and(|first_ms| first_ms > 0 && first_ms <= durable_until_ms)
            };
            Some(((0..=newest_file).rev().find(|index| all.get(*index).is_some_and(covered)).unwrap_or(0), 0))
        }
    }
}

/// Where the record of a unit begins, when it is there and intact.
fn place_of(all: &[Arc<MappedFile>], unit: &CqUnit, check_crc: bool) -> Option<Place> {
    let offset = unit.physical_offset;
    let index = all.iter().position(|file| file.start_offset() <= offset && offset < file.end_offset())?;
    let file = all.get(index)?;
    let position = usize::try_from(offset - file.start_offset()).ok()?;
    let rest = file.whole().get(position..)?;
    match look(rest) {
        Found::Record(record)
            if usize::try_from(unit.size).is_ok_and(|size| size == record.total_size())
                && is_intact(&record, rest, check_crc, offset) =>
        {
            Some((index, position))
        }
        _ => None,
    }
}

/// Where the valid records of a file end that begin at `position`, and whether a filler (or a full file) leads on to the next one.
fn valid_prefix(file: &MappedFile, mut position: usize, check_crc: bool) -> (usize, bool) {
    let bytes = file.whole();
    while let Some(rest) = bytes.get(position..).filter(|rest| !rest.is_empty()) {
        match look(rest) {
            Found::EndOfFile => return (position, true),
            Found::Record(record)
                if is_intact(&record, rest, check_crc, file.start_offset() + position as i64) =>
            {
                position += record.total_size();
            }
            _ => return (position, false),
        }
    }
    (position, position == bytes.len())
}

fn is_intact(record: &RecordView<'_>, rest: &[u8], check_crc: bool, expected_offset: i64) -> bool {
    if record.physical_offset() != expected_offset || (check_crc && !record.crc_ok()) {
        return false;
    }
    let followed_by_nothing =
        rest.get(record.total_size()..).is_none_or(|next| next.iter().take(8).all(|byte| *byte == 0));
    !(followed_by_nothing && is_torn(record))
}

/// The CRC covers the body only. The last record of a log may lack its end, which then reads as zeros: a topic never holds a
/// zero, and this broker never stores properties that end with one.
fn is_torn(record: &RecordView<'_>) -> bool {
    record.topic_bytes().is_empty()
        || record.topic_bytes().contains(&0)
        || record.properties().last() == Some(&0)
}
