//! The admin tool `mqadmin` 4.9.8.

use std::time::Duration;

use serde_json::{Value, json};

use tests::harness::mqadmin::Mqadmin;
use tests::harness::remoting::{RawClient, eventually};
use tests::harness::servers::{BROKER, CLUSTER};
use tests::harness::{Cluster, Driver, Serialization};

const TIMEOUT: Duration = Duration::from_secs(20);
const TOPIC: &str = "AdminTopic";
const GROUP: &str = "admin-group";

#[test]
fn mqadmin_commands() {
    let mut cluster = Cluster::start("mqadmin");
    let mqadmin = Mqadmin::new(&cluster.namesrv.address(), &cluster.scratch.dir("mqadmin"));
    cluster_list(&cluster, &mqadmin);
    update_topic(&cluster, &mqadmin);
    topic_route(&cluster, &mqadmin);
    send_message(&mqadmin);
    topic_status(&mqadmin);
    query_by_offset(&mqadmin);
    consume_message(&mqadmin);
    queries(&cluster, &mqadmin);
    delayed_progress(&cluster, &mqadmin);
    consumer_progress(&cluster, &mqadmin);
    cluster.broker.stop();
}

fn cluster_list(cluster: &Cluster, mqadmin: &Mqadmin) {
    let rows = mqadmin.table("clusterList", &[]);
    assert_eq!(rows.len(), 1, "{rows:?}");
    let address = cluster.broker.address();
    assert_eq!(rows[0][..4], [CLUSTER, BROKER, "0", address.as_str()], "{rows:?}");
    assert!(rows[0][4].starts_with("V4_9_"), "version in {rows:?}");
    let text = mqadmin.run("clusterList", &["-m"]);
    assert!(text.contains(BROKER), "{text}");
}

fn update_topic(cluster: &Cluster, mqadmin: &Mqadmin) {
    let text = mqadmin.run("updateTopic", &["-c", CLUSTER, "-t", TOPIC, "-r", "4", "-w", "2"]);
    let line = format!("create topic to {} success", cluster.broker.address());
    assert!(text.contains(&line), "{text}");
    assert!(text.contains("readQueueNums=4") && text.contains("writeQueueNums=2"), "{text}");
}

fn topic_route(cluster: &Cluster, mqadmin: &Mqadmin) {
    let mut namesrv = RawClient::connect(&cluster.namesrv.address(), TIMEOUT).expect("the NameServer");
    eventually("a route", TIMEOUT, || namesrv.route(TOPIC).expect("an answer"));
    let text = mqadmin.run("topicRoute", &["-t", TOPIC]);
    // The tool writes the broker id as a bare number.
    let route: Value =
        serde_json::from_str(&text.replace("{0:", "{\"0\":")).unwrap_or_else(|e| panic!("{e} in {text}"));
    assert_eq!(route["brokerDatas"][0]["brokerName"], BROKER);
    assert_eq!(route["brokerDatas"][0]["cluster"], CLUSTER);
    assert_eq!(route["brokerDatas"][0]["brokerAddrs"]["0"], cluster.broker.address());
    let queues = &route["queueDatas"][0];
    assert_eq!((&queues["readQueueNums"], &queues["writeQueueNums"]), (&json!(4), &json!(2)), "{queues}");
    assert_eq!(queues["perm"], 6);
}

fn send_message(mqadmin: &Mqadmin) {
    for number in 0..5 {
        let body = format!("admin body {number}");
        let rows = mqadmin.table(
            "sendMessage",
            &["-t", TOPIC, "-p", &body, "-k", "admin-key", "-c", "admin-tag", "-b", BROKER, "-i", "1"],
        );
        assert_eq!(rows[0][..3], [BROKER, "1", "SEND_OK"], "{rows:?}");
        assert_eq!(rows[0][3].len(), 32, "message id in {rows:?}");
    }
}

fn topic_status(mqadmin: &Mqadmin) {
    let rows = mqadmin.table("topicStatus", &["-t", TOPIC]);
    assert_eq!(rows.len(), 2, "one row for each queue that can be written: {rows:?}");
    for (queue, row) in rows.iter().enumerate() {
        let end = if queue == 1 { "5" } else { "0" };
        assert_eq!(row[..4], [BROKER, &queue.to_string(), "0", end], "{rows:?}");
        assert_eq!(row.len() > 4, queue == 1, "only a queue with messages has a time: {rows:?}");
    }
}

fn query_by_offset(mqadmin: &Mqadmin) {
    let text = mqadmin.run("queryMsgByOffset", &["-t", TOPIC, "-b", BROKER, "-i", "1", "-o", "3"]);
    for (name, value) in [
        ("Topic:", TOPIC),
        ("Tags:", "[admin-tag]"),
        ("Keys:", "[admin-key]"),
        ("Queue ID:", "1"),
        ("Queue Offset:", "3"),
        ("Reconsume Times:", "0"),
    ] {
        let found = text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        assert_eq!(found, Some(value), "{name} in\n{text}");
    }
}

