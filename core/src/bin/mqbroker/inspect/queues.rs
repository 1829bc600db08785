//! `inspect … queues`: units of the consume queues.

use libbroker::Error;
use libbroker::internals::format::disk::cq_unit::CqUnit;
use serde::Serialize;

use super::args::Shown;
use super::listing::Listing;
use super::queue::Queue;
use super::store_dir::StoreDir;
use crate::terminal::Output;

const HEAD: [&str; 7] = ["TOPIC", "QUEUE", "INDEX", "OFFSET", "SIZE", "TAGSCODE", "EXTENSION"];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    topic: &'a str,
    queue_id: i32,
    index: u64,
    physical_offset: i64,
    size_bytes: i32,
    /// An address, where there is an extension unit.
    tags_code: i64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    blank: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    extension: Option<Extension>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Extension {
    tags_code: i64,
    store_timestamp_ms: i64,
    bit_map_bytes: usize,
}

/// Lists them.
pub fn dump(store: &StoreDir, shown: &Shown, output: &mut Output) -> Result<(), Error> {
    let mut listing = Listing::new(output, &HEAD, shown.json, shown.limit);
    for name in store.queues()?.0 {
        if !listing.wants_more() {
            break;
        }
        if !shown.holds_queue(&name.topic, name.queue_id) {
            continue;
        }
        let Some(queue) = Queue::open(store, &name)? else { continue };
        let (from, to) = (shown.from.unwrap_or(0), shown.to.unwrap_or(u64::MAX));
        queue.each(from, to, &mut |index, unit| {
            if unit.is_written() {
                let line = line(&queue, (&name.topic, name.queue_id), index, &unit)?;
                listing.row(|| cells(&line), &line)?;
            }
            Ok(listing.wants_more())
        })?;
    }
    listing.end()
}

fn line<'a>(
    queue: &Queue,
    (topic, queue_id): (&'a str, i32),
    index: u64,
    unit: &CqUnit,
) -> Result<Line<'a>, Error> {
    let extension = queue.ext_unit(unit.tags_code, |found| {
        found.map(|found| Extension {
            tags_code: found.tags_code,
            store_timestamp_ms: found.store_timestamp_ms,
            bit_map_bytes: found.bit_map.len(),
        })
    })?;
    Ok(Line {
        topic,
        queue_id,
        index,
        physical_offset: unit.physical_offset,
        size_bytes: unit.size,
        tags_code: unit.tags_code,
        blank: unit.is_blank(),
        extension: extension.flatten(),
    })
}

fn cells(line: &Line<'_>) -> Vec<String> {
    let extension = line.extension.as_ref().map_or_else(
        || if line.blank { "fills a gap".to_owned() } else { "-".to_owned() },
        |extension| {
            format!("tags code {}, bit map of {} bytes", extension.tags_code, extension.bit_map_bytes)
        },
    );
    vec![
        line.topic.to_owned(),
        line.queue_id.to_string(),
        line.index.to_string(),
        line.physical_offset.to_string(),
        line.size_bytes.to_string(),
        line.tags_code.to_string(),
        extension,
    ]
}
