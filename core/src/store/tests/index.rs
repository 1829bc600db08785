//! The key index of a store: what was put is found, whatever happened in between.

use super::*;

/// Small files, so that they roll.
fn options(dir: &Path) -> StoreOptions {
    StoreOptions { index_slots: 20, index_entries: 50, ..super::options(dir) }
}

fn put_key(store: &MessageStore, key: &str) -> Appended {
    let properties = format!("KEYS\x01{key} all\x02UNIQ_KEY\x01u-{key}");
    let outcome =
        store.put(&PutMessage { properties: properties.as_bytes(), ..message("T", 0, key.as_bytes()) });
    assert_eq!(outcome.status, PutStatus::Ok);
    outcome.appended.unwrap()
}

fn found(store: &MessageStore, key: &str) -> Vec<Vec<u8>> {
    let outcome = store.query("T", key, 64, 0, i64::MAX);
    let records = outcome.records.iter();
    records.map(|record| RecordView::parse(record).unwrap().body().to_vec()).collect()
}

/// Every key finds its record, once. The index has few slots, but hashes do not collide here.
fn assert_found(store: &MessageStore, keys: std::ops::Range<u32>) {
    for n in keys {
        let key = format!("k{n}");
        assert_eq!(found(store, &key), [key.as_bytes()]);
        assert_eq!(found(store, &format!("u-{key}")), [key.as_bytes()]);
    }
}

fn index_names(dir: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> =
        fs::read_dir(dir.join("index")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn every_key_is_found_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path()));
    put(&store, "T", 0, b"no key");
    settle(&store);
    assert!(!dir.path().join("index").exists(), "the first file comes with the first key");
    (0..100).for_each(|n| drop(put_key(&store, &format!("k{n}"))));
    settle(&store);
    assert_found(&store, 0..100);
    assert_eq!(index_names(dir.path()).len(), 300_usize.div_ceil(49));
    let newest: Vec<_> = (36..100).map(|n| format!("k{n}").into_bytes()).collect();
    assert_eq!(found(&store, "all"), newest, "the newest, oldest first");
    let outcome = store.query("T", "k7", 64, 0, i64::MAX);
    assert!(outcome.index_last_update_timestamp_ms > 0 && outcome.index_last_update_physical_offset > 0);
    assert_eq!(store.query("T", "none", 64, 0, i64::MAX), QueryOutcome::default());
    store.close().unwrap();
    let before = index_names(dir.path());
    let store = open(options(dir.path()));
    (100..150).for_each(|n| drop(put_key(&store, &format!("k{n}"))));
    settle(&store);
    assert_found(&store, 0..150);
    assert_eq!(index_names(dir.path())[..before.len()], before);
}

#[test]
fn every_key_is_found_once_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(&dir.path().join("0"));
    options.tuning.queue_flush_interval = Duration::from_millis(5);
    options.tuning.queue_flush_thorough_interval = Duration::from_millis(10);
    let clock = Clock::manual(1_700_000_000_000);
    let mut store = MessageStore::open(options.clone(), &clock, &Disk::real()).unwrap();
    for round in 0..6 {
        for n in round * 60..(round + 1) * 60 {
            put_key(&store, &format!("k{n}"));
            // Recovery begins near the end: most keys of a removed file are older than that.
            clock.advance(Duration::from_millis(500));
        }
        let from = options.root.clone();
        options.root = dir.path().join((round + 1).to_string());
        copy(&from, &options.root);
        store = MessageStore::open(options.clone(), &clock, &Disk::real()).unwrap();
        assert_found(&store, 0..(round + 1) * 60);
        if round == 3 {
            store.close().unwrap();
            store = MessageStore::open(options.clone(), &clock, &Disk::real()).unwrap();
        }
    }
    assert_eq!(bodies(&store, "T", 0).len(), 360);
}

#[test]
fn keys_older_than_the_recovery_are_built_again() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("a");
    let clock = Clock::manual(1_700_000_000_000);
    let options = StoreOptions { index_entries: 4000, ..options(&source) };
    let store = MessageStore::open(options.clone(), &clock, &Disk::real()).unwrap();
    for n in 0..300 {
        put_key(&store, &format!("k{n}"));
        clock.advance(Duration::from_secs(1));
    }
    settle(&store);
    store.flush_now().unwrap();
    store.close().unwrap();
    fs::write(source.join("abort"), b"").unwrap();
    let store = MessageStore::open(options, &clock, &Disk::real()).unwrap();
    assert_found(&store, 0..300);
}

#[test]
fn an_index_file_of_another_size_is_built_again_without_touching_queues() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path()));
    (0..100).for_each(|n| drop(put_key(&store, &format!("k{n}"))));
    store.delete_topic("T").unwrap();
    put(&store, "other", 0, b"newer than all that is deleted");
    store.close().unwrap();
    let store = open(StoreOptions { index_entries: 60, ..options(dir.path()) });
    assert_found(&store, 0..100);
    assert_eq!(store.max_offset("T", 0), 0, "the deleted topic stays deleted");
    store.close().unwrap();
    // Switched off, the index is still made whole.
    let mut off = options(dir.path());
    off.tuning.index_enabled = false;
    let store = open(off.clone());
    assert_found(&store, 0..100);
    put_key(&store, "k100");
    settle(&store);
    assert_eq!(found(&store, "k100"), [[0; 0]; 0]);
    off.tuning.index_enabled = true;
    store.retune(off.tuning);
    put_key(&store, "k101");
    settle(&store);
    assert_found(&store, 101..102);
}

