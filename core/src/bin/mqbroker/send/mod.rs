//! `mqbroker send`: messages from the command line, a file or standard input.
//!
//! As a Java producer does it: a route from the NameServer, queues in turn, a unique id for each message, bodies of 4 KiB and more
//! deflated, SEND_MESSAGE_V2.

mod places;
mod properties;

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use libbroker::clock::Clock;
use libbroker::internals::format::flags::sys_flag::COMPRESSED;
use libbroker::internals::format::names::{AUTO_CREATE_TOPIC, check_topic};
use libbroker::internals::format::record::compressed::deflate;
use libbroker::internals::format::wire::header::send::{SendAnswer, SendHeaderV2};
use libbroker::internals::format::wire::{OutgoingRequest, RemotingCommand, RequestCode, ResponseCode};
use libbroker::{Error, ErrorKind};
use serde::Serialize;

use self::places::{Place, no_queue, on_one_queue, places};
use self::properties::{check_property, name_and_value, properties_text};
use crate::connection::Connection;
use crate::remote::ask::refused;
use crate::remote::unique_ids::UniqueIds;
use crate::remote::{Node, Target};
use crate::terminal::{Output, Table};

/// Bodies from here on are sent compressed (Java: `compressMsgBodyOverHowmuch`).
const COMPRESSED_FROM_BYTES: usize = 4096;
/// More than any broker takes; what standard input or a file may hold for one message.
const BODY_BYTES_MAX: u64 = 64 << 20;
/// Queues a topic gets that is created by its first message.
const QUEUES_OF_NEW_TOPIC: i32 = 4;
const PRODUCER_GROUP: &str = "mqbroker_send";

const MORE: &str = "\
Without a body and --file every line of standard input becomes a message; empty lines are left out.

Examples:
  mqbroker send Orders 'one order' --tags new --keys 4711
  mqbroker send Orders --file order.json --property colour=red --delay-level 3
  seq 1000 | mqbroker send Orders --json
  mqbroker send Orders hello -b 10.0.0.5:10911 --queue 0 --count 10";

/// Options of `send`.
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub struct Send {
    #[command(flatten)]
    target: Target,

    /// Topic
    topic: String,

    /// Body of the message
    body: Option<String>,

    /// Take the body from this file
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    file: Option<PathBuf>,

    /// Tag that consumers can filter by
    #[arg(long)]
    tags: Option<String>,

    /// Keys to find the message by, split by blanks
    #[arg(long)]
    keys: Option<String>,

    /// A property of the application; may be repeated
    #[arg(long = "property", value_name = "NAME=VALUE", value_parser = name_and_value)]
    properties: Vec<(String, String)>,

    /// Deliver later: level 1 is 1s, 2 5s, 3 10s, 4 30s, 5 1m … 18 2h, unless messageDelayLevel says otherwise
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(i32).range(1..=1000))]
    delay_level: Option<i32>,

    /// Send to this queue; else to all in turn
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i32).range(0..))]
    queue: Option<i32>,

    /// Send every message so many times
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,

    /// Print a JSON object for each message
    #[arg(long)]
    json: bool,
}

/// What is printed of a message that was taken.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent<'a> {
    topic: &'a str,
    broker: &'a str,
    msg_id: &'a str,
    offset_msg_id: &'a str,
    queue_id: i32,
    queue_offset: i64,
    status: &'static str,
}

/// Sends.
pub fn send(options: &Send) -> Result<(), Error> {
    check_topic(&options.topic).map_err(|cause| {
        invalid(format!("topic {}: {}", options.topic, cause.to_string().trim_end_matches('.')))
    })?;
    options.properties.iter().try_for_each(|(name, value)| check_property(name, value))?;
    let clock = Clock::system();
    let mut producer = Producer::new(options, &clock)?;
    let mut output = Output::new();
    match (&options.body, &options.file) {
        (Some(body), _) => producer.send(body.as_bytes(), &mut output)?,
        (None, Some(file)) => producer.send(&read_file(file)?, &mut output)?,
        (None, None) => send_lines(&mut producer, &mut output)?,
    }
    output.flush()
}

fn send_lines(producer: &mut Producer<'_>, output: &mut Output) -> Result<(), Error> {
    let mut lines = std::io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let read = lines.by_ref().take(BODY_BYTES_MAX).read_until(b'\n', &mut line);
        let read = read.map_err(|cause| Error::io("cannot read standard input", &cause))?;
        if read == 0 || output.is_closed() {
            return Ok(());
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        if !line.is_empty() {
            producer.send(&line, output)?;
        }
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |cause| Error::io(format_args!("cannot read {}", path.display()), &cause);
    let mut body = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    let read = file.take(BODY_BYTES_MAX + 1).read_to_end(&mut body).map_err(failed)?;
    if read as u64 > BODY_BYTES_MAX {
        return Err(invalid(format!(
            "{}: no broker takes a message above {BODY_BYTES_MAX} bytes",
            path.display()
        )));
    }
    Ok(body)
}

/// Sends messages to the queues of one topic in turn.
struct Producer<'a> {
    options: &'a Send,
    clock: &'a Clock,
    nodes: Vec<Node>,
    connections: Vec<Option<Connection>>,
    places: Vec<Place>,
    next: usize,
    ids: Option<UniqueIds>,
    has_head: bool,
}

