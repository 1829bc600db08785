//! Transactions with the official clients, and what is left of them when the broker is killed.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use tests::harness::remoting::{Answer, RawClient, eventually};
use tests::harness::stored_message::StoredMessage;
use tests::harness::{Broker, BrokerOptions, Cluster, Driver, Flavor, Serialization};

const TIMEOUT: Duration = Duration::from_secs(20);
const END_TRANSACTION: i32 = 37;
pub(super) const COMMIT: &str = "8";
pub(super) const ROLLBACK: &str = "12";
const GROUP: &str = "raw-transactions";
const TOPIC: &str = "Orders";
const HALF: &str = "RMQ_SYS_TRANS_HALF_TOPIC";
const OP: &str = "RMQ_SYS_TRANS_OP_HALF_TOPIC";
const NOT_FOUND: &str = "Find prepared transaction message failed";

#[test]
fn java_client_is_asked_about_open_transactions() {
    let mut cluster = Cluster::start_with("transaction-checks", &[("transactionCheckMax", "2")]);
    let home = cluster.scratch.dir("client");
    let scenarios = ["transaction_other_member", "transaction_given_up"];
    let namesrv = cluster.namesrv.address();
    Driver::java(Serialization::Json, &namesrv, &home, &scenarios, &json!({ "checkMax": 2 })).finish();
    cluster.broker.stop();
}

#[test]
fn java_transactions_outlive_a_kill() {
    // Nothing that is decided at once may be asked about, also on a slow machine.
    let mut cluster = Cluster::start_with("transaction-kill", &[("transactionTimeOut", "3000")]);
    let home = cluster.scratch.dir("client");
    let namesrv = cluster.namesrv.address();
    let scenarios = ["transaction_outlive_kill"];
    let mut driver = Driver::java(Serialization::Rocketmq, &namesrv, &home, &scenarios, &json!({}));
    driver.wait_event("open");
    cluster.broker.kill9();
    cluster.broker.start_again();
    driver.go_on();
    driver.finish();
    cluster.broker.stop();
}

#[test]
fn go_client_commits_rolls_back_and_is_asked() {
    let mut cluster = Cluster::start("transaction-go");
    connect(&cluster).create_topic(TOPIC, 2).unwrap();
    let mut namesrv = RawClient::connect(&cluster.namesrv.address(), TIMEOUT).unwrap();
    eventually("a route", TIMEOUT, || namesrv.route(TOPIC).unwrap());
    let home = cluster.scratch.dir("client");
    let namesrv = cluster.namesrv.address();
    Driver::go(&namesrv, &home, &["transactions"], &json!({ "topic": TOPIC })).finish();
    cluster.broker.stop();
}

/// What was committed is there after a kill, what was not can still be, and nothing is asked about by mistake.
#[test]
fn half_messages_outlive_kills() {
    for flush in ["ASYNC_FLUSH", "SYNC_FLUSH"] {
        let mut cluster = quiet(&format!("transaction-raw-{flush}"), flush);
        let mut client = connect(&cluster);
        client.create_topic(TOPIC, 1).unwrap();
        let halves: Vec<Half> = (0..9).map(|n| send(&mut client, &format!("body {n}"))).collect();
        commit(&mut client, halves[0]);
        roll_back(&mut client, halves[1]);
        commit(&mut client, halves[2]);
        for kill in 0..2 {
            cluster.broker.kill9();
            cluster.broker.start_again();
            client = connect(&cluster);
            let open = &halves[3 + 3 * kill..];
            commit(&mut client, open[0]);
            roll_back(&mut client, open[1]);
        }
        let committed = [0, 2, 3, 6].map(|n| halves[n]);
        let found = eventually("the committed messages", TIMEOUT, || {
            let found = client.pull_queue(TOPIC, 0).unwrap();
            (found.len() >= committed.len()).then_some(found)
        });
        let places: Vec<i64> = found.iter().map(|message| message.prepared_transaction_offset).collect();
        assert_eq!(places, committed.map(|half| half.physical_offset));
        found.iter().for_each(assert_committed);
        cluster.broker.stop();
    }
}

