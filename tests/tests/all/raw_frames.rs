//! The harness itself: servers start, answer a raw client, stop and come back.

use std::time::Duration;

use tests::harness::Cluster;
use tests::harness::remoting::{RawClient, eventually};

const TIMEOUT: Duration = Duration::from_secs(10);

#[test]
fn send_and_pull_survive_stop_and_kill() {
    let mut cluster = Cluster::start("raw-frames");
    let mut client = RawClient::connect(&cluster.broker.address(), TIMEOUT).unwrap();
    client.create_topic("Raw", 2).unwrap();
    for number in 0..10 {
        let sent = client.send("Raw", 1, "KEYS\u{1}key", format!("body {number}").as_bytes()).unwrap();
        assert_eq!(sent.queue_offset, number);
    }
    eventually("the route appears", TIMEOUT, || {
        let mut namesrv = RawClient::connect(&cluster.namesrv.address(), TIMEOUT).unwrap();
        namesrv.route("Raw").unwrap()
    });
    client.commit("raw-group", "Raw", 1, 7).unwrap();

    cluster.broker.stop();
    cluster.broker.start_again();
    check(&cluster, Some(7));
    cluster.broker.kill9();
    cluster.broker.start_again();
    check(&cluster, Some(7));
    cluster.broker.stop();
}

fn check(cluster: &Cluster, committed: Option<i64>) {
    let mut client = RawClient::connect(&cluster.broker.address(), TIMEOUT).unwrap();
    let bodies = |messages: Vec<tests::harness::stored_message::StoredMessage>| -> Vec<String> {
        messages.into_iter().map(|message| String::from_utf8(message.body).unwrap()).collect()
    };
    let expected: Vec<String> = (0..10).map(|number| format!("body {number}")).collect();
    assert_eq!(bodies(client.pull_queue("Raw", 1).unwrap()), expected);
    assert_eq!(client.max_offset("Raw", 0).unwrap(), 0);
    assert_eq!(client.committed("raw-group", "Raw", 1).unwrap(), committed);
    let mut found = bodies(client.query("Raw", "key").unwrap());
    found.sort();
    assert_eq!(found, expected);
}
