//! Filter expressions: evaluated beside Java's own classes, and used by the Java client over restarts.

mod expressions;

use std::fs;
use std::time::Duration;

use serde_json::{Map, Value, json};

use expressions::{Generator, PropertySet};
use tests::harness::remoting::{Answer, RawClient, eventually};
use tests::harness::{Cluster, Driver, Flavor, Serialization};

const TIMEOUT: Duration = Duration::from_secs(10);
const CHECK_CLIENT_CONFIG: i32 = 46;
const HEART_BEAT: i32 = 34;
const PULL_MESSAGE: i32 = 11;
const TOPIC: &str = "Expressions";
/// Each is asked of every property set, as it is, negated, and whether it is unknown.
const EXPRESSIONS: usize = 1000;

/// Java's filter classes and the broker say the same of 3000 expressions and 24 messages each: which compile, and whom they match. Whether
/// an outcome is false, unknown or a failure shows in the other two forms.
#[test]
fn expressions_mean_what_java_says() {
    let seed = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x5914_4989);
    let mut generator = Generator::new(seed);
    let sets = generator.property_sets();
    let expressions: Vec<String> = (0..EXPRESSIONS).flat_map(|_| generator.with_negations()).collect();

    let mut cluster = Cluster::start("expressions");
    let expected = java_outcomes(&cluster, &expressions, &sets);
    let mut client = RawClient::connect(&cluster.broker.address(), TIMEOUT).unwrap();
    client.create_topic(TOPIC, 1).unwrap();
    for (number, set) in sets.iter().enumerate() {
        let properties: Vec<String> = set.iter().map(|(name, value)| format!("{name}\u{1}{value}")).collect();
        client.send(TOPIC, 0, &properties.join("\u{2}"), number.to_string().as_bytes()).unwrap();
    }
    eventually("the messages can be read", TIMEOUT, || {
        (client.pull(TOPIC, 0, 0).unwrap().len() == sets.len()).then_some(())
    });

    let mut seen = [0; 5];
    for (expression, expected) in expressions.iter().zip(&expected) {
        check(&mut client, expression, expected, sets.len());
        for outcome in expected.chars() {
            seen["TFNEC".find(outcome).unwrap()] += 1;
        }
    }
    assert!(seen.iter().all(|count| *count > 100), "true, false, unknown, failed, not compiled: {seen:?}");
    cluster.broker.stop();
}

fn check(client: &mut RawClient, expression: &str, expected: &str, sets: usize) {
    let compiles = expected != "C";
    let code = check_client(client, expression).code;
    assert_eq!(code == 0, compiles, "{expression:?} is answered {code}, Java: {expected}");
    let (code, found) = client.pull_by_sql(TOPIC, expression).unwrap();
    if !compiles {
        // Java answers as if there were no filter, unless the expression is empty.
        let is_passed = Flavor::under_test() == Flavor::Java && !expression.is_empty();
        assert_eq!(code, if is_passed { 0 } else { 23 }, "{expression:?}");
        return;
    }
    let mut matched = vec![false; sets];
    for message in found {
        let number: usize = String::from_utf8(message.body).unwrap().parse().unwrap();
        matched[number] = true;
    }
    let expected_matches: Vec<bool> = expected.chars().map(|outcome| outcome == 'T').collect();
    assert_eq!(matched, expected_matches, "{expression:?}: code {code}, Java: {expected}");
}

fn check_client(client: &mut RawClient, expression: &str) -> Answer {
    let body = json!({
        "clientId": "c", "group": "g",
        "subscriptionData": {
            "topic": TOPIC, "subString": expression, "expressionType": "SQL92", "subVersion": 1,
        },
    });
    client.call(CHECK_CLIENT_CONFIG, &[], body.to_string().as_bytes()).unwrap()
}

fn java_outcomes(cluster: &Cluster, expressions: &[String], sets: &[PropertySet]) -> Vec<String> {
    let home = cluster.scratch.dir("java");
    let (input, output) = (home.join("questions.json"), home.join("outcomes.json"));
    let object = |set: &PropertySet| -> Map<String, Value> {
        set.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
    };
    let sets: Vec<_> = sets.iter().map(object).collect();
    fs::write(&input, json!({ "expressions": expressions, "properties": sets }).to_string()).unwrap();
    let arguments = json!({ "input": input, "output": output });
    let namesrv = cluster.namesrv.address();
    Driver::java(Serialization::Json, &namesrv, &home, &["sql_outcomes"], &arguments).finish();
    let outcomes: Vec<String> = serde_json::from_slice(&fs::read(&output).unwrap()).unwrap();
    assert_eq!(outcomes.len(), expressions.len());
    outcomes
}

