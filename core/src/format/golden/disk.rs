//! Every consume queue unit, extension unit, index file and checkpoint of the golden stores.

use serde_json::{Value, json};

use super::{GoldenStore, number, text};
use crate::format::disk::checkpoint::{CHECKPOINT_FILE_SIZE, CHECKPOINT_SIZE, Checkpoint};
use crate::format::disk::cq_ext::{self, CqExtUnit};
use crate::format::disk::cq_unit::{CQ_UNIT_SIZE, CqUnit};
use crate::format::disk::index::{IndexEntry, IndexHeader, IndexLayout, decode_slot, encode_slot};
use crate::format::disk::paths::{consume_queue, consume_queue_ext, is_index_name, parse_queue_folder};
use crate::format::names::property::split_keys;
use crate::format::names::{file, property};
use crate::format::record::RecordView;
use crate::format::record::properties::get_many;
use crate::format::record::tags::{DelayLevels, index_key_hash, record_tags_code};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The extension unit a tagsCode leads to, in the words of the manifest.
fn extension(store: &GoldenStore, folder: &str, tags_code: i64) -> Value {
    let offset = cq_ext::offset_of(tags_code).unwrap();
    assert_eq!(cq_ext::address_of(offset), Some(tags_code));
    let bytes = store.at(folder, offset as u64).unwrap();
    let unit = CqExtUnit::first_of(bytes).unwrap();
    let mut again = Vec::new();
    assert!(unit.encode(&mut again));
    assert!(bytes.starts_with(&again));
    let bit_map = if unit.bit_map.is_empty() { Value::Null } else { json!(hex(unit.bit_map)) };
    json!({ "tagsCode": unit.tags_code, "msgStoreTime": unit.store_timestamp_ms, "bitMap": bit_map })
}

fn assert_unit(store: &GoldenStore, ext_folder: &str, unit: &CqUnit, entry: &Value, levels: &DelayLevels) {
    assert!(unit.is_written());
    assert_eq!(unit.physical_offset, entry[1].as_i64().unwrap());
    assert_eq!(i64::from(unit.size), entry[2].as_i64().unwrap());
    assert_eq!(unit.tags_code, entry[3].as_i64().unwrap());
    let mut tags_code = unit.tags_code;
    if cq_ext::is_address(tags_code) {
        let extension = extension(store, ext_folder, tags_code);
        assert_eq!(extension, entry[4]);
        tags_code = number(&extension, "tagsCode");
    }
    if let Some(bytes) = store.at(file::COMMIT_LOG, unit.physical_offset as u64) {
        let record = RecordView::parse(bytes).unwrap();
        assert_eq!(record.total_size() as i64, i64::from(unit.size));
        let stored = record.store_timestamp_ms();
        let [tags, delay] = get_many(record.properties(), [property::TAGS, property::DELAY]);
        let expected = record_tags_code(record.topic_bytes(), tags, delay, stored, levels);
        assert_eq!(tags_code, expected);
    }
}

#[test]
fn queue_units_are_what_java_says() {
    let levels = DelayLevels::default();
    for store in GoldenStore::all() {
        let mut seen = 0;
        for queue in store.list("consumeQueues") {
            let (topic, queue_id) = (text(queue, "topic"), number(queue, "queueId") as i32);
            assert_eq!(parse_queue_folder(&queue_id.to_string()), Some(queue_id));
            let folder = consume_queue(topic, queue_id).unwrap();
            let ext_folder = consume_queue_ext(topic, queue_id).unwrap();
            for entry in queue["entries"].as_array().unwrap() {
                let at = entry[0].as_u64().unwrap() * CQ_UNIT_SIZE as u64;
                let Some(bytes) = store.at(folder.to_str().unwrap(), at) else {
                    assert_eq!(
                        (store.name, topic, queue_id),
                        ("torn", "StCrash", 3),
                        "this folder was deleted"
                    );
                    continue;
                };
                let unit = CqUnit::first_of(bytes).unwrap();
                assert_eq!(unit.encode(), bytes[..CQ_UNIT_SIZE]);
                if store.was_stopped_cleanly() || unit.is_written() {
                    assert_unit(&store, ext_folder.to_str().unwrap(), &unit, entry, &levels);
                    seen += 1;
                }
            }
        }
        assert!(seen > 40, "{}: {seen}", store.name);
    }
}

