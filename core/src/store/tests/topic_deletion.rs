//! Topics that are deleted while messages for them are put, dispatched and read.

use std::sync::atomic::AtomicU64;

use super::*;

/// As many messages each writer puts in a round.
const PUTS_PER_ROUND: u64 = 10;

/// As many deletions there are in all; the environment asks for more.
fn rounds() -> u32 {
    let asked = std::env::var("TEST_DELETION_ROUNDS").ok();
    asked.map_or(300, |rounds| rounds.parse().expect("TEST_DELETION_ROUNDS is a number"))
}

/// Nothing of one topic is ever read in another, nothing of a deleted topic comes back behind what is newer, nothing falls over.
#[test]
fn topics_deleted_during_dispatch_leave_no_foreign_data() {
    const TOPICS: [&str; 3] = ["gone-a", "gone-b", "gone-c"];
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        commit_log_file_bytes: 4 << 20,
        consume_queue_file_bytes: 20 * 1000,
        index_entries: 200,
        ..options(dir.path())
    };
    let store = open(options.clone());
    let (done, round) = (AtomicBool::new(false), AtomicU64::new(0));
    let kept = std::thread::scope(|scope| {
        // Also when an assertion fails: the others must end.
        let stop = Stop(&done);
        let writers: Vec<_> =
            TOPICS.iter().map(|topic| scope.spawn(|| write(&store, topic, &round, &done))).collect();
        let keeper = scope.spawn(|| write(&store, "stays", &round, &done));
        let reader = scope.spawn(|| {
            let mut random = fastrand::Rng::with_seed(1);
            while !done.load(Ordering::Relaxed) {
                read(&store, TOPICS[random.usize(..TOPICS.len())], random.i32(0..2));
            }
        });
        let mut random = fastrand::Rng::with_seed(2);
        for number in 0..rounds() {
            // Somewhere in what the writers do in this round, which is more than that.
            let target = store.max_physical_offset() + random.i64(0..3000);
            round.store(number.into(), Ordering::Relaxed);
            while store.max_physical_offset() < target {
                std::thread::yield_now();
            }
            store.delete_topic(TOPICS[random.usize(..TOPICS.len())]).unwrap();
        }
        drop(stop);
        reader.join().unwrap();
        for writer in writers {
            writer.join().unwrap();
        }
        keeper.join().unwrap()
    });
    settle(&store);
    assert!(store.poisoned().is_none());
    check(&store, &TOPICS, kept);
    // Neither a clean nor a careful start finds anything else.
    let crashed = dir.path().join("crashed");
    for part in ["commitlog", "consumequeue", "index", "checkpoint", "abort"] {
        let from = options.root.join(part);
        if from.is_dir() {
            copy(&from, &crashed.join(part));
        } else {
            fs::copy(from, crashed.join(part)).unwrap();
        }
    }
    store.close().unwrap();
    check(&open(options.clone()), &TOPICS, kept);
    check(&open(StoreOptions { root: crashed, ..options }), &[], kept);
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn check(store: &MessageStore, topics: &[&str], kept: [i64; 2]) {
    for (queue_id, kept) in kept.into_iter().enumerate() {
        let (offset, _) = read(store, "stays", queue_id as i32);
        assert_eq!(offset, kept, "messages of the topic that was never deleted");
        for topic in topics {
            let (end, first) = read(store, topic, queue_id as i32);
            assert!(first.is_none_or(|first| first == 0), "{topic} begins at 0, as after its last deletion");
            assert_eq!(end, store.max_offset(topic, queue_id as i32));
        }
    }
}

/// Puts some messages in every round, until it is told to stop. Gives the number of messages in each of two queues.
fn write(store: &MessageStore, topic: &str, round: &AtomicU64, done: &AtomicBool) -> [i64; 2] {
    let mut counts = [0; 2];
    let mut number = 0_u64;
    while !done.load(Ordering::Relaxed) {
        if number > (round.load(Ordering::Relaxed) + 1) * PUTS_PER_ROUND {
            std::thread::yield_now();
            continue;
        }
        let queue_id = (number % 2) as i32;
        let text = format!("{topic}/{queue_id}/{number}");
        // With keys: a full index file makes a chunk be dispatched twice.
        let properties = format!("KEYS\x01{text}");
        let message =
            PutMessage { properties: properties.as_bytes(), ..message(topic, queue_id, text.as_bytes()) };
        assert_eq!(store.put(&message).status, PutStatus::Ok);
        counts[queue_id as usize] += 1;
        number += 1;
    }
    counts
}

/// Reads a queue from its beginning: every message belongs to it, and is newer than the one before. Gives the offset behind the last,
/// and that of the first.
fn read(store: &MessageStore, topic: &str, queue_id: i32) -> (i64, Option<i64>) {
    let mut offset = store.min_offset(topic, queue_id).unwrap_or(0);
    let (mut first, mut last) = (None, -1);
    loop {
        let outcome = store.get(topic, queue_id, offset, 32, &MatchAll);
        if !matches!(outcome.status, GetStatus::Found | GetStatus::OffsetFoundNull) {
            return (offset, first);
        }
        for slice in &outcome.slices {
            let mut rest: &[u8] = slice;
            while let Ok(record) = RecordView::parse(rest) {
                let text = std::str::from_utf8(record.body()).unwrap();
                let number = text.strip_prefix(&format!("{topic}/{queue_id}/"));
                let number: i64 =
                    number.unwrap_or_else(|| panic!("{text} in {topic}/{queue_id}")).parse().unwrap();
                assert!(record.crc_ok() && record.topic() == Some(topic) && record.queue_id() == queue_id);
                assert!(number > last, "{number} behind {last}");
                (first, last) = (first.or(Some(record.queue_offset())), number);
                rest = &rest[record.total_size()..];
            }
        }
        offset = outcome.next_begin_offset;
    }
}
