//! One TCP connection, of a server or of the client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::runtime::Handle;

use crate::error::{Error, ErrorKind, Result};
use crate::format::wire::command::{OutgoingRequest, RemotingCommand};
use crate::net::calls::{Calls, tell};
use crate::net::counters::Counters;
use crate::net::io_threads::on_io_thread;
use crate::net::outbox::Outbox;
use crate::net::peer::Origin;
use crate::net::{IoThreads, NetError, Responder};

/// Tells connections of this process apart; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(u64);

impl ConnectionId {
    fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// An id for tests that have no connection.
    #[cfg(test)]
    pub(crate) fn for_test(id: u64) -> Self {
        Self(u64::MAX - id)
    }
}

impl std::fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What the connections of one server, or of one client, share. Not the router: processors keep peers, and the two would
/// keep each other alive.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) frame_size_max: usize,
    pub(super) outbox_bytes_max: usize,
    pub(super) oneways_max: usize,
    pub(super) counters: Counters,
}

/// One TCP connection. Clones are the same connection; keeping one keeps no socket open.
#[derive(Clone)]
#[doc(alias = "Channel")]
pub struct Peer(pub(super) Arc<Connection>);

pub(super) struct Connection {
    id: ConnectionId,
    remote_addr: SocketAddr,
    local_addr: SocketAddr,
    handle: Handle,
    pub(super) shared: Arc<Shared>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) calls: Calls,
    /// Responders that have not answered yet.
    outstanding: AtomicUsize,
    leads_nowhere: bool,
}

impl Peer {
    /// The connection of `stream`, and the half its reading task reads from. On the I/O thread it will live on.
    pub(super) fn open(stream: TcpStream, shared: Arc<Shared>) -> std::io::Result<(Self, OwnedReadHalf)> {
        let handle = Handle::current();
        let (remote_addr, local_addr) = (canonical(stream.peer_addr()?), canonical(stream.local_addr()?));
        let (reader, writer) = stream.into_split();
        let outbox = Outbox::new(writer, shared.clone(), handle.clone());
        let connection = Connection {
            id: ConnectionId::next(),
            remote_addr,
            local_addr,
            handle,
            shared,
            outbox,
            calls: Calls::default(),
            outstanding: AtomicUsize::new(0),
            leads_nowhere: false,
        };
        Ok((Self(Arc::new(connection)), reader))
    }

    /// A connection that is closed from the beginning: for a client within the process, whom nothing needs to be sent. It has an
    /// id like any other.
    pub fn nowhere(io: &IoThreads, address: SocketAddr) -> Result<Self> {
        let pool = io.pool();
        let seat = pool.seat().ok_or_else(|| Error::new(ErrorKind::Stopped, "no I/O thread runs"))?;
        let shared = Arc::new(Shared {
            frame_size_max: 0,
            outbox_bytes_max: 0,
            oneways_max: 0,
            counters: Counters::default(),
        });
        let connection = Connection {
            id: ConnectionId::next(),
            remote_addr: address,
            local_addr: address,
            handle: seat.handle.clone(),
            outbox: Outbox::closed(shared.clone(), seat.handle.clone()),
            shared,
            calls: Calls::default(),
            outstanding: AtomicUsize::new(0),
            leads_nowhere: true,
        };
        Ok(Self(Arc::new(connection)))
    }

    /// True for a [`Peer::nowhere`].
    pub fn leads_nowhere(&self) -> bool {
        self.0.leads_nowhere
    }

    /// Tells this connection from every other of the process.
    pub fn id(&self) -> ConnectionId {
        self.0.id
    }

    /// Address of the other side.
    pub fn remote_addr(&self) -> SocketAddr {
        self.0.remote_addr
    }

    /// Address of our side.
    pub fn local_addr(&self) -> SocketAddr {
        self.0.local_addr
    }

    /// False once the connection is closed, by whichever side.
    pub fn is_open(&self) -> bool {
        !self.0.outbox.is_closed()
    }

    /// Closes the connection; queued answers are dropped and waiting calls fail. Idempotent.
    pub fn close(&self) {
        self.0.outbox.close();
        self.0.calls.close();
    }

    /// What answers `request` later, from any thread.
    pub fn responder(&self, request: &RemotingCommand) -> Responder {
        self.0.outstanding.fetch_add(1, Ordering::SeqCst);
        Responder::new(self.clone(), Origin::of(request))
    }

    /// Sends a request that wants no answer; never waits. [`NetError::Congested`] when the peer does not read.
    #[doc(alias = "invokeOneway")]
    pub fn send_oneway(&self, request: OutgoingRequest) -> Result<(), NetError> {
        let request = OutgoingRequest { oneway: true, ..request };
        self.0.outbox.send_request(request, self.0.calls.next_opaque())
    }

    /// Sends a request and calls `on_done` once: with the answer, or with the reason why there is none. It is called on
    /// an I/O thread, or on this thread when the request cannot be sent, and must not block.
    #[doc(alias = "invokeAsync")]
    pub fn call(
        &self,
        request: OutgoingRequest,
        timeout: Duration,
        on_done: Box<dyn FnOnce(Result<RemotingCommand, NetError>) + Send>,
    ) {
        let request = OutgoingRequest { oneway: false, ..request };
        let started = self.0.calls.start(on_done, |opaque| {
            let peer = self.clone();
            let timer = self.0.handle.spawn(async move {
                tokio::time::sleep(timeout).await;
                peer.0.calls.finish(opaque, Err(NetError::Timeout(timeout.as_millis())));
            });
            timer.abort_handle()
        });
        match started {
            Ok(opaque) => {
                if let Err(error) = self.0.outbox.send_request(request, opaque) {
                    self.0.calls.finish(opaque, Err(error));
                }
            }
            Err(on_done) => tell(on_done, Err(NetError::Closed)),
        }
    }

    /// Runs `body` on the connection's thread after `time`, unless the threads stop first.
    pub(super) fn later(&self, time: Duration, body: impl FnOnce() + Send + 'static) {
        self.0.handle.spawn(async move {
            tokio::time::sleep(time).await;
            body();
        });
    }

    /// [`Peer::call`] that waits for the answer. Not from an I/O thread.
    #[doc(alias = "invokeSync")]
    pub fn call_blocking(
        &self,
        request: OutgoingRequest,
        timeout: Duration,
    ) -> Result<RemotingCommand, NetError> {
        if on_io_thread() {
            return Err(NetError::OnIoThread);
        }
        let (done, outcome) = sync_channel(1);
        self.call(
            request,
            timeout,
            Box::new(move |result| {
                let _ = done.send(result);
            }),
        );
        // The sender is dropped unused only when the I/O threads stop first.
        outcome.recv().unwrap_or(Err(NetError::Closed))
    }
}

impl Connection {
    /// Notes that a responder is gone, answered or not.
    pub(super) fn responder_gone(&self) {
        let last = self.outstanding.fetch_sub(1, Ordering::SeqCst) == 1;
        if last && self.outbox.is_draining() {
            self.outbox.wake_reader();
        }
    }

    /// Waits until every request is answered and every answer is written, or the connection is closed.
    pub(super) async fn drained(&self) {
        self.outbox.drained(|| self.outstanding.load(Ordering::SeqCst) == 0).await;
    }
}

/// An IPv4 client of an IPv6 port has an IPv4 address, not one mapped into IPv6.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

impl PartialEq for Peer {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Peer {}

impl std::hash::Hash for Peer {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Peer({} {})", self.0.id, self.0.remote_addr)
    }
}
