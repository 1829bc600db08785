//! The store as a whole: put, get, reopen, crash, torn tail, full disk.

mod bit_flips;
mod damage;
mod ext;
mod faults;
pub(crate) mod golden;
mod index;
mod light_queues;
mod model;
mod retention;
mod snapshot;
mod sync_failures;
mod topic_deletion;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::options::{FlushMode, StoreOptions, TransferLimit};
use super::*;
use crate::clock::Clock;
use crate::error::ErrorKind;
use crate::format::record::batch::{BatchPart, push_part};
use crate::format::record::decode::RecordView;
use crate::mmap::disk::Operation;

fn options(dir: &Path) -> StoreOptions {
    let mut options = StoreOptions::new(dir);
    options.commit_log_file_bytes = 16 << 10;
    options.consume_queue_file_bytes = 20 * 50;
    (options.index_slots, options.index_entries) = (100, 1000);
    options
}

fn open(options: StoreOptions) -> Arc<MessageStore> {
    MessageStore::open(options, &Clock::system(), &Disk::real()).unwrap()
}

fn message<'a>(topic: &'a str, queue_id: i32, body: &'a [u8]) -> PutMessage<'a> {
    PutMessage {
        topic,
        queue_id,
        flag: 0,
        sys_flag: 0,
        born_timestamp_ms: 1,
        born_host: "127.0.0.1:1000".parse().unwrap(),
        store_host: "127.0.0.1:10911".parse().unwrap(),
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body,
        form: BodyForm::Message,
        properties: b"TAGS\x01a\x02CLUSTER\x01c",
        wait_store_ok: true,
    }
}

fn batch_of<'a>(topic: &'a str, queue_id: i32, encoded: &'a [u8]) -> PutMessage<'a> {
    PutMessage { form: BodyForm::Batch, ..message(topic, queue_id, encoded) }
}

fn put(store: &MessageStore, topic: &str, queue_id: i32, body: &[u8]) -> Appended {
    let outcome = store.put(&message(topic, queue_id, body));
    assert_eq!(outcome.status, PutStatus::Ok);
    if let Some(ticket) = outcome.ticket {
        assert_eq!(ticket.wait(Duration::from_secs(20)), PutStatus::Ok);
    }
    outcome.appended.unwrap()
}

/// Every body of a queue, read the way a consumer reads.
fn bodies(store: &MessageStore, topic: &str, queue_id: i32) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut offset = store.min_offset(topic, queue_id).unwrap_or(0);
    loop {
        let outcome = store.get(topic, queue_id, offset, 32, &MatchAll);
        match outcome.status {
            GetStatus::Found | GetStatus::OffsetFoundNull => {}
            _ => return found,
        }
        for slice in &outcome.slices {
            let mut rest: &[u8] = slice;
            while let Ok(record) = RecordView::parse(rest) {
                assert!(record.crc_ok());
                found.push(record.body().to_vec());
                rest = &rest[record.total_size()..];
            }
        }
        offset = outcome.next_begin_offset;
    }
}

fn settle(store: &MessageStore) {
    let started = std::time::Instant::now();
    while store.dispatch_behind_bytes() > 0 {
        assert!(started.elapsed() < Duration::from_secs(20), "dispatch does not catch up");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// In memory where the machine has such a place: for tests that open hundreds of stores.
fn quick_dir() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn messages_come_back_in_order_across_files_and_a_clean_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path()));
    let sent: Vec<Vec<u8>> = (0..200_u32).map(|n| vec![n as u8; 100 + n as usize]).collect();
    for (n, body) in sent.iter().enumerate() {
        assert_eq!(put(&store, "T", 0, body).queue_offset, n as i64);
    }
    settle(&store);
    assert_eq!(bodies(&store, "T", 0), sent);
    assert!(dir.path().join("abort").exists());
    store.close().unwrap();
    store.close().unwrap();
    assert!(!dir.path().join("abort").exists());
    let store = open(options(dir.path()));
    assert_eq!(bodies(&store, "T", 0), sent);
    assert_eq!(put(&store, "T", 0, b"next").queue_offset, 200);
    assert_eq!(put(&store, "T", 5, b"other queue").queue_offset, 0);
}

