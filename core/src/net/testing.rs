//! What the tests of this module share: a client of raw frames, a server of small processors, looks at the process.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;

use crate::format::wire::command::{
    OutgoingRequest, RemotingCommand, Response, Serializer, encode_request, encode_response,
};
use crate::format::wire::frame::{FRAME_SIZE_MAX, next_frame};
use crate::net::{
    ConnectionEvents, IoThreads, LaneChoice, NoEvents, Peer, Processor, RemotingServer, Reply, Responder,
    Router, ServerOptions,
};
use crate::runtime::lanes::Lane;

/// Longer than anything takes that is not broken.
pub(super) const LONG: Duration = Duration::from_secs(30);

/// Answers with its own body, inline.
pub(super) const ECHO: i32 = 1;
/// Answers with its own body, on a lane.
pub(super) const ECHO_ON_LANE: i32 = 2;
/// Answered by the test, through [`TestServer::kept`].
pub(super) const KEEP: i32 = 3;
/// Panics.
pub(super) const PANIC: i32 = 4;
/// Answers with [`BIG_BODY`] bytes.
pub(super) const BIG: i32 = 5;
/// Never answers.
pub(super) const SILENT: i32 = 6;
/// Refuses before it runs.
pub(super) const REJECTING: i32 = 7;

pub(super) const BIG_BODY: usize = 256 * 1024;

/// A processor that is a function.
pub(super) struct Run<F>(pub(super) F);

impl<F: Fn(RemotingCommand, &Peer) -> Reply + Send + Sync + 'static> Processor for Run<F> {
    fn process(&self, request: RemotingCommand, peer: &Peer) -> Reply {
        self.0(request, peer)
    }
}

struct Rejecting;

impl Processor for Rejecting {
    fn process(&self, _: RemotingCommand, _: &Peer) -> Reply {
        Reply::None
    }

    fn rejects_now(&self) -> bool {
        true
    }
}

fn echo(request: RemotingCommand, _: &Peer) -> Reply {
    Reply::Now(Response::success().with_body(request.body))
}

pub(super) struct TestServer {
    pub(super) server: RemotingServer,
    pub(super) io: IoThreads,
    /// What asked [`KEEP`].
    pub(super) kept: Receiver<(RemotingCommand, Responder)>,
}

pub(super) fn options() -> ServerOptions {
    ServerOptions { bind: IpAddr::V4(Ipv4Addr::LOCALHOST), ..ServerOptions::default() }
}

pub(super) fn router(keep: Sender<(RemotingCommand, Responder)>) -> Router {
    let mut router = Router::new();
    let big = Bytes::from(vec![7; BIG_BODY]);
    router
        .route(ECHO, Arc::new(Run(echo)), LaneChoice::Inline)
        .route(ECHO_ON_LANE, Arc::new(Run(echo)), LaneChoice::Workers(Lane::new("echo", 2, 100_000, None)))
        .route(
            KEEP,
            Arc::new(Run(move |request: RemotingCommand, peer: &Peer| {
                let responder = peer.responder(&request);
                let _ = keep.send((request, responder));
                Reply::Later
            })),
            LaneChoice::Inline,
        )
        .route(PANIC, Arc::new(Run(|_: RemotingCommand, _: &Peer| panic!("on purpose"))), LaneChoice::Inline)
        .route(
            BIG,
            Arc::new(Run(move |_: RemotingCommand, _: &Peer| {
                Reply::Now(Response::success().with_body(big.clone()))
            })),
            LaneChoice::Inline,
        )
        .route(SILENT, Arc::new(Run(|_: RemotingCommand, _: &Peer| Reply::None)), LaneChoice::Inline)
        .route(REJECTING, Arc::new(Rejecting), LaneChoice::Inline);
    router
}

impl TestServer {
    pub(super) fn start() -> Self {
        Self::with(options(), Arc::new(NoEvents))
    }

