//! Bytes that wait for a socket, in order: headers and short bodies in one buffer, long body chunks by reference.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::{Buf, Bytes};
use rustix::net::{SendAncillaryBuffer, SendFlags};
use smallvec::SmallVec;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

use crate::format::wire::EncodeAnswer;
use crate::format::wire::command::{
    Body, OutgoingRequest, Response, Serializer, encode_request, encode_response,
};
use crate::net::peer::Origin;

/// Body chunks up to this size are copied behind their header: cheaper than one more slice in the write.
const COPY_BYTES_MAX: usize = 1024;
/// Slices of one vectored write; far below IOV_MAX (1024).
const SLICES_MAX: usize = 64;
/// A buffer that grew beyond this is given back once it is written.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// What a socket does for us; a test takes its place to write only parts.
pub(super) trait Sink {
    /// Writes a part of `slices`; `WouldBlock` when the socket takes nothing now.
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
}

impl Sink for OwnedWriteHalf {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            [one] => OwnedWriteHalf::try_write(self, one),
            _ => self.as_ref().try_io(Interest::WRITABLE, || send_vectored(self.as_ref(), slices)),
        }
    }
}

/// Like `writev`, but a closed connection is an error only and no SIGPIPE, which would end a C program that embeds us.
fn send_vectored(socket: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    let flags = if cfg!(target_vendor = "apple") { SendFlags::empty() } else { SendFlags::NOSIGNAL };
    Ok(rustix::net::sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), flags)?)
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    small: Vec<u8>,
    /// Bytes of `small` that are written already.
    written: usize,
    large: VecDeque<Large>,
    len: usize,
    /// Bytes of bodies that went into `small`.
    body_bytes_copied: u64,
}

/// A long chunk: follows `small[..after]`.
#[derive(Debug)]
struct Large {
    after: usize,
    bytes: Bytes,
}

impl Chunks {
    /// Bytes still to be written.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of bodies that were copied since the last call.
    pub(super) fn take_body_bytes_copied(&mut self) -> u64 {
        std::mem::take(&mut self.body_bytes_copied)
    }

    /// Appends the frame of `response`; takes its body out. (It is large: by reference it is not copied.)
    pub(super) fn push_response(&mut self, response: &mut Response, origin: &Origin) {
        let before = self.small.len();
        encode_response(&mut self.small, response, origin.opaque, origin.serializer);
        self.len += self.small.len() - before;
        self.push_body(&mut response.body);
    }

    /// Appends whole frames.
    pub(super) fn push_frames(&mut self, frames: &[u8]) {
        self.small.extend_from_slice(frames);
        self.len += frames.len();
    }

    /// Appends the frame of an answer that writes its own.
    pub(super) fn push_form(&mut self, answer: &dyn EncodeAnswer, origin: &Origin) {
        let before = self.small.len();
        answer.encode(&mut self.small, origin.opaque, origin.serializer);
        self.len += self.small.len() - before;
    }

    /// Appends the frame of `request`; takes its body out.
    pub(super) fn push_request(
        &mut self,
        request: &mut OutgoingRequest,
        opaque: i32,
        serializer: Serializer,
    ) {
        let before = self.small.len();
        encode_request(&mut self.small, request, opaque, serializer);
        self.len += self.small.len() - before;
        self.push_body(&mut request.body);
    }

    fn push_body(&mut self, body: &mut Body) {
        for bytes in body.drain(..) {
            self.len += bytes.len();
            if bytes.len() <= COPY_BYTES_MAX {
                self.small.extend_from_slice(&bytes);
                self.body_bytes_copied += bytes.len() as u64;
            } else {
                self.large.push_back(Large { after: self.small.len(), bytes });
            }
        }
    }

    /// Writes until nothing is left. `WouldBlock` when the socket takes no more; the rest stays.
    pub(super) fn write_to(&mut self, sink: &impl Sink) -> io::Result<()> {
        while self.len > 0 {
            let count = if self.large.is_empty() {
                sink.try_write(&[IoSlice::new(self.small.get(self.written..).unwrap_or_default())])
            } else {
                let mut slices = SmallVec::new();
                self.fill_slices(&mut slices);
                sink.try_write(&slices)
            };
            match count {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.advance(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn fill_slices<'a>(&'a self, slices: &mut SmallVec<[IoSlice<'a>; SLICES_MAX]>) {
        let mut at = self.written;
        for large in &self.large {
            if slices.len() + 2 > SLICES_MAX {
                return;
            }
            if large.after > at {
                slices.push(IoSlice::new(self.small.get(at..large.after).unwrap_or_default()));
                at = large.after;
            }
            slices.push(IoSlice::new(&large.bytes));
        }
        if at < self.small.len() && slices.len() < SLICES_MAX {
            slices.push(IoSlice::new(self.small.get(at..).unwrap_or_default()));
        }
    }

    fn advance(&mut self, mut count: usize) {
        self.len = self.len.saturating_sub(count);
        while count > 0 {
            let until = self.large.front().map_or(self.small.len(), |large| large.after);
            let small = until.saturating_sub(self.written).min(count);
            self.written += small;
            count -= small;
            let Some(large) = self.large.front_mut() else { return };
            if count < large.bytes.len() {
                large.bytes.advance(count);
                return;
            }
            count -= large.bytes.len();
            self.large.pop_front();
        }
    }

    /// Forgets what is left and keeps the buffer for the next burst, unless it has grown large.
    pub(super) fn clear(&mut self) {
        self.large.clear();
        self.written = 0;
        self.len = 0;
        if self.small.capacity() > KEPT_BYTES_MAX {
            self.small = Vec::new();
        } else {
            self.small.clear();
        }
    }
}

#[cfg(test)]
mod tests;
