//! The load of senders.

use std::fmt::Write as _;

use bytes::Bytes;
use libbroker::clock::{Clock, Moment};
use libbroker::internals::format::names::AUTO_CREATE_TOPIC;
use libbroker::internals::format::record::batch::{BatchPart, push_part};
use libbroker::internals::format::wire::header::send::SendHeaderV2;
use libbroker::internals::format::wire::{HeaderFields, OutgoingRequest, RemotingCommand, RequestCode};

use super::args::Send;
use super::content::{Content, Stamp};
use super::load::{Budget, Tally, Work};
use crate::connection::{Connection, is_success, refusal};

/// Producer group of the load.
const GROUP: &str = "bench-producer";
/// What the official clients set, besides the unique key, on every message and on every batch.
const WAIT: &str = "WAIT\u{1}true";

/// Writes requests that send messages.
pub struct Sending<'a> {
    topic: &'a str,
    queues: u32,
    body_size: usize,
    clock: Clock,
    content: Content,
    stamp_text: String,
    properties: String,
}

impl<'a> Sending<'a> {
    /// To a topic with that many queues, with bodies of that size.
    pub fn new(clock: &Clock, topic: &'a str, queues: u32, body_size: u32) -> Self {
        let body_size = body_size as usize;
        Self {
            topic,
            queues,
            body_size,
            clock: clock.clone(),
            content: Content::new(body_size),
            stamp_text: String::new(),
            properties: String::new(),
        }
    }

    /// Pushes a request that sends one message.
    pub fn push(&mut self, connection: &mut Connection, queue: u32, stamp: Stamp, opaque: i32, oneway: bool) {
        self.set_message(stamp);
        let mut request = OutgoingRequest { oneway, ..OutgoingRequest::new(RequestCode::SendMessageV2) };
        request.body.push(Bytes::copy_from_slice(self.stamp_text.as_bytes()));
        request.body.push(self.content.letters(stamp.sequence, self.body_size));
        let fields = self.fields(queue, &self.properties, false);
        connection.push(&request.with_fields(fields), opaque);
    }

    /// Pushes a request that sends `count` messages, of which `stamp` is the first one's.
    fn push_batch(
        &mut self,
        connection: &mut Connection,
        queue: u32,
        stamp: Stamp,
        count: u64,
        opaque: i32,
        oneway: bool,
    ) {
        let mut parts = Vec::new();
        let mut body = Vec::with_capacity(self.body_size);
        for sequence in stamp.sequence..stamp.sequence + count {
            self.set_message(Stamp { sequence, ..stamp });
            body.clear();
            body.extend_from_slice(self.stamp_text.as_bytes());
            body.extend_from_slice(&self.content.letters(sequence, self.body_size));
            let properties = self.properties.as_bytes();
            push_part(&mut parts, &BatchPart { flag: 0, body: &body, properties });
        }
        let request = OutgoingRequest { oneway, ..OutgoingRequest::new(RequestCode::SendBatchMessage) };
        let fields = self.fields(queue, WAIT, true);
        connection.push(&request.with_body(parts).with_fields(fields), opaque);
    }

    /// Writes stamp and properties of a message.
    fn set_message(&mut self, stamp: Stamp) {
        self.stamp_text.clear();
        stamp.write(&mut self.stamp_text);
        self.properties.clear();
        // Of the form that clients make: an address, and what is unique behind it.
        let _ = write!(self.properties, "UNIQ_KEY\u{1}7F000001{}\u{2}{WAIT}", self.stamp_text);
    }

    fn fields(&self, queue: u32, properties: &str, is_batch: bool) -> HeaderFields {
        let header = SendHeaderV2 {
            producer_group: Some(GROUP),
            topic: Some(self.topic),
            default_topic: Some(AUTO_CREATE_TOPIC),
            default_topic_queue_nums: i32::try_from(self.queues).ok(),
            queue_id: i32::try_from(queue).ok(),
            sys_flag: Some(0),
            born_timestamp_ms: Some(self.clock.now_ms()),
            flag: Some(0),
            properties: Some(properties),
            reconsume_times: Some(0),
            unit_mode: false,
            max_reconsume_times: None,
            batch: is_batch,
        };
        header.fields()
    }
}

/// One connection's producer. Its requests go to the queues in turn.
pub struct Sender<'a> {
    options: &'a Send,
    budget: Budget,
    sending: Sending<'a>,
    /// The next message's.
    stamp: Stamp,
    queue: u32,
}

impl<'a> Sender<'a> {
    /// The producer of connection `index`. Producers of one topic have different numbers.
    pub fn new(options: &'a Send, clock: &Clock, budget: Budget, producer: u32, index: u32) -> Self {
        let topic = &options.load.target.topic;
        Self {
            options,
            budget,
            sending: Sending::new(clock, topic, options.queues, options.body),
            stamp: Stamp { producer, sequence: 0 },
            queue: index % options.queues,
        }
    }

    fn push(&mut self, connection: &mut Connection, count: u64, opaque: i32, oneway: bool) {
        let Sender { sending, stamp, queue, .. } = self;
        match self.options.batch {
            1 => sending.push(connection, *queue, *stamp, opaque, oneway),
            _ => sending.push_batch(connection, *queue, *stamp, count, opaque, oneway),
        }
        stamp.sequence += count;
        *queue = (*queue + 1) % self.options.queues;
    }
}

impl Work for Sender<'_> {
    /// Messages that the answer speaks for.
    type Pending = u64;

    fn request(&mut self, connection: &mut Connection, opaque: i32, now: Moment) -> Option<u64> {
        let batch = u64::from(self.options.batch);
        let oneway = if self.options.oneway { self.options.load.window - 1 } else { 0 };
        let mut count = self.budget.take(batch, now);
        if count == 0 {
            return None;
        }
        let mut messages = count;
        for _ in 0..oneway {
            let next = self.budget.take(batch, now);
            if next == 0 {
                break;
            }
            self.push(connection, count, opaque, true);
            messages += next;
            count = next;
        }
        self.push(connection, count, opaque, false);
        Some(messages)
    }

    fn answer(&mut self, messages: u64, answer: &RemotingCommand, tally: &mut Tally) {
        if is_success(answer) {
            tally.messages += messages;
            tally.body_bytes += messages * u64::from(self.options.body);
        } else {
            tally.fail(messages, || refusal(answer));
        }
    }
}
