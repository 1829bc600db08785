//! Answering a request after its processor returned.

use crate::format::wire::command::{RemotingCommand, Response, Serializer};
use crate::net::{Answer, Peer};

/// What is needed of a request to answer it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) code: i32,
    pub(super) opaque: i32,
    pub(super) serializer: Serializer,
    pub(super) oneway: bool,
}

impl Origin {
    pub(super) fn of(request: &RemotingCommand) -> Self {
        Self {
            code: request.code,
            opaque: request.opaque,
            serializer: request.serializer,
            oneway: request.is_oneway(),
        }
    }
}

/// Answers one request, from any thread, at most once. Dropped unused, the caller gets no answer and times out.
#[derive(Debug)]
pub struct Responder {
    peer: Peer,
    origin: Origin,
}

impl Responder {
    pub(super) fn new(peer: Peer, origin: Origin) -> Self {
        Self { peer, origin }
    }

    /// The connection the request came from.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// True when the request wants no answer; answers are then dropped.
    pub fn is_oneway(&self) -> bool {
        self.origin.oneway
    }

    /// Answers, writing to the socket on this thread if it is free. Never waits for it.
    pub fn send(self, mut response: Response) {
        self.send_answer(Answer::Whole(&mut response));
    }

    /// [`Responder::send`] for any answer.
    pub fn send_answer(self, answer: Answer<'_>) {
        if !self.origin.oneway {
            self.peer.0.outbox.send_answer(answer, &self.origin);
        }
    }

    /// Answers; the I/O thread writes, once for all answers of a burst. For threads that answer many requests in a row.
    pub fn send_batched(self, mut response: Response) {
        self.send_answer_batched(Answer::Whole(&mut response));
    }

    /// [`Responder::send_batched`] for any answer.
    pub fn send_answer_batched(self, answer: Answer<'_>) {
        if !self.origin.oneway {
            self.peer.0.outbox.send_answer_batched(answer, &self.origin);
        }
    }

    /// Answers even a one-way request, as Java does for the refusals of remoting.md §7.
    pub(super) fn send_always(self, mut response: Response) {
        self.peer.0.outbox.send_answer(Answer::Whole(&mut response), &self.origin);
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.peer.0.responder_gone();
    }
}
