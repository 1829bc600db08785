//! A sync that fails once. The kernel tells of it once and then forgets, and the next sync of the same file succeeds although pages
//! are lost: whatever was not durable before must never count as durable.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::{bodies, message, open, options, put, settle};
use crate::clock::Clock;
use crate::error::ErrorKind;
use crate::mmap::disk::{Disk, Operation};
use crate::store::options::FlushMode;
use crate::store::{MessageStore, PutStatus};

const TIMEOUT: Duration = Duration::from_secs(20);

fn eio() -> io::Error {
    io::Error::from_raw_os_error(libc::EIO)
}

fn is_log_sync(operation: Operation, path: &Path) -> bool {
    operation == Operation::Sync && path.to_string_lossy().contains("commitlog/")
}

/// Fails the sync of the log whose turn it is, once.
fn failing_once(turn: usize) -> Disk {
    let syncs = AtomicUsize::new(0);
    Disk::failing(Arc::new(move |operation, path: &Path| {
        (is_log_sync(operation, path) && syncs.fetch_add(1, Ordering::SeqCst) == turn).then(eio)
    }))
}

#[test]
fn faults_a_sync_that_fails_once_is_never_made_up_for() {
    for (mode, turn) in [(FlushMode::Sync, 3), (FlushMode::Async, 0)] {
        let dir = tempfile::tempdir().unwrap();
        let mut options = options(dir.path());
        options.flush_mode = mode;
        let store = MessageStore::open(options.clone(), &Clock::system(), &failing_once(turn)).unwrap();
        let mut acknowledged = Vec::new();
        let refused = (0..10_u8).find(|n| {
            let outcome = store.put(&message("T", 0, &[*n]));
            let status = outcome.ticket.map_or(outcome.status, |ticket| ticket.wait(TIMEOUT));
            match status {
                PutStatus::Ok => acknowledged.push(vec![*n]),
                status => assert_eq!(status, PutStatus::ServiceNotAvailable),
            }
            // Without waiting puts, the sync fails here.
            status != PutStatus::Ok || store.flush_now().is_err()
        });
        assert!(refused.is_some(), "the failure is told");
        assert!(
            store.poisoned().is_some_and(|reason| reason.contains("os error 5")),
            "{:?}",
            store.poisoned()
        );
        // The disk works again, and it makes no difference.
        assert_eq!(store.flush_now().unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(store.put(&message("T", 0, b"never")).status, PutStatus::ServiceNotAvailable);
        settle(&store);
        assert!(bodies(&store, "T", 0).starts_with(&acknowledged), "reads go on");
        assert_eq!(store.close().unwrap_err().kind(), ErrorKind::Io);
        assert!(dir.path().join("abort").exists());
        let store = open(options);
        assert!(bodies(&store, "T", 0).starts_with(&acknowledged));
        put(&store, "T", 0, b"goes on");
        store.close().unwrap();
    }
}

/// Two threads sync the log at a time: the flush thread for a put that waits, and who saves the progress of delayed messages. The
/// kernel tells one of them of the failure.
#[test]
fn faults_a_sync_beside_one_that_fails_acknowledges_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.flush_mode = FlushMode::Sync;
    let together: Arc<(Mutex<usize>, Condvar)> = Arc::default();
    let plan = together.clone();
    let disk = Disk::failing(Arc::new(move |operation, path: &Path| {
        if !is_log_sync(operation, path) {
            return None;
        }
        let (syncs, came) = &*plan;
        let mut syncs = syncs.lock();
        *syncs += 1;
        came.notify_all();
        if *syncs != 1 {
            return None;
        }
        // The first one waits for the second to be under way, if it comes, and fails a little later.
        came.wait_while_for(&mut syncs, |syncs| *syncs < 2, Duration::from_millis(300));
        drop(syncs);
        std::thread::sleep(Duration::from_millis(50));
        Some(eio())
    }));
    let store = MessageStore::open(options, &Clock::system(), &disk).unwrap();
    let ticket = store.put(&message("T", 0, b"lost?")).ticket.unwrap();
    let (syncs, came) = &*together;
    came.wait_while_for(&mut syncs.lock(), |syncs| *syncs < 1, TIMEOUT);
    assert!(store.flush_now().is_err());
    assert_eq!(ticket.wait(TIMEOUT), PutStatus::ServiceNotAvailable);
}
