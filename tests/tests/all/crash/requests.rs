//! Requests that only these tests make, and reads that they share.

use std::collections::BTreeSet;
use std::io;

use serde_json::Value;
use tests::harness::remoting::{Answer, RawClient, SUCCESS};
use tests::harness::stored_message::StoredMessage;

use super::identity::Identity;

const GET_ALL_TOPIC_CONFIG: i32 = 21;
const CONSUMER_SEND_MSG_BACK: i32 = 36;
const DELETE_TOPIC_IN_BROKER: i32 = 215;
const SEND_BATCH_MESSAGE: i32 = 320;

fn granted(answer: Answer, what: &str) -> io::Result<Answer> {
    if answer.code == SUCCESS {
        return Ok(answer);
    }
    let text = format!("{what}: code {} {}", answer.code, answer.remark);
    Err(io::Error::new(io::ErrorKind::InvalidData, text))
}

/// Sends messages as one batch; the place of the first.
pub fn send_batch(
    client: &mut RawClient,
    topic: &str,
    queue_id: i32,
    messages: &[Identity],
) -> io::Result<i64> {
    let queue_id = queue_id.to_string();
    let fields = [
        ("a", "raw-producer"),
        ("b", topic),
        ("c", "TBW102"),
        ("d", "8"),
        ("e", queue_id.as_str()),
        ("f", "0"),
        ("g", "1"),
        ("h", "0"),
        ("i", ""),
        ("j", "0"),
        ("k", "false"),
        ("m", "true"),
    ];
    let body: Vec<u8> = messages.iter().flat_map(|message| part(*message)).collect();
    granted(client.call(SEND_BATCH_MESSAGE, &fields, &body)?, "send batch")?.number("queueOffset")
}

fn part(message: Identity) -> Vec<u8> {
    let (body, properties) = (message.body(), message.properties());
    let size = 22 + body.len() + properties.len();
    let mut part = Vec::with_capacity(size);
    part.extend((size as i32).to_be_bytes());
    // Magic, checksum and flag.
    part.extend([0; 12]);
    part.extend((body.len() as i32).to_be_bytes());
    part.extend(body);
    part.extend((properties.len() as i16).to_be_bytes());
    part.extend(properties.into_bytes());
    part
}

/// Gives a message back for `group`, to be tried again after the delay of `level`.
pub fn send_back(
    client: &mut RawClient,
    group: &str,
    topic: &str,
    message_id: &str,
    level: i32,
) -> io::Result<()> {
    let fields = [
        ("offset", physical_offset(message_id).to_string()),
        ("group", group.to_owned()),
        ("delayLevel", level.to_string()),
        ("originMsgId", message_id.to_owned()),
        ("originTopic", topic.to_owned()),
        ("unitMode", "false".to_owned()),
        ("maxReconsumeTimes", "16".to_owned()),
    ];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    granted(client.call(CONSUMER_SEND_MSG_BACK, &fields, b"")?, "send back").map(drop)
}

/// The place in the log that an offset message id names.
pub fn physical_offset(message_id: &str) -> i64 {
    let digits = message_id.len().checked_sub(16).and_then(|at| message_id.get(at..));
    let offset = digits.and_then(|digits| i64::from_str_radix(digits, 16).ok());
    offset.unwrap_or_else(|| panic!("{message_id:?} is no offset message id"))
}

/// Removes a topic.
pub fn delete_topic(client: &mut RawClient, topic: &str) -> io::Result<()> {
    granted(client.call(DELETE_TOPIC_IN_BROKER, &[("topic", topic)], b"")?, "delete topic").map(drop)
}

/// The names of all topics.
pub fn topics(client: &mut RawClient) -> BTreeSet<String> {
    let answer = client.call(GET_ALL_TOPIC_CONFIG, &[], b"").expect("an answer");
    let table: Value = serde_json::from_slice(&answer.body).expect("a table of topics");
    let table = table["topicConfigTable"].as_object().expect("a table of topics");
    table.keys().cloned().collect()
}

/// The messages of a queue from the place `first` on, which must follow each other without a gap.
pub fn read(client: &mut RawClient, topic: &str, queue_id: i32, first: usize) -> Vec<StoredMessage> {
    let mut messages = Vec::new();
    let mut offset = first as i64;
    let end = client.max_offset(topic, queue_id).expect("end of the queue");
    while offset < end {
        let found = client.pull(topic, queue_id, offset).expect("an answer");
        assert!(!found.is_empty(), "nothing at {offset} of {topic}/{queue_id}, which ends at {end}");
        for message in found {
            assert_eq!(message.queue_offset, offset, "place in {topic}/{queue_id}");
            offset += 1;
            messages.push(message);
        }
    }
    messages
}

/// The identity of a message that was found; its queue and body must be its own.
pub fn identify(message: &StoredMessage, topic: &str, queue_id: i32) -> Identity {
    let place = message.queue_offset;
    let key = message.property("KEYS").unwrap_or_default();
    let identity =
        Identity::parse(key).unwrap_or_else(|| panic!("place {place} of {topic}/{queue_id}: key {key:?}"));
    assert_eq!((message.topic.as_str(), message.queue_id), (topic, queue_id), "queue of {identity:?}");
    assert!(message.body == identity.body(), "body of {identity:?}: {} bytes", message.body.len());
    identity
}
