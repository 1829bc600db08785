//! The listening side: accepting, limits, idle connections, graceful end.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::format::wire::frame::FRAME_SIZE_MAX;
use crate::net::connection::Shared;
use crate::net::counters::{Counters, add};
use crate::net::events::EventQueue;
use crate::net::io_threads::{IoPool, Seat};
use crate::net::read::{End, read_all};
use crate::net::{ConnectionEvents, ConnectionId, IoThreads, NetCounts, Peer, Router};
use crate::runtime::threads::ServiceThread;

/// After the end of a drain connections are closed; their tasks get this long to notice.
const CLOSE_GRACE: Duration = Duration::from_secs(10);
/// Pause when the system refuses to accept (out of file descriptors, mostly).
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// How a server listens and what it allows.
#[derive(Debug, Clone)]
#[doc(alias = "NettyServerConfig")]
pub struct ServerOptions {
    /// Address to bind, IPv4 or IPv6.
    pub bind: IpAddr,
    /// Port to listen on; 0 lets the system choose one.
    pub port: u16,
    /// Connections that wait to be accepted.
    pub backlog: i32,
    /// A connection without any read and write for this long is closed.
    pub idle: Duration,
    /// Frames longer than this, length word included, close the connection.
    pub frame_size_max: usize,
    /// Connections at once; one more is closed when it is accepted.
    pub connections_max: usize,
    /// A connection with more bytes than this waiting for its client is not read from until half of them are gone.
    pub outbox_bytes_max: usize,
    /// One-way requests of ours that may wait for one client (`serverOnewaySemaphoreValue`, which Java counts per server).
    pub oneways_max: usize,
    /// SO_SNDBUF; `None` leaves it to the system.
    pub send_buffer_bytes: Option<usize>,
    /// SO_RCVBUF; `None` leaves it to the system.
    pub receive_buffer_bytes: Option<usize>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port: 0,
            backlog: 1024,
            idle: Duration::from_secs(120),
            frame_size_max: FRAME_SIZE_MAX,
            connections_max: 100_000,
            outbox_bytes_max: 4 * 1024 * 1024,
            oneways_max: 256,
            send_buffer_bytes: None,
            receive_buffer_bytes: None,
        }
    }
}

/// A listening port and its connections. Dropping it closes everything at once.
#[derive(Debug)]
#[doc(alias = "NettyRemotingServer")]
pub struct RemotingServer {
    local_addr: SocketAddr,
    state: Arc<ServerState>,
    events: Mutex<Option<(EventQueue<Slot>, ServiceThread)>>,
}

#[derive(Debug)]
struct ServerState {
    idle: Duration,
    connections_max: usize,
    shared: Arc<Shared>,
    stop_accepting: Notify,
    registry: Mutex<Registry>,
    changed: Condvar,
}

#[derive(Debug)]
struct Registry {
    accepting: bool,
    draining: bool,
    open: HashMap<ConnectionId, Peer>,
    /// Connections whose `closed` event was not delivered yet.
    slots: usize,
}

impl RemotingServer {
    /// Binds, listens and accepts. Ready when it returns.
    pub fn start(
        io: &IoThreads,
        options: ServerOptions,
        router: Router,
        events: Arc<dyn ConnectionEvents>,
    ) -> Result<Self> {
        let listener = listen(&options)?;
        let pool = io.pool();
        let seat = pool.seat().ok_or_else(|| Error::new(ErrorKind::Stopped, "no I/O thread runs"))?;
        let listener = {
            let _in_loop = seat.handle.enter();
            TcpListener::from_std(listener.into())
                .map_err(|cause| Error::io("watch the listening port", &cause))?
        };
        let local_addr = listener.local_addr().map_err(|cause| Error::io("listening address", &cause))?;
        let state = Arc::new(ServerState::new(&options));
        let (queue, thread) = EventQueue::start(events)?;
        let acceptor =
            Acceptor { state: state.clone(), pool, router: Arc::new(router), events: queue.clone() };
        seat.handle.clone().spawn(async move {
            // Not a connection: the seat was only needed to find a thread.
            drop(seat);
            acceptor.accept(listener).await;
        });
        Ok(Self { local_addr, state, events: Mutex::new(Some((queue, thread))) })
    }

    /// Where clients connect: with port 0 asked for, the port the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Connections that are open now.
    pub fn connection_count(&self) -> usize {
        self.state.registry.lock().open.len()
    }