impl<'a> Producer<'a> {
    fn new(options: &'a Send, clock: &'a Clock) -> Result<Self, Error> {
        let (nodes, places) = match options.target.named_broker() {
            Some(node) => (vec![node], vec![Place { node: 0, queue_id: -1 }]),
            None => places(options)?,
        };
        let places = match options.queue {
            Some(queue_id) => on_one_queue(&places, queue_id, &options.topic)?,
            None => places,
        };
        let connections = nodes.iter().map(|_| None).collect();
        let next = fastrand::usize(..places.len().max(1));
        Ok(Self { options, clock, nodes, connections, places, next, ids: None, has_head: false })
    }

    /// Sends one body as often as was asked for.
    fn send(&mut self, body: &[u8], output: &mut Output) -> Result<(), Error> {
        if body.is_empty() {
            return Err(invalid("the body is empty; consumers' clients refuse such messages".to_owned()));
        }
        let deflated = if body.len() >= COMPRESSED_FROM_BYTES { deflate(body) } else { None };
        for _ in 0..self.options.count {
            let (body, sys_flag) = deflated.as_deref().map_or((body, 0), |body| (body, COMPRESSED));
            self.send_once(body, sys_flag, output)?;
            if output.is_closed() {
                break;
            }
        }
        Ok(())
    }

    fn send_once(&mut self, body: &[u8], sys_flag: i32, output: &mut Output) -> Result<(), Error> {
        let place =
            *self.places.get(self.next % self.places.len()).ok_or_else(|| no_queue(&self.options.topic))?;
        self.next = self.next.wrapping_add(1);
        let (node, connection) = self.connected(place.node)?;
        let local = connection.local_ip();
        let ids = self.ids.get_or_insert_with(|| UniqueIds::new(self.clock, local));
        let msg_id = ids.next();
        let request = request(self.options, place.queue_id, sys_flag, &msg_id, self.clock.now_ms())
            .with_body(body.to_vec());
        let Some(connection) = self.connections.get_mut(place.node).and_then(Option::as_mut) else {
            return Ok(());
        };
        let answer = connection.call(&request)?;
        self.print(&node, &msg_id, &answer, output)
    }

    fn connected(&mut self, index: usize) -> Result<(Node, &mut Connection), Error> {
        let (Some(node), Some(slot)) = (self.nodes.get(index), self.connections.get_mut(index)) else {
            return Err(no_queue(&self.options.topic));
        };
        if slot.is_none() {
            *slot = Some(node.connect()?);
        }
        let connection = slot.as_mut().ok_or_else(|| no_queue(&self.options.topic))?;
        Ok((node.clone(), connection))
    }

    fn print(
        &mut self,
        node: &Node,
        msg_id: &str,
        answer: &RemotingCommand,
        output: &mut Output,
    ) -> Result<(), Error> {
        let Some(status) = status(answer.code) else {
            return Err(refused(&format!("sending to {} on {}", self.options.topic, node.name), answer));
        };
        let header = SendAnswer::decode(&answer.ext);
        let sent = Sent {
            topic: &self.options.topic,
            broker: &node.name,
            msg_id,
            offset_msg_id: header.message_id.unwrap_or_default(),
            queue_id: header.queue_id.unwrap_or(-1),
            queue_offset: header.queue_offset.unwrap_or(-1),
            status,
        };
        if self.options.json {
            output.json(&sent)?;
        } else {
            let mut table =
                Table::new(&["MSGID                           ", "BROKER", "QUEUE", "OFFSET", "STATUS"]);
            let cells = [
                msg_id.to_owned(),
                node.name.clone(),
                sent.queue_id.to_string(),
                sent.queue_offset.to_string(),
                status.to_owned(),
            ];
            table.row(cells);
            let skipped = usize::from(self.has_head);
            table.lines().iter().skip(skipped).try_for_each(|line| output.line(line))?;
            self.has_head = true;
        }
        // Who feeds standard input by hand wants to see each answer.
        output.flush()
    }
}

/// What a message that was stored was answered with; `None` for a refusal.
fn status(code: i32) -> Option<&'static str> {
    match ResponseCode::from_code(code)? {
        ResponseCode::Success => Some("SEND_OK"),
        stored @ (ResponseCode::FlushDiskTimeout
        | ResponseCode::SlaveNotAvailable
        | ResponseCode::FlushSlaveTimeout) => Some(stored.name()),
        _ => None,
    }
}

fn request(options: &Send, queue_id: i32, sys_flag: i32, msg_id: &str, now_ms: i64) -> OutgoingRequest {
    let properties = String::from_utf8_lossy(&properties_text(options, msg_id)).into_owned();
    let header = SendHeaderV2 {
        producer_group: Some(PRODUCER_GROUP),
        topic: Some(&options.topic),
        default_topic: Some(AUTO_CREATE_TOPIC),
        default_topic_queue_nums: Some(QUEUES_OF_NEW_TOPIC),
        queue_id: Some(queue_id),
        sys_flag: Some(sys_flag),
        born_timestamp_ms: Some(now_ms),
        flag: Some(0),
        properties: Some(&properties),
        reconsume_times: Some(0),
        unit_mode: false,
        max_reconsume_times: None,
        batch: false,
    };
    OutgoingRequest::new(RequestCode::SendMessageV2).with_fields(header.fields())
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, text)
}
