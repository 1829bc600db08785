//! `mqbroker groups`: consumer groups with their members, and what they have still to consume.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use libbroker::internals::format::disk::tables::SubscriptionGroupTable;
use libbroker::internals::format::names::{BUILT_IN_GROUPS, is_system_group};
use libbroker::internals::format::wire::body::{ConsumeStats, ConsumerConnection};
use libbroker::internals::format::wire::header::admin::ConsumeStatsHeader;
use libbroker::internals::format::wire::header::client::ConsumerGroupHeader;
use libbroker::internals::format::wire::{HeaderFields, RequestCode, ResponseCode};
use libbroker::{Error, ErrorKind};
use serde::Serialize;

use crate::connection::Connection;
use crate::remote::{Node, Target, body_of};
use crate::terminal::{Output, Table, local_time, printable, strong};

const MORE: &str = "\
LAG is the number of messages that the group has not consumed yet. With names it shows each queue, and the members.

Examples:
  mqbroker groups
  mqbroker groups billing
  mqbroker groups --json -b 10.0.0.5:10911";

/// Options of `groups`.
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub struct Groups {
    #[command(flatten)]
    target: Target,

    /// Only these, with queues and members
    #[arg(value_name = "GROUP")]
    names: Vec<String>,

    /// Groups of the system, too
    #[arg(long)]
    all: bool,

    /// Print a JSON object for each group
    #[arg(long)]
    json: bool,
}

/// A group on all brokers.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    group: String,
    lag: i64,
    members: BTreeSet<Member>,
    topics: BTreeMap<String, Vec<Progress>>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    client_id: String,
    address: String,
    language: String,
}

/// How far a group is in a queue.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    broker: String,
    queue_id: i32,
    offset: i64,
    max_offset: i64,
    lag: i64,
    /// Store time of the message before the offset; 0 where there is none.
    consumed_until_ms: i64,
}

/// Lists.
pub fn groups(options: &Groups) -> Result<(), Error> {
    let mut found: BTreeMap<String, Group> = BTreeMap::new();
    for node in options.target.nodes()? {
        let mut connection = node.connect()?;
        for name in names(&mut connection, &node, options)? {
            let group = found
                .entry(name.clone())
                .or_insert_with(|| Group { group: name.clone(), ..Group::default() });
            add_progress(&mut connection, group)?;
            add_members(&mut connection, group)?;
        }
    }
    if let Some(missing) = options.names.iter().find(|name| !found.contains_key(*name)) {
        let text = format!("unknown group {missing}; `mqbroker groups` lists what there is");
        return Err(Error::new(ErrorKind::NotFound, text));
    }
    let mut output = Output::new();
    if options.json {
        found.values().try_for_each(|group| output.json(group))?;
    } else if options.names.is_empty() {
        output.table(&overview(found.values()))?;
    } else {
        found.values().try_for_each(|group| print_whole(group, &mut output))?;
    }
    output.flush()
}

/// The groups of a broker that are wanted.
fn names(connection: &mut Connection, node: &Node, options: &Groups) -> Result<Vec<String>, Error> {
    let (code, what) = (RequestCode::GetAllSubscriptiongroupConfig, format!("groups of {}", node.name));
    let table: SubscriptionGroupTable =
        body_of(connection, code, HeaderFields::new(), &what, &[])?.unwrap_or_default();
    let is_of_system = |name: &str| is_system_group(name) || BUILT_IN_GROUPS.contains(&name);
    let is_wanted = |name: &String| match options.names.as_slice() {
        [] => options.all || !is_of_system(name),
        wanted => wanted.contains(name),
    };
    Ok(table.subscription_group_table.into_keys().filter(is_wanted).collect())
}

fn add_progress(connection: &mut Connection, group: &mut Group) -> Result<(), Error> {
    let header = ConsumeStatsHeader { consumer_group: Some(&group.group), topic: None };
    let (code, what) = (RequestCode::GetConsumeStats, format!("progress of {}", group.group));
    let stats: ConsumeStats = body_of(connection, code, header.fields(), &what, &[])?.unwrap_or_default();
    for (queue, progress) in stats.offset_table {
        let lag = progress.broker_offset.saturating_sub(progress.consumer_offset).max(0);
        group.lag = group.lag.saturating_add(lag);
        group.topics.entry(queue.topic).or_default().push(Progress {
            broker: queue.broker_name,
            queue_id: queue.queue_id,
            offset: progress.consumer_offset,
            max_offset: progress.broker_offset,
            lag,
            consumed_until_ms: progress.last_timestamp_ms,
        });
    }
    group.topics.values_mut().for_each(|queues| {
        queues.sort_by(|a, b| (&a.broker, a.queue_id).cmp(&(&b.broker, b.queue_id)));
    });
    Ok(())
}

/// A member has a connection to every broker: it counts once.
fn add_members(connection: &mut Connection, group: &mut Group) -> Result<(), Error> {
    let header = ConsumerGroupHeader { consumer_group: Some(&group.group) };
    let (code, what) = (RequestCode::GetConsumerConnectionList, format!("members of {}", group.group));
    let expected = [ResponseCode::ConsumerNotOnline];
    let found: Option<ConsumerConnection> = body_of(connection, code, header.fields(), &what, &expected)?;
    for member in found.unwrap_or_default().connections {
        if group.members.iter().any(|known| known.client_id == member.client_id) {
            continue;
        }
        group.members.insert(Member {
            client_id: member.client_id,
            address: member.client_addr,
            language: member.language.map_or("unknown", |language| language.name()).to_owned(),
        });
    }
    Ok(())
}

fn overview<'a>(groups: impl Iterator<Item = &'a Group>) -> Table {
    let mut table = Table::new(&["GROUP", "MEMBERS", "TOPIC", "QUEUES", "LAG"]);
    for group in groups {
        let members = group.members.len().to_string();
        for (topic, queues) in &group.topics {
            let lag: i64 = queues.iter().map(|queue| queue.lag).sum();
            table.row([
                group.group.clone(),
                members.clone(),
                topic.clone(),
                queues.len().to_string(),
                lag.to_string(),
            ]);
        }
        if group.topics.is_empty() {
            table.row([group.group.clone(), members, "-".to_owned(), "-".to_owned(), "-".to_owned()]);
        }
    }
    table
}

fn print_whole(group: &Group, output: &mut Output) -> Result<(), Error> {
    output.line(&format!(
        "{}: {} members, lag {}",
        strong(&printable(&group.group)),
        group.members.len(),
        group.lag
    ))?;
    if !group.members.is_empty() {
        let mut members = Table::new(&["MEMBER", "ADDRESS", "LANGUAGE"]);
        for member in &group.members {
            members.row([member.client_id.clone(), member.address.clone(), member.language.clone()]);
        }
        output.table(&members)?;
    }
    if group.topics.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["TOPIC", "BROKER", "QUEUE", "OFFSET", "MAX", "LAG", "CONSUMED UNTIL"]);
    for (topic, queues) in &group.topics {
        for queue in queues {
            let until = if queue.consumed_until_ms > 0 {
                local_time(queue.consumed_until_ms)
            } else {
                "-".to_owned()
            };
            table.row([
                topic.clone(),
                queue.broker.clone(),
                queue.queue_id.to_string(),
                queue.offset.to_string(),
                queue.max_offset.to_string(),
                queue.lag.to_string(),
                until,
            ]);
        }
    }
    output.table(&table)
}
