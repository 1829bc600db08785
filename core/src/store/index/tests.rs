use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::*;
use crate::error::ErrorKind;
use crate::format::record::decode::RecordView;
use crate::format::record::encode::{RecordFields, encode};
use crate::format::record::tags::index_key_hash;
use crate::mmap::disk::Operation;
use crate::store::checkpoint::StoreCheckpoint;
use crate::store::dispatch::FileWait;
use crate::store::options::Tuning;

const BEGIN_MS: i64 = 1_700_000_000_000;
const CLEAN: Trust = Trust { log_end: i64::MAX, durable_until_ms: 0, crashed: false, newest_with_keys: None };

struct Fixture {
    clock: Clock,
    disk: Disk,
    tuning: LiveTuning,
    root: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self {
            clock: Clock::manual(BEGIN_MS),
            disk: Disk::real(),
            tuning: Arc::new(ArcSwap::from_pointee(Tuning::default())),
            root: tempfile::tempdir().unwrap(),
        }
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("index")
    }

    fn open(&self, trust: &Trust) -> MessageIndex {
        let parts = IndexParts {
            disk: self.disk.clone(),
            clock: self.clock.clone(),
            dir: self.dir(),
            layout: IndexLayout::new(7, 5).unwrap(),
            tuning: self.tuning.clone(),
        };
        MessageIndex::open(parts, trust).unwrap()
    }

    fn checkpoint(&self) -> StoreCheckpoint {
        StoreCheckpoint::open(&self.disk, &self.root.path().join("checkpoint")).unwrap()
    }
}

fn record(offset: i64, timestamp_ms: i64, sys_flag: i32, properties: &str) -> Vec<u8> {
    let fields = RecordFields {
        queue_id: 0,
        flag: 0,
        queue_offset: 0,
        physical_offset: offset,
        sys_flag,
        born_timestamp_ms: 0,
        born_host: "127.0.0.1:1".parse().unwrap(),
        store_timestamp_ms: timestamp_ms,
        store_host: "127.0.0.1:2".parse().unwrap(),
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body: b"",
        body_crc: 0,
        topic: b"T",
        properties: properties.as_bytes(),
    };
    let mut bytes = vec![0; fields.size()];
    encode(&mut bytes, &fields).unwrap();
    bytes
}

/// Puts a record with these keys at an offset, which also says its time in seconds.
fn put(index: &MessageIndex, offset: i64, keys: &str) -> Result<(), crate::Error> {
    let bytes = record(offset, BEGIN_MS + offset * 1000, 0, &format!("KEYS\x01{keys}"));
    let record = RecordView::parse(&bytes).unwrap();
    put_record(index, &record)
}

fn put_record(index: &MessageIndex, record: &RecordView<'_>) -> Result<(), crate::Error> {
    let mut keys = Vec::new();
    RecordKeys::of(record).collect(record, &mut keys);
    index.put(&keys, &mut None, FileWait::Allowed).map(drop)
}

