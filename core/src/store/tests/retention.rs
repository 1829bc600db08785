//! Retention of real files, on a manual clock and with a disk that is as full as a test says.

use std::sync::atomic::AtomicU32;

use super::*;
use crate::clock::Clock;
use crate::config::{Config, Profile};
use crate::format::names;
use crate::mmap::disk::DiskUse;
use crate::store::retention::rules::RetentionRules;

const HOUR: Duration = Duration::from_secs(3600);
const FILE_BYTES: i64 = 16 << 10;
/// Five fit a file of the log.
const BODY_BYTES: usize = 3000;
const PER_FILE: usize = 5;

fn rules(properties: &[(&str, &str)]) -> RetentionRules {
    let config = Config::with_properties(Profile::Server, properties).unwrap();
    RetentionRules {
        file_pause: Duration::ZERO,
        queue_pause: Duration::ZERO,
        ..RetentionRules::from(&config.store)
    }
}

const ALL_DAY: &str = "0;1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20;21;22;23";

fn always() -> RetentionRules {
    rules(&[("deleteWhen", ALL_DAY)])
}

/// An hour that does not come soon.
fn not_now(clock: &Clock) -> RetentionRules {
    let now = jiff::Timestamp::from_millisecond(clock.now_ms()).unwrap();
    let hour = (now.to_zoned(jiff::tz::TimeZone::system()).hour() + 12) % 24;
    rules(&[("deleteWhen", &hour.to_string())])
}

/// A store on a manual clock that begins with the present time: files have the times of the real one.
struct Aging {
    _dir: tempfile::TempDir,
    clock: Clock,
    percent: Arc<AtomicU32>,
    disk: Disk,
    options: StoreOptions,
    store: Arc<MessageStore>,
}

impl Aging {
    fn new(rules: RetentionRules) -> Self {
        Self::on(rules, Disk::real())
    }

    fn on(rules: RetentionRules, disk: Disk) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Clock::system().now_ms());
        let percent = Arc::new(AtomicU32::new(0));
        let used = percent.clone();
        let disk = disk.filled(Arc::new(move |_: &Path| Ok(in_use(used.load(Ordering::Relaxed)))));
        let mut options =
            StoreOptions { index_slots: 20, index_entries: 12, ..options(&dir.path().join("store")) };
        options.consume_queue_file_bytes = 20 * 7;
        options.tuning.retention = rules;
        let store = MessageStore::open(options.clone(), &clock, &disk).unwrap();
        Self { _dir: dir, clock, percent, disk, options, store }
    }

    /// Puts until the log has `files` files, and makes all of it durable. The first message of a file has the number of the file.
    fn fill(&self, files: usize) {
        while self.files() < files {
            self.put_one();
        }
        (1..PER_FILE).for_each(|_| self.put_one());
        self.settle();
    }

    fn put_one(&self) {
        let number = self.store.max_offset("T", 0);
        let properties = format!("UNIQ_KEY\x01u{number}");
        let body = body(number);
        let message = PutMessage { properties: properties.as_bytes(), ..message("T", 0, &body) };
        assert_eq!(self.store.put(&message).status, PutStatus::Ok);
        settle(&self.store);
    }

    fn settle(&self) {
        settle(&self.store);
        self.store.flush_now().unwrap();
    }

    fn files(&self) -> usize {
        self.store.log.files().len()
    }

    fn reopen(&mut self) {
        self.store.close().unwrap();
        self.store = MessageStore::open(self.options.clone(), &self.clock, &self.disk).unwrap();
    }

    fn log_dir(&self) -> std::path::PathBuf {
        self.options.commit_log_path()
    }

    /// Gives every file of the log this time, as an archive does that is unpacked.
    fn set_modified(&self, wall_ms: i64) {
        let time = std::time::UNIX_EPOCH + Duration::from_millis(wall_ms as u64);
        for entry in fs::read_dir(self.log_dir()).unwrap() {
            fs::File::options().write(true).open(entry.unwrap().path()).unwrap().set_modified(time).unwrap();
        }
    }
}