/// Producers send and end as fast as they can while the broker is killed. Every half message that was acknowledged can be ended
/// afterwards, everything committed is delivered, nothing else is.
#[test]
fn kills_under_load_lose_no_transaction() {
    const PRODUCERS: usize = 4;
    let mut cluster = quiet("transaction-load", "ASYNC_FLUSH");
    connect(&cluster).create_topic(TOPIC, 1).unwrap();
    let mut committed = BTreeSet::new();
    for kill in 0..3 {
        let (ended, address) = (AtomicUsize::new(0), cluster.broker.address());
        let produced = thread::scope(|scope| {
            let (address, ended) = (&address, &ended);
            let threads: Vec<_> = (0..PRODUCERS)
                .map(|producer| {
                    let name = format!("{kill} {producer}");
                    scope.spawn(move || produce_until_killed(address, &name, ended))
                })
                .collect();
            eventually("the load begins", TIMEOUT, || (ended.load(Ordering::Relaxed) >= 1000).then_some(()));
            cluster.broker.kill9();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        cluster.broker.start_again();
        let mut client = connect(&cluster);
        for Produced { body, half, decision, is_ended } in produced {
            if !is_ended {
                assert_eq!(end(&mut client, half, decision).code, 0, "{body}");
            }
            if decision == COMMIT {
                committed.insert(body);
            }
        }
    }
    let mut client = connect(&cluster);
    eventually("everything committed, and nothing else", TIMEOUT, || {
        let found = client.pull_queue(TOPIC, 0).unwrap();
        let bodies: BTreeSet<String> =
            found.into_iter().map(|message| String::from_utf8(message.body).unwrap()).collect();
        assert!(bodies.is_subset(&committed), "{:?}", bodies.difference(&committed));
        (bodies.len() == committed.len()).then_some(())
    });
    cluster.broker.stop();
}

/// A half message whose send was acknowledged.
struct Produced {
    body: String,
    half: Half,
    decision: &'static str,
    /// The answer to its end came.
    is_ended: bool,
}

fn produce_until_killed(address: &str, name: &str, ended: &AtomicUsize) -> Vec<Produced> {
    let mut client = RawClient::connect(address, TIMEOUT).unwrap();
    let mut produced = Vec::new();
    for number in 0.. {
        let body = format!("{name} {number}");
        let Ok(half) = try_send(&mut client, &body) else { break };
        let decision = if number % 3 == 0 { ROLLBACK } else { COMMIT };
        let answer = try_end(&mut client, GROUP, half, decision);
        let is_ended = answer.is_ok_and(|answer| {
            assert_eq!(answer.code, 0, "{body}: {answer:?}");
            true
        });
        produced.push(Produced { body, half, decision, is_ended });
        if !is_ended {
            break;
        }
        ended.fetch_add(1, Ordering::Relaxed);
    }
    produced
}

fn assert_committed(message: &StoredMessage) {
    assert_eq!((message.sys_flag, message.topic.as_str(), message.queue_id), (8, TOPIC, 0));
    let mut names: Vec<&str> = message.properties.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["CLUSTER", "PGROUP", "REAL_QID", "REAL_TOPIC", "TRAN_MSG", "UNIQ_KEY"]);
    assert_eq!(message.property("UNIQ_KEY").map(str::as_bytes), Some(message.body.as_slice()));
}

/// The codes and remarks of Java, and none of it changes anything.
#[test]
fn ends_that_mean_no_open_message_are_refused() {
    let mut cluster = quiet("transaction-bad", "ASYNC_FLUSH");
    let mut client = connect(&cluster);
    client.create_topic(TOPIC, 1).unwrap();
    let (first, half) = (send(&mut client, "first"), send(&mut client, "second"));
    let nowhere = Half { physical_offset: 1 << 40, ..half };
    let mixed = Half { queue_offset: first.queue_offset, ..half };
    let foreign = end_as(&mut client, "foreign", half, COMMIT);
    assert_eq!(said(&foreign), (1, "The producer group wrong".to_owned()));
    assert_eq!(said(&end(&mut client, nowhere, COMMIT)), (1, NOT_FOUND.to_owned()));
    let answer = end(&mut client, mixed, ROLLBACK);
    assert_eq!(said(&answer), (1, "The transaction state table offset wrong".to_owned()));
    assert_eq!(end(&mut client, half, "7").code, 1);
    assert_eq!(client.pull_queue(TOPIC, 0).unwrap(), []);
    for _ in 0..2 {
        commit(&mut client, half);
    }
    let bodies = |client: &mut RawClient| -> Vec<Vec<u8>> {
        client.pull_queue(TOPIC, 0).unwrap().into_iter().map(|message| message.body).collect()
    };
    eventually("the second commit delivers again", TIMEOUT, || {
        (bodies(&mut client) == [b"second", b"second"]).then_some(())
    });
    let halves: Vec<StoredMessage> = pull_all(&mut client, HALF);
    let bodies: Vec<&[u8]> = halves.iter().map(|message| message.body.as_slice()).collect();
    assert_eq!(bodies, [b"first".as_slice(), b"second"]);
    assert!(
        halves.iter().all(|message| message.sys_flag == 0 && message.property("REAL_TOPIC") == Some(TOPIC))
    );
    cluster.broker.stop();
}

/// Half messages can be pulled once the first round of the check has made their topic.
fn pull_all(client: &mut RawClient, topic: &str) -> Vec<StoredMessage> {
    eventually("the topic", TIMEOUT, || {
        let end = client.max_offset(topic, 0).unwrap();
        (end > 0).then(|| client.pull_queue(topic, 0).ok()).flatten()
    })
}

/// Transactions that one broker begins the other ends, and both keep their progress in the same place.
#[test]
fn open_transactions_go_to_java_and_back() {
    let mut cluster = quiet("transaction-exchange", "ASYNC_FLUSH");
    let mut client = connect(&cluster);
    client.create_topic(TOPIC, 1).unwrap();
    let halves = ["a", "b", "c", "d"].map(|body| send(&mut client, body));
    commit(&mut client, halves[0]);
    passed(&mut client, [1, 1]);
    cluster.broker.stop();

    let options = cluster.broker.options().clone();
    let mut java = Broker::start(BrokerOptions { flavor: Flavor::Java, ..options });
    let mut client = RawClient::connect(&java.address(), TIMEOUT).unwrap();
    commit(&mut client, halves[1]);
    roll_back(&mut client, halves[2]);
    passed(&mut client, [3, 3]);
    java.stop();

    cluster.broker.start_again();
    let mut client = connect(&cluster);
    commit(&mut client, halves[3]);
    passed(&mut client, [4, 4]);
    let bodies = client.pull_queue(TOPIC, 0).unwrap().into_iter().map(|message| message.body);
    assert!(bodies.eq([b"a", b"b", b"d"]), "what was committed, each once");
    cluster.broker.stop();
}

/// Waits until a check has passed so many half messages and op records.
fn passed(client: &mut RawClient, wanted: [i64; 2]) {
    eventually("the check passes what is ended", TIMEOUT, || {
        let found = [HALF, OP].map(|topic| client.committed("CID_RMQ_SYS_TRANS", topic, 0).unwrap());
        (found == wanted.map(Some)).then_some(())
    });
}

/// A broker whose checks ask nobody: they make the half topic and pass what is ended.
fn quiet(name: &str, flush: &str) -> Cluster {
    let properties =
        [("flushDiskType", flush), ("transactionTimeOut", "3600000"), ("transactionCheckInterval", "1000")];
    Cluster::start_with(name, &properties)
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Half {
    pub(super) physical_offset: i64,
    pub(super) queue_offset: i64,
}

fn connect(cluster: &Cluster) -> RawClient {
    RawClient::connect(&cluster.broker.address(), TIMEOUT).unwrap()
}

fn send(client: &mut RawClient, body: &str) -> Half {
    try_send(client, body).unwrap()
}

fn try_send(client: &mut RawClient, body: &str) -> io::Result<Half> {
    let properties = format!("TRAN_MSG\x01true\x02PGROUP\x01{GROUP}\x02UNIQ_KEY\x01{body}\x02");
    let sent = client.send(TOPIC, 0, &properties, body.as_bytes())?;
    let physical_offset = i64::from_str_radix(&sent.message_id[16..], 16).unwrap();
    Ok(Half { physical_offset, queue_offset: sent.queue_offset })
}

fn commit(client: &mut RawClient, half: Half) {
    assert_eq!(said(&end(client, half, COMMIT)), (0, String::new()));
}

fn roll_back(client: &mut RawClient, half: Half) {
    assert_eq!(said(&end(client, half, ROLLBACK)), (0, "not set any response code".to_owned()));
}

fn end(client: &mut RawClient, half: Half, decision: &str) -> Answer {
    end_as(client, GROUP, half, decision)
}

pub(super) fn end_as(client: &mut RawClient, group: &str, half: Half, decision: &str) -> Answer {
    try_end(client, group, half, decision).unwrap()
}

pub(super) fn try_end(client: &mut RawClient, group: &str, half: Half, decision: &str) -> io::Result<Answer> {
    let (physical, queue) = (half.physical_offset.to_string(), half.queue_offset.to_string());
    let fields = [
        ("producerGroup", group),
        ("tranStateTableOffset", &queue),
        ("commitLogOffset", &physical),
        ("commitOrRollback", decision),
        ("fromTransactionCheck", "false"),
        ("msgId", "unused"),
    ];
    client.call(END_TRANSACTION, &fields, b"")
}

fn said(answer: &Answer) -> (i32, String) {
    (answer.code, answer.remark.clone())
}