fn find(index: &MessageIndex, key: &str) -> Vec<i64> {
    index.find("T", key, 64, 0, i64::MAX).offsets
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn full_files_are_followed_by_new_ones_with_ascending_names() {
    let fixture = Fixture::new();
    let index = fixture.open(&CLEAN);
    assert_eq!(index.find("T", "k", 64, 0, i64::MAX), Found::default());
    (1..=9).for_each(|offset| put(&index, offset, "k").unwrap());
    let headers: Vec<_> = index.all().iter().map(|file| file.header()).collect();
    let spans: Vec<_> =
        headers.iter().map(|h| (h.begin_physical_offset, h.end_physical_offset, h.next_entry)).collect();
    assert_eq!(spans, [(1, 4, 5), (5, 8, 5), (9, 9, 2)]);
    assert_eq!(headers[2].begin_timestamp_ms, BEGIN_MS + 9000, "the first entry makes the beginning");
    // The accident of the reference: the first entry's seconds count from the end of the file before.
    let wanted =
        file::Wanted { hash: index_key_hash(b"T", b"k"), begin_ms: 0, end_ms: i64::MAX, count_max: 9 };
    let mut found = Vec::new();
    index.all()[2].select(&wanted, &mut found);
    index.all()[2].select(&file::Wanted { end_ms: BEGIN_MS + 9999, ..wanted }, &mut found);
    assert_eq!(found, [9]);
    let names = names(&fixture.dir());
    assert_eq!(names.len(), 3);
    let numbers: Vec<u64> = names.iter().map(|name| name.parse().unwrap()).collect();
    assert_eq!((numbers[1], numbers[2]), (numbers[0] + 1, numbers[0] + 2), "the clock stood still");
    assert_eq!(find(&index, "k"), (1..=9).rev().collect::<Vec<_>>());
    fixture.clock.set_wall_ms(BEGIN_MS - 3_600_000);
    let index = fixture.open(&CLEAN);
    (10..=13).for_each(|offset| put(&index, offset, "k").unwrap());
    assert_eq!(find(&fixture.open(&CLEAN), "k"), (1..=13).rev().collect::<Vec<_>>());
}

#[test]
fn unique_key_and_every_part_of_the_keys_are_found() {
    let fixture = Fixture::new();
    let index = fixture.open(&CLEAN);
    let put = |offset, sys_flag, properties| {
        let bytes = record(offset, BEGIN_MS, sys_flag, properties);
        let record = RecordView::parse(&bytes).unwrap();
        put_record(&index, &record).unwrap()
    };
    put(0, 0, "KEYS\x01 a  b\x02UNIQ_KEY\x01u");
    put(1, 0x4, "UNIQ_KEY\x01u");
    put(2, 0xC, "UNIQ_KEY\x01u");
    put(3, 0x8, "UNIQ_KEY\x01v");
    put(4, 0, "TAGS\x01a");
    assert_eq!([find(&index, "a"), find(&index, "b"), find(&index, "")], [vec![0], vec![0], vec![]]);
    assert_eq!(
        [find(&index, "u"), find(&index, "v")],
        [vec![1, 0], vec![3]],
        "prepared, but not rolled back"
    );
    let unique = index.all()[0].header();
    assert_eq!((unique.begin_physical_offset, unique.end_physical_offset), (0, 1));
    fixture.tuning.store(Arc::new(Tuning { index_enabled: false, ..Tuning::default() }));
    put(5, 0, "UNIQ_KEY\x01off");
    assert_eq!(find(&index, "off"), [0; 0]);
}

#[test]
fn times_and_counts_bound_a_query() {
    let fixture = Fixture::new();
    let index = fixture.open(&CLEAN);
    (0..20).for_each(|offset| put(&index, offset, "k").unwrap());
    let find = |count_max, from: i64, to: i64| {
        index.find("T", "k", count_max, BEGIN_MS + from * 1000, BEGIN_MS + to * 1000).offsets
    };
    assert_eq!(find(3, 0, 100), [19, 18, 17]);
    assert_eq!(find(64, 18, 18), [18]);
    assert_eq!(find(64, 17, 18), [18, 17, 16], "a file's first entry counts from the end of the one before");
    assert_eq!(find(64, 1, 3), [3, 2, 1]);
    assert_eq!(find(64, 20, 100), [0; 0]);
    assert_eq!(find(0, 0, 100), [0; 0]);
    fixture.tuning.store(Arc::new(Tuning { query_count_max: 2, ..Tuning::default() }));
    assert_eq!(find(64, 0, 100), [19, 18]);
    let found = index.find("T", "none", 64, 0, i64::MAX);
    assert_eq!((found.last_update_physical_offset, found.last_update_timestamp_ms), (19, BEGIN_MS + 19_000));
}

#[test]
fn a_put_that_failed_half_way_is_completed_by_the_next_one() {
    let full = Arc::new(AtomicBool::new(false));
    let plan = full.clone();
    let fixture = Fixture {
        disk: Disk::failing(Arc::new(move |operation, path: &Path| {
            let affected = operation == Operation::Allocate && path.to_string_lossy().contains("index/");
            (affected && plan.load(Ordering::Relaxed)).then(|| io::Error::from(io::ErrorKind::StorageFull))
        })),
        ..Fixture::new()
    };
    let index = fixture.open(&CLEAN);
    put(&index, 1, "a b").unwrap();
    full.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        assert_eq!(put(&index, 2, "a b c d e f g").unwrap_err().kind(), ErrorKind::DiskFull);
    }
    assert_eq!(names(&fixture.dir()).len(), 1, "no half file stays behind");
    full.store(false, Ordering::Relaxed);
    for _ in 0..3 {
        put(&index, 1, "a b").unwrap();
        put(&index, 2, "a b c d e f g").unwrap();
    }
    assert_eq!([find(&index, "a"), find(&index, "b")], [[2, 1], [2, 1]]);
    for key in ["c", "d", "e", "f", "g"] {
        assert_eq!(find(&index, key), [2]);
    }
    let index = fixture.open(&CLEAN);
    put(&index, 2, "a b c d e f g").unwrap();
    assert_eq!((find(&index, "a"), find(&index, "g")), (vec![2, 1], vec![2]));
}

