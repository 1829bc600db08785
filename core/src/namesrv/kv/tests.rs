use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::mmap::disk::Operation;

fn table(folder: &tempfile::TempDir) -> (KvTable, PathBuf) {
    let path = folder.path().join("namesrv/kvConfig.json");
    (KvTable::open(&path, Disk::real()).unwrap(), path)
}

#[test]
fn changes_are_in_the_file_and_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (kv, path) = table(&folder);
    kv.put("ns", "b", Some("2")).unwrap();
    kv.put("ns", "a", Some("1")).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), r#"{"configTable":{"ns":{"a":"1","b":"2"}}}"#);
    assert_eq!(fs::read_to_string(backup(&path)).unwrap(), r#"{"configTable":{"ns":{"b":"2"}}}"#);
    let (kv, _) = table(&folder);
    assert_eq!(kv.get("ns", "a").as_deref(), Some("1"));
    assert_eq!(kv.get("ns", "c"), None);
    assert_eq!(kv.get("other", "a"), None);
}

#[test]
fn an_emptied_namespace_stays_and_an_unused_one_does_not_exist() {
    let folder = tempfile::tempdir().unwrap();
    let (kv, _) = table(&folder);
    kv.delete("ns", "a").unwrap();
    assert_eq!(kv.namespace("ns"), None);
    kv.put("ns", "a", Some("1")).unwrap();
    kv.delete("ns", "a").unwrap();
    assert_eq!(*kv.namespace("ns").unwrap(), Namespace::new());
    kv.put("null", "a", None).unwrap();
    assert_eq!(*table(&folder).0.namespace("null").unwrap(), Namespace::new());
}

#[test]
fn a_broken_file_is_replaced_by_its_backup_and_never_overwritten_unread() {
    let folder = tempfile::tempdir().unwrap();
    let (kv, path) = table(&folder);
    kv.put("ns", "a", Some("1")).unwrap();
    kv.put("ns", "a", Some("2")).unwrap();
    for broken in [&b"{\"configTable\":{\"ns\":"[..], b"", b"\xff\xfe"] {
        fs::write(&path, broken).unwrap();
        assert_eq!(table(&folder).0.get("ns", "a").as_deref(), Some("1"), "{broken:?}");
    }
    fs::remove_file(backup(&path)).unwrap();
    assert_eq!(KvTable::open(&path, Disk::real()).unwrap_err().kind(), ErrorKind::StoreCorrupt);
    fs::remove_file(&path).unwrap();
    assert_eq!(table(&folder).0.namespace("ns"), None);
}

#[test]
fn a_file_written_by_java_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kvConfig.json");
    fs::write(&path, "{\"configTable\":{\"ORDER_TOPIC_CONFIG\":{\"T\":\"a:4;b:4\"},\"empty\":{}}}").unwrap();
    let kv = KvTable::open(&path, Disk::real()).unwrap();
    assert_eq!(kv.get(ORDER_TOPIC_CONFIG, "T").as_deref(), Some("a:4;b:4"));
    assert!(kv.namespace("empty").is_some());
}

#[test]
fn what_cannot_be_written_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kvConfig.json");
    for operation in [Operation::Create, Operation::Write, Operation::Sync, Operation::Rename] {
        table_at(&path, Disk::real()).put("ns", "a", Some("old")).unwrap();
        let full = move |asked: Operation, _: &Path| {
            (asked == operation).then(|| io::Error::from(io::ErrorKind::StorageFull))
        };
        let kv = table_at(&path, Disk::failing(Arc::new(full)));
        assert_eq!(kv.put("ns", "a", Some("new")).unwrap_err().kind(), ErrorKind::DiskFull);
        assert_eq!(kv.get("ns", "a").as_deref(), Some("old"));
        assert_eq!(table_at(&path, Disk::real()).get("ns", "a").as_deref(), Some("old"));
    }
}

fn table_at(path: &Path, disk: Disk) -> KvTable {
    KvTable::open(path, disk).unwrap()
}

#[test]
fn the_table_is_bounded_and_can_be_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let (kv, _) = table(&folder);
    let half = "x".repeat(TEXT_BYTES_MAX / 2);
    kv.put("ns", "a", Some(&half)).unwrap();
    assert_eq!(kv.put("ns", "b", Some(&half)).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(kv.get("ns", "b"), None);
    kv.delete("ns", "a").unwrap();
    kv.put("ns", "b", Some(&half)).unwrap();
}

/// A failure is told to who asked, is not visible to readers, and the next change makes up for it.
#[test]
fn faults_every_step_of_a_change_fails_once() {
    for fail_at in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/kvConfig.json");
        table_at(&path, Disk::real()).put("ns", "a", Some("old")).unwrap();
        let step = AtomicUsize::new(0);
        let plan = move |_: Operation, _: &Path| {
            (step.fetch_add(1, Ordering::SeqCst) == fail_at).then(|| io::Error::from_raw_os_error(libc::EIO))
        };
        let kv = table_at(&path, Disk::failing(Arc::new(plan)));
        if kv.put("ns", "a", Some("new")).is_ok() {
            assert!(fail_at >= 10, "every step is tried, not {fail_at}");
            return;
        }
        assert_eq!(kv.get("ns", "a").as_deref(), Some("old"), "step {fail_at}");
        let on_disk = table_at(&path, Disk::real()).get("ns", "a");
        assert!(["old", "new"].contains(&on_disk.as_deref().unwrap()), "step {fail_at}: {on_disk:?}");
        kv.put("ns", "a", Some("newer")).unwrap();
        assert_eq!(table_at(&path, Disk::real()).get("ns", "a").as_deref(), Some("newer"), "step {fail_at}");
    }
}
