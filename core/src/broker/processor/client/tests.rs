use std::collections::HashMap;

use bytes::BufMut;

use super::*;
use crate::broker::processor::lock::LockProcessor;
use crate::broker::processor::offset::{OffsetProcessor, QueueBounds};
use crate::broker::testing::{Tables, TestClient, TestServer, wait_until};
use crate::format::flags::topic as topic_flag;
use crate::format::wire::tests::{decode, recorded};
use crate::format::wire::{LanguageCode, OutgoingRequest};
use crate::net::{LaneChoice, Router};

/// Every queue is young.
struct Young;

impl QueueBounds for Young {
    fn min_offset(&self, _: &str, _: i32) -> Option<i64> {
        Some(0)
    }

    fn is_message_on_disk(&self, _: &str, _: i32, _: i64) -> bool {
        false
    }
}

struct Fixture {
    tables: Tables,
    server: TestServer,
}

impl Fixture {
    fn new() -> Self {
        let tables = Tables::new();
        let client = Arc::new(tables.client_processor());
        let offset = Arc::new(OffsetProcessor::new(tables.offsets.clone(), Arc::new(Young)));
        let lock = Arc::new(LockProcessor { locks: tables.locks.clone() });
        let mut router = Router::new();
        for code in [34, 35, 38, 46] {
            router.route(code, client.clone(), LaneChoice::Inline);
        }
        for code in [14, 15] {
            router.route(code, offset.clone(), LaneChoice::Inline);
        }
        for code in [41, 42] {
            router.route(code, lock.clone(), LaneChoice::Inline);
        }
        let server = TestServer::start(router, tables.housekeeping.clone());
        Self { tables, server }
    }

    fn connect(&self) -> TestClient {
        self.server.connect()
    }
}

fn heartbeat(consumers: &str, producers: &str) -> OutgoingRequest {
    let body =
        format!(r#"{{"clientID":"c","consumerDataSet":[{consumers}],"producerDataSet":[{producers}]}}"#);
    OutgoingRequest::new(34).with_body(body.into_bytes())
}

fn consumer(group: &str) -> String {
    format!(
        r#"{{"consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","consumeType":"CONSUME_PASSIVELY","groupName":"{group}","messageModel":"CLUSTERING",
            "subscriptionDataSet":[{{"classFilterMode":false,"codeSet":[65],"expressionType":"TAG","subString":"A","subVersion":7,"tagsSet":["A"],"topic":"t"}}],"unitMode":false}}"#
    )
}

fn with_fields(code: i32, fields: &[(&'static str, &'static str)]) -> OutgoingRequest {
    let mut header = HeaderFields::new();
    for (name, value) in fields {
        header.push(*name, *value);
    }
    OutgoingRequest::new(code).with_fields(header)
}

#[test]
fn a_heartbeat_makes_group_and_retry_topic_and_tells_before_it_answers() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    let (before, answer) = client.ask(&heartbeat(&consumer("g"), r#"{"groupName":"p"}"#));
    assert_eq!((answer.code, answer.ext.present()), (0, false));
    let told: Vec<_> =
        before.iter().map(|command| (command.code, command.ext.get("consumerGroup"))).collect();
    assert_eq!(told, [(40, Some("g"))]);
    assert!(fixture.tables.groups.find("g").is_some());
    let retry = fixture.tables.topics.find("%RETRY%g").unwrap();
    assert_eq!(
        (retry.read_queue_nums, retry.write_queue_nums, retry.perm, retry.topic_sys_flag),
        (1, 1, 6, 0)
    );
    let subscription = fixture.tables.consumers.subscription("g", "t").unwrap();
    assert_eq!((subscription.sub_version, subscription.sub_string.as_str()), (7, "A"));
    let producer = &fixture.tables.producers.members("p")[0];
    assert_eq!((&*producer.client.id, producer.client.language), ("c", Some(LanguageCode::Java)));
    let (before, _) = client.ask(&heartbeat(&consumer("g"), ""));
    assert!(before.is_empty(), "nothing changed");
}

#[test]
fn the_retry_topic_follows_the_group_and_the_unit() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    let config = crate::format::disk::tables::SubscriptionGroupConfig {
        retry_queue_nums: 3,
        notify_consumer_ids_changed_enable: false,
        ..crate::format::disk::tables::SubscriptionGroupConfig::new("g")
    };
    fixture.tables.groups.update(config).unwrap();
    let unit = consumer("g").replace("\"unitMode\":false", "\"unitMode\":true");
    let (before, _) = client.ask(&heartbeat(&unit, ""));
    assert!(before.is_empty(), "the group does not want to be told");
    let retry = fixture.tables.topics.find("%RETRY%g").unwrap();
    assert_eq!((retry.read_queue_nums, retry.topic_sys_flag), (3, topic_flag::UNIT_SUB));
}

