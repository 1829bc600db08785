//! Looking into a consume queue: code 321.

use std::sync::Arc;

use crate::broker::clients::Consumers;
use crate::broker::refusal::Refusal;
use crate::format::disk::cq_ext::is_address;
use crate::format::disk::cq_unit::CqUnit;
use crate::format::wire::body::{ConsumeQueueEntry, ConsumeQueueView};
use crate::format::wire::codes::ResponseCode;
use crate::store::MessageStore;

/// Most entries of one answer. Java goes to the end of the queue's file.
const ENTRIES_MAX: usize = 10_000;

/// Shows consume queues.
#[derive(Debug)]
pub struct QueueViewer {
    /// The queues.
    pub store: Arc<MessageStore>,
    /// What groups subscribe to.
    pub consumers: Arc<Consumers>,
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
        // Filters are kept for SQL92 only; Java shows the text of none for all others.
        let filter_data = group.map(|group| match &subscription {
            Some(_) => "null".to_owned(),
            None => format!("{group}@{topic} is not online!"),
        });
        let units = self.store.units(topic, queue_id, index, count.min(ENTRIES_MAX));
        Ok(Viewed::Entries(ConsumeQueueView {
            filter_data,
            max_queue_index,
            min_queue_index,
            entries: units.iter().map(|(_, unit)| entry(unit)).collect(),
            subscription: subscription.as_deref().cloned(),
        }))
    }
}

fn entry(unit: &CqUnit) -> ConsumeQueueEntry {
    let is_extended = is_address(unit.tags_code);
    ConsumeQueueEntry {
        physical_offset: unit.physical_offset,
        physical_size: unit.size,
        tags_code: unit.tags_code,
        msg: is_extended.then(|| format!("Cq extend not exist!addr: {}", unit.tags_code)),
        ..ConsumeQueueEntry::default()
    }
}
