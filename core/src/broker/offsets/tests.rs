use super::*;
use crate::broker::testing::wait_until;
use crate::clock::Clock;
use crate::config::{Config, Profile};
use crate::runtime::threads::Poison;

struct Fixture(tempfile::TempDir);

impl Fixture {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> ConsumerOffsets {
        self.open_with(&[])
    }

    fn open_with(&self, properties: &[(&str, &str)]) -> ConsumerOffsets {
        let root = [("storePathRootDir", self.0.path().to_str().unwrap())];
        let config = Config::with_properties(Profile::Server, &[&root, properties].concat()).unwrap();
        ConsumerOffsets::open(Disk::real(), &LiveConfig::with_file(config, None)).unwrap()
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("config/consumerOffset.json")
    }

    fn store(&self, text: &str) {
        std::fs::create_dir_all(self.path().parent().unwrap()).unwrap();
        std::fs::write(self.path(), text).unwrap();
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn any_value_is_stored_and_may_go_back() {
    let offsets = Fixture::new().open();
    assert_eq!(offsets.find("g", "t", 0), None);
    for value in [5, 9, 3, -7, i64::MAX, i64::MIN, 0] {
        offsets.commit("g", "t", 0, value);
        assert_eq!(offsets.find("g", "t", 0), Some(value));
    }
    offsets.commit("g", "t", -1, 4);
    assert_eq!(offsets.of_topic("g", "t"), Some(BTreeMap::from([(-1, 4), (0, 0)])));
    assert_eq!(offsets.of_topic("g", "u"), None);
    assert_eq!(offsets.find("h", "t", 0), None);
}

#[test]
fn tables_are_found_from_both_sides() {
    let offsets = Fixture::new().open();
    offsets.commit("g", "t", 0, 1);
    offsets.commit("g", "u", 0, 1);
    offsets.commit("h", "t", 0, 1);
    assert_eq!(offsets.topics_of_group("g"), names(["t", "u"]));
    assert_eq!(offsets.topics_of_group("absent"), names([]));
    assert_eq!(offsets.groups_of_topic("t"), names(["g", "h"]));
    offsets.remove_group("g");
    assert_eq!(offsets.groups_of_topic("t"), names(["h"]));
    assert_eq!(offsets.find("g", "u", 0), None);
}

#[test]
fn only_changes_are_written() {
    let fixture = Fixture::new();
    let offsets = fixture.open();
    offsets.persist().unwrap();
    assert!(!fixture.path().exists());
    offsets.commit("g", "t", 0, 3);
    offsets.commit("g", "t", 11, 5);
    offsets.persist().unwrap();
    assert_eq!(fixture.text(), "{\n\t\"offsetTable\":{\n\t\t\"t@g\":{0:3,11:5\n\t\t}\n\t}\n}");
    std::fs::remove_file(fixture.path()).unwrap();
    offsets.commit("g", "t", 0, 3);
    offsets.persist().unwrap();
    assert!(!fixture.path().exists(), "the same value is no change");
    offsets.commit("g", "t", 0, 2);
    offsets.persist().unwrap();
    assert_eq!(fixture.open().snapshot(), offsets.snapshot());
}

#[test]
fn a_failed_write_is_tried_again() {
    let fixture = Fixture::new();
    let offsets = fixture.open();
    offsets.commit("g", "t", 0, 3);
    std::fs::write(fixture.0.path().join("config"), "in the way").unwrap();
    assert!(offsets.persist().is_err());
    std::fs::remove_file(fixture.0.path().join("config")).unwrap();
    offsets.persist().unwrap();
    assert_eq!(fixture.open().find("g", "t", 0), Some(3));
}

#[test]
fn offsets_are_written_by_the_clock() {
    let fixture = Fixture::new();
    let offsets = Arc::new(fixture.open());
    let clock = Clock::manual(0);
    let timers = Timers::start("t-offsets", clock.clone(), &Poison::new()).unwrap();
    offsets.schedule(&timers, Duration::from_secs(5));
    offsets.commit("g", "t", 0, 3);
    clock.advance(FIRST_PERSIST);
    wait_until("written", || fixture.path().exists());
    offsets.commit("g", "t", 0, 4);
    wait_until("written again", || {
        clock.advance(Duration::from_secs(5));
        fixture.open().find("g", "t", 0) == Some(4)
    });
    timers.stop();
}

#[test]
fn stored_offsets_of_java_are_read() {
    let fixture = Fixture::new();
    fixture.store(
        "{\n\t\"offsetTable\":{\n\t\t\"%RETRY%g@g\":{0:2\n\t\t},\n\t\t\"t@g\":{0:1,3:5\n\t\t}\n\t}\n}",
    );
    let offsets = fixture.open();
    assert_eq!(offsets.find("g", "t", 3), Some(5));
    assert_eq!(offsets.find("g", "%RETRY%g", 0), Some(2));
    assert_eq!(offsets.topics_of_group("g"), names(["%RETRY%g", "t"]));
}

#[test]
fn names_with_the_separator_mean_what_their_key_means() {
    let fixture = Fixture::new();
    let offsets = fixture.open();
    offsets.commit("g@h", "t", 0, 1);
    assert_eq!(offsets.find("h", "t@g", 0), Some(1));
    offsets.commit("h", "t@g", 0, 2);
    offsets.commit("h", "@", 0, 3);
    offsets.persist().unwrap();
    let reopened = fixture.open();
    assert_eq!(reopened.find("g@h", "t", 0), Some(2));
    assert_eq!(reopened.snapshot(), offsets.snapshot());
    fixture.store("{\"offsetTable\":{\"nothing\":{0:1}}}");
    assert_eq!(fixture.open().snapshot().offset_table.len(), 1);
}

#[test]
fn copies_replace_what_the_target_had() {
    let offsets = Fixture::new().open();
    offsets.commit("g", "t", 0, 7);
    offsets.commit("h", "t", 5, 1);
    offsets.copy("g", "h", "t");
    assert_eq!(offsets.of_topic("h", "t"), Some(BTreeMap::from([(0, 7)])));
    offsets.commit("h", "t", 0, 8);
    assert_eq!(offsets.find("g", "t", 0), Some(7), "a copy, not the same table");
    offsets.copy("absent", "h", "t");
    assert_eq!(offsets.find("h", "t", 0), Some(8));
}

#[test]
fn the_lowest_offset_leaves_out_groups_and_expired_offsets() {
    let offsets = Fixture::new().open();
    for (group, queue_id, offset) in [("a", 0, 5), ("b", 0, 3), ("c", 0, 1), ("a", 1, 9), ("b", 1, 2)] {
        offsets.commit(group, "t", queue_id, offset);
    }
    let lowest = offsets.lowest_of_topic("t", &["c"], |queue_id| if queue_id == 1 { 4 } else { 0 });
    assert_eq!(lowest, BTreeMap::from([(0, 3), (1, 9)]));
    assert_eq!(offsets.find("c", "t", 0), Some(1), "left out, not deleted");
}

#[test]
fn commits_from_many_threads_all_arrive() {
    let fixture = Fixture::new();
    let offsets = fixture.open();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let offsets = &offsets;
            scope.spawn(move || {
                for offset in 0..500 {
                    offsets.commit("g", "t", thread, offset);
                    offsets.commit(&format!("g{offset}"), "t", thread, offset);
                }
            });
        }
        for _ in 0..20 {
            offsets.persist().unwrap();
        }
    });
    offsets.persist().unwrap();
    let reopened = fixture.open();
    assert_eq!(reopened.snapshot(), offsets.snapshot());
    assert_eq!(reopened.of_topic("g", "t"), Some((0..4).map(|queue_id| (queue_id, 499)).collect()));
    assert_eq!(reopened.groups_of_topic("t").len(), 501);
}

