//! The NameServer over real sockets.

mod brokers;
mod golden;
mod queries;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use bytes::BytesMut;
use serde_json::{Value, json};

use super::*;
use crate::config::{Config, Profile};
use crate::format::disk::tables::{DataVersion, TopicConfig, TopicTable};
use crate::format::wire::body::register::RegisterBroker;
use crate::format::wire::command::RemotingCommand;
use crate::format::wire::frame::{FRAME_SIZE_MAX, next_frame};

/// Longer than anything takes that is not broken.
const LONG: Duration = Duration::from_secs(30);
const CURRENT: i32 = 409;

/// A NameServer on a clock that stands still, with its files in a folder that disappears with it.
struct Running {
    namesrv: NameServer,
    io: IoThreads,
    clock: Clock,
    config: LiveConfig,
    folder: tempfile::TempDir,
}

impl Running {
    fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap())
    }

    fn start_in(folder: tempfile::TempDir) -> Self {
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (kv, store) = (path("kvConfig.json"), path("namesrv.properties"));
        let keys = [("kvConfigPath", kv.as_str()), ("configStorePath", store.as_str())];
        let config = LiveConfig::with_file(Config::with_properties(Profile::Embedded, &keys).unwrap(), None);
        let io = IoThreads::start(1).unwrap();
        let clock = Clock::manual(0);
        // Every address of the loopback, so that askers can reach it through several.
        let bind = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let namesrv = NameServer::start(&io, &config, bind, 0, &clock, Faults::default()).unwrap();
        Self { namesrv, io, clock, config, folder }
    }

    /// Stops; the folder goes on.
    fn stop(self) -> tempfile::TempDir {
        self.namesrv.stop();
        self.namesrv.stop();
        self.io.stop();
        self.folder
    }

    fn client(&self) -> Client {
        self.client_through(Ipv4Addr::LOCALHOST)
    }

    fn client_through(&self, host: Ipv4Addr) -> Client {
        Client::connect(SocketAddr::new(host.into(), self.namesrv.address().port()))
    }
}

/// A socket of raw frames.
struct Client {
    stream: TcpStream,
    buffer: BytesMut,
    opaque: i32,
}

/// What is asked: code, version, header fields (`null` for none), body.
struct Ask<'a> {
    code: i32,
    version: i32,
    fields: Value,
    body: &'a [u8],
}

fn ask(code: i32, fields: Value) -> Ask<'static> {
    Ask { code, version: CURRENT, fields, body: b"" }
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: BytesMut::new(), opaque: 0 }
    }

    fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    fn send(&mut self, ask: Ask<'_>) -> i32 {
        self.opaque += 1;
        let mut header = json!({
            "code": ask.code, "version": ask.version, "opaque": self.opaque, "flag": 0, "language": "JAVA",
        });
        if !ask.fields.is_null() {
            header["extFields"] = ask.fields;
        }
        let header = serde_json::to_vec(&header).unwrap();
        let length = 4 + header.len() + ask.body.len();
        let mut frame = Vec::new();
        frame.extend_from_slice(&(length as u32).to_be_bytes());
        frame.extend_from_slice(&(header.len() as u32).to_be_bytes());
        frame.extend_from_slice(&header);
        frame.extend_from_slice(ask.body);
        self.send_bytes(&frame);
        self.opaque
    }

    /// The next frame; `None` when the server closed.
    fn next(&mut self) -> Option<RemotingCommand> {
        loop {
            if let Some(command) = next_frame(&mut self.buffer, FRAME_SIZE_MAX).unwrap() {
                return Some(command);
            }
            let mut bytes = [0; 16 * 1024];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => self.buffer.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn ask(&mut self, ask: Ask<'_>) -> RemotingCommand {
        let opaque = self.send(ask);
        let answer = self.next().unwrap();
        assert_eq!(answer.opaque, opaque);
        answer
    }

    /// The answer's body after code 0.
    fn body(&mut self, code: i32, fields: Value) -> String {
        let answer = self.ask(ask(code, fields));
        assert_eq!((answer.code, answer.remark.as_deref()), (0, None));
        text(&answer)
    }

    fn register(&mut self, fields: Value, body: &RegisterBroker) -> RemotingCommand {
        self.ask(Ask { body: &body.encode(false), ..ask(103, fields) })
    }
}

fn text(command: &RemotingCommand) -> String {
    String::from_utf8(command.body.to_vec()).unwrap()
}

fn body(counter: i64, topics: &[(&str, i32)]) -> RegisterBroker {
    let topics = topics.iter().map(|(name, perm)| ((*name).to_owned(), TopicConfig::new(*name, 4, *perm)));
    let data_version = DataVersion { counter, timestamp: 7 };
    RegisterBroker {
        topics: TopicTable { data_version, topic_config_table: topics.collect() },
        ..Default::default()
    }
}

/// Header fields of code 103.
fn identity(broker: &str, id: i64, address: &str) -> Value {
    json!({
        "clusterName": "C", "brokerName": broker, "brokerId": id.to_string(), "brokerAddr": address,
        "haServerAddr": format!("ha-{address}"),
    })
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never: {what}");
}
