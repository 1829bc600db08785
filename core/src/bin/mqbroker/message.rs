//! A stored message as the tools show it, on one line or as JSON.

use std::collections::BTreeMap;

use libbroker::internals::format::flags::sys_flag::COMPRESSED;
use libbroker::internals::format::names::property;
use libbroker::internals::format::record::RecordView;
use libbroker::internals::format::record::compressed::inflate;
use libbroker::internals::format::record::properties;
use serde::Serialize;

use crate::terminal::{faint, local_time, printable};

/// An inflated body is shown up to this size: the largest message a broker may be set to take.
const BODY_BYTES_MAX: usize = 64 << 20;
/// A body on a line is cut behind so many characters.
const LINE_CHARS_MAX: usize = 200;

/// What there is to say of a message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    pub topic: String,
    pub queue_id: i32,
    pub queue_offset: i64,
    /// The producer's id, else that of the place.
    pub msg_id: String,
    pub offset_msg_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
    /// Those of the application.
    pub properties: BTreeMap<String, String>,
    pub born_timestamp_ms: i64,
    pub born_host: String,
    pub store_timestamp_ms: i64,
    pub reconsume_times: i32,
    pub sys_flag: i32,
    pub size_bytes: usize,
    /// Inflated.
    pub body_bytes: usize,
    /// The body, where it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The body as hexadecimal digits, where it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_hex: Option<String>,
    /// Whether the body is said to be compressed, but is not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub body_is_damaged: bool,
}

/// Properties that have a place of their own in what is shown.
const SHOWN_APART: [&[u8]; 3] = [property::UNIQ_KEY, property::TAGS, property::KEYS];

impl Message {
    /// What a record says.
    pub fn of(record: &RecordView<'_>) -> Self {
        let is_compressed = record.sys_flag() & COMPRESSED != 0;
        let inflated = if is_compressed { inflate(record.body(), BODY_BYTES_MAX) } else { None };
        let body_is_damaged = is_compressed && inflated.is_none();
        let body = inflated.unwrap_or_else(|| record.body().to_vec());
        let body_bytes = body.len();
        let (body, body_hex) = match String::from_utf8(body) {
            Ok(text) => (Some(text), None),
            Err(bytes) => (None, Some(hex(bytes.as_bytes()))),
        };
        let offset_msg_id = record.offset_message_id().to_string();
        let own = properties::iter(record.properties()).filter(|(name, _)| !SHOWN_APART.contains(name));
        Self {
            topic: text(record.topic_bytes()),
            queue_id: record.queue_id(),
            queue_offset: record.queue_offset(),
            msg_id: record.uniq_key().map_or_else(|| offset_msg_id.clone(), text),
            offset_msg_id,
            tags: record.tags().map(text),
            keys: record.keys().map(text),
            properties: own.map(|(name, value)| (text(name), text(value))).collect(),
            born_timestamp_ms: record.born_timestamp_ms(),
            born_host: record.born_host().to_string(),
            store_timestamp_ms: record.store_timestamp_ms(),
            reconsume_times: record.reconsume_times(),
            sys_flag: record.sys_flag(),
            size_bytes: record.total_size(),
            body_bytes,
            body,
            body_hex,
            body_is_damaged,
        }
    }

    /// When, where, which, and what, on one line.
    pub fn line(&self) -> String {
        let mut marks = String::new();
        for (name, value) in [("tags", &self.tags), ("keys", &self.keys)] {
            if let Some(value) = value {
                marks.push_str(&format!("  {name}={}", printable(value)));
            }
        }
        format!(
            "{}  {}  {}{marks}  {}",
            faint(&local_time(self.store_timestamp_ms)),
            format_args!("{}:{}", self.queue_id, self.queue_offset),
            faint(&printable(&self.msg_id)),
            self.shown_body()
        )
    }

    /// The body, cut to the length of a line.
    pub fn shown_body(&self) -> String {
        let body = match (&self.body, &self.body_hex) {
            (Some(text), _) => printable(text),
            (None, Some(hex)) => format!("0x{hex}"),
            (None, None) => String::new(),
        };
        let damaged = if self.body_is_damaged { " (not the compressed body it claims to be)" } else { "" };
        match body.char_indices().nth(LINE_CHARS_MAX) {
            Some((end, _)) => {
                format!("{}… ({} bytes){damaged}", body.get(..end).unwrap_or(&body), self.body_bytes)
            }
            None => format!("{body}{damaged}"),
        }
    }
}

/// As text; what is no UTF-8 is replaced.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use libbroker::internals::format::record::compressed::deflate;
    use libbroker::internals::format::record::{RecordFields, body_crc, encode};

    use super::*;

    fn message(sys_flag: i32, body: &[u8]) -> Message {
        let host = "127.0.0.1:10911".parse().unwrap();
        let fields = RecordFields {
            queue_id: 3,
            flag: 0,
            queue_offset: 7,
            physical_offset: 4096,
            sys_flag,
            born_timestamp_ms: 1_700_000_000_000,
            born_host: host,
            store_timestamp_ms: 1_700_000_000_001,
            store_host: host,
            reconsume_times: 0,
            prepared_transaction_offset: 0,
            body,
            body_crc: body_crc(body),
            topic: b"T",
            properties: b"TAGS\x01a\x02KEYS\x01k1 k2\x02colour\x01red",
        };
        let mut bytes = vec![0; fields.size()];
        encode(&mut bytes, &fields).unwrap();
        Message::of(&RecordView::parse(&bytes).unwrap())
    }

    #[test]
    fn a_compressed_body_is_shown_inflated() {
        let long = "body ".repeat(2000);
        let message = message(COMPRESSED, &deflate(long.as_bytes()).unwrap());
        assert_eq!((message.body.as_deref(), message.body_bytes), (Some(long.as_str()), 10_000));
        assert!(message.shown_body().ends_with("… (10000 bytes)"), "{}", message.shown_body());
        assert_eq!(
            message.properties.iter().collect::<Vec<_>>(),
            [(&"colour".to_owned(), &"red".to_owned())]
        );
        assert_eq!((message.tags.as_deref(), message.keys.as_deref()), (Some("a"), Some("k1 k2")));
        assert_eq!(message.msg_id, message.offset_msg_id, "without a unique key");
    }

    #[test]
    fn a_body_that_is_no_text_is_shown_as_digits() {
        let binary = message(0, b"\xff\x00");
        assert_eq!((binary.body, binary.body_hex.as_deref()), (None, Some("ff00")));
        let liar = message(COMPRESSED, b"plain");
        assert!(liar.body_is_damaged && liar.line().contains("not the compressed body"), "{}", liar.line());
    }

    #[test]
    fn a_line_holds_no_escape_of_the_body() {
        console::set_colors_enabled(false);
        let line = message(0, b"a\x1b[31mb").line();
        assert!(
            !line.contains('\u{1b}')
                && line.ends_with("3:7  7F00000100002A9F0000000000001000  tags=a  keys=k1 k2  a\\u{1b}[31mb"),
            "{line}"
        );
    }
}
