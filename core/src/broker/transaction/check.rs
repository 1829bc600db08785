//! Asks about half messages that nobody has ended: a round over the half queues every `transactionCheckInterval`.
//!
//! A round goes through a half queue from where the last one stopped; the progress in half and op queue is stored as the offsets of
//! the group CID_RMQ_SYS_TRANS. A finished half message is passed. An open one that is too young ends the round. Any other is
//! appended again with one more check on its count, a producer of its group is asked about that copy, and the old record is passed:
//! so the queue need not be kept from the oldest open message on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use super::copies::Copies;
use super::half;
use super::op::Finished;
use crate::broker::clients::Producers;
use crate::broker::notify::ClientNotifier;
use crate::broker::offsets::{ConsumerOffsets, Place};
use crate::broker::topics::Topics;
use crate::clock::{Clock, Moment};
use crate::config::{BrokerRole, LiveConfig};
use crate::error::Result;
use crate::format::flags::perm;
use crate::format::names::{self, property};
use crate::format::record::decode::RecordView;
use crate::format::record::encode::{BodyPlace, encode_onto};
use crate::format::record::ids::OffsetMessageId;
use crate::format::record::properties::{self, get_many};
use crate::format::wire::header::transaction::CheckTransactionStateHeader;
use crate::runtime::signal::Signal;
use crate::runtime::stop::StopToken;
use crate::runtime::threads::{Poison, ServiceThread};
use crate::store::{Appended, MessageStore, PutMessage, PutStatus, QueueUnit};

/// Queues of the half topic, and of the topic for messages that are given up.
const QUEUES: i32 = 1;
/// Half messages looked up at once.
const UNITS_PER_READ: usize = 32;
/// A round does not stay with one queue longer than this.
const QUEUE_TIME_MAX: Duration = Duration::from_secs(60);

/// What a check works with.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Half and op queues.
    pub store: Arc<MessageStore>,
    /// Where the half topic is made.
    pub topics: Arc<Topics>,
    /// Where the progress is.
    pub offsets: Arc<ConsumerOffsets>,
    /// Whom to ask.
    pub producers: Arc<Producers>,
    /// Asks them.
    pub notifier: ClientNotifier,
    /// `transactionTimeOut`, `transactionCheckMax`, `transactionCheckInterval`, `fileReservedTime`.
    pub config: LiveConfig,
    /// Time.
    pub clock: Clock,
}

/// Runs the rounds on the thread `txn-check`.
#[doc(alias = "TransactionalMessageCheckService")]
#[derive(Debug)]
pub struct TransactionCheck {
    stop: StopToken,
    ended: Arc<Signal>,
    thread: Mutex<Option<ServiceThread>>,
}

impl TransactionCheck {
    /// Starts the thread; its first round comes after one interval. The interval is read here, once.
    pub fn start(parts: Parts, poison: &Poison) -> Result<Self> {
        let interval = Duration::from_millis(parts.config.load().broker.transaction_check_interval);
        let (stop, ended) = (StopToken::new(), Arc::new(Signal::new()));
        let (stopped, wake) = (stop.clone(), ended.clone());
        let clock = parts.clock.clone();
        let mut checker = Checker::new(parts);
        let thread = ServiceThread::spawn("txn-check", poison, move || {
            while !wake.wait(&clock, Some(clock.moment().after(interval))) {
                checker.round(&stopped);
            }
        })?;
        Ok(Self { stop, ended, thread: Mutex::new(Some(thread)) })
    }

