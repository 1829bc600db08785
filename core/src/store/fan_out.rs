//! Messages that go into several queues (Java: multi-dispatch, LMQ; store-behaviour §14).
//!
//! A sender names queues in `INNER_MULTI_DISPATCH`, with commas. The append gives the message the next offset of each, which are
//! stored in `INNER_MULTI_QUEUE_OFFSET` in the same order; the dispatch puts a unit into each, besides the one of the message's
//! own queue. All units lead to the one record. A queue whose name begins with `%LMQ%` is light: it has the queue id 0.
//!
//! Only what was sent to a topic of the users goes out like that. The reference does it also for the copies that wait for their
//! delay, for the outcome of their transaction or for another try, and delivers those too early or twice.

use super::options::FanOutOptions;
use crate::format::flags::TransactionType;
use crate::format::names::{self, MULTI_DISPATCH_SEPARATOR, property};
use crate::format::record::properties::{get_many, push, rewrite};

/// A queue that a message goes into besides its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// Name, as that of a topic.
    pub topic: &'a str,
    /// Queue id.
    pub queue_id: i32,
}

/// What the append has to do for a message.
#[derive(Debug, PartialEq, Eq)]
pub struct FanOut<'a> {
    /// Its properties, without offsets that it brought along.
    pub properties: Vec<u8>,
    /// Where it goes; one named twice gets it once.
    pub targets: Vec<Target<'a>>,
}

/// What a message asks for, which may be nothing but to lose the offsets that it brought along; `None` when nothing is to be done for
/// it. An error says why it cannot be stored; one that waits is refused for the queues that it names, too: later would be too late.
pub fn asked_for<'a>(
    options: FanOutOptions,
    topic: &str,
    queue_id: i32,
    sys_flag: i32,
    properties: &'a [u8],
) -> Result<Option<FanOut<'a>>, String> {
    if !options.enabled {
        return Ok(None);
    }
    let wanted = [property::INNER_MULTI_DISPATCH, property::INNER_MULTI_QUEUE_OFFSET];
    let [asked, brought_along] = get_many(properties, wanted);
    let asked = asked.unwrap_or_default();
    let mut targets = Vec::new();
    for target in split(asked, queue_id, options.light_queues) {
        let target = target.ok_or_else(|| "a queue to dispatch to has a name that is no text".to_owned())?;
        let name = target.topic;
        names::check_topic(name).map_err(|error| format!("cannot dispatch to {name:?}: {error}"))?;
        if !is_user_topic(name) {
            return Err(format!("cannot dispatch to {name}: a queue of the system"));
        }
        targets.push(target);
    }
    if !is_user_topic(topic) || !TransactionType::of(sys_flag).takes_queue_offset() {
        targets.clear();
    }
    if targets.is_empty() && brought_along.is_none() {
        return Ok(None);
    }
    let mut kept = Vec::new();
    rewrite(properties, &mut kept, &[property::INNER_MULTI_QUEUE_OFFSET], &[]);
    Ok(Some(FanOut { properties: kept, targets }))
}

/// True for a part of a batch that has offsets already: only an append may give them, and it does not to batches.
pub fn brings_offsets(options: FanOutOptions, properties: &[u8]) -> bool {
    options.enabled && get_many(properties, [property::INNER_MULTI_QUEUE_OFFSET]) != [None]
}

/// What is added to the properties, once the offsets are known.
pub fn offsets_property(offsets: &[i64]) -> Vec<u8> {
    let texts: Vec<_> = offsets.iter().map(ToString::to_string).collect();
    let mut text = Vec::new();
    push(&mut text, property::INNER_MULTI_QUEUE_OFFSET, texts.join(",").as_bytes());
    text
}

/// The queues a stored record goes into besides its own, each with its index there. None for a record whose two lists do not
/// match: it was stored by somebody else.
pub fn entries<'a>(options: FanOutOptions, queue_id: i32, properties: &'a [u8]) -> Vec<(Target<'a>, i64)> {
    if !options.enabled {
        return Vec::new();
    }
    let wanted = [property::INNER_MULTI_DISPATCH, property::INNER_MULTI_QUEUE_OFFSET];
    let [Some(queues), Some(offsets)] = get_many(properties, wanted) else { return Vec::new() };
    let targets: Option<Vec<_>> = split(queues, queue_id, options.light_queues).collect();
    let offset =
        |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<i64>().ok().filter(|offset| *offset >= 0);
    let offsets: Option<Vec<_>> = parts(offsets).map(offset).collect();
    match (targets, offsets) {
        (Some(targets), Some(offsets)) if targets.len() == offsets.len() => {
            let pairs = targets.into_iter().zip(offsets);
            // Whatever wrote it: a name that is no folder's, or a queue of the system, is left alone.
            pairs
                .filter(|(target, _)| is_user_topic(target.topic) && names::check_topic(target.topic).is_ok())
                .collect()
        }
        _ => Vec::new(),
    }
}

/// True when nothing of the broker's own is behind the name: no delay, no transaction, no further try.
fn is_user_topic(name: &str) -> bool {
    let is_again = name.starts_with(names::RETRY_TOPIC_PREFIX) || name.starts_with(names::DLQ_TOPIC_PREFIX);
    !is_again && !names::is_system_topic(name)
}

fn split(names: &[u8], queue_id: i32, light_queues: bool) -> impl Iterator<Item = Option<Target<'_>>> {
    parts(names).map(move |name| {
        let topic = std::str::from_utf8(name).ok()?;
        let is_light = light_queues && names::is_lmq(topic);
        Some(Target { topic, queue_id: if is_light { 0 } else { queue_id } })
    })
}

/// As Java splits: what is empty at the end does not count.
fn parts(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = text.iter().rposition(|byte| *byte != MULTI_DISPATCH_SEPARATOR).map_or(0, |last| last + 1);
    let text = text.get(..end).filter(|text| !text.is_empty());
    text.into_iter().flat_map(|text| text.split(|byte| *byte == MULTI_DISPATCH_SEPARATOR))
}

#[cfg(test)]
mod tests;
