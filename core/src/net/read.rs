//! The reading task of a connection: socket → bytes.

use std::io;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::net::tcp::OwnedReadHalf;

use crate::format::wire::frame::FrameError;
use crate::net::dispatch::{Turn, take_turn};
use crate::net::{Peer, Router, tls};

/// A connection gives its thread back after so many bytes; see `dispatch` for the same rule about frames.
const BYTES_PER_TURN: usize = 64 * 1024;
const READ_BYTES_MIN: usize = 4 * 1024;
const READ_BYTES_MAX: usize = 128 * 1024;
/// So many reads in a row that use less than a quarter of the room halve it.
const SMALL_READS_MAX: u32 = 16;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("closed by the peer")]
    Peer,
    #[error("closed by us")]
    Us,
    #[error("closed on cue")]
    Fault,
    #[error("TLS is not on")]
    Tls,
    #[error("a defect in decoding")]
    Defect,
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads until the connection ends. Once the connection drains, waits for the answers that are due.
pub(super) async fn read_all(peer: &Peer, mut socket: OwnedReadHalf, router: &Router) -> End {
    let mut buffer = ReadBuffer::new();
    let mut first = true;
    let mut turn_bytes = 0;
    loop {
        match buffer.fill(&mut socket).await {
            Ok(count) => {
                if peer.0.outbox.is_draining() {
                    peer.0.drained().await;
                    discard(&socket);
                    return End::Us;
                }
                if count == 0 {
                    return if peer.is_open() { End::Peer } else { End::Us };
                }
                turn_bytes += count;
            }
            Err(error) => return End::Io(error),
        }
        peer.0.outbox.activity.touch();
        if std::mem::take(&mut first) && buffer.bytes.first().copied().is_some_and(tls::is_handshake) {
            return End::Tls;
        }
        if let Err(end) = take_frames(peer, &mut buffer.bytes, router).await {
            return end;
        }
        if turn_bytes >= BYTES_PER_TURN {
            turn_bytes = 0;
            tokio::task::yield_now().await;
        }
    }
}

/// Takes what came and will not be handled: closing with unread bytes would reset the connection under the last answers.
fn discard(socket: &OwnedReadHalf) {
    let mut bytes = [0; 4096];
    for _ in 0..64 {
        if !socket.try_read(&mut bytes).is_ok_and(|count| count > 0) {
            return;
        }
    }
}

/// Handles every whole frame in `bytes`, in turns.
async fn take_frames(peer: &Peer, bytes: &mut BytesMut, router: &Router) -> Result<(), End> {
    loop {
        let turn = take_turn(peer, bytes, router);
        peer.0.outbox.flush();
        if peer.0.outbox.is_closed() {
            return Err(End::Us);
        }
        let turn = turn?;
        if peer.0.outbox.is_over_bound(peer.0.outbox.pending()) {
            peer.0.outbox.room().await;
        }
        match turn {
            Turn::NeedsBytes => return Ok(()),
            Turn::HasFrames => tokio::task::yield_now().await,
        }
    }
}

/// The bytes that were read and not yet taken. Its size follows what the connection sends: a quiet one holds little, and
/// requests that are kept hold on to little.
struct ReadBuffer {
    bytes: BytesMut,
    /// Room to offer to the next read.
    room: usize,
    /// Reads in a row that used little of it.
    small_reads: u32,
    /// The memory behind `bytes` is larger than `room` asks for.
    oversized: bool,
}

impl ReadBuffer {
    fn new() -> Self {
        Self { bytes: BytesMut::new(), room: READ_BYTES_MIN, small_reads: 0, oversized: false }
    }

    /// Reads once; 0 at the end of the stream. Room grows with what really came, never with what a frame announces.
    async fn fill(&mut self, socket: &mut OwnedReadHalf) -> io::Result<usize> {
        self.make_room();
        let offered = self.bytes.capacity() - self.bytes.len();
        let count = socket.read_buf(&mut self.bytes).await?;
        self.adapt(offered, count);
        Ok(count)
    }

    fn adapt(&mut self, offered: usize, count: usize) {
        self.small_reads = if count < self.room / 4 { self.small_reads + 1 } else { 0 };
        if count == offered {
            self.room = (self.room * 2).min(READ_BYTES_MAX);
        } else if self.small_reads == SMALL_READS_MAX && self.room > READ_BYTES_MIN {
            self.room /= 2;
            self.small_reads = 0;
            self.oversized = true;
        }
    }

    fn make_room(&mut self) {
        let spare = self.bytes.capacity() - self.bytes.len();
        if self.bytes.is_empty() {
            let fits = spare >= self.room || self.bytes.try_reclaim(self.room) || spare >= self.room / 2;
            if self.oversized || !fits {
                self.bytes = BytesMut::with_capacity(self.room);
                self.oversized = false;
            }
        } else if spare < self.room / 2 {
            // Part of a frame. Doubling makes a long one cost one copy, however many reads bring it.
            self.bytes.reserve(self.room.max(self.bytes.len()));
            self.oversized |= self.bytes.capacity() > 2 * READ_BYTES_MAX;
        }
    }
}

#[cfg(test)]
mod tests;
