//! Driving a broker from within the process: topics, groups, sends, reads, offsets.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;

use super::Embedded;
use super::message::{Message, NewMessage, SendResult, SendStatus, invalid, refused};
use crate::broker::admin::QUEUES_MAX;
use crate::broker::groups::check_group;
use crate::broker::operations::Operations;
use crate::broker::produce::{Send, Sent, SentAll, message_illegal};
use crate::broker::watch::Waited;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::format::disk::tables::{SubscriptionGroupConfig, TopicConfig};
use crate::format::flags::perm;
use crate::format::names;
use crate::format::record::ids::{OffsetMessageId, UniqueKey};
use crate::format::wire::codes::version;
use crate::format::wire::header::send::SendFields;
use crate::store::{GetStatus, MatchAll, PutStatus};

/// Longer than any flush takes that ends; the store itself gives up after `syncFlushTimeout`.
const FLUSH_WAIT_MAX: Duration = Duration::from_secs(60);

/// So many messages are stored under one lock at most.
const TOGETHER_MAX: usize = 64;
/// A dispatch that takes longer has failed, and is tried again by its own thread.
const DISPATCH_WAIT_MAX: Duration = Duration::from_secs(5);

/// What a read of a queue gave.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pulled {
    /// In the order of the queue.
    pub messages: Vec<Message>,
    /// Where to read on.
    pub next_offset: i64,
    /// The oldest offset of the queue.
    pub min_offset: i64,
    /// The offset behind the newest message.
    pub max_offset: i64,
}

/// Where a group is to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetTo {
    /// At the oldest message.
    First,
    /// Behind the newest message.
    Last,
    /// At this offset of every queue, or the nearest there is.
    Offset(i64),
    /// At the first message stored at or after this time: milliseconds since 1970.
    TimestampMs(i64),
}

impl Embedded {
    /// Creates a topic, or gives it another number of queues. Its route is served when this returns.
    pub fn create_topic(&self, name: &str, queues: u32) -> Result<()> {
        self.call("create_topic", |operations| {
            let queues = i32::try_from(queues).ok().filter(|queues| (1..=QUEUES_MAX).contains(queues));
            let queues =
                queues.ok_or_else(|| invalid(format!("a topic has from 1 to {QUEUES_MAX} queues")))?;
            let topic = TopicConfig::new(name, queues, perm::READ | perm::WRITE);
            operations.admin.topics.update(topic).map(drop).map_err(unfit)
        })
    }

    /// Deletes a topic with its messages and the offsets that groups have of it: one of that name that is made later begins anew for
    /// everybody. (The admin protocol leaves the offsets, as Java does.) [`ErrorKind::NotFound`] when there is none.
    pub fn delete_topic(&self, name: &str) -> Result<()> {
        self.call("delete_topic", |operations| {
            if !operations.topics.contains(name) {
                return Err(no_topic(name));
            }
            operations.admin.topics.delete(name).map_err(unfit)?;
            operations.offsets.remove_topic(name);
            operations.watch.changed();
            Ok(())
        })
    }

    /// Creates a consumer group with the usual settings; one that is there stays as it is. Groups are mostly created by their
    /// first member.
    pub fn create_group(&self, name: &str) -> Result<()> {
        self.call("create_group", |operations| {
            if operations.groups.find(name).is_some() {
                return Ok(());
            }
            operations.admin.groups.update(SubscriptionGroupConfig::new(name)).map_err(unfit)
        })
    }

    /// Deletes a consumer group and its offsets. [`ErrorKind::NotFound`] when there is none.
    pub fn delete_group(&self, name: &str) -> Result<()> {
        self.call("delete_group", |operations| {
            if operations.groups.find(name).is_none() {
                return Err(Error::new(ErrorKind::NotFound, format!("there is no group {name}")));
            }
            operations.admin.groups.delete(name, true).map_err(unfit)
        })
    }

