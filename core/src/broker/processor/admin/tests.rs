//! The recorded requests of administrators, answered by a broker in the recorded state.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::broker::admin::testing::Fixture;
use crate::broker::clients::{Housekeeping, Joining};
use crate::broker::processor::client::ClientProcessor;
use crate::broker::queue_locks::QueueLocks;
use crate::broker::stats::Span;
use crate::broker::testing::{LONG, TestClient, TestServer};
use crate::format::disk::tables::TopicConfig;
use crate::format::wire::tests::{decode, recorded};
use crate::format::wire::{HeaderFields, OutgoingRequest};
use crate::net::{LaneChoice, Router};
use crate::runtime::lanes::Lane;
use crate::store::Amount;

struct Broker {
    fixture: Fixture,
    processor: Arc<AdminProcessor>,
    server: TestServer,
}

impl Broker {
    fn new() -> Self {
        let fixture = Fixture::new(&[]);
        let processor = Arc::new(AdminProcessor::new(fixture.admin.clone(), fixture.config.clone()));
        let client = Arc::new(ClientProcessor {
            joining: Joining {
                topics: fixture.topics.clone(),
                groups: fixture.groups.clone(),
                consumers: fixture.consumers.clone(),
            },
            producers: fixture.producers.clone(),
            config: fixture.config.clone(),
        });
        let locks = Arc::new(QueueLocks::new(LONG, fixture.clock.clone()));
        let housekeeping =
            Arc::new(Housekeeping::new(fixture.producers.clone(), fixture.consumers.clone(), locks));
        let mut router = Router::new();
        router.route(RequestCode::HeartBeat, client, LaneChoice::Inline);
        router.route_default(processor.clone(), LaneChoice::Workers(Lane::new("admin", 2, 100, None)));
        Self { fixture, processor, server: TestServer::start(router, housekeeping) }
    }
}

/// A recorded frame.
struct Golden {
    frame: Vec<u8>,
    command: RemotingCommand,
}

/// The frames of a step with this code and direction, in order.
fn golden(serializer: &str, step: &str, code: i32, direction: &str, kind: &str) -> Vec<Golden> {
    let wanted = |record: &Value| {
        record["step"] == step
            && record["code"] == code
            && record["direction"] == direction
            && record["kind"] == kind
    };
    let found = recorded(serializer).iter().filter(|recorded| wanted(&recorded.record));
    let command = |frame: &[u8]| decode(frame).unwrap().unwrap();
    found
        .map(|recorded| Golden { frame: recorded.frame.clone(), command: command(&recorded.frame) })
        .collect()
}

/// A body without what differs from run to run, and without the order of hash maps.
fn plain(body: &[u8]) -> Value {
    fn plain_value(value: Value) -> Value {
        match value {
            Value::Number(number) if number.is_f64() => "<F>".into(),
            Value::Number(number) if number.as_i64().is_some_and(|number| number > 1_000_000_000_000) => {
                "<T>".into()
            }
            Value::String(text) => plain_text(&text).into(),
            Value::Array(items) => {
                let mut items: Vec<Value> = items.into_iter().map(plain_value).collect();
                items.sort_by_key(Value::to_string);
                items.into()
            }
            Value::Object(members) => {
                let members: BTreeMap<String, Value> =
                    members.into_iter().map(|(name, value)| (name, plain_value(value))).collect();
                members.into_iter().collect::<serde_json::Map<_, _>>().into()
            }
            other => other,
        }
    }
    if body.is_empty() { Value::Null } else { plain_value(fastjson::from_slice(body).unwrap()) }
}

fn plain_text(text: &str) -> String {
    if let Some(address) = text.strip_prefix('/').unwrap_or(text).strip_prefix("127.0.0.1:") {
        return if address == "22911" { text.to_owned() } else { "<ADDR>".to_owned() };
    }
    let is_time = text.len() == 23 && text.as_bytes().get(10) == Some(&b'#');
    if is_time { "<T>".to_owned() } else { text.to_owned() }
}

fn fields(command: &RemotingCommand) -> Option<BTreeMap<String, String>> {
    let is_time = |value: &str| value.parse::<i64>().is_ok_and(|number| number > 1_000_000_000_000);
    let pair = |(name, value): (&str, &str)| {
        let value = if is_time(value) { "<T>" } else { value };
        (name.to_owned(), value.to_owned())
    };
    command.ext.present().then(|| command.ext.iter().map(pair).collect())
}

