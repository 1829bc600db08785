//! The consuming side: a connection with a long poll on each of its queues.

use std::sync::atomic::Ordering;
use std::time::Duration;

use libbroker::clock::Moment;
use libbroker::internals::format::wire::{RemotingCommand, ResponseCode};
use libbroker::{Error, ErrorKind};

use super::super::content::Content;
use super::super::load::Tally;
use super::super::parking::POLL_MESSAGES_MAX;
use super::super::pull::{Reader, pull_request};
use super::super::topic::Queue;
use super::Run;
use crate::connection::{Connection, is_success, refusal};

/// How long the broker may hold a poll: `brokerSuspendMaxTimeMillis` of the Java client.
const SUSPEND: Duration = Duration::from_secs(15);
/// What is wrong so often stays wrong.
const FAILED_MAX: u64 = 100;

/// One connection's consumer.
pub struct Consumer<'a> {
    topic: &'a str,
    run: &'a Run,
    readers: Vec<Reader>,
    content: Content,
    tally: Tally,
}

impl<'a> Consumer<'a> {
    /// Of what comes into these queues from now on.
    pub fn new(topic: &'a str, run: &'a Run, queues: impl Iterator<Item = Queue>) -> Result<Self, Error> {
        let (content, tally) = (Content::new(0), Tally::new()?);
        Ok(Self { topic, run, readers: queues.map(Reader::of_new_messages).collect(), content, tally })
    }

    /// Polls until the run is over. The times are those from when a message was due.
    pub fn consume(mut self, connection: &mut Connection) -> Result<Tally, Error> {
        for place in 0..self.readers.len() {
            self.poll(connection, place);
        }
        let polled = connection.flush().and_then(|()| self.follow(connection));
        match polled {
            // The end of the run closes the connection.
            Err(_) if self.run.stopped.load(Ordering::Acquire) => Ok(self.tally),
            Err(error) => Err(error),
            Ok(()) => Ok(self.tally),
        }
    }

    fn follow(&mut self, connection: &mut Connection) -> Result<(), Error> {
        loop {
            connection.fill()?;
            let now = self.run.clock.moment();
            while let Some(answer) = connection.answer()? {
                let place = usize::try_from(answer.opaque).unwrap_or(usize::MAX);
                self.take(place, &answer, now);
                self.poll(connection, place);
            }
            if self.tally.failed > FAILED_MAX {
                let reason = self.tally.first_failure.clone().unwrap_or_default();
                return Err(Error::new(
                    ErrorKind::Io,
                    format!("too many polls fail, the first one with: {reason}"),
                ));
            }
            connection.flush()?;
        }
    }

    /// Each poll carries the place of its reader as correlation id: no place has more than one under way.
    fn poll(&self, connection: &mut Connection, place: usize) {
        if let (Some(reader), Ok(opaque)) = (self.readers.get(place), i32::try_from(place)) {
            let (id, offset) = (reader.queue.id, reader.offset);
            connection.push(&pull_request(self.topic, id, offset, POLL_MESSAGES_MAX, Some(SUSPEND)), opaque);
        }
    }

    fn take(&mut self, place: usize, answer: &RemotingCommand, now: Moment) {
        let Some(reader) = self.readers.get_mut(place) else { return };
        let over = [ResponseCode::PullNotFound, ResponseCode::PullRetryImmediately].map(i32::from);
        if over.contains(&answer.code) {
            return;
        }
        let before = self.tally.messages;
        let note = |stamp: u64, tally: &mut Tally| {
            if let Some(delay) = self.run.schedule.delay(stamp, now) {
                tally.times.note(delay);
            }
        };
        let checked = match is_success(answer) {
            true => reader.check_all(&answer.body, &mut self.content, &mut self.tally, |stamp, tally| {
                note(stamp.sequence, tally);
            }),
            false => Err(refusal(answer)),
        };
        self.run.received.fetch_add(self.tally.messages - before, Ordering::AcqRel);
        if let Err(reason) = checked {
            reader.offset += 1;
            self.tally.fail(1, || reason);
        }
    }
}
