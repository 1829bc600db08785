//! A small blocking client that speaks raw frames with JSON headers. Like [`super::stored_message`] it shares no code with the
//! product.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::stored_message::{StoredMessage, decode_all};

const PULL_MESSAGE: i32 = 11;
const QUERY_MESSAGE: i32 = 12;
const QUERY_CONSUMER_OFFSET: i32 = 14;
const UPDATE_CONSUMER_OFFSET: i32 = 15;
const UPDATE_AND_CREATE_TOPIC: i32 = 17;
const GET_MAX_OFFSET: i32 = 30;
const GET_MIN_OFFSET: i32 = 31;
const GET_ROUTE_INFO_BY_TOPIC: i32 = 105;
const GET_BROKER_CLUSTER_INFO: i32 = 106;
const SEND_MESSAGE_V2: i32 = 310;

/// Code of an answer that grants the request.
pub const SUCCESS: i32 = 0;
/// A version that gets standard JSON from a NameServer.
const VERSION: i32 = 409;
const FRAME_SIZE_MAX: usize = 32 << 20;
/// Pull flag: the subscription travels with the request.
const PULL_HAS_SUBSCRIPTION: i32 = 4;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// 0 for success.
    pub code: i32,
    /// Why not.
    pub remark: String,
    /// The header fields.
    pub fields: Map<String, Value>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A numeric header field.
    pub fn number(&self, name: &str) -> io::Result<i64> {
        let field = self.fields.get(name).and_then(Value::as_str).and_then(|text| text.parse().ok());
        field.ok_or_else(|| invalid(format!("no number {name} in {self:?}")))
    }

    fn successful(self, what: &str) -> io::Result<Answer> {
        if self.code == SUCCESS {
            Ok(self)
        } else {
            Err(invalid(format!("{what}: code {} {}", self.code, self.remark)))
        }
    }
}

/// Where a sent message was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Place in the queue.
    pub queue_offset: i64,
    /// The offset message id.
    pub message_id: String,
}

/// One connection, one request at a time.
#[derive(Debug)]
pub struct RawClient {
    stream: TcpStream,
    opaque: i32,
}