#[test]
fn light_groups_have_a_table_of_their_own_in_a_file_of_its_own() {
    let fixture = Fixture::new();
    let light = [("enableLmq", "true")];
    fixture.store(r#"{"offsetTable":{"T@g":{0:4}}}"#);
    let offsets = fixture.open_with(&light);
    assert_eq!(offsets.find("g", "T", 0), Some(4), "what was committed before light queues were switched on");
    offsets.commit("%LMQ%g", "%LMQ%q", 0, 7);
    offsets.commit("%LMQ%g", "T", 3, 8);
    offsets.commit("g", "%LMQ%q", 0, 9);
    offsets.persist().unwrap();
    assert_eq!(fixture.text(), r#"{"offsetTable":{"T@g":{0:4}}}"#);
    let stored = std::fs::read(fixture.path().with_file_name("lmqConsumerOffset.json")).unwrap();
    let stored: ConsumerOffsetTable = crate::format::disk::tables::parse(&stored).unwrap();
    let expected = BTreeMap::from([("%LMQ%q@%LMQ%g".to_owned(), 7), ("T@%LMQ%g".to_owned(), 8)]);
    assert_eq!(stored.lmq_offset_table, Some(expected));
    assert_eq!(stored.offset_table.len(), 2);

    let again = fixture.open_with(&light);
    let found =
        [again.find("%LMQ%g", "%LMQ%q", 0), again.find("%LMQ%g", "T", 5), again.find("g", "%LMQ%q", 0)];
    assert_eq!(found, [Some(7), Some(8), Some(9)]);
}

#[test]
fn who_advances_finds_out_that_somebody_set_the_offset() {
    let fixture = Fixture::new();
    let offsets = fixture.open();
    let nowhere = offsets.place("g", "t", 0);
    assert_eq!(nowhere.offset, None);
    assert!(offsets.advance("g", "t", 0, nowhere, 5));
    assert!(!offsets.advance("g", "t", 0, nowhere, 6), "it is at 5");
    let at_five = offsets.place("g", "t", 0);
    offsets.commit("g", "t", 0, 5);
    assert_eq!(offsets.place("g", "t", 0), at_five, "committed once more");
    offsets.set("g", "t", 0, 5);
    assert_ne!(offsets.place("g", "t", 0), at_five, "set to where it was");
    assert!(!offsets.advance("g", "t", 0, at_five, 6));
    assert_eq!(offsets.find("g", "t", 0), Some(5));
    assert!(offsets.advance("g", "t", 0, offsets.place("g", "t", 0), 6));
    assert!(!offsets.advance("g", "u", 0, at_five, 6));
    assert_eq!(offsets.of_topic("g", "u"), None, "nothing comes of it");
    let at_six = offsets.place("g", "t", 0);
    offsets.copy("g", "g", "t");
    assert_ne!(offsets.place("g", "t", 0), at_six);
    assert_eq!(offsets.place("g", "t", 1), nowhere);
}
