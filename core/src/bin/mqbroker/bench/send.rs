//! The load of senders.

use std::fmt::Write as _;

use bytes::Bytes;
use libbroker::clock::{Clock, Moment};
use libbroker::internals::format::names::AUTO_CREATE_TOPIC;
use libbroker::internals::format::record::batch::{BatchPart, push_part};
use libbroker::internals::format::wire::header::send::SendHeaderV2;
use libbroker::internals::format::wire::{OutgoingRequest, RemotingCommand, RequestCode};

use super::args::Send;
use super::connection::{Connection, is_success, refusal};
use super::content::{Content, Stamp};
use super::load::{Budget, Tally, Work};

/// Producer group of the load.
const GROUP: &str = "bench-producer";
/// What the official clients set, besides the unique key, on every message and on every batch.
const WAIT: &str = "WAIT\u{1}true";

/// One connection's producer. Its requests go to the queues in turn.
pub struct Sender<'a> {
    options: &'a Send,
    clock: Clock,
    budget: Budget,
    content: Content,
    /// The next message's.
    stamp: Stamp,
    queue: u32,
    stamp_text: String,
    properties: String,
}

impl<'a> Sender<'a> {
    /// The producer of connection `index`. Producers of one topic have different numbers.
    pub fn new(options: &'a Send, clock: &Clock, budget: Budget, producer: u32, index: u32) -> Self {
        Self {
            options,
            clock: clock.clone(),
            budget,
            content: Content::new(options.body as usize),
            stamp: Stamp { producer, sequence: 0 },
            queue: index % options.queues,
            stamp_text: String::new(),
            properties: String::new(),
        }
    }

    /// Stamp and properties of the next message.
    fn next_message(&mut self) {
        self.stamp_text.clear();
        self.stamp.write(&mut self.stamp_text);
        self.properties.clear();
        // Of the form that clients make: an address, and what is unique behind it.
        let _ = write!(self.properties, "UNIQ_KEY\u{1}7F000001{}\u{2}{WAIT}", self.stamp_text);
    }

    /// Appends the bodies of the next `count` messages.
    fn add_bodies(&mut self, request: &mut OutgoingRequest, count: u64) {
        let body_size = self.options.body as usize;
        if self.options.batch == 1 {
            self.next_message();
            request.body.push(Bytes::copy_from_slice(self.stamp_text.as_bytes()));
            request.body.push(self.content.letters(self.stamp.sequence, body_size));
            self.stamp.sequence += 1;
            return;
        }
        let mut parts = Vec::new();
        let mut body = Vec::with_capacity(body_size);
        for _ in 0..count {
            self.next_message();
            body.clear();
            body.extend_from_slice(self.stamp_text.as_bytes());
            body.extend_from_slice(&self.content.letters(self.stamp.sequence, body_size));
            push_part(
                &mut parts,
                &BatchPart { flag: 0, body: &body, properties: self.properties.as_bytes() },
            );
            self.stamp.sequence += 1;
        }
        request.body.push(parts.into());
    }

    fn push(&mut self, connection: &mut Connection, count: u64, opaque: i32, oneway: bool) {
        let is_batch = self.options.batch > 1;
        let code = if is_batch { RequestCode::SendBatchMessage } else { RequestCode::SendMessageV2 };
        let mut request = OutgoingRequest { oneway, ..OutgoingRequest::new(code) };
        self.add_bodies(&mut request, count);
        let header = SendHeaderV2 {
            producer_group: Some(GROUP),
            topic: Some(&self.options.load.topic),
            default_topic: Some(AUTO_CREATE_TOPIC),
            default_topic_queue_nums: i32::try_from(self.options.queues).ok(),
            queue_id: i32::try_from(self.queue).ok(),
            sys_flag: Some(0),
            born_timestamp_ms: Some(self.clock.now_ms()),
            flag: Some(0),
            properties: Some(if is_batch { WAIT } else { &self.properties }),
            reconsume_times: Some(0),
            unit_mode: false,
            max_reconsume_times: None,
            batch: is_batch,
        };
        connection.push(&request.with_fields(header.fields()), opaque);
        self.queue = (self.queue + 1) % self.options.queues;
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
