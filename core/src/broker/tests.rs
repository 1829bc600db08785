//! A whole broker behind real sockets on a clock that the test moves: what waits for hours is seen in a moment.

mod faults;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;

use bytes::BytesMut;

use super::testing::{LONG, wait_until};
use super::*;
use crate::config::Profile;
use crate::format::wire::command::{OutgoingRequest, encode_request};
use crate::format::wire::{FRAME_SIZE_MAX, HeaderFields, RemotingCommand, Serializer, next_frame};

const BEGIN_MS: i64 = 1_795_242_080_000;
const HOUR: Duration = Duration::from_secs(3600);

struct Moved {
    clock: Clock,
    broker: Broker,
    io: IoThreads,
    folder: tempfile::TempDir,
}

impl Moved {
    fn start(properties: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(BEGIN_MS);
        let io = IoThreads::start(1).unwrap();
        let broker = open(&io, &clock, folder.path(), properties);
        Self { clock, broker, io, folder }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.broker.address()).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, buffer: BytesMut::new(), opaque: 0 }
    }

    fn jump(&self, by_ms: i64) {
        self.clock.set_wall_ms(self.clock.now_ms() + by_ms);
    }
}

impl Drop for Moved {
    fn drop(&mut self) {
        let _ = self.broker.stop(Duration::ZERO);
        self.io.stop();
    }
}

fn open(io: &IoThreads, clock: &Clock, folder: &Path, properties: &[(&str, &str)]) -> Broker {
    let root = folder.join("store");
    let base = [("storePathRootDir", root.to_str().unwrap()), ("listenPort", "0")];
    let config = Config::with_properties(Profile::Embedded, &[&base, properties].concat()).unwrap();
    let parts = BrokerParts {
        config: LiveConfig::with_file(config, None),
        bind: Ipv4Addr::LOCALHOST.into(),
        announced: None,
        clock: clock.clone(),
        disk: Disk::real(),
        local: None,
        faults: Faults::default(),
    };
    Broker::start(io, parts).unwrap()
}

struct Client {
    stream: TcpStream,
    buffer: BytesMut,
    opaque: i32,
}

