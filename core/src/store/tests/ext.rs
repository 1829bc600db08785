//! Consume queue extensions: written with the queue, found after restarts and crashes, gone with the topic.

use super::*;
use crate::store::dispatch::BitMaps;

/// The body of each topic's messages is its own map.
struct Numbered;

impl BitMaps for Numbered {
    fn bit_map(&self, topic: &str, _properties: &[u8], map: &mut Vec<u8>) {
        map.extend_from_slice(topic.as_bytes());
    }
}

fn ext_options(dir: &Path) -> StoreOptions {
    StoreOptions { consume_queue_ext_file_bytes: Some(200), ..options(dir) }
}

fn open_ext(options: StoreOptions) -> Arc<MessageStore> {
    let maker = || Ok(Some(Arc::new(Numbered) as Arc<dyn BitMaps>));
    MessageStore::open_with_bit_maps(options, &Clock::system(), &Disk::real(), maker).unwrap()
}

/// Every unit has what belongs to its topic beside it.
fn check_units(store: &MessageStore, topic: &str, count: usize) {
    let units = store.units(topic, 0, 0, 1000);
    assert_eq!(units.len(), count);
    for unit in units {
        let ext = unit.ext().unwrap_or_else(|| panic!("{unit:?} has no extension"));
        assert_eq!((ext.tags_code, ext.bit_map), (97, topic.as_bytes()));
        assert_eq!(Some(ext.store_timestamp_ms), store.store_time_ms(topic, 0, unit.offset));
        assert_eq!(unit.tags_code(), Some(97));
    }
}

#[test]
fn extensions_are_there_after_a_restart_and_go_with_their_topic() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let store = open_ext(ext_options(dir.path()));
        for _ in 0..30 {
            put(&store, "one", 0, b"x");
            put(&store, "other", 0, b"x");
        }
        settle(&store);
        check_units(&store, "one", 30 * round);
        check_units(&store, "other", 30 * round);
        store.close().unwrap();
    }
    let store = open_ext(ext_options(dir.path()));
    store.delete_topic("one").unwrap();
    assert!(!dir.path().join("consumequeue_ext/one").exists());
    put(&store, "one", 0, b"x");
    settle(&store);
    check_units(&store, "one", 1);
    check_units(&store, "other", 90);
}

#[test]
fn a_crash_leaves_no_unit_with_the_extension_of_another() {
    let dir = tempfile::tempdir().unwrap();
    let crashed = tempfile::tempdir().unwrap();
    let store = open_ext(ext_options(dir.path()));
    for _ in 0..30 {
        put(&store, "one", 0, b"x");
    }
    settle(&store);
    copy(dir.path(), crashed.path());
    store.close().unwrap();
    // What the extension's last files held did not reach the disk, the queue did.
    let ext = crashed.path().join("consumequeue_ext/one/0");
    let mut names: Vec<_> = fs::read_dir(&ext).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names[2..].iter().for_each(|path| fs::remove_file(path).unwrap());
    let store = open_ext(ext_options(crashed.path()));
    for _ in 0..30 {
        put(&store, "one", 0, b"x");
    }
    settle(&store);
    let units = store.units("one", 0, 0, 1000);
    assert_eq!(units.len(), 60);
    let known = units.iter().filter(|unit| unit.tags_code() == Some(97)).count();
    assert!((32..60).contains(&known), "{known}");
    for unit in &units {
        assert!(unit.tags_code().is_none_or(|code| code == 97));
        let kept = unit.ext().map(|ext| ext.store_timestamp_ms);
        assert!(kept.is_none_or(|kept| Some(kept) == store.store_time_ms("one", 0, unit.offset)));
    }
    assert_eq!(bodies(&store, "one", 0).len(), 60, "nobody is kept from what is not known");
}

#[test]
fn extensions_may_be_switched_on_and_off() {
    let dir = tempfile::tempdir().unwrap();
    for (round, has_ext) in [false, true, false, true].into_iter().enumerate() {
        let store = if has_ext { open_ext(ext_options(dir.path())) } else { open(options(dir.path())) };
        put(&store, "one", 0, b"x");
        settle(&store);
        let units = store.units("one", 0, 0, 100);
        assert_eq!(units.len(), round + 1);
        for (number, unit) in units.iter().enumerate() {
            let expected = (has_ext || number % 2 == 0).then_some(97);
            assert_eq!(unit.tags_code(), expected, "{round} {number}");
        }
        assert_eq!(bodies(&store, "one", 0).len(), round + 1);
        store.close().unwrap();
    }
}

#[test]
fn an_extension_without_its_queue_is_built_anew() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_ext(ext_options(dir.path()));
    for _ in 0..30 {
        put(&store, "one", 0, b"x");
    }
    store.close().unwrap();
    fs::remove_dir_all(dir.path().join("consumequeue")).unwrap();
    let store = open_ext(ext_options(dir.path()));
    check_units(&store, "one", 30);
    assert_eq!(store.units("one", 0, 0, 1)[0].unit.tags_code, i64::MIN, "at the begin again");
}