    /// Ends the thread, also in the middle of a round. Idempotent.
    pub fn stop(&self) {
        self.stop.stop();
        self.ended.raise();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Drop for TransactionCheck {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Does the rounds.
#[doc(alias = "TransactionalMessageServiceImpl")]
pub(super) struct Checker {
    parts: Parts,
    copies: HashMap<i32, Copies>,
}

/// What holds for one queue in one round.
struct Round {
    queue_id: i32,
    begin_ms: i64,
    deadline: Moment,
    timeout_ms: i64,
    checks_max: i32,
    reserved_ms: i64,
}

/// What becomes of an open half message.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Too young: it and those behind it are looked at in a later round.
    Later,
    /// Its own immunity lasts: it goes to the end of the queue.
    Immune,
    /// Its producer is asked.
    Ask,
    /// Asked about often enough, or too old.
    GiveUp,
}

impl Checker {
    pub(super) fn new(parts: Parts) -> Self {
        Self { parts, copies: HashMap::new() }
    }

    /// Goes through every half queue.
    pub(super) fn round(&mut self, stop: &StopToken) {
        let Parts { topics, clock, .. } = &self.parts;
        let config = self.parts.config.load();
        // The half messages of a slave are copies of its master's, who asks.
        if config.store.broker_role == BrokerRole::Slave {
            return;
        }
        let both = perm::READ | perm::WRITE;
        let Some(topic) = topics.find_or_create(names::TRANS_HALF_TOPIC, QUEUES, both, 0) else { return };
        let millis = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let rounds = (0..topic.read_queue_nums.min(crate::broker::admin::QUEUES_MAX)).map(|queue_id| Round {
            queue_id,
            begin_ms: clock.now_ms(),
            deadline: clock.moment().after(QUEUE_TIME_MAX),
            timeout_ms: millis(config.broker.transaction_time_out),
            checks_max: i32::try_from(config.broker.transaction_check_max).unwrap_or(i32::MAX),
            reserved_ms: i64::from(config.store.file_reserved_time).saturating_mul(3_600_000),
        });
        for round in rounds {
            let mut copies = self.copies.remove(&round.queue_id).unwrap_or_default();
            self.parts.check_queue(&round, &mut copies, stop);
            self.copies.insert(round.queue_id, copies);
        }
    }
}

impl Parts {
    fn check_queue(&self, round: &Round, copies: &mut Copies, stop: &StopToken) {
        let begun_at = self.places(round.queue_id);
        let half_begin = self.progress(names::TRANS_HALF_TOPIC, round.queue_id);
        let op_begin = self.progress(names::TRANS_OP_HALF_TOPIC, round.queue_id);
        let mut finished = Finished::new(&self.store, round.queue_id, op_begin, half_begin);
        let mut next = half_begin;
        'round: loop {
            let units = self.store.units(names::TRANS_HALF_TOPIC, round.queue_id, next, UNITS_PER_READ);
            if units.is_empty() {
                break;
            }
            for QueueUnit { offset, unit, .. } in units {
                if stop.is_stopped() || self.clock.moment() >= round.deadline {
                    break 'round;
                }
                if self.places(round.queue_id) != begun_at {
                    // Everything that waits was passed over.
                    return;
                }
                if finished.take(offset, copies) {
                    copies.forget(offset);
                } else if !self.pass(round, offset, unit.physical_offset, copies) {
                    break 'round;
                }
                next = offset + 1;
            }
        }
        self.save(round.queue_id, begun_at, [next, finished.progress(op_begin)]);
    }

    /// Where the check is in a half queue and its op queue.
    fn places(&self, queue_id: i32) -> [Place; 2] {
        [names::TRANS_HALF_TOPIC, names::TRANS_OP_HALF_TOPIC]
            .map(|topic| self.offsets.place(names::TRANS_GROUP, topic, queue_id))
    }

    /// The saved offset of a queue, moved into what the queue holds.
    fn progress(&self, topic: &str, queue_id: i32) -> i64 {
        let min = self.store.min_offset(topic, queue_id).unwrap_or(0);
        let max = self.store.max_offset(topic, queue_id).max(min);
        self.offsets.find(names::TRANS_GROUP, topic, queue_id).unwrap_or(min).clamp(min, max)
    }

    /// Saves how far the round came, when everything is durable that lets it forget the messages before: a crash then forgets no
    /// question. It is written down at once, so that a crash repeats few.
    fn save(&self, queue_id: i32, [half, op]: [Place; 2], [half_next, op_next]: [i64; 2]) {
        let places = [(names::TRANS_HALF_TOPIC, half, half_next), (names::TRANS_OP_HALF_TOPIC, op, op_next)];
        let moves = |(_, from, next): &(&str, Place, i64)| from.offset.unwrap_or(0) != *next;
        if !places.iter().any(moves) {
            return;
        }
        if let Err(error) = self.store.flush_now() {
            tracing::error!(target: "broker::transaction", %error, "the progress of the check is not saved");
            return;
        }
        for (topic, from, next) in places.into_iter().filter(moves) {
            self.offsets.advance(names::TRANS_GROUP, topic, queue_id, from, next);
        }
        if let Err(error) = self.offsets.persist() {
            tracing::error!(target: "broker::transaction", %error, "the progress of the check is not on disk");
        }
    }

    /// Deals with an open half message; false when the round ends before it.
    fn pass(&self, round: &Round, offset: i64, physical_offset: i64, copies: &mut Copies) -> bool {
        let bytes = self.store.record_at(physical_offset);
        let Some(record) = bytes.as_deref().and_then(|bytes| RecordView::parse(bytes).ok()) else {
            tracing::warn!(target: "broker::transaction", offset, physical_offset, "a half message is gone from the log");
            return true;
        };
        match round.judge(&record, self.clock.now_ms()) {
            Verdict::Later => false,
            Verdict::Immune => self.put_off(&record, copies),
            Verdict::Ask => self.ask_again(&record, copies),
            Verdict::GiveUp => {
                copies.forget(offset);
                self.give_up(&record)
            }
        }
    }

    /// Puts an immune message to the end of the queue. The reference counts that as a check, and so gives up messages that nobody
    /// was asked about.
    #[doc(alias = "putImmunityMsgBackToHalfQueue")]
    fn put_off(&self, record: &RecordView<'_>, copies: &mut Copies) -> bool {
        let mut own = itoa::Buffer::new();
        let own = own.format(record.queue_offset()).as_bytes();
        let first = record.property(property::TRAN_PREPARED_QUEUE_OFFSET).unwrap_or(own);
        match self.append_again(record, (property::TRAN_PREPARED_QUEUE_OFFSET, first)) {
            Ok(copy) => copies.note(record.queue_offset(), copy.queue_offset, false),
            Err(status) => return self.cannot_append(record, status),
        }
        true
    }

    #[doc(alias = "putBackHalfMsgQueue")]
    fn ask_again(&self, record: &RecordView<'_>, copies: &mut Copies) -> bool {
        let mut times = itoa::Buffer::new();
        let times = times.format(checks_of(record).map_or(1, |checks| checks.saturating_add(1))).as_bytes();
        match self.append_again(record, (property::TRANSACTION_CHECK_TIMES, times)) {
            Ok(copy) => {
                copies.note(record.queue_offset(), copy.queue_offset, true);
                self.ask(record, &copy, times);
            }
            Err(status) => return self.cannot_append(record, status),
        }
        true
    }

    fn append_again(
        &self,
        record: &RecordView<'_>,
        change: (&[u8], &[u8]),
    ) -> std::result::Result<Appended, PutStatus> {
        let mut text = Vec::new();
        properties::rewrite(record.properties(), &mut text, &[], &[change]);
        let copy = PutMessage::moved(record, names::TRANS_HALF_TOPIC, record.queue_id());
        let outcome = self.store.put(&PutMessage { properties: &text, ..copy });
        outcome.appended.ok_or(outcome.status)
    }

    /// A store that takes nothing now is tried again in the next round. A record that it can never take, because there is no room
    /// for one more property, would hold up the queue: it is given up.
    #[cold]
    fn cannot_append(&self, record: &RecordView<'_>, status: PutStatus) -> bool {
        let (offset, status_name) = (record.queue_offset(), status.name());
        tracing::error!(target: "broker::transaction", offset, status = status_name, "a half message was not appended again");
        is_final(status) && self.give_up(record)
    }

    /// Moves a message to TRANS_CHECK_MAX_TIME_TOPIC. False when it could not be: then the round ends, where the reference forgets
    /// the message.
    #[doc(alias = "resolveDiscardMsg")]
    fn give_up(&self, record: &RecordView<'_>) -> bool {
        let (name, both) = (names::TRANS_CHECK_MAX_TIME_TOPIC, perm::READ | perm::WRITE);
        if self.topics.find_or_create(name, QUEUES, both, 0).is_none() {
            return false;
        }
        let outcome = self.store.put(&PutMessage::moved(record, name, 0));
        let (offset, status) = (record.queue_offset(), outcome.status.name());
        tracing::error!(target: "broker::transaction", offset, status, "a half message is given up");
        outcome.appended.is_some() || is_final(outcome.status)
    }

    /// Asks a producer of the group. Where there is none, the next round asks again.
    #[doc(alias = "sendCheckMessage")]
    fn ask(&self, record: &RecordView<'_>, copy: &Appended, times: &[u8]) {
        let text = |value: Option<&'_ [u8]>| {
            value.and_then(|value| std::str::from_utf8(value).ok()).map(str::to_owned)
        };
        let [group, unique] = get_many(record.properties(), [property::PGROUP, property::UNIQ_KEY]).map(text);
        let offset = copy.queue_offset;
        let (Some(group), Some(place)) = (group, half::destination(record)) else {
            tracing::warn!(target: "broker::transaction", offset, "a half message does not say where it is meant to go, or who sent it");
            return;
        };
        let Some(producer) = self.producers.any_of(&group) else {
            tracing::warn!(target: "broker::transaction", offset, group, "nobody is there to be asked about a half message");
            return;
        };
        let Some(body) = question(record, copy, place, times) else { return };
        let id = OffsetMessageId::new(record.store_host(), copy.physical_offset);
        let header = CheckTransactionStateHeader {
            commit_log_offset: Some(copy.physical_offset),
            message_id: unique.as_deref(),
            tran_state_table_offset: Some(copy.queue_offset),
            offset_message_id: Some(id.as_str()),
            transaction_id: unique.as_deref(),
        };
        self.notifier.check_transaction_state(&producer, &header, body);
    }
}

