//! Every recorded body of a known type goes through its type and comes out saying the same.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::fastjson::{from_slice, from_str, to_strict, to_vec};
use super::super::tests::{decode, recorded};
use super::acl::AccessAccount;
use super::*;
use crate::format::disk::tables::{
    ConsumerOffsetTable, DataVersion, DelayOffsetTable, SubscriptionGroupConfig, SubscriptionGroupTable,
    TopicTable,
};

fn through<T: DeserializeOwned + Serialize>(body: &[u8]) -> Vec<u8> {
    to_vec(&from_slice::<T>(body).unwrap())
}

/// The body read into its type and written again; `None` for types that are not here.
fn rewritten(code: i32, is_response: bool, body: &[u8]) -> Option<Vec<u8>> {
    Some(match (code, is_response) {
        (103, false) if body.starts_with(b"{") => through::<RegisterBroker>(body),
        (21, true) => through::<TopicTable>(body),
        (200, false) => through::<SubscriptionGroupConfig>(body),
        (201, true) => through::<SubscriptionGroupTable>(body),
        (43, true) => through::<ConsumerOffsetTable>(body),
        (45, true) => through::<DelayOffsetTable>(body),
        (322, _) => through::<DataVersion>(body),
        (34, false) => through::<Heartbeat>(body),
        (46, false) => through::<CheckClient>(body),
        (41 | 42, false) => through::<LockRequest>(body),
        (41, true) => through::<LockAnswer>(body),
        (105, true) => through::<TopicRoute>(body),
        (106, true) => through::<ClusterTable>(body),
        (206 | 224 | 304 | 305 | 311 | 312 | 313, true) => through::<TopicList>(body),
        (28 | 103 | 219, true) => through::<KvTable>(body),
        (38, true) => through::<ConsumerList>(body),
        (203, true) => through::<ConsumerConnection>(body),
        (204, true) => through::<ProducerConnection>(body),
        (328, true) => through::<ProducerTable>(body),
        (300, true) => through::<GroupList>(body),
        (202, true) => through::<TopicStats>(body),
        (208, true) => through::<ConsumeStats>(body),
        (317, true) => through::<ConsumeStatsList>(body),
        (315, true) => through::<BrokerStats>(body),
        (220, false) if body.starts_with(b"{\"offsetTable\":[") => through::<ResetOffsetForC>(body),
        (220, false) | (222, true) => through::<ResetOffset>(body),
        (221 | 223, true) => through::<ConsumerStatus>(body),
        (303, true) => through::<ConsumeTimeSpans>(body),
        (308, true) => through::<CorrectionOffsets>(body),
        (321, true) => through::<ConsumeQueueView>(body),
        (307, true) => through::<ConsumerRunning>(body),
        (309, true) => through::<ConsumeDirectlyOutcome>(body),
        _ => return None,
    })
}

#[test]
fn recorded_bodies_survive_their_types() {
    let mut seen = BTreeSet::new();
    let mut same_bytes = 0;
    for serializer in ["json", "rocketmq"] {
        for frame in recorded(serializer) {
            let command = decode(&frame.frame).unwrap().unwrap();
            let code = frame.record["code"].as_i64().unwrap() as i32;
            if command.body.is_empty() || (command.is_response() && command.code != 0) {
                continue;
            }
            let Some(written) = rewritten(code, command.is_response(), &command.body) else { continue };
            let text = String::from_utf8_lossy(&written);
            let sorted = |bytes: &[u8]| normal(from_slice(bytes).unwrap());
            assert_eq!(sorted(&written), sorted(&command.body), "{}: {text}", frame.record["id"]);
            same_bytes += usize::from(written == command.body);
            seen.insert((code, command.is_response()));
        }
    }
    assert_eq!(seen.len(), 43, "{seen:?}");
    assert!(same_bytes > 80, "{same_bytes}");
}

/// Sets and hash maps have no order: lists sorted, keys sorted by the map itself.
fn normal(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(normal).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> =
                members.into_iter().map(|(key, value)| (key, normal(value))).collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(members.into_iter().collect())
        }
        other => other,
    }
}

#[test]
fn the_strict_route_has_quoted_keys_and_ascii_only() {
    let route = TopicRoute {
        brokers: vec![BrokerRoute {
            broker_addrs: [(0, "127.0.0.1:10911".to_owned()), (1, "[::1]:10911".to_owned())].into(),
            broker_name: "订单/a".to_owned(),
            cluster: "C".to_owned(),
        }],
        queues: vec![QueueRoute { broker_name: "订单/a".to_owned(), perm: 6, ..QueueRoute::default() }],
        ..TopicRoute::default()
    };
    assert_eq!(
        String::from_utf8(to_strict(&route)).unwrap(),
        r#"{"brokerDatas":[{"brokerAddrs":{"0":"127.0.0.1:10911","1":"[::1]:10911"},"brokerName":"\u8BA2\u5355\/a","cluster":"C"}],"filterServerTable":{},"queueDatas":[{"brokerName":"\u8BA2\u5355\/a","perm":6,"readQueueNums":0,"topicSysFlag":0,"writeQueueNums":0}]}"#
    );
    assert!(
        to_vec(&route).starts_with("{\"brokerDatas\":[{\"brokerAddrs\":{0:\"127.0.0.1:10911\",1:".as_bytes())
    );
}

/// The C++ client sends enums as positions and numbers as texts.
#[test]
fn a_heartbeat_of_another_language() {
    let heartbeat: Heartbeat = from_str(
        r#"{"clientID":"c@1","consumerDataSet":[{"consumeFromWhere":4,"consumeType":1,"groupName":"G","messageModel":1,
            "subscriptionDataSet":[{"codeSet":["2598919"],"subString":"TagA","subVersion":"1700000000000","tagsSet":["TagA"],
            "topic":"T"}]}],"producerDataSet":null}"#,
    )
    .unwrap();
    let consumer = &heartbeat.consumers[0];
    assert_eq!(consumer.consume_from_where, Some(ConsumeFromWhere::FirstOffset));
    assert_eq!(consumer.consume_type, Some(ConsumeType::Passively));
    assert_eq!(consumer.message_model, Some(MessageModel::Clustering));
    let subscription = &consumer.subscriptions[0];
    assert_eq!((subscription.sub_version, subscription.expression_type.as_str()), (1_700_000_000_000, "TAG"));
    assert!(subscription.code_set.contains(&2_598_919) && subscription.tags_set.contains("TagA"));
    let unknown: ConsumerHeartbeat = from_str(r#"{"messageModel":"NEW","consumeType":7}"#).unwrap();
    assert_eq!((unknown.message_model, unknown.consume_type), (None, None));
}

#[test]
fn bodies_never_recorded_are_written_as_java_writes_them() {
    let moved = OffsetMoved {
        consumer_group: "CG1".to_owned(),
        message_queue: MessageQueue {
            broker_name: "spec-a".to_owned(),
            queue_id: 0,
            topic: "SpecT1".to_owned(),
        },
        offset_new: 2,
        offset_request: 50,
    };
    assert_eq!(
        String::from_utf8(to_vec(&moved)).unwrap(),
        r#"{"consumerGroup":"CG1","messageQueue":{"brokerName":"spec-a","queueId":0,"topic":"SpecT1"},"offsetNew":2,"offsetRequest":50}"#
    );
    let account = AccessAccount { access_key: Some("a".to_owned()), ..AccessAccount::default() };
    assert_eq!(
        String::from_utf8(to_vec(&account)).unwrap(),
        r#"{"accessKey":"a","admin":false,"groupPerms":[],"topicPerms":[]}"#
    );
}
