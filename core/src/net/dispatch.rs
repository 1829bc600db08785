//! Bytes → frames → processors, on the I/O thread or by way of a lane.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::BytesMut;

use crate::format::wire::codes::ResponseCode;
use crate::format::wire::command::{RemotingCommand, Response};
use crate::net::counters::{Counters, add};
use crate::net::gathered::Gathered;
use crate::net::peer::Origin;
use crate::net::read::End;
use crate::net::router::Route;
use crate::net::{FaultAction, LaneChoice, Peer, Processor, Reply, Responder, Router, fast_failure};
use crate::runtime::lanes::{Job, Lane, Refusal, RefusalReason};
use crate::runtime::threads::panic_text;

/// A connection gives its thread back after so many frames, so that one that floods cannot starve the others.
const FRAMES_PER_TURN: u64 = 256;
/// Answers are written in between when they amount to this.
const FLUSH_BYTES: usize = 256 * 1024;

/// How a turn over the buffered frames ended.
pub(super) enum Turn {
    /// What is left is not a whole frame.
    NeedsBytes,
    /// Frames are left: the others' turn.
    HasFrames,
}

/// Handles the frames in `bytes`, as many as one turn may. Answers are queued; the caller writes them.
pub(super) fn take_turn(peer: &Peer, bytes: &mut BytesMut, router: &Router) -> Result<Turn, End> {
    let (gathered, in_hand, for_lane) = (Gathered::new(), None, None);
    let mut frames = Frames { peer, router, taken: 0, pending: 0, gathered, in_hand, for_lane };
    let turn = loop {
        // One guard for all frames of a turn, not one for each: a panic is answered and the loop goes on behind it.
        match catch_unwind(AssertUnwindSafe(|| frames.take(bytes))) {
            Ok(turn) => break turn,
            Err(panic) => match frames.in_hand.take() {
                Some(origin) => {
                    frames.answer(&origin, &mut panicked(&peer.0.shared.counters, &origin, &*panic));
                }
                None => break Err(End::Defect),
            },
        }
    };
    frames.submit();
    add(&peer.0.shared.counters.requests, frames.taken);
    turn
}

/// The frames of one turn.
struct Frames<'a> {
    peer: &'a Peer,
    router: &'a Router,
    taken: u64,
    /// Bytes that wait for the socket, as far as known here.
    pending: usize,
    /// Requests that are handled together.
    gathered: Gathered<'a>,
    /// The request whose processor runs.
    in_hand: Option<Origin>,
    /// Requests for one lane, queued together.
    for_lane: Option<(&'a Lane, Vec<Box<dyn Job>>)>,
}

impl<'a> Frames<'a> {
    fn take(&mut self, bytes: &mut BytesMut) -> Result<Turn, End> {
        let turn = self.take_frames(bytes);
        self.process_gathered();
        turn
    }

    fn take_frames(&mut self, bytes: &mut BytesMut) -> Result<Turn, End> {
        let Peer(connection) = self.peer;
        loop {
            if self.pending > FLUSH_BYTES {
                connection.outbox.flush();
                self.pending = connection.outbox.pending();
            }
            if self.taken == FRAMES_PER_TURN || connection.outbox.is_over_bound(self.pending) {
                return Ok(Turn::HasFrames);
            }
            match self.gathered.read(bytes, connection.shared.frame_size_max) {
                Ok(Some(command)) => {
                    let (origin, is_response) = (Origin::of(command), command.is_response());
                    match self.router.faults.next_for(command) {
                        None => self.handle(origin, is_response),
                        Some(action) => self.fail(origin, action)?,
                    }
                }
                Ok(None) => return Ok(Turn::NeedsBytes),
                Err(error) => {
                    add(&connection.shared.counters.frame_errors, 1);
                    return Err(End::Frame(error));
                }
            }
        }
    }

    /// Handles the command that was read last, or leaves it among those that are gathered.
    fn handle(&mut self, origin: Origin, is_response: bool) {
        self.taken += 1;
        let route = if is_response { None } else { self.router.find(origin.code) };
        let together = match route {
            Some(Route { processor, lane: LaneChoice::Inline }) if processor.together().is_some() => {
                Some(processor).filter(|processor| !processor.rejects_now())
            }
            _ => None,
        };
        match together {
            Some(processor) if !self.gathered.is_full_for(processor) => self.gathered.keep(processor),
            Some(processor) => {
                let command = self.gathered.take_last();
                self.process_gathered();
                if let Some(command) = command {
                    self.gathered.push(processor, command);
                }
            }
            None => {
                let Some(command) = self.gathered.take_last() else { return };
                if is_response {
                    return self.finish_call(command);
                }
                self.process_gathered();
                self.handle_alone(origin, route, command);
            }
        }
    }