impl Round {
    fn judge(&self, record: &RecordView<'_>, now_ms: i64) -> Verdict {
        // Also what this round appended: who was just asked has until the next round, also the last time.
        if record.store_timestamp_ms() >= self.begin_ms {
            return Verdict::Later;
        }
        let age_ms = now_ms.saturating_sub(record.born_timestamp_ms());
        if checks_of(record).is_some_and(|checks| checks >= self.checks_max) || age_ms > self.reserved_ms {
            return Verdict::GiveUp;
        }
        match self.own_immunity_ms(record) {
            Some(immunity_ms) if age_ms < immunity_ms => Verdict::Immune,
            // A message from the future tells of a wrong clock, not of its age.
            None if (0..self.timeout_ms).contains(&age_ms) => Verdict::Later,
            _ => Verdict::Ask,
        }
    }

    /// From CHECK_IMMUNITY_TIME_IN_SECONDS; what is no number counts like `transactionTimeOut`.
    fn own_immunity_ms(&self, record: &RecordView<'_>) -> Option<i64> {
        let text = record.property(property::CHECK_IMMUNITY_TIME_IN_SECONDS)?;
        let seconds = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
        Some(match seconds {
            None | Some(-1) => self.timeout_ms,
            Some(seconds) => seconds.saturating_mul(1000),
        })
    }
}