fn in_use(percent: u32) -> DiskUse {
    DiskUse { total_bytes: 100, used_bytes: u64::from(percent), free_bytes: u64::from(100 - percent) }
}

fn body(number: i64) -> Vec<u8> {
    let mut body = vec![number as u8; BODY_BYTES];
    body[..8].copy_from_slice(&number.to_be_bytes());
    body
}

/// What is left is whole: every message from the queue's minimum on, by queue and by key, and none before.
fn assert_whole(store: &MessageStore, first: i64, end: i64) {
    assert_eq!(store.max_offset("T", 0), end);
    assert_eq!(store.min_offset("T", 0), Some(first));
    let expected: Vec<_> = (first..end).map(body).collect();
    let numbers = |bodies: &[Vec<u8>]| bodies.iter().map(|body| body[0..8].to_vec()).collect::<Vec<_>>();
    let found = bodies(store, "T", 0);
    assert_eq!(numbers(&found), numbers(&expected));
    assert!(found == expected);
    for number in 0..end {
        let found = store.query("T", &format!("u{number}"), 64, 0, i64::MAX).records.len();
        assert_eq!(found, usize::from(number >= first), "key of {number}");
    }
    if first > 0 {
        let outcome = store.get("T", 0, first - 1, 32, &MatchAll);
        assert_eq!((outcome.status, outcome.next_begin_offset), (GetStatus::OffsetTooSmall, first));
    }
}

fn index_files(aging: &Aging) -> usize {
    fs::read_dir(aging.options.index_path()).unwrap().count()
}

// The thread of the store takes part in these tests: where the clock passes a minute it makes a round too. What is asserted must be
// true after one round and after two.

#[test]
fn expired_files_go_with_their_queues_and_keys() {
    let mut aging = Aging::new(always());
    aging.fill(10);
    aging.clock.advance(2 * HOUR);
    aging.fill(14);
    let end = aging.store.max_offset("T", 0);
    let queue_files = |aging: &Aging| aging.store.queues.find("T", 0).unwrap().files().len();
    assert_eq!(
        (queue_files(&aging), index_files(&aging)),
        (10, 7),
        "70 units of 7 to a file, 70 keys of 11 to a file"
    );
    aging.store.retention.round();
    assert_eq!(aging.files(), 14, "nothing is old");
    assert_whole(&aging.store, 0, end);
    // The tenth file ends when the eleventh begins.
    aging.clock.advance(71 * HOUR);
    aging.store.retention.round();
    assert_eq!((aging.files(), aging.store.min_physical_offset()), (5, 9 * FILE_BYTES));
    assert_eq!(
        (queue_files(&aging), index_files(&aging)),
        (4, 3),
        "45 of 70 units are gone, and the keys of 44"
    );
    assert_whole(&aging.store, 45, end);
    aging.clock.advance(2 * HOUR);
    aging.store.retention.round();
    assert_eq!(aging.files(), 1, "the newest stays, however old");
    assert_whole(&aging.store, 65, end);
    aging.reopen();
    assert_whole(&aging.store, 65, end);
    aging.put_one();
    assert_whole(&aging.store, 65, end + 1);
}

#[test]
fn a_file_is_as_old_as_its_newest_message_and_a_touch_keeps_it() {
    let aging = Aging::new(always());
    let stored_ms = aging.clock.now_ms();
    aging.fill(2);
    aging.clock.advance(HOUR);
    aging.fill(3);
    // As an archive that keeps no times: the reference would delete all of it.
    aging.set_modified(0);
    aging.store.retention.round();
    assert_eq!(aging.files(), 3);
    aging.clock.advance(71 * HOUR - Duration::from_millis(1));
    assert_eq!(aging.clock.now_ms(), stored_ms + 72 * 3_600_000 - 1);
    aging.store.retention.round();
    assert_eq!(aging.files(), 3, "a millisecond is missing");
    aging.clock.advance(Duration::from_millis(1));
    aging.set_modified(aging.clock.now_ms() - 1000);
    aging.store.retention.round();
    assert_eq!(aging.files(), 3, "touched");
    aging.set_modified(0);
    aging.store.retention.round();
    assert_eq!(aging.files(), 2, "the second file ends where the hour began");
    aging.clock.advance(HOUR);
    aging.store.retention.round();
    assert_eq!(aging.files(), 1);
}

