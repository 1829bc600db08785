//! Waking: one message to one queue after the other, and the time until each poll of that queue has it.

use std::time::Duration;

use libbroker::Error;
use libbroker::clock::{Clock, Moment};
use libbroker::internals::format::record::RecordView;
use libbroker::internals::format::wire::RemotingCommand;

use super::super::content::{Content, Stamp};
use super::super::parking::{Parking, readable};
use super::super::percentiles::Times;
use super::super::send::Sending;
use crate::connection::{Connection, is_success, refusal};

/// How long the polls of one queue may take. One that takes longer is the last that is woken.
const WAKE_MAX: Duration = Duration::from_secs(5);

/// What all queues came to.
pub struct Woken {
    /// Messages that were acknowledged.
    pub messages: u64,
    /// Polls that were answered with their message.
    pub polls: u64,
    /// Sends that were refused, and polls that were answered otherwise or not at all.
    pub failed: u64,
    pub first_failure: Option<String>,
    /// From writing the message to reading it.
    pub times: Times,
}

impl Woken {
    fn fail(&mut self, count: u64, reason: impl FnOnce() -> String) {
        self.failed += count;
        if count > 0 && self.first_failure.is_none() {
            self.first_failure = Some(reason());
        }
    }
}

/// Sends a message to each of `queues`, and waits for its polls before the next one.
pub fn wake_all(
    clock: &Clock,
    control: &mut Connection,
    sending: &mut Sending<'_>,
    parking: &mut Parking,
    queues: &[u32],
) -> Result<Woken, Error> {
    let (messages, polls, failed) = (0, 0, 0);
    let woken = Woken { messages, polls, failed, first_failure: None, times: Times::new()? };
    let mut waking = Waking { clock, parking, content: Content::new(0), woken };
    for (queue, sequence) in queues.iter().copied().zip(0..) {
        let stamp = Stamp { producer: fastrand::u32(..), sequence };
        let start = clock.moment();
        sending.push(control, queue, stamp, 0, false);
        control.flush()?;
        let all_came = waking.await_polls(queue, stamp, start)?;
        let answer = control.answered()?;
        match is_success(&answer) {
            true => waking.woken.messages += 1,
            false => waking.woken.fail(1, || refusal(&answer)),
        }
        if !all_came {
            break;
        }
    }
    Ok(waking.woken)
}

struct Waking<'a> {
    clock: &'a Clock,
    parking: &'a mut Parking,
    content: Content,
    woken: Woken,
}

impl Waking<'_> {
    /// Waits until every poll of the queue is answered; false when that takes too long.
    fn await_polls(&mut self, queue: u32, stamp: Stamp, start: Moment) -> Result<bool, Error> {
        let connections = self.parking.layout.connections_of(queue);
        let polls = self.parking.layout.polls_of(queue);
        let mut waiting: Vec<i32> = polls.filter_map(|poll| i32::try_from(poll).ok()).collect();
        let deadline = start.after(WAKE_MAX);
        while !waiting.is_empty() {
            let left = deadline.since(self.clock.moment());
            let ready = readable(&self.parking.connections, &connections, Some(left))?;
            if ready.is_empty() && left.is_zero() {
                let reason = || format!("no answer for {WAKE_MAX:?} to a poll of queue {queue}");
                self.woken.fail(waiting.len() as u64, reason);
                return Ok(false);
            }
            for index in ready {
                self.read(index, stamp, start, &mut waiting)?;
            }
        }
        Ok(true)
    }

    /// Takes what has come on one connection.
    fn read(
        &mut self,
        index: usize,
        stamp: Stamp,
        start: Moment,
        waiting: &mut Vec<i32>,
    ) -> Result<(), Error> {
        let Some(connection) = self.parking.connections.get_mut(index) else { return Ok(()) };
        connection.fill()?;
        let elapsed = self.clock.moment().since(start);
        while let Some(answer) = connection.answer()? {
            let Some(place) = waiting.iter().position(|poll| *poll == answer.opaque) else {
                self.woken.fail(1, || format!("poll {} of another queue was answered", answer.opaque));
                continue;
            };
            waiting.swap_remove(place);
            match expect(&answer, stamp, &mut self.content) {
                Ok(()) => {
                    self.woken.polls += 1;
                    self.woken.times.note(elapsed);
                }
                Err(reason) => self.woken.fail(1, || reason),
            }
        }
        Ok(())
    }
}

/// Whether the answer holds the message that was sent.
fn expect(answer: &RemotingCommand, stamp: Stamp, content: &mut Content) -> Result<(), String> {
    if !is_success(answer) {
        return Err(refusal(answer));
    }
    let record = RecordView::parse(&answer.body).map_err(|cause| cause.to_string())?;
    match content.check(record.body()) {
        Some(found) if found == stamp => Ok(()),
        found => Err(format!("a poll has {found:?} instead of {stamp:?}")),
    }
}