    /// Stores a message; with `SYNC_FLUSH`, waits for the disk. It counts and is checked as one that a client sends.
    pub fn send(&self, message: &NewMessage) -> Result<SendResult> {
        self.call("send", |operations| {
            let sent = send_all(operations, &[Outgoing::new(message)?]).pop();
            sent.unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, "the store did not answer")))
        })
    }

    /// Stores messages in their order, many under one lock: faster than one at a time. One that is refused does not keep the others
    /// out; the error then says which it was, and how many are stored. Where one cannot be written as a message at all, none is.
    pub fn send_many(&self, messages: &[NewMessage]) -> Result<Vec<SendResult>> {
        self.call("send_many", |operations| {
            let all = messages.len();
            let texts = messages.iter().enumerate().map(|(number, message)| {
                let named = |error: Error| {
                    error.while_doing(format_args!("message {number} of {all}, of which none is stored"))
                };
                Outgoing::new(message).map_err(named)
            });
            let outgoing: Vec<_> = texts.collect::<Result<_>>()?;
            let sent: Vec<_> =
                outgoing.chunks(TOGETHER_MAX).flat_map(|some| send_all(operations, some)).collect();
            let stored = sent.iter().filter(|sent| sent.is_ok()).count();
            let numbered = sent.into_iter().enumerate().map(|(number, sent)| {
                sent.map_err(|error| {
                    error.while_doing(format_args!("message {number} of {all}, of which {stored} are stored"))
                })
            });
            numbered.collect()
        })
    }

    /// Reads at most `max_messages` of a queue from `offset` on, whatever any group has consumed. With nothing there, waits at most `timeout` for the first
    /// message. Compare [`Pulled::next_offset`] when there was none: an offset outside the queue is moved.
    pub fn pull(
        &self,
        topic: &str,
        queue: u32,
        offset: i64,
        max_messages: usize,
        timeout: Duration,
    ) -> Result<Pulled> {
        self.call("pull", |operations| {
            let queue_id = queue_of(operations, topic, queue)?;
            let count = max_messages.max(1);
            let read = || read_queue(operations, (topic, queue_id), offset, count);
            let look = || Some(read()).filter(|pulled| !pulled.messages.is_empty());
            match operations.watch.wait(Some(timeout), look) {
                Waited::Got(pulled) => Ok(pulled),
                Waited::TimedOut => Ok(read()),
                Waited::Closed => Err(stopped()),
            }
        })
    }

    /// Waits until a topic has at least `count` messages and gives their number. [`ErrorKind::Timeout`] after `timeout` of real time.
    /// The topic may not exist yet.
    pub fn wait_for(&self, topic: &str, count: u64, timeout: Duration) -> Result<u64> {
        self.call("wait_for", |operations| {
            let look = || Some(count_of(operations, topic)).filter(|held| *held >= count);
            match operations.watch.wait(Some(timeout), look) {
                Waited::Got(held) => Ok(held),
                Waited::Closed => Err(stopped()),
                Waited::TimedOut => {
                    let held = count_of(operations, topic);
                    let text = format!("{topic} has {held} messages, not {count}, after {timeout:?}");
                    Err(Error::new(ErrorKind::Timeout, text))
                }
            }
        })
    }

    /// How many messages a topic holds; 0 for one that does not exist.
    pub fn message_count(&self, topic: &str) -> Result<u64> {
        self.call("message_count", |operations| Ok(count_of(operations, topic)))
    }

    /// Sets where a group goes on in one queue. Members in the process follow at once, others when they begin anew.
    pub fn set_offset(&self, group: &str, topic: &str, queue: u32, offset: i64) -> Result<()> {
        self.call("set_offset", |operations| {
            let queue_id = queue_of(operations, topic, queue)?;
            if offset < 0 {
                return Err(invalid(format!("the offset {offset} is below 0")));
            }
            set(operations, group, topic, queue_id, offset)?;
            operations.watch.changed();
            Ok(())
        })
    }

    /// Sets where a group goes on in every queue of a topic, and tells its connected members.
    pub fn reset_offset(&self, group: &str, topic: &str, to: ResetTo) -> Result<()> {
        self.call("reset_offset", |operations| {
            let queues = operations.topics.find(topic).ok_or_else(|| no_topic(topic))?.read_queue_nums;
            for queue_id in 0..queues {
                let offset = reset_target(operations, topic, queue_id, to);
                set(operations, group, topic, queue_id, offset)?;
            }
            operations.admin.offsets.announce(group, topic);
            operations.watch.changed();
            Ok(())
        })
    }
}

fn reset_target(operations: &Operations, topic: &str, queue_id: i32, to: ResetTo) -> i64 {
    let (min, max) = bounds(operations, topic, queue_id);
    match to {
        ResetTo::First => min,
        ResetTo::Last => max,
        ResetTo::Offset(offset) => offset.clamp(min, max),
        ResetTo::TimestampMs(timestamp_ms) => {
            let near = operations.store.offset_by_time(topic, queue_id, timestamp_ms).clamp(min, max);
            // The nearer neighbour may be the one before.
            let is_before = |offset| {
                operations
                    .store
                    .store_time_ms(topic, queue_id, offset)
                    .is_some_and(|time| time < timestamp_ms)
            };
            if near < max && is_before(near) { near + 1 } else { near }
        }
    }
}