    /// The connections that are open now.
    pub fn peers(&self) -> Vec<Peer> {
        self.state.registry.lock().open.values().cloned().collect()
    }

    /// What was counted since the start.
    pub fn counts(&self) -> NetCounts {
        self.state.shared.counters.read()
    }

    /// Closes the port; connections go on. The port is free when it returns. Idempotent; not from an I/O thread.
    pub fn stop_accepting(&self) {
        self.state.stop_accepting.notify_one();
        self.state.wait(CLOSE_GRACE, |registry| !registry.accepting);
    }

    /// Stops accepting and reading, waits at most `timeout` until every request taken is answered and every answer is with
    /// the system, then closes. Nothing of the server runs when it returns. Idempotent; not from an I/O thread.
    pub fn drain_and_stop(&self, timeout: Duration) {
        self.stop_accepting();
        self.state.begin_drain();
        if !self.state.wait(timeout, |registry| registry.slots == 0) {
            self.state.close_all();
            if !self.state.wait(CLOSE_GRACE, |registry| registry.slots == 0) {
                tracing::error!(target: "broker::net", "connections do not end: a processor or listener is stuck");
            }
        }
        if let Some((queue, thread)) = self.events.lock().take() {
            queue.stop();
            let _ = thread.join();
        }
    }
}

impl Drop for RemotingServer {
    fn drop(&mut self) {
        self.drain_and_stop(Duration::ZERO);
    }
}

fn listen(options: &ServerOptions) -> Result<Socket> {
    let address = SocketAddr::new(options.bind, options.port);
    bind(address, options).map_err(|cause| match cause.kind() {
        std::io::ErrorKind::AddrInUse => Error::new(
            ErrorKind::PortInUse,
            format!("listen on {address}: the port is taken; stop who has it, or choose another port, or 0 for a free one"),
        ),
        std::io::ErrorKind::AddrNotAvailable => Error::new(
            ErrorKind::PortInUse,
            format!("listen on {address}: this machine does not have the address; choose one that it has"),
        ),
        _ => Error::io(format_args!("listen on {address}"), &cause),
    })
}

fn bind(address: SocketAddr, options: &ServerOptions) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if let Some(bytes) = options.send_buffer_bytes {
        socket.set_send_buffer_size(bytes)?;
    }
    if let Some(bytes) = options.receive_buffer_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(options.backlog)?;
    Ok(socket)
}

impl ServerState {
    fn new(options: &ServerOptions) -> Self {
        Self {
            idle: options.idle,
            connections_max: options.connections_max,
            shared: Arc::new(Shared {
                frame_size_max: options.frame_size_max,
                outbox_bytes_max: options.outbox_bytes_max,
                oneways_max: options.oneways_max,
                counters: Counters::default(),
            }),
            stop_accepting: Notify::new(),
            registry: Mutex::new(Registry {
                accepting: true,
                draining: false,
                open: HashMap::new(),
                slots: 0,
            }),
            changed: Condvar::new(),
        }
    }

    /// True when `done` came true within `timeout`.
    fn wait(&self, timeout: Duration, done: impl Fn(&Registry) -> bool) -> bool {
        let deadline = std::time::Duration::min(timeout, Duration::from_secs(86_400));
        let mut registry = self.registry.lock();
        let result = self.changed.wait_while_for(&mut registry, |registry| !done(registry), deadline);
        !result.timed_out()
    }

    fn begin_drain(&self) {
        let mut registry = self.registry.lock();
        registry.draining = true;
        for peer in registry.open.values() {
            peer.0.outbox.begin_drain();
        }
    }

    fn close_all(&self) {
        let open: Vec<Peer> = self.registry.lock().open.values().cloned().collect();
        for peer in open {
            peer.close();
        }
    }

    /// Closes what is idle; gives the time until the next may be.
    fn close_idle(&self) -> Duration {
        let mut next = self.idle;
        let mut idle = Vec::new();
        for peer in self.registry.lock().open.values() {
            let quiet = peer.0.outbox.activity.idle_for();
            if quiet >= self.idle {
                idle.push(peer.clone());
            } else {
                next = next.min(self.idle - quiet);
            }
        }
        for peer in idle {
            tracing::info!(target: "broker::net", ?peer, "idle, closed");
            add(&self.shared.counters.idle_closes, 1);
            peer.close();
        }
        // Looking costs time per connection: never more often than a hundred times per idle time.
        next.max(self.idle / 100).max(Duration::from_millis(1))
    }