struct IndexFile<'a> {
    layout: IndexLayout,
    header: IndexHeader,
    bytes: &'a [u8],
}

impl<'a> IndexFile<'a> {
    fn open(store: &GoldenStore, bytes: &'a [u8]) -> Self {
        let conf = |key| store.conf_number(key) as u32;
        let layout = IndexLayout::new(conf("maxHashSlotNum"), conf("maxIndexNum")).unwrap();
        assert_eq!(bytes.len(), layout.file_size());
        let header = IndexHeader::first_of(bytes).unwrap();
        assert!(bytes.starts_with(&header.encode()));
        Self { layout, header, bytes }
    }

    fn slot(&self, slot: u32) -> i32 {
        let bytes = &self.bytes[self.layout.slot_at(slot)..];
        let value = decode_slot(bytes).unwrap();
        assert!(bytes.starts_with(&encode_slot(value as u32)));
        value
    }

    fn entry(&self, number: u32) -> IndexEntry {
        let bytes = &self.bytes[self.layout.entry_at(number)..];
        let entry = IndexEntry::first_of(bytes).unwrap();
        assert!(bytes.starts_with(&entry.encode()));
        entry
    }

    /// Entries of a slot, newest first.
    fn chain(&self, slot: u32) -> impl Iterator<Item = IndexEntry> + '_ {
        let named = |value| self.layout.entry_named(value, self.header.next_entry);
        let mut next = named(self.slot(slot));
        std::iter::from_fn(move || {
            let entry = self.entry(next?);
            next = named(entry.previous);
            Some(entry)
        })
    }
}

fn index_files(store: &GoldenStore) -> Vec<(&str, IndexFile<'_>)> {
    let files = store.folder(file::INDEX);
    files.map(|(name, bytes)| (name, IndexFile::open(store, bytes))).collect()
}

fn header_of(expected: &Value) -> IndexHeader {
    IndexHeader {
        begin_timestamp_ms: number(expected, "beginTimestamp"),
        end_timestamp_ms: number(expected, "endTimestamp"),
        begin_physical_offset: number(expected, "beginPhyOffset"),
        end_physical_offset: number(expected, "endPhyOffset"),
        used_slots: number(expected, "hashSlotCount") as u32,
        next_entry: number(expected, "indexCount") as u32,
    }
}

#[test]
fn index_files_are_what_java_says() {
    for store in GoldenStore::all().filter(GoldenStore::was_stopped_cleanly) {
        let files = index_files(&store);
        assert_eq!(files.len(), store.list("indexFiles").len());
        for ((name, file), expected) in files.iter().zip(store.list("indexFiles")) {
            assert!(is_index_name(name));
            assert_eq!(*name, text(expected, "fileName"));
            assert_eq!(file.header, header_of(expected));
            let slots = (0..file.layout.slots()).map(|slot| (slot, file.slot(slot)));
            let used: Vec<Value> = slots.filter(|(_, value)| *value != 0).map(|slot| json!(slot)).collect();
            assert_eq!(json!(used), expected["slots"]);
            let entries = (1..file.header.next_entry).map(|number| {
                let entry = file.entry(number);
                json!([number, entry.key_hash, entry.physical_offset, entry.seconds, entry.previous])
            });
            assert_eq!(json!(entries.collect::<Vec<_>>()), expected["entries"]);
        }
    }
}

/// Slots and chains hold together in every file, those cut off by a crash included.
#[test]
fn index_chains_stay_in_their_slot() {
    for store in GoldenStore::all() {
        for (_, file) in index_files(&store) {
            let chained: usize = (0..file.layout.slots())
                .map(|slot| {
                    file.chain(slot)
                        .inspect(|entry| assert_eq!(file.layout.slot_of(entry.key_hash), slot))
                        .count()
                })
                .sum();
            assert_eq!(chained, file.header.next_entry as usize - 1);
        }
    }
}