/// Sends the recorded request of a step and asserts that its answer is the recorded one, but for the body.
fn check_head(
    client: &mut TestClient,
    serializer: &str,
    step: &str,
    code: i32,
) -> (RemotingCommand, RemotingCommand) {
    let request = golden(serializer, step, code, "client->broker", "request").remove(0);
    let wanted = golden(serializer, step, code, "broker->client", "response").remove(0).command;
    client.send(&request.frame);
    let answer = client.next();
    assert_eq!(answer.opaque, request.command.opaque, "{step}");
    assert_eq!((answer.code, &answer.remark), (wanted.code, &wanted.remark), "{step}");
    if step != "bk_get_config" {
        assert_eq!(fields(&answer), fields(&wanted), "{step}");
    }
    (answer, wanted)
}

/// [`check_head`], and the body says the same.
fn check(client: &mut TestClient, serializer: &str, step: &str, code: i32) {
    let (answer, wanted) = check_head(client, serializer, step, code);
    assert_eq!(plain(&answer.body), plain(&wanted.body), "{step}");
}

/// The request that the broker makes of a client is the recorded one; the client answers as it did.
fn check_passed_on(client: &mut TestClient, serializer: &str, step: &str, code: i32, with_body: bool) {
    let wanted = golden(serializer, step, code, "broker->client", "request").remove(0).command;
    let request = client.next();
    assert_eq!((request.code, request.flag), (wanted.code, wanted.flag), "{step}");
    assert_eq!(fields(&request), fields(&wanted), "{step}");
    if with_body {
        assert_eq!(plain(&request.body), plain(&wanted.body), "{step}");
    }
    if request.is_oneway() {
        return;
    }
    let mut answer = golden(serializer, step, code, "client->broker", "response").remove(0).command;
    answer.opaque = request.opaque;
    let mut frame = Vec::new();
    answer.encode(&mut frame);
    client.send(&frame);
}

fn heartbeat(client: &mut TestClient, id: &str, consumers: &str, producers: &[&str]) {
    let producers: Vec<String> =
        producers.iter().map(|group| format!(r#"{{"groupName":"{group}"}}"#)).collect();
    let body = format!(
        r#"{{"clientID":"{id}","consumerDataSet":[{consumers}],"producerDataSet":[{}]}}"#,
        producers.join(",")
    );
    let (_, answer) = client.ask(&OutgoingRequest::new(RequestCode::HeartBeat).with_body(body.into_bytes()));
    assert_eq!(answer.code, 0);
}

const PUSH: &str = r#"{"consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","consumeType":"CONSUME_PASSIVELY","groupName":"CID_push","messageModel":"CLUSTERING","unitMode":false,"subscriptionDataSet":[
    {"classFilterMode":false,"codeSet":[],"expressionType":"TAG","subString":"*","subVersion":1795242108447,"tagsSet":[],"topic":"GoldenTopic"},
    {"classFilterMode":false,"codeSet":[],"expressionType":"TAG","subString":"*","subVersion":1795242105869,"tagsSet":[],"topic":"%RETRY%CID_push"}]}"#;

/// Topics, groups and configuration, from the beginning of the recording on.
fn check_tables(broker: &Broker, admin: &mut TestClient, serializer: &str) {
    let topics = &broker.fixture.topics;
    topics.find_or_create("RMQ_SYS_TRANS_HALF_TOPIC", 1, 6, 0).unwrap();
    check(admin, serializer, "bk_create_topic", 17);
    check(admin, serializer, "bk_create_topic_order", 17);
    // What the NameServer said when the topic was registered.
    topics.update_order_flags(|topic| topic == "GoldenOrder");
    for step in ["unit", "readonly", "system", "illegal"] {
        check(admin, serializer, &format!("bk_create_topic_{step}"), 17);
    }
    check(admin, serializer, "bk_all_topic_config", 21);
    check(admin, serializer, "bk_create_group", 200);
    check(admin, serializer, "bk_create_group_noconsume", 200);
    check(admin, serializer, "bk_all_groups", 201);
    check_config(admin, serializer);
    check_head(admin, serializer, "bk_update_config", 25);
    check_head(admin, serializer, "bk_update_config_black", 25);
    check_names(admin, serializer, "bk_runtime_info", 28, |body| {
        let table = plain(body)["table"].as_object().unwrap().clone();
        let name =
            |name: &String| name.split("_/").next().unwrap().trim_end_matches("_store/commitlog").to_owned();
        // There were no delayed messages yet when it was recorded.
        table.keys().map(name).filter(|name| !name.starts_with("scheduleMessageOffset")).collect()
    });
    check(admin, serializer, "bk_system_topics", 305);
}