#[test]
fn without_auto_creation_a_member_registers_without_retry_topic() {
    let fixture = Fixture::new();
    fixture.tables.config.settle(|config| config.broker.auto_create_subscription_group = false);
    let mut client = fixture.connect();
    let (before, answer) = client.ask(&heartbeat(&consumer("g"), ""));
    assert_eq!((answer.code, before.len()), (0, 1));
    assert!(fixture.tables.consumers.find("g").is_some());
    assert!(fixture.tables.groups.find("g").is_none() && !fixture.tables.topics.contains("%RETRY%g"));
}

#[test]
fn names_that_would_become_paths_are_refused() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    for group in ["../../etc", "a/b", "..", "", "a\\u0000b"] {
        let both = format!("{},{}", consumer("good"), consumer(group));
        let (_, answer) = client.ask(&heartbeat(&both, ""));
        assert_eq!(answer.code, 1, "{group:?}");
        assert!(answer.remark.is_some());
    }
    assert!(fixture.tables.consumers.all().is_empty(), "nothing of such a heartbeat counts");
}

#[test]
fn unknown_words_and_missing_members_are_tolerated() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    let strange = r#"{"groupName":"g","consumeType":"CONSUME_LATER","messageModel":1,"consumeFromWhere":null,"extra":{"a":[1]}}"#;
    let (_, answer) = client.ask(&heartbeat(strange, "{\"groupName\":\"p\",\"x\":1}"));
    assert_eq!(answer.code, 0);
    let group = fixture.tables.consumers.find("g").unwrap();
    assert_eq!((group.consume_type, group.consume_from_where), (None, None));
    for body in ["", "nonsense", "[]", "{\"consumerDataSet\":5}"] {
        let (_, answer) = client.ask(&OutgoingRequest::new(34).with_body(body.as_bytes().to_vec()));
        assert_eq!(answer.code, 1, "{body}");
    }
}

/// The header of Go and C++ clients, letter by letter without `serializeTypeCurrentRPC`, and with a language of the future.
#[test]
fn headers_of_other_clients_are_taken() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    let body = r#"{"clientID":"c","consumerDataSet":[],"producerDataSet":[{"groupName":"p"}]}"#;
    for (header, language) in [
        (
            r#"{"code":34,"language":"GO","version":317,"opaque":77,"flag":0,"remark":""}"#,
            Some(LanguageCode::Go),
        ),
        (r#"{"code":34,"flag":0,"language":"ZIG","opaque":77,"version":9}"#, None),
    ] {
        fixture.tables.producers.close(&client.peer);
        let mut frame = bytes::BytesMut::new();
        frame.put_u32((4 + header.len() + body.len()) as u32);
        frame.put_u32(header.len() as u32);
        frame.extend_from_slice(header.as_bytes());
        frame.extend_from_slice(body.as_bytes());
        client.send(&frame);
        assert_eq!(client.next().code, 0);
        assert_eq!(fixture.tables.producers.members("p")[0].client.language, language);
    }
}

