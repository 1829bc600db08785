//! Looking into a broker from within the process. What is only shown can be serialized, with fields in snake_case.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Embedded;
use super::drive::{bounds, no_topic, queue_of};
use super::message::{Message, invalid};
use crate::broker::clients::Member;
use crate::broker::operations::Operations;
use crate::config::live::Audience;
use crate::error::{Error, ErrorKind, Result};
use crate::format::flags::perm;
use crate::format::names;
use crate::format::record::decode::RecordView;
use crate::format::record::ids::parse_offset_message_id;
use crate::store::{GetStatus, MatchAll};

/// Read from a queue at once.
const READ_MAX: usize = 256;

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TopicInfo {
    /// Its name.
    pub name: String,
    /// Queues that producers see.
    pub queues: i32,
    /// Queues that consumers see.
    pub read_queues: i32,
    /// `RW-`: readable, writable, and a template for others (`X`).
    pub perm: String,
    /// Whether the broker made it for itself, or for the retries and dead letters of a group.
    pub system: bool,
    /// How many messages it holds.
    pub message_count: i64,
    /// By queue.
    pub offsets: Vec<QueueInfo>,
}

/// What a queue holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct QueueInfo {
    /// The queue.
    pub queue_id: i32,
    /// Offset of the oldest message.
    pub min_offset: i64,
    /// Offset behind the newest message.
    pub max_offset: i64,
    /// When the newest one was stored: milliseconds since 1970. `None` in an empty queue.
    pub last_store_timestamp_ms: Option<i64>,
}

/// A consumer group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GroupInfo {
    /// Its name.
    pub name: String,
    /// Messages that it has yet to consume, of all topics it has offsets of.
    pub lag: i64,
    /// How often a message comes again before it is a dead letter.
    pub retry_max_times: i32,
    /// Whether it may consume.
    pub consume_enable: bool,
    /// Who is connected.
    pub members: Vec<MemberInfo>,
    /// What it wants, as its last heartbeat said; empty without members.
    pub subscriptions: Vec<SubscriptionInfo>,
}

/// A connected member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MemberInfo {
    /// What it calls itself.
    pub client_id: String,
    /// Where it is connected from; port 0 within the process.
    pub address: String,
    /// The language of the client, as Java spells it.
    pub language: Option<String>,
    /// Its version, as Java counts them.
    pub version: i32,
}

/// What a group wants of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SubscriptionInfo {
    /// The topic.
    pub topic: String,
    /// Tags, or an expression.
    pub expression: String,
    /// `TAG` or `SQL92`.
    pub expression_type: String,
}

/// An open connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// Where it comes from.
    pub address: String,
    /// What the client calls itself; `None` before its first heartbeat.
    pub client_id: Option<String>,
    /// As in [`MemberInfo`].
    pub language: Option<String>,
    /// As in [`MemberInfo`].
    pub version: Option<i32>,
    /// Groups it produces in.
    pub producer_groups: Vec<String>,
    /// Groups it consumes in.
    pub consumer_groups: Vec<String>,
}

/// Where a group is in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct QueueProgress {
    /// The topic.
    pub topic: String,
    /// The queue.
    pub queue_id: i32,
    /// The next message to consume.
    pub offset: i64,
    /// Offset of the oldest message.
    pub min_offset: i64,
    /// Offset behind the newest message.
    pub max_offset: i64,
    /// Messages that are yet to be consumed.
    pub lag: i64,
}

/// Which messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageQuery {
    /// The topic.
    pub topic: String,
    /// One queue; `None` is all.
    pub queue: Option<u32>,
    /// From this queue offset on.
    pub start: Option<i64>,
    /// Up to this queue offset, which is not included.
    pub end: Option<i64>,
    /// Stored at or after this time: milliseconds since 1970.
    pub start_ms: Option<i64>,
    /// Stored before this time.
    pub end_ms: Option<i64>,
    /// With this key, or this `msg_id`.
    pub key: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
}

impl MessageQuery {
    /// All messages of a topic.
    pub fn new(topic: impl Into<String>) -> Self {
        Self { topic: topic.into(), ..Self::default() }
    }

    fn wants(&self, message: &Message) -> bool {
        let stored = message.store_timestamp_ms;
        let has_key = |key: &String| {
            message.keys.contains(key) || message.msg_id == *key || message.offset_msg_id == *key
        };
        self.start_ms.is_none_or(|start| stored >= start)
            && self.end_ms.is_none_or(|end| stored < end)
            && self.key.as_ref().is_none_or(has_key)
    }
}

impl Embedded {
    /// All topics, by name.
    pub fn topics(&self) -> Result<Vec<TopicInfo>> {
        self.call("topics", |operations| {
            let mut topics: Vec<_> =
                operations.topics.all().iter().map(|topic| topic_info(operations, topic)).collect();
            topics.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            Ok(topics)
        })
    }