fn consume_message(mqadmin: &Mqadmin) {
    let text = mqadmin
        .run("consumeMessage", &["-t", TOPIC, "-b", BROKER, "-i", "1", "-o", "2", "-g", "admin-reader"]);
    for number in 0..5 {
        let is_there = text.contains(&format!("admin body {number}"));
        assert_eq!(is_there, number >= 2, "body {number} in\n{text}");
    }
    let text = mqadmin.run("consumeMessage", &["-t", TOPIC]);
    assert_eq!(text.matches("admin body").count(), 5, "{text}");
}

/// By key, by unique key and by offset message id.
fn queries(cluster: &Cluster, mqadmin: &Mqadmin) {
    let mut client = RawClient::connect(&cluster.broker.address(), TIMEOUT).expect("the broker");
    let properties = "KEYS\u{1}order-7\u{2}UNIQ_KEY\u{1}0123456789ABCDEF0123456789ABCDEF";
    let sent = client.send("AdminQueries", 0, properties, b"found three times").expect("an answer");
    let mut namesrv = RawClient::connect(&cluster.namesrv.address(), TIMEOUT).expect("the NameServer");
    eventually("a route", TIMEOUT, || namesrv.route("AdminQueries").expect("an answer"));
    let rows = mqadmin.table("queryMsgByKey", &["-t", "AdminQueries", "-k", "order-7"]);
    assert_eq!(rows.len(), 1, "{rows:?}");
    let by_id = mqadmin.run("queryMsgById", &["-i", &sent.message_id]);
    let unique = ["-t", "AdminQueries", "-i", "0123456789ABCDEF0123456789ABCDEF"];
    let by_unique_key = mqadmin.run("queryMsgByUniqueKey", &unique);
    for text in [by_id, by_unique_key] {
        let keys = text.lines().find_map(|line| line.strip_prefix("Keys:")).map(str::trim);
        assert_eq!(keys.map(|keys| keys.trim_matches(['[', ']'])), Some("order-7"), "{text}");
    }
}

/// What the first level has delivered, and what is in it.
fn delayed_progress(cluster: &Cluster, mqadmin: &Mqadmin) {
    let mut client = RawClient::connect(&cluster.broker.address(), TIMEOUT).expect("the broker");
    client.send("AdminDelays", 0, "DELAY\u{1}1", b"later").expect("an answer");
    eventually("the first level", TIMEOUT, || {
        (client.max_offset("AdminDelays", 0).expect("an answer") == 1).then_some(())
    });
    let text = mqadmin.run("brokerStatus", &["-b", &cluster.broker.address()]);
    let progress = text.lines().find_map(|line| line.strip_prefix("scheduleMessageOffset_1 "));
    assert_eq!(progress.map(|value| value.trim_matches([' ', ':'])), Some("1,1"), "{text}");
}

fn consumer_progress(cluster: &Cluster, mqadmin: &Mqadmin) {
    let home = cluster.scratch.dir("consumer");
    let arguments = json!({ "topic": TOPIC, "group": GROUP, "count": 5 });
    let namesrv = cluster.namesrv.address();
    let mut consumer = Driver::java(Serialization::Json, &namesrv, &home, &["stay_online"], &arguments);
    consumer.wait_event("online");

    let text = mqadmin.run("consumerProgress", &[]);
    let row =
        text.lines().find(|line| line.starts_with(GROUP)).unwrap_or_else(|| panic!("no {GROUP} in\n{text}"));
    let columns: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(columns[..5], [GROUP, "1", "V4_9_8", "PUSH", "CLUSTERING"], "{text}");
    consumer.go_on();
    consumer.finish();

    // One message that nobody has consumed.
    mqadmin.run("sendMessage", &["-t", TOPIC, "-p", "another", "-b", BROKER, "-i", "0"]);
    let rows = mqadmin.table("consumerProgress", &["-g", GROUP]);
    let of = |topic: &str, queue: &str| {
        rows.iter()
            .find(|row| row[0] == topic && row[2] == queue)
            .unwrap_or_else(|| panic!("{topic} in {rows:?}"))
    };
    assert_eq!(of(TOPIC, "1")[3..6], ["5", "5", "0"], "{rows:?}");
    assert_eq!(of(TOPIC, "0")[3..6], ["1", "0", "1"], "{rows:?}");
    let text = mqadmin.run("consumerProgress", &["-g", GROUP]);
    assert!(text.contains("Diff Total: 1"), "{text}");
}