#[test]
fn a_close_amid_puts_is_clean_and_keeps_what_was_acknowledged() {
    for _ in 0..20 {
        let dir = quick_dir();
        let store = open(options(dir.path()));
        let put = || store.put(&message("T", 0, b"body")).status == PutStatus::Ok;
        let put_all = || (0..).take_while(|_| put()).count();
        let acknowledged: usize = std::thread::scope(|scope| {
            let putters = [scope.spawn(put_all), scope.spawn(put_all)];
            while store.max_offset("T", 0) < 20 {
                std::thread::yield_now();
            }
            store.close().unwrap();
            putters.into_iter().map(|putter| putter.join().unwrap()).sum()
        });
        assert!(!dir.path().join("abort").exists());
        let store = open(options(dir.path()));
        assert_eq!(store.max_offset("T", 0), acknowledged as i64);
        store.close().unwrap();
    }
}

#[test]
fn a_second_store_on_the_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path()));
    let second = MessageStore::open(options(dir.path()), &Clock::system(), &Disk::real());
    assert_eq!(second.unwrap_err().kind(), ErrorKind::StoreLocked);
    store.close().unwrap();
    open(options(dir.path())).close().unwrap();
}

#[test]
fn get_answers_as_the_decision_table_says() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path()));
    let get = |offset| {
        let outcome = store.get("T", 0, offset, 32, &MatchAll);
        (outcome.status, outcome.next_begin_offset)
    };
    assert_eq!(get(0), (GetStatus::NoMessageInQueue, 0));
    for n in 0..3_u8 {
        put(&store, "T", 0, &[n]);
    }
    settle(&store);
    assert_eq!(get(-1), (GetStatus::OffsetTooSmall, 0));
    assert_eq!(get(0), (GetStatus::Found, 3));
    assert_eq!(get(3), (GetStatus::OffsetOverflowOne, 3));
    assert_eq!(get(4), (GetStatus::OffsetOverflowBadly, 3));
    let outcome = store.get("T", 0, 0, 2, &MatchAll);
    assert_eq!((outcome.message_count, outcome.next_begin_offset, outcome.slices.len()), (2, 2, 1));
}

#[test]
fn a_pull_is_bounded_by_bytes_and_count_but_returns_one_message() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.tuning.transfer_in_memory = TransferLimit { bytes: 1000, count: 5 };
    let store = open(options);
    put(&store, "T", 0, &[7; 5000]);
    (0..10).for_each(|n| drop(put(&store, "T", 0, &[n])));
    settle(&store);
    assert_eq!(store.get("T", 0, 0, 32, &MatchAll).message_count, 1);
    assert_eq!(store.get("T", 0, 1, 32, &MatchAll).message_count, 5);
    assert_eq!(store.get("T", 0, 1, 0, &MatchAll).message_count, 1);
}

#[test]
fn a_batch_is_stored_whole_with_consecutive_offsets() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path()));
    put(&store, "T", 0, &[1; 9000]);
    let mut batch = Vec::new();
    for n in 0..40_u8 {
        assert!(push_part(&mut batch, &BatchPart { flag: 3, body: &[n; 100], properties: b"KEYS\x01k" }));
    }
    let outcome = store.put(&batch_of("T", 0, &batch));
    let appended = outcome.appended.unwrap();
    assert_eq!((appended.queue_offset, appended.message_count, appended.batch_offsets.len()), (1, 40, 40));
    assert_eq!(
        appended.physical_offset,
        16 << 10,
        "did not fit the first file, so all of it is in the second"
    );
    settle(&store);
    let stored = bodies(&store, "T", 0);
    assert_eq!(stored.len(), 41);
    assert_eq!(stored[40], [39; 100]);
    let record = store.record_at(appended.batch_offsets[3]).unwrap();
    assert_eq!(RecordView::parse(&record).unwrap().properties(), b"KEYS\x01k\x02TAGS\x01a\x02CLUSTER\x01c");
    assert_eq!(store.put(&batch_of("T", 0, b"junk")).status, PutStatus::MessageIllegal);
    assert_eq!(store.put(&batch_of("T", 0, b"")).status, PutStatus::MessageIllegal);
}