    /// All consumer groups, by name: those that were created, and those that only have members or offsets.
    pub fn groups(&self) -> Result<Vec<GroupInfo>> {
        self.call("groups", |operations| {
            let known = operations.groups.all();
            let named = known.iter().map(|group| group.group_name.clone());
            let connected = operations.consumers.all().into_iter().map(|(name, _)| name);
            let names: std::collections::BTreeSet<String> = named.chain(connected).collect();
            Ok(names.into_iter().map(|name| group_info(operations, name)).collect())
        })
    }

    /// Open connections of clients. Brokers and consumers within the process have none.
    pub fn connections(&self) -> Result<Vec<ConnectionInfo>> {
        self.call("connections", |operations| Ok(connections(operations)))
    }

    /// Where a group is in every queue that it has an offset of, by topic and queue.
    pub fn offsets(&self, group: &str) -> Result<Vec<QueueProgress>> {
        self.call("offsets", |operations| Ok(progress(operations, group)))
    }

    /// Messages that a group has yet to consume, of all topics it has offsets of.
    pub fn lag(&self, group: &str) -> Result<i64> {
        self.call("lag", |operations| Ok(progress(operations, group).iter().map(|queue| queue.lag).sum()))
    }

    /// Messages of a topic, by queue and offset. Looks at every message in the given bounds.
    pub fn messages(&self, query: &MessageQuery) -> Result<Vec<Message>> {
        self.call("messages", |operations| {
            let topic = operations.topics.find(&query.topic).ok_or_else(|| no_topic(&query.topic))?;
            let queues = match query.queue {
                Some(queue) => {
                    let queue_id = queue_of(operations, &query.topic, queue)?;
                    queue_id..queue_id + 1
                }
                None => 0..topic.read_queue_nums.max(topic.write_queue_nums),
            };
            let limit = query.limit.unwrap_or(usize::MAX);
            let mut found = Vec::new();
            for queue_id in queues {
                collect(operations, query, queue_id, limit, &mut found);
            }
            Ok(found)
        })
    }

    /// The message with this `offset_msg_id`. [`ErrorKind::NotFound`] when there is none (any more).
    pub fn message(&self, offset_msg_id: &str) -> Result<Message> {
        self.call("message", |operations| {
            let place = parse_offset_message_id(offset_msg_id)
                .ok_or_else(|| invalid(format!("{offset_msg_id:?} is no offset_msg_id")))?;
            let record = operations.store.record_at(place.physical_offset);
            let message = record.and_then(|bytes| Some(Message::of(&RecordView::parse(&bytes).ok()?)));
            let missing = || Error::new(ErrorKind::NotFound, format!("there is no message {offset_msg_id}"));
            message.ok_or_else(missing)
        })
    }

