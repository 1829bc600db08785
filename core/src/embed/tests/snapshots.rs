//! Snapshots: what starts from one, and what is left when that fails.

use super::*;

fn with_a_message() -> (tempfile::TempDir, PathBuf) {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("snapshot");
    let broker = started();
    broker.create_topic("t", 1).unwrap();
    broker.send(&NewMessage::new("t", "one")).unwrap();
    broker.snapshot(&dir).unwrap();
    stop(&broker);
    (scratch, dir)
}

#[test]
fn the_log_of_a_snapshot_goes_where_the_log_lies() {
    let (scratch, dir) = with_a_message();
    let log = scratch.path().join("log");
    let options = Options::new().snapshot(&dir).property("storePathCommitLog", log.to_str().unwrap());
    let broker = start(options).unwrap();
    assert_eq!(broker.pull("t", 0, 0, 1, Duration::ZERO).unwrap().messages[0].body, "one");
    assert!(std::fs::read_dir(&log).unwrap().count() > 0);
    let again = scratch.path().join("again");
    broker.snapshot(&again).unwrap();
    stop(&broker);
    let broker = start(Options::new().snapshot(&again)).unwrap();
    assert_eq!(broker.message_count("t").unwrap(), 1);
}

#[test]
fn a_start_that_fails_leaves_its_directory_empty() {
    let (scratch, dir) = with_a_message();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let options = || Options::new().snapshot(&dir).store_dir(scratch.path().join("store"));
    assert_eq!(start(options().port(port)).unwrap_err().kind(), ErrorKind::PortInUse);
    let broker = start(options()).unwrap();
    assert_eq!(broker.message_count("t").unwrap(), 1);
}

#[test]
fn a_snapshot_that_fails_leaves_its_directory_empty() {
    let (scratch, dir) = with_a_message();
    let store = scratch.path().join("store");
    let broker = start(Options::new().snapshot(&dir).store_dir(&store)).unwrap();
    let inside = store.join("commitlog").join("inside");
    assert_eq!(broker.snapshot(&inside).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(std::fs::read_dir(&inside).unwrap().count(), 0);
    std::fs::remove_dir(&inside).unwrap();
    let waits = broker.call("test", |operations| Ok(operations.clone())).unwrap();
    waits.watch.close();
    let late = scratch.path().join("late");
    assert_eq!(broker.snapshot(&late).unwrap_err().kind(), ErrorKind::Stopped, "it stops meanwhile");
    assert_eq!(std::fs::read_dir(&late).unwrap().count(), 0);
}