#[test]
fn a_wall_clock_that_jumps_deletes_nothing_that_is_not_old() {
    let aging = Aging::new(always());
    let start_ms = aging.clock.now_ms();
    aging.fill(2);
    aging.set_modified(0);
    let elapse = |time: Duration| {
        for _ in 0..10 {
            aging.clock.advance(time / 10);
            aging.store.retention.round();
        }
    };
    elapse(71 * HOUR);
    assert_eq!(aging.files(), 2);
    aging.clock.set_wall_ms(start_ms + 75 * 3_600_000);
    aging.store.retention.round();
    assert_eq!(aging.files(), 2, "set forward: the files have 71 hours");
    aging.clock.set_wall_ms(start_ms + 70 * 3_600_000);
    aging.store.retention.round();
    // Written while the clock is an hour behind: its times are an hour early for ever.
    aging.fill(4);
    aging.set_modified(0);
    aging.clock.set_wall_ms(start_ms + 71 * 3_600_000);
    elapse(2 * HOUR);
    assert_eq!(aging.files(), 3, "the first has 73 hours; the second ends with the jump");
    elapse(70 * HOUR - Duration::from_secs(60));
    assert_eq!(aging.files(), 3, "72 hours less a minute");
    elapse(Duration::from_secs(3600));
    assert_eq!(aging.files(), 1);
}

#[test]
fn a_full_disk_loses_no_more_than_it_takes() {
    let dir_of_log = Arc::new(std::sync::OnceLock::<std::path::PathBuf>::new());
    let log = dir_of_log.clone();
    // Each file of the log takes 10 of 100, what else is there 50.
    let aging = Aging::new(RetentionRules { may_force: false, ..always() });
    let count = move || log.get().map_or(0, |dir| fs::read_dir(dir).unwrap().count() as u32 * 10 + 50);
    let disk = Disk::real().filled(Arc::new(move |_: &Path| Ok(in_use(count().min(100)))));
    aging.fill(4);
    aging.store.close().unwrap();
    let mut options = aging.options.clone();
    options.tuning.retention.may_force = false;
    let store = MessageStore::open(options.clone(), &aging.clock, &disk).unwrap();
    dir_of_log.set(options.commit_log_path()).unwrap();
    // The next file is made ahead only with the next append.
    assert_eq!(fs::read_dir(options.commit_log_path()).unwrap().count(), 4);
    store.flush_now().unwrap();
    store.retention.round();
    assert_eq!(store.log.files().len(), 4, "not allowed");
    assert!(!store.refuses_puts(), "90 is not above 90");
    fs::write(options.commit_log_path().join("foreign"), b"").unwrap();
    store.retention.round();
    assert!(store.refuses_puts());
    assert_eq!(store.put(&message("T", 0, b"x")).status, PutStatus::ServiceNotAvailable);
    options.tuning.retention.may_force = true;
    store.retune(options.tuning.clone());
    store.retention.round();
    assert_eq!(store.log.files().len(), 2, "from 100 to 80");
    assert!(!store.refuses_puts());
    assert_whole(&store, 10, 20);
    fs::remove_file(options.commit_log_path().join("foreign")).unwrap();
    put(&store, "T", 0, b"x");
}

