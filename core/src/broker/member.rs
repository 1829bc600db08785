//! A consumer within the process: a member of its group like one behind a socket. It takes the share of the queues that the clients'
//! usual rule gives it, goes on from what the group has committed, and commits what was acknowledged without a gap.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::clients::{Client, Joining};
use super::consume::Puller;
use super::filter::subscription::{self, ALL};
use super::offsets::Place;
use super::operations::Operations;
use super::refusal::Refusal;
use super::retry::Back;
use crate::format::names;
use crate::format::record::decode::RecordView;
use crate::format::wire::LanguageCode;
use crate::format::wire::body::{
    ConsumeFromWhere, ConsumeType, ConsumerHeartbeat, MessageModel, Subscription,
};
use crate::format::wire::codes::{ResponseCode, version};
use crate::format::wire::header::pull::{PullHeader, pull_flag};
use crate::format::wire::header::send::SendBackHeader;
use crate::net::Peer;
use crate::store::PutOutcome;
use crate::store::fan_out::entries;

/// Records read ahead, per queue.
const READ_MAX: i32 = 32;

/// Topic and queue.
type QueueKey = (Arc<str>, i32);

/// See the module.
#[derive(Debug)]
pub struct LocalMember {
    peer: Peer,
    id: String,
    group: String,
    /// The topic, and the retry topic of the group.
    topics: [Arc<str>; 2],
    /// The tags it wants; none is all.
    tags: BTreeSet<String>,
    expression: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queues: BTreeMap<QueueKey, Queue>,
    /// The queue that was served last: the next one comes first.
    last: Option<QueueKey>,
    /// How often a queue was taken up.
    taken_up: u64,
    left: bool,
}

/// A queue that this member has.
#[derive(Debug)]
struct Queue {
    /// Tells this time that it has the queue from others. What was handed out at one of them says nothing about another: the offset
    /// was set in between, or the topic made anew.
    time: u64,
    /// Where to read next.
    next: i64,
    /// Read, but not handed out.
    ready: VecDeque<(i64, Bytes)>,
    /// Handed out, but not acknowledged.
    open: BTreeSet<i64>,
    /// Those of them that are being given back.
    giving: BTreeSet<i64>,
    /// Where the group is, as far as this member knows. Another place there means that somebody set it.
    committed: Place,
}

/// A message that was handed out.
#[derive(Debug, Clone)]
pub struct Handed {
    /// The record. A copy: it stays when the broker has stopped.
    pub record: Bytes,
    queue: QueueKey,
    time: u64,
    offset: i64,
}

impl Queue {
    fn at(offset: i64, committed: Place, time: u64) -> Self {
        let (ready, open, giving) = (VecDeque::new(), BTreeSet::new(), BTreeSet::new());
        Self { time, next: offset, ready, open, giving, committed }
    }

    /// Everything before this is done with.
    fn done_to(&self) -> i64 {
        let ready = self.ready.front().map(|(offset, _)| *offset);
        let first = self.open.first().copied().into_iter().chain(ready).min();
        first.unwrap_or(self.next)
    }
}

impl LocalMember {
    /// Joins the group, whose name was checked. `expression` are tags, or `*`.
    pub fn join(
        operations: &Operations,
        peer: Peer,
        group: &str,
        topic: &str,
        expression: &str,
    ) -> Result<Self, Refusal> {
        let wanted = parse_tags(topic, expression)?;
        let member = Self {
            id: format!("{}@libbroker#{}", peer.remote_addr().ip(), peer.id()),
            peer,
            group: group.to_owned(),
            topics: [topic.into(), names::retry_topic(group).into()],
            tags: wanted.tags_set.clone(),
            expression: expression.to_owned(),
            state: Mutex::default(),
        };
        let joining = Joining {
            topics: operations.topics.clone(),
            groups: operations.groups.clone(),
            consumers: operations.consumers.clone(),
        };
        joining.join(&member.client(), member.heartbeat(operations.clock.now_ms(), wanted)?);
        Ok(member)
    }

    fn client(&self) -> Client {
        Client {
            peer: self.peer.clone(),
            id: self.id.as_str().into(),
            language: Some(LanguageCode::Rust),
            version: version::CURRENT,
        }
    }

    fn heartbeat(&self, now_ms: i64, wanted: Subscription) -> Result<ConsumerHeartbeat, Refusal> {
        let [_, retry] = &self.topics;
        let versioned = |subscription| Subscription { sub_version: now_ms, ..subscription };
        Ok(ConsumerHeartbeat {
            group_name: self.group.clone(),
            consume_type: Some(ConsumeType::Passively),
            message_model: Some(MessageModel::Clustering),
            consume_from_where: Some(ConsumeFromWhere::FirstOffset),
            subscriptions: vec![versioned(wanted), versioned(parse_tags(retry, ALL)?)],
            unit_mode: false,
        })
    }

