//! Messages in several queues, against the real files.

use std::fs;

use super::golden::unpack_with;
use super::*;
use crate::store::options::FanOutOptions;

const TWO: &[u8] = b"INNER_MULTI_DISPATCH\x01%LMQ%one,%LMQ%two\x02TAGS\x01a";

fn fanning_options(dir: &Path) -> StoreOptions {
    let fan_out = FanOutOptions { enabled: true, light_queues: true, light_queues_max: 3 };
    StoreOptions { fan_out, ..options(dir) }
}

fn put_with(store: &MessageStore, topic: &str, body: &[u8], properties: &[u8]) -> PutOutcome {
    store.put(&PutMessage { properties, ..message(topic, 2, body) })
}

fn offsets_in(store: &MessageStore, appended: &Appended) -> Option<String> {
    let record = store.record_at(appended.physical_offset).unwrap();
    let record = RecordView::parse(&record).unwrap();
    record.property(b"INNER_MULTI_QUEUE_OFFSET").map(|text| String::from_utf8(text.to_vec()).unwrap())
}

#[test]
fn a_message_is_in_every_queue_it_names_also_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(fanning_options(dir.path()));
    for n in 0..50_u8 {
        let appended = put_with(&store, "T", &[n], TWO).appended.unwrap();
        assert_eq!(offsets_in(&store, &appended), Some(format!("{n},{n}")));
        assert_eq!(appended.queue_offset, i64::from(n));
    }
    let alone = put_with(&store, "T", b"to one", b"INNER_MULTI_DISPATCH\x01%LMQ%one").appended.unwrap();
    assert_eq!(offsets_in(&store, &alone), Some("50".to_owned()));
    settle(&store);
    let of_two: Vec<Vec<u8>> = (0..50_u8).map(|n| vec![n]).collect();
    let mut of_one = of_two.clone();
    of_one.push(b"to one".to_vec());

    let crashed = tempfile::tempdir().unwrap();
    copy(dir.path(), crashed.path());
    store.close().unwrap();
    fs::remove_dir_all(crashed.path().join("consumequeue")).unwrap();
    for root in [dir.path(), crashed.path()] {
        let store = open(fanning_options(root));
        assert_eq!(bodies(&store, "T", 2), of_one);
        assert_eq!(bodies(&store, "%LMQ%one", 0), of_one);
        assert_eq!(bodies(&store, "%LMQ%two", 0), of_two);
        let next = put_with(&store, "T", b"next", TWO).appended.unwrap();
        assert_eq!(offsets_in(&store, &next), Some("51,50".to_owned()));
        store.close().unwrap();
    }
}

#[test]
fn a_queue_named_twice_gets_a_message_once_and_a_queue_of_another_topic_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(fanning_options(dir.path()));
    put_with(&store, "Other", b"own", b"");
    put_with(&store, "T", b"both", b"INNER_MULTI_DISPATCH\x01Other,%LMQ%one,Other");
    put_with(&store, "Other", b"own again", b"");
    settle(&store);
    assert_eq!(bodies(&store, "Other", 2), [&b"own"[..], b"both", b"own again"]);
    assert_eq!(bodies(&store, "%LMQ%one", 0), [b"both"]);
    store.close().unwrap();
}

#[test]
fn what_waits_for_its_delay_is_in_no_light_queue_yet() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(fanning_options(dir.path()));
    put_with(&store, "SCHEDULE_TOPIC_XXXX", b"later", TWO);
    // A record of Java's, given back: its offsets were those of another record.
    let stale = b"INNER_MULTI_DISPATCH\x01%LMQ%one\x02INNER_MULTI_QUEUE_OFFSET\x0140";
    let again = put_with(&store, "%RETRY%g", b"again", stale).appended.unwrap();
    settle(&store);
    assert_eq!(offsets_in(&store, &again), None);
    assert_eq!(store.max_offset("%LMQ%one", 0), 0);
    store.close().unwrap();
}

#[test]
fn light_queues_have_a_limit_that_a_deleted_one_makes_room_below() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(fanning_options(dir.path()));
    let put = |names: &str| {
        put_with(&store, "T", b"x", format!("INNER_MULTI_DISPATCH\u{1}{names}").as_bytes()).status
    };
    assert_eq!(put("%LMQ%a,%LMQ%b,%LMQ%c"), PutStatus::Ok);
    assert_eq!(put("%LMQ%d"), PutStatus::LightQueuesExceeded);
    assert_eq!(put("%LMQ%c,Heavy"), PutStatus::Ok);
    store.delete_topic("%LMQ%b").unwrap();
    assert_eq!(put("%LMQ%d"), PutStatus::Ok);
    assert_eq!(put("%LMQ%b"), PutStatus::LightQueuesExceeded);
    assert_eq!(put("bad name"), PutStatus::MessageIllegal);
    settle(&store);
    assert_eq!((store.max_offset("T", 2), store.max_offset("%LMQ%c", 0)), (3, 2));
    store.close().unwrap();
}

/// The light queues of a Java store, built again by ours from its log: the same bytes.
#[test]
fn light_queues_built_anew_equal_those_java_built() {
    let fan_out = FanOutOptions { enabled: true, light_queues: true, light_queues_max: 10 };
    let (_dir, store, manifest) = unpack_with("ext", |options| options.fan_out = fan_out);
    let options = store.options().clone();
    store.close().unwrap();
    let light = ["%LMQ%one", "%LMQ%two"];
    let file = |topic: &str| options.consume_queue_path().join(topic).join("0").join("0".repeat(20));
    let javas: Vec<_> = light.iter().map(|topic| fs::read(file(topic)).unwrap()).collect();
    fs::remove_dir_all(options.consume_queue_path()).unwrap();
    fs::write(options.root.join("abort"), b"").unwrap();

    let store = open(options.clone());
    assert!(light.iter().map(|topic| fs::read(file(topic)).unwrap()).eq(javas));
    // And the next message of each goes on where Java's ended, written as Java writes.
    let first = manifest["messages"].as_array().unwrap().iter().find(|one| one["topic"] == "StLmq").unwrap();
    assert_eq!(first["properties"]["INNER_MULTI_QUEUE_OFFSET"], "0,0");
    let appended = put_with(&store, "StLmq", b"ours", TWO).appended.unwrap();
    assert_eq!(offsets_in(&store, &appended), Some("6,9".to_owned()));
    store.close().unwrap();
}