/// Oldest and next offset of a queue.
pub(super) fn bounds(operations: &Operations, topic: &str, queue_id: i32) -> (i64, i64) {
    let min = operations.store.min_offset(topic, queue_id).unwrap_or(0).max(0);
    (min, operations.store.max_offset(topic, queue_id).max(min))
}

fn set(operations: &Operations, group: &str, topic: &str, queue_id: i32, offset: i64) -> Result<()> {
    check_name_of(group)?;
    operations.offsets.set(group, topic, queue_id, offset);
    Ok(())
}

pub(super) fn check_name_of(group: &str) -> Result<()> {
    check_group(group).map_err(|error| invalid(format!("group {group:?}: {error}")))
}

/// The id of a queue that exists.
pub(super) fn queue_of(operations: &Operations, topic: &str, queue: u32) -> Result<i32> {
    let found = operations.topics.find(topic).ok_or_else(|| no_topic(topic))?;
    let queues = found.read_queue_nums.max(found.write_queue_nums);
    let id = i32::try_from(queue).ok().filter(|id| *id < queues);
    id.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("{topic} has {queues} queues, and no queue {queue}"))
    })
}

fn count_of(operations: &Operations, topic: &str) -> u64 {
    let queues =
        operations.topics.find(topic).map_or(0, |topic| topic.write_queue_nums.max(topic.read_queue_nums));
    let held = (0..queues).map(|queue_id| {
        let (min, max) = bounds(operations, topic, queue_id);
        u64::try_from(max - min).unwrap_or(0)
    });
    held.sum()
}

/// Reads as often as the store's limits for one answer to a client make it necessary.
fn read_queue(operations: &Operations, (topic, queue_id): (&str, i32), offset: i64, count: usize) -> Pulled {
    let (min_offset, max_offset) = bounds(operations, topic, queue_id);
    let mut pulled = Pulled { messages: Vec::new(), next_offset: offset, min_offset, max_offset };
    while pulled.messages.len() < count {
        let wanted = count - pulled.messages.len();
        let outcome = operations.store.get(topic, queue_id, pulled.next_offset, wanted, &MatchAll);
        let before = pulled.next_offset;
        pulled.messages.extend(outcome.slices.iter().flat_map(|slice| Message::all_of(slice)));
        pulled.next_offset = outcome.next_begin_offset;
        pulled.max_offset = pulled.max_offset.max(outcome.max_offset);
        let is_removing = outcome.status == GetStatus::MessageWasRemoving && pulled.next_offset > before;
        if outcome.status != GetStatus::Found && !is_removing {
            break;
        }
    }
    pulled
}

/// A message with the texts that it is sent with.
struct Outgoing<'a> {
    message: &'a NewMessage,
    id: String,
    properties: Vec<u8>,
}

impl<'a> Outgoing<'a> {
    fn new(message: &'a NewMessage) -> Result<Self> {
        names::check_topic(&message.topic).map_err(|error| invalid(error.to_string()))?;
        let id = given_id(message).unwrap_or_else(unique_key);
        Ok(Self { message, properties: message.properties_text(&id)?, id })
    }
}

