use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc::{Receiver, Sender, channel};

use bytes::Bytes;

use super::*;
use crate::config::{Config, Profile};
use crate::error::{Error, ErrorKind};
use crate::format::disk::tables::TopicConfig;
use crate::format::wire::codes::RequestCode;
use crate::format::wire::header::route::{BrokerHeader, RegisterBrokerHeader};
use crate::format::wire::{HeaderFields, RemotingCommand, Response};
use crate::mmap::disk::Disk;
use crate::net::{
    ClientOptions, IoThreads, LaneChoice, NoEvents, Peer, Processor, RemotingServer, Reply, Router,
    ServerOptions,
};

const LONG: Duration = Duration::from_secs(30);

struct Fixture {
    _folder: tempfile::TempDir,
    config: LiveConfig,
    topics: Arc<Topics>,
    clock: Clock,
    io: IoThreads,
}

impl Fixture {
    fn new(properties: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_str().unwrap().to_owned();
        let mut all = vec![("storePathRootDir", root.as_str()), ("brokerName", "golden-a")];
        all.extend([
            ("brokerClusterName", "GoldenCluster"),
            ("brokerIP1", "127.0.0.1"),
            ("listenPort", "22911"),
        ]);
        all.extend(properties);
        let config = LiveConfig::with_file(Config::with_properties(Profile::Server, &all).unwrap(), None);
        let clock = Clock::manual(1_000);
        let topics = Arc::new(Topics::open(Disk::real(), config.clone(), clock.clone()).unwrap());
        Self { _folder: folder, config, topics, clock, io: IoThreads::start(1).unwrap() }
    }

    fn start(&self, servers: &[String], local: Option<Arc<dyn LocalRegistry>>) -> Arc<Registration> {
        let parts = Parts {
            identity: Identity::new(&self.config.load(), 22911),
            servers: servers.to_vec(),
            local,
            client: Arc::new(RemotingClient::new(&self.io, ClientOptions::default())),
            topics: self.topics.clone(),
            config: self.config.clone(),
            clock: self.clock.clone(),
        };
        Registration::start(parts, &Poison::new()).unwrap()
    }

    fn create(&self, topic: &str) {
        self.topics.update(TopicConfig::new(topic, 4, 6));
    }
}

/// Waits until everything is told.
fn told(registration: &Registration) {
    let (done, ended) = channel();
    registration.when_told(Box::new(move || done.send(()).unwrap()));
    ended.recv_timeout(LONG).unwrap();
}

fn names(body: &RegisterBroker) -> Vec<&str> {
    body.topics.topic_config_table.keys().map(String::as_str).collect()
}

/// A NameServer that shows the requests it gets.
struct Server {
    server: RemotingServer,
    requests: Receiver<RemotingCommand>,
}

struct Recorder {
    seen: Sender<RemotingCommand>,
    order: Option<&'static str>,
}

impl Processor for Recorder {
    fn process(&self, request: RemotingCommand, _: &Peer) -> Reply {
        let response = Response::success();
        let response = match request.request_code() {
            Some(RequestCode::RegisterBroker) => {
                let response = response.with_fields(HeaderFields::new());
                self.order.into_iter().fold(response, |response, order| {
                    response.with_body(Bytes::from_static(order.as_bytes()))
                })
            }
            Some(RequestCode::QueryDataVersion) => response
                .with_fields(HeaderFields::new().with("changed", false))
                .with_body(request.body.clone()),
            _ => response,
        };
        let _ = self.seen.send(request.detach());
        Reply::Now(response)
    }
}

impl Server {
    fn start(io: &IoThreads, port: u16, order: Option<&'static str>) -> Self {
        let (seen, requests) = channel();
        let mut router = Router::new();
        let recorder = Arc::new(Recorder { seen, order });
        for code in
            [RequestCode::RegisterBroker, RequestCode::UnregisterBroker, RequestCode::QueryDataVersion]
        {
            router.route(code, recorder.clone(), LaneChoice::Inline);
        }
        let options =
            ServerOptions { bind: IpAddr::V4(Ipv4Addr::LOCALHOST), port, ..ServerOptions::default() };
        Self { server: RemotingServer::start(io, options, router, Arc::new(NoEvents)).unwrap(), requests }
    }

