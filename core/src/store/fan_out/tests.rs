use super::*;

const ON: FanOutOptions = FanOutOptions { enabled: true, light_queues: true, light_queues_max: 10 };

fn asked<'a>(topic: &str, properties: &'a str) -> Result<Option<FanOut<'a>>, String> {
    asked_for(ON, topic, 3, 0, properties.as_bytes())
}

fn target(topic: &str, queue_id: i32) -> Target<'_> {
    Target { topic, queue_id }
}

#[test]
fn names_are_split_as_java_splits_them() {
    let asked = asked("T", "INNER_MULTI_DISPATCH\u{1}%LMQ%a,Other,%LMQ%b,,\u{2}K\u{1}v").unwrap().unwrap();
    assert_eq!(asked.targets, [target("%LMQ%a", 0), target("Other", 3), target("%LMQ%b", 0)]);
    assert_eq!(asked.properties, b"INNER_MULTI_DISPATCH\x01%LMQ%a,Other,%LMQ%b,,\x02K\x01v");
    assert_eq!(offsets_property(&[7, 0, 12]), b"INNER_MULTI_QUEUE_OFFSET\x017,0,12");
}

#[test]
fn without_light_queues_a_name_is_like_any_other() {
    let options = FanOutOptions { light_queues: false, ..ON };
    let asked = asked_for(options, "T", 3, 0, b"INNER_MULTI_DISPATCH\x01%LMQ%a").unwrap().unwrap();
    assert_eq!(asked.targets, [target("%LMQ%a", 3)]);
    let off = FanOutOptions::default();
    assert_eq!(asked_for(off, "T", 3, 0, b"INNER_MULTI_DISPATCH\x01%LMQ%a"), Ok(None));
    assert_eq!(entries(off, 0, b"INNER_MULTI_DISPATCH\x01a\x02INNER_MULTI_QUEUE_OFFSET\x010"), []);
}

#[test]
fn offsets_that_a_sender_brings_along_are_dropped() {
    let forged = "INNER_MULTI_QUEUE_OFFSET\u{1}0\u{2}K\u{1}v";
    let asked_nothing = asked("T", forged).unwrap().unwrap();
    assert_eq!((asked_nothing.properties, asked_nothing.targets), (b"K\x01v".to_vec(), vec![]));
    assert!(brings_offsets(ON, forged.as_bytes()) && !brings_offsets(ON, b"K\x01v"));
    assert_eq!(asked("T", "K\u{1}v"), Ok(None));
}

#[test]
fn what_waits_or_comes_back_goes_out_later_or_not_again() {
    let properties = "INNER_MULTI_DISPATCH\u{1}%LMQ%a";
    for topic in ["SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "%RETRY%g", "%DLQ%g"] {
        assert_eq!(asked(topic, properties), Ok(None), "{topic}");
        assert!(
            asked(topic, "INNER_MULTI_DISPATCH\u{1}bad name").is_err(),
            "{topic}: refused before it waits"
        );
    }
    let prepared = TransactionType::Prepared as i32;
    assert_eq!(asked_for(ON, "T", 0, prepared, properties.as_bytes()), Ok(None));
}

#[test]
fn names_that_cannot_be_queues_are_refused() {
    for name in ["a,,b", "../x", "a b", "SCHEDULE_TOPIC_XXXX", "%RETRY%g", &"x".repeat(128)] {
        let properties = format!("INNER_MULTI_DISPATCH\u{1}{name}");
        assert!(asked("T", &properties).is_err(), "{name}");
    }
    assert!(asked_for(ON, "T", 0, 0, b"INNER_MULTI_DISPATCH\x01\xff").is_err());
}

#[test]
fn entries_are_those_of_two_lists_that_match() {
    let of = |queues: &str, offsets: &str| {
        let text = format!("INNER_MULTI_DISPATCH\u{1}{queues}\u{2}INNER_MULTI_QUEUE_OFFSET\u{1}{offsets}");
        let found = entries(ON, 2, text.as_bytes());
        found.iter().map(|(of, offset)| (of.topic.to_owned(), of.queue_id, *offset)).collect::<Vec<_>>()
    };
    assert_eq!(of("%LMQ%a,b", "5,6"), [("%LMQ%a".to_owned(), 0, 5), ("b".to_owned(), 2, 6)]);
    assert_eq!(of("%LMQ%a,b", "5"), []);
    assert_eq!(of("%LMQ%a", "-5"), []);
    assert_eq!(of("%LMQ%a", "x"), []);
    assert_eq!(of("../a,b", "5,6"), [("b".to_owned(), 2, 6)]);
}
