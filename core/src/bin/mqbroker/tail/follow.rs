//! Long polls on the queues of one broker.

use std::sync::mpsc::SyncSender;

use libbroker::internals::format::names::TOOLS_GROUP;
use libbroker::internals::format::record::RecordView;
use libbroker::internals::format::wire::header::pull::{PullAnswer, PullHeader, pull_flag};
use libbroker::internals::format::wire::{OutgoingRequest, RemotingCommand, RequestCode, ResponseCode};
use libbroker::{Error, ErrorKind};

use super::Come;
use crate::connection::Connection;
use crate::message::{Message, text};
use crate::remote::ask::refused;

/// How long the broker may keep a poll, well below the time after which an answer is missed (Java: `brokerSuspendMaxTimeMillis`).
const SUSPEND_MS: i64 = 15_000;
const BATCH: i32 = 32;
const ALL: &str = "*";

/// A queue and the offset of the next message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub queue_id: i32,
    pub offset: i64,
}

/// The queues of one broker.
pub struct Follower {
    connection: Connection,
    topic: String,
    expression: String,
    cursors: Vec<Cursor>,
}

impl Follower {
    pub fn new(connection: Connection, topic: &str, expression: &str, cursors: Vec<Cursor>) -> Self {
        let expression = if expression.trim().is_empty() { ALL } else { expression };
        Self { connection, topic: topic.to_owned(), expression: expression.to_owned(), cursors }
    }

    /// What ends [`Self::run`] from another thread.
    pub fn closer(&self) -> Result<Connection, Error> {
        self.connection.other_half()
    }

    /// Hands over messages until nobody takes them any more, or something fails.
    pub fn run(mut self, to: &SyncSender<Come>) {
        if let Err(error) = self.follow(to) {
            // Nobody there any more: then it was the receiver that ended this.
            let _ = to.send(Err(error));
        }
    }

    fn follow(&mut self, to: &SyncSender<Come>) -> Result<(), Error> {
        for index in 0..self.cursors.len() {
            self.poll(index);
        }
        self.connection.flush()?;
        loop {
            while let Some(answer) = self.connection.answer()? {
                let Some(index) = self.take(&answer, to)? else { return Ok(()) };
                self.poll(index);
            }
            self.connection.flush()?;
            self.connection.fill()?;
        }
    }

    /// Asks for what follows in a queue; answers name it by its place in the list.
    fn poll(&mut self, index: usize) {
        let (Some(cursor), Ok(opaque)) = (self.cursors.get(index), i32::try_from(index)) else { return };
        let header = PullHeader {
            consumer_group: Some(TOOLS_GROUP),
            topic: Some(&self.topic),
            queue_id: Some(cursor.queue_id),
            queue_offset: Some(cursor.offset),
            message_count_max: Some(BATCH),
            sys_flag: Some(pull_flag::SUSPEND | pull_flag::SUBSCRIPTION),
            commit_offset: Some(0),
            suspend_timeout_ms: Some(SUSPEND_MS),
            subscription: Some(&self.expression),
            subscription_version: Some(0),
            expression_type: Some("TAG"),
        };
        let request = OutgoingRequest::new(RequestCode::PullMessage).with_fields(header.fields());
        self.connection.push(&request, opaque);
    }

    /// Hands over what an answer brought and says which queue to go on with; `None` when nobody takes it.
    fn take(&mut self, answer: &RemotingCommand, to: &SyncSender<Come>) -> Result<Option<usize>, Error> {
        let index = usize::try_from(answer.opaque).unwrap_or(usize::MAX);
        let Some(cursor) = self.cursors.get_mut(index) else {
            return Err(Error::new(ErrorKind::Io, "the broker answered what was not asked"));
        };
        let next = PullAnswer::decode(&answer.ext).next_begin_offset;
        match ResponseCode::from_code(answer.code) {
            Some(ResponseCode::Success) => {
                let found = records(&answer.body)?;
                let behind = found.last().map_or(cursor.offset, |record| record.queue_offset() + 1);
                cursor.offset = next.unwrap_or(behind).max(cursor.offset);
                for record in found.iter().filter(|record| is_wanted(&self.expression, record)) {
                    if to.send(Ok(Message::of(record))).is_err() {
                        return Ok(None);
                    }
                }
            }
            Some(
                ResponseCode::PullNotFound
                | ResponseCode::PullRetryImmediately
                | ResponseCode::PullOffsetMoved,
            ) => cursor.offset = next.unwrap_or(cursor.offset),
            _ => return Err(refused(&format!("pulling from {}/{}", self.topic, cursor.queue_id), answer)),
        }
        Ok(Some(index))
    }
}

/// The records of an answer, one behind the other.
fn records(mut body: &[u8]) -> Result<Vec<RecordView<'_>>, Error> {
    let mut records = Vec::new();
    while !body.is_empty() {
        let record = RecordView::parse(body).map_err(|cause| {
            Error::new(ErrorKind::Io, format!("the broker sent what is no message: {cause}"))
        })?;
        body = body.get(record.total_size()..).unwrap_or_default();
        records.push(record);
    }
    Ok(records)
}

/// The broker compares hashes of tags; who asked compares the tags (Java: `PullAPIWrapper`).
fn is_wanted(expression: &str, record: &RecordView<'_>) -> bool {
    let tags = record.tags().map(text);
    expression.trim() == ALL || expression.split("||").any(|wanted| tags.as_deref() == Some(wanted.trim()))
}