#[test]
fn keys_are_found_as_java_finds_them() {
    for store in GoldenStore::all().filter(GoldenStore::was_stopped_cleanly) {
        let files = index_files(&store);
        for lookup in store.list("keyLookups") {
            let hash = index_key_hash(text(lookup, "topic").as_bytes(), text(lookup, "key").as_bytes());
            if let Some(expected) = lookup["hash"].as_i64() {
                assert_eq!(i64::from(hash), expected);
            }
            let found = files.iter().rev().flat_map(|(_, file)| {
                file.chain(file.layout.slot_of(hash)).filter(|entry| entry.key_hash == hash)
            });
            let found: Vec<i64> = found.map(|entry| entry.physical_offset).take(64).collect();
            assert_eq!(json!(found), lookup["phyOffsets"], "{}: {lookup}", store.name);
        }
    }
}

/// The header rules, replayed over the log, give the entries Java wrote.
#[test]
fn index_entries_follow_from_the_log() {
    let store = GoldenStore::open("main");
    let mut keys = store.list("messages").iter().flat_map(|message| {
        let topic = text(message, "topic").as_bytes();
        let uniq_key = message["uniqKey"].as_str().map(str::as_bytes);
        let keys = message["keys"].as_str().map(str::as_bytes).unwrap_or_default();
        let hashes = uniq_key.into_iter().chain(split_keys(keys)).map(|key| index_key_hash(topic, key));
        let offset = number(message, "phyOffset");
        hashes.map(move |hash| (hash, offset, number(message, "storeTimestamp"))).collect::<Vec<_>>()
    });
    let mut previous = IndexHeader::following(0, 0);
    for (name, file) in index_files(&store) {
        let mut header = IndexHeader::following(previous.end_timestamp_ms, previous.end_physical_offset);
        let mut slots = vec![0; file.layout.slots() as usize];
        while header.next_entry < file.header.next_entry {
            let (key_hash, physical_offset, stored) = keys.next().unwrap();
            let slot = &mut slots[file.layout.slot_of(key_hash) as usize];
            let seconds = header.seconds_of(stored);
            let entry = IndexEntry { key_hash, physical_offset, seconds, previous: *slot };
            assert_eq!(file.entry(header.next_entry), entry, "{name} {}", header.next_entry);
            let slot_was_empty = *slot == 0;
            *slot = header.next_entry as i32;
            header.count(physical_offset, stored, slot_was_empty);
        }
        assert_eq!(header, file.header);
        previous = header;
    }
    assert_eq!(keys.next(), None);
}

#[test]
fn checkpoints_are_what_java_says() {
    for store in GoldenStore::all() {
        let bytes = store.file(file::CHECKPOINT).unwrap();
        assert_eq!(bytes.len(), CHECKPOINT_FILE_SIZE);
        let checkpoint = Checkpoint::decode(bytes).unwrap();
        let expected = &store.manifest["checkpointBeforeLoad"];
        assert_eq!(checkpoint.commit_log_timestamp_ms, number(expected, "physicMsgTimestamp"));
        assert_eq!(checkpoint.consume_queue_timestamp_ms, number(expected, "logicsMsgTimestamp"));
        assert_eq!(checkpoint.index_timestamp_ms, number(expected, "indexMsgTimestamp"));
        assert_eq!(checkpoint.recovered_until_ms(), number(expected, "minTimestamp"));
        assert_eq!(checkpoint.recovered_until_with_index_ms(), number(expected, "minTimestampIndex"));
        assert_eq!(checkpoint.encode(), bytes[..CHECKPOINT_SIZE]);
        assert!(bytes[CHECKPOINT_SIZE..].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn abort_and_lock_are_where_they_belong() {
    for store in GoldenStore::all() {
        let abort = store.file(file::ABORT).is_some();
        assert_eq!(abort, store.manifest["abortPresentBeforeLoad"].as_bool().unwrap());
        assert_eq!(store.file(file::LOCK), Some(file::LOCK_TEXT.as_bytes()));
    }
}