    /// The next message of any queue of this member; `None` when there is none now.
    pub fn take(&self, operations: &Operations) -> Result<Option<Handed>, Refusal> {
        let mut state = self.state.lock();
        if state.left {
            return Ok(None);
        }
        self.rebalance(operations, &mut state);
        let last = state.last.clone();
        let (behind, front): (Vec<_>, Vec<_>) =
            state.queues.keys().cloned().partition(|key| last.as_ref().is_none_or(|last| key > last));
        for key in behind.into_iter().chain(front) {
            let Some(queue) = state.queues.get_mut(&key) else { continue };
            if queue.ready.is_empty() {
                self.read(operations, &key, queue)?;
            }
            if let Some((offset, record)) = queue.ready.pop_front() {
                queue.open.insert(offset);
                let time = queue.time;
                state.last = Some(key.clone());
                return Ok(Some(Handed { record, queue: key, time, offset }));
            }
        }
        Ok(None)
    }

    /// Takes up the queues that are this member's now, and lets go of others. One whose offset somebody set begins anew there.
    fn rebalance(&self, operations: &Operations, state: &mut State) {
        let members = operations.consumers.find(&self.group);
        let mut ids = members.map(|group| group.client_ids()).unwrap_or_default();
        ids.sort_unstable();
        let mut own = BTreeSet::new();
        for topic in &self.topics {
            let queues = operations.topics.find(topic).map_or(0, |found| found.read_queue_nums);
            own.extend(share_of(&self.id, &ids, queues).map(|queue_id| (topic.clone(), queue_id)));
        }
        state.queues.retain(|key, _| own.contains(key));
        for key in own {
            let committed = operations.offsets.place(&self.group, &key.0, key.1);
            match state.queues.get_mut(&key) {
                Some(queue) if queue.committed == committed => {}
                _ => {
                    let min = operations.store.min_offset(&key.0, key.1).unwrap_or(0);
                    state.taken_up += 1;
                    let queue = Queue::at(committed.offset.unwrap_or(min), committed, state.taken_up);
                    state.queues.insert(key, queue);
                }
            }
        }
    }

    /// Reads ahead, past what is not wanted and to where the queue begins: nobody says later that there is more. Rules that keep any
    /// consumer from a queue keep this one from it too.
    fn read(&self, operations: &Operations, key: &QueueKey, queue: &mut Queue) -> Result<(), Refusal> {
        let [_, retry] = &self.topics;
        let is_retry = key.0 == *retry;
        loop {
            let header = PullHeader {
                consumer_group: Some(&self.group),
                topic: Some(&key.0),
                queue_id: Some(key.1),
                queue_offset: Some(queue.next),
                message_count_max: Some(READ_MAX),
                // Not what the group's last heartbeat said: members of one group should, but may not, want the same.
                sys_flag: Some(pull_flag::SUBSCRIPTION),
                subscription: Some(if is_retry { ALL } else { &self.expression }),
                ..PullHeader::default()
            };
            let admitted = operations.consume.admit(&header, self.puller())?;
            let outcome = operations.consume.read(&header, &admitted).outcome;
            for slice in &outcome.slices {
                let mut rest = slice.clone();
                while let Ok(record) = RecordView::parse(&rest) {
                    let (offset, size) = (offset_in(operations, key, &record), record.total_size());
                    if is_retry || self.wants(&record) {
                        queue.ready.push_back((offset, Bytes::copy_from_slice(record.bytes())));
                    }
                    rest = rest.slice(size..);
                }
            }
            // Elsewhere too when the offset is none of the queue's, of a topic that was made anew say.
            let before = std::mem::replace(&mut queue.next, outcome.next_begin_offset);
            if !queue.ready.is_empty() || queue.next == before {
                break;
            }
        }
        self.commit(operations, key, queue);
        Ok(())
    }

    /// Compares the text of the tags: the queue only knows its hash.
    fn wants(&self, record: &RecordView<'_>) -> bool {
        let tags = record.tags().and_then(|tags| std::str::from_utf8(tags).ok());
        self.tags.is_empty() || tags.is_some_and(|tags| self.tags.contains(tags))
    }

    fn commit(&self, operations: &Operations, key: &QueueKey, queue: &mut Queue) {
        let done_to = queue.done_to();
        let Queue { committed, .. } = queue;
        // The one who set the offset meanwhile means it.
        if committed.offset != Some(done_to)
            && operations.offsets.advance(&self.group, &key.0, key.1, *committed, done_to)
        {
            committed.offset = Some(done_to);
        }
    }

