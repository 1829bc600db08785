//! In what two answers to the same request differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write as _};

use super::frame::Frame;
use super::masks::{masked, sorted};
use crate::harness::stored_message::{StoredMessage, decode_all};

const PULL_MESSAGE: i32 = 11;
const QUERY_MESSAGE: i32 = 12;
const GET_BROKER_CONFIG: i32 = 26;
const GET_BROKER_RUNTIME_INFO: i32 = 28;
const VIEW_MESSAGE_BY_ID: i32 = 33;
const GET_NAMESRV_CONFIG: i32 = 319;

/// How far the index is, which is written behind the log.
const BEHIND: [&str; 2] = ["indexLastUpdatePhyoffset", "indexLastUpdateTimestamp"];

/// What differs, and how: parts of an answer with a text for people. The parts are `answer` (one is missing), `code`,
/// `remark`, `fields` (their names), `field NAME`, `body`, and `order` (of the properties of messages that are the same
/// otherwise).
pub type Differences = BTreeMap<String, String>;

/// The differences for people.
pub fn told(found: &Differences) -> String {
    let mut text = String::new();
    for (part, how) in found {
        let _ = write!(text, "\n  {part}: {how}");
    }
    text
}

/// Compares the answers to a request of this code.
pub fn differences(code: i32, recorded: Option<&Frame>, given: Option<&Frame>) -> Differences {
    let mut found = Differences::new();
    let (recorded, given) = match (recorded, given) {
        (Some(recorded), Some(given)) => (recorded, given),
        (None, None) => return found,
        (Some(recorded), None) => {
            found.insert("answer".to_owned(), format!("none, recorded code {}", recorded.code));
            return found;
        }
        (None, Some(given)) => {
            let text = format!("code {} {:?}, recorded none", given.code, given.remark);
            found.insert("answer".to_owned(), text);
            return found;
        }
    };
    unless_same(&mut found, "code", recorded.code, given.code);
    unless_same(&mut found, "remark", masked(&recorded.remark), masked(&given.remark));
    let names = |frame: &Frame| frame.fields.keys().cloned().collect::<Vec<_>>();
    unless_same(&mut found, "fields", names(recorded), names(given));
    for (name, value) in recorded.fields.iter().filter(|(name, _)| !BEHIND.contains(&name.as_str())) {
        if let Some(other) = given.fields.get(name) {
            unless_same(&mut found, &format!("field {name}"), masked(value), masked(other));
        }
    }
    if let Some((part, text)) = body_difference(code, &recorded.body, &given.body) {
        found.insert(part.to_owned(), text);
    }
    found
}

fn unless_same<T: PartialEq + Debug>(found: &mut Differences, part: &str, recorded: T, given: T) {
    if recorded != given {
        found.insert(part.to_owned(), format!("{given:?}, recorded {recorded:?}"));
    }
}

fn body_difference(code: i32, recorded: &[u8], given: &[u8]) -> Option<(&'static str, String)> {
    if matches!(code, PULL_MESSAGE | QUERY_MESSAGE | VIEW_MESSAGE_BY_ID)
        && let (Ok(recorded), Ok(given)) = (decode_all(recorded), decode_all(given))
    {
        return message_difference(&recorded, &given);
    }
    let recorded = String::from_utf8_lossy(recorded);
    let given = String::from_utf8_lossy(given);
    if matches!(code, GET_BROKER_CONFIG | GET_BROKER_RUNTIME_INFO | GET_NAMESRV_CONFIG) {
        return only_in_one(&names(&recorded), &names(&given)).map(|text| ("body", text));
    }
    let (recorded, given) = (sorted(&masked(&recorded)), sorted(&masked(&given)));
    (recorded != given).then(|| ("body", first_difference(&recorded, &given)))
}

/// The names in `name=value` lines or in the table of the runtime information: the values are those of the machine, and so is
/// the path in the name of the disk's fill level.
fn names(body: &str) -> Vec<String> {
    let body = body.strip_prefix("{\"table\":{").unwrap_or(body);
    let (between, is) = if body.starts_with('"') { (",\"", "\":") } else { ("\n", "=") };
    let name = |entry: &str| {
        let name = entry.split_once(is)?.0.trim_start_matches('"');
        Some(
            name.strip_prefix("commitLogDiskRatio_").map_or(name, |_| "commitLogDiskRatio_<PATH>").to_owned(),
        )
    };
    let names: BTreeSet<String> = body.split(between).filter_map(name).collect();
    names.into_iter().collect()
}

fn message_difference(recorded: &[StoredMessage], given: &[StoredMessage]) -> Option<(&'static str, String)> {
    let compared = |is_ordered: bool| {
        let told = |messages: &[StoredMessage]| -> Vec<String> {
            messages.iter().map(|message| tell(message, is_ordered)).collect()
        };
        only_in_one(&told(recorded), &told(given))
    };
    let content = compared(false).map(|text| ("body", text));
    content.or_else(|| compared(true).map(|text| ("order", text)))
}

/// Everything in a record but times and hosts.
fn tell(message: &StoredMessage, is_ordered: bool) -> String {
    let property = |(name, value): &(String, String)| format!("{name}={}", masked(value));
    let mut properties: Vec<String> = message.properties.iter().map(property).collect();
    if !is_ordered {
        properties.sort();
    }
    let StoredMessage { size, topic, queue_id, queue_offset, physical_offset, .. } = message;
    let StoredMessage { flag, sys_flag, reconsume_times, prepared_transaction_offset, .. } = message;
    let body = masked(&String::from_utf8_lossy(&message.body));
    format!(
        "{topic}/{queue_id}/{queue_offset} at {physical_offset} size {size} flags {flag} {sys_flag} \
         reconsumed {reconsume_times} prepared {prepared_transaction_offset} {body:?} {}",
        properties.join(" ")
    )
}

fn only_in_one(recorded: &[String], given: &[String]) -> Option<String> {
    let only = |these: &[String], those: &[String]| -> String {
        these.iter().filter(|this| !those.contains(this)).map(|this| format!("\n    {this}")).collect()
    };
    (recorded != given)
        .then(|| format!("only given:{}\n  only recorded:{}", only(given, recorded), only(recorded, given)))
}

/// Two long texts from a little before the place where they part.
fn first_difference(recorded: &str, given: &str) -> String {
    let same = recorded.chars().zip(given.chars()).take_while(|(one, other)| one == other).count();
    let excerpt = |text: &str| text.chars().skip(same.saturating_sub(60)).take(200).collect::<String>();
    format!("...{}..., recorded ...{}...", excerpt(given), excerpt(recorded))
}
