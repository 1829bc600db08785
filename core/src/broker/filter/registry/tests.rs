use std::time::Duration;

use super::*;
use crate::broker::filter::bloom::has_bits;
use crate::broker::filter::subscription::SQL92;
use crate::config::{Config, Profile};
use crate::format::disk::tables;
use crate::format::record::properties::push;

const BEGIN_MS: i64 = 1_000_000;

struct Fixture {
    filters: ConsumerFilters,
    config: LiveConfig,
    clock: Clock,
    folder: tempfile::TempDir,
}

fn open(
    folder: &tempfile::TempDir,
    clock: &Clock,
    properties: &[(&str, &str)],
) -> (ConsumerFilters, LiveConfig) {
    let mut all =
        vec![("storePathRootDir", folder.path().to_str().unwrap()), ("enableCalcFilterBitMap", "true")];
    all.extend(properties);
    let config = LiveConfig::with_file(Config::with_properties(Profile::Server, &all).unwrap(), None);
    (ConsumerFilters::open(Disk::real(), config.clone(), clock.clone()).unwrap(), config)
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(BEGIN_MS);
        let (filters, config) = open(&folder, &clock, &[]);
        Self { filters, config, clock, folder }
    }

    /// A heartbeat with one subscription, and what is known of it then.
    fn hear(&self, expression: &str, version: i64) -> Option<Arc<ConsumerFilter>> {
        self.filters.registered("g", &[subscription("t", expression, version)]);
        self.filters.find("t", "g")
    }

    fn reopened(&self, properties: &[(&str, &str)]) -> ConsumerFilters {
        open(&self.folder, &self.clock, properties).0
    }
}

fn subscription(topic: &str, expression: &str, version: i64) -> Arc<Subscription> {
    Arc::new(Subscription {
        topic: topic.to_owned(),
        sub_string: expression.to_owned(),
        expression_type: SQL92.to_owned(),
        sub_version: version,
        ..Subscription::default()
    })
}

#[test]
fn only_a_newer_version_changes_a_filter() {
    let fixture = Fixture::new();
    let first = fixture.hear("a = 1", 5).unwrap();
    assert_eq!(
        (first.data.born_time_ms, first.data.dead_time_ms, first.data.client_version),
        (BEGIN_MS, 0, 5)
    );
    fixture.clock.advance(Duration::from_millis(10));
    for version in [4, 5] {
        assert_eq!(fixture.hear("a = 2", version).unwrap().data.expression, "a = 1");
    }
    let same = fixture.hear("a = 1", 6).unwrap();
    assert_eq!((same.data.born_time_ms, same.data.client_version), (BEGIN_MS, 6));
    let changed = fixture.hear("a = 2", 7).unwrap();
    assert_eq!((changed.data.born_time_ms, &*changed.data.expression), (BEGIN_MS + 10, "a = 2"));
    assert!(!changed.knew(BEGIN_MS + 10) && changed.knew(BEGIN_MS + 11));
}

#[test]
fn what_does_not_compile_removes_the_filter() {
    let fixture = Fixture::new();
    assert!(fixture.hear("a =", 1).is_none());
    assert!(fixture.hear("a = 1", 2).is_some());
    assert!(fixture.hear("a = 1 AND", 3).is_none());
    let tags = Subscription { sub_string: "A".to_owned(), ..Subscription::clone(&subscription("t", "", 4)) };
    let tags = Subscription { expression_type: "TAG".to_owned(), ..tags };
    fixture.filters.registered("g", &[Arc::new(tags)]);
    assert!(fixture.filters.find("t", "g").is_none());
    let odd = Subscription {
        expression_type: "XPATH".to_owned(),
        ..Subscription::clone(&subscription("t", "a", 5))
    };
    fixture.filters.registered("g", &[Arc::new(odd)]);
    assert!(fixture.filters.find("t", "g").is_none());
}