    fn address(&self) -> String {
        self.server.local_addr().to_string()
    }

    fn next(&self) -> RemotingCommand {
        self.requests.recv_timeout(LONG).unwrap()
    }

    fn next_body(&self) -> RegisterBroker {
        let request = self.next();
        assert_eq!(request.request_code(), Some(RequestCode::RegisterBroker));
        let header = RegisterBrokerHeader::decode(&request.ext);
        assert_eq!(header.body_crc32, Some(crate::format::wire::body::register::body_crc32(&request.body)));
        RegisterBroker::decode(&request.body, header.compressed).unwrap()
    }
}

#[test]
fn the_broker_is_known_when_start_returns_and_gone_after_stop() {
    let fixture = Fixture::new(&[]);
    let server = Server::start(&fixture.io, 0, None);
    let registration = fixture.start(&[server.address()], None);
    let request = server.requests.try_recv().unwrap();
    let header = RegisterBrokerHeader::decode(&request.ext);
    assert_eq!(header.broker_addr, Some("127.0.0.1:22911"));
    assert_eq!(header.ha_server_addr, Some("127.0.0.1:22912"));
    assert_eq!((header.cluster_name, header.broker_name), (Some("GoldenCluster"), Some("golden-a")));
    assert_eq!((header.broker_id, header.compressed), (Some(0), false));
    let body = RegisterBroker::decode(&request.body, false).unwrap();
    assert_eq!(body.topics, fixture.topics.for_registration());
    assert_eq!(
        registration.servers(),
        [ServerState { name: server.address(), is_registered: true, error: None }]
    );
    registration.stop();
    registration.stop();
    let leave = server.next();
    assert_eq!(leave.request_code(), Some(RequestCode::UnregisterBroker));
    assert_eq!(BrokerHeader::decode(&leave.ext).broker_addr, Some("127.0.0.1:22911"));
}

#[test]
fn a_change_goes_alone_and_the_period_sends_everything() {
    let fixture = Fixture::new(&[]);
    let server = Server::start(&fixture.io, 0, None);
    let registration = fixture.start(&[server.address()], None);
    let all = server.next_body();
    fixture.create("T1");
    told(&registration);
    let change = server.next_body();
    assert_eq!(names(&change), ["T1"]);
    assert_eq!(change.topics.data_version, fixture.topics.data_version());
    fixture.topics.delete("T1");
    fixture.create("T2");
    told(&registration);
    assert_eq!(names(&server.next_body()), ["T2"]);
    fixture.clock.advance(Duration::from_secs(31));
    assert_eq!(names(&server.next_body()).len(), names(&all).len() + 1);
}

#[test]
fn a_name_server_that_forgot_everything_is_told_everything() {
    let fixture = Fixture::new(&[]);
    let server = Server::start(&fixture.io, 0, None);
    let address = server.server.local_addr();
    let registration = fixture.start(&[address.to_string()], None);
    let all = server.next_body();
    server.server.drain_and_stop(LONG);
    let server = Server::start(&fixture.io, address.port(), None);
    fixture.create("T1");
    // The close of the old connection may still be on its way: then the first attempt fails and is repeated.
    let body = loop {
        fixture.clock.advance(Duration::from_secs(2));
        if let Ok(request) = server.requests.recv_timeout(Duration::from_millis(100)) {
            break RegisterBroker::decode(&request.body, false).unwrap();
        }
    };
    assert_eq!(names(&body).len(), names(&all).len() + 1);
    told(&registration);
}

/// Nobody listens there now, and no other test will: systems give out ports of their own choice from 32768 on.
fn free_address() -> std::net::SocketAddr {
    let ports = std::iter::repeat_with(|| fastrand::u16(20_000..30_000));
    let mut free = ports.filter_map(|port| std::net::TcpListener::bind(("127.0.0.1", port)).ok());
    free.next().unwrap().local_addr().unwrap()
}