#[test]
fn after_a_crash_only_durable_full_files_count() {
    let fixture = Fixture::new();
    let checkpoint = fixture.checkpoint();
    let index = fixture.open(&CLEAN);
    (1..=6).for_each(|offset| put(&index, offset, "k").unwrap());
    assert!(index.flush_full(&checkpoint).unwrap());
    assert!(!index.flush_full(&checkpoint).unwrap());
    assert_eq!(checkpoint.values().index_timestamp_ms, BEGIN_MS + 4000);
    (7..=10).for_each(|offset| put(&index, offset, "k").unwrap());
    let crash = Trust { durable_until_ms: BEGIN_MS + 4000, crashed: true, ..CLEAN };
    let index = fixture.open(&crash);
    assert!(index.is_damaged());
    assert_eq!(names(&fixture.dir()).len(), 3, "nothing is removed before it is asked for");
    index.remove_damaged().unwrap();
    assert_eq!((find(&index, "k"), names(&fixture.dir()).len()), (vec![4, 3, 2, 1], 2));
    // A start that dies now is followed by one that knows what is missing.
    assert!(fixture.open(&crash).is_damaged());
    (5..=10).for_each(|offset| put(&index, offset, "k").unwrap());
    assert_eq!(find(&index, "k"), (1..=10).rev().collect::<Vec<_>>());
    assert!(index.flush_full(&checkpoint).unwrap());
    assert!(!index.flush_full(&checkpoint).unwrap(), "durable before, durable now");
    index.flush_all(&checkpoint).unwrap();
}

#[test]
fn files_that_cannot_be_read_are_lost_with_all_behind_them() {
    let fixture = Fixture::new();
    let index = fixture.open(&CLEAN);
    (1..=10).for_each(|offset| put(&index, offset, "k").unwrap());
    drop(index);
    std::fs::write(fixture.dir().join("notes.txt"), "mine").unwrap();
    let second = fixture.dir().join(&names(&fixture.dir())[1]);
    let whole = std::fs::read(&second).unwrap();
    let lost = |bytes: &[u8], trust: &Trust| {
        std::fs::write(&second, bytes).unwrap();
        let index = fixture.open(trust);
        (index.is_damaged(), find(&index, "k").len())
    };
    assert_eq!(lost(&whole, &CLEAN), (false, 10));
    assert_eq!(lost(&whole[..100], &CLEAN), (true, 4));
    assert_eq!(lost(b"", &CLEAN), (true, 4));
    let mut bad_count = whole.clone();
    bad_count[36..40].copy_from_slice(&6_i32.to_be_bytes());
    assert_eq!(lost(&bad_count, &CLEAN), (true, 4));
    assert_eq!(lost(&whole, &Trust { log_end: 8, ..CLEAN }), (true, 4), "knows a record the log has not");
    assert_eq!(lost(&whole, &Trust { log_end: 9, ..CLEAN }), (true, 8));
    fixture.open(&Trust { log_end: 0, ..CLEAN }).remove_damaged().unwrap();
    assert_eq!(names(&fixture.dir()), ["notes.txt"]);
}

#[test]
fn a_circle_of_entries_ends() {
    let fixture = Fixture::new();
    let index = fixture.open(&CLEAN);
    (1..=3).for_each(|offset| put(&index, offset, "k").unwrap());
    let path = fixture.dir().join(&names(&fixture.dir())[0]);
    drop(index);
    let mut bytes = std::fs::read(&path).unwrap();
    let previous_of_first = 40 + 7 * 4 + 20 + 16;
    bytes[previous_of_first..previous_of_first + 4].copy_from_slice(&3_i32.to_be_bytes());
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(find(&fixture.open(&CLEAN), "k"), [3, 2, 1]);
}

#[test]
fn files_below_the_log_are_removed_but_the_newest() {
    let fixture = Fixture::new();
    let index = fixture.open(&CLEAN);
    (1..=12).for_each(|offset| put(&index, offset, "k").unwrap());
    assert_eq!(index.remove_below(4).unwrap(), 0);
    assert_eq!(index.remove_below(5).unwrap(), 1);
    assert_eq!(index.remove_below(100).unwrap(), 1);
    assert_eq!((find(&index, "k"), names(&fixture.dir()).len()), (vec![12, 11, 10, 9], 1));
}

#[test]
fn queries_go_on_while_keys_are_put() {
    let fixture = Fixture::new();
    let index = Arc::new(fixture.open(&CLEAN));
    let reader = index.clone();
    let reading = std::thread::spawn(move || {
        let mut seen = 0;
        while seen < 300 {
            let found = reader.find("T", "k", 64, 0, i64::MAX).offsets;
            assert!(found.is_sorted_by(|newer, older| newer == &(older + 1)), "{found:?}");
            let newest = found.first().copied().unwrap_or(0);
            assert!(newest >= seen);
            seen = newest;
        }
    });
    for offset in 1..=300 {
        put(&index, offset, "k").unwrap();
        if offset % 50 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    reading.join().unwrap();
}
