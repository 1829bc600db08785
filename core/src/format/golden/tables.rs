//! The JSON tables of the golden stores and of a running broker.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{GoldenStore, text, vectors};
use crate::format::disk::tables::{
    ConsumerFilterTable, ConsumerOffsetTable, DelayOffsetTable, SubscriptionGroupTable, TopicTable, parse,
    to_text,
};
use crate::format::names::file;
use crate::format::wire::fastjson;

/// The same text, except for the order of the members of maps, each of which stands on lines of its own.
fn assert_same_but_for_order(ours: &[u8], java: &[u8]) {
    let lines = |text: &[u8]| {
        let text = String::from_utf8(text.to_vec()).unwrap();
        let mut lines: Vec<String> = text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(lines(ours), lines(java));
    assert_eq!(ours.len(), java.len());
}

fn assert_both_ways<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(java: &[u8]) {
    let table: T = parse(java).unwrap();
    let ours = to_text(&table);
    assert_same_but_for_order(&ours, java);
    assert_eq!(parse::<T>(&ours).unwrap(), table);
}

#[test]
fn tables_are_read_and_written_as_java_does() {
    let mut seen = 0;
    for store in GoldenStore::all() {
        for (name, java) in store.folder(file::CONFIG) {
            match name.strip_suffix(file::BACKUP_SUFFIX).unwrap_or(name) {
                file::TOPICS => assert_both_ways::<TopicTable>(java),
                file::SUBSCRIPTION_GROUPS => assert_both_ways::<SubscriptionGroupTable>(java),
                file::CONSUMER_OFFSETS | file::LMQ_CONSUMER_OFFSETS => {
                    assert_both_ways::<ConsumerOffsetTable>(java);
                }
                file::DELAY_OFFSETS => assert_both_ways::<DelayOffsetTable>(java),
                file::CONSUMER_FILTERS => assert_both_ways::<ConsumerFilterTable>(java),
                other => panic!("{other}"),
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 43);
}

#[test]
fn stored_values_arrive() {
    let store = GoldenStore::open("main");
    let read = |name: &str| store.file(&format!("{}/{name}", file::CONFIG)).unwrap();
    let topics: TopicTable = parse(read(file::TOPICS)).unwrap();
    assert_eq!(topics.data_version.counter, 11);
    assert_eq!(topics.topic_config_table["SCHEDULE_TOPIC_XXXX"].write_queue_nums, 18);
    let offsets: ConsumerOffsetTable = parse(read(file::CONSUMER_OFFSETS)).unwrap();
    assert_eq!(offsets.offset_table["StPlain@CID_store"][&1], 12);
    let delays: DelayOffsetTable = parse(read(file::DELAY_OFFSETS)).unwrap();
    for (level, offset) in store.manifest["scheduleOffsets"]["offsetTable"].as_object().unwrap() {
        assert_eq!(delays.offset_table[&level.parse().unwrap()], offset.as_i64().unwrap());
    }
}

#[test]
fn live_texts() {
    let vectors = vectors();
    let texts = &vectors["live"]["fileTexts"];
    assert_both_ways::<ConsumerOffsetTable>(text(texts, "consumerOffset").as_bytes());
    assert_both_ways::<DelayOffsetTable>(text(texts, "delayOffset").as_bytes());
    assert_both_ways::<ConsumerFilterTable>(text(texts, "consumerFilter").as_bytes());
}

/// The same table goes to name servers in its compact form.
#[test]
fn registered_topics_are_the_compact_form() {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        topic_config_serialize_wrapper: TopicTable,
    }
    let vectors = vectors();
    let json = text(&vectors["registerBrokerBody"], "json");
    let body: Body = fastjson::from_str(json).unwrap();
    let ours = fastjson::to_vec(&body.topic_config_serialize_wrapper);
    assert!(json.contains(std::str::from_utf8(&ours).unwrap()));
}