fn send_all(operations: &Operations, outgoing: &[Outgoing<'_>]) -> Vec<Result<SendResult>> {
    let now_ms = operations.clock.now_ms();
    let host = operations.store_host.own();
    let sends = outgoing.iter().map(|Outgoing { message, properties, .. }| {
        let queue_id = message.queue.map(|queue| i32::try_from(queue).unwrap_or(i32::MAX));
        Send {
            header: SendFields::own(&message.topic, queue_id, properties, now_ms),
            body: &message.body,
            born_host: host,
            store_host: host,
            version: version::CURRENT,
        }
    });
    let sends: Vec<_> = sends.collect();
    let SentAll { each, ticket } = operations.produce.send_all(&sends);
    let flushed = ticket.map(|ticket| ticket.wait(FLUSH_WAIT_MAX));
    let appended = each.iter().filter_map(|sent| sent.as_ref().ok()?.appended.as_ref());
    if let Some(end) = appended.map(|appended| appended.physical_offset + appended.size_bytes as i64).max() {
        // What was sent can be read when this returns. Mostly it can already; not when a file has to be made first.
        wait_for_dispatch(operations, end);
    }
    let results = each.into_iter().zip(outgoing).map(|(sent, outgoing)| {
        let sent = sent.map_err(refused)?;
        let status = if sent.waits { flushed.unwrap_or(sent.status) } else { sent.status };
        result_of(operations, sent, status, outgoing.id.clone(), OffsetMessageId::new(host, 0))
    });
    results.collect()
}

/// Returns when what lies before `end` in the log can be found in its queues, or cannot for long.
pub(super) fn wait_for_dispatch(operations: &Operations, end: i64) {
    let look = || (operations.store.dispatched_offset() >= end).then_some(());
    operations.watch.wait(Some(DISPATCH_WAIT_MAX), look);
}

/// The id that the caller gave the message.
fn given_id(message: &NewMessage) -> Option<String> {
    let unique = names::property::UNIQ_KEY;
    message.properties.iter().rev().find(|(name, _)| name.as_bytes() == unique).map(|(_, id)| id.clone())
}

fn result_of(
    operations: &Operations,
    sent: Sent,
    status: PutStatus,
    msg_id: String,
    host: OffsetMessageId,
) -> Result<SendResult> {
    let status = match status {
        PutStatus::Ok => SendStatus::SendOk,
        PutStatus::FlushDiskTimeout => SendStatus::FlushDiskTimeout,
        failed => return Err(not_stored(operations, failed)),
    };
    let appended = sent.appended.ok_or_else(|| not_stored(operations, PutStatus::UnknownError))?;
    Ok(SendResult {
        msg_id,
        offset_msg_id: host.at(appended.physical_offset).to_string(),
        queue_id: sent.queue_id,
        queue_offset: appended.queue_offset,
        status,
    })
}

/// Why the store did not take a message.
pub(super) fn not_stored(operations: &Operations, status: PutStatus) -> Error {
    let store = &operations.store;
    match status {
        PutStatus::MessageIllegal | PutStatus::PropertiesSizeExceeded => {
            refused(message_illegal(&operations.config.load()))
        }
        _ if store.is_disk_full() => Error::new(
            ErrorKind::DiskFull,
            format!(
                "no room for the next file below {}: free some, sends then go on by themselves",
                store.options().root.display()
            ),
        ),
        PutStatus::ServiceNotAvailable | PutStatus::CreateMappedFileFailed => match store.poisoned() {
            Some(reason) => Error::new(ErrorKind::Io, format!("the store takes no more messages: {reason}")),
            None if operations.watch.is_closed() => stopped(),
            None => {
                Error::new(ErrorKind::Refused, format!("the store takes no messages now: {}", status.name()))
            }
        },
        other => Error::new(ErrorKind::Refused, other.name()),
    }
}

/// A unique key as the Java client makes it, by the machine's clock: a manual one stands still, and the counter is short.
fn unique_key() -> String {
    static COUNTER: AtomicU16 = AtomicU16::new(0);
    let now = jiff::Timestamp::from_millisecond(Clock::system().now_ms()).unwrap_or_default();
    let now = now.to_zoned(TimeZone::system());
    let month = now.first_of_month().and_then(|first| first.start_of_day()).ok();
    let since =
        month.map_or(0, |month| now.timestamp().as_millisecond() - month.timestamp().as_millisecond());
    let key = UniqueKey {
        address: Ipv4Addr::LOCALHOST.into(),
        process_id: std::process::id() as u16,
        loader_hash: loader_hash(),
        since_month_start_ms: i32::try_from(since).unwrap_or(0),
        counter: COUNTER.fetch_add(1, Ordering::Relaxed),
    };
    key.to_string()
}

/// Stands for Java's class loader: tells processes apart whose ids were used twice.
fn loader_hash() -> i32 {
    static HASH: std::sync::OnceLock<i32> = std::sync::OnceLock::new();
    *HASH.get_or_init(|| fastrand::i32(..))
}

pub(super) fn no_topic(topic: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no topic {topic}"))
}

pub(super) fn stopped() -> Error {
    Error::new(ErrorKind::Stopped, "the broker is stopped, or stops")
}

/// A refusal of an administrator's call: mostly, the name is impossible.
fn unfit(refusal: crate::broker::refusal::Refusal) -> Error {
    use crate::format::wire::codes::ResponseCode;
    match refusal.code {
        ResponseCode::SystemError => invalid(refusal.remark),
        _ => refused(refusal),
    }
}
