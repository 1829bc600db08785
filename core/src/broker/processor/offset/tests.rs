use super::*;
use crate::broker::testing::{Tables, TestClient, TestServer};
use crate::format::wire::OutgoingRequest;
use crate::net::{LaneChoice, NoEvents, Router};

/// Queues of topics named after what they are.
struct Bounds;

impl QueueBounds for Bounds {
    fn min_offset(&self, topic: &str, _: i32) -> Option<i64> {
        match topic {
            "absent" => None,
            "trimmed" => Some(3),
            _ => Some(0),
        }
    }

    fn is_message_on_disk(&self, topic: &str, _: i32, offset: i64) -> bool {
        assert_eq!(offset, 0);
        topic == "old"
    }
}

struct Fixture {
    tables: Tables,
    client: TestClient,
    _server: TestServer,
}

impl Fixture {
    fn new() -> Self {
        let tables = Tables::new();
        let processor = Arc::new(OffsetProcessor::new(tables.offsets.clone(), Arc::new(Bounds)));
        let mut router = Router::new();
        router.route(14, processor.clone(), LaneChoice::Inline).route(15, processor, LaneChoice::Inline);
        let server = TestServer::start(router, Arc::new(NoEvents));
        Self { tables, client: server.connect(), _server: server }
    }

    fn ask(&mut self, code: i32, fields: &[(&'static str, &'static str)]) -> RemotingCommand {
        let mut header = HeaderFields::new();
        for (name, value) in fields {
            header.push(*name, *value);
        }
        self.client.ask(&OutgoingRequest::new(code).with_fields(header)).1
    }

    fn query(&mut self, topic: &'static str) -> RemotingCommand {
        self.ask(14, &[("consumerGroup", "g"), ("topic", topic), ("queueId", "2")])
    }
}

#[test]
fn a_stored_offset_is_answered_whatever_the_queue_holds() {
    let mut fixture = Fixture::new();
    let fields = [("consumerGroup", "g"), ("topic", "trimmed"), ("queueId", "2"), ("commitOffset", "1")];
    let answer = fixture.ask(15, &fields);
    assert_eq!((answer.code, answer.ext.present(), answer.ext.iter().count()), (0, true, 0));
    let answer = fixture.query("trimmed");
    assert_eq!((answer.code, answer.ext.get("offset")), (0, Some("1")));
    assert_eq!(fixture.tables.offsets.find("g", "trimmed", 2), Some(1));
}

#[test]
fn without_offset_a_young_queue_starts_at_zero() {
    let mut fixture = Fixture::new();
    for topic in ["absent", "young"] {
        let answer = fixture.query(topic);
        assert_eq!((answer.code, answer.ext.get("offset")), (0, Some("0")), "{topic}");
    }
    for topic in ["trimmed", "old"] {
        let answer = fixture.query(topic);
        assert_eq!((answer.code, answer.ext.present()), (22, true), "{topic}");
        assert_eq!(
            answer.remark.as_deref(),
            Some("Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first")
        );
    }
}

#[test]
fn a_negative_offset_is_stored_and_counts_as_none() {
    let mut fixture = Fixture::new();
    for topic in ["young", "old"] {
        fixture.tables.offsets.commit("g", topic, 2, -4);
    }
    assert_eq!(fixture.query("young").ext.get("offset"), Some("0"));
    assert_eq!(fixture.query("old").code, 22);
    assert_eq!(fixture.tables.offsets.find("g", "old", 2), Some(-4));
}

#[test]
fn offsets_go_back_and_groups_need_not_exist() {
    let mut fixture = Fixture::new();
    for offset in ["9", "3", "-1"] {
        let fields =
            [("consumerGroup", "nobody"), ("topic", "../x"), ("queueId", "-7"), ("commitOffset", offset)];
        assert_eq!(fixture.ask(15, &fields).code, 0);
    }
    assert_eq!(fixture.tables.offsets.find("nobody", "../x", -7), Some(-1));
    assert!(fixture.tables.groups.find("nobody").is_none());
    assert!(!fixture.tables.topics.contains("../x"));
}

#[test]
fn an_incomplete_header_is_refused() {
    let mut fixture = Fixture::new();
    let complete = [("consumerGroup", "g"), ("topic", "t"), ("queueId", "0"), ("commitOffset", "1")];
    for missing in 0..4 {
        let mut fields = complete.to_vec();
        fields.remove(missing);
        assert_eq!(fixture.ask(15, &fields).code, 1, "without {}", complete[missing].0);
    }
    assert_eq!(fixture.ask(14, &complete[1..]).code, 1);
    assert_eq!(
        fixture
            .ask(15, &[("consumerGroup", "g"), ("topic", "t"), ("queueId", "x"), ("commitOffset", "1")])
            .code,
        1
    );
}
