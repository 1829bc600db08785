//! What a processor is and what it gives back.

use crate::format::wire::EncodeAnswer;
use crate::format::wire::command::{RemotingCommand, Response};
use crate::net::Peer;

/// Handles the requests of the codes it is routed for.
///
/// With [`LaneChoice::Inline`](super::LaneChoice::Inline) it runs on an I/O thread and must never block. A request owns
/// slices of the read buffer: keep what is needed of it, not the request, when the answer comes much later.
#[doc(alias = "NettyRequestProcessor")]
pub trait Processor: Send + Sync + 'static {
    /// Handles one request. A panic is answered with code 1 and the connection lives on.
    fn process(&self, request: RemotingCommand, peer: &Peer) -> Reply;

    /// The same processor for several requests at once, if it gains by it.
    fn together(&self) -> Option<&dyn ProcessTogether> {
        None
    }

    /// Asked before a request is queued or run; true refuses it with `[REJECTREQUEST]` (remoting.md §7).
    #[doc(alias = "rejectRequest")]
    fn rejects_now(&self) -> bool {
        false
    }
}

/// Handles requests of one connection that came in one read together, in their order. Only for processors that run inline.
pub trait ProcessTogether {
    /// Handles `requests` and gives each answer it has now, by the place of its request; for the others it keeps a
    /// [`Responder`](super::Responder). Answers to one-way requests are dropped.
    fn process_together(
        &self,
        requests: &[RemotingCommand],
        peer: &Peer,
        answer: &mut dyn FnMut(usize, Answer<'_>),
    );
}

/// An answer, by reference because it is large.
pub enum Answer<'a> {
    /// Any; its body is taken out.
    Whole(&'a mut Response),
    /// One that writes its own frame.
    Form(&'a dyn EncodeAnswer),
}

/// The answer to one request.
#[derive(Debug)]
// Answers are moved a few times; a box would cost an allocation for each.
#[allow(clippy::large_enum_variant)]
pub enum Reply {
    /// The answer. Dropped when the request was one-way.
    Now(Response),
    /// A [`Responder`](super::Responder) was kept and will answer.
    Later,
    /// No answer, ever: the caller times out.
    None,
}

impl From<Response> for Reply {
    fn from(response: Response) -> Self {
        Reply::Now(response)
    }
}