    pub(super) fn with(options: ServerOptions, events: Arc<dyn ConnectionEvents>) -> Self {
        let (keep, kept) = channel();
        let io = IoThreads::start(2).unwrap();
        let server = RemotingServer::start(&io, options, router(keep), events).unwrap();
        Self { server, io, kept }
    }

    pub(super) fn connect(&self) -> RawClient {
        RawClient::connect(self.server.local_addr())
    }

    pub(super) fn next_kept(&self) -> (RemotingCommand, Responder) {
        self.kept.recv_timeout(LONG).unwrap()
    }

    pub(super) fn stop(self) {
        self.server.drain_and_stop(LONG);
        self.io.stop();
    }
}

/// A socket and the bytes read from it.
pub(super) struct RawClient {
    pub(super) stream: std::net::TcpStream,
    buffer: BytesMut,
}

impl RawClient {
    pub(super) fn connect(address: SocketAddr) -> Self {
        let stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: BytesMut::new() }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next frame; `None` when the server closed.
    pub(super) fn try_next(&mut self) -> Option<RemotingCommand> {
        loop {
            if let Some(command) = next_frame(&mut self.buffer, FRAME_SIZE_MAX).unwrap() {
                return Some(command);
            }
            let mut bytes = [0; 64 * 1024];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => self.buffer.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no frame: {error}"),
            }
        }
    }

    pub(super) fn next(&mut self) -> RemotingCommand {
        self.try_next().expect("the server closed")
    }

    pub(super) fn ask(&mut self, code: i32, opaque: i32, body: &[u8]) -> RemotingCommand {
        self.send(&frame(code, opaque, body));
        self.next()
    }

    pub(super) fn answer(&mut self, request: &RemotingCommand, response: &Response) {
        let mut out = Vec::new();
        encode_response(&mut out, response, request.opaque, request.serializer);
        for chunk in &response.body {
            out.extend_from_slice(chunk);
        }
        self.send(&out);
    }

    /// Nothing comes within a moment.
    pub(super) fn assert_silent(&mut self) {
        self.stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        assert!(self.buffer.is_empty(), "bytes are left");
        match self.stream.read(&mut [0; 1]) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            other => panic!("expected silence, got {other:?}"),
        }
        self.stream.set_read_timeout(Some(LONG)).unwrap();
    }
}

/// A request frame.
pub(super) fn frame(code: i32, opaque: i32, body: &[u8]) -> Vec<u8> {
    encode(&OutgoingRequest::new(code).with_body(body.to_vec()), opaque, Serializer::Json)
}

/// A frame of a request without answer.
pub(super) fn oneway_frame(code: i32, opaque: i32) -> Vec<u8> {
    encode(&OutgoingRequest::oneway(code), opaque, Serializer::Json)
}

pub(super) fn encode(request: &OutgoingRequest, opaque: i32, serializer: Serializer) -> Vec<u8> {
    let mut out = Vec::new();
    encode_request(&mut out, request, opaque, serializer);
    for chunk in &request.body {
        out.extend_from_slice(chunk);
    }
    out
}

pub(super) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never happened: {what}");
}

/// For a test that looks at its whole process (memory, threads, files), where other tests must not run: repeats the test
/// called `path` in a process of its own, and is true only in there.
pub(super) fn alone(path: &str) -> bool {
    const MARK: &str = "LIBBROKER_TEST_ALONE";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", path, "--test-threads=1"]).env(MARK, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{path} in its own process: {text}");
    false
}

/// Resident memory of this process.
pub(super) fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Counts what a listener is told.
#[derive(Default)]
pub(super) struct SeenEvents {
    pub(super) connected: Mutex<Vec<Peer>>,
    pub(super) closed: Mutex<Vec<Peer>>,
}

impl ConnectionEvents for SeenEvents {
    fn connected(&self, peer: &Peer) {
        self.connected.lock().push(peer.clone());
    }

    fn closed(&self, peer: &Peer) {
        self.closed.lock().push(peer.clone());
    }
}
