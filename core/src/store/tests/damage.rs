//! Damage at chosen places: what is hit is left out, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use super::{bodies, copy, open, options, put, settle};
use crate::format::record::layout::QUEUE_OFFSET_AT;
use crate::store::{GetStatus, MatchAll};

/// Changes a byte of a file.
fn hit(file: &Path, byte: usize, change: impl FnOnce(u8) -> u8) {
    let mut bytes = fs::read(file).unwrap();
    bytes[byte] = change(bytes[byte]);
    fs::write(file, bytes).unwrap();
}

fn log_file(root: &Path) -> PathBuf {
    root.join(format!("commitlog/{:020}", 0))
}

fn queue_file(root: &Path, start: usize) -> PathBuf {
    root.join(format!("consumequeue/T/0/{start:020}"))
}

/// The messages `0 .. count`, each its number in four bytes, but for `without`.
fn numbers(count: u32, without: &[u32]) -> Vec<Vec<u8>> {
    (0..count).filter(|n| !without.contains(n)).map(|n| n.to_le_bytes().to_vec()).collect()
}

#[test]
fn a_damaged_body_is_left_out_wherever_it_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path()));
    let places: Vec<_> = (0..20_u32).map(|n| put(&store, "T", 0, &n.to_le_bytes())).collect();
    store.close().unwrap();
    hit(&log_file(dir.path()), places[7].physical_offset as usize + 88, |byte| byte ^ 4);
    let store = open(options(dir.path()));
    assert_eq!(bodies(&store, "T", 0), numbers(20, &[7]));
    let alone = store.get("T", 0, 7, 1, &MatchAll);
    assert_eq!((alone.status, alone.message_count, alone.next_begin_offset), (GetStatus::Found, 1, 9));
    assert!(store.record_at(places[7].physical_offset).is_none());
    assert!(store.record_at(places[8].physical_offset).is_some());
}

#[test]
fn a_damaged_unit_is_built_again_at_the_start() {
    // The offset becomes negative; larger than the log; that of another record; the size becomes 0 or larger.
    for (byte, value) in [(0, 0x80), (4, 1), (6, 0xff), (11, 0), (10, 1)] {
        for unit in [0, 29, 59] {
            let dir = tempfile::tempdir().unwrap();
            let store = open(options(dir.path()));
            (0..60_u32).for_each(|n| drop(put(&store, "T", 0, &n.to_le_bytes())));
            store.close().unwrap();
            hit(&queue_file(dir.path(), unit / 50 * 1000), unit % 50 * 20 + byte, |_| value);
            let store = open(options(dir.path()));
            let found = bodies(&store, "T", 0);
            // The last unit has none behind it that would show that its record is another one.
            let lacks: &[u32] = if found.len() == 59 && unit == 59 { &[59] } else { &[] };
            assert_eq!(found, numbers(60, lacks), "byte {byte} of unit {unit}");
            assert_eq!(put(&store, "T", 0, b"next").queue_offset, 60, "byte {byte} of unit {unit}");
        }
    }
}

#[test]
fn a_damaged_unit_in_an_old_file_hides_nothing_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path()));
    (0..250_u32).for_each(|n| drop(put(&store, "T", 0, &n.to_le_bytes())));
    store.close().unwrap();
    hit(&queue_file(dir.path(), 0), 10 * 20 + 1, |_| 1);
    let store = open(options(dir.path()));
    assert_eq!(bodies(&store, "T", 0), numbers(250, &[10]));
}

#[test]
fn a_head_that_names_a_lower_place_does_not_remove_the_queue() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(&dir.path().join("a")));
    let places: Vec<_> = (0..40_u32).map(|n| put(&store, "T", 0, &n.to_le_bytes())).collect();
    settle(&store);
    let crashed = dir.path().join("b");
    copy(&dir.path().join("a"), &crashed);
    fs::remove_dir_all(crashed.join("consumequeue")).unwrap();
    hit(&log_file(&crashed), places[36].physical_offset as usize + QUEUE_OFFSET_AT + 7, |_| 4);
    let store = open(options(&crashed));
    assert_eq!(bodies(&store, "T", 0), numbers(40, &[]));
}

/// The record behind a damaged one is cut off with it. One of the same size in the damaged one's place must not bring it back: here it
/// would begin its queue anew.
#[test]
fn what_recovery_cut_off_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let root = |name: &str| dir.path().join(name);
    let store = open(options(&root("a")));
    put(&store, "T", 0, b"first");
    let damaged = put(&store, "T", 0, b"wrong");
    put(&store, "T", 1, b"ghost");
    settle(&store);
    copy(&root("a"), &root("b"));
    hit(&log_file(&root("b")), damaged.physical_offset as usize + 88, |byte| byte ^ 1);
    let store = open(options(&root("b")));
    assert_eq!((bodies(&store, "T", 0).len(), bodies(&store, "T", 1).len()), (1, 0));
    assert_eq!(put(&store, "T", 1, b"after").physical_offset, damaged.physical_offset);
    settle(&store);
    copy(&root("b"), &root("c"));
    let store = open(options(&root("c")));
    assert_eq!(bodies(&store, "T", 1), [b"after"]);
}
