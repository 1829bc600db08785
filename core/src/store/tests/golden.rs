//! Stores written by Java 4.9.8, opened by ours: what the Java store said after loading them must be what ours says.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::format::disk::index::{IndexEntry, IndexHeader, IndexLayout, decode_slot};
use crate::format::record::decode::RecordView;
use crate::mmap::disk::Disk;
use crate::store::options::StoreOptions;
use crate::store::{GetStatus, MatchAll, MessageStore};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/store").join(name)
}

pub(crate) fn unpack(name: &str) -> (tempfile::TempDir, Arc<MessageStore>, Value) {
    unpack_with(name, |_| {})
}

pub(super) fn unpack_with(
    name: &str,
    change: impl FnOnce(&mut StoreOptions),
) -> (tempfile::TempDir, Arc<MessageStore>, Value) {
    let dir = tempfile::tempdir().unwrap();
    let archive = fs::File::open(folder(name).join("store.tar.zst")).unwrap();
    let mut archive = tar::Archive::new(zstd::Decoder::new(archive).unwrap());
    archive.set_preserve_mtime(true);
    archive.unpack(dir.path()).unwrap();
    let conf = fs::read_to_string(folder(name).join("broker.conf")).unwrap();
    let number = |key: &str| {
        let line = conf.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("{key} in broker.conf")).trim().parse::<usize>().unwrap()
    };
    let mut options = StoreOptions::new(dir.path().join("store"));
    options.commit_log_file_bytes = number("mappedFileSizeCommitLog");
    options.consume_queue_file_bytes = number("mappedFileSizeConsumeQueue");
    options.index_slots = number("maxHashSlotNum") as u32;
    options.index_entries = number("maxIndexNum") as u32;
    change(&mut options);
    let store = MessageStore::open(options, &Clock::system(), &Disk::real()).unwrap();
    let manifest = serde_json::from_slice(&fs::read(folder(name).join("manifest.json")).unwrap()).unwrap();
    (dir, store, manifest)
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

fn check_messages(store: &MessageStore, manifest: &Value) {
    for message in manifest["messages"].as_array().unwrap() {
        let offset = int(&message["phyOffset"]);
        let bytes = store.record_at(offset).unwrap_or_else(|| panic!("no record at {offset}"));
        let record = RecordView::parse(&bytes).unwrap();
        assert!(record.crc_ok());
        assert_eq!(record.total_size() as i64, int(&message["size"]));
        assert_eq!(record.topic(), message["topic"].as_str());
        assert_eq!(i64::from(record.queue_id()), int(&message["queueId"]));
        assert_eq!(record.queue_offset(), int(&message["queueOffset"]));
        assert_eq!(record.offset_message_id().as_str(), message["offsetMsgId"].as_str().unwrap());
        let digest: String = Sha256::digest(record.body()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, message["bodySha256"].as_str().unwrap());
    }
}

fn check_queue(store: &MessageStore, queue: &Value) {
    let (topic, queue_id) = (queue["topic"].as_str().unwrap(), int(&queue["queueId"]) as i32);
    let entries = queue["entries"].as_array().unwrap();
    if entries.is_empty() {
        assert_eq!(store.max_offset(topic, queue_id), 0);
        return;
    }
    let bounds = (store.min_offset(topic, queue_id), store.max_offset(topic, queue_id));
    assert_eq!(bounds, (Some(int(&queue["minOffset"])), int(&queue["maxOffset"])), "{topic}/{queue_id}");
    let first = int(&entries[0][0]);
    let units = store.queues.find(topic, queue_id).unwrap();
    for entry in entries {
        let unit = units
            .units_from(int(&entry[0]))
            .and_then(|bytes| crate::format::disk::cq_unit::CqUnit::first_of(&bytes));
        let unit = unit.unwrap_or_else(|| panic!("{topic}/{queue_id} has no unit {entry}, first is {first}"));
        let expected = (int(&entry[1]), int(&entry[2]), int(&entry[3]));
        assert_eq!(
            (unit.physical_offset, i64::from(unit.size), unit.tags_code),
            expected,
            "{topic}/{queue_id} {entry}"
        );
    }
    assert_eq!(units.log_end(), int(&queue["maxPhysicOffset"]), "{topic}/{queue_id}");
    for search in queue["searchByTime"].as_array().unwrap() {
        let found = store.offset_by_time(topic, queue_id, int(&search["timestamp"]));
        assert_eq!(found, int(&search["offset"]), "{topic}/{queue_id} {search}");
    }
}