#[test]
fn a_full_queue_disk_refuses_puts_too() {
    let percent = Arc::new(AtomicU32::new(0));
    let used = percent.clone();
    let disk = Disk::real().filled(Arc::new(move |path: &Path| {
        let is_queues = path.ends_with("consumequeue");
        Ok(in_use(if is_queues { used.load(Ordering::Relaxed) } else { 10 }))
    }));
    let dir = tempfile::tempdir().unwrap();
    let store = MessageStore::open(options(dir.path()), &Clock::system(), &disk).unwrap();
    put(&store, "T", 0, b"x");
    percent.store(91, Ordering::Relaxed);
    store.retention.round();
    assert!(store.refuses_puts());
    percent.store(90, Ordering::Relaxed);
    store.retention.round();
    put(&store, "T", 0, b"y");
}

#[test]
fn a_reader_keeps_its_file_mapped_and_holds_force_back() {
    let aging = Aging::new(always());
    aging.fill(4);
    let held = aging.store.get("T", 0, 1, 3, &MatchAll);
    assert_eq!(held.message_count, 3);
    let path = aging.log_dir().join(format!("{:020}", 0));
    let is_mapped = || {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        maps.lines().any(|line| line.contains(path.to_str().unwrap()))
    };
    let is_open = || {
        let links =
            fs::read_dir("/proc/self/fd").unwrap().flatten().filter_map(|fd| fs::read_link(fd.path()).ok());
        links.into_iter().any(|target| target.to_string_lossy().contains(path.to_str().unwrap()))
    };
    aging.percent.store(86, Ordering::Relaxed);
    aging.store.retention.round();
    assert_eq!(aging.files(), 3, "its blocks are not free yet, so no more is deleted");
    assert!(!path.exists() && is_mapped() && is_open());
    let check = || {
        let mut rest: Vec<u8> = held.slices.concat();
        for number in 1..4 {
            let record = RecordView::parse(&rest).unwrap();
            assert!(record.crc_ok() && record.body() == body(number));
            let size = record.total_size();
            rest.drain(..size);
        }
    };
    check();
    assert_eq!(aging.store.get("T", 0, 1, 3, &MatchAll).status, GetStatus::OffsetTooSmall);
    aging.store.retention.round();
    assert_eq!(aging.files(), 3);
    // It is not waited for for ever, but never unmapped.
    aging.clock.advance(Duration::from_secs(121));
    aging.store.retention.round();
    assert_eq!(aging.files(), 1);
    check();
    assert!(is_mapped() && is_open());
    drop(held);
    assert!(!is_mapped() && !is_open(), "nothing keeps the blocks");
}

#[test]
fn a_reader_does_not_hold_back_what_has_expired() {
    let aging = Aging::new(always());
    aging.fill(4);
    let held = aging.store.get("T", 0, 1, 3, &MatchAll);
    aging.clock.advance(73 * HOUR);
    aging.store.retention.round();
    assert_eq!(aging.files(), 1);
    assert!(RecordView::parse(&held.slices[0]).unwrap().crc_ok());
}

#[test]
fn a_file_that_cannot_be_removed_is_tried_again_and_nothing_overtakes_it() {
    let stuck = Arc::new(AtomicBool::new(true));
    let tries = Arc::new(AtomicU32::new(0));
    let (plan, counter) = (stuck.clone(), tries.clone());
    let disk = Disk::failing(Arc::new(move |operation, path: &Path| {
        let affected = operation == Operation::Remove && path.to_string_lossy().contains("commitlog");
        if !affected {
            return None;
        }
        counter.fetch_add(1, Ordering::Relaxed);
        plan.load(Ordering::Relaxed).then(|| io::ErrorKind::PermissionDenied.into())
    }));
    let aging = Aging::on(always(), disk);
    aging.fill(4);
    aging.clock.advance(73 * HOUR);
    aging.store.retention.round();
    aging.store.retention.round();
    assert_eq!((aging.files(), tries.load(Ordering::Relaxed)), (4, 1), "not at once");
    assert_whole(&aging.store, 0, 20);
    stuck.store(false, Ordering::Relaxed);
    aging.clock.advance(Duration::from_secs(119));
    aging.store.retention.round();
    assert_eq!(aging.files(), 4);
    aging.clock.advance(Duration::from_secs(1));
    aging.store.retention.round();
    assert_eq!(aging.files(), 1);
}