    /// Every property with its value, by Java's names.
    pub fn config(&self) -> Result<BTreeMap<String, String>> {
        self.call("config", |operations| {
            let shown = operations.config.dump(Audience::Broker);
            Ok(shown.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
        })
    }

    /// What was counted since the start, and how much there is of some things now.
    pub fn counters(&self) -> Result<BTreeMap<String, i64>> {
        self.call("counters", |operations| Ok(counters(operations)))
    }

    /// Figures of the store and of delays, by the names that Java's runtime information has (code 28).
    pub fn store_state(&self) -> Result<BTreeMap<String, String>> {
        self.call("store_state", |operations| Ok(operations.admin.runtime.read()))
    }
}

fn topic_info(operations: &Operations, topic: &crate::format::disk::tables::TopicConfig) -> TopicInfo {
    let name = &topic.topic_name;
    let queue = |queue_id| {
        let (min_offset, max_offset) = bounds(operations, name, queue_id);
        let last =
            (max_offset > min_offset).then(|| operations.store.store_time_ms(name, queue_id, max_offset - 1));
        QueueInfo { queue_id, min_offset, max_offset, last_store_timestamp_ms: last.flatten() }
    };
    let offsets: Vec<_> = (0..topic.write_queue_nums.max(topic.read_queue_nums)).map(queue).collect();
    TopicInfo {
        name: name.clone(),
        queues: topic.write_queue_nums,
        read_queues: topic.read_queue_nums,
        perm: perm::text(topic.perm).to_owned(),
        system: is_own(operations, name),
        message_count: offsets.iter().map(|queue| queue.max_offset - queue.min_offset).sum(),
        offsets,
    }
}

/// Whether nobody outside made the topic.
pub(super) fn is_own(operations: &Operations, topic: &str) -> bool {
    let named = [names::RETRY_TOPIC_PREFIX, names::DLQ_TOPIC_PREFIX];
    operations.topics.is_system(topic) || named.iter().any(|prefix| topic.starts_with(prefix))
}

fn group_info(operations: &Operations, name: String) -> GroupInfo {
    let config = operations.groups.find(&name).unwrap_or_default();
    let connected = operations.consumers.find(&name);
    let members =
        connected.iter().flat_map(|group| group.members()).map(|member| member_info(member)).collect();
    let subscriptions =
        connected.iter().flat_map(|group| group.subscriptions()).map(|wanted| SubscriptionInfo {
            topic: wanted.topic.clone(),
            expression: wanted.sub_string.clone(),
            expression_type: wanted.expression_type.clone(),
        });
    let mut subscriptions: Vec<_> = subscriptions.collect();
    subscriptions.sort_unstable_by(|a, b| a.topic.cmp(&b.topic));
    GroupInfo {
        lag: progress(operations, &name).iter().map(|queue| queue.lag).sum(),
        retry_max_times: config.retry_max_times,
        consume_enable: config.consume_enable,
        members,
        subscriptions,
        name,
    }
}

fn member_info(member: &Member) -> MemberInfo {
    MemberInfo {
        client_id: member.client.id.to_string(),
        address: member.client.peer.remote_addr().to_string(),
        language: member.client.language.map(|language| language.name().to_owned()),
        version: member.client.version,
    }
}

fn connections(operations: &Operations) -> Vec<ConnectionInfo> {
    let mut open: BTreeMap<_, _> = operations
        .open_connections()
        .into_iter()
        .map(|peer| {
            let info = ConnectionInfo {
                address: peer.remote_addr().to_string(),
                client_id: None,
                language: None,
                version: None,
                producer_groups: Vec::new(),
                consumer_groups: Vec::new(),
            };
            (peer.id(), info)
        })
        .collect();
    let mut add = |member: &Member, group: &str, is_consumer: bool| {
        let Some(info) = open.get_mut(&member.client.peer.id()) else { return };
        let MemberInfo { client_id, language, version, .. } = member_info(member);
        (info.client_id, info.language, info.version) = (Some(client_id), language, Some(version));
        let groups = if is_consumer { &mut info.consumer_groups } else { &mut info.producer_groups };
        groups.push(group.to_owned());
    };
    for (name, members) in operations.producers.all() {
        members.iter().for_each(|member| add(member, &name, false));
    }
    for (name, group) in operations.consumers.all() {
        group.members().iter().for_each(|member| add(member, &name, true));
    }
    open.into_values().collect()
}

fn progress(operations: &Operations, group: &str) -> Vec<QueueProgress> {
    let mut all = Vec::new();
    for topic in operations.offsets.topics_of_group(group) {
        for (queue_id, offset) in operations.offsets.of_topic(group, &topic).unwrap_or_default() {
            let (min_offset, max_offset) = bounds(operations, &topic, queue_id);
            let lag = (max_offset - offset.max(min_offset)).max(0);
            all.push(QueueProgress { topic: topic.clone(), queue_id, offset, min_offset, max_offset, lag });
        }
    }
    all
}

fn collect(
    operations: &Operations,
    query: &MessageQuery,
    queue_id: i32,
    limit: usize,
    found: &mut Vec<Message>,
) {
    let (min, max) = bounds(operations, &query.topic, queue_id);
    let end = query.end.unwrap_or(max).min(max);
    let mut next = query.start.unwrap_or(min).max(min);
    if let Some(start_ms) = query.start_ms {
        // One less, since the nearer neighbour may be the one behind.
        next = next.max(operations.store.offset_by_time(&query.topic, queue_id, start_ms) - 1);
    }
    while next < end && found.len() < limit {
        let outcome = operations.store.get(&query.topic, queue_id, next, READ_MAX, &MatchAll);
        for message in outcome.slices.iter().flat_map(|slice| Message::all_of(slice)) {
            // One that lies in other queues too only knows its place in its own.
            let is_before_end = message.queue_offset < end || message.topic != query.topic;
            if is_before_end && query.wants(&message) && found.len() < limit {
                found.push(message);
            }
        }
        if outcome.next_begin_offset <= next && outcome.status != GetStatus::Found {
            break;
        }
        next = outcome.next_begin_offset;
    }
}

fn counters(operations: &Operations) -> BTreeMap<String, i64> {
    let store = &operations.store;
    let count = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let stats = store.stats();
    let net = operations.net_counts();
    let sum = |of: fn(&crate::net::NetCounts) -> u64| count(net.iter().map(of).sum());
    let whole = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    let named = [
        ("put_messages", count(stats.put_messages())),
        ("put_bytes", count(stats.put_bytes())),
        ("puts_failed", count(stats.puts_failed())),
        ("got_messages", count(stats.transferred_messages())),
        ("requests", sum(|net| net.requests)),
        ("requests_refused_busy", sum(|net| net.refused_busy)),
        ("processor_panics", sum(|net| net.processor_panics)),
        ("frame_errors", sum(|net| net.frame_errors)),
        ("idle_closes", sum(|net| net.idle_closes)),
        ("connections", whole(operations.open_connections().len())),
        ("parked_pulls", whole(operations.parked_pulls())),
        ("topics", whole(operations.topics.all().len())),
        ("groups", whole(operations.groups.all().len())),
        ("faults_left", count(operations.faults.left())),
        ("commit_log_min_offset", store.min_physical_offset()),
        ("commit_log_max_offset", store.max_physical_offset()),
        ("dispatch_behind_bytes", store.dispatch_behind_bytes()),
        ("flush_behind_bytes", store.flush_behind_bytes()),
        ("started_timestamp_ms", stats.started_ms()),
    ];
    named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
