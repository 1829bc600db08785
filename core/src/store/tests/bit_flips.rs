//! One bit of a store changes on its disk: the next start neither panics nor hangs, gives out nothing that is damaged, says so, and
//! still reads every message that is intact.
//!
//! Intact is a message whose record and whose unit in its queue the flip did not hit. It is read at its place, whatever file was hit,
//! after a clean stop. After a crash recovery reads the end of the log again, and ends the log at the first record that it finds
//! damaged, as Java does: what lies behind is gone. No checksum covers the head of a record. Where that names another queue or place,
//! messages behind it in the queues concerned lie one place further on; and where it says place 0, which is how a topic made
//! anew begins, the queue begins there.
//!
//! `TEST_FLIPS` sets the number (300 unless set), `TEST_SEED` repeats an earlier run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tracing::span;

use super::{batch_of, copy, message, options, quick_dir, settle};
use crate::clock::Clock;
use crate::format::names;
use crate::format::record::batch::{BatchPart, push_part};
use crate::format::record::decode::RecordView;
use crate::format::record::layout::QUEUE_OFFSET_AT;
use crate::mmap::disk::Disk;
use crate::store::options::StoreOptions;
use crate::store::{GetStatus, MatchAll, MessageStore, PutMessage, PutStatus};

const HANG: Duration = Duration::from_secs(60);
const QUEUES: [(&str, i32); 4] = [("A", 0), ("A", 1), ("Other", 0), (names::SCHEDULE_TOPIC, 0)];
const UNIT_BYTES: usize = 20;

/// A message as it was put.
#[derive(Debug, Clone)]
struct Known {
    queue: usize,
    place: i64,
    physical_offset: i64,
    size_bytes: i64,
    body: Vec<u8>,
}

impl Known {
    fn key(&self) -> String {
        format!("key-{}-{}", self.queue, self.place)
    }
}

/// A store after a clean stop, or as a crash leaves it.
#[derive(Debug)]
struct Template {
    root: PathBuf,
    crashed: bool,
    messages: Vec<Known>,
    log_end: i64,
}

/// Where the flip is.
#[derive(Debug, Clone)]
struct Flip {
    file: PathBuf,
    byte: usize,
    bit: u8,
    crashed: bool,
}

fn flip_options(root: &Path) -> StoreOptions {
    let mut options = options(root);
    (options.index_slots, options.index_entries) = (50, 100);
    options
}

fn body_of(queue: usize, place: i64, random: &mut fastrand::Rng) -> Vec<u8> {
    let mut body = format!("{queue} {place} ").into_bytes();
    body.resize(body.len() + random.usize(0..600), queue as u8 ^ place as u8);
    body
}

fn templates(dir: &Path) -> Vec<Arc<Template>> {
    let running = dir.join("clean");
    let store = MessageStore::open(flip_options(&running), &Clock::system(), &Disk::real()).unwrap();
    let mut random = fastrand::Rng::with_seed(1);
    let mut messages = Vec::new();
    let mut places = [0; QUEUES.len()];
    for _ in 0..260 {
        let queue = random.usize(0..QUEUES.len());
        let (topic, queue_id) = QUEUES[queue];
        let is_batch = queue < 3 && random.u8(0..8) == 0;
        let count = if is_batch { random.i64(2..6) } else { 1 };
        let first = places[queue];
        let bodies: Vec<_> = (0..count).map(|n| body_of(queue, first + n, &mut random)).collect();
        let properties = |n: i64| match queue {
            3 => format!(
                "DELAY\u{1}1\u{2}REAL_TOPIC\u{1}A\u{2}REAL_QID\u{1}0\u{2}KEYS\u{1}key-3-{}",
                first + n
            ),
            _ => format!("KEYS\u{1}key-{queue}-{}\u{2}TAGS\u{1}t", first + n),
        };
        let mut encoded = Vec::new();
        for (n, body) in (0..).zip(&bodies) {
            let properties = properties(n);
            assert!(push_part(&mut encoded, &BatchPart { flag: 0, body, properties: properties.as_bytes() }));
        }
        let text = properties(0);
        let outcome = store.put(&match is_batch {
            true => batch_of(topic, queue_id, &encoded),
            false => PutMessage { properties: text.as_bytes(), ..message(topic, queue_id, &bodies[0]) },
        });
        assert_eq!(outcome.status, PutStatus::Ok);
        let appended = outcome.appended.unwrap();
        let offsets = if is_batch { appended.batch_offsets.clone() } else { vec![appended.physical_offset] };
        for (place, (physical_offset, body)) in (first..).zip(offsets.into_iter().zip(bodies)) {
            let size_bytes = store.record_at(physical_offset).unwrap().len() as i64;
            messages.push(Known { queue, place, physical_offset, size_bytes, body });
        }
        places[queue] += count;
    }
    settle(&store);
    let log_end = store.max_physical_offset();
    copy(&running, &dir.join("crashed"));
    store.close().unwrap();
    let template = |name: &str, crashed| {
        Arc::new(Template { root: dir.join(name), crashed, messages: messages.clone(), log_end })
    };
    vec![template("clean", false), template("crashed", true)]
}