    /// Takes a connection in; `None` when there are too many or the server stops.
    fn reserve(self: &Arc<Self>) -> Option<Slot> {
        let mut registry = self.registry.lock();
        if registry.draining || registry.slots >= self.connections_max {
            return None;
        }
        registry.slots += 1;
        Some(Slot(self.clone()))
    }
}

/// One of the connections that are allowed; free again when its `closed` event was delivered.
#[derive(Debug)]
struct Slot(Arc<ServerState>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.registry.lock().slots -= 1;
        self.0.changed.notify_all();
    }
}

/// The task that owns the port.
struct Acceptor {
    state: Arc<ServerState>,
    pool: Arc<IoPool>,
    router: Arc<Router>,
    events: EventQueue<Slot>,
}

impl Acceptor {
    async fn accept(self, listener: TcpListener) {
        let mut next_look = Instant::now() + self.state.idle;
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.state.stop_accepting.notified() => return stop_listening(&listener),
                () = tokio::time::sleep_until(next_look) => {
                    next_look = Instant::now() + self.state.close_idle();
                    continue;
                }
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => self.take(stream),
                Err(error) => {
                    tracing::warn!(target: "broker::net", %error, "accept failed");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }

    /// Gives the connection a thread to live on.
    fn take(&self, stream: TcpStream) {
        let Some(slot) = self.state.reserve() else {
            add(&self.state.shared.counters.connections_refused, 1);
            return;
        };
        let (Ok(stream), Some(seat)) = (stream.into_std(), self.pool.seat()) else { return };
        let (router, events) = (self.router.clone(), self.events.clone());
        seat.handle.clone().spawn(async move {
            if let Err(error) = serve(stream, seat, slot, &router, events).await {
                tracing::debug!(target: "broker::net", %error, "connection lost before it was opened");
            }
        });
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.state.registry.lock().accepting = false;
        self.state.changed.notify_all();
    }
}

/// Frees the port. Closing is not enough when the process was forked: the child has a copy of the socket.
fn stop_listening(listener: &TcpListener) {
    if let Err(error) = SockRef::from(listener).shutdown(std::net::Shutdown::Both) {
        tracing::debug!(target: "broker::net", %error, "the port is freed by closing it");
    }
}

async fn serve(
    stream: std::net::TcpStream,
    seat: Seat,
    slot: Slot,
    router: &Router,
    events: EventQueue<Slot>,
) -> std::io::Result<()> {
    let stream = TcpStream::from_std(stream)?;
    stream.set_nodelay(true)?;
    let state = slot.0.clone();
    let (peer, socket) = Peer::open(stream, state.shared.clone())?;
    let Some(open) = OpenConnection::register(peer.clone(), seat, slot, events) else { return Ok(()) };
    let end = read_all(&peer, socket, router).await;
    match end {
        End::Peer | End::Us => tracing::debug!(target: "broker::net", ?peer, %end, "connection ended"),
        End::Tls => {
            add(&state.shared.counters.connections_refused, 1);
            tracing::info!(target: "broker::net", ?peer, %end, "connection refused");
        }
        End::Fault | End::Frame(_) | End::Io(_) => {
            tracing::info!(target: "broker::net", ?peer, %end, "connection ended")
        }
        End::Defect => tracing::error!(target: "broker::net", ?peer, %end, "connection ended"),
    }
    drop(open);
    Ok(())
}

/// A connection in the registry. Its drop is the one place where a connection of a server ends, also when the I/O threads
/// stop under it.
struct OpenConnection {
    peer: Peer,
    state: Arc<ServerState>,
    events: EventQueue<Slot>,
    slot: Option<Slot>,
    _seat: Seat,
}

impl OpenConnection {
    fn register(peer: Peer, seat: Seat, slot: Slot, events: EventQueue<Slot>) -> Option<Self> {
        let state = slot.0.clone();
        {
            let mut registry = state.registry.lock();
            if registry.draining {
                return None;
            }
            registry.open.insert(peer.id(), peer.clone());
        }
        events.connected(peer.clone());
        Some(Self { peer, state, events, slot: Some(slot), _seat: seat })
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.peer.close();
        self.state.registry.lock().open.remove(&self.peer.id());
        if let Some(slot) = self.slot.take() {
            self.events.closed(self.peer.clone(), slot);
        }
    }
}

#[cfg(test)]
mod tests;
