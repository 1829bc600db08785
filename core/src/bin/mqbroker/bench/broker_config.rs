//! What the broker says of its own configuration.

use libbroker::internals::format::wire::{OutgoingRequest, RequestCode};

use crate::connection::{Connection, is_success};

const UNKNOWN: &str = "unknown";

/// When the broker syncs: its property `flushDiskType`, or `unknown` when it does not tell.
pub fn flush_type(connection: &mut Connection) -> String {
    match connection.call(&OutgoingRequest::new(RequestCode::GetBrokerConfig)) {
        Ok(answer) if is_success(&answer) => {
            property(&answer.body, "flushDiskType").unwrap_or(UNKNOWN).to_owned()
        }
        _ => UNKNOWN.to_owned(),
    }
}

/// The value of a key in a text of `key=value` lines.
fn property<'a>(text: &'a [u8], key: &str) -> Option<&'a str> {
    let lines = text.split(|byte| *byte == b'\n').filter_map(|line| str::from_utf8(line).ok());
    lines
        .filter_map(|line| line.split_once('='))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, it)| it.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_is_found_by_its_whole_name() {
        let text = b"flushDiskTypeOld=a\n\xff=b\nflushDiskType=SYNC_FLUSH\r\nlast=1";
        assert_eq!(property(text, "flushDiskType"), Some("SYNC_FLUSH"));
        assert_eq!(property(text, "last"), Some("1"));
        assert_eq!(property(text, "flushDisk"), None);
    }
}