impl RawClient {
    /// Connects; every later call fails after `timeout`.
    pub fn connect(address: &str, timeout: Duration) -> io::Result<RawClient> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        Ok(RawClient { stream, opaque: 0 })
    }

    /// Sends a request and waits for its answer; requests of the server in between are ignored.
    pub fn call(&mut self, code: i32, fields: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
        self.opaque += 1;
        let fields: Map<String, Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        let header = json!({
            "code": code, "flag": 0, "language": "JAVA", "opaque": self.opaque, "version": VERSION,
            "serializeTypeCurrentRPC": "JSON", "extFields": fields,
        });
        let header = header.to_string();
        let length = |bytes: usize| u32::try_from(bytes).map_err(|_| invalid("a frame of 4 GiB".to_owned()));
        let mut frame = Vec::with_capacity(8 + header.len() + body.len());
        frame.extend(length(4 + header.len() + body.len())?.to_be_bytes());
        frame.extend(length(header.len())?.to_be_bytes());
        frame.extend(header.as_bytes());
        frame.extend(body);
        self.stream.write_all(&frame)?;
        loop {
            let (header, body) = self.read_frame()?;
            let is_answer = header["flag"].as_i64().unwrap_or(0) & 1 == 1;
            if is_answer && header["opaque"] == self.opaque {
                return Ok(answer(header, body));
            }
        }
    }

    fn read_frame(&mut self) -> io::Result<(Value, Vec<u8>)> {
        let mut word = [0; 4];
        self.stream.read_exact(&mut word)?;
        let length = u32::from_be_bytes(word) as usize;
        if length > FRAME_SIZE_MAX {
            return Err(invalid(format!("a frame of {length} bytes")));
        }
        let mut frame = vec![0; length];
        self.stream.read_exact(&mut frame)?;
        let word = frame
            .first_chunk()
            .copied()
            .ok_or_else(|| invalid("a frame without a header word".to_owned()))?;
        let word = u32::from_be_bytes(word);
        if word >> 24 != 0 {
            return Err(invalid(format!("asked in JSON, answered with serializer {}", word >> 24)));
        }
        let rest = frame.get(4..).unwrap_or_default();
        let (header, body) = rest
            .split_at_checked((word & 0xff_ffff) as usize)
            .ok_or_else(|| invalid("the header is longer than the frame".to_owned()))?;
        Ok((serde_json::from_slice(header)?, body.to_vec()))
    }

    /// SEND_MESSAGE_V2. A topic that does not exist is made from TBW102 with 8 queues.
    pub fn send(&mut self, topic: &str, queue_id: i32, properties: &str, body: &[u8]) -> io::Result<Sent> {
        let born = milliseconds_now().to_string();
        let queue_id = queue_id.to_string();
        let fields = [
            ("a", "raw-producer"),
            ("b", topic),
            ("c", "TBW102"),
            ("d", "8"),
            ("e", &queue_id),
            ("f", "0"),
            ("g", &born),
            ("h", "0"),
            ("i", properties),
            ("j", "0"),
            ("k", "false"),
            ("m", "false"),
        ];
        let answer = self.call(SEND_MESSAGE_V2, &fields, body)?.successful("send")?;
        let message_id = answer.fields.get("msgId").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Sent { queue_offset: answer.number("queueOffset")?, message_id })
    }

    /// The messages from `offset` on, as many as the broker gives at once; none when there are none (any of the codes that
    /// say so).
    pub fn pull(&mut self, topic: &str, queue_id: i32, offset: i64) -> io::Result<Vec<StoredMessage>> {
        self.pull_as("raw-consumer", topic, queue_id, offset)
    }

    /// [`RawClient::pull`] for a group, which is made where the broker makes groups on first use.
    pub fn pull_as(
        &mut self,
        group: &str,
        topic: &str,
        queue_id: i32,
        offset: i64,
    ) -> io::Result<Vec<StoredMessage>> {
        let fields = [
            ("consumerGroup", group),
            ("topic", topic),
            ("queueId", &queue_id.to_string()),
            ("queueOffset", &offset.to_string()),
            ("maxMsgNums", "32"),
            ("sysFlag", &PULL_HAS_SUBSCRIPTION.to_string()),
            ("commitOffset", "0"),
            ("suspendTimeoutMillis", "0"),
            ("subscription", "*"),
            ("subVersion", "0"),
            ("expressionType", "TAG"),
        ];
        let answer = self.call(PULL_MESSAGE, &fields, b"")?;
        match answer.code {
            SUCCESS => decode_all(&answer.body).map_err(invalid),
            19..=21 => Ok(Vec::new()),
            _ => answer.successful("pull").map(|_| Vec::new()),
        }
    }

    /// A pull from the begin of queue 0 with an expression of its own; the code, and what it found.
    pub fn pull_by_sql(&mut self, topic: &str, expression: &str) -> io::Result<(i32, Vec<StoredMessage>)> {
        let fields = [
            ("consumerGroup", "raw-consumer"),
            ("topic", topic),
            ("queueId", "0"),
            ("queueOffset", "0"),
            ("maxMsgNums", "32"),
            ("sysFlag", &PULL_HAS_SUBSCRIPTION.to_string()),
            ("commitOffset", "0"),
            ("suspendTimeoutMillis", "0"),
            ("subscription", expression),
            ("subVersion", "0"),
            ("expressionType", "SQL92"),
        ];
        let answer = self.call(PULL_MESSAGE, &fields, b"")?;
        let found =
            if answer.code == SUCCESS { decode_all(&answer.body).map_err(invalid)? } else { Vec::new() };
        Ok((answer.code, found))
    }

    /// Every message of a queue from its smallest to its largest offset.
    pub fn pull_queue(&mut self, topic: &str, queue_id: i32) -> io::Result<Vec<StoredMessage>> {
        let mut offset = self.min_offset(topic, queue_id)?;
        let end = self.max_offset(topic, queue_id)?;
        let mut messages = Vec::new();
        while offset < end {
            let found = self.pull(topic, queue_id, offset)?;
            let Some(last) = found.last() else {
                return Err(invalid(format!(
                    "nothing at {topic}/{queue_id}/{offset}, the queue ends at {end}"
                )));
            };
            offset = last.queue_offset + 1;
            messages.extend(found);
        }
        Ok(messages)
    }

    /// The offset the next message of a queue will get.
    pub fn max_offset(&mut self, topic: &str, queue_id: i32) -> io::Result<i64> {
        self.offset(GET_MAX_OFFSET, topic, queue_id)
    }

    /// The first offset a queue still has.
    pub fn min_offset(&mut self, topic: &str, queue_id: i32) -> io::Result<i64> {
        self.offset(GET_MIN_OFFSET, topic, queue_id)
    }

    fn offset(&mut self, code: i32, topic: &str, queue_id: i32) -> io::Result<i64> {
        let fields = [("topic", topic), ("queueId", &queue_id.to_string())];
        self.call(code, &fields, b"")?.successful("offset")?.number("offset")
    }

    /// The messages stored with a key.
    pub fn query(&mut self, topic: &str, key: &str) -> io::Result<Vec<StoredMessage>> {
        let fields = [
            ("topic", topic),
            ("key", key),
            ("maxNum", "32"),
            ("beginTimestamp", "0"),
            ("endTimestamp", &i64::MAX.to_string()),
        ];
        let answer = self.call(QUERY_MESSAGE, &fields, b"")?;
        if answer.code == SUCCESS { decode_all(&answer.body).map_err(invalid) } else { Ok(Vec::new()) }
    }

    /// Sets a group's progress.
    pub fn commit(&mut self, group: &str, topic: &str, queue_id: i32, offset: i64) -> io::Result<()> {
        let fields = [
            ("consumerGroup", group),
            ("topic", topic),
            ("queueId", &queue_id.to_string()),
            ("commitOffset", &offset.to_string()),
        ];
        self.call(UPDATE_CONSUMER_OFFSET, &fields, b"")?.successful("commit").map(|_| ())
    }

    /// A group's progress; `None` when the broker knows none.
    pub fn committed(&mut self, group: &str, topic: &str, queue_id: i32) -> io::Result<Option<i64>> {
        let fields = [("consumerGroup", group), ("topic", topic), ("queueId", &queue_id.to_string())];
        let answer = self.call(QUERY_CONSUMER_OFFSET, &fields, b"")?;
        if answer.code == SUCCESS { answer.number("offset").map(Some) } else { Ok(None) }
    }

    /// Makes a topic.
    pub fn create_topic(&mut self, topic: &str, queues: u32) -> io::Result<()> {
        let queues = queues.to_string();
        let fields = [
            ("topic", topic),
            ("defaultTopic", "TBW102"),
            ("readQueueNums", &queues),
            ("writeQueueNums", &queues),
            ("perm", "6"),
            ("topicFilterType", "SINGLE_TAG"),
            ("topicSysFlag", "0"),
            ("order", "false"),
        ];
        self.call(UPDATE_AND_CREATE_TOPIC, &fields, b"")?.successful("create topic").map(|_| ())
    }

    /// A NameServer's table of brokers, as text.
    pub fn cluster_info(&mut self) -> io::Result<String> {
        let answer = self.call(GET_BROKER_CLUSTER_INFO, &[], b"")?.successful("cluster info")?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// A NameServer's route of a topic; `None` when it has none.
    pub fn route(&mut self, topic: &str) -> io::Result<Option<Value>> {
        let answer = self.call(GET_ROUTE_INFO_BY_TOPIC, &[("topic", topic)], b"")?;
        if answer.code == SUCCESS { Ok(Some(serde_json::from_slice(&answer.body)?)) } else { Ok(None) }
    }
}

fn answer(header: Value, body: Vec<u8>) -> Answer {
    Answer {
        code: header["code"].as_i64().and_then(|code| i32::try_from(code).ok()).unwrap_or(i32::MIN),
        remark: header["remark"].as_str().unwrap_or_default().to_owned(),
        fields: header["extFields"].as_object().cloned().unwrap_or_default(),
        body,
    }
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn milliseconds_now() -> u128 {
    std::time::UNIX_EPOCH.elapsed().map(|since| since.as_millis()).unwrap_or_default()
}

/// Asks `question` until it has an answer. Panics, with stacks, after `timeout`.
pub fn eventually<T>(what: &str, timeout: Duration, mut question: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        if Instant::now() >= deadline {
            panic!("{what}: not within {timeout:?}\n{}", super::process::accounts_with_stacks());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
