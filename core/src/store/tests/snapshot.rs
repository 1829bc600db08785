//! Copies of a store that is in use.

use std::sync::atomic::AtomicUsize;

use super::*;
use crate::format::names::file;

/// Calls `meanwhile` between the copies of the first two queues.
fn between_the_queues(meanwhile: impl Fn() + Send + Sync + 'static) -> Disk {
    let created = AtomicUsize::new(0);
    Disk::failing(Arc::new(move |operation, path| {
        let is_queue_file = path.components().any(|part| part.as_os_str() == file::CONSUME_QUEUE)
            && path.ends_with(format!("{:020}", 0));
        if operation == Operation::Create && is_queue_file && created.fetch_add(1, Ordering::SeqCst) == 1 {
            meanwhile();
        }
        None
    }))
}

#[test]
fn a_copy_is_whole_however_much_is_stored_meanwhile() {
    let scratch = tempfile::tempdir().unwrap();
    let (from, to) = (scratch.path().join("from"), scratch.path().join("to"));
    let clock = Clock::manual(1_700_000_000_000);
    let store = MessageStore::open(options(&from), &clock, &Disk::real()).unwrap();
    let put_some = |store: &MessageStore, clock: &Clock| {
        for number in 0..60 {
            put(store, "t", number % 2, &[b'x'; 1000]);
            clock.advance(Duration::from_secs(1));
        }
        settle(store);
        store.flush_now().unwrap();
        assert!(store.queue_flush.flush_all());
    };
    put_some(&store, &clock);
    let (more, time) = (store.clone(), clock.clone());
    let disk = between_the_queues(move || put_some(&more, &time));
    fs::create_dir_all(&to).unwrap();
    store.copy_to(&disk, &to).unwrap();
    drop(disk);
    assert_eq!(store.max_offset("t", 0), 60, "stored meanwhile");
    store.close().unwrap();
    let copy = open(options(&to));
    assert_eq!([0, 1].map(|queue_id| bodies(&copy, "t", queue_id).len()), [60, 60]);
}

#[test]
fn a_copy_that_fails_is_no_store_that_was_stopped_cleanly() {
    let scratch = tempfile::tempdir().unwrap();
    let (from, to) = (scratch.path().join("from"), scratch.path().join("to"));
    let store = open(options(&from));
    put(&store, "t", 0, b"one");
    settle(&store);
    fs::create_dir_all(&to).unwrap();
    let writes = AtomicUsize::new(0);
    let full = Disk::failing(Arc::new(move |operation, _| {
        let fails = operation == Operation::Write && writes.fetch_add(1, Ordering::SeqCst) > 0;
        fails.then(|| io::ErrorKind::StorageFull.into())
    }));
    assert_eq!(store.copy_to(&full, &to).unwrap_err().kind(), ErrorKind::DiskFull);
    assert!(to.join(file::ABORT).exists());
}

#[test]
fn what_waits_in_transient_buffers_is_copied() {
    let scratch = tempfile::tempdir().unwrap();
    let (from, to) = (scratch.path().join("from"), scratch.path().join("to"));
    let mut options = options(&from);
    options.transient_buffers = Some(3);
    options.tuning.commit_interval = Duration::from_secs(3600);
    let store = open(options);
    assert_eq!(store.put(&message("t", 0, b"one")).status, PutStatus::Ok);
    fs::create_dir_all(&to).unwrap();
    store.copy_to(&Disk::real(), &to).unwrap();
    let copy = open(super::options(&to));
    assert_eq!(bodies(&copy, "t", 0), [b"one"]);
}