#[test]
fn who_unregisters_leaves_the_named_groups() {
    let fixture = Fixture::new();
    let (mut a, mut b) = (fixture.connect(), fixture.connect());
    a.ask(&heartbeat(&consumer("g"), r#"{"groupName":"p"}"#));
    b.ask(&heartbeat(&consumer("g"), r#"{"groupName":"p"}"#));
    a.assert_told(&["g"]);
    let (_, answer) = b.ask(&with_fields(35, &[("clientID", "c"), ("consumerGroup", "g")]));
    assert_eq!((answer.code, answer.ext.present()), (0, true));
    a.assert_told(&["g"]);
    assert_eq!(fixture.tables.producers.members("p").len(), 2);
    b.ask(&with_fields(35, &[("clientID", "c"), ("producerGroup", "p")]));
    assert_eq!(fixture.tables.producers.members("p").len(), 1);
    let (_, answer) = b.ask(&with_fields(35, &[("consumerGroup", "never seen")]));
    assert_eq!(answer.code, 0);
    assert!(fixture.tables.groups.find("never seen").is_none());
    assert_eq!(b.ask(&OutgoingRequest::new(35)).1.code, 0);
}

#[test]
fn the_member_list_is_answered_or_refused() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    let list = with_fields(38, &[("consumerGroup", "g")]);
    let (_, answer) = client.ask(&list);
    assert_eq!((answer.code, answer.ext.present()), (1, true));
    assert_eq!(answer.remark.as_deref(), Some("no consumer for this group, g"));
    client.ask(&heartbeat(&consumer("g"), ""));
    let (_, answer) = client.ask(&list);
    assert_eq!((answer.code, &*answer.body), (0, br#"{"consumerIdList":["c"]}"#.as_slice()));
    assert_eq!(client.ask(&OutgoingRequest::new(38)).1.code, 1);
}

#[test]
fn a_member_whose_connection_ends_is_gone_from_the_list() {
    let fixture = Fixture::new();
    let (mut a, mut b) = (fixture.connect(), fixture.connect());
    a.ask(&heartbeat(&consumer("g"), ""));
    b.ask(&heartbeat(&consumer("g"), ""));
    a.assert_told(&["g"]);
    b.hang_up();
    a.assert_told(&["g"]);
    a.hang_up();
    wait_until("gone", || fixture.tables.consumers.find("g").is_none());
}

#[test]
fn client_checks_know_tags_and_refuse_the_rest() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    let mut check = |expression_type: &str| {
        let body = format!(
            r#"{{"clientId":"c","group":"g","subscriptionData":{{"expressionType":"{expression_type}","subString":"a > 1","topic":"t"}}}}"#
        );
        let (_, answer) = client.ask(&OutgoingRequest::new(46).with_body(body.into_bytes()));
        assert!(!answer.ext.present());
        (answer.code, answer.remark.as_deref().map(str::to_owned))
    };
    assert_eq!(check("TAG"), (0, None));
    assert_eq!(check(""), (0, None));
    let remark = "The broker does not support consumer to filter message by SQL92";
    assert_eq!(check("SQL92"), (1, Some(remark.to_owned())));
    fixture.tables.config.settle(|config| config.broker.enable_property_filter = true);
    assert_eq!(check("XPATH").0, 23);
    assert_eq!(client.ask(&OutgoingRequest::new(46).with_body(b"{}".to_vec())).1.code, 0);
    assert_eq!(client.ask(&OutgoingRequest::new(46)).1.code, 1);
}

/// Steps whose answers depend on requests of other processors, or on SQL92.
const OTHER_STATE: [&str; 4] =
    ["pull_raw_commit_offset", "lite_pull", "push_sql_start", "check_client_bad_sql"];

/// What Java answered to the recorded requests is what these processors answer, byte for byte.
#[test]
fn recorded_requests_get_the_recorded_answers() {
    for serializer in ["json", "rocketmq"] {
        let fixture = Fixture::new();
        let mut connections: HashMap<u64, TestClient> = HashMap::new();
        let mut told: HashMap<u64, usize> = HashMap::new();
        let frames = recorded(serializer);
        let answers: HashMap<_, _> = frames
            .iter()
            .filter(|frame| frame.record["kind"] == "response")
            .map(|frame| (&frame.record["pair"], &frame.frame))
            .collect();
        let mut compared = 0;
        for frame in frames {
            let record = &frame.record;
            let is_ours = [14, 15, 34, 35, 38, 41, 42].iter().any(|code| record["code"] == *code);
            let step = record["step"].as_str().unwrap_or("none");
            if record["kind"] != "request"
                || record["direction"] != "client->broker"
                || !is_ours
                || OTHER_STATE.contains(&step)
                || step.starts_with("acl")
            {
                continue;
            }
            let number = record["connection"].as_u64().unwrap();
            let client = connections.entry(number).or_insert_with(|| fixture.connect());
            client.send(&frame.frame);
            let Some(expected) = answers.get(&record["pair"]) else { continue };
            let answer = loop {
                let command = client.next();
                if command.is_response() {
                    break command;
                }
                assert_eq!(command.code, 40);
                *told.entry(number).or_default() += 1;
            };
            if skips_comparison(record) {
                continue;
            }
            let expected = decode(expected).unwrap().unwrap();
            assert_eq!(bytes_of(answer), bytes_of(expected), "{} {step}", record["id"]);
            compared += 1;
        }
        assert!(compared >= 24, "{serializer}: {compared}");
        assert!(told[&10] >= 2 && told[&12] == 1, "{told:?}");
    }
}

/// The frame of an answer, with member lists sorted: Java's order is that of a hash map.
fn bytes_of(mut answer: RemotingCommand) -> Vec<u8> {
    if let Ok(mut list) = fastjson::from_slice::<ConsumerList>(&answer.body)
        && !list.client_ids.is_empty()
    {
        list.client_ids.sort();
        answer.body = fastjson::to_vec(&list).into();
    }
    let mut frame = Vec::new();
    answer.encode(&mut frame);
    frame
}

/// The member list of a consumer whose heartbeat is not among the recorded frames, and a refusal of access control.
fn skips_comparison(record: &serde_json::Value) -> bool {
    let fields = &record["header"]["extFields"];
    (record["code"] == 38 && fields["consumerGroup"] == "CID_pull") || fields["AccessKey"].is_string()
}