fn check_config(admin: &mut TestClient, serializer: &str) {
    let names = |body: &[u8]| {
        let text = String::from_utf8(body.to_vec()).unwrap();
        let name = |line: &str| line.split_once('=').unwrap().0.to_owned();
        // Additions that are always set, and Java's home, which is not needed here.
        let is_ours = |name: &String| name != "rocketmqHome" && name != "storePathCommitLog";
        text.lines().map(name).filter(is_ours).collect()
    };
    check_names(admin, serializer, "bk_get_config", 26, names);
}

fn check_names(
    admin: &mut TestClient,
    serializer: &str,
    step: &str,
    code: i32,
    names: impl Fn(&[u8]) -> std::collections::BTreeSet<String>,
) {
    let (answer, wanted) = check_head(admin, serializer, step, code);
    let (answer, wanted) = (names(&answer.body), names(&wanted.body));
    let missing: Vec<_> = wanted.difference(&answer).collect();
    let more: Vec<_> = answer.difference(&wanted).collect();
    assert!(missing.is_empty() && more.is_empty(), "{step}: missing {missing:?}, more {more:?}");
}

fn check_queues(broker: &Broker, admin: &mut TestClient, serializer: &str) {
    let fixture = &broker.fixture;
    // Code 309 asks for the message at 0xAF.
    fixture.put("GoldenTopic", 0, &[b'x'; 0xAF - 91 - "GoldenTopic".len()]);
    assert_eq!(fixture.put("GoldenTopic", 0, b"second").physical_offset, 0xAF);
    for queue_id in [1, 1, 2, 2, 3, 3, 3] {
        fixture.put("GoldenTopic", queue_id, b"x");
    }
    for (step, code) in
        [("bk_max_offset", 30), ("bk_min_offset", 31), ("bk_earliest", 32), ("bk_earliest_empty", 32)]
    {
        check(admin, serializer, step, code);
    }
    check(admin, serializer, "bk_search_offset", 29);
    check(admin, serializer, "bk_search_offset_future", 29);
    check(admin, serializer, "bk_topic_stats", 202);
    check(admin, serializer, "bk_topic_stats_missing", 202);
    let (answer, _) = check_head(admin, serializer, "bk_query_consume_queue", 321);
    let view = plain(&answer.body);
    assert_eq!((&view["maxQueueIndex"], &view["minQueueIndex"]), (&2.into(), &0.into()));
    assert_eq!(view["queueData"].as_array().unwrap().len(), 2);
    assert!(view.get("filterData").is_none() && view.get("subscriptionData").is_none());
    check(admin, serializer, "bk_query_consume_queue_miss", 321);
}

fn check_clients(broker: &Broker, admin: &mut TestClient, push: &mut TestClient, serializer: &str) {
    let fixture = &broker.fixture;
    let mut producer = broker.server.connect();
    heartbeat(admin, "127.0.0.1@admin", "", &["CLIENT_INNER_PRODUCER"]);
    heartbeat(push, "127.0.0.1@push1", PUSH, &["CLIENT_INNER_PRODUCER"]);
    heartbeat(&mut producer, "127.0.0.1@prod", "", &["PID_golden", "CLIENT_INNER_PRODUCER"]);
    for _ in 0..4 {
        fixture.put("GoldenTopic", 0, b"x");
    }
    fixture.put("%RETRY%CID_push", 0, b"x");
    for (topic, offsets) in [("GoldenTopic", [6, 2, 2, 3].as_slice()), ("%RETRY%CID_push", &[1])] {
        for (queue_id, offset) in offsets.iter().enumerate() {
            fixture.offsets.commit("CID_push", topic, queue_id as i32, *offset);
        }
    }
    fixture.offsets.commit("CID_pull", "GoldenTopic", 0, 3);
    fixture.offsets.commit("CID_pull", "GoldenTopic", 1, 1);
    for (step, code) in [
        ("bk_consumer_connection", 203),
        ("bk_consumer_connection_none", 203),
        ("bk_producer_connection", 204),
        ("bk_producer_connection_none", 204),
        ("bk_all_producers", 328),
        ("bk_consume_stats", 208),
        ("bk_consume_stats_topic", 208),
        ("bk_who_consumes_topic", 300),
        ("bk_consume_time_span", 303),
    ] {
        check(admin, serializer, step, code);
    }
}

