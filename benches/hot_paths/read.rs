//! Reading a queue of 100 000 messages: by offset, by time, by key.

use std::cell::LazyCell;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use libbroker::clock::Clock;
use libbroker::internals::format::disk::cq_unit::CqUnit;
use libbroker::internals::mmap::disk::Disk;
use libbroker::internals::store::consume_queue::ConsumeQueue;
use libbroker::internals::store::dispatch::FileWait;
use libbroker::internals::store::options::StoreOptions;
use libbroker::internals::store::{GetStatus, MatchAll, MessageStore};
use tempfile::TempDir;

use crate::messages::{Content, TOPIC, key};
use crate::scratch::{directory, settle};

const MESSAGES: u64 = 100_000;
const MESSAGES_PER_GET: usize = 32;
/// From one message that is looked for to the next: far apart, and all of them in turn.
const STRIDE: u64 = 7919;
const CONSUME_QUEUE_FILE_BYTES: usize = 6_000_000;
/// When the first message is stored. Each of the others is one ms younger than the one before.
const START_MS: i64 = 1_700_000_000_000;

/// Measures reading.
pub fn bench(criterion: &mut Criterion) {
    // Filled only if a benchmark that uses it was asked for.
    let filled = LazyCell::new(Filled::new);
    let mut group = criterion.benchmark_group("read");
    let mut places = Places::new(MESSAGES);

    group.bench_function("offset_by_time", |b| {
        let store = &filled.store;
        b.iter(|| store.offset_by_time(TOPIC, 0, black_box(START_MS + places.next())));
    });
    let keys: Vec<String> = (0..MESSAGES).map(key).collect();
    group.bench_function("query_by_key", |b| {
        let store = &filled.store;
        b.iter(|| {
            let key = &keys[places.next() as usize];
            let found = store.query(TOPIC, black_box(key), MESSAGES_PER_GET, 0, i64::MAX);
            assert_eq!(found.records.len(), 1);
            found
        });
    });
    let queue = LazyCell::new(FilledQueue::new);
    group.bench_function("consume_queue_unit", |b| {
        let queue = &queue.queue;
        b.iter(|| queue.unit(black_box(places.next())).unwrap());
    });
    let mut places = Places::new(MESSAGES - MESSAGES_PER_GET as u64);
    group.throughput(Throughput::Elements(MESSAGES_PER_GET as u64));
    group.bench_function("get_32", |b| {
        let store = &filled.store;
        b.iter(|| {
            let outcome = store.get(TOPIC, 0, black_box(places.next()), MESSAGES_PER_GET, &MatchAll);
            assert_eq!(outcome.message_count, MESSAGES_PER_GET);
            outcome
        });
    });
}

/// Every place of a queue, in an order that no cache expects.
struct Places {
    next: u64,
    count: u64,
}

impl Places {
    fn new(count: u64) -> Self {
        Self { next: 0, count }
    }

    fn next(&mut self) -> i64 {
        self.next = (self.next + STRIDE) % self.count;
        self.next as i64
    }
}

/// A store with one queue.
struct Filled {
    store: Arc<MessageStore>,
    /// Dropped after the store, which closes its files first.
    _dir: TempDir,
}

impl Filled {
    fn new() -> Self {
        let dir = directory();
        let clock = Clock::manual(START_MS);
        let options = StoreOptions::new(dir.path().join("store"));
        let store = MessageStore::open(options, &clock, &Disk::real()).unwrap();
        for number in 0..MESSAGES {
            let appended = store.put(&Content::new(number).message()).appended.unwrap();
            assert_eq!(appended.queue_offset, number as i64);
            clock.advance(Duration::from_millis(1));
        }
        settle(&store);
        assert_eq!(store.get(TOPIC, 0, 0, 1, &MatchAll).status, GetStatus::Found);
        assert_eq!(store.offset_by_time(TOPIC, 0, START_MS + 77), 77);
        Self { store, _dir: dir }
    }
}

/// A consume queue by itself.
struct FilledQueue {
    queue: ConsumeQueue,
    _dir: TempDir,
}

impl FilledQueue {
    fn new() -> Self {
        let dir = directory();
        let queue = ConsumeQueue::new(&Disk::real(), dir.path(), TOPIC.into(), 0, CONSUME_QUEUE_FILE_BYTES);
        let mut last = None;
        for index in 0..MESSAGES as i64 {
            let unit = CqUnit { physical_offset: index * 1200, size: 1200, tags_code: index };
            queue.append(index, &unit, &mut last, FileWait::Allowed, |_| unreachable!()).unwrap();
        }
        Self { queue, _dir: dir }
    }
}
