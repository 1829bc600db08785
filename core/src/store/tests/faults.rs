//! Every operation of the disk fails once, at every place of a store's life: on opening what a crash left, in running, while files
//! are rolled, on closing. Whatever fails: no panic, no hang, an answer to the caller, and with a healthy disk again everything that
//! was acknowledged is there, in its place.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{batch_of, copy, message, options, quick_dir};
use crate::clock::Clock;
use crate::error::ErrorKind;
use crate::format::record::batch::{BatchPart, push_part};
use crate::format::record::decode::RecordView;
use crate::mmap::disk::{Disk, Operation};
use crate::store::options::{FlushMode, StoreOptions};
use crate::store::{GetStatus, MatchAll, MessageStore, PutMessage, PutOutcome, PutStatus};

const OPERATIONS: [Operation; 8] = [
    Operation::Create,
    Operation::Open,
    Operation::Allocate,
    Operation::Map,
    Operation::Write,
    Operation::Sync,
    Operation::Rename,
    Operation::Remove,
];
/// A run takes milliseconds; after this it hangs.
const HANG: Duration = Duration::from_secs(60);
/// Kept, deleted in the middle, and new.
const TOPICS: [&str; 3] = ["Kept", "Deleted", "New"];

type Place = (&'static str, i32, i64);

/// What was sent and what was acknowledged.
#[derive(Debug, Clone, Default)]
struct Ledger {
    acknowledged: BTreeMap<Place, Vec<u8>>,
    /// Numbers of those that have a key of their own.
    keyed: Vec<usize>,
    sent: usize,
}

/// Says for each message what it is, so that a found one is known to belong where it is found.
fn body(topic: &str, queue_id: i32, number: usize, len: usize) -> Vec<u8> {
    let mut body = format!("{topic} {queue_id} {number} ").into_bytes();
    body.resize(body.len().max(len), number as u8);
    body
}

/// The number of a message of this queue.
fn number_of(body: &[u8], topic: &str, queue_id: i32) -> Option<usize> {
    let rest = body.strip_prefix(format!("{topic} {queue_id} ").as_bytes())?;
    let digits = rest.split(|byte| *byte == b' ').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

impl Ledger {
    fn put(&mut self, store: &MessageStore, topic: &'static str, queue_id: i32, len: usize) -> PutStatus {
        self.sent += 1;
        let body = body(topic, queue_id, self.sent, len);
        let properties = format!("KEYS\u{1}key-{}", self.sent);
        let message = PutMessage { properties: properties.as_bytes(), ..message(topic, queue_id, &body) };
        let outcome = store.put(&message);
        let status = self.note(outcome, topic, queue_id, vec![body]);
        if status == PutStatus::Ok {
            self.keyed.push(self.sent);
        }
        status
    }

    fn put_batch(&mut self, store: &MessageStore, topic: &'static str, queue_id: i32) -> PutStatus {
        let bodies: Vec<_> = (1..=5).map(|n| body(topic, queue_id, self.sent + n, 300)).collect();
        self.sent += bodies.len();
        let mut encoded = Vec::new();
        for body in &bodies {
            assert!(push_part(&mut encoded, &BatchPart { flag: 0, body, properties: b"KEYS\x01batch" }));
        }
        let outcome = store.put(&batch_of(topic, queue_id, &encoded));
        self.note(outcome, topic, queue_id, bodies)
    }

    fn note(
        &mut self,
        outcome: PutOutcome,
        topic: &'static str,
        queue_id: i32,
        bodies: Vec<Vec<u8>>,
    ) -> PutStatus {
        let status = outcome.ticket.map_or(outcome.status, |ticket| ticket.wait(HANG));
        if status == PutStatus::Ok {
            let first = outcome.appended.unwrap().queue_offset;
            for (place, body) in (first..).zip(bodies) {
                let other = self.acknowledged.insert((topic, queue_id, place), body);
                assert_eq!(other, None, "place {place} of {topic}/{queue_id} was given out twice");
            }
        }
        status
    }

    /// Everything that was acknowledged is there, and what else is there was sent.
    fn check(&self, store: &MessageStore, what: &str) {
        for topic in TOPICS {
            for queue_id in 0..2 {
                let found = read(store, topic, queue_id, what);
                for ((.., place), body) in self.of_queue(topic, queue_id) {
                    let found = found.get(place);
                    assert_eq!(found, Some(body), "{what}: acknowledged, {topic}/{queue_id} place {place}");
                    let number = number_of(body, topic, queue_id).unwrap();
                    if self.keyed.contains(&number) {
                        let found = store.query(topic, &format!("key-{number}"), 64, 0, i64::MAX).records;
                        let is_it =
                            |record: &&bytes::Bytes| RecordView::parse(record).unwrap().body() == body;
                        assert_eq!(found.iter().filter(is_it).count(), 1, "{what}: key-{number} of {topic}");
                    }
                }
            }
        }
    }

    fn of_queue(&self, topic: &'static str, queue_id: i32) -> impl Iterator<Item = (&Place, &Vec<u8>)> {
        self.acknowledged.range((topic, queue_id, 0)..=(topic, queue_id, i64::MAX))
    }

    fn forget(&mut self, topic: &str) {
        self.acknowledged.retain(|(of, ..), _| *of != topic);
    }
}

/// The messages of a queue, by place: without gaps, intact, its own, in the order sent.
fn read(store: &MessageStore, topic: &str, queue_id: i32, what: &str) -> BTreeMap<i64, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut offset = store.min_offset(topic, queue_id).unwrap_or(0);
    let mut last = 0;
    loop {
        let outcome = store.get(topic, queue_id, offset, 32, &MatchAll);
        if outcome.status != GetStatus::Found {
            let is_end =
                [GetStatus::OffsetOverflowOne, GetStatus::NoMessageInQueue].contains(&outcome.status);
            assert!(is_end, "{what}: {topic}/{queue_id} at {offset}: {:?}", outcome.status);
            return found;
        }
        for slice in &outcome.slices {
            let mut rest: &[u8] = slice;
            while !rest.is_empty() {
                let record = RecordView::parse(rest).unwrap();
                let number = number_of(record.body(), topic, queue_id).filter(|_| record.crc_ok());
                let number =
                    number.unwrap_or_else(|| panic!("{what}: {topic}/{queue_id} at {offset} is another's"));
                assert!(number > last, "{what}: {topic}/{queue_id} at {offset} is {number}, behind {last}");
                last = number;
                assert_eq!(record.queue_offset(), offset, "{what}: {topic}/{queue_id}");
                found.insert(offset, record.body().to_vec());
                rest = &rest[record.total_size()..];
                offset += 1;
            }
        }
    }
}

/// A disk that fails the `number`-th operation of a kind (from 0), and the count of them.
fn failing(operation: Operation, number: usize, error: fn() -> io::Error) -> (Disk, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let disk = Disk::failing(Arc::new(move |asked, _: &Path| {
        (asked == operation && counted.fetch_add(1, Ordering::SeqCst) == number).then(error)
    }));
    (disk, count)
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(libc::EIO)
}

fn enospc() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOSPC)
}

