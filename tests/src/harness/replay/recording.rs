//! The recorded conversations between Java clients, a Java broker and a Java NameServer.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::frame::Frame;
use crate::harness::dirs::tests_dir;

/// A pull that was answered later than this waited for a message.
const PROMPT: Duration = Duration::from_millis(600);

/// Who a client talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// The NameServer.
    NameServer,
    /// The broker.
    Broker,
}

/// Something a client did.
#[derive(Debug)]
pub struct Event {
    /// Since the broker's first registration.
    pub at: Duration,
    /// Number of the line.
    pub line: usize,
    /// Number of the connection.
    pub connection: i64,
    /// What it was.
    pub act: Act,
}

/// What a client did.
#[derive(Debug)]
pub enum Act {
    /// Sent a request; the first one opens the connection.
    Asked(Server, Box<Request>),
    /// Closed the connection.
    Closed,
}

/// A request and what Java answered.
#[derive(Debug)]
pub struct Request {
    /// Step of the script, code, and number among those of this step and code: `send_plain/310/1`.
    pub key: String,
    /// The frame as it was.
    pub bytes: Vec<u8>,
    /// What it says.
    pub frame: Frame,
    /// What was answered, if anything.
    pub answer: Option<Answer>,
}

/// A recorded answer.
#[derive(Debug)]
pub struct Answer {
    /// What it says.
    pub frame: Frame,
    /// Number of its line: what clients did behind it they may have done because of it.
    pub line: usize,
    /// Whether it came at once.
    pub is_prompt: bool,
}

/// All of a recording that is replayed: what the first clients did, up to where a slave joins.
#[derive(Debug)]
pub struct Recording {
    /// In the order of time.
    pub events: Vec<Event>,
    /// What clients answered to the broker's requests, by code.
    pub client_answers: BTreeMap<i32, VecDeque<Vec<u8>>>,
    /// The codes of the broker's requests, and how many there were.
    pub server_requests: BTreeMap<i32, usize>,
    /// Keys of requests that Java does not answer twice in the same way.
    pub unstable: BTreeSet<String>,
}

/// A line that holds a frame or an end.
struct Line {
    at: Duration,
    step: String,
    server: Server,
    connection: i64,
    is_up: bool,
    frame: Option<(Vec<u8>, Frame)>,
}

impl Recording {
    /// Reads `recording-<name>.jsonl.zst`.
    pub fn load(name: &str) -> Recording {
        let file = golden(&format!("recording-{name}.jsonl.zst"));
        let packed = fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let text = zstd::decode_all(&packed[..]).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let text = String::from_utf8(text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let lines = text.lines().filter_map(|line| {
            read(line).unwrap_or_else(|e| panic!("{}: {e} in {line:.300}", file.display()))
        });
        let lines: Vec<Line> = lines.collect();
        let file = golden(&format!("replay-unstable-{name}.json"));
        let unstable = fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let unstable = serde_json::from_slice::<Vec<String>>(&unstable)
            .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let (client_answers, server_requests) = said_to_clients(&lines);
        Recording {
            events: events(lines),
            client_answers,
            server_requests,
            unstable: unstable.into_iter().collect(),
        }
    }
}

/// A file among the recorded frames.
pub fn golden(name: &str) -> PathBuf {
    tests_dir().join("golden/wire").join(name)
}

fn read(line: &str) -> Result<Option<Line>, String> {
    let line: Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let server = match line["link"].as_str() {
        Some("client-namesrv") => Server::NameServer,
        Some("client-broker") => Server::Broker,
        _ => return Ok(None),
    };
    if line["phase"] != "main" {
        return Ok(None);
    }
    let frame = match line["frame_hex"].as_str() {
        Some(hex) => {
            let bytes = from_hex(hex)?;
            let frame = Frame::decode(&bytes)?;
            Some((bytes, frame))
        }
        None => None,
    };
    Ok(Some(Line {
        at: Duration::from_millis(line["t_ms"].as_u64().ok_or("no time")?),
        // What clients do on their own belongs to no step.
        step: line["step"].as_str().unwrap_or("None").to_owned(),
        server,
        connection: line["connection"].as_i64().ok_or("no connection")?,
        is_up: line["direction"] == "up",
        frame,
    }))
}

/// The bytes of a text like `00ff`.
pub fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let pairs = text.as_bytes().chunks(2);
    let byte =
        |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    pairs.map(|pair| byte(pair).ok_or(format!("{pair:?} is no byte"))).collect()
}

type ByCode<T> = BTreeMap<i32, T>;

fn said_to_clients(lines: &[Line]) -> (ByCode<VecDeque<Vec<u8>>>, ByCode<usize>) {
    let mut asked = HashMap::new();
    let mut answers = ByCode::<VecDeque<_>>::new();
    let mut counts = ByCode::new();
    for line in lines {
        let Some((bytes, frame)) = &line.frame else { continue };
        let place = (line.connection, frame.opaque);
        match (line.is_up, frame.is_response()) {
            (false, false) => {
                *counts.entry(frame.code).or_default() += 1;
                asked.insert(place, frame.code);
            }
            (true, true) => {
                if let Some(code) = asked.get(&place) {
                    answers.entry(*code).or_default().push_back(bytes.clone());
                }
            }
            _ => {}
        }
    }
    (answers, counts)
}

fn events(lines: Vec<Line>) -> Vec<Event> {
    let (up, down): (Vec<_>, Vec<_>) = lines.into_iter().enumerate().partition(|(_, line)| line.is_up);
    let mut answers = HashMap::new();
    for (number, line) in down {
        if let Some((_, frame)) = line.frame.filter(|(_, frame)| frame.is_response()) {
            answers.insert((line.connection, frame.opaque), (number, line.at, frame));
        }
    }
    let mut keys = Keys::default();
    let mut events = Vec::new();
    for (number, line) in up {
        let act = match line.frame {
            None => Act::Closed,
            // Said when the broker asks.
            Some((_, frame)) if frame.is_response() => continue,
            Some((bytes, frame)) => {
                let answer = answers.remove(&(line.connection, frame.opaque)).map(|(number, at, frame)| {
                    Answer { frame, line: number, is_prompt: at.saturating_sub(line.at) < PROMPT }
                });
                let key = if frame.is_oneway() { String::new() } else { keys.next(&line.step, frame.code) };
                Act::Asked(line.server, Box::new(Request { key, bytes, frame, answer }))
            }
        };
        events.push(Event { at: line.at, line: number, connection: line.connection, act });
    }
    events
}

/// Counts requests by step and code.
#[derive(Default)]
struct Keys {
    counts: HashMap<String, usize>,
}

impl Keys {
    fn next(&mut self, step: &str, code: i32) -> String {
        let kind = format!("{step}/{code}");
        let count = self.counts.entry(kind.clone()).or_default();
        *count += 1;
        format!("{kind}/{count}")
    }
}