#[test]
fn what_is_missing_at_the_end_of_the_index_is_built_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(options(dir.path()));
    (0..100).for_each(|n| drop(put_key(&store, &format!("k{n}"))));
    let index = dir.path().join("index");
    for crashed in [false, true] {
        for all in [true, false] {
            store.close().unwrap();
            match all {
                true => fs::remove_dir_all(&index).unwrap(),
                false => fs::remove_file(index.join(index_names(dir.path()).last().unwrap())).unwrap(),
            }
            if crashed {
                fs::write(dir.path().join("abort"), b"").unwrap();
            }
            store = open(options(dir.path()));
            assert_found(&store, 0..100);
            assert_eq!(index_names(dir.path()).len(), 300_usize.div_ceil(49));
        }
    }
    // Messages without keys may be newer.
    put(&store, "T", 1, b"no key");
    store.close().unwrap();
    fs::remove_dir_all(&index).unwrap();
    let store = open(options(dir.path()));
    assert_found(&store, 0..100);
}

#[test]
fn a_failed_rebuild_is_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path()));
    (0..100).for_each(|n| drop(put_key(&store, &format!("k{n}"))));
    store.close().unwrap();
    let second = dir.path().join("index").join(&index_names(dir.path())[1]);
    fs::write(second, b"short").unwrap();
    let left = std::sync::atomic::AtomicUsize::new(2);
    let disk = Disk::failing(Arc::new(move |operation, path: &Path| {
        let affected = operation == Operation::Create && path.to_string_lossy().contains("index/");
        let one_less = |left: usize| left.checked_sub(1);
        (affected && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_err())
            .then(|| io::Error::from(io::ErrorKind::StorageFull))
    }));
    let failed = MessageStore::open(options(dir.path()), &Clock::system(), &disk);
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::DiskFull);
    assert!(dir.path().join("abort").exists());
    assert_found(&open(options(dir.path())), 0..100);
}

#[test]
fn a_full_disk_stops_puts_and_loses_no_key() {
    struct Told(std::sync::atomic::AtomicUsize);
    impl ArrivalListener for Told {
        fn arrived(&self, arrivals: &[dispatch::Arrival<'_>]) {
            self.0.fetch_add(arrivals.len(), Ordering::Relaxed);
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(false));
    let plan = full.clone();
    let disk = Disk::failing(Arc::new(move |operation, path: &Path| {
        let affected = operation == Operation::Allocate && path.to_string_lossy().contains("index/");
        (affected && plan.load(Ordering::Relaxed)).then(|| io::Error::from(io::ErrorKind::StorageFull))
    }));
    let store = MessageStore::open(options(dir.path()), &Clock::system(), &disk).unwrap();
    let told = Arc::new(Told(0.into()));
    store.set_arrival_listener(told.clone());
    put_key(&store, "k0");
    settle(&store);
    full.store(true, Ordering::Relaxed);
    let mut stored = 1;
    let started = std::time::Instant::now();
    loop {
        let properties = format!("KEYS\x01k{stored} all\x02UNIQ_KEY\x01u-k{stored}");
        let body = format!("k{stored}");
        let outcome =
            store.put(&PutMessage { properties: properties.as_bytes(), ..message("T", 0, body.as_bytes()) });
        match outcome.status {
            PutStatus::Ok => stored += 1,
            status => break assert_eq!(status, PutStatus::ServiceNotAvailable),
        }
        assert!(started.elapsed() < Duration::from_secs(20), "puts go on without an index");
        std::thread::sleep(Duration::from_millis(2));
    }
    full.store(false, Ordering::Relaxed);
    settle(&store);
    assert_found(&store, 0..stored);
    assert_eq!(told.0.load(Ordering::Relaxed), stored as usize, "each arrival is told once");
    assert_eq!(bodies(&store, "T", 0).len(), stored as usize);
    let crashed = dir.path().join("crashed");
    for part in ["commitlog", "consumequeue", "index"] {
        copy(&dir.path().join(part), &crashed.join(part));
    }
    fs::write(crashed.join("abort"), b"").unwrap();
    assert_found(&open(options(&crashed)), 0..stored);
}

#[test]
fn an_index_that_knows_more_than_the_log_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("a");
    let store = open(options(&source));
    let put: Vec<_> = (0..50).map(|n| put_key(&store, &format!("k{n}"))).collect();
    let last = put.last().unwrap();
    store.close().unwrap();
    // Power was lost: the index had been written back, the last record had not.
    let log = source.join(format!("commitlog/{:020}", last.physical_offset / (16 << 10) * (16 << 10)));
    let mut bytes = fs::read(&log).unwrap();
    let start = last.physical_offset as usize % (16 << 10);
    bytes[start..start + last.size_bytes].fill(0);
    fs::write(&log, bytes).unwrap();
    let store = open(options(&source));
    assert_eq!(found(&store, "k49"), [[0; 0]; 0]);
    let again = put_key(&store, "other");
    assert_eq!(again.physical_offset, last.physical_offset);
    settle(&store);
    assert_found(&store, 0..49);
    assert_eq!(found(&store, "other"), [b"other"]);
}