impl Client {
    fn begin(&mut self, code: i32, fields: &[(&'static str, &str)], body: &[u8]) {
        let mut header = HeaderFields::new();
        fields.iter().for_each(|(name, value)| header.push(*name, (*value).to_owned()));
        self.opaque += 1;
        let request = OutgoingRequest::new(code).with_fields(header).with_body(body.to_vec());
        let mut frame = Vec::new();
        encode_request(&mut frame, &request, self.opaque, Serializer::Json);
        request.body.iter().for_each(|chunk| frame.extend_from_slice(chunk));
        self.stream.write_all(&frame).unwrap();
    }

    /// The next frame; `None` when none comes in time, or the broker closed the connection.
    fn next(&mut self, timeout: Duration) -> Option<RemotingCommand> {
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

    fn ask(&mut self, code: i32, fields: &[(&'static str, &str)], body: &[u8]) -> RemotingCommand {
        self.begin(code, fields, body);
        self.next(LONG).expect("an answer")
    }

    fn send(&mut self, topic: &str, properties: &str, body: &str) {
        let born = BEGIN_MS.to_string();
        let fields = [
            ("producerGroup", "p"),
            ("topic", topic),
            ("defaultTopic", "TBW102"),
            ("defaultTopicQueueNums", "1"),
            ("queueId", "0"),
            ("sysFlag", "0"),
            ("bornTimestamp", &*born),
            ("flag", "0"),
            ("properties", properties),
        ];
        let answer = self.ask(10, &fields, body.as_bytes());
        assert_eq!((answer.code, answer.remark.as_deref()), (0, None));
    }

    /// A pull that may be parked for `wait`.
    fn begin_pull(&mut self, topic: &str, offset: i64, wait: Duration) {
        let (offset, wait) = (offset.to_string(), wait.as_millis().to_string());
        let fields = [
            ("consumerGroup", "g"),
            ("topic", topic),
            ("queueId", "0"),
            ("queueOffset", &*offset),
            ("maxMsgNums", "32"),
            // Parks, brings its subscription.
            ("sysFlag", "6"),
            ("commitOffset", "0"),
            ("suspendTimeoutMillis", &*wait),
            ("subscription", "*"),
            ("subVersion", "0"),
        ];
        self.begin(11, &fields, b"");
    }

    /// The first message of a queue waits for a file to be made: a pull may come before it.
    fn wait_for_end(&mut self, topic: &str, offset: i64) {
        wait_until("the messages are dispatched", || self.max_offset(topic) == offset);
    }

    fn max_offset(&mut self, topic: &str) -> i64 {
        let answer = self.ask(30, &[("topic", topic), ("queueId", "0")], b"");
        answer.ext.get("offset").unwrap().parse().unwrap()
    }
}

#[test]
fn a_delay_of_two_hours_is_over_when_the_clock_says_so() {
    let moved = Moved::start(&[]);
    let mut client = moved.connect();
    client.send("Later", "DELAY\u{1}18", "in two hours");
    moved.clock.advance(2 * HOUR - Duration::from_millis(1));
    client.send("Later", "", "at once");
    client.wait_for_end("Later", 1);
    client.begin_pull("Later", 1, HOUR);
    assert!(client.next(Duration::from_millis(50)).is_none(), "delivered early");
    moved.clock.advance(Duration::from_millis(1));
    let pulled = client.next(LONG).unwrap();
    assert_eq!(pulled.code, 0);
    assert!(pulled.body.windows(12).any(|bytes| bytes == b"in two hours"));
}

#[test]
fn a_long_poll_ends_by_the_clock() {
    let moved = Moved::start(&[]);
    let mut client = moved.connect();
    client.send("Poll", "", "one");
    client.wait_for_end("Poll", 1);
    client.begin_pull("Poll", 1, Duration::from_secs(1200));
    assert!(client.next(Duration::from_millis(50)).is_none(), "not parked");
    moved.clock.advance(Duration::from_secs(1199));
    assert!(client.next(Duration::from_millis(50)).is_none(), "ended early");
    moved.clock.advance(Duration::from_secs(1));
    assert_eq!(client.next(LONG).unwrap().code, 19);
}

#[test]
fn clients_and_queue_locks_expire_by_the_clock() {
    let moved = Moved::start(&[]);
    let (mut silent, mut other) = (moved.connect(), moved.connect());
    let heartbeat = br#"{"clientID":"c","consumerDataSet":[],"producerDataSet":[{"groupName":"p"}]}"#;
    assert_eq!(silent.ask(34, &[], heartbeat).code, 0);
    let members = |client: &mut Client| client.ask(204, &[("producerGroup", "p")], b"").code;
    assert_eq!(members(&mut other), 0);
    let lock = |client: &str| {
        let broker = moved.broker.tables.topics.find("SELF_TEST_TOPIC").map(|_| "b").unwrap();
        format!(
            r#"{{"clientId":"{client}","consumerGroup":"g","mqSet":[{{"brokerName":"{broker}","queueId":0,"topic":"T"}}]}}"#
        )
    };
    let locked = |client: &mut Client, id: &str| {
        let answer = client.ask(41, &[], lock(id).as_bytes());
        String::from_utf8(answer.body.to_vec()).unwrap().contains("\"topic\":\"T\"")
    };
    assert!(locked(&mut other, "one") && !locked(&mut other, "two"));
    moved.clock.advance(Duration::from_secs(61));
    assert!(locked(&mut other, "two"), "the lock has expired");
    moved.clock.advance(Duration::from_secs(60));
    assert!(silent.next(LONG).is_none(), "no heartbeat for 120 s: closed");
    wait_until("the group is forgotten", || members(&mut other) == 1);
}

#[test]
fn tables_are_saved_by_the_clock() {
    let moved = Moved::start(&[]);
    let mut client = moved.connect();
    let fields = [("consumerGroup", "g"), ("topic", "T"), ("queueId", "0"), ("commitOffset", "7")];
    assert_eq!(client.ask(15, &fields, b"").code, 0);
    let path = moved.folder.path().join("store/config/consumerOffset.json");
    std::thread::sleep(Duration::from_millis(20));
    assert!(!path.exists(), "saved early");
    moved.clock.advance(Duration::from_secs(10));
    wait_until("the offsets are saved", || {
        std::fs::read_to_string(&path).is_ok_and(|text| text.contains("T@g"))
    });
}

#[test]
fn a_wall_clock_that_jumps_an_hour_breaks_nothing() {
    let moved = Moved::start(&[]);
    let mut client = moved.connect();
    for (round, jump) in [3_600_000, -7_200_000, 3_600_000].into_iter().enumerate() {
        let topic = format!("Jump{round}");
        client.send(&topic, "", "before");
        client.send(&topic, "DELAY\u{1}2", "delayed before");
        client.wait_for_end(&topic, 1);
        client.begin_pull(&topic, 1, Duration::from_secs(600));
        moved.jump(jump);
        // The delay of five seconds is over at the latest when it has passed after the jump was seen.
        let pulled = (0..200).find_map(|_| {
            moved.clock.advance(Duration::from_millis(500));
            client.next(Duration::from_millis(20))
        });
        let pulled = pulled.unwrap();
        assert_eq!(
            (pulled.code, pulled.remark.as_deref()),
            (0, Some("FOUND")),
            "the parked pull got the delayed message"
        );
        client.send(&topic, "KEYS\u{1}k", "after");
        client.send(&topic, "DELAY\u{1}1", "delayed after");
        moved.clock.advance(Duration::from_secs(1));
        client.wait_for_end(&topic, 4);
        let query = [("topic", &*topic), ("key", "k"), ("maxNum", "8"), ("beginTimestamp", "0")];
        let found = client.ask(12, &[&query[..], &[("endTimestamp", "9999999999999")]].concat(), b"");
        assert_eq!(found.code, 0, "found by its key");
    }
    assert_eq!(moved.broker.problem(), None);
}

#[test]
fn a_broker_that_starts_with_the_clock_set_back_goes_on() {
    let moved = Moved::start(&[]);
    let mut client = moved.connect();
    client.send("Back", "", "one");
    client.send("Back", "DELAY\u{1}3", "delayed");
    moved.broker.stop(LONG).unwrap();
    let earlier = Clock::manual(BEGIN_MS - 3_600_000);
    let broker = open(&moved.io, &earlier, moved.folder.path(), &[]);
    let again = Moved {
        clock: earlier,
        broker,
        io: IoThreads::start(1).unwrap(),
        folder: tempfile::tempdir().unwrap(),
    };
    let mut client = again.connect();
    client.send("Back", "", "two");
    client.wait_for_end("Back", 2);
    wait_until("the delay is waited out", || {
        again.clock.advance(Duration::from_millis(500));
        client.max_offset("Back") == 3
    });
    assert!(again.clock.now_ms() >= BEGIN_MS - 3_600_000 + 10_000, "delivered early");
}

#[test]
fn a_producer_is_asked_about_its_transaction_by_the_clock() {
    let moved = Moved::start(&[("transactionTimeOut", "3600000"), ("transactionCheckInterval", "600000")]);
    let mut client = moved.connect();
    let heartbeat = br#"{"clientID":"c","consumerDataSet":[],"producerDataSet":[{"groupName":"p"}]}"#;
    assert_eq!(client.ask(34, &[], heartbeat).code, 0);
    client.send("Orders", "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}p\u{2}UNIQ_KEY\u{1}k", "open");
    for _ in 0..59 {
        moved.clock.advance(Duration::from_secs(60));
        assert_eq!(client.ask(34, &[], heartbeat).code, 0, "asked early");
    }
    // Older than the hour from here on: the next round, ten minutes later at most, asks.
    let asked = (0..12).find_map(|_| {
        moved.clock.advance(Duration::from_secs(60));
        client.begin(34, &[], heartbeat);
        let first = client.next(LONG).unwrap();
        (first.code == 39).then_some(first).or_else(|| client.next(Duration::from_millis(50)))
    });
    let asked = asked.expect("the producer is asked");
    assert_eq!((asked.code, asked.ext.get("transactionId")), (39, Some("k")));
}

#[test]
fn files_of_the_log_expire_by_the_clock() {
    let hours: Vec<String> = (0..24).map(|hour| format!("{hour:02}")).collect();
    let moved = Moved::start(&[
        ("deleteWhen", &*hours.join(";")),
        ("fileReservedTime", "72"),
        ("mappedFileSizeCommitLog", "65536"),
    ]);
    let mut client = moved.connect();
    let body = "x".repeat(6_000);
    (0..40).for_each(|_| client.send("Old", "", &body));
    let min_offset = |client: &mut Client| {
        let answer = client.ask(31, &[("topic", "Old"), ("queueId", "0")], b"");
        answer.ext.get("offset").unwrap().parse::<i64>().unwrap()
    };
    moved.clock.advance(71 * HOUR);
    client.ask(31, &[("topic", "Old"), ("queueId", "0")], b"");
    assert_eq!(min_offset(&mut client), 0, "deleted early");
    // The files are as old as the machine says, too, whose clock may be up to some days ahead of this one.
    wait_until("old files go", || {
        moved.clock.advance(HOUR);
        min_offset(&mut client) > 0
    });
    client.send("Old", "", "still works");
}

#[test]
fn a_stopped_broker_leaves_nothing_of_its_store() {
    let moved = Moved::start(&[]);
    let mut client = moved.connect();
    client.send("Gone", "", "one");
    client.wait_for_end("Gone", 1);
    client.begin_pull("Gone", 1, HOUR);
    drop(client);
    let store = Arc::downgrade(&moved.broker.store);
    drop(moved);
    assert_eq!(store.strong_count(), 0, "somebody still has the store, with its files");
}
