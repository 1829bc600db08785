//! The topic of the load.

use libbroker::internals::format::names::AUTO_CREATE_TOPIC;
use libbroker::internals::format::wire::header::admin::CreateTopicHeader;
use libbroker::internals::format::wire::header::offset::{OffsetAnswer, QueueHeader};
use libbroker::internals::format::wire::{OutgoingRequest, RequestCode};
use libbroker::{Error, ErrorKind};

use crate::connection::{Connection, is_success, refusal};

/// Readable and writable.
const PERMISSION: i32 = 6;

/// The most queues that are looked for.
const QUEUES_MAX: u32 = 10_000;

/// Creates the topic or sets its number of queues. A broker that refuses it may still create the topic on the first send:
/// what it says is returned.
pub fn create(connection: &mut Connection, topic: &str, queues: u32) -> Result<Option<String>, Error> {
    let queues = i32::try_from(queues).ok();
    let header = CreateTopicHeader {
        read_queue_nums: queues,
        write_queue_nums: queues,
        perm: Some(PERMISSION),
        topic_filter_type: Some("SINGLE_TAG"),
        topic: Some(topic),
        default_topic: Some(AUTO_CREATE_TOPIC),
        topic_sys_flag: Some(0),
        order: false,
    };
    let request = OutgoingRequest::new(RequestCode::UpdateAndCreateTopic).with_fields(header.fields());
    let answer = connection.call(&request)?;
    Ok((!is_success(&answer)).then(|| refusal(&answer)))
}

/// A queue and the offsets of its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    pub id: i32,
    pub min_offset: i64,
    /// One behind the last.
    pub max_offset: i64,
}

/// Creates the topic, or fails.
pub fn create_now(connection: &mut Connection, topic: &str, queues: u32) -> Result<(), Error> {
    match create(connection, topic, queues)? {
        Some(reason) => {
            Err(Error::new(ErrorKind::NotFound, format!("topic {topic} cannot be created: {reason}")))
        }
        None => Ok(()),
    }
}

/// One queue, which may be empty.
pub fn queue(connection: &mut Connection, topic: &str, id: i32) -> Result<Queue, Error> {
    let mut offset = |code: RequestCode| {
        let header = QueueHeader { topic: Some(topic), queue_id: Some(id) };
        let answer = connection.call(&OutgoingRequest::new(code).with_fields(header.fields()))?;
        OffsetAnswer::decode(&answer.ext).offset.filter(|_| is_success(&answer)).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("queue {id} of {topic}: {}", refusal(&answer)))
        })
    };
    let min_offset = offset(RequestCode::GetMinOffset)?;
    Ok(Queue { id, min_offset, max_offset: offset(RequestCode::GetMaxOffset)? })
}

/// All queues of a topic with that many, empty ones too.
pub fn all_queues(connection: &mut Connection, topic: &str, queues: u32) -> Result<Vec<Queue>, Error> {
    let ids = (0..queues).map_while(|id| i32::try_from(id).ok());
    ids.map(|id| queue(connection, topic, id)).collect()
}

/// The queues of a topic that have messages. Queues are numbered from 0 and filled in turn, so the first empty one is the end.
pub fn queues(connection: &mut Connection, topic: &str) -> Result<Vec<Queue>, Error> {
    let mut queues = Vec::new();
    for id in (0..QUEUES_MAX).map_while(|id| i32::try_from(id).ok()) {
        let queue = queue(connection, topic, id)?;
        if queue.max_offset <= queue.min_offset {
            break;
        }
        queues.push(queue);
    }
    if queues.is_empty() {
        let text =
            format!("topic {topic} has no messages: fill it with `mqbroker bench send --topic {topic}`");
        return Err(Error::new(ErrorKind::NotFound, text));
    }
    Ok(queues)
}
