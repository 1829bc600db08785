//! The sending side of a connection: bounded, written by whichever thread has something to send.
//!
//! Owning the write half is the right to write. A thread that finds it in the outbox takes it, writes everything that is
//! queued, also what others queue meanwhile, and puts it back; frames can therefore not interleave and nobody waits for
//! the socket. When the socket takes no more, the half moves into a task that continues once the socket is writable.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, MutexGuard};
use socket2::SockRef;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::format::wire::command::{OutgoingRequest, Response, Serializer};
use crate::net::activity::Activity;
use crate::net::chunks::Chunks;
use crate::net::connection::Shared;
use crate::net::counters::add;
use crate::net::peer::Origin;
use crate::net::{Answer, NetError};

/// See the module.
#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<State>,
    shared: Arc<Shared>,
    handle: Handle,
    draining: AtomicBool,
    closed: AtomicBool,
    /// The reading task waits here: for room, for the end of a drain.
    reader: Notify,
    /// The task of a blocked writer learns here that the connection is closed.
    blocked_writer: Notify,
    pub(super) activity: Activity,
}

#[derive(Debug)]
struct State {
    /// `None` while somebody writes, and once closed.
    socket: Option<OwnedWriteHalf>,
    queued: Chunks,
    /// The buffer that is not in use.
    spare: Chunks,
    /// Bytes queued or being written.
    pending: usize,
    /// One-way requests queued since the outbox was last empty.
    oneways: usize,
    /// A task is on its way that will write what was pushed batched.
    batch_scheduled: bool,
    reader_waits: bool,
}

/// What is to be done after one attempt to write.
enum Step {
    /// Everything is written, or the connection is closed.
    Done,
    /// More was queued meanwhile.
    Again(OwnedWriteHalf, Chunks),
    /// The socket takes no more now.
    Blocked(OwnedWriteHalf, Chunks),
}

impl Outbox {
    pub(super) fn new(socket: OwnedWriteHalf, shared: Arc<Shared>, handle: Handle) -> Arc<Self> {
        Self::with(Some(socket), shared, handle)
    }

    /// One that takes nothing.
    pub(super) fn closed(shared: Arc<Shared>, handle: Handle) -> Arc<Self> {
        Self::with(None, shared, handle)
    }