/// Files of a kind, by the directory or name they are in.
fn files_of(root: &Path, kind: &str) -> Vec<PathBuf> {
    let path = root.join(kind);
    if path.is_file() {
        return vec![path];
    }
    let mut found: Vec<_> = Vec::new();
    for entry in fs::read_dir(&path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_of(&path, "")) } else { found.push(path) }
    }
    found.sort();
    found
}

fn choose(template: &Template, random: &mut fastrand::Rng) -> Flip {
    let kind = match random.u8(0..20) {
        0..=9 => "commitlog",
        10..=15 => "consumequeue",
        16..=17 => "index",
        18 => "checkpoint",
        _ => "lock",
    };
    let files = files_of(&template.root, kind);
    let file = &files[random.usize(0..files.len())];
    let len = fs::metadata(file).unwrap().len() as usize;
    // Mostly where something is: a unit, a head, a body.
    let used = fs::read(file).unwrap().iter().rposition(|byte| *byte != 0).unwrap_or(0);
    let until = if random.u8(0..10) == 0 { len } else { (used + UNIT_BYTES).min(len) };
    let file = file.strip_prefix(&template.root).unwrap().to_owned();
    Flip { file, byte: random.usize(0..until), bit: random.u8(0..8), crashed: template.crashed }
}

impl Flip {
    fn apply(&self, root: &Path) {
        let mut bytes = fs::read(root.join(&self.file)).unwrap();
        bytes[self.byte] ^= 1 << self.bit;
        fs::write(root.join(&self.file), bytes).unwrap();
    }

    fn is_in(&self, kind: &str) -> bool {
        self.file.starts_with(kind)
    }

    /// The offset in the sequence of files.
    fn offset(&self) -> i64 {
        self.file.file_name().unwrap().to_str().unwrap().parse::<i64>().unwrap() + self.byte as i64
    }

    /// Whether the record of a message, or its unit, was hit.
    fn hits(&self, known: &Known) -> bool {
        let (topic, queue_id) = QUEUES[known.queue];
        if self.is_in("commitlog") {
            let end = known.physical_offset + known.size_bytes;
            return (known.physical_offset..end).contains(&self.offset());
        }
        self.is_in(&format!("consumequeue/{topic}/{queue_id}"))
            && self.offset() / UNIT_BYTES as i64 == known.place
    }

    /// Whether recovery may have ended the log before this message.
    fn may_cut(&self, known: &Known) -> bool {
        self.crashed && self.is_in("commitlog") && known.physical_offset + known.size_bytes > self.offset()
    }

    /// The head of a record that was hit says place 0, and it is the record of this queue.
    fn begins_anew(&self, template: &Template, queue: usize) -> bool {
        let hit = template.messages.iter().find(|known| self.is_in("commitlog") && self.hits(known));
        self.crashed
            && hit.is_some_and(|hit| {
                let at = self.offset() - hit.physical_offset - QUEUE_OFFSET_AT as i64;
                let flipped =
                    (0..8).contains(&at).then(|| hit.place ^ (1 << (8 * (7 - at) + i64::from(self.bit))));
                hit.queue == queue && flipped == Some(0)
            })
    }
}

/// Counts warnings and errors of this thread.
#[derive(Clone, Default)]
struct Reports(Arc<AtomicUsize>);

impl tracing::Subscriber for Reports {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::WARN
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Bodies of a queue by place, as a consumer gets them that takes one at a time.
fn consume(store: &MessageStore, topic: &str, queue_id: i32, flip: &Flip) -> BTreeMap<i64, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut offset = store.min_offset(topic, queue_id).unwrap_or(0);
    let end = store.max_offset(topic, queue_id);
    while offset < end {
        let outcome = store.get(topic, queue_id, offset, 1, &MatchAll);
        let goes_on = [GetStatus::Found, GetStatus::NoMatchedMessage].contains(&outcome.status);
        assert!(goes_on && outcome.next_begin_offset > offset, "{flip:?}: {outcome:?}");
        if let Some(slice) = outcome.slices.first() {
            let record = RecordView::parse(slice).unwrap_or_else(|error| panic!("{flip:?}: {error}"));
            assert!(record.crc_ok(), "{flip:?}: a damaged body at {}", record.queue_offset());
            found.insert(outcome.next_begin_offset - 1, record.body().to_vec());
        }
        offset = outcome.next_begin_offset;
    }
    // Taken together, they are the same.
    assert_eq!(
        super::bodies(store, topic, queue_id).iter().collect::<Vec<_>>(),
        found.values().collect::<Vec<_>>()
    );
    found
}