#[test]
fn what_is_not_dispatched_stays_however_full_the_disk_is() {
    let full = Arc::new(AtomicBool::new(false));
    let plan = full.clone();
    let disk = Disk::failing(Arc::new(move |operation, path: &Path| {
        let affected =
            operation == Operation::Allocate && path.to_string_lossy().contains("consumequeue/T/1");
        (affected && plan.load(Ordering::Relaxed)).then(|| io::ErrorKind::StorageFull.into())
    }));
    let aging = Aging::on(always(), disk);
    full.store(true, Ordering::Relaxed);
    // Dispatch stops at the first message; what came with it in one append is in the log.
    let bodies: Vec<_> = (0..20).map(body).collect();
    let messages: Vec<_> = bodies.iter().map(|body| message("T", 1, body)).collect();
    assert!(aging.store.put_all(&messages).each.iter().all(|put| put.status == PutStatus::Ok));
    aging.store.flush_now().unwrap();
    aging.percent.store(100, Ordering::Relaxed);
    aging.clock.advance(73 * HOUR);
    aging.store.retention.round();
    assert_eq!(aging.files(), 4);
    full.store(false, Ordering::Relaxed);
    settle(&aging.store);
    aging.store.retention.round();
    assert_eq!(aging.files(), 1);
}

#[test]
fn queues_are_durable_before_the_log_goes() {
    let done = Arc::new(Mutex::new(Vec::new()));
    let seen = done.clone();
    let disk = Disk::failing(Arc::new(move |operation, path: &Path| {
        let path = path.to_string_lossy();
        match operation {
            Operation::Sync if path.contains("consumequeue/") => seen.lock().push("queue synced"),
            Operation::Remove if path.contains("commitlog/") => seen.lock().push("log removed"),
            _ => {}
        }
        None
    }));
    let mut aging = Aging::on(always(), disk);
    // Nobody else syncs them.
    aging.options.tuning.queue_flush_interval = HOUR;
    aging.reopen();
    aging.fill(3);
    done.lock().clear();
    aging.percent.store(86, Ordering::Relaxed);
    aging.store.retention.round();
    let done = done.lock().clone();
    assert_eq!(done.iter().filter(|step| **step == "log removed").count(), 2, "{done:?}");
    assert_eq!(done.first(), Some(&"queue synced"), "{done:?}");
}

#[test]
fn a_crash_between_any_two_steps_loses_nothing_that_was_to_stay() {
    let dir = tempfile::tempdir().unwrap();
    let copies = Arc::new(Mutex::new(Vec::new()));
    let (taken, to) = (copies.clone(), dir.path().to_owned());
    let root = Arc::new(Mutex::new(None::<std::path::PathBuf>));
    let from = root.clone();
    let disk = Disk::failing(Arc::new(move |operation, _: &Path| {
        let from = from.lock().clone();
        if operation == Operation::Remove
            && let Some(from) = &from
        {
            let mut taken = taken.lock();
            let target = to.join(taken.len().to_string());
            copy(from, &target);
            taken.push(target);
        }
        None
    }));
    let aging = Aging::on(always(), disk);
    aging.fill(6);
    *root.lock() = Some(aging.options.root.clone());
    aging.clock.advance(73 * HOUR);
    aging.store.retention.round();
    *root.lock() = None;
    let copies = std::mem::take(&mut *copies.lock());
    assert_eq!(copies.len(), 5 + 2 + 3, "files of log, index and queue");
    let mut firsts = Vec::new();
    for copy in copies {
        let options = StoreOptions { root: copy, ..aging.options.clone() };
        let store = MessageStore::open(options, &aging.clock, &Disk::real()).unwrap();
        let first = store.min_offset("T", 0).unwrap();
        assert_whole(&store, first, 30);
        firsts.push(first);
        // The next start goes on where the last one was interrupted.
        store.retention.round();
        assert_whole(&store, 25, 30);
        assert_eq!(store.queues.find("T", 0).unwrap().files().len(), 2);
        store.close().unwrap();
    }
    firsts.dedup();
    assert_eq!(firsts, [0, 5, 10, 15, 20, 25]);
}