    fn with(socket: Option<OwnedWriteHalf>, shared: Arc<Shared>, handle: Handle) -> Arc<Self> {
        let is_closed = socket.is_none();
        Arc::new(Self {
            state: Mutex::new(State {
                socket,
                queued: Chunks::default(),
                spare: Chunks::default(),
                pending: 0,
                oneways: 0,
                batch_scheduled: false,
                reader_waits: false,
            }),
            shared,
            handle,
            draining: AtomicBool::new(false),
            closed: AtomicBool::new(is_closed),
            reader: Notify::new(),
            blocked_writer: Notify::new(),
            activity: Activity::new(),
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Queues an answer without writing; gives back the bytes that are pending now. Answers are taken even over the
    /// bound: the requests they belong to are bounded, because the reader stops.
    pub(super) fn queue_response(&self, response: &mut Response, origin: &Origin) -> usize {
        let mut state = self.state.lock();
        self.queue(&mut state, |queued| queued.push_response(response, origin));
        state.pending
    }

    /// As [`Outbox::queue_response`], for frames of answers.
    pub(super) fn queue_frames(&self, frames: &[u8]) -> usize {
        let mut state = self.state.lock();
        self.queue(&mut state, |queued| queued.push_frames(frames));
        state.pending
    }

    /// Queues an answer and writes at once, unless somebody else is writing and will see it.
    pub(super) fn send_answer(self: &Arc<Self>, answer: Answer<'_>, origin: &Origin) {
        let mut state = self.state.lock();
        self.queue(&mut state, |queued| push_answer(queued, answer, origin));
        self.write_queued(state);
    }

    /// Queues an answer and lets a task write, once for everything that is queued until it runs.
    pub(super) fn send_answer_batched(self: &Arc<Self>, answer: Answer<'_>, origin: &Origin) {
        let mut state = self.state.lock();
        self.queue(&mut state, |queued| push_answer(queued, answer, origin));
        if state.socket.is_none() || std::mem::replace(&mut state.batch_scheduled, true) {
            return;
        }
        drop(state);
        let outbox = self.clone();
        self.handle.spawn(async move {
            let mut state = outbox.state.lock();
            state.batch_scheduled = false;
            outbox.write_queued(state);
        });
    }

    /// Sends a request of our own; refused when the outbox is over its bound or the connection is closed.
    pub(super) fn send_request(
        self: &Arc<Self>,
        mut request: OutgoingRequest,
        opaque: i32,
    ) -> Result<(), NetError> {
        let mut state = self.state.lock();
        if self.is_closed() {
            return Err(NetError::Closed);
        }
        if state.pending > self.shared.outbox_bytes_max
            || (request.oneway && state.oneways >= self.shared.oneways_max)
        {
            return Err(NetError::Congested);
        }
        state.oneways += usize::from(request.oneway);
        self.queue(&mut state, |queued| queued.push_request(&mut request, opaque, Serializer::Json));
        self.write_queued(state);
        Ok(())
    }

    fn queue(&self, state: &mut State, push: impl FnOnce(&mut Chunks)) {
        if self.is_closed() {
            return;
        }
        let before = state.queued.len();
        push(&mut state.queued);
        state.pending += state.queued.len() - before;
        let copied = state.queued.take_body_bytes_copied();
        if copied > 0 {
            add(&self.shared.counters.body_bytes_copied, copied);
        }
    }

    /// Writes what is queued, unless somebody else is writing and will see it.
    pub(super) fn flush(self: &Arc<Self>) {
        self.write_queued(self.state.lock());
    }

    fn write_queued(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if state.queued.is_empty() {
            return;
        }
        let Some(mut socket) = state.socket.take() else { return };
        let mut batch = state.take_queued();
        drop(state);
        loop {
            match self.step(socket, batch) {
                Step::Done => return,
                Step::Again(half, next) => (socket, batch) = (half, next),
                Step::Blocked(socket, batch) => {
                    self.handle.spawn(self.clone().write_when_writable(socket, batch));
                    return;
                }
            }
        }
    }

    async fn write_when_writable(self: Arc<Self>, mut socket: OwnedWriteHalf, mut batch: Chunks) {
        loop {
            let failed = tokio::select! {
                biased;
                () = self.blocked_writer.notified() => false,
                ready = socket.writable() => ready.is_err(),
            };
            if failed {
                self.close();
            }
            match self.step(socket, batch) {
                Step::Done => return,
                Step::Again(half, rest) | Step::Blocked(half, rest) => (socket, batch) = (half, rest),
            }
        }
    }

    /// One attempt to write `batch`, and what follows from it.
    fn step(&self, socket: OwnedWriteHalf, mut batch: Chunks) -> Step {
        let before = batch.len();
        let outcome =
            if self.is_closed() { Err(io::ErrorKind::NotConnected.into()) } else { batch.write_to(&socket) };
        let written = before - batch.len();
        if written > 0 {
            self.activity.touch();
        }
        let mut state = self.state.lock();
        state.pending = state.pending.saturating_sub(written);
        let step = match outcome {
            Ok(()) => {
                batch.clear();
                state.spare = batch;
                if !self.is_closed() && !state.queued.is_empty() {
                    let batch = state.take_queued();
                    Step::Again(socket, batch)
                } else {
                    state.oneways = 0;
                    self.put_back(&mut state, socket);
                    Step::Done
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Step::Blocked(socket, batch),
            Err(_) => {
                self.closed.store(true, Ordering::Release);
                state.discard();
                self.put_back(&mut state, socket);
                Step::Done
            }
        };
        if state.reader_waits && state.pending <= self.shared.outbox_bytes_max / 2 {
            state.reader_waits = false;
            self.reader.notify_one();
        }
        step
    }

    /// Returns the right to write, and does what was asked for while it was away.
    fn put_back(&self, state: &mut State, socket: OwnedWriteHalf) {
        if self.is_closed() {
            end(socket);
            return;
        }
        if self.is_draining() {
            end_reading(&socket);
        }
        state.socket = Some(socket);
    }

    /// Bytes that wait for the socket.
    pub(super) fn pending(&self) -> usize {
        self.state.lock().pending
    }

    /// True when the reader has to stop until the peer has read more.
    pub(super) fn is_over_bound(&self, pending: usize) -> bool {
        pending > self.shared.outbox_bytes_max
    }

    /// Waits until at most half of the bound is pending, or the connection is closed. Only for the reading task.
    pub(super) async fn room(&self) {
        loop {
            {
                let mut state = self.state.lock();
                if self.is_closed() || state.pending <= self.shared.outbox_bytes_max / 2 {
                    return;
                }
                state.reader_waits = true;
            }
            self.reader.notified().await;
        }
    }

    /// Waits until nothing is pending and `is_quiet`, or the connection is closed. Only for the reading task.
    pub(super) async fn drained(&self, is_quiet: impl Fn() -> bool) {
        loop {
            {
                let mut state = self.state.lock();
                if self.is_closed() || (state.pending == 0 && is_quiet()) {
                    return;
                }
                state.reader_waits = true;
            }
            self.reader.notified().await;
        }
    }

    /// Tells the reading task to look again; needed when what it waits for is not in here.
    pub(super) fn wake_reader(&self) {
        self.reader.notify_one();
    }

    /// Ends reading: the reading task sees the end of the stream, once.
    pub(super) fn begin_drain(&self) {
        let state = self.state.lock();
        self.draining.store(true, Ordering::SeqCst);
        if let Some(socket) = &state.socket {
            end_reading(socket);
        }
        drop(state);
        self.reader.notify_one();
    }

    /// Closes the connection: what is queued is dropped, both directions end, the reading task wakes. Idempotent.
    pub(super) fn close(&self) {
        let socket = {
            let mut state = self.state.lock();
            self.closed.store(true, Ordering::Release);
            state.discard();
            state.socket.take()
        };
        // Somebody who writes right now ends the socket when he is done.
        if let Some(socket) = socket {
            end(socket);
        }
        self.blocked_writer.notify_one();
        self.reader.notify_one();
    }
}

impl State {
    fn take_queued(&mut self) -> Chunks {
        let spare = std::mem::take(&mut self.spare);
        std::mem::replace(&mut self.queued, spare)
    }

    fn discard(&mut self) {
        self.queued = Chunks::default();
        self.spare = Chunks::default();
        self.pending = 0;
    }
}

fn push_answer(queued: &mut Chunks, answer: Answer<'_>, origin: &Origin) {
    match answer {
        Answer::Whole(response) => queued.push_response(response, origin),
        Answer::Form(form) => queued.push_form(form, origin),
    }
}

/// Ends both directions and gives up our half of the socket. The shutdown wakes the reading task, which holds the other.
fn end(socket: OwnedWriteHalf) {
    let _ = SockRef::from(socket.as_ref()).shutdown(std::net::Shutdown::Both);
}

fn end_reading(socket: &OwnedWriteHalf) {
    let _ = SockRef::from(socket.as_ref()).shutdown(std::net::Shutdown::Read);
}
