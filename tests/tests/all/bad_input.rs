//! What producers send by mistake: the same code from Java's broker and from ours, and nothing that was good before is lost.

use std::io;
use std::time::Duration;

use tests::harness::Cluster;
use tests::harness::remoting::{Answer, RawClient, eventually};

const TIMEOUT: Duration = Duration::from_secs(20);
const SEND_MESSAGE_V2: i32 = 310;
const TOPIC: &str = "Mistakes";
const STORED: i32 = 0;
const SYSTEM_ERROR: i32 = 1;
const MESSAGE_ILLEGAL: i32 = 13;
const NO_PERMISSION: i32 = 16;

fn send(
    client: &mut RawClient,
    topic: &str,
    queue_id: &str,
    properties: &str,
    body: &[u8],
) -> io::Result<Answer> {
    let fields = [
        ("a", "raw-producer"),
        ("b", topic),
        ("c", "TBW102"),
        ("d", "8"),
        ("e", queue_id),
        ("f", "0"),
        ("g", "1"),
        ("h", "0"),
        ("i", properties),
        ("j", "0"),
        ("k", "false"),
        ("m", "false"),
    ];
    client.call(SEND_MESSAGE_V2, &fields, body)
}

#[test]
fn mistakes_get_javas_codes_and_lose_nothing() {
    let mut cluster = Cluster::start_with("bad-input", &[("maxMessageSize", "65536")]);
    let mut client = RawClient::connect(&cluster.broker.address(), TIMEOUT).unwrap();
    client.create_topic(TOPIC, 1).unwrap();
    let property = |name: &str, value: &str| format!("{name}\u{1}{value}\u{2}");
    let many_keys: String = (0..500).map(|number| format!("key{number} ")).collect();
    let cases = [
        ("a level below the first", property("DELAY", "-3"), "good", STORED),
        ("a level above the last", property("DELAY", "99"), "late", STORED),
        ("a level that is no number", property("DELAY", "soon"), "bad", SYSTEM_ERROR),
        ("a level beyond all numbers", property("DELAY", "99999999999"), "bad", SYSTEM_ERROR),
        ("many keys", property("KEYS", &many_keys), "good", STORED),
        ("keys beyond the properties", property("KEYS", &"k".repeat(40_000)), "bad", MESSAGE_ILLEGAL),
        ("properties beyond their length", property("p", &"v".repeat(32_800)), "bad", MESSAGE_ILLEGAL),
        ("a property without a value", "p\u{1}\u{2}q".to_owned(), "good", STORED),
    ];
    let mut good = 0;
    for (what, properties, body, code) in &cases {
        let answer = send(&mut client, TOPIC, "0", properties, body.as_bytes()).unwrap();
        assert_eq!(answer.code, *code, "{what}: {}", answer.remark);
        good += i64::from(*body == "good");
    }
    let others = [
        ("a queue that is not there", TOPIC, "7", &b"bad"[..], SYSTEM_ERROR),
        ("a body beyond the limit", TOPIC, "0", &[b'x'; 70_000], MESSAGE_ILLEGAL),
        ("a topic of the system", "SCHEDULE_TOPIC_XXXX", "0", b"bad", NO_PERMISSION),
        ("half messages sent as such", "RMQ_SYS_TRANS_HALF_TOPIC", "0", b"bad", NO_PERMISSION),
        ("a topic with a slash", "../Mistakes", "0", b"bad", SYSTEM_ERROR),
        ("a topic without a name", "", "0", b"bad", SYSTEM_ERROR),
    ];
    for (what, topic, queue_id, body, code) in others {
        let answer = send(&mut client, topic, queue_id, "", body).unwrap();
        assert_eq!(answer.code, code, "{what}: {}", answer.remark);
    }
    eventually("what was good", TIMEOUT, || (client.max_offset(TOPIC, 0).unwrap() == good).then_some(()));
    // Level 99 is the last one, 18.
    eventually("what comes later", TIMEOUT, || {
        (client.max_offset("SCHEDULE_TOPIC_XXXX", 17).unwrap() == 1).then_some(())
    });
    let found = client.query(TOPIC, "key499").unwrap();
    assert_eq!(found.len(), 1, "the last of many keys");
    let found = client.pull_queue(TOPIC, 0).unwrap();
    assert!(found.iter().all(|message| message.body == b"good"));
    cluster.broker.stop();
}
