//! What the tests of this module share: the tables of a broker, a server in front of processors, clients of raw frames.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::BytesMut;
use parking_lot::Mutex;

use crate::broker::clients::{Client, Consumers, Housekeeping, Joining, Producers};
use crate::broker::filter::registry::ConsumerFilters;
use crate::broker::groups::SubscriptionGroups;
use crate::broker::notify::ClientNotifier;
use crate::broker::offsets::ConsumerOffsets;
use crate::broker::processor::client::ClientProcessor;
use crate::broker::queue_locks::QueueLocks;
use crate::broker::topics::Topics;
use crate::clock::Clock;
use crate::config::{Config, LiveConfig, Profile};
use crate::format::wire::command::{OutgoingRequest, RemotingCommand, encode_request};
use crate::format::wire::{FRAME_SIZE_MAX, LanguageCode, Serializer, next_frame};
use crate::mmap::disk::Disk;
use crate::net::{ConnectionEvents, IoThreads, Peer, RemotingServer, Router, ServerOptions};

/// Longer than anything takes that is not broken.
pub(super) const LONG: Duration = Duration::from_secs(30);

/// The tables of a broker over a directory of its own, on a manual clock.
pub(super) struct Tables {
    pub(super) config: LiveConfig,
    pub(super) clock: Clock,
    pub(super) topics: Arc<Topics>,
    pub(super) groups: Arc<SubscriptionGroups>,
    pub(super) offsets: Arc<ConsumerOffsets>,
    pub(super) consumers: Arc<Consumers>,
    pub(super) filters: Arc<ConsumerFilters>,
    pub(super) producers: Arc<Producers>,
    pub(super) locks: Arc<QueueLocks>,
    pub(super) housekeeping: Arc<Housekeeping>,
    _folder: tempfile::TempDir,
}

impl Tables {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_str().unwrap();
        let config = Config::with_properties(Profile::Server, &[("storePathRootDir", root)]).unwrap();
        let config = LiveConfig::with_file(config, None);
        let clock = Clock::manual(1_000_000);
        let notifier = ClientNotifier::new(config.clone());
        let filters = ConsumerFilters::open(Disk::real(), config.clone(), clock.clone()).unwrap();
        let filters = Arc::new(filters);
        let consumers = Arc::new(Consumers::new(notifier, clock.clone()));
        let producers = Arc::new(Producers::new(clock.clone()));
        let locks = Arc::new(QueueLocks::new(Duration::from_secs(60), clock.clone()));
        Self {
            topics: Arc::new(Topics::open(Disk::real(), config.clone(), clock.clone()).unwrap()),
            groups: Arc::new(SubscriptionGroups::open(Disk::real(), config.clone(), clock.clone()).unwrap()),
            offsets: Arc::new(ConsumerOffsets::open(Disk::real(), &config).unwrap()),
            housekeeping: Arc::new(Housekeeping::new(producers.clone(), consumers.clone(), locks.clone())),
            config,
            clock,
            consumers,
            filters,
            producers,
            locks,
            _folder: folder,
        }
    }

    pub(super) fn client_processor(&self) -> ClientProcessor {
        ClientProcessor {
            joining: Joining {
                topics: self.topics.clone(),
                groups: self.groups.clone(),
                consumers: self.consumers.clone(),
            },
            producers: self.producers.clone(),
            config: self.config.clone(),
        }
    }
}

/// Passes events on, and hands out the server's side of new connections.
struct Watch {
    connected: Mutex<Sender<Peer>>,
    events: Arc<dyn ConnectionEvents>,
}

impl ConnectionEvents for Watch {
    fn connected(&self, peer: &Peer) {
        let _ = self.connected.lock().send(peer.clone());
        self.events.connected(peer);
    }

    fn closed(&self, peer: &Peer) {
        self.events.closed(peer);
    }
}

pub(super) struct TestServer {
    server: RemotingServer,
    io: IoThreads,
    connected: Receiver<Peer>,
}

impl TestServer {
    pub(super) fn start(router: Router, events: Arc<dyn ConnectionEvents>) -> Self {
        let (sender, connected) = channel();
        let options = ServerOptions { bind: IpAddr::V4(Ipv4Addr::LOCALHOST), ..ServerOptions::default() };
        let io = IoThreads::start(1).unwrap();
        let watch = Arc::new(Watch { connected: Mutex::new(sender), events });
        let server = RemotingServer::start(&io, options, router, watch).unwrap();
        Self { server, io, connected }
    }

    /// A new connection, from both sides.
    pub(super) fn connect(&self) -> TestClient {
        let stream = TcpStream::connect(self.server.local_addr()).unwrap();
        stream.set_nodelay(true).unwrap();
        let peer = self.connected.recv_timeout(LONG).unwrap();
        TestClient { stream, peer, buffer: BytesMut::new() }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.server.drain_and_stop(LONG);
        self.io.stop();
    }
}

/// One connection: the client's socket, and the peer that the broker sees.
pub(super) struct TestClient {
    stream: TcpStream,
    pub(super) peer: Peer,
    buffer: BytesMut,
}

impl TestClient {
    pub(super) fn client(&self, id: &str) -> Client {
        Client { peer: self.peer.clone(), id: id.into(), language: Some(LanguageCode::Go), version: 317 }
    }

    pub(super) fn send(&mut self, frame: &[u8]) {
        self.stream.write_all(frame).unwrap();
    }

    /// The next frame, or `None` when none comes within `timeout` or the connection ends.
    pub(super) fn next_within(&mut self, timeout: Duration) -> Option<RemotingCommand> {
        self.stream.set_read_timeout(Some(timeout)).unwrap();
        loop {
            if let Some(command) = next_frame(&mut self.buffer, FRAME_SIZE_MAX).unwrap() {
                return Some(command);
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(count @ 1..) => self.buffer.extend_from_slice(&bytes[..count]),
                _ => return None,
            }
        }
    }

    pub(super) fn next(&mut self) -> RemotingCommand {
        self.next_within(LONG).expect("a frame should have come")
    }

    /// Nothing is underway: all that was sent before has been read.
    pub(super) fn assert_silent(&mut self) {
        if let Some(command) = self.next_within(Duration::from_millis(50)) {
            panic!("unexpected {command:?}");
        }
    }

    pub(super) fn request(&mut self, request: &OutgoingRequest, opaque: i32) {
        let mut frame = Vec::new();
        encode_request(&mut frame, request, opaque, Serializer::Json);
        request.body.iter().for_each(|chunk| frame.extend_from_slice(chunk));
        self.send(&frame);
    }

    /// Sends a request and gives its answer, with the requests that came before it.
    pub(super) fn ask(&mut self, request: &OutgoingRequest) -> (Vec<RemotingCommand>, RemotingCommand) {
        self.request(request, 77);
        let mut before = Vec::new();
        loop {
            let command = self.next();
            if command.is_response() {
                assert_eq!(command.opaque, 77);
                return (before, command);
            }
            before.push(command);
        }
    }

    /// Asserts that exactly these codes 40 have come, by group.
    pub(super) fn assert_told(&mut self, groups: &[&str]) {
        for group in groups {
            let command = self.next();
            assert_eq!((command.code, command.flag), (40, 2));
            assert_eq!(command.ext.get("consumerGroup"), Some(*group));
        }
        self.assert_silent();
    }

    /// Closes the client's side.
    pub(super) fn hang_up(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Both).unwrap();
    }
}

/// Waits for something that another thread does.
pub(super) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never happened: {what}");
}
