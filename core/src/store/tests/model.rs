//! The store against a model: a map of queues. Random puts, batches, reads, clean reopens and crashes must agree with it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;

use super::{batch_of, bodies, copy, settle};
use crate::clock::Clock;
use crate::format::record::batch::{BatchPart, push_part};
use crate::mmap::disk::Disk;
use crate::store::options::{FlushMode, StoreOptions};
use crate::store::{GetStatus, MatchAll, MessageStore, PutStatus};

#[derive(Debug, Clone)]
enum Step {
    Put { topic: usize, queue: i32, len: usize },
    Batch { topic: usize, queue: i32, lens: Vec<usize> },
    Get { topic: usize, queue: i32, offset: i64, count: usize },
    Reopen,
    Crash,
    DeleteTopic { topic: usize },
}

const TOPICS: [&str; 3] = ["A", "Topic-b", "%RETRY%group"];

fn step() -> impl Strategy<Value = Step> {
    let place = || (0..TOPICS.len(), 0..3_i32);
    prop_oneof![
        12 => (place(), 0..3000_usize).prop_map(|((topic, queue), len)| Step::Put { topic, queue, len }),
        4 => (place(), prop::collection::vec(0..500_usize, 1..8))
            .prop_map(|((topic, queue), lens)| Step::Batch { topic, queue, lens }),
        8 => (place(), -2..40_i64, 0..40_usize)
            .prop_map(|((topic, queue), offset, count)| Step::Get { topic, queue, offset, count }),
        2 => Just(Step::Reopen),
        2 => Just(Step::Crash),
        1 => (0..TOPICS.len()).prop_map(|topic| Step::DeleteTopic { topic }),
    ]
}

type Queues = BTreeMap<(usize, i32), Vec<Vec<u8>>>;

struct Pair {
    root: tempfile::TempDir,
    generation: usize,
    mode: FlushMode,
    store: Arc<MessageStore>,
    model: Queues,
    /// What deleted topics held last: a crash brings it back where nothing has been put since.
    deleted: Queues,
    counter: u8,
}

impl Pair {
    fn new(mode: FlushMode) -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = open(root.path().join("0"), mode);
        Self { root, generation: 0, mode, store, model: Queues::new(), deleted: Queues::new(), counter: 0 }
    }

    fn body(&mut self, len: usize) -> Vec<u8> {
        self.counter = self.counter.wrapping_add(1);
        vec![self.counter; len]
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join(self.generation.to_string())
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Put { topic, queue, len } => {
                let body = self.body(*len);
                let offset = super::put(&self.store, TOPICS[*topic], *queue, &body).queue_offset;
                let expected = self.model.entry((*topic, *queue)).or_default();
                assert_eq!(offset, expected.len() as i64);
                expected.push(body);
            }
            Step::Batch { topic, queue, lens } => self.batch(*topic, *queue, lens),
            Step::Get { topic, queue, offset, count } => self.get(*topic, *queue, *offset, *count),
            Step::Reopen => {
                self.store.close().unwrap();
                self.store = open(self.dir(), self.mode);
            }
            Step::Crash => {
                settle(&self.store);
                let before = self.dir();
                self.generation += 1;
                copy(&before, &self.dir());
                self.store = open(self.dir(), self.mode);
                for (place, queue) in std::mem::take(&mut self.deleted) {
                    self.model.entry(place).or_insert(queue);
                }
            }
            Step::DeleteTopic { topic } => {
                self.store.delete_topic(TOPICS[*topic]).unwrap();
                let (deleted, kept) =
                    std::mem::take(&mut self.model).into_iter().partition(|((of, _), _)| of == topic);
                let deleted: Queues = deleted;
                (self.model, _) = (kept, self.deleted.extend(deleted));
            }
        }
    }

    fn batch(&mut self, topic: usize, queue: i32, lens: &[usize]) {
        let mut encoded = Vec::new();
        let bodies: Vec<_> = lens.iter().map(|len| self.body(*len)).collect();
        for body in &bodies {
            assert!(push_part(&mut encoded, &BatchPart { flag: 0, body, properties: b"" }));
        }
        let outcome = self.store.put(&batch_of(TOPICS[topic], queue, &encoded));
        assert_eq!(outcome.status, PutStatus::Ok);
        let expected = self.model.entry((topic, queue)).or_default();
        assert_eq!(outcome.appended.unwrap().queue_offset, expected.len() as i64);
        expected.extend(bodies);
    }

    fn get(&self, topic: usize, queue: i32, offset: i64, count: usize) {
        settle(&self.store);
        let stored = self.model.get(&(topic, queue)).map_or(0, |queue| queue.len() as i64);
        let outcome = self.store.get(TOPICS[topic], queue, offset, count, &MatchAll);
        let expected = match offset {
            _ if stored == 0 => GetStatus::NoMessageInQueue,
            _ if offset < 0 => GetStatus::OffsetTooSmall,
            _ if offset == stored => GetStatus::OffsetOverflowOne,
            _ if offset > stored => GetStatus::OffsetOverflowBadly,
            _ => GetStatus::Found,
        };
        assert_eq!(outcome.status, expected);
        assert!(outcome.message_count <= count.clamp(1, 32));
        assert_eq!(outcome.status == GetStatus::Found, outcome.message_count > 0);
    }

    fn compare(&self) {
        settle(&self.store);
        for ((topic, queue), expected) in &self.model {
            assert_eq!(&bodies(&self.store, TOPICS[*topic], *queue), expected, "{}/{queue}", TOPICS[*topic]);
        }
    }
}

fn open(dir: PathBuf, mode: FlushMode) -> Arc<MessageStore> {
    let mut options = StoreOptions::new(dir);
    options.commit_log_file_bytes = 8 << 10;
    options.consume_queue_file_bytes = 20 * 16;
    (options.index_slots, options.index_entries) = (16, 8);
    options.flush_mode = mode;
    MessageStore::open(options, &Clock::system(), &Disk::real()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_store_agrees_with_a_map_of_queues(
        steps in prop::collection::vec(step(), 1..60),
        sync in any::<bool>(),
    ) {
        let mut pair = Pair::new(if sync { FlushMode::Sync } else { FlushMode::Async });
        for step in &steps {
            pair.run(step);
        }
        pair.compare();
        pair.run(&Step::Reopen);
        pair.compare();
    }
}