#[test]
fn puts_together_keep_their_order_and_a_refused_one_takes_no_place() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.flush_mode = FlushMode::Sync;
    let store = open(options);
    let mut batch = Vec::new();
    for n in [3_u8, 4] {
        assert!(push_part(&mut batch, &BatchPart { flag: 0, body: &[n], properties: b"" }));
    }
    let unsure = PutMessage { wait_store_ok: false, ..message("T", 0, &[5]) };
    let puts = [
        message("T", 0, &[1]),
        message("", 0, b"no topic"),
        message("U", 0, &[2]),
        batch_of("T", 0, &batch),
        batch_of("T", 0, b"junk"),
        unsure,
    ];
    let PutOutcomes { each, ticket } = store.put_all(&puts);
    let places: Vec<_> = each.iter().map(|put| put.appended.as_ref().map(|at| at.queue_offset)).collect();
    assert_eq!(places, [Some(0), None, Some(0), Some(1), None, Some(3)]);
    let refused: Vec<_> =
        each.iter().map(|put| put.status).filter(|status| *status != PutStatus::Ok).collect();
    assert_eq!(refused, [PutStatus::MessageIllegal; 2]);
    assert_eq!(ticket.unwrap().wait(Duration::from_secs(20)), PutStatus::Ok);
    settle(&store);
    assert_eq!(bodies(&store, "T", 0), [[1], [3], [4], [5]]);
    assert_eq!(bodies(&store, "U", 0), [[2]]);
    assert_eq!((store.stats().put_messages(), store.stats().puts_failed()), (5, 2));
    assert!(store.put_all(&[message("", 0, b"")]).ticket.is_none(), "nothing was stored, nothing waits");
    assert!(store.put_all(&[unsure]).ticket.is_none());
}

/// Messages of many sizes for two queues: some bodies are copied, some are not, and together they fill several files.
fn mixed_bodies() -> Vec<Vec<u8>> {
    [3_usize, 600, 0, 511, 512, 513, 4000, 7, 2000, 5000, 1]
        .iter()
        .cycle()
        .enumerate()
        .map(|(n, len)| vec![n as u8; *len])
        .take(60)
        .collect()
}

#[test]
fn messages_put_together_may_fill_several_files() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path()));
    let sent = mixed_bodies();
    let mut batch = Vec::new();
    for body in sent.iter().take(12) {
        assert!(push_part(&mut batch, &BatchPart { flag: 0, body, properties: b"" }));
    }
    let single = |n: usize| message("T", (n % 2) as i32, &sent[n]);
    let mut puts: Vec<_> = (0..sent.len()).map(single).collect();
    puts.insert(30, batch_of("B", 0, &batch));
    let PutOutcomes { each, .. } = store.put_all(&puts);
    assert!(each.iter().all(|put| put.status == PutStatus::Ok));
    let ends = each.iter().filter_map(|put| put.appended.as_ref());
    let ends: Vec<_> = ends.map(|at| (at.physical_offset, at.size_bytes as i64)).collect();
    let file_bytes = 16 << 10;
    for ((start, size), (next, _)) in ends.iter().zip(&ends[1..]) {
        let follows = start + size == *next || *next == (start / file_bytes + 1) * file_bytes;
        assert!(follows && start / file_bytes == (start + size - 1) / file_bytes, "{start} {size} {next}");
    }
    settle(&store);
    let of_queue = |queue: usize| -> Vec<_> { sent.iter().skip(queue).step_by(2).cloned().collect() };
    let check = |store: &MessageStore| {
        assert_eq!(bodies(store, "T", 0), of_queue(0));
        assert_eq!(bodies(store, "T", 1), of_queue(1));
        assert_eq!(bodies(store, "B", 0), sent[..12]);
    };
    check(&store);
    store.close().unwrap();
    check(&open(options(dir.path())));
}