/// A file in the order of the manifest: header, slots in use, entries.
fn index_file(bytes: &[u8], layout: IndexLayout) -> Value {
    let header = IndexHeader::first_of(bytes).unwrap();
    let slot = |slot: u32| decode_slot(&bytes[layout.slot_at(slot)..]).unwrap();
    let slots = (0..layout.slots()).map(|number| (number, slot(number))).filter(|(_, value)| *value != 0);
    let entries = (1..header.next_entry).map(|number| {
        let entry = IndexEntry::first_of(&bytes[layout.entry_at(number)..]).unwrap();
        json!([number, entry.key_hash, entry.physical_offset, entry.seconds, entry.previous])
    });
    json!({
        "beginTimestamp": header.begin_timestamp_ms,
        "endTimestamp": header.end_timestamp_ms,
        "beginPhyOffset": header.begin_physical_offset,
        "endPhyOffset": header.end_physical_offset,
        "hashSlotCount": header.used_slots,
        "indexCount": header.next_entry,
        "slots": slots.map(|(number, value)| json!([number, value])).collect::<Vec<_>>(),
        "entries": entries.collect::<Vec<_>>(),
    })
}

fn index_files(store: &MessageStore) -> Vec<(String, Value)> {
    let options = store.options();
    let layout = IndexLayout::new(options.index_slots, options.index_entries).unwrap();
    let files = fs::read_dir(options.index_path()).unwrap().map(|entry| entry.unwrap());
    let name = |entry: &fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut found: Vec<_> =
        files.map(|entry| (name(&entry), index_file(&fs::read(entry.path()).unwrap(), layout))).collect();
    found.sort_by(|left, right| left.0.cmp(&right.0));
    found
}

fn expected_index_files(manifest: &Value) -> Vec<(String, Value)> {
    let files = manifest["indexFiles"].as_array().unwrap().iter().cloned().map(|mut file| {
        let name = file.as_object_mut().unwrap().remove("fileName").unwrap();
        (name.as_str().unwrap().to_owned(), file)
    });
    files.collect()
}

fn check_index(store: &MessageStore, name: &str, manifest: &Value) {
    for lookup in manifest["keyLookups"].as_array().unwrap() {
        let (topic, key) = (lookup["topic"].as_str().unwrap(), lookup["key"].as_str().unwrap());
        let found = store.index.find(topic, key, 64, 0, i64::MAX).offsets;
        assert_eq!(json!(found), lookup["phyOffsets"], "{name} {lookup}");
    }
    if ["main", "trimmed", "ext"].contains(&name) {
        assert_eq!(index_files(store), expected_index_files(manifest), "{name}");
    }
}

/// The keys of a Java store, put again by ours: the same entries, but for the moments at which files ended.
#[test]
fn an_index_built_anew_equals_the_one_java_built() {
    for name in ["main", "ext", "torn"] {
        let (_dir, store, manifest) = unpack(name);
        let options = store.options().clone();
        store.close().unwrap();
        fs::remove_dir_all(options.index_path()).unwrap();
        fs::create_dir(options.index_path()).unwrap();
        fs::write(options.index_path().join("20200101000000000"), b"makes it build").unwrap();
        let store = MessageStore::open(options, &Clock::system(), &Disk::real()).unwrap();
        let without_names = |files: Vec<(String, Value)>| files.into_iter().map(|(_, file)| file);
        assert!(
            without_names(index_files(&store)).eq(without_names(expected_index_files(&manifest))),
            "{name}"
        );
    }
}

#[test]
fn every_golden_store_opens_and_matches_its_manifest() {
    for name in ["main", "trimmed", "ext", "crash", "torn"] {
        let (_dir, store, manifest) = unpack(name);
        let log = &manifest["commitLog"];
        assert_eq!(store.min_physical_offset(), int(&log["minPhyOffset"]), "{name}");
        assert_eq!(store.max_physical_offset(), int(&log["maxPhyOffset"]), "{name}");
        check_messages(&store, &manifest);
        for queue in manifest["consumeQueues"].as_array().unwrap() {
            check_queue(&store, queue);
        }
        check_index(&store, name, &manifest);
        store.close().unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn a_crashed_java_store_loses_no_acknowledged_message() {
    let (_dir, store, _) = unpack("crash");
    let acks = fs::read_to_string(folder("crash").join("acks.tsv")).unwrap();
    let ids: Vec<&str> = acks.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(!ids.is_empty());
    let mut stored = String::new();
    for queue in 0..64 {
        let mut offset = store.min_offset("StCrash", queue).unwrap_or(0);
        loop {
            let outcome = store.get("StCrash", queue, offset, 32, &MatchAll);
            if !matches!(outcome.status, GetStatus::Found | GetStatus::OffsetFoundNull) {
                break;
            }
            for slice in &outcome.slices {
                let mut rest: &[u8] = slice;
                while let Ok(record) = RecordView::parse(rest) {
                    stored.push_str(record.offset_message_id().as_str());
                    stored.push('\n');
                    rest = &rest[record.total_size()..];
                }
            }
            offset = outcome.next_begin_offset;
        }
    }
    let known = |line: &&str| line.split('\t').any(|field| field.len() == 32 && stored.contains(field));
    let missing: Vec<_> = ids.iter().filter(|line| !known(line)).collect();
    assert!(missing.len() <= 1, "header line at most: {missing:?}");
}