#[test]
fn who_asks_gets_expired_files_deleted_at_any_hour() {
    let clock = Clock::system();
    let aging = Aging::new(not_now(&clock));
    aging.fill(3);
    aging.clock.advance(72 * HOUR + Duration::from_secs(60));
    aging.store.retention.round();
    assert_eq!(aging.files(), 3, "not the hour");
    aging.store.delete_expired_files();
    let started = std::time::Instant::now();
    while aging.files() > 1 {
        assert!(started.elapsed() < Duration::from_secs(20), "the thread does not begin");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn files_go_at_the_pace_that_is_set() {
    let clock = Arc::new(std::sync::OnceLock::<Clock>::new());
    let times = Arc::new(Mutex::new(Vec::new()));
    let (now, seen) = (clock.clone(), times.clone());
    let disk = Disk::failing(Arc::new(move |operation, path: &Path| {
        if operation == Operation::Remove && path.to_string_lossy().contains("commitlog") {
            seen.lock().push(now.get().map(Clock::moment).unwrap());
        }
        None
    }));
    let aging = Aging::on(RetentionRules { file_pause: Duration::from_millis(100), ..always() }, disk);
    clock.set(aging.clock.clone()).unwrap();
    aging.fill(14);
    let started = std::time::Instant::now();
    aging.clock.advance(73 * HOUR);
    while aging.files() > 1 {
        assert!(started.elapsed() < Duration::from_secs(20), "{} files", aging.files());
        aging.clock.advance(Duration::from_millis(20));
        std::thread::sleep(Duration::from_micros(200));
    }
    let times = times.lock().clone();
    let pauses: Vec<_> = times.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    assert_eq!(pauses.len(), 12);
    for (number, pause) in pauses.iter().enumerate() {
        // Ten are enough for a round.
        let least = if number == 9 { Duration::from_secs(10) } else { Duration::from_millis(100) };
        assert!(*pause >= least, "{pause:?} behind file {number}");
    }
}

#[test]
fn a_disk_without_room_is_cleaned_at_once() {
    let full = Arc::new(AtomicBool::new(false));
    let plan = full.clone();
    let disk = Disk::failing(Arc::new(move |operation, path: &Path| {
        let is_log = path.to_string_lossy().contains("commitlog/");
        let is_full = is_log && operation == Operation::Allocate && plan.load(Ordering::Relaxed);
        if is_log && operation == Operation::Remove {
            plan.store(false, Ordering::Relaxed);
        }
        is_full.then(|| io::ErrorKind::StorageFull.into())
    }));
    let aging = Aging::on(always(), disk);
    aging.fill(3);
    full.store(true, Ordering::Relaxed);
    aging.percent.store(90, Ordering::Relaxed);
    let started = std::time::Instant::now();
    let mut refused = 0;
    for number in 15..40 {
        let body = body(number);
        while aging.store.put(&message("T", 0, &body)).status != PutStatus::Ok {
            refused += 1;
            aging.settle();
            aging.clock.advance(Duration::from_millis(51));
            assert!(started.elapsed() < Duration::from_secs(20), "puts do not go on");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    assert!(refused > 0);
    settle(&aging.store);
    // Behind whatever the thread is at.
    aging.percent.store(0, Ordering::Relaxed);
    aging.store.retention.round();
    let left = bodies(&aging.store, "T", 0);
    assert_eq!(left.last(), Some(&body(39)));
    assert!(left.len() < 40);
}

#[test]
fn readers_in_parallel_see_whole_messages_or_are_told_where_to_go_on() {
    let aging = Aging::new(always());
    aging.fill(40);
    let end = aging.store.max_offset("T", 0);
    aging.clock.advance(73 * HOUR);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|seed| {
                let (store, done) = (&aging.store, &done);
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(seed);
                    let mut found = 0;
                    while !done.load(Ordering::Relaxed) {
                        found += read_some(store, random.i64(0..end));
                    }
                    found
                })
            })
            .collect();
        while aging.files() > 1 {
            aging.store.retention.round();
        }
        done.store(true, Ordering::Relaxed);
        let found: usize = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        assert!(found > 0);
    });
    assert_whole(&aging.store, end - PER_FILE as i64, end);
}