/// A push consumer's expression changes at run time; consumer and broker go and come back. With bit maps in the extension.
#[test]
fn sql_consumers_outlive_changes_and_restarts() {
    let properties = [("enableConsumeQueueExt", "true"), ("enableCalcFilterBitMap", "true")];
    let mut cluster = Cluster::start_with("sql-changes", &properties);
    let home = cluster.scratch.dir("client");
    let namesrv = cluster.namesrv.address();
    let mut driver = Driver::java(Serialization::Json, &namesrv, &home, &["sql_changes"], &json!({}));
    driver.wait_event("restart");
    cluster.broker.stop();
    cluster.broker.start_again();
    driver.go_on();
    let output = driver.finish().remove("sql_changes").unwrap();
    cluster.broker.stop();

    let store = &cluster.broker.options().store;
    let saved = fs::read_to_string(store.join("config/consumerFilter.json")).unwrap();
    let (topic, group) = (output["topic"].as_str().unwrap(), output["group"].as_str().unwrap());
    for expected in [topic, group, "price <= 12"] {
        assert!(saved.contains(expected), "{expected} is not in {saved}");
    }
    let file = store.join("consumequeue_ext").join(topic).join("0").join("0".repeat(20));
    let units = fs::read(file).unwrap();
    let maps = bit_maps(&units);
    let is_wanted: Vec<bool> = maps.iter().map(|map| map.iter().any(|byte| *byte != 0)).collect();
    // First 0, 5, 11, 20; second 5, 20, 11; third 0, 30, 12; fourth 40, 3.
    let expected = [false, false, true, true, true, false, true, true, false, true, false, true];
    assert_eq!(is_wanted, expected);
    assert!(maps.iter().all(|map| map.len() == 14), "112 bits");
}

/// The bit maps of an extension file.
fn bit_maps(mut units: &[u8]) -> Vec<&[u8]> {
    let mut maps = Vec::new();
    while let Some((size, _)) = units.split_first_chunk::<2>() {
        let size = usize::from(u16::from_be_bytes(*size));
        if size == 0 {
            break;
        }
        maps.push(units.get(20..size).unwrap_or_default());
        units = units.get(size..).unwrap_or_default();
    }
    maps
}

/// What a pull is answered when what the group said does not fit.
#[test]
fn pulls_that_do_not_fit_their_group_are_refused() {
    let mut cluster = Cluster::start("filter-answers");
    let mut client = RawClient::connect(&cluster.broker.address(), TIMEOUT).unwrap();
    client.create_topic("Answers", 1).unwrap();
    let code = |client: &mut RawClient, version: i64| pull_of_group(client, version).code;
    assert_eq!(code(&mut client, 1), 24, "nobody is connected");
    heartbeat(&mut client, "a > 1 AND", 5);
    assert_eq!(code(&mut client, 5), 27, "it does not compile");
    heartbeat(&mut client, "a > 1", 6);
    assert_eq!(code(&mut client, 7), 25);
    assert_eq!(code(&mut client, 6), 19, "the queue is empty");
    assert_eq!(code(&mut client, 2), 19);
    client.send("Answers", 0, "a\u{1}1", b"no").unwrap();
    client.send("Answers", 0, "a\u{1}2", b"yes").unwrap();
    let found = eventually("the message that matches", TIMEOUT, || {
        let answer = pull_of_group(&mut client, 6);
        (answer.code == 0).then_some(answer)
    });
    assert_eq!(found.number("nextBeginOffset").unwrap(), 2);
    cluster.broker.stop();
}

/// Nothing but tags, unless the broker is told to evaluate expressions.
#[test]
fn expressions_are_refused_unless_switched_on() {
    let mut cluster = Cluster::start_with("filters-off", &[("enablePropertyFilter", "false")]);
    let mut client = RawClient::connect(&cluster.broker.address(), TIMEOUT).unwrap();
    client.create_topic("Answers", 1).unwrap();
    heartbeat(&mut client, "a > 1", 6);
    let answers = [check_client(&mut client, "a > 1"), pull_of_group(&mut client, 6)];
    for answer in answers {
        let remark = "The broker does not support consumer to filter message by SQL92";
        assert_eq!((answer.code, answer.remark.as_str()), (1, remark));
    }
    assert_eq!(client.pull_by_sql("Answers", "a > 1").unwrap().0, 1);
    cluster.broker.stop();
}

fn heartbeat(client: &mut RawClient, expression: &str, version: i64) {
    let body = json!({
        "clientID": "raw", "producerDataSet": [],
        "consumerDataSet": [{
            "consumeFromWhere": "CONSUME_FROM_FIRST_OFFSET", "consumeType": "CONSUME_PASSIVELY",
            "groupName": "raw-sql", "messageModel": "CLUSTERING", "unitMode": false,
            "subscriptionDataSet": [{
                "classFilterMode": false, "codeSet": [], "tagsSet": [], "topic": "Answers",
                "expressionType": "SQL92", "subString": expression, "subVersion": version,
            }],
        }],
    });
    assert_eq!(client.call(HEART_BEAT, &[], body.to_string().as_bytes()).unwrap().code, 0);
}

fn pull_of_group(client: &mut RawClient, version: i64) -> Answer {
    let fields = [
        ("consumerGroup", "raw-sql"),
        ("topic", "Answers"),
        ("queueId", "0"),
        ("queueOffset", "0"),
        ("maxMsgNums", "32"),
        ("sysFlag", "0"),
        ("commitOffset", "0"),
        ("suspendTimeoutMillis", "0"),
        ("subVersion", &version.to_string()),
        ("expressionType", "SQL92"),
    ];
    client.call(PULL_MESSAGE, &fields, b"").unwrap()
}