/// What a crash left: several files of everything, a tail that recovery removes, and the marker.
fn after_a_crash(root: &Path, mode: FlushMode) -> Ledger {
    let mut ledger = Ledger::default();
    let mut options = options(&root.join("running"));
    options.flush_mode = mode;
    (options.index_slots, options.index_entries) = (20, 30);
    let store = MessageStore::open(options, &Clock::system(), &Disk::real()).unwrap();
    for n in 0..60 {
        assert_eq!(ledger.put(&store, "Kept", n % 2, 700), PutStatus::Ok);
        assert_eq!(ledger.put(&store, "Deleted", 0, 10), PutStatus::Ok);
    }
    super::settle(&store);
    copy(&root.join("running"), &root.join("crashed"));
    // The next files were made ahead, and of one only the name.
    let log = root.join("crashed/commitlog");
    let last = fs::read_dir(&log).unwrap().map(|entry| entry.unwrap().file_name()).max().unwrap();
    let last: u64 = last.to_str().unwrap().parse().unwrap();
    fs::write(log.join(format!("{:020}", last + (16 << 10))), vec![0; 16 << 10]).unwrap();
    fs::write(log.join(format!("{:020}", last + 2 * (16 << 10))), vec![0; 16 << 10]).unwrap();
    fs::write(log.join(format!("{:020}", last + 3 * (16 << 10))), []).unwrap();
    ledger
}

/// A store's life: opened after a crash, used, closed.
fn live(options: StoreOptions, disk: &Disk, mut ledger: Ledger, what: &str) -> Ledger {
    let store = match MessageStore::open(options, &Clock::system(), disk) {
        Ok(store) => store,
        Err(error) => {
            let kinds = [ErrorKind::Io, ErrorKind::DiskFull];
            assert!(kinds.contains(&error.kind()), "{what}: {error}");
            return ledger;
        }
    };
    ledger.check(&store, what);
    let mut refused_for_good = false;
    let mut done = |status: PutStatus| {
        assert!(!(refused_for_good && status == PutStatus::Ok), "{what}: acknowledged after a failed sync");
        refused_for_good |= store.poisoned().is_some();
    };
    for n in 0..40 {
        done(ledger.put(&store, TOPICS[n % 3], (n % 2) as i32, 500));
        if n % 8 == 0 {
            done(ledger.put_batch(&store, "Kept", 0));
        }
        if n == 20 {
            // Deleted or not: messages that are put now are there.
            let deleted = store.delete_topic("Deleted");
            ledger.forget("Deleted");
            assert!(deleted.is_ok() || store.poisoned().is_none_or(|reason| !reason.contains("panicked")));
        }
        if n == 30 {
            let _ = store.flush_now();
        }
    }
    if let Some(reason) = store.poisoned() {
        assert!(!reason.contains("panicked"), "{what}: {reason}");
    }
    let _ = store.close();
    store.close().unwrap();
    ledger
}