#[test]
fn a_write_that_fails_stores_nothing_and_leaves_no_gap() {
    let dir = tempfile::tempdir().unwrap();
    let writes = Arc::new(std::sync::atomic::AtomicI64::new(i64::MAX));
    let plan = writes.clone();
    let disk = Disk::failing(Arc::new(move |operation, path: &Path| {
        let affected = operation == Operation::Write && path.to_string_lossy().contains("commitlog/");
        (affected && plan.fetch_sub(1, Ordering::Relaxed) <= 0).then(|| io::Error::other("medium error"))
    }));
    let store = MessageStore::open(options(dir.path()), &Clock::system(), &disk).unwrap();
    let mut batch = Vec::new();
    assert!(push_part(&mut batch, &BatchPart { flag: 0, body: b"part", properties: b"" }));
    put(&store, "T", 0, b"before");
    // The write before the batch works, that of the batch fails, and so does the one behind it.
    writes.store(1, Ordering::Relaxed);
    let puts = [
        message("T", 0, b"stored"),
        message("T", 1, &[1; 2000]),
        batch_of("T", 0, &batch),
        message("T", 0, b"lost"),
        message("T", 0, b"lost too"),
    ];
    let statuses: Vec<_> = store.put_all(&puts).each.iter().map(|put| put.status).collect();
    let failed = PutStatus::CreateMappedFileFailed;
    assert_eq!(statuses, [PutStatus::Ok, PutStatus::Ok, failed, failed, failed]);
    writes.store(i64::MAX, Ordering::Relaxed);
    assert_eq!(put(&store, "T", 0, b"after").queue_offset, 2);
    assert_eq!(put(&store, "T", 1, b"after").queue_offset, 1);
    settle(&store);
    assert_eq!(bodies(&store, "T", 0), [&b"before"[..], b"stored", b"after"]);
    assert_eq!(bodies(&store, "T", 1).len(), 2);
    assert_eq!(store.stats().puts_failed(), 3);
}

#[test]
fn a_message_can_be_read_when_its_put_returns_unless_a_file_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.commit_log_file_bytes = 1 << 20;
    let store = open(options);
    let units_per_file = 50;
    for round in 0..3 {
        // The first message of a file may come by way of the thread that makes the file.
        put(&store, "T", 0, b"first");
        settle(&store);
        for n in 1..units_per_file {
            put(&store, "T", 0, &[n as u8]);
            assert_eq!(store.max_offset("T", 0), round * units_per_file + n + 1);
        }
    }
    assert_eq!(bodies(&store, "T", 0).len(), 3 * units_per_file as usize);
}

#[test]
fn a_panic_while_dispatching_stops_puts_and_not_the_caller() {
    struct Panics;
    impl ArrivalListener for Panics {
        fn arrived(&self, arrivals: &[dispatch::Arrival<'_>]) {
            assert!(arrivals.iter().all(|arrival| arrival.queue_offset != 1), "on purpose");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path()));
    store.set_arrival_listener(Arc::new(Panics));
    put(&store, "T", 0, b"first");
    settle(&store);
    assert_eq!(put(&store, "T", 0, b"second").queue_offset, 1, "it is stored all the same");
    assert!(store.poisoned().is_some_and(|reason| reason.contains("on purpose")), "{:?}", store.poisoned());
    assert_eq!(store.put(&message("T", 0, b"third")).status, PutStatus::ServiceNotAvailable);
}

#[test]
fn limits_refuse_and_store_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.tuning.message_bytes_max = 4000;
    let store = open(options);
    let status = |message: PutMessage<'_>| store.put(&message).status;
    assert_eq!(status(message("T", 0, &[0; 4001])), PutStatus::MessageIllegal);
    assert_eq!(status(message(&"t".repeat(128), 0, b"")), PutStatus::MessageIllegal);
    assert_eq!(status(message("T", -1, b"")), PutStatus::MessageIllegal);
    let long = vec![b'x'; 32_768];
    assert_eq!(
        status(PutMessage { properties: &long, ..message("T", 0, b"") }),
        PutStatus::PropertiesSizeExceeded
    );
    assert_eq!(store.max_physical_offset(), 0);
    let large = self::options(dir.path());
    assert_eq!(large.commit_log_file_bytes, 16 << 10);
    store.close().unwrap();
    let store = open(large);
    assert_eq!(
        store.put(&message("T", 0, &[0; 17_000])).status,
        PutStatus::MessageIllegal,
        "larger than a file"
    );
    assert_eq!(put(&store, "T", 0, b"fits").queue_offset, 0);
}

