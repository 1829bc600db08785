use std::time::Duration;

use parking_lot::Mutex;

use super::*;
use crate::broker::testing::{Tables, TestClient, TestServer};
use crate::net::{NoEvents, Router};

struct Fixture {
    tables: Tables,
    server: TestServer,
}

impl Fixture {
    fn new() -> Self {
        Self { tables: Tables::new(), server: TestServer::start(Router::new(), Arc::new(NoEvents)) }
    }

    fn consumers(&self) -> &Consumers {
        &self.tables.consumers
    }

    fn connect(&self) -> TestClient {
        self.server.connect()
    }
}

fn subscription(topic: &str, sub_version: i64, sub_string: &str) -> Subscription {
    Subscription {
        topic: topic.to_owned(),
        sub_version,
        sub_string: sub_string.to_owned(),
        ..Subscription::default()
    }
}

fn heartbeat(group: &str, topics: &[&str]) -> ConsumerHeartbeat {
    with_subscriptions(group, topics.iter().map(|topic| subscription(topic, 1, "*")).collect())
}

fn with_subscriptions(group: &str, subscriptions: Vec<Subscription>) -> ConsumerHeartbeat {
    ConsumerHeartbeat {
        group_name: group.to_owned(),
        consume_type: Some(ConsumeType::Passively),
        message_model: Some(MessageModel::Clustering),
        consume_from_where: Some(ConsumeFromWhere::LastOffset),
        subscriptions,
        unit_mode: false,
    }
}

fn topics(consumers: &Consumers, group: &str) -> Vec<String> {
    let group = consumers.find(group).unwrap();
    let mut topics: Vec<_> = group.subscriptions().map(|subscription| subscription.topic.clone()).collect();
    topics.sort();
    topics
}

#[test]
fn a_new_member_is_a_change_and_everybody_is_told() {
    let fixture = Fixture::new();
    let (mut a, mut b) = (fixture.connect(), fixture.connect());
    let consumers = fixture.consumers();
    assert!(consumers.register(&a.client("a"), heartbeat("g", &["t"]), true));
    a.assert_told(&["g"]);
    assert!(!consumers.register(&a.client("a"), heartbeat("g", &["t"]), true), "nothing new");
    a.assert_silent();
    assert!(consumers.register(&b.client("b"), heartbeat("g", &["t"]), true));
    a.assert_told(&["g"]);
    b.assert_told(&["g"]);
    assert_eq!(consumers.find("g").unwrap().client_ids(), ["a", "b"]);
}

#[test]
fn nobody_is_told_when_the_group_or_the_broker_does_not_want_it() {
    let fixture = Fixture::new();
    let (mut a, mut b) = (fixture.connect(), fixture.connect());
    let consumers = fixture.consumers();
    assert!(consumers.register(&a.client("a"), heartbeat("g", &["t"]), false));
    consumers.register(&b.client("b"), heartbeat("g", &["t"]), false);
    consumers.unregister(&b.peer, "g", false);
    a.assert_silent();
    fixture.tables.config.settle(|config| config.broker.notify_consumer_ids_changed_enable = false);
    consumers.register(&b.client("b"), heartbeat("g", &["t"]), true);
    consumers.close(&b.peer);
    a.assert_silent();
    b.assert_silent();
}

#[test]
fn topics_that_come_or_go_are_a_change() {
    let fixture = Fixture::new();
    let (a, b) = (fixture.connect(), fixture.connect());
    let consumers = fixture.consumers();
    consumers.register(&a.client("a"), heartbeat("g", &["t", "u"]), false);
    assert!(consumers.register(&a.client("a"), heartbeat("g", &["t", "u", "v"]), false));
    assert!(consumers.register(&a.client("a"), heartbeat("g", &["t"]), false));
    assert_eq!(topics(consumers, "g"), ["t"]);
    // Members that want different things overwrite each other, as in Java.
    consumers.register(&b.client("b"), heartbeat("g", &["x"]), false);
    assert_eq!(topics(consumers, "g"), ["x"]);
    assert!(consumers.register(&a.client("a"), heartbeat("g", &[]), false));
    assert_eq!(topics(consumers, "g"), Vec::<String>::new());
}