/// Requests that the broker passes on to the consumer.
fn check_consumer(admin: &mut TestClient, push: &mut TestClient, serializer: &str) {
    let ask = |admin: &mut TestClient, step: &str, code: i32| {
        let request = golden(serializer, step, code, "client->broker", "request").remove(0);
        admin.send(&request.frame);
    };
    let answered = |admin: &mut TestClient, step: &str, code: i32| {
        let wanted = golden(serializer, step, code, "broker->client", "response").remove(0).command;
        let answer = admin.next();
        assert_eq!((answer.code, &answer.remark), (wanted.code, &wanted.remark), "{step}");
        assert_eq!(fields(&answer), fields(&wanted), "{step}");
        assert_eq!(plain(&answer.body), plain(&wanted.body), "{step}");
    };
    for (step, code) in
        [("bk_running_info", 307), ("bk_running_info_jstack", 307), ("bk_consume_directly", 309)]
    {
        ask(admin, step, code);
        check_passed_on(push, serializer, step, code, false);
        answered(admin, step, code);
    }
    check(admin, serializer, "bk_running_info_none", 307);
    ask(admin, "bk_consumer_status", 223);
    check_passed_on(push, serializer, "bk_consumer_status", 221, true);
    answered(admin, "bk_consumer_status", 223);
    for step in ["bk_reset_offset", "bk_reset_offset_cpp"] {
        check(admin, serializer, step, 222);
        check_passed_on(push, serializer, step, 220, true);
    }
    check(admin, serializer, "bk_reset_offset_offline", 222);
}

fn check_progress(broker: &Broker, admin: &mut TestClient, serializer: &str) {
    let fixture = &broker.fixture;
    // As many as the last sample of the recorded broker had seen.
    let messages = if serializer == "json" { 12 } else { 11 };
    fixture.stats.put("GoldenTopic", Amount { messages, bytes: 2_400 });
    fixture.stats.sample(Span::Minute);
    for group in ["CID_unknown_group", "CID_push", "CID_pull", "CID_nosub"] {
        fixture.groups.find_or_create(group).unwrap();
    }
    check(admin, serializer, "bk_correction_offset", 308);
    check(admin, serializer, "bk_clone_offset", 314);
    check(admin, serializer, "bk_stats_data", 315);
    check(admin, serializer, "bk_stats_data_none", 315);
    check(admin, serializer, "bk_consume_stats_list", 317);
    check(admin, serializer, "bk_consumer_offsets", 43);
    check(admin, serializer, "bk_delay_offsets", 45);
    let (answer, wanted) = check_head(admin, serializer, "bk_query_consume_queue_group", 321);
    let (answer, wanted) = (plain(&answer.body), plain(&wanted.body));
    for name in ["filterData", "maxQueueIndex", "minQueueIndex", "subscriptionData"] {
        assert_eq!(answer[name], wanted[name], "{name}");
    }
    assert_eq!(answer["queueData"].as_array().unwrap().len(), 5);
}

fn check_ends(broker: &Broker, admin: &mut TestClient, serializer: &str) {
    check(admin, serializer, "bk_clean_expired_cq", 306);
    check(admin, serializer, "bk_delete_expired_commitlog", 329);
    check(admin, serializer, "bk_clean_unused_topic", 316);
    check(admin, serializer, "bk_delete_group", 207);
    check(admin, serializer, "bk_delete_group_offsets", 207);
    check(admin, serializer, "bk_delete_topic", 215);
    check(admin, serializer, "bk_delete_topic_system", 215);
    let fixture = &broker.fixture;
    assert!(fixture.groups.find("GID_admin").is_none() && fixture.topics.find("GoldenUnit").is_none());
    assert_eq!(fixture.offsets.find("CID_clone", "GoldenTopic", 0), None);
    assert_eq!(fixture.offsets.find("CID_push", "GoldenTopic", 0), Some(6));
}