#[test]
fn after_a_crash_every_message_is_there_and_offsets_go_on() {
    for mode in [FlushMode::Async, FlushMode::Sync] {
        let dir = tempfile::tempdir().unwrap();
        let mut options = options(&dir.path().join("a"));
        options.flush_mode = mode;
        let store = open(options.clone());
        for n in 0..300_u32 {
            put(&store, "T", (n % 3) as i32, &n.to_le_bytes());
        }
        // What a killed process leaves behind, at an arbitrary point of the dispatch.
        copy(&dir.path().join("a"), &dir.path().join("b"));
        options.root = dir.path().join("b");
        let crashed = open(options);
        for queue in 0..3 {
            let expected: Vec<_> = (0..100_u32).map(|n| (n * 3 + queue).to_le_bytes().to_vec()).collect();
            assert_eq!(bodies(&crashed, "T", queue as i32), expected);
        }
        assert_eq!(put(&crashed, "T", 0, b"next").queue_offset, 100);
    }
}

#[test]
fn lost_queues_are_rebuilt_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(&dir.path().join("a")));
    for n in 0..100_u8 {
        put(&store, "T", 0, &[n]);
    }
    settle(&store);
    copy(&dir.path().join("a"), &dir.path().join("b"));
    fs::remove_dir_all(dir.path().join("b/consumequeue")).unwrap();
    let crashed = open(options(&dir.path().join("b")));
    assert_eq!(bodies(&crashed, "T", 0).len(), 100);
}

#[test]
fn a_clean_start_walks_the_log_from_the_record_that_the_queues_know_last() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path()));
    for n in 0..200_u8 {
        put(&store, "T", i32::from(n % 3), &[n; 300]);
    }
    let end = store.max_physical_offset();
    store.close().unwrap();
    let mut files: Vec<_> =
        fs::read_dir(dir.path().join("commitlog")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    // Where Java begins to look.
    let damaged = &files[files.len() - 3];
    let mut bytes = fs::read(damaged).unwrap();
    bytes[4] ^= 1;
    fs::write(damaged, bytes).unwrap();
    let store = open(options(dir.path()));
    assert_eq!(store.max_physical_offset(), end);
    store.close().unwrap();
    // Without queues nothing is known of the end.
    fs::remove_dir_all(dir.path().join("consumequeue")).unwrap();
    let store = open(options(dir.path()));
    assert!(store.max_physical_offset() < end);
}

#[test]
fn a_deleted_topic_stays_deleted_and_lost_queues_come_back_at_a_clean_start() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path()));
    put(&store, "Kept", 0, b"kept");
    put(&store, "Gone", 0, b"gone");
    store.delete_topic("Gone").unwrap();
    store.close().unwrap();
    let store = open(options(dir.path()));
    assert_eq!(bodies(&store, "Gone", 0).len(), 0);
    assert_eq!(put(&store, "Gone", 0, b"anew").queue_offset, 0);
    store.close().unwrap();
    fs::remove_dir_all(dir.path().join("consumequeue")).unwrap();
    let store = open(options(dir.path()));
    assert_eq!(bodies(&store, "Kept", 0), [b"kept"]);
    assert_eq!(bodies(&store, "Gone", 0), [b"anew"]);
}

#[test]
fn a_tail_cut_at_any_byte_leaves_the_valid_prefix() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("a");
    let store = open(options(&source));
    put(&store, "T", 0, b"first");
    let last = put(&store, "T", 0, b"the last record");
    settle(&store);
    let log = format!("commitlog/{:020}", 0);
    let whole = fs::read(source.join(&log)).unwrap();
    let (start, end) = (last.physical_offset as usize, last.physical_offset as usize + last.size_bytes);
    for cut in start..=end {
        let _ = fs::remove_dir_all(dir.path().join("b"));
        copy(&source, &dir.path().join("b"));
        let mut bytes = whole.clone();
        bytes[cut..end].fill(0);
        fs::write(dir.path().join("b").join(&log), bytes).unwrap();
        fs::write(dir.path().join("b/abort"), b"").unwrap();
        let store = open(options(&dir.path().join("b")));
        let expected = if cut == end { 2 } else { 1 };
        assert_eq!(bodies(&store, "T", 0).len(), expected, "cut at {} of {}", cut - start, last.size_bytes);
        assert_eq!(put(&store, "T", 0, b"goes on").queue_offset, expected as i64);
        store.close().unwrap();
    }
}

