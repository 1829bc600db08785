//! What a broker takes, gives and keeps.

use std::fs;

use serde_json::{Value, json};
use tests::harness::Driver;
use tests::harness::Scratch;
use tests::harness::remoting::{RawClient, SUCCESS, eventually};

use super::TIMEOUT;
use super::server::{Server, at, on_free_ports, temporary};

const TOPIC: &str = "Orders";
const GROUP: &str = "billing";
const QUEUES: u32 = 3;
const UPDATE_AND_CREATE_SUBSCRIPTION_GROUP: i32 = 200;
/// The group of the Go client that takes everything, and all that it is sent.
const GO_GROUP: &str = "go-all";
const GO_MESSAGES: i64 = 100;

/// No options but `--dev`, which is what makes the store temporary, and free ports, as others run beside this test. The official
/// Go client is at the other end.
pub(super) fn start_send_consume_stop() {
    let scratch = Scratch::new("scenario-start");
    let mut command = on_free_ports(&scratch);
    command.arg("--dev");
    let server = Server::start(command, &scratch);
    assert!(server.store.starts_with(temporary(&scratch)) && server.store.join("commitlog").is_dir());
    server.connect().create_topic(TOPIC, QUEUES).unwrap();
    let home = scratch.dir("client");
    Driver::go(&server.namesrv, &home, &["send_kinds"], &json!({ "topic": TOPIC })).finish();

    let topics = server.objects(&["topics", TOPIC]);
    assert_eq!(topics[0]["messages"], GO_MESSAGES);
    let groups = server.objects(&["groups", GO_GROUP]);
    assert_eq!((&groups[0]["lag"], &groups[0]["members"]), (&json!(0), &json!([])));
    let acknowledged = groups[0]["topics"][TOPIC].as_array().unwrap().iter();
    assert_eq!(acknowledged.filter_map(|queue| queue["offset"].as_i64()).sum::<i64>(), GO_MESSAGES);
    server.stop();
    assert_eq!(fs::read_dir(temporary(&scratch)).unwrap().count(), 0);
}

pub(super) fn restart_with_data() {
    let scratch = Scratch::new("scenario-restart");
    let store = scratch.path().join("store");
    let server = Server::start(at(&store, &[], &scratch), &scratch);
    let mut raw = server.connect();
    raw.create_topic(TOPIC, QUEUES).unwrap();
    create_group(&mut raw);
    for message in expected() {
        let queue = message["queueId"].to_string();
        let body = message["body"].as_str().unwrap();
        server.printed(&["send", TOPIC, body, "--queue", &queue, "--tags", "kept", "--keys", body]);
    }
    let read = raw.pull_as(GROUP, TOPIC, 1, 0).unwrap();
    assert_eq!(read.len(), 3);
    raw.commit(GROUP, TOPIC, 1, 2).unwrap();
    let before = seen(&server);
    server.stop();

    let server = Server::start(at(&store, &[], &scratch), &scratch);
    assert_eq!(seen(&server), before);
    assert_eq!(before.messages, expected());
    let mut raw = server.connect();
    assert_eq!(raw.committed(GROUP, TOPIC, 1).unwrap(), Some(2));
    assert_eq!(raw.pull_as(GROUP, TOPIC, 1, 2).unwrap(), read[2..]);
    eventually("the index", TIMEOUT, || (raw.query(TOPIC, "order-4").unwrap().len() == 1).then_some(()));
    let sent = raw.send(TOPIC, 0, "", b"goes on").unwrap();
    assert_eq!(sent.queue_offset, 3, "behind what was there");
    server.stop();
}

fn create_group(raw: &mut RawClient) {
    let group = json!({
        "groupName": GROUP, "consumeEnable": true, "consumeFromMinEnable": false, "consumeBroadcastEnable": true,
        "retryQueueNums": 2, "retryMaxTimes": 7, "brokerId": 0, "whichBrokerWhenConsumeSlowly": 1,
        "notifyConsumerIdsChangedEnable": true,
    });
    let answer = raw.call(UPDATE_AND_CREATE_SUBSCRIPTION_GROUP, &[], group.to_string().as_bytes()).unwrap();
    assert_eq!(answer.code, SUCCESS, "{}", answer.remark);
}

/// Nine messages, three in each queue.
fn expected() -> Vec<Value> {
    let number = |queue: u64, offset: u64| json!({ "queueId": queue, "queueOffset": offset, "body": format!("order-{}", 3 * queue + offset) });
    (0..9).map(|at| number(at / 3, at % 3)).collect()
}

/// All that clients can know of the store.
#[derive(Debug, PartialEq)]
struct Seen {
    topics: Vec<Value>,
    groups: Vec<Value>,
    messages: Vec<Value>,
}

fn seen(server: &Server) -> Seen {
    let mut messages: Vec<Value> = server
        .objects(&["tail", TOPIC, "--from", "first", "--count", "9"])
        .iter()
        .map(|found| json!({ "queueId": found["queueId"], "queueOffset": found["queueOffset"], "body": found["body"] }))
        .collect();
    messages.sort_by_key(|found| (found["queueId"].as_u64(), found["queueOffset"].as_u64()));
    Seen { topics: server.objects(&["topics"]), groups: server.objects(&["groups", GROUP]), messages }
}
