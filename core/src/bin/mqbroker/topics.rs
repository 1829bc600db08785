//! `mqbroker topics`: topics with their queues, offsets and numbers of messages.

use std::collections::BTreeMap;

use clap::Args;
use libbroker::internals::format::disk::tables::{TopicConfig, TopicTable};
use libbroker::internals::format::flags::perm;
use libbroker::internals::format::names::{is_system_topic, reply_topic};
use libbroker::internals::format::wire::body::TopicStats;
use libbroker::internals::format::wire::header::admin::TopicHeader;
use libbroker::internals::format::wire::{HeaderFields, RequestCode, ResponseCode};
use libbroker::{Error, ErrorKind};
use serde::Serialize;

use crate::connection::Connection;
use crate::remote::{Node, Target, body_of};
use crate::terminal::{Output, Table, local_time};

const MORE: &str = "\
With names it shows each queue of these topics. MIN is the lowest offset there is in a queue, MAX the one behind the highest.

Examples:
  mqbroker topics
  mqbroker topics Orders
  mqbroker topics --all --json -b 10.0.0.5:10911";

/// Options of `topics`.
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub struct Topics {
    #[command(flatten)]
    target: Target,

    /// Only these, with all their queues
    #[arg(value_name = "TOPIC")]
    names: Vec<String>,

    /// Topics of the system, too
    #[arg(long)]
    all: bool,

    /// Print a JSON object for each topic of each broker
    #[arg(long)]
    json: bool,
}

/// A topic on a broker.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Topic {
    topic: String,
    broker: String,
    perm: String,
    read_queues: i32,
    write_queues: i32,
    messages: i64,
    /// Store time of the newest message; 0 for none.
    newest_timestamp_ms: i64,
    queues: Vec<Queue>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Queue {
    queue_id: i32,
    min_offset: i64,
    max_offset: i64,
    newest_timestamp_ms: i64,
}

impl Queue {
    fn messages(&self) -> i64 {
        self.max_offset.saturating_sub(self.min_offset).max(0)
    }
}

/// Lists.
pub fn topics(options: &Topics) -> Result<(), Error> {
    let mut found = Vec::new();
    for node in options.target.nodes()? {
        let mut connection = node.connect()?;
        for config in configs(&mut connection, &node, options)? {
            found.extend(topic(&mut connection, &node, config)?);
        }
    }
    if let Some(missing) = options.names.iter().find(|name| !found.iter().any(|topic| topic.topic == **name))
    {
        let text = format!("unknown topic {missing}; `mqbroker topics` lists what there is");
        return Err(Error::new(ErrorKind::NotFound, text));
    }
    found.sort_by(|a, b| (&a.topic, &a.broker).cmp(&(&b.topic, &b.broker)));
    let mut output = Output::new();
    if options.json {
        found.iter().try_for_each(|topic| output.json(topic))?;
    } else {
        let table = if options.names.is_empty() { overview(&found) } else { by_queue(&found) };
        output.table(&table)?;
    }
    output.flush()
}

/// Those topics of a broker that are wanted.
fn configs(connection: &mut Connection, node: &Node, options: &Topics) -> Result<Vec<TopicConfig>, Error> {
    let (code, what) = (RequestCode::GetAllTopicConfig, format!("topics of {}", node.name));
    let table: TopicTable = body_of(connection, code, HeaderFields::new(), &what, &[])?.unwrap_or_default();
    let topics = table.topic_config_table.into_values();
    Ok(topics.filter(|topic| is_wanted(&topic.topic_name, node, options)).collect())
}

fn is_wanted(topic: &str, node: &Node, options: &Topics) -> bool {
    if !options.names.is_empty() {
        return options.names.iter().any(|name| name == topic);
    }
    let cluster = node.cluster.as_deref();
    let is_own = topic == node.name
        || cluster.is_some_and(|cluster| topic == cluster || topic == reply_topic(cluster));
    options.all || !(is_system_topic(topic) || is_own)
}

/// A topic and its queues; `None` when it was deleted meanwhile.
fn topic(connection: &mut Connection, node: &Node, config: TopicConfig) -> Result<Option<Topic>, Error> {
    let header = TopicHeader { topic: Some(&config.topic_name) };
    let (code, what) = (RequestCode::GetTopicStatsInfo, format!("queues of {}", config.topic_name));
    let expected = [ResponseCode::TopicNotExist];
    let stats: Option<TopicStats> = body_of(connection, code, header.fields(), &what, &expected)?;
    let Some(stats) = stats else { return Ok(None) };
    let broker = stats.offset_table.keys().next().map(|queue| queue.broker_name.clone());
    let by_id: BTreeMap<i32, Queue> = stats
        .offset_table
        .into_iter()
        .map(|(queue, offsets)| {
            let newest_timestamp_ms = offsets.last_update_timestamp_ms;
            let (min_offset, max_offset) = (offsets.min_offset, offsets.max_offset);
            (queue.queue_id, Queue { queue_id: queue.queue_id, min_offset, max_offset, newest_timestamp_ms })
        })
        .collect();
    let queues: Vec<Queue> = by_id.into_values().collect();
    Ok(Some(Topic {
        broker: broker.filter(|name| !name.is_empty()).unwrap_or_else(|| node.name.clone()),
        perm: perm::text(config.perm).to_owned(),
        read_queues: config.read_queue_nums,
        write_queues: config.write_queue_nums,
        messages: queues.iter().map(Queue::messages).sum(),
        newest_timestamp_ms: queues.iter().map(|queue| queue.newest_timestamp_ms).max().unwrap_or(0),
        topic: config.topic_name,
        queues,
    }))
}

fn overview(topics: &[Topic]) -> Table {
    let mut table = Table::new(&["TOPIC", "BROKER", "QUEUES", "PERM", "MIN", "MAX", "MESSAGES", "NEWEST"]);
    for topic in topics {
        let min = topic.queues.iter().map(|queue| queue.min_offset).min().unwrap_or(0);
        let max = topic.queues.iter().map(|queue| queue.max_offset).max().unwrap_or(0);
        table.row([
            topic.topic.clone(),
            topic.broker.clone(),
            queues_text(topic),
            topic.perm.clone(),
            min.to_string(),
            max.to_string(),
            topic.messages.to_string(),
            newest_text(topic.newest_timestamp_ms),
        ]);
    }
    table
}

fn by_queue(topics: &[Topic]) -> Table {
    let mut table = Table::new(&["TOPIC", "BROKER", "QUEUE", "MIN", "MAX", "MESSAGES", "NEWEST"]);
    for topic in topics {
        for queue in &topic.queues {
            table.row([
                topic.topic.clone(),
                topic.broker.clone(),
                queue.queue_id.to_string(),
                queue.min_offset.to_string(),
                queue.max_offset.to_string(),
                queue.messages().to_string(),
                newest_text(queue.newest_timestamp_ms),
            ]);
        }
    }
    table
}

/// One number, or those to read and to write.
fn queues_text(topic: &Topic) -> String {
    if topic.read_queues == topic.write_queues {
        topic.read_queues.to_string()
    } else {
        format!("{} to read, {} to write", topic.read_queues, topic.write_queues)
    }
}

fn newest_text(ms: i64) -> String {
    if ms > 0 { local_time(ms) } else { "-".to_owned() }
}
