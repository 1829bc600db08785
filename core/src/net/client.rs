//! Calls to servers: NameServers, a master. One connection per address, made when it is needed (remoting.md §11).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::format::wire::command::{OutgoingRequest, RemotingCommand};
use crate::format::wire::frame::FRAME_SIZE_MAX;
use crate::net::connection::Shared;
use crate::net::counters::Counters;
use crate::net::io_threads::{IoPool, on_io_thread};
use crate::net::read::read_all;
use crate::net::{IoThreads, NetCounts, NetError, Peer, Router};

/// Limits of a client.
#[derive(Debug, Clone)]
#[doc(alias = "NettyClientConfig")]
pub struct ClientOptions {
    /// For the lookup of the name and the connection together.
    pub connect_timeout: Duration,
    /// Longer frames close the connection.
    pub frame_size_max: usize,
    /// Bytes that may wait for one server.
    pub outbox_bytes_max: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            frame_size_max: FRAME_SIZE_MAX,
            outbox_bytes_max: 16 * 1024 * 1024,
        }
    }
}

/// Calls servers by address (`host:port`). For plain threads: nothing here may be called from an I/O thread.
#[derive(Debug)]
#[doc(alias = "NettyRemotingClient")]
pub struct RemotingClient {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    connect_timeout: Duration,
    pool: Arc<IoPool>,
    shared: Arc<Shared>,
    links: Mutex<Links>,
}

#[derive(Debug, Default)]
struct Links {
    stopped: bool,
    by_address: HashMap<String, Arc<Link>>,
}

/// The connection to one address. The lock is held while connecting, so that callers share one attempt; nobody else waits.
#[derive(Debug, Default)]
struct Link {
    peer: tokio::sync::Mutex<Option<Peer>>,
    reader: Mutex<Option<AbortHandle>>,
}

impl RemotingClient {
    /// A client without connections.
    pub fn new(io: &IoThreads, options: ClientOptions) -> Self {
        let shared = Arc::new(Shared {
            frame_size_max: options.frame_size_max,
            outbox_bytes_max: options.outbox_bytes_max,
            oneways_max: usize::MAX,
            counters: Counters::default(),
        });
        Self {
            inner: Arc::new(Inner {
                connect_timeout: options.connect_timeout,
                pool: io.pool(),
                shared,
                links: Mutex::default(),
            }),
        }
    }

    /// Sends `request` to `address` and waits for the answer. Connecting has its own time limit. When no answer comes in
    /// time, the connection is closed, so that the next call starts fresh.
    pub fn call(
        &self,
        address: &str,
        request: OutgoingRequest,
        timeout: Duration,
    ) -> Result<RemotingCommand, NetError> {
        let mut outcomes = self.call_all([(address.to_owned(), request)], timeout);
        outcomes.pop().map_or(Err(NetError::Stopped), |(_, outcome)| outcome)
    }

    /// [`RemotingClient::call`] to several addresses at once; a dead one delays no other. Outcomes in the order of calls.
    pub fn call_all(
        &self,
        calls: impl IntoIterator<Item = (String, OutgoingRequest)>,
        timeout: Duration,
    ) -> Vec<(String, Result<RemotingCommand, NetError>)> {
        let started: Vec<_> = calls
            .into_iter()
            .map(|(address, request)| {
                let inner = self.inner.clone();
                let target = address.clone();
                (address, self.run(async move { inner.call(&target, request, timeout).await }))
            })
            .collect();
        started.into_iter().map(|(address, outcome)| (address, outcome.wait())).collect()
    }

    /// Sends `request` to `address` without wanting an answer; waits only for the connection.
    pub fn oneway(&self, address: &str, request: OutgoingRequest) -> Result<(), NetError> {
        let (inner, address) = (self.inner.clone(), address.to_owned());
        self.run(async move { inner.peer(&address).await?.send_oneway(request) }).wait()
    }

    /// The open connection to `address`, made now if there is none; waits for it. For callers that have to know whether two
    /// calls went to the same process.
    pub fn connect(&self, address: &str) -> Result<Peer, NetError> {
        let (inner, address) = (self.inner.clone(), address.to_owned());
        self.run(async move { inner.peer(&address).await }).wait()
    }

    /// What was counted since the start.
    pub fn counts(&self) -> NetCounts {
        self.inner.shared.counters.read()
    }