fn check_recording(serializer: &str) {
    let broker = Broker::new();
    let mut admin = broker.server.connect();
    let mut push = broker.server.connect();
    check_tables(&broker, &mut admin, serializer);
    check_queues(&broker, &mut admin, serializer);
    check_clients(&broker, &mut admin, &mut push, serializer);
    check_consumer(&mut admin, &mut push, serializer);
    check_progress(&broker, &mut admin, serializer);
    check_ends(&broker, &mut admin, serializer);
}

#[test]
fn recorded_requests_with_json_headers_get_the_recorded_answers() {
    check_recording("json");
}

#[test]
fn recorded_requests_with_binary_headers_get_the_recorded_answers() {
    check_recording("rocketmq");
}

fn ask(client: &mut TestClient, code: i32, fields: &[(&'static str, &'static str)]) -> (i32, String) {
    let fields = fields.iter().fold(HeaderFields::new(), |fields, (name, value)| fields.with(name, *value));
    let (_, answer) = client.ask(&OutgoingRequest::new(code).with_fields(fields));
    (answer.code, answer.remark.map(|remark| remark.to_string()).unwrap_or_default())
}

#[test]
fn every_code_answers_a_request_without_anything() {
    let broker = Broker::new();
    let mut client = broker.server.connect();
    let codes = [
        17, 21, 25, 26, 28, 29, 30, 31, 32, 43, 45, 50, 51, 52, 53, 200, 201, 202, 203, 204, 207, 208, 215,
        222, 223, 300, 303, 305, 306, 307, 308, 309, 314, 315, 316, 317, 321, 328, 329, 9_999, 323, 13,
    ];
    let refused = codes.map(|code| ask(&mut client, code, &[])).iter().filter(|(code, _)| *code != 0).count();
    assert!(refused > 20, "{refused}");
    assert_eq!(ask(&mut client, 9_999, &[]), (3, " request type 9999 not supported".to_owned()));
    assert_eq!(ask(&mut client, 52, &[]), (1, "access control is off (aclEnable=false)".to_owned()));
    assert_eq!(ask(&mut client, 202, &[]), (1, "header field topic is missing or malformed".to_owned()));
}

#[test]
fn topics_that_would_hurt_are_refused() {
    let broker = Broker::new();
    let mut client = broker.server.connect();
    let good = [
        ("topic", "T"),
        ("readQueueNums", "4"),
        ("writeQueueNums", "4"),
        ("perm", "6"),
        ("topicFilterType", "SINGLE_TAG"),
    ];
    let with = |name: &'static str, value: &'static str| {
        good.map(|(key, old)| if key == name { (key, value) } else { (key, old) })
    };
    assert_eq!(ask(&mut client, 17, &good).0, 0);
    for (name, value, remark) in [
        ("readQueueNums", "70000", "a topic has from 0 to 65535 queues"),
        ("writeQueueNums", "-1", "a topic has from 0 to 65535 queues"),
        ("perm", "64", "perm 64 is not made of 4 (read), 2 (write) and 1 (inherit)"),
        ("topicFilterType", "XX", "topicFilterType = [XX] value invalid"),
        ("topic", " ", "The specified topic is blank."),
        ("readQueueNums", "many", "header field readQueueNums is missing or malformed"),
    ] {
        assert_eq!(ask(&mut client, 17, &with(name, value)), (1, remark.to_owned()));
    }
}

#[test]
fn deleting_a_topic_takes_its_queues() {
    let broker = Broker::new();
    let mut client = broker.server.connect();
    broker.fixture.topics.update(TopicConfig::new("T", 1, 6));
    broker.fixture.put("T", 0, b"old");
    assert_eq!(broker.fixture.store.max_offset("T", 0), 1);
    assert_eq!(ask(&mut client, 215, &[("topic", "T")]), (0, String::new()));
    assert_eq!(broker.fixture.store.max_offset("T", 0), 0);
    assert_eq!(broker.fixture.store.min_offset("T", 0), None);
    assert_eq!(broker.fixture.put("T", 0, b"new").queue_offset, 0);
    // No config, only queues: gone as well.
    assert_eq!(ask(&mut client, 215, &[("topic", "T")]), (0, String::new()));
    assert_eq!(broker.fixture.store.min_offset("T", 0), None);
}