#[test]
fn a_dead_name_server_delays_neither_the_start_nor_the_others() {
    let fixture = Fixture::new(&[]);
    let dead = free_address();
    let server = Server::start(&fixture.io, 0, None);
    let registration = fixture.start(&[dead.to_string(), server.address()], None);
    let states = registration.servers();
    assert!(states[0].error.is_some() && !states[0].is_registered, "{states:?}");
    assert!(states[1].is_registered);
    server.next_body();
    fixture.create("T1");
    told(&registration);
    assert_eq!(names(&server.next_body()), ["T1"]);
    // It comes to life and is told within the pause between attempts.
    let late = Server::start(&fixture.io, dead.port(), None);
    fixture.clock.advance(Duration::from_secs(5));
    assert!(names(&late.next_body()).contains(&"T1"));
}

#[test]
fn order_flags_follow_the_answer() {
    let fixture = Fixture::new(&[]);
    fixture.create("Ordered");
    fixture.topics.update(TopicConfig { order: true, ..TopicConfig::new("Plain", 4, 6) });
    let server = Server::start(&fixture.io, 0, Some(r#"{"table":{"Ordered":"golden-a:4"}}"#));
    let registration = fixture.start(&[server.address()], None);
    assert!(fixture.topics.is_ordered("Ordered") && !fixture.topics.is_ordered("Plain"));
    registration.stop();
}

#[test]
fn without_force_the_version_is_compared_first() {
    let fixture = Fixture::new(&[("forceRegister", "false"), ("compressedRegister", "true")]);
    let server = Server::start(&fixture.io, 0, None);
    let registration = fixture.start(&[server.address()], None);
    server.next_body();
    fixture.clock.advance(Duration::from_secs(31));
    assert_eq!(server.next().request_code(), Some(RequestCode::QueryDataVersion));
    // The period counts from the end of the attempt.
    std::thread::sleep(Duration::from_millis(50));
    assert!(server.requests.try_recv().is_err());
    registration.stop();
}

struct Registry {
    bodies: Mutex<Vec<RegisterBroker>>,
    gone: Mutex<bool>,
    refuses: bool,
}

impl LocalRegistry for Registry {
    fn register(&self, identity: &Identity, topics: RegisterBroker) -> Result<Option<OrderTable>> {
        assert_eq!(identity.port, 22911);
        self.bodies.lock().push(topics);
        if self.refuses {
            return Err(Error::new(ErrorKind::InvalidArgument, "on purpose"));
        }
        Ok(Some(OrderTable::from([("T1".to_owned(), "golden-a:4".to_owned())])))
    }

    fn unregister(&self, _: &Identity) {
        *self.gone.lock() = true;
    }
}

#[test]
fn the_name_server_of_this_process_is_called_directly() {
    let fixture = Fixture::new(&[("brokerPermission", "4")]);
    let registry = Arc::new(Registry { bodies: Mutex::default(), gone: Mutex::new(false), refuses: false });
    let registration = fixture.start(&[], Some(registry.clone()));
    fixture.create("T1");
    told(&registration);
    let bodies = registry.bodies.lock().clone();
    assert!(bodies[0].topics.topic_config_table.values().all(|topic| topic.perm == 4));
    assert_eq!(names(&bodies[1]), ["T1"]);
    assert!(fixture.topics.is_ordered("T1"));
    assert!(!*registry.gone.lock());
    drop(registration);
    assert!(*registry.gone.lock());
}

#[test]
fn a_refusal_is_shown_and_not_unregistered() {
    let fixture = Fixture::new(&[]);
    let registry = Arc::new(Registry { bodies: Mutex::default(), gone: Mutex::new(false), refuses: true });
    let registration = fixture.start(&[], Some(registry.clone()));
    assert_eq!(registration.servers()[0].error.as_deref(), Some("on purpose"));
    fixture.create("T1");
    told(&registration);
    registration.stop();
    assert!(!*registry.gone.lock());
}
