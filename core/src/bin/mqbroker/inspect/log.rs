//! `inspect … log`: messages in the order they were stored.

use libbroker::Error;
use libbroker::internals::format::flags::TransactionType;
use libbroker::internals::format::names::property;
use libbroker::internals::format::record::RecordView;
use serde::Serialize;

use super::args::Shown;
use super::files::OffsetFiles;
use super::listing::Listing;
use super::walk::{Go, Step, walk};
use crate::message::Message;
use crate::terminal::{Output, local_time};

const HEAD: [&str; 9] = ["OFFSET", "SIZE", "STORED", "TOPIC", "QUEUE", "INDEX", "MSGID", "TAGS", "KEYS"];
const HEAD_WITH_BODY: [&str; 10] =
    ["OFFSET", "SIZE", "STORED", "TOPIC", "QUEUE", "INDEX", "MSGID", "TAGS", "KEYS", "BODY"];

/// What a line of JSON says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    physical_offset: u64,
    transaction: &'static str,
    prepared_transaction_offset: i64,
    crc_ok: bool,
    #[serde(flatten)]
    message: Message,
}

/// A stretch of the log that holds no record.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Gap {
    physical_offset: u64,
    size_bytes: u64,
    damage: String,
}

/// Lists them.
pub fn dump(files: &OffsetFiles, shown: &Shown, output: &mut Output) -> Result<(), Error> {
    let head: &'static [&'static str] = if shown.body { &HEAD_WITH_BODY } else { &HEAD };
    let mut listing = Listing::new(output, head, shown.json, shown.limit);
    let is_filtered = shown.topic.is_some() || shown.queue.is_some() || shown.key.is_some();
    walk(files, shown.from.unwrap_or(0), &mut |step| {
        match step {
            Step::Record { offset, .. } if shown.to.is_some_and(|to| offset >= to) => return Ok(Go::Stop),
            Step::Record { offset, record } if is_wanted(offset, &record, shown) => {
                let line = line(offset, &record, shown);
                listing.row(|| cells(&line, shown), &line)?;
            }
            Step::Damage { offset, bytes, what } if !is_filtered && shown.holds(offset) => {
                let gap = Gap { physical_offset: offset, size_bytes: bytes, damage: what };
                let cells = || {
                    let mut cells =
                        vec![offset.to_string(), bytes.to_string(), format!("damaged: {}", gap.damage)];
                    cells.resize(head.len(), String::new());
                    cells
                };
                listing.row(cells, &gap)?;
            }
            _ => {}
        }
        Ok(if listing.wants_more() { Go::On } else { Go::Stop })
    })?;
    listing.end()
}

fn is_wanted(offset: u64, record: &RecordView<'_>, shown: &Shown) -> bool {
    let topic = String::from_utf8_lossy(record.topic_bytes());
    shown.holds(offset)
        && shown.holds_queue(&topic, record.queue_id())
        && shown.key.as_deref().is_none_or(|key| has_key(record, key))
}

/// Whether a key, the producer's id or the id of the place is this.
fn has_key(record: &RecordView<'_>, key: &str) -> bool {
    let mut keys = record.keys().into_iter().flat_map(property::split_keys);
    keys.any(|found| found == key.as_bytes())
        || record.uniq_key() == Some(key.as_bytes())
        || record.offset_message_id().as_str().eq_ignore_ascii_case(key)
}

fn line(offset: u64, record: &RecordView<'_>, shown: &Shown) -> Line {
    let mut message = Message::of(record);
    if !shown.body {
        (message.body, message.body_hex) = (None, None);
    }
    Line {
        physical_offset: offset,
        transaction: match record.transaction_type() {
            TransactionType::None => "none",
            TransactionType::Prepared => "prepared",
            TransactionType::Commit => "commit",
            TransactionType::Rollback => "rollback",
        },
        prepared_transaction_offset: record.prepared_transaction_offset(),
        crc_ok: record.crc_ok(),
        message,
    }
}

fn cells(line: &Line, shown: &Shown) -> Vec<String> {
    let message = &line.message;
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut cells = vec![
        line.physical_offset.to_string(),
        message.size_bytes.to_string(),
        local_time(message.store_timestamp_ms),
        message.topic.clone(),
        message.queue_id.to_string(),
        message.queue_offset.to_string(),
        message.msg_id.clone(),
        or_dash(&message.tags),
        or_dash(&message.keys),
    ];
    if shown.body {
        let wrong = if line.crc_ok { "" } else { " (wrong CRC)" };
        cells.push(format!("{}{wrong}", message.shown_body()));
    }
    cells
}