    /// Closes every connection; calls that wait fail, calls to come fail with [`NetError::Stopped`]. Idempotent.
    pub fn stop(&self) {
        self.inner.stop();
    }

    /// Runs `task` on an I/O thread.
    fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T, NetError>> + Send + 'static,
    ) -> Outcome<T> {
        if on_io_thread() {
            return Outcome::Known(Err(NetError::OnIoThread));
        }
        let Some(seat) = self.inner.pool.seat() else { return Outcome::Known(Err(NetError::Stopped)) };
        let (done, outcome) = sync_channel(1);
        seat.handle.spawn(async move {
            let _ = done.send(task.await);
        });
        Outcome::Pending(outcome)
    }
}

impl Drop for RemotingClient {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The result of a task on an I/O thread.
enum Outcome<T> {
    Known(Result<T, NetError>),
    Pending(std::sync::mpsc::Receiver<Result<T, NetError>>),
}

impl<T> Outcome<T> {
    fn wait(self) -> Result<T, NetError> {
        match self {
            Outcome::Known(outcome) => outcome,
            // The task ends by its timeouts; it is dropped only when the I/O threads stop.
            Outcome::Pending(outcome) => outcome.recv().unwrap_or(Err(NetError::Stopped)),
        }
    }
}

impl Inner {
    async fn call(
        &self,
        address: &str,
        request: OutgoingRequest,
        timeout: Duration,
    ) -> Result<RemotingCommand, NetError> {
        let peer = self.peer(address).await?;
        let (done, outcome) = tokio::sync::oneshot::channel();
        let on_done = Box::new(move |result| {
            let _ = done.send(result);
        });
        peer.call(request, timeout, on_done);
        let outcome = outcome.await.unwrap_or(Err(NetError::Closed));
        if matches!(outcome, Err(NetError::Timeout(_))) {
            peer.close();
        }
        outcome
    }

    /// The open connection to `address`, made now if there is none.
    async fn peer(&self, address: &str) -> Result<Peer, NetError> {
        let link = {
            let mut links = self.links.lock();
            if links.stopped {
                return Err(NetError::Stopped);
            }
            links.by_address.entry(address.to_owned()).or_default().clone()
        };
        // The wait for another caller's attempt counts, too.
        timeout(self.connect_timeout, self.connected(&link, address)).await.unwrap_or_else(|_| {
            let cause = format!("no connection within {} ms", self.connect_timeout.as_millis());
            Err(NetError::Connect { address: address.to_owned(), cause })
        })
    }

    async fn connected(&self, link: &Link, address: &str) -> Result<Peer, NetError> {
        let mut current = link.peer.lock().await;
        if let Some(peer) = current.as_ref().filter(|peer| peer.is_open()) {
            return Ok(peer.clone());
        }
        let failed = |cause: std::io::Error| NetError::Connect {
            address: address.to_owned(),
            cause: cause.to_string(),
        };
        let stream = TcpStream::connect(address).await.map_err(failed)?;
        let (peer, socket) = Self::open(&self.shared, stream).map_err(failed)?;
        self.start_reading(link, EndGuard(peer.clone()), socket)?;
        *current = Some(peer.clone());
        Ok(peer)
    }

    fn open(shared: &Arc<Shared>, stream: TcpStream) -> std::io::Result<(Peer, OwnedReadHalf)> {
        stream.set_nodelay(true)?;
        Peer::open(stream, shared.clone())
    }

    fn start_reading(&self, link: &Link, ending: EndGuard, socket: OwnedReadHalf) -> Result<(), NetError> {
        // Under the lock, so that a stop either comes first or finds the task.
        let links = self.links.lock();
        if links.stopped {
            return Err(NetError::Stopped);
        }
        let reader = tokio::spawn(async move {
            // Servers send this client no requests; one that comes gets no answer.
            let mut silent = Router::new();
            silent.silent_when_unknown();
            let end = read_all(&ending.0, socket, &silent).await;
            tracing::debug!(target: "broker::net", peer = ?ending.0, %end, "connection ended");
        });
        *link.reader.lock() = Some(reader.abort_handle());
        Ok(())
    }

    fn stop(&self) {
        let links = {
            let mut links = self.links.lock();
            links.stopped = true;
            std::mem::take(&mut links.by_address)
        };
        for link in links.into_values() {
            if let Some(reader) = link.reader.lock().take() {
                reader.abort();
            }
        }
    }
}

/// Closes the connection however its reading task ends.
struct EndGuard(Peer);

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests;