    /// Notes that a message was dealt with. One of a queue that is no longer this member's is left to who has it.
    pub fn acknowledge(&self, operations: &Operations, handed: &Handed) {
        let mut state = self.state.lock();
        let queue = state.queues.get_mut(&handed.queue).filter(|queue| queue.time == handed.time);
        if let Some(queue) = queue
            && queue.open.remove(&handed.offset)
        {
            self.commit(operations, &handed.queue, queue);
        }
    }

    /// True when a message is this member's to deal with, and nobody else gives it back. To be followed by
    /// [`LocalMember::end_give_back`].
    pub fn begin_give_back(&self, handed: &Handed) -> bool {
        let mut state = self.state.lock();
        let queue = state.queues.get_mut(&handed.queue).filter(|queue| queue.time == handed.time);
        queue.is_some_and(|queue| queue.open.contains(&handed.offset) && queue.giving.insert(handed.offset))
    }

    /// It was given back and acknowledged, or could not be.
    pub fn end_give_back(&self, handed: &Handed) {
        let mut state = self.state.lock();
        let queue = state.queues.get_mut(&handed.queue).filter(|queue| queue.time == handed.time);
        if let Some(queue) = queue {
            queue.giving.remove(&handed.offset);
        }
    }

    /// Gives a message back, to come again after the delay of `level`; 0 leaves the level to the group's ladder, below 0 makes it
    /// a dead letter. To be acknowledged when the put has succeeded; `None` for a group without retry queues.
    pub fn give_back(
        &self,
        operations: &Operations,
        handed: &Handed,
        level: i32,
    ) -> Result<Option<PutOutcome>, Refusal> {
        let record = RecordView::parse(&handed.record)
            .map_err(|error| Refusal::new(ResponseCode::SystemError, error.to_string()))?;
        let header = SendBackHeader {
            offset: Some(record.physical_offset()),
            group: Some(&self.group),
            delay_level: Some(level),
            ..SendBackHeader::default()
        };
        let back = Back { header: &header, version: version::CURRENT, broker: self.puller().broker };
        operations.send_back.take(&back)
    }

    /// True after [`LocalMember::leave`].
    pub fn has_left(&self) -> bool {
        self.state.lock().left
    }

    /// Leaves the group: what is not acknowledged comes again, to whoever has the queue then. Idempotent.
    pub fn leave(&self, operations: Option<&Operations>) {
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.left, true) {
            return;
        }
        state.queues.clear();
        drop(state);
        if let Some(operations) = operations {
            operations.consumers.unregister(&self.peer, &self.group, true);
        }
    }

    fn puller(&self) -> Puller {
        let client: SocketAddr = self.peer.remote_addr();
        Puller { client, broker: self.peer.local_addr() }
    }
}

/// The place of a record in a queue that it was read from. It says its place in its own queue; it may lie in others too.
fn offset_in(operations: &Operations, (topic, queue_id): &QueueKey, record: &RecordView<'_>) -> i64 {
    if record.topic() == Some(topic) && record.queue_id() == *queue_id {
        return record.queue_offset();
    }
    let fan_out = operations.store.options().fan_out;
    let elsewhere = entries(fan_out, record.queue_id(), record.properties()).into_iter();
    let mut here = elsewhere.filter(|(target, _)| target.topic == &**topic && target.queue_id == *queue_id);
    here.next().map_or(record.queue_offset(), |(_, offset)| offset)
}

fn parse_tags(topic: &str, expression: &str) -> Result<Subscription, Refusal> {
    subscription::parse(topic, Some(expression), None).map_err(|error| {
        Refusal::new(ResponseCode::SubscriptionParseFailed, format!("tags {expression:?}: {error}"))
    })
}

/// The queues of one member: neighbours, the first members get one more where it does not come out even.
#[doc(alias = "AllocateMessageQueueAveragely")]
fn share_of(id: &str, ids: &[String], queues: i32) -> std::ops::Range<i32> {
    let (Some(place), Ok(count)) = (ids.iter().position(|other| other == id), i32::try_from(ids.len()))
    else {
        return 0..0;
    };
    let place = i32::try_from(place).unwrap_or(i32::MAX);
    let (share, more) = (queues / count, queues % count);
    let start = place * share + place.min(more);
    start..start + share + i32::from(place < more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_the_java_client() {
        let ids = ["a", "b", "c"].map(str::to_owned);
        let shares = |queues| ["a", "b", "c", "x"].map(|id| share_of(id, &ids, queues));
        assert_eq!(shares(8), [0..3, 3..6, 6..8, 0..0]);
        assert_eq!(shares(2), [0..1, 1..2, 2..2, 0..0]);
        assert_eq!(shares(0), [0..0, 0..0, 0..0, 0..0]);
    }
}