fn check(template: &Template, flip: &Flip, store: &MessageStore, reports: &Reports) {
    let is_whole = store.max_physical_offset() == template.log_end;
    let mut is_missing = false;
    for (queue, (topic, queue_id)) in QUEUES.into_iter().enumerate() {
        let found = consume(store, topic, queue_id, flip);
        let of_queue = template.messages.iter().filter(|known| known.queue == queue);
        for known in of_queue.clone() {
            let body = found.get(&known.place);
            is_missing |= body != Some(&known.body);
            let may_lack =
                flip.hits(known) || (flip.may_cut(known) && !is_whole) || flip.begins_anew(template, queue);
            assert!(
                body == Some(&known.body) || may_lack,
                "{flip:?}: {topic}/{queue_id} {} is missing",
                known.place
            );
        }
        // What the head of a hit record says is not covered; its body is.
        let is_known = |body: &Vec<u8>| of_queue.clone().any(|known| known.body == *body);
        assert!(found.values().all(is_known), "{flip:?}: {topic}/{queue_id} has another's message");
    }
    for known in &template.messages {
        let may_lack = flip.hits(known) && flip.is_in("commitlog") || flip.may_cut(known);
        match store.record_at(known.physical_offset) {
            Some(record) => assert_eq!(RecordView::parse(&record).unwrap().body(), known.body, "{flip:?}"),
            None => assert!(may_lack, "{flip:?}: nothing at {}", known.physical_offset),
        }
    }
    check_keys(template, flip, store);
    assert!(!is_missing || reports.0.load(Ordering::Relaxed) > 0, "{flip:?}: nothing was reported");
    assert_eq!(store.poisoned(), None, "{flip:?}");
}

/// What a key finds is whole; and it finds what is there, unless the index was hit.
fn check_keys(template: &Template, flip: &Flip, store: &MessageStore) {
    for known in template.messages.iter().step_by(7) {
        let (topic, _) = QUEUES[known.queue];
        let outcome = store.query(topic, &known.key(), 64, 0, i64::MAX);
        let bodies = outcome.records.iter().map(|record| {
            let record = RecordView::parse(record).unwrap();
            assert!(record.crc_ok(), "{flip:?}: {}", known.key());
            record.body()
        });
        let may_lack = flip.is_in("index") || flip.hits(known) || flip.may_cut(known);
        let is_found = bodies.into_iter().any(|body| body == known.body);
        assert!(is_found || may_lack, "{flip:?}: {} is not found", known.key());
    }
}

fn try_flip(template: &Template, flip: &Flip) {
    let dir = quick_dir();
    let root = dir.path().join("store");
    copy(&template.root, &root);
    flip.apply(&root);
    let open = || {
        let store = MessageStore::open(flip_options(&root), &Clock::system(), &Disk::real());
        store.unwrap_or_else(|error| panic!("{flip:?}: {error}"))
    };
    let reports = Reports::default();
    tracing::subscriber::with_default(reports.clone(), || {
        let store = open();
        check(template, flip, &store, &reports);
        // It goes on, and what is put now is there after the next start.
        let put = super::put(&store, "A", 0, b"0 after the flip");
        settle(&store);
        store.close().unwrap_or_else(|error| panic!("{flip:?}: {error}"));
        let store = open();
        let record = store.record_at(put.physical_offset).unwrap_or_else(|| panic!("{flip:?}"));
        assert_eq!(RecordView::parse(&record).unwrap().body(), b"0 after the flip");
        let found = store.get("A", 0, put.queue_offset, 1, &MatchAll);
        assert_eq!(found.slices.first(), Some(&record), "{flip:?}");
        store.close().unwrap();
    });
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

#[test]
fn bit_flips_are_reported_and_intact_messages_are_read() {
    let dir = quick_dir();
    let templates = templates(dir.path());
    let seed = number("TEST_SEED").unwrap_or_else(|| fastrand::u64(..));
    let flips = number("TEST_FLIPS").unwrap_or(300);
    eprintln!("{flips} flips: TEST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (sender, done) = mpsc::sync_channel(0);
    let worker = thread::spawn(move || {
        for _ in 0..flips {
            let template = &templates[random.usize(0..templates.len())];
            try_flip(template, &choose(template, &mut random));
            sender.send(()).unwrap();
        }
    });
    for flip in 0..flips {
        match done.recv_timeout(HANG) {
            Ok(()) => {}
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("flip {flip} hangs"),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}