/// One life with one failure, and what is there afterwards. The number of operations of the kind.
fn fail_once(
    crashed: &Path,
    mode: FlushMode,
    ledger: Ledger,
    (operation, number): (Operation, usize),
    error: fn() -> io::Error,
) -> usize {
    let dir = quick_dir();
    let root: PathBuf = dir.path().join("store");
    copy(crashed, &root);
    let mut options = options(&root);
    options.flush_mode = mode;
    (options.index_slots, options.index_entries) = (20, 30);
    let (disk, count) = failing(operation, number, error);
    let what = format!("{operation:?} {number} {:?} {mode:?}", error().kind());
    let (sender, ended) = mpsc::channel();
    let (of_life, name) = (options.clone(), what.clone());
    let life = thread::spawn(move || {
        let ledger = live(of_life, &disk, ledger, &name);
        sender.send(()).unwrap();
        ledger
    });
    let hangs = ended.recv_timeout(HANG) == Err(mpsc::RecvTimeoutError::Timeout);
    assert!(!hangs, "{what}: hangs");
    let mut ledger = life.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let store = MessageStore::open(options.clone(), &Clock::system(), &Disk::real())
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    ledger.check(&store, &what);
    assert_eq!(ledger.put(&store, "Kept", 1, 100), PutStatus::Ok, "{what}");
    assert_eq!(ledger.put(&store, "Deleted", 1, 100), PutStatus::Ok, "{what}");
    store.close().unwrap();
    let store = MessageStore::open(options, &Clock::system(), &Disk::real()).unwrap();
    ledger.check(&store, &what);
    count.load(Ordering::SeqCst)
}

fn fail_everything_once(mode: FlushMode, error: fn() -> io::Error, operations: &[Operation]) {
    let dir = quick_dir();
    let ledger = after_a_crash(dir.path(), mode);
    for operation in operations {
        let mut number = 0;
        // How many there are depends a little on how the threads run.
        while fail_once(&dir.path().join("crashed"), mode, ledger.clone(), (*operation, number), error)
            > number
        {
            number += 1;
        }
        eprintln!("{mode:?}: {number} times {operation:?}");
    }
}

#[test]
fn faults_every_operation_fails_once_with_async_flush() {
    fail_everything_once(FlushMode::Async, eio, &OPERATIONS);
}

#[test]
fn faults_every_operation_fails_once_with_sync_flush() {
    fail_everything_once(FlushMode::Sync, eio, &OPERATIONS);
}

#[test]
fn faults_a_full_disk_at_every_operation_that_takes_room() {
    fail_everything_once(
        FlushMode::Sync,
        enospc,
        &[Operation::Create, Operation::Allocate, Operation::Write, Operation::Rename],
    );
}

/// The beginning of the log has expired, and the queues are lost: they are built again from their first messages that are left.
#[test]
fn faults_while_queues_that_begin_late_are_built_again() {
    let dir = quick_dir();
    let mut ledger = after_a_crash(dir.path(), FlushMode::Async);
    let crashed = dir.path().join("crashed");
    fs::remove_dir_all(crashed.join("consumequeue")).unwrap();
    for expired in 0..2 {
        fs::remove_file(crashed.join(format!("commitlog/{:020}", expired << 14))).unwrap();
    }
    copy(&crashed, &dir.path().join("whole"));
    let mut whole_options = options(&dir.path().join("whole"));
    (whole_options.index_slots, whole_options.index_entries) = (20, 30);
    let whole = MessageStore::open(whole_options, &Clock::system(), &Disk::real()).unwrap();
    ledger
        .acknowledged
        .retain(|(topic, queue_id, place), _| *place >= whole.min_offset(topic, *queue_id).unwrap());
    assert!(ledger.acknowledged.keys().all(|(.., place)| *place > 0) && ledger.acknowledged.len() > 50);
    for operation in [Operation::Create, Operation::Allocate, Operation::Map, Operation::Open] {
        let mut number = 0;
        while fail_once(&crashed, FlushMode::Async, ledger.clone(), (operation, number), enospc) > number {
            number += 1;
        }
    }
}
