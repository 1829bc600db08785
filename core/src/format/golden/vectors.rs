//! Single values computed by the released jars, and bytes of a running broker.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;

use super::{number, text, unhex, vectors};
use crate::format::disk::checkpoint::Checkpoint;
use crate::format::disk::cq_unit::CqUnit;
use crate::format::disk::index::{IndexEntry, IndexHeader, IndexLayout};
use crate::format::disk::paths::{OffsetName, parse_offset_name};
use crate::format::record::batch::{BatchPart, parts, push_part};
use crate::format::record::ids::ID_LEN_V4;
use crate::format::record::tags::{java_hash, non_negative};
use crate::format::record::{RecordFields, RecordView, body_crc, encode, properties};

#[test]
fn string_hashes() {
    let layout = IndexLayout::default();
    for vector in vectors()["stringHash"].as_array().unwrap() {
        let hash = java_hash(text(vector, "string"));
        assert_eq!(i64::from(hash), number(vector, "hashCode"), "{vector}");
        let hash = non_negative(hash);
        assert_eq!(i64::from(hash), number(vector, "indexKeyHash"), "{vector}");
        assert_eq!(i64::from(layout.slot_of(hash)), number(vector, "slotOf5000000"), "{vector}");
    }
}

fn pairs(object: &Value) -> BTreeMap<&[u8], &[u8]> {
    let pairs = object.as_object().unwrap().iter();
    pairs.map(|(name, value)| (name.as_bytes(), value.as_str().unwrap().as_bytes())).collect()
}

#[test]
fn property_texts() {
    for vector in vectors()["properties"].as_array().unwrap() {
        if let Some(pairs) = vector["encodeInOrder"].as_object() {
            let mut out = Vec::new();
            for (name, value) in pairs {
                properties::push(&mut out, name.as_bytes(), value.as_str().unwrap().as_bytes());
            }
            assert_eq!(out, unhex(text(vector, "hex")));
        } else {
            let bytes = unhex(text(vector, "decodeHex"));
            let found: BTreeMap<&[u8], &[u8]> = properties::iter(&bytes).collect();
            assert_eq!(found, pairs(&vector["map"]), "{vector}");
        }
    }
}

fn host(text: &str) -> SocketAddr {
    let (address, port) = text.split_once(" port ").unwrap();
    SocketAddr::new(address.parse().unwrap(), port.parse().unwrap())
}

#[test]
fn message_records() {
    for vector in vectors()["messageRecords"].as_array().unwrap() {
        let record = RecordFields {
            queue_id: 3,
            flag: 7,
            queue_offset: 11,
            physical_offset: 4096,
            sys_flag: 0,
            born_timestamp_ms: 1_700_000_000_000,
            born_host: host(text(vector, "bornHost")),
            store_timestamp_ms: 1_700_000_000_123,
            store_host: host(text(vector, "storeHost")),
            reconsume_times: 2,
            prepared_transaction_offset: 5,
            body: b"hello",
            body_crc: body_crc(b"hello"),
            topic: b"TopicA",
            properties: b"color\x01red",
        };
        assert_eq!(i64::from(record.body_crc), number(vector, "bodyCRC"));
        assert_eq!(i64::from(record.stored_sys_flag()), number(vector, "sysFlag"));
        let mut out = vec![0; record.size()];
        encode(&mut out, &record).unwrap();
        assert_eq!(out, unhex(text(vector, "hex")));
        let view = RecordView::parse(&out).unwrap();
        assert_eq!(view.offset_message_id().as_str(), text(vector, "offsetMsgId"));
    }
}

#[test]
fn batch_body() {
    let bytes = unhex(text(&vectors()["batchBody"], "hex"));
    let part = |flag, body| BatchPart { flag, body, properties: b"WAIT\x01true" };
    let expected = [part(0, &b"b0"[..]), part(1, b"b1")];
    let found: Result<Vec<_>, _> = parts(&bytes).collect();
    assert_eq!(found.unwrap(), expected);
    let mut out = Vec::new();
    assert!(expected.iter().all(|part| push_part(&mut out, part)));
    assert_eq!(out, bytes);
}

