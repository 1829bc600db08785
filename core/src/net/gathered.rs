//! Requests of one read that their processor handles together.

use std::cell::Cell;
use std::sync::Arc;

use bytes::BytesMut;

use crate::format::wire::command::{RemotingCommand, Response};
use crate::format::wire::frame::{FrameError, read_frame};
use crate::net::peer::Origin;
use crate::net::{Answer, Peer, Processor};

/// As many are handled together at most: what is done for them under one lock must not take long.
const REQUESTS_MAX: usize = 64;

/// A buffer that grew beyond this is not kept.
const KEPT_BYTES_MAX: usize = 64 * 1024;

thread_local! {
    /// Empty lists with memory, so that a turn allocates none.
    static SPARE: Cell<(Vec<RemotingCommand>, Vec<u8>)> = const { Cell::new((Vec::new(), Vec::new())) };
}

/// See the module.
pub(super) struct Gathered<'a> {
    processor: Option<&'a Arc<dyn Processor>>,
    requests: Vec<RemotingCommand>,
    /// Frames of their answers.
    frames: Vec<u8>,
    /// A bit for each request that is answered.
    answered: u64,
}

impl<'a> Gathered<'a> {
    pub(super) fn new() -> Self {
        let (requests, frames) = SPARE.take();
        Self { processor: None, requests, frames, answered: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// True when `processor` cannot take the command that was read last together with those before it.
    pub(super) fn is_full_for(&self, processor: &Arc<dyn Processor>) -> bool {
        let other = self.processor.is_some_and(|own| !std::ptr::eq(own, processor));
        self.requests.len() > 1 && (other || self.requests.len() > REQUESTS_MAX)
    }

    /// Reads a frame as if its command were to be handled with the others; then either [`Gathered::keep`] or
    /// [`Gathered::take_last`] follows. `None` when more bytes are needed.
    pub(super) fn read(
        &mut self,
        bytes: &mut BytesMut,
        frame_size_max: usize,
    ) -> Result<Option<&RemotingCommand>, FrameError> {
        // In place: a command is large, and moving it costs as much as much of the reading.
        self.requests.push(RemotingCommand::unread());
        let read = self.requests.last_mut().map_or(Ok(false), |last| read_frame(bytes, frame_size_max, last));
        match read {
            Ok(true) => Ok(self.requests.last()),
            other => {
                self.requests.pop();
                other.map(|_| None)
            }
        }
    }

    /// The command that was read last is to be handled by `processor`, with the others that are.
    pub(super) fn keep(&mut self, processor: &'a Arc<dyn Processor>) {
        self.processor = Some(processor);
    }

    /// Takes out the command that was read last.
    pub(super) fn take_last(&mut self) -> Option<RemotingCommand> {
        self.requests.pop()
    }

    /// Puts back a command that was taken out.
    pub(super) fn push(&mut self, processor: &'a Arc<dyn Processor>, request: RemotingCommand) {
        self.processor = Some(processor);
        self.requests.push(request);
    }

    /// Handles them. Answers come by way of `answer`, or are among [`Gathered::take_frames`]. If the processor panics,
    /// [`Gathered::take_unanswered`] tells who still waits.
    pub(super) fn process(&mut self, peer: &Peer, mut answer: impl FnMut(&Origin, &mut Response)) {
        let (requests, frames, answered) = (&self.requests, &mut self.frames, &mut self.answered);
        if let Some(together) = self.processor.and_then(|processor| processor.together()) {
            together.process_together(requests, peer, &mut |place, given| {
                *answered |= 1 << place;
                let Some(request) = requests.get(place) else { return };
                let origin = Origin::of(request);
                match given {
                    Answer::Whole(response) => answer(&origin, response),
                    Answer::Form(_) if origin.oneway => {}
                    Answer::Form(form) => form.encode(frames, origin.opaque, origin.serializer),
                }
            });
        }
        self.clear();
    }

    /// Gives the frames of answers that were encoded so far, if there are any, and forgets them.
    pub(super) fn take_frames(&mut self, each: impl FnOnce(&[u8])) {
        if !self.frames.is_empty() {
            each(&self.frames);
            self.frames.clear();
        }
    }

    /// The requests that got no answer before a panic; those that a responder was kept for are among them.
    pub(super) fn take_unanswered(&mut self) -> Vec<Origin> {
        let is_unanswered = |(place, _): &(usize, _)| self.answered & 1 << place == 0;
        let each = self.requests.iter().enumerate().filter(is_unanswered);
        let unanswered = each.map(|(_, request)| Origin::of(request)).collect();
        self.clear();
        unanswered
    }

    fn clear(&mut self) {
        self.requests.clear();
        self.answered = 0;
    }
}

impl Drop for Gathered<'_> {
    fn drop(&mut self) {
        self.clear();
        self.frames.clear();
        self.frames.shrink_to(KEPT_BYTES_MAX);
        SPARE.set((std::mem::take(&mut self.requests), std::mem::take(&mut self.frames)));
    }
}

#[cfg(test)]
mod tests;