#[test]
fn only_a_higher_version_replaces_a_subscription_and_is_no_change() {
    let fixture = Fixture::new();
    let a = fixture.connect();
    let consumers = fixture.consumers();
    let register = |version, text| {
        let heartbeat = with_subscriptions("g", vec![subscription("t", version, text)]);
        consumers.register(&a.client("a"), heartbeat, true)
    };
    let stored = || {
        let subscription = consumers.subscription("g", "t").unwrap();
        (subscription.sub_version, subscription.sub_string.clone())
    };
    assert!(register(5, "A"));
    assert!(!register(5, "B"), "equal is ignored");
    assert!(!register(4, "B"), "lower is ignored");
    assert_eq!(stored(), (5, "A".to_owned()));
    assert!(!register(6, "B"), "replaced silently");
    assert_eq!(stored(), (6, "B".to_owned()));
}

#[test]
fn a_subscription_without_version_is_the_newest() {
    let fixture = Fixture::new();
    let a = fixture.connect();
    let consumers = fixture.consumers();
    for text in ["A", "B"] {
        fixture.tables.clock.advance(Duration::from_millis(1));
        consumers.register(
            &a.client("a"),
            with_subscriptions("g", vec![subscription("t", 0, text), subscription("", 0, "*")]),
            false,
        );
        assert_eq!(consumers.subscription("g", "t").unwrap().sub_string, text);
    }
    assert_eq!(topics(consumers, "g"), ["t"]);
}

#[test]
fn the_last_heartbeat_decides_how_the_group_consumes() {
    let fixture = Fixture::new();
    let (a, b) = (fixture.connect(), fixture.connect());
    let consumers = fixture.consumers();
    consumers.register(&a.client("a"), heartbeat("g", &["t"]), false);
    consumers.register(&b.client("b"), heartbeat("g", &["t"]), false);
    let other = ConsumerHeartbeat {
        message_model: Some(MessageModel::Broadcasting),
        consume_type: None,
        consume_from_where: Some(ConsumeFromWhere::Timestamp),
        ..heartbeat("g", &["t"])
    };
    assert!(!consumers.register(&a.client("a"), other, false));
    let group = consumers.find("g").unwrap();
    assert_eq!(group.message_model, Some(MessageModel::Broadcasting));
    assert_eq!((group.consume_type, group.consume_from_where), (None, Some(ConsumeFromWhere::Timestamp)));
}

#[test]
fn a_member_is_its_connection() {
    let fixture = Fixture::new();
    let (a, b) = (fixture.connect(), fixture.connect());
    let consumers = fixture.consumers();
    consumers.register(&a.client("same"), heartbeat("g", &["t"]), false);
    assert!(consumers.register(&b.client("same"), heartbeat("g", &["t"]), false));
    assert!(!consumers.register(&b.client("renamed"), heartbeat("g", &["t"]), false));
    let group = consumers.find("g").unwrap();
    assert_eq!(group.client_ids(), ["same", "renamed"]);
    assert_eq!(group.member("renamed").unwrap().client.peer, b.peer);
    assert!(group.member("absent").is_none());
    assert_eq!(group.members()[0].client.version, 317);
}

#[test]
fn who_leaves_is_missed_by_the_others_only() {
    let fixture = Fixture::new();
    let (mut a, mut b) = (fixture.connect(), fixture.connect());
    let consumers = fixture.consumers();
    consumers.register(&a.client("a"), heartbeat("g", &["t"]), false);
    consumers.register(&b.client("b"), heartbeat("g", &["t"]), false);
    consumers.unregister(&b.peer, "absent", true);
    consumers.unregister(&b.peer, "g", true);
    a.assert_told(&["g"]);
    b.assert_silent();
    consumers.unregister(&b.peer, "g", true);
    a.assert_silent();
    consumers.unregister(&a.peer, "g", true);
    assert!(consumers.find("g").is_none(), "an empty group is forgotten");
    assert!(consumers.state.read().joined.is_empty());
}

