//! Consumers within the process: nothing is passed over, and nothing counts as dealt with that was not.

use super::*;
use crate::broker::admin::offsets::Reset;

fn tagged(tag: &str, body: &str) -> NewMessage {
    NewMessage { tags: Some(tag.to_owned()), ..NewMessage::new("t", body.to_owned()) }
}

fn offset_of(broker: &Embedded, group: &str) -> Option<i64> {
    broker.offsets(group).unwrap().iter().find(|queue| queue.topic == "t").map(|queue| queue.offset)
}

#[test]
fn what_lies_behind_many_that_are_not_wanted_is_found_at_once() {
    let broker = started();
    broker.create_topic("t", 1).unwrap();
    let unwanted: Vec<_> = (0..2000).map(|_| tagged("a", "unwanted")).collect();
    broker.send_many(&unwanted).unwrap();
    broker.send(&tagged("b", "wanted")).unwrap();
    let consumer = broker.consume("t", "g", "b").unwrap();
    assert_eq!(consumer.try_next().unwrap().unwrap().message().body, "wanted");
}

#[test]
fn an_offset_outside_the_queue_does_not_keep_a_consumer_waiting() {
    let broker = started();
    broker.create_topic("t", 1).unwrap();
    broker.send(&NewMessage::new("t", "first")).unwrap();
    broker.set_offset("g", "t", 0, 99).unwrap();
    let consumer = broker.consume("t", "g", "*").unwrap();
    assert!(consumer.try_next().unwrap().is_none());
    assert_eq!(offset_of(&broker, "g"), Some(1), "behind the newest message");
}

#[test]
fn tags_of_the_same_hash_are_told_apart() {
    let broker = started();
    broker.create_topic("t", 1).unwrap();
    broker.send_many(&[tagged("BB", "other"), tagged("Aa", "wanted")]).unwrap();
    let consumer = broker.consume("t", "g", "Aa || c").unwrap();
    let delivery = consumer.try_next().unwrap().unwrap();
    assert_eq!(delivery.message().body, "wanted");
    delivery.ack().unwrap();
    assert_eq!(offset_of(&broker, "g"), Some(2));
}

#[test]
fn a_message_of_a_topic_that_is_gone_does_not_speak_for_one_that_was_made_anew() {
    let broker = started();
    let first = |body: &'static str| {
        broker.create_topic("t", 1).unwrap();
        broker.send(&NewMessage::new("t", body)).unwrap();
    };
    first("old");
    let consumer = broker.consume("t", "g", "*").unwrap();
    let old = consumer.try_next().unwrap().unwrap();
    broker.delete_topic("t").unwrap();
    first("new");
    let new = consumer.try_next().unwrap().unwrap();
    assert_eq!(new.message().body, "new");
    old.ack().unwrap();
    assert_eq!(offset_of(&broker, "g"), Some(0), "the new one is not dealt with");
    old.retry(1).unwrap();
    assert_eq!(offset_of(&broker, "g"), Some(0));
    new.ack().unwrap();
    assert_eq!(offset_of(&broker, "g"), Some(1));
}

#[test]
fn a_reset_to_where_the_group_is_gives_again_what_was_not_acknowledged() {
    let broker = started();
    broker.create_topic("t", 1).unwrap();
    broker.send_many(&["a", "b", "c"].map(|body| NewMessage::new("t", body))).unwrap();
    let consumer = broker.consume("t", "g", "*").unwrap();
    let body = || consumer.try_next().unwrap().map(|delivery| delivery.message().body.clone());
    assert_eq!([body(), body()], [Some("a".into()), Some("b".into())]);
    broker.reset_offset("g", "t", ResetTo::First).unwrap();
    assert_eq!([body(), body()], [Some("a".into()), Some("b".into())]);
    broker.set_offset("g", "t", 0, 0).unwrap();
    assert_eq!(
        [body(), body(), body(), body()],
        [Some("a".into()), Some("b".into()), Some("c".into()), None]
    );
}

#[test]
fn a_reset_by_an_administrator_reaches_a_member_that_waits() {
    let broker = started();
    broker.create_topic("t", 1).unwrap();
    broker.send(&NewMessage::new("t", "again")).unwrap();
    let consumer = broker.consume("t", "g", "*").unwrap();
    consumer.try_next().unwrap().unwrap().ack().unwrap();
    let operations = broker.call("test", |operations| Ok(operations.clone())).unwrap();
    std::thread::scope(|scope| {
        let waits =
            scope.spawn(|| consumer.next(Some(LONG)).unwrap().map(|found| found.message().body.clone()));
        let reset = Reset { topic: "t", group: "g", timestamp_ms: Some(0), is_forced: true, is_for_c: false };
        operations.admin.offsets.reset(reset).unwrap();
        assert_eq!(waits.join().unwrap().unwrap(), "again");
    });
    drop(operations);
    assert_eq!(offset_of(&broker, "g"), Some(0));
}

#[test]
fn a_message_in_a_light_queue_has_its_place_there() {
    let options = Options::new().property("enableLmq", "true").property("enableMultiDispatch", "true");
    let broker = start(options).unwrap();
    broker.create_topic("t", 1).unwrap();
    broker.send_many(&["a", "b", "c"].map(|body| NewMessage::new("t", body))).unwrap();
    let mut message = NewMessage::new("t", "fanned out");
    message.properties = vec![("INNER_MULTI_DISPATCH".to_owned(), "%LMQ%x,%LMQ%y".to_owned())];
    broker.send(&message).unwrap();
    let offset = || {
        let places = broker.offsets("g").unwrap();
        places.iter().find(|queue| queue.topic == "%LMQ%y").map(|queue| queue.offset)
    };
    let consumer = broker.consume("%LMQ%y", "g", "*").unwrap();
    let delivery = consumer.try_next().unwrap().unwrap();
    assert_eq!((offset(), delivery.message().body.clone()), (Some(0), "fanned out".into()));
    delivery.ack().unwrap();
    assert_eq!(offset(), Some(1));
    assert_eq!(broker.messages(&MessageQuery::new("%LMQ%y")).unwrap().len(), 1);
}

#[test]
fn what_several_threads_give_back_comes_again_once() {
    let broker = manual();
    broker.create_topic("t", 1).unwrap();
    broker.send_many(&vec![NewMessage::new("t", "again"); 50]).unwrap();
    let consumer = broker.consume("t", "g", "*").unwrap();
    while let Some(delivery) = consumer.try_next().unwrap() {
        let together = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    together.wait();
                    delivery.retry(1).unwrap();
                });
            }
        });
    }
    assert_eq!(broker.message_count("SCHEDULE_TOPIC_XXXX").unwrap(), 50);
    assert_eq!(offset_of(&broker, "g"), Some(50));
}