/// How often a message was asked about; a count that is no number is one less than none, as in the reference.
fn checks_of(record: &RecordView<'_>) -> Option<i32> {
    let text = record.property(property::TRANSACTION_CHECK_TIMES)?;
    Some(std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(-1))
}

/// Whether the same put can never succeed.
fn is_final(status: PutStatus) -> bool {
    matches!(status, PutStatus::MessageIllegal | PutStatus::PropertiesSizeExceeded)
}

/// The record that a producer is shown (store-format §13): the message as it will be delivered, with the offsets of the copy.
fn question(
    record: &RecordView<'_>,
    copy: &Appended,
    (topic, queue_id): (&str, i32),
    times: &[u8],
) -> Option<Bytes> {
    let mut text = Vec::new();
    let shown: [(&[u8], &[u8]); 2] = [(property::TRANSACTION_CHECK_TIMES, times), (property::WAIT, b"false")];
    properties::rewrite(record.properties(), &mut text, &[], &shown);
    let mut fields = record.fields();
    (fields.topic, fields.queue_id, fields.properties) = (topic.as_bytes(), queue_id, &text);
    (fields.queue_offset, fields.physical_offset) = (copy.queue_offset, copy.physical_offset);
    let mut bytes = Vec::new();
    encode_onto(&mut bytes, &fields, &[], BodyPlace::Here)
        .inspect_err(
            |error| tracing::warn!(target: "broker::transaction", %error, "a half message cannot be shown"),
        )
        .ok()?;
    Some(bytes.into())
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
