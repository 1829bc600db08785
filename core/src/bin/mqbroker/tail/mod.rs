//! `mqbroker tail`: the messages of a topic as they come.
//!
//! A thread for each broker keeps a long poll on each queue over one connection and hands over what comes; they are printed in the
//! order of their coming.

pub mod args;
mod follow;

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use libbroker::internals::format::wire::body::TopicStats;
use libbroker::internals::format::wire::header::admin::TopicHeader;
use libbroker::internals::format::wire::header::offset::{OffsetAnswer, SearchOffsetHeader};
use libbroker::internals::format::wire::{RequestCode, ResponseCode};
use libbroker::{Error, ErrorKind};

use self::args::{Start, Tail};
use self::follow::{Cursor, Follower};
use crate::connection::Connection;
use crate::message::Message;
use crate::remote::{Answered, ask, body_of};
use crate::terminal::Output;

/// Messages read ahead of what is printed.
const AHEAD_MAX: usize = 256;

/// What a follower hands over: a message, or why there are no more.
pub type Come = Result<Message, Error>;

/// Follows.
pub fn tail(options: &Tail) -> Result<(), Error> {
    let mut followers = Vec::new();
    for node in options.target.nodes_of(&options.topic)? {
        let mut connection = node.connect()?;
        let cursors = cursors(&mut connection, options)?;
        if !cursors.is_empty() {
            followers.push(Follower::new(connection, &options.topic, &options.tags, cursors));
        }
    }
    if followers.is_empty() {
        let queue = options.queue.map_or(String::new(), |queue| format!(" {queue}"));
        let text = format!("topic {0} has no queue{queue}; see `mqbroker topics {0}`", options.topic);
        return Err(Error::new(ErrorKind::NotFound, text));
    }
    let closers = followers.iter().map(Follower::closer).collect::<Result<Vec<_>, _>>()?;
    let (to, from) = sync_channel(AHEAD_MAX);
    thread::scope(|scope| {
        for follower in followers {
            let to = to.clone();
            scope.spawn(move || follower.run(&to));
        }
        drop(to);
        let printed = print(options, from);
        closers.iter().for_each(Connection::close);
        printed
    })
}

fn print(options: &Tail, from: Receiver<Come>) -> Result<(), Error> {
    let mut output = Output::new();
    let mut left = options.count.unwrap_or(u64::MAX);
    while left > 0 && !output.is_closed() {
        // Several that came together are written together.
        let come = match from.try_recv() {
            Ok(come) => come,
            Err(_) => {
                output.flush()?;
                let Ok(come) = from.recv() else { break };
                come
            }
        };
        let message = come?;
        if options.json {
            output.json(&message)?
        } else {
            output.line(&message.line())?
        }
        left -= 1;
    }
    output.flush()
}

/// The queues of a broker and where to begin in them.
fn cursors(connection: &mut Connection, options: &Tail) -> Result<Vec<Cursor>, Error> {
    let topic = options.topic.as_str();
    let header = TopicHeader { topic: Some(topic) };
    let expected = [ResponseCode::TopicNotExist];
    let (code, what) = (RequestCode::GetTopicStatsInfo, format!("queues of {topic}"));
    let stats: Option<TopicStats> = body_of(connection, code, header.fields(), &what, &expected)?;
    let stats = stats.ok_or_else(|| {
        let text = format!("unknown topic {topic}; `mqbroker topics` lists what there is");
        Error::new(ErrorKind::NotFound, text)
    })?;
    let wanted = stats
        .offset_table
        .into_iter()
        .filter(|(queue, _)| options.queue.is_none_or(|queue_id| queue.queue_id == queue_id));
    wanted
        .map(|(queue, offsets)| {
            let offset = match options.from {
                Start::First => offsets.min_offset,
                Start::Last => offsets.max_offset,
                Start::Offset(offset) => offset.clamp(offsets.min_offset, offsets.max_offset),
                Start::Time(ms) => offset_at(connection, topic, queue.queue_id, ms)?,
            };
            Ok(Cursor { queue_id: queue.queue_id, offset })
        })
        .collect()
}

fn offset_at(connection: &mut Connection, topic: &str, queue_id: i32, time_ms: i64) -> Result<i64, Error> {
    let header =
        SearchOffsetHeader { topic: Some(topic), queue_id: Some(queue_id), timestamp_ms: Some(time_ms) };
    let (code, what) =
        (RequestCode::SearchOffsetByTimestamp, format!("offset of {topic}/{queue_id} by time"));
    match ask(connection, code, header.fields(), &what, &[])? {
        Answered::Granted(answer) | Answered::Refused(answer) => {
            Ok(OffsetAnswer::decode(&answer.ext).offset.unwrap_or(0))
        }
    }
}