#[test]
fn filters_die_with_their_group_and_live_again_with_it() {
    let fixture = Fixture::new();
    fixture.filters.registered("g", &[subscription("t", "a = 1", 1), subscription("u", "a = 1", 1)]);
    fixture.filters.registered("h", &[subscription("t", "a = 1", 1)]);
    let is_dead = |topic: &str, group: &str| fixture.filters.find(topic, group).unwrap().data.is_dead();
    fixture.clock.advance(Duration::from_secs(1));
    fixture.filters.registered("g", &[subscription("t", "a = 1", 1)]);
    assert!(!is_dead("t", "g") && is_dead("u", "g"), "the group names u no more");
    fixture.filters.left("g", true);
    assert!(is_dead("t", "g") && !is_dead("t", "h"));
    let again = fixture.hear("a = 1", 1).unwrap();
    assert_eq!((again.data.born_time_ms, again.data.dead_time_ms), (BEGIN_MS, 0));
    fixture.filters.left("g", true);
    fixture.clock.advance(Duration::from_secs(24 * 3600 - 1));
    fixture.filters.persist().unwrap();
    assert!(fixture.filters.find("t", "g").is_some());
    fixture.clock.advance(Duration::from_secs(1));
    fixture.filters.persist().unwrap();
    assert!(fixture.filters.find("t", "g").is_none() && fixture.filters.find("t", "h").is_some());
    assert!(fixture.filters.find("u", "g").is_none());
}

#[test]
fn a_saved_filter_is_dead_until_it_is_heard_of() {
    let fixture = Fixture::new();
    fixture.hear("a = 1", 3).unwrap();
    fixture.clock.advance(Duration::from_secs(60));
    fixture.filters.persist().unwrap();
    let loaded = fixture.reopened(&[]);
    let filter = loaded.find("t", "g").unwrap();
    assert_eq!((filter.data.born_time_ms, filter.data.dead_time_ms), (BEGIN_MS, BEGIN_MS + 30_000));
    loaded.registered("g", &[subscription("t", "a = 1", 3)]);
    assert_eq!(loaded.find("t", "g").unwrap().data.dead_time_ms, 0);
    let other = fixture.reopened(&[("expectConsumerNumUseFilter", "64")]);
    assert!(other.find("t", "g").is_none(), "its bits mean nothing in a map of another size");
}

#[test]
fn a_saved_expression_that_does_not_compile_is_left_out() {
    let fixture = Fixture::new();
    fixture.filters.registered("g", &[subscription("t", "a = 1", 1), subscription("u", "a = 2", 1)]);
    fixture.filters.persist().unwrap();
    let path = fixture.folder.path().join("config/consumerFilter.json");
    let text = std::fs::read_to_string(&path).unwrap().replace("a = 2", "a = ");
    std::fs::write(&path, text).unwrap();
    let loaded = fixture.reopened(&[]);
    assert!(loaded.find("t", "g").is_some() && loaded.find("u", "g").is_none());
}

#[test]
fn the_table_of_the_reference_is_kept() {
    let fixture = Fixture::new();
    let saved = r#"{"filterDataByTopic":{"t":{"groupFilterData":{"g":{"bloomFilterData":{"bitNum":112,"bitPos":[1,2,3]},
        "bornTime":5,"clientVersion":6,"consumerGroup":"g","dead":false,"deadTime":0,"expression":"a > 10","expressionType":"SQL92","topic":"t"}},"topic":"t"}}}"#;
    let saved: ConsumerFilterTable = tables::parse(saved.as_bytes()).unwrap();
    let topics = revived(saved.clone(), fixture.filters.bloom, 50_000);
    let filter = &topics["t"]["g"];
    assert_eq!((filter.data.dead_time_ms, filter.data.client_version), (20_000, 6));
    assert!(filter.expression.matches(b"a\x0111"));
}

#[test]
fn a_bit_map_has_the_bits_of_all_whose_expression_matches() {
    let fixture = Fixture::new();
    fixture.filters.registered("g", &[subscription("t", "a = 1", 1)]);
    fixture.filters.registered("h", &[subscription("t", "a > 1.5", 1)]);
    fixture.filters.registered("i", &[subscription("t", "b = 1", 1)]);
    let bits = |group: &str| fixture.filters.find("t", group).unwrap().bits.clone();
    let map_of = |topic: &str, value: &str| {
        let (mut properties, mut map) = (Vec::new(), Vec::new());
        push(&mut properties, b"a", value.as_bytes());
        fixture.filters.bit_map(topic, &properties, &mut map);
        map
    };
    for (value, expected) in [("1", [true, false]), ("2", [false, true]), ("x", [false, false])] {
        let map = map_of("t", value);
        assert_eq!(map.len(), 14);
        assert_eq!(["g", "h"].map(|group| has_bits(&bits(group), &map)), expected, "{value}");
        assert!(!has_bits(&bits("i"), &map));
    }
    assert!(map_of("other", "1").is_empty());
    fixture.config.settle(|config| config.broker.enable_calc_filter_bit_map = false);
    assert!(map_of("t", "1").is_empty());
}
