//! The properties of a message that is sent.

use libbroker::internals::format::names::property;
use libbroker::internals::format::record::properties::{self, NAME_VALUE_SEPARATOR, PROPERTY_SEPARATOR};
use libbroker::{Error, ErrorKind};

use super::Send;

/// The text of a message's properties.
pub fn properties_text(options: &Send, msg_id: &str) -> Vec<u8> {
    let mut text = Vec::new();
    let delay = options.delay_level.map(|level| level.to_string());
    let own = [
        (property::UNIQ_KEY, Some(msg_id)),
        (property::WAIT, Some("true")),
        (property::TAGS, options.tags.as_deref()),
        (property::KEYS, options.keys.as_deref()),
        (property::DELAY, delay.as_deref()),
    ];
    for (name, value) in own {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            properties::push(&mut text, name, value.as_bytes());
        }
    }
    options.properties.iter().for_each(|(name, value)| {
        properties::push(&mut text, name.as_bytes(), value.as_bytes());
    });
    text
}

/// Splits what `--property` is given.
pub fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err("expected NAME=VALUE".to_owned()),
    }
}

/// Names the system gives a meaning to (Java: `MessageConst.STRING_HASH_SET`).
const RESERVED: [&[u8]; 24] = [
    property::KEYS,
    property::TAGS,
    property::WAIT,
    property::DELAY,
    property::RETRY_TOPIC,
    property::REAL_TOPIC,
    property::REAL_QID,
    property::TRAN_MSG,
    property::PGROUP,
    property::MIN_OFFSET,
    property::MAX_OFFSET,
    property::BUYER_ID,
    property::ORIGIN_MESSAGE_ID,
    property::TRANSFER_FLAG,
    property::CORRECTION_FLAG,
    property::MQ2_FLAG,
    property::RECONSUME_TIME,
    property::MSG_REGION,
    property::UNIQ_KEY,
    property::MAX_RECONSUME_TIMES,
    property::CONSUME_START_TIME,
    property::INNER_MULTI_DISPATCH,
    property::INNER_MULTI_QUEUE_OFFSET,
    property::CLUSTER,
];

/// Refuses what no message can have as a property of its application.
pub fn check_property(name: &str, value: &str) -> Result<(), Error> {
    let is_plain =
        |text: &str| !text.bytes().any(|byte| matches!(byte, NAME_VALUE_SEPARATOR | PROPERTY_SEPARATOR));
    let problem = if name.is_empty() || value.is_empty() {
        "name and value must not be empty"
    } else if !is_plain(name) || !is_plain(value) {
        "the characters U+0001 and U+0002 are not allowed"
    } else if RESERVED.contains(&name.as_bytes()) {
        "this name belongs to the system; see --tags, --keys and --delay-level, or take another one"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::InvalidArgument, format!("--property {name}={value}: {problem}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_of_the_system_are_refused() {
        assert!(check_property("colour", "a=b").is_ok());
        for (name, value) in [("", "x"), ("x", ""), ("KEYS", "k"), ("a\u{1}b", "x"), ("a", "x\u{2}y")] {
            assert_eq!(
                check_property(name, value).unwrap_err().kind(),
                ErrorKind::InvalidArgument,
                "{name:?}"
            );
        }
    }
}