#[test]
fn a_full_disk_refuses_puts_until_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(false));
    let plan = full.clone();
    let disk = Disk::failing(Arc::new(move |operation, path: &Path| {
        let affected = operation == Operation::Allocate
            && path.starts_with("/")
            && path.to_string_lossy().contains("commitlog");
        (affected && plan.load(Ordering::Relaxed)).then(|| io::Error::from(io::ErrorKind::StorageFull))
    }));
    let store = MessageStore::open(options(dir.path()), &Clock::system(), &disk).unwrap();
    put(&store, "T", 0, b"before");
    full.store(true, Ordering::Relaxed);
    let mut stored = 1;
    let refused = (0..40).map(|_| store.put(&message("T", 0, &[1; 4000])).status).find(|status| {
        stored += i64::from(*status == PutStatus::Ok);
        *status != PutStatus::Ok
    });
    assert_eq!(refused, Some(PutStatus::ServiceNotAvailable));
    full.store(false, Ordering::Relaxed);
    let outcome = std::iter::repeat_with(|| store.put(&message("T", 0, &[2; 4000])))
        .find(|outcome| outcome.status == PutStatus::Ok);
    assert_eq!(outcome.and_then(|outcome| outcome.appended).unwrap().queue_offset, stored);
    settle(&store);
    assert_eq!(bodies(&store, "T", 0).len() as i64, stored + 1);
}

#[test]
fn a_failed_sync_stops_acknowledging_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let plan = broken.clone();
    let disk = Disk::failing(Arc::new(move |operation, path: &Path| {
        let affected = operation == Operation::Sync && path.to_string_lossy().contains("commitlog/");
        (affected && plan.load(Ordering::Relaxed)).then(|| io::Error::other("medium error"))
    }));
    let mut options = options(dir.path());
    options.flush_mode = FlushMode::Sync;
    let store = MessageStore::open(options, &Clock::system(), &disk).unwrap();
    put(&store, "T", 0, b"fine");
    broken.store(true, Ordering::Relaxed);
    let ticket = store.put(&message("T", 0, b"lost?")).ticket.unwrap();
    assert_eq!(ticket.wait(Duration::from_secs(20)), PutStatus::ServiceNotAvailable);
    broken.store(false, Ordering::Relaxed);
    assert_eq!(store.put(&message("T", 0, b"never")).status, PutStatus::ServiceNotAvailable);
    assert!(store.poisoned().unwrap().contains("medium error"));
    assert!(store.close().is_err());
    assert!(dir.path().join("abort").exists(), "the next start recovers carefully");
}

#[test]
fn transient_buffers_reach_the_file_and_the_reader() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.transient_buffers = Some(3);
    options.tuning.commit_interval = Duration::from_millis(5);
    let store = open(options.clone());
    for n in 0..100_u8 {
        put(&store, "T", 0, &[n; 500]);
    }
    let started = std::time::Instant::now();
    while bodies(&store, "T", 0).len() < 100 {
        assert!(started.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(5));
    }
    store.close().unwrap();
    let store = open(options);
    assert_eq!(bodies(&store, "T", 0).len(), 100);
}

#[test]
fn search_by_time_takes_the_nearer_neighbour() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(1_000_000);
    let store = MessageStore::open(options(dir.path()), &clock, &Disk::real()).unwrap();
    for n in 0..120_u8 {
        put(&store, "T", 0, &[n]);
        clock.advance(Duration::from_millis(100));
    }
    settle(&store);
    let search = |ms| store.offset_by_time("T", 0, ms);
    assert_eq!((search(0), search(1_000_000), search(1_000_149), search(1_000_151)), (0, 0, 1, 2));
    assert_eq!((search(1_005_500), search(i64::MAX)), (55, 119));
    assert_eq!(store.offset_by_time("none", 0, 5), 0);
    assert_eq!(store.earliest_store_time_ms(), Some(1_000_000));
    assert_eq!(store.store_time_ms("T", 0, 3), Some(1_000_300));
}