    /// Does to the command that was read last what a test wants.
    #[cold]
    fn fail(&mut self, origin: Origin, action: FaultAction) -> Result<(), End> {
        self.taken += 1;
        let Some(command) = self.gathered.take_last() else { return Ok(()) };
        self.process_gathered();
        match action {
            FaultAction::Drop => {}
            FaultAction::Error { code, remark } => self.answer(&origin, &mut Response::error(code, remark)),
            FaultAction::Disconnect => {
                self.peer.0.outbox.flush();
                return Err(End::Fault);
            }
            FaultAction::Delay(time) => match self.router.find(origin.code).cloned() {
                None => self.handle_alone(origin, None, command),
                Some(Route { processor, lane }) => {
                    let responder = self.peer.responder(&command);
                    // The request leaves the read buffer, which would stay alive with it.
                    let job = Box::new(QueuedRequest { request: command.detach(), responder, processor });
                    self.peer.later(time, move || match lane {
                        LaneChoice::Inline => job.run(0),
                        LaneChoice::Workers(lane) => lane.submit_all(&mut vec![job as Box<dyn Job>]),
                    });
                }
            },
        }
        Ok(())
    }

    fn handle_alone(&mut self, origin: Origin, route: Option<&'a Route>, command: RemotingCommand) {
        self.in_hand = Some(origin);
        match route {
            None => {
                if let Some(mut response) = self.router.unknown(origin.code) {
                    self.answer(&origin, &mut response);
                }
            }
            Some(route) if route.processor.rejects_now() => {
                add(&self.peer.0.shared.counters.refused_busy, 1);
                // Written even for one-way requests (remoting.md §7).
                self.pending = self.peer.0.outbox.queue_response(&mut fast_failure::rejected(), &origin);
            }
            Some(Route { processor, lane: LaneChoice::Inline }) => {
                if let Reply::Now(mut response) = processor.process(command, self.peer) {
                    self.answer(&origin, &mut response);
                }
            }
            Some(Route { processor, lane: LaneChoice::Workers(lane) }) => {
                let responder = self.peer.responder(&command);
                let job = QueuedRequest { request: command, responder, processor: processor.clone() };
                self.queue_for(lane, Box::new(job));
            }
        }
        self.in_hand = None;
    }

    /// Handles what was gathered; whatever comes behind it sees its effect.
    fn process_gathered(&mut self) {
        if self.gathered.is_empty() {
            return;
        }
        let Self { peer, gathered, pending, .. } = self;
        let mut answer = |origin: &Origin, response: &mut Response| {
            if !origin.oneway {
                *pending = peer.0.outbox.queue_response(response, origin);
            }
        };
        // A guard of its own: the request behind the group is not among those that a panic concerns.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| gathered.process(peer, &mut answer))) {
            for origin in gathered.take_unanswered() {
                answer(&origin, &mut panicked(&peer.0.shared.counters, &origin, &*panic));
            }
        }
        gathered.take_frames(|frames| *pending = peer.0.outbox.queue_frames(frames));
    }

    fn queue_for(&mut self, lane: &'a Lane, job: Box<dyn Job>) {
        match &mut self.for_lane {
            Some((same, jobs)) if std::ptr::eq(*same, lane) => jobs.push(job),
            _ => {
                self.submit();
                self.for_lane = Some((lane, vec![job]));
            }
        }
    }

    /// Hands the collected requests to their lane.
    fn submit(&mut self) {
        if let Some((lane, mut jobs)) = self.for_lane.take() {
            lane.submit_all(&mut jobs);
        }
    }

    /// By reference, because an answer is large and moving it copies it.
    fn answer(&mut self, origin: &Origin, response: &mut Response) {
        if !origin.oneway {
            self.pending = self.peer.0.outbox.queue_response(response, origin);
        }
    }

    fn finish_call(&self, response: RemotingCommand) {
        let opaque = response.opaque;
        if !self.peer.0.calls.finish(opaque, Ok(response)) {
            add(&self.peer.0.shared.counters.stray_responses, 1);
            tracing::debug!(target: "broker::net", peer = ?self.peer, opaque, "response nobody waits for");
        }
    }
}

/// The answer to a request whose processor panicked.
fn panicked(counters: &Counters, origin: &Origin, panic: &(dyn Any + Send)) -> Response {
    let text = panic_text(panic);
    add(&counters.processor_panics, 1);
    tracing::error!(target: "broker::net", code = origin.code, panic = text, "processor panicked");
    Response::error(ResponseCode::SystemError, format!("internal error: {text}"))
}

/// A request in the queue of a lane.
struct QueuedRequest {
    request: RemotingCommand,
    responder: Responder,
    processor: Arc<dyn Processor>,
}

impl Job for QueuedRequest {
    fn run(self: Box<Self>, waiting: usize) {
        let Self { request, responder, processor } = *self;
        let origin = Origin::of(&request);
        let peer = responder.peer();
        let response = match catch_unwind(AssertUnwindSafe(|| processor.process(request, peer))) {
            Ok(Reply::Now(response)) => response,
            Ok(Reply::Later | Reply::None) => return,
            Err(panic) => panicked(&peer.0.shared.counters, &origin, &*panic),
        };
        // A lane that falls behind saves the writes: the I/O thread makes one of many.
        if waiting == 0 { responder.send(response) } else { responder.send_batched(response) }
    }

    fn refused(self: Box<Self>, refusal: Refusal) {
        add(&self.responder.peer().0.shared.counters.refused_busy, 1);
        let response = fast_failure::refused(&refusal);
        match refusal.reason {
            RefusalReason::Full => self.responder.send(response),
            // Written even for one-way requests (remoting.md §7).
            RefusalReason::TooOld | RefusalReason::Emptied => self.responder.send_always(response),
        }
    }
}

#[cfg(test)]
mod tests;