#[test]
fn body_crcs() {
    let vectors = vectors();
    let crcs = &vectors["crc32"];
    assert_eq!(i64::from(body_crc(b"hello")), number(crcs, "of 'hello' masked 0x7fffffff"));
    assert_eq!(i64::from(body_crc(b"")), number(crcs, "of empty"));
}

#[test]
fn file_names() {
    for (offset, name) in vectors()["offset2FileName"].as_object().unwrap() {
        let (offset, name) = (offset.parse().unwrap(), name.as_str().unwrap());
        assert_eq!(OffsetName::new(offset).as_str(), name);
        assert_eq!(parse_offset_name(name), Some(offset));
    }
}

#[test]
fn unique_id_length() {
    assert_eq!(ID_LEN_V4 as i64, number(&vectors()["uniqueIdLayout"], "hexLengthIpv4"));
}

#[test]
fn live_record() {
    let vectors = vectors();
    let live = &vectors["live"]["firstCommitLogRecord"];
    let (bytes, stored) = (unhex(text(live, "hex")), &live["stored"]);
    let record = RecordView::parse(&bytes).unwrap();
    assert_eq!((record.body(), record.topic()), (&b"hello"[..], Some(text(stored, "topic"))));
    assert_eq!(i64::from(record.flag()), number(stored, "flag"));
    assert_eq!(record.properties(), text(stored, "properties").as_bytes());
    assert_eq!(record.keys(), Some(&b"k1 k2"[..]));
}

#[test]
fn live_check_transaction_bodies_are_records() {
    for check in vectors()["live"]["checkTransaction"].as_array().unwrap() {
        let bytes = unhex(text(check, "bodyHex"));
        let record = RecordView::parse(&bytes).unwrap();
        assert_eq!((record.total_size(), record.crc_ok()), (bytes.len(), true));
        let header: Value = serde_json::from_str(text(check, "header")).unwrap();
        let fields = &header["extFields"];
        assert_eq!(record.physical_offset().to_string(), text(fields, "commitLogOffset"));
        assert_eq!(record.queue_offset().to_string(), text(fields, "tranStateTableOffset"));
        assert_eq!(record.offset_message_id().as_str(), text(fields, "offsetMsgId"));
        assert_eq!(record.uniq_key(), Some(text(fields, "msgId").as_bytes()));
    }
}

#[test]
fn live_files() {
    let vectors = vectors();
    let live = &vectors["live"];
    for units in live["consumeQueueUnits"].as_object().unwrap().values() {
        for unit in units.as_array().unwrap() {
            let bytes = unhex(unit.as_str().unwrap());
            assert_eq!(CqUnit::first_of(&bytes).unwrap().encode(), bytes[..]);
        }
    }
    let bytes = unhex(text(&live["indexFile"], "headerHex"));
    let header = IndexHeader::first_of(&bytes).unwrap();
    assert_eq!((header.used_slots, header.next_entry, header.encode().to_vec()), (20, 27, bytes));
    let layout = IndexLayout::new(5_000, 20_000).unwrap();
    assert_eq!(layout.file_size() as i64, number(&live["indexFile"], "fileSize"));
    let entries = live["indexFile"]["firstEntriesHex"].as_array().unwrap();
    let entries: Vec<IndexEntry> =
        entries.iter().map(|hex| IndexEntry::first_of(&unhex(hex.as_str().unwrap())).unwrap()).collect();
    assert_eq!((entries[4].key_hash, entries[4].previous), (entries[3].key_hash, 4));
    let bytes = unhex(text(&live["checkpoint"], "hexFirst32"));
    assert_eq!(Checkpoint::decode(&bytes).unwrap().encode(), bytes[..24]);
}