#[test]
fn a_client_that_is_too_old_is_not_asked() {
    let broker = Broker::new();
    broker.fixture.topics.update(TopicConfig::new("T", 1, 6));
    broker.fixture.offsets.commit("g", "T", 0, 0);
    let mut client = broker.server.connect();
    let old = crate::broker::clients::Client { version: 27, ..client.client("c") };
    let heartbeat =
        crate::format::wire::body::ConsumerHeartbeat { group_name: "g".to_owned(), ..Default::default() };
    broker.fixture.consumers.register(&old, heartbeat, false);
    let too_old = "the client does not support this feature. version=27";
    assert_eq!(ask(&mut client, 222, &[("topic", "T"), ("group", "g")]), (1, too_old.to_owned()));
    assert_eq!(ask(&mut client, 223, &[("topic", "T"), ("group", "g")]), (1, too_old.to_owned()));
    let (code, remark) = ask(&mut client, 307, &[("consumerGroup", "g"), ("clientId", "c")]);
    assert_eq!(code, 1);
    assert!(remark.contains("too low to finish"), "{remark}");
    let nobody = "No Any Consumer online in the consumer group: [none]";
    assert_eq!(ask(&mut client, 223, &[("topic", "T"), ("group", "none")]), (1, nobody.to_owned()));
}

#[test]
fn a_status_without_the_asked_client_is_empty() {
    let broker = Broker::new();
    let mut client = broker.server.connect();
    heartbeat(&mut client, "127.0.0.1@push1", PUSH, &[]);
    let fields = HeaderFields::new().with("topic", "T").with("group", "CID_push").with("clientAddr", "other");
    let (before, answer) =
        client.ask(&OutgoingRequest::new(RequestCode::InvokeBrokerToGetConsumerStatus).with_fields(fields));
    assert!(before.is_empty(), "nobody was asked: {before:?}");
    assert_eq!(answer.body, r#"{"consumerTable":{},"messageQueueTable":{}}"#);
}

#[test]
fn a_slave_changes_no_tables() {
    let fixture = Fixture::new(&[]);
    fixture.config.settle(|config| config.store.broker_role = crate::config::BrokerRole::Slave);
    let refusal = fixture.admin.topics.update(TopicConfig::new("T", 1, 6)).unwrap_err();
    assert!(refusal.remark.starts_with("Can't modify topic or subscription group from slave broker"));
    assert!(fixture.admin.topics.delete("T").is_err());
    assert!(fixture.admin.groups.delete("g", true).is_err());
    assert!(
        fixture.admin.groups.update(crate::format::disk::tables::SubscriptionGroupConfig::new("g")).is_err()
    );
}

#[test]
fn a_created_topic_is_answered_when_the_name_servers_know_it() {
    use crate::broker::registration::{Identity, LocalRegistry, OrderTable, Parts, Registration};
    use crate::format::wire::body::register::RegisterBroker;

    struct Slow(parking_lot::Mutex<Vec<String>>);

    impl LocalRegistry for Slow {
        fn register(&self, _: &Identity, body: RegisterBroker) -> crate::error::Result<Option<OrderTable>> {
            std::thread::sleep(std::time::Duration::from_millis(50));
            self.0.lock().extend(body.topics.topic_config_table.into_keys());
            Ok(None)
        }

        fn unregister(&self, _: &Identity) {}
    }

    let broker = Broker::new();
    let io = crate::net::IoThreads::start(1).unwrap();
    let registry = Arc::new(Slow(parking_lot::Mutex::default()));
    let parts = Parts {
        identity: Identity::new(&broker.fixture.config.load(), 22911),
        servers: Vec::new(),
        local: Some(registry.clone()),
        client: Arc::new(crate::net::RemotingClient::new(&io, crate::net::ClientOptions::default())),
        topics: broker.fixture.topics.clone(),
        config: broker.fixture.config.clone(),
        clock: broker.fixture.clock.clone(),
    };
    let registration = Registration::start(parts, &crate::runtime::threads::Poison::new()).unwrap();
    broker.processor.set_registration(registration.clone());
    let mut client = broker.server.connect();
    let (answer, _) = check_head(&mut client, "json", "bk_create_topic", 17);
    assert_eq!(answer.code, 0);
    assert!(registry.0.lock().iter().any(|topic| topic == "GoldenTopic"));
    registry.0.lock().clear();
    let (_, answer) = client.ask(&OutgoingRequest::new(25).with_body("brokerPermission=4\n"));
    assert_eq!(answer.code, 0);
    assert!(registry.0.lock().len() > 5, "all topics have another permission");
    registration.stop();
}
