//! Every record of every golden commit log.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{GoldenStore, number, text};
use crate::format::flags::sys_flag;
use crate::format::names::{file, property};
use crate::format::record::ids::{UniqueKey, parse_offset_message_id};
use crate::format::record::layout::BLANK_MIN;
use crate::format::record::properties::get_many;
use crate::format::record::tags::{DelayLevels, record_tags_code};
use crate::format::record::{Peek, RecordView, body_crc, encode, encode_blank, peek, properties};

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `0:0:0:0:0:0:0:1:22911` or `127.0.0.1:22911`, as Java prints addresses.
fn java_host(text: &str) -> SocketAddr {
    let (address, port) = text.rsplit_once(':').unwrap();
    SocketAddr::new(address.parse::<IpAddr>().unwrap(), port.parse().unwrap())
}

fn optional<'a>(value: &'a Value, key: &str) -> Option<&'a [u8]> {
    value[key].as_str().map(str::as_bytes)
}

fn assert_record(record: &RecordView<'_>, expected: &Value) {
    assert_eq!(record.total_size() as i64, number(expected, "size"));
    assert_eq!(record.physical_offset(), number(expected, "phyOffset"));
    assert_eq!(record.topic(), Some(text(expected, "topic")));
    assert_eq!(i64::from(record.queue_id()), number(expected, "queueId"));
    assert_eq!(record.queue_offset(), number(expected, "queueOffset"));
    assert_eq!(record.offset_message_id().as_str(), text(expected, "offsetMsgId"));
    let place = parse_offset_message_id(text(expected, "offsetMsgId")).unwrap();
    assert_eq!((place.store_host, place.physical_offset), (record.store_host(), record.physical_offset()));
    assert_eq!(record.uniq_key(), optional(expected, "uniqKey"));
    assert_eq!(record.tags(), optional(expected, "tags"));
    assert_eq!(record.keys(), optional(expected, "keys"));
    assert_eq!(i64::from(record.sys_flag()), number(expected, "sysFlag"));
    assert_eq!(i64::from(record.flag()), number(expected, "flag"));
    assert_eq!(record.born_host(), java_host(text(expected, "bornHost")));
    assert_eq!(record.store_host(), java_host(text(expected, "storeHost")));
    assert_eq!(record.born_timestamp_ms(), number(expected, "bornTimestamp"));
    assert_eq!(record.store_timestamp_ms(), number(expected, "storeTimestamp"));
    assert_eq!(i64::from(record.reconsume_times()), number(expected, "reconsumeTimes"));
    assert_eq!(record.prepared_transaction_offset(), number(expected, "preparedTransactionOffset"));
    let delay =
        record.property(b"DELAY").map_or(0, |text| std::str::from_utf8(text).unwrap().parse().unwrap());
    assert_eq!(number(expected, "delayLevel"), delay);
    let properties: BTreeMap<&[u8], &[u8]> = properties::iter(record.properties()).collect();
    let expected_properties: BTreeMap<&[u8], &[u8]> = expected["properties"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_str().unwrap().as_bytes()))
        .collect();
    assert_eq!(properties, expected_properties);
    assert_body(record, expected);
}

fn assert_body(record: &RecordView<'_>, expected: &Value) {
    assert!(record.crc_ok());
    assert_eq!(i64::from(record.body_crc()), number(expected, "bodyCRC"));
    assert_eq!(i64::from(body_crc(record.body())), number(expected, "bodyCRC"));
    assert_eq!(record.body().len() as i64, number(expected, "bodyLength"));
    assert_eq!(sha256(record.body()), text(expected, "bodySha256"));
    let compression = record.sys_flag() & (sys_flag::COMPRESSED | sys_flag::COMPRESSION_TYPE_MASK);
    if [0x1, 0x301].contains(&compression) {
        let mut inflated = Vec::new();
        flate2::read::ZlibDecoder::new(record.body()).read_to_end(&mut inflated).unwrap();
        assert_eq!(inflated.len() as i64, number(expected, "decompressedLength"));
        assert_eq!(sha256(&inflated), text(expected, "decompressedSha256"));
    }
}

fn assert_encodes_the_same(record: &RecordView<'_>) {
    let fields = record.fields();
    assert_eq!(fields.size(), record.total_size());
    let mut out = vec![0xEE; record.total_size() + 1];
    assert_eq!(encode(&mut out, &fields), Ok(record.total_size()));
    assert_eq!(out.pop(), Some(0xEE));
    assert_eq!(out, record.bytes());
}

/// Walks the log as recovery does and meets every message and every blank of the manifest, nothing else.
#[test]
fn records_are_what_java_says() {
    let levels = DelayLevels::default();
    for store in GoldenStore::all() {
        let log = &store.manifest["commitLog"];
        let (mut at, end) = (number(log, "minPhyOffset"), number(log, "maxPhyOffset"));
        let mut messages = store.list("messages").iter();
        let mut blanks = store.list("blankRecords").iter();
        while at < end {
            let bytes = store.at(file::COMMIT_LOG, at as u64).unwrap();
            match peek(bytes) {
                Peek::Record { size } => {
                    let (record, expected) = (RecordView::parse(bytes).unwrap(), messages.next().unwrap());
                    assert_record(&record, expected);
                    assert_encodes_the_same(&record);
                    let stored = record.store_timestamp_ms();
                    let [tags, delay] = get_many(record.properties(), [property::TAGS, property::DELAY]);
                    let code = record_tags_code(record.topic_bytes(), tags, delay, stored, &levels);
                    assert_eq!(number(expected, "tagsCode"), code);
                    at += size as i64;
                }
                Peek::Blank { size } => {
                    let expected = blanks.next().unwrap();
                    assert_eq!((number(expected, "phyOffset"), number(expected, "size")), (at, size as i64));
                    assert_eq!(size, bytes.len(), "a blank fills its file");
                    let mut blank = [0; BLANK_MIN];
                    assert!(encode_blank(&mut blank, size as i32));
                    assert_eq!(blank, bytes[..BLANK_MIN]);
                    at += size as i64;
                }
                other => panic!("{}: {other:?} at {at}", store.name),
            }
        }
        assert_eq!((at, messages.next(), blanks.next()), (end, None, None));
        let rest = store.at(file::COMMIT_LOG, end as u64).unwrap();
        assert!(store.name == "torn" || peek(rest) == Peek::End, "{}", store.name);
    }
}

#[test]
fn torn_record_is_noticed() {
    let store = GoldenStore::open("torn");
    let end = number(&store.manifest["commitLog"], "maxPhyOffset");
    let bytes = store.at(file::COMMIT_LOG, end as u64).unwrap();
    assert_eq!(peek(bytes), Peek::Record { size: 201 });
    assert!(RecordView::parse(bytes).map_or(true, |record| !record.crc_ok()));
}

#[test]
fn unique_keys_of_the_java_client_are_understood() {
    let store = GoldenStore::open("main");
    let keys: Vec<&str> =
        store.list("messages").iter().filter_map(|message| message["uniqKey"].as_str()).collect();
    let parsed = keys.iter().filter_map(|key| UniqueKey::parse(key.as_bytes()));
    let loopback = parsed.filter(|key| key.address.is_loopback()).count();
    assert!(loopback > 700, "{loopback} of {}", keys.len());
}