#[test]
fn a_closed_connection_leaves_all_its_groups() {
    let fixture = Fixture::new();
    let (mut a, b) = (fixture.connect(), fixture.connect());
    let consumers = fixture.consumers();
    for group in ["g", "h"] {
        consumers.register(&a.client("a"), heartbeat(group, &["t"]), false);
        consumers.register(&b.client("b"), heartbeat(group, &["t"]), false);
    }
    consumers.register(&b.client("b"), heartbeat("i", &["t"]), false);
    consumers.close(&b.peer);
    a.assert_told(&["g", "h"]);
    assert!(consumers.find("i").is_none());
    assert_eq!(consumers.find("h").unwrap().client_ids(), ["a"]);
    consumers.close(&b.peer);
    a.assert_silent();
}

#[test]
fn groups_are_found_by_topic() {
    let fixture = Fixture::new();
    let a = fixture.connect();
    let consumers = fixture.consumers();
    for (group, topic) in [("g", "t"), ("h", "t"), ("i", "u")] {
        consumers.register(&a.client("a"), heartbeat(group, &[topic]), false);
    }
    assert_eq!(Vec::from_iter(consumers.groups_of_topic("t")), ["g", "h"]);
    assert!(consumers.groups_of_topic("v").is_empty());
    assert!(consumers.subscription("g", "u").is_none() && consumers.subscription("x", "t").is_none());
    assert_eq!(consumers.all().len(), 3);
}

#[test]
fn a_snapshot_does_not_change_under_its_reader() {
    let fixture = Fixture::new();
    let (a, b) = (fixture.connect(), fixture.connect());
    let consumers = fixture.consumers();
    consumers.register(&a.client("a"), heartbeat("g", &["t"]), false);
    let before = consumers.find("g").unwrap();
    consumers.register(&b.client("b"), heartbeat("g", &["u"]), false);
    assert_eq!(before.client_ids(), ["a"]);
    assert!(before.subscription("t").is_some() && before.subscription("u").is_none());
}

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl GroupListener for Log {
    fn registered(&self, group: &str, subscriptions: &[Arc<Subscription>]) {
        self.0.lock().push(format!("{group} wants {}", subscriptions.len()));
    }

    fn left(&self, group: &str, is_last: bool) {
        self.0.lock().push(format!("{group} left, last: {is_last}"));
    }
}

#[test]
fn a_listener_follows_heartbeats_and_the_end_of_groups() {
    let fixture = Fixture::new();
    let (a, b) = (fixture.connect(), fixture.connect());
    let consumers = fixture.consumers();
    let log = Arc::new(Log::default());
    consumers.set_listener(log.clone());
    consumers.register(&a.client("a"), heartbeat("g", &["t"]), false);
    consumers.register(&b.client("b"), heartbeat("g", &["t", "u"]), false);
    consumers.unregister(&a.peer, "g", false);
    consumers.close(&b.peer);
    consumers.close(&b.peer);
    assert_eq!(*log.0.lock(), ["g wants 1", "g wants 2", "g left, last: false", "g left, last: true"]);
}

#[test]
fn heartbeats_keep_a_member_for_two_minutes() {
    let fixture = Fixture::new();
    let (a, b) = (fixture.connect(), fixture.connect());
    let (consumers, clock) = (fixture.consumers(), &fixture.tables.clock);
    consumers.register(&a.client("a"), heartbeat("g", &["t"]), false);
    consumers.register(&b.client("b"), heartbeat("g", &["t"]), false);
    clock.advance(Duration::from_secs(60));
    consumers.register(&a.client("a"), heartbeat("g", &["t"]), false);
    assert_eq!(consumers.find("g").unwrap().members()[0].last_heartbeat_ms(), 1_060_000);
    clock.advance(Duration::from_secs(60));
    assert!(consumers.expired().is_empty(), "120 s are not too long");
    clock.advance(Duration::from_millis(1));
    assert_eq!(consumers.expired(), std::slice::from_ref(&b.peer));
    clock.set_wall_ms(0);
    assert_eq!(consumers.expired(), std::slice::from_ref(&b.peer), "a jump of the wall clock expires nobody");
}