/// One read; what it says is true, whatever is deleted meanwhile.
fn read_some(store: &MessageStore, offset: i64) -> usize {
    let outcome = store.get("T", 0, offset, 32, &MatchAll);
    match outcome.status {
        GetStatus::Found => {
            let mut number = offset;
            let bytes: Vec<u8> = outcome.slices.concat();
            let mut rest = &bytes[..];
            while let Ok(record) = RecordView::parse(rest) {
                // Those before it may be gone.
                assert!(record.queue_offset() >= number && record.body() == body(record.queue_offset()));
                number = record.queue_offset() + 1;
                rest = &rest[record.total_size()..];
            }
            // Those behind it may be gone too: the file of the first ones is held, that of the next ones was not.
            assert!(outcome.next_begin_offset >= number);
            let is_gone = |number| store.store_time_ms("T", 0, number).is_none();
            assert!((number..outcome.next_begin_offset).all(is_gone), "skipped behind {number}");
        }
        GetStatus::OffsetTooSmall => assert!(outcome.next_begin_offset > offset),
        GetStatus::MessageWasRemoving | GetStatus::OffsetFoundNull => {
            assert!(outcome.next_begin_offset > offset)
        }
        status => panic!("{status:?} at {offset}"),
    }
    outcome.message_count
}

#[test]
fn an_expired_queue_is_emptied_and_goes_on_where_it_was() {
    let mut aging = Aging::new(always());
    aging.options.consume_queue_ext_file_bytes = Some(100);
    aging.reopen();
    aging.put_one();
    (0..20).for_each(|_| drop(put(&aging.store, "quiet", 3, b"early")));
    put(&aging.store, names::SCHEDULE_TOPIC, 0, b"delayed");
    aging.fill(4);
    let end = aging.store.max_offset("T", 0);
    aging.clock.advance(73 * HOUR);
    aging.store.retention.round();
    assert_eq!(aging.store.max_offset("quiet", 3), 20);
    assert_eq!(aging.store.get("quiet", 3, 19, 32, &MatchAll).status, GetStatus::MessageWasRemoving);
    aging.store.clean_expired_queues();
    let queue = aging.store.queues.find("quiet", 3).unwrap();
    assert_eq!((queue.files().len(), queue.min_index(), queue.max_index()), (1, 20, 20));
    let ext = aging.options.root.join("consumequeue_ext/quiet/3");
    assert_eq!(fs::read_dir(ext).unwrap().count(), 1, "the extension keeps its newest file, too");
    let delayed =
        (aging.store.min_offset(names::SCHEDULE_TOPIC, 0), aging.store.max_offset(names::SCHEDULE_TOPIC, 0));
    assert_eq!(delayed, (Some(0), 1), "queues of delayed messages are left alone");
    assert_eq!(aging.store.get("quiet", 3, 3, 32, &MatchAll).status, GetStatus::OffsetTooSmall);
    aging.reopen();
    assert_eq!(put(&aging.store, "quiet", 3, b"late").queue_offset, 20);
    settle(&aging.store);
    let outcome = aging.store.get("quiet", 3, 20, 32, &MatchAll);
    assert_eq!((outcome.status, outcome.next_begin_offset), (GetStatus::Found, 21));
    assert_whole(&aging.store, end - PER_FILE as i64, end);
}
