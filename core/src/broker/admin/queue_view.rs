//! Looking into a consume queue: code 321.

use std::sync::Arc;

use crate::broker::clients::Consumers;
use crate::broker::filter::registry::ConsumerFilters;
use crate::broker::filter::wanted::WantedMessages;
use crate::broker::refusal::Refusal;
use crate::format::disk::cq_ext::{CqExtUnit, is_address};
use crate::format::disk::cq_unit::CqUnit;
use crate::format::wire::body::{ConsumeQueueEntry, ConsumeQueueView};
use crate::format::wire::codes::ResponseCode;
use crate::format::wire::fastjson;
use crate::store::{MessageFilter, MessageStore, QueueUnit};

/// Most entries of one answer. Java goes to the end of the queue's file.
const ENTRIES_MAX: usize = 10_000;

/// Shows consume queues.
#[derive(Debug)]
pub struct QueueViewer {
    /// The queues.
    pub store: Arc<MessageStore>,
    /// What groups subscribe to.
    pub consumers: Arc<Consumers>,
    /// Their expressions.
    pub filters: Arc<ConsumerFilters>,
}

/// Which entries.
#[derive(Debug, Clone, Copy)]
pub struct Entries<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The queue.
    pub queue_id: i32,
    /// First entry.
    pub index: i64,
    /// How many at most.
    pub count: usize,
    /// Whose subscription to show beside them.
    pub group: Option<&'a str>,
}

/// What there is at the index.
#[derive(Debug, Clone, PartialEq)]
pub enum Viewed {
    /// The entries.
    Entries(ConsumeQueueView),
    /// The queue exists, the index does not; why, in words.
    NoSuchIndex(String),
}

impl QueueViewer {
    /// Some entries of a queue. Whether they pass the group's filter is only told of extended entries.
    #[doc(alias = "queryConsumeQueue")]
    pub fn view(&self, wanted: Entries<'_>) -> Result<Viewed, Refusal> {
        let Entries { topic, queue_id, index, count, group } = wanted;
        let Some(min_queue_index) = self.store.min_offset(topic, queue_id) else {
            let remark = format!("{queue_id}@{topic} is not exist!");
            return Err(Refusal::new(ResponseCode::SystemError, remark));
        };
        let max_queue_index = self.store.max_offset(topic, queue_id);
        if !(min_queue_index..max_queue_index).contains(&index) {
            return Ok(Viewed::NoSuchIndex(format!("Index {index} of {queue_id}@{topic} is not exist!")));
        }
        let subscription = group.and_then(|group| self.consumers.subscription(group, topic));
        let filter = group.and_then(|group| self.filters.find(topic, group));
        // Filters are kept for SQL92 only; Java shows the text of none for all others.
        let filter_data = group.map(|group| match (&subscription, &filter) {
            (Some(_), Some(filter)) => text(&fastjson::to_pretty(&filter.data)),
            (Some(_), None) => "null".to_owned(),
            (None, _) => format!("{group}@{topic} is not online!"),
        });
        let wanted = subscription.clone().map(|subscription| WantedMessages::of_group(subscription, filter));
        let units = self.store.units(topic, queue_id, index, count.min(ENTRIES_MAX));
        Ok(Viewed::Entries(ConsumeQueueView {
            filter_data,
            max_queue_index,
            min_queue_index,
            entries: units.iter().map(|unit| entry(unit, wanted.as_ref())).collect(),
            subscription: subscription.as_deref().cloned(),
        }))
    }
}

fn entry(read: &QueueUnit, wanted: Option<&WantedMessages>) -> ConsumeQueueEntry {
    let CqUnit { physical_offset, size, tags_code } = read.unit;
    let plain =
        ConsumeQueueEntry { physical_offset, physical_size: size, tags_code, ..ConsumeQueueEntry::default() };
    match read.ext() {
        Some(ext) => ConsumeQueueEntry {
            extend_data_json: Some(extension_json(&ext)),
            bit_map: (!ext.bit_map.is_empty()).then(|| bits_text(ext.bit_map)),
            eval: wanted.is_some_and(|wanted| wanted.matches_unit(Some(ext.tags_code), Some(&ext))),
            ..plain
        },
        None if is_address(tags_code) => {
            ConsumeQueueEntry { msg: Some(format!("Cq extend not exist!addr: {tags_code}")), ..plain }
        }
        None => plain,
    }
}

/// Java adds the bit map once more, in base 64.
fn extension_json(ext: &CqExtUnit<'_>) -> String {
    let json = serde_json::json!({
        "msgStoreTime": ext.store_timestamp_ms,
        "size": ext.size().unwrap_or(0),
        "tagsCode": ext.tags_code,
    });
    json.to_string()
}

/// The last bit first, a line after the first byte of every eight (`BitsArray.toString`).
fn bits_text(bit_map: &[u8]) -> String {
    let mut out = String::new();
    for (index, byte) in bit_map.iter().enumerate().rev() {
        out.push_str(&format!("{byte:08b}"));
        if index % 8 == 0 {
            out.push('\n');
        }
    }
    out
}

fn text(json: &[u8]) -> String {
    String::from_utf8_lossy(json).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::admin::testing::Fixture;

    #[test]
    fn entries_show_what_the_extension_keeps() {
        let fixture = Fixture::new(&[("enableConsumeQueueExt", "true")]);
        fixture.put("t", 0, b"body");
        let wanted = Entries { topic: "t", queue_id: 0, index: 0, count: 9, group: Some("g") };
        let Ok(Viewed::Entries(view)) = fixture.admin.queues.view(wanted) else { panic!("no entries") };
        assert_eq!(view.filter_data.as_deref(), Some("g@t is not online!"));
        let [entry] = &view.entries[..] else { panic!("{view:?}") };
        assert_eq!((entry.tags_code, entry.msg.as_deref()), (i64::MIN, None));
        let stored = fixture.store.store_time_ms("t", 0, 0).unwrap();
        let expected = format!(r#"{{"msgStoreTime":{stored},"size":20,"tagsCode":0}}"#);
        assert_eq!(entry.extend_data_json.as_ref(), Some(&expected));
        assert_eq!(entry.bit_map, None, "nobody filters");
    }

    #[test]
    fn a_bit_map_is_written_from_its_end() {
        assert_eq!(bits_text(&[1, 0x80]), "1000000000000001\n");
    }
}
