//! `mqbroker` as a tool: what it sends, shows, lists, inspects, completes, and what `--dev` leaves behind.

mod dev;
mod inspect;
mod page;

use std::io::Write;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use tests::harness::dirs::tests_dir;
use tests::harness::process::{Process, Runtime};
use tests::harness::remoting::RawClient;
use tests::harness::servers::mqbroker;
use tests::harness::{Broker, BrokerOptions, Cluster, Driver, Flavor, NameServer, Scratch, Serialization};

const TIMEOUT: Duration = Duration::from_secs(20);
/// Bit of sysFlag: the body is a zlib stream.
const COMPRESSED: i32 = 1;

/// Runs the tool to its end.
fn run(words: &[&str]) -> Output {
    let mut command = mqbroker();
    command.args(words).stdin(Stdio::null());
    command.output().unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"))
}

/// What the tool prints when all goes well.
fn printed(words: &[&str]) -> String {
    let output = run(words);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {} {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// One JSON object for each line.
fn objects(words: &[&str]) -> Vec<Value> {
    printed(words)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
        .collect()
}

/// Exit code and what it said on standard error.
fn failed(words: &[&str]) -> (i32, String) {
    let output = run(words);
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// Feeds standard input.
fn fed(words: &[&str], input: &str) -> String {
    let mut command = mqbroker();
    let mut child = command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_sent_is_shown_listed_and_counted() {
    let mut cluster = Cluster::start("tool");
    let namesrv = cluster.namesrv.address();
    let n = ["-n", namesrv.as_str()];
    let with = |words: &[&'static str]| -> Vec<String> {
        words.iter().copied().chain(n).map(str::to_owned).collect()
    };
    let run_with = |words: &[&'static str]| {
        let words = with(words);
        objects(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let mut raw = RawClient::connect(&cluster.broker.address(), TIMEOUT).unwrap();
    raw.create_topic("Tool", 2).unwrap();
    tests::harness::remoting::eventually("the route", TIMEOUT, || {
        RawClient::connect(&namesrv, TIMEOUT).unwrap().route("Tool").unwrap()
    });

    let sent = run_with(&[
        "send",
        "Tool",
        "first body",
        "--tags",
        "a",
        "--keys",
        "k1 k2",
        "--property",
        "colour=red",
        "--queue",
        "1",
        "--json",
    ]);
    assert_eq!(
        (&sent[0]["queueId"], &sent[0]["queueOffset"], &sent[0]["status"]),
        (&json!(1), &json!(0), &json!("SEND_OK"))
    );
    let file = cluster.scratch.path().join("body");
    std::fs::write(&file, "packed ".repeat(2000)).unwrap();
    printed(&[
        "send",
        "Tool",
        "--file",
        file.to_str().unwrap(),
        "--tags",
        "b",
        "--queue",
        "0",
        "-b",
        &cluster.broker.address(),
    ]);
    let lines = fed(&["send", "Tool", "--queue", "0", "-n", &namesrv], "one\n\ntwo\n");
    assert_eq!(lines.lines().count(), 3, "a head and two messages: {lines}");

    let stored = raw.pull("Tool", 0, 0).unwrap();
    assert_eq!(stored.len(), 3);
    assert!(stored[0].sys_flag & COMPRESSED != 0 && stored[0].body.len() < 200, "a long body is compressed");
    assert_eq!(
        (stored[2].body.as_slice(), stored[2].property("UNIQ_KEY").map(str::len)),
        (&b"two"[..], Some(32))
    );
    let stored = raw.query("Tool", "k2").unwrap();
    assert_eq!((stored.len(), stored[0].property("colour")), (1, Some("red")));

    let mut shown = run_with(&["tail", "Tool", "--from", "first", "--count", "4", "--json"]);
    shown.sort_by_key(|message| (message["queueId"].as_i64(), message["queueOffset"].as_i64()));
    assert_eq!(shown[0]["body"], json!("packed ".repeat(2000)));
    assert_eq!([&shown[1]["body"], &shown[2]["body"], &shown[3]["body"]], ["one", "two", "first body"]);
    assert_eq!((&shown[3]["msgId"], &shown[3]["keys"]), (&sent[0]["msgId"], &json!("k1 k2")));
    assert_eq!(shown[3]["properties"]["colour"], "red");
    let tagged = run_with(&["tail", "Tool", "--from", "first", "--tags", "a || c", "--count", "1", "--json"]);
    assert_eq!(tagged[0]["body"], "first body");
    let later = run_with(&["tail", "Tool", "--from", "2", "--queue", "0", "--count", "1", "--json"]);
    assert_eq!(later[0]["body"], "two");
    let recent = run_with(&[
        "tail",
        "Tool",
        "--from",
        "2020-01-01T00:00:00Z",
        "--queue",
        "1",
        "--count",
        "1",
        "--json",
    ]);
    assert_eq!(recent[0]["body"], "first body");

    let topics = run_with(&["topics", "--json"]);
    let topic = topics.iter().find(|topic| topic["topic"] == "Tool").unwrap();
    assert_eq!(
        (&topic["messages"], &topic["readQueues"], &topic["perm"]),
        (&json!(4), &json!(2), &json!("RW-"))
    );
    assert_eq!((&topic["queues"][0]["maxOffset"], &topic["queues"][1]["maxOffset"]), (&json!(3), &json!(1)));
    raw.commit("raw-consumer", "Tool", 0, 1).unwrap();
    let groups = run_with(&["groups", "raw-consumer", "--json"]);
    assert_eq!((&groups[0]["group"], &groups[0]["members"]), (&json!("raw-consumer"), &json!([])));
    let queues = groups[0]["topics"]["Tool"].as_array().unwrap();
    assert_eq!((&queues[0]["offset"], &queues[0]["lag"]), (&json!(1), &json!(2)), "{queues:?}");
    cluster.broker.stop();
}

/// The messages that every language sends and receives, long ones compressed: from Java to the tool, and from the tool to Java.
#[test]
fn tool_and_java_client_understand_each_other() {
    let mut cluster = Cluster::start("tool-java");
    RawClient::connect(&cluster.broker.address(), TIMEOUT).unwrap().create_topic("Exchange", 4).unwrap();
    let messages = tests_dir().join("scenarios/messages.json");
    let expected: Vec<Value> = serde_json::from_slice(&std::fs::read(&messages).unwrap()).unwrap();
    let arguments = json!({ "topic": "Exchange", "messages": messages, "from": ["java", "tool"] });
    let (namesrv, address) = (cluster.namesrv.address(), cluster.broker.address());
    let java = |scenario: &str| {
        let home = cluster.scratch.dir(scenario);
        Driver::java(Serialization::Json, &namesrv, &home, &[scenario], &arguments)
    };
    let mut tail = mqbroker();
    tail.args(["tail", "Exchange", "--from", "first", "--json", "-b", &address]);
    tail.args(["--count", &expected.len().to_string()]);
    let mut tail = Process::spawn("tail", Runtime::Native, tail, &cluster.scratch.dir("tail"));
    java("exchange_send").finish();
    let mut shown: Vec<Value> = Vec::new();
    while let Some(line) = tail.next_line(TIMEOUT) {
        shown.push(serde_json::from_str(&line).unwrap());
    }
    assert!(tail.wait(TIMEOUT).success());
    let mut compressed = 0;
    for message in &expected {
        let key = format!("java-{}", message["name"].as_str().unwrap());
        let found = shown.iter().find(|shown| shown["keys"] == key.as_str()).unwrap();
        assert_eq!(
            (found["body"].as_str().unwrap(), &found["tags"]),
            (body(message).as_str(), &message["tag"]),
            "{key}"
        );
        for (name, value) in message["properties"].as_object().unwrap() {
            assert_eq!(&found["properties"][name], value, "{key}");
        }
        compressed += found["sysFlag"].as_i64().unwrap() as i32 & COMPRESSED;
    }
    assert!(compressed > 0, "a long one is among them");

    let file = cluster.scratch.path().join("body");
    for message in &expected {
        std::fs::write(&file, body(message)).unwrap();
        let mut words =
            vec!["send".to_owned(), "Exchange".to_owned(), "--property".to_owned(), "from=tool".to_owned()];
        words.extend(["-b", &address, "--file", file.to_str().unwrap(), "--keys"].map(str::to_owned));
        words.push(format!("tool-{}", message["name"].as_str().unwrap()));
        for (name, value) in message["properties"].as_object().unwrap() {
            words.extend(["--property".to_owned(), format!("{name}={}", value.as_str().unwrap())]);
        }
        if let Some(tag) = message["tag"].as_str() {
            words.extend(["--tags".to_owned(), tag.to_owned()]);
        }
        printed(&words.iter().map(String::as_str).collect::<Vec<_>>());
    }
    java("exchange_receive").finish();
    cluster.broker.stop();
}

/// The body of a message of the scenarios.
fn body(message: &Value) -> String {
    message["body"].as_str().unwrap().repeat(message["repeat"].as_u64().unwrap_or(1) as usize)
}

#[test]
fn failures_have_their_exit_codes_and_say_what_to_do() {
    let mut cluster = Cluster::start("tool-failures");
    let (namesrv, broker) = (cluster.namesrv.address(), cluster.broker.address());
    let nobody = format!("127.0.0.1:{}", tests::harness::ports::free_port());
    for (words, code, expected) in [
        (vec!["topics", "-n", &nobody], 255, "no NameServer there"),
        (vec!["topics", "-b", &nobody], 255, "no broker there"),
        (vec!["send", "T", "x", "-b", &nobody], 255, "Start one with `mqbroker`"),
        (vec!["tail", "Nope", "-b", &broker], 255, "unknown topic Nope; `mqbroker topics` lists"),
        (vec!["tail", "Nope", "-n", &namesrv], 255, "no route: the NameServer"),
        (vec!["topics", "Nope", "-n", &namesrv], 255, "unknown topic Nope"),
        (vec!["groups", "Nope", "-n", &namesrv], 255, "unknown group Nope"),
        (vec!["send", "a b", "x", "-n", &namesrv], 1, "illegal characters"),
        (vec!["send", "T", "", "-n", &namesrv], 1, "the body is empty"),
        (vec!["send", "T", "x", "--property", "TAGS=a", "-n", &namesrv], 1, "belongs to the system"),
        (vec!["tail", "T", "--from", "yesterday"], 1, "expected first, last, an offset, a time"),
        (vec!["-n", &namesrv, "topics"], 1, "a command is the first word"),
        (vec!["inspect", cluster.scratch.path().to_str().unwrap()], 255, "is not a store directory"),
        (vec!["man", "nope"], 1, "no command of mqbroker"),
    ] {
        let (found, text) = failed(&words);
        assert!(found == code && text.contains(expected), "{words:?}: {found} {text}");
    }
    // A lock is taken before anything is read, by Java as by ours.
    let store = cluster.broker.options().store.clone();
    let (code, text) = failed(&["inspect", store.to_str().unwrap(), "verify"]);
    assert!(
        code == 255
            && text.contains("is in use by another broker; stop it or choose another store directory"),
        "{text}"
    );
    cluster.broker.stop();
    assert!(printed(&["inspect", store.to_str().unwrap(), "verify"]).contains("ok"));
}

/// A broker elsewhere, with a NameServer of its own kind, serves the tool as ours does.
#[test]
fn the_tool_serves_a_broker_of_java() {
    let scratch = Scratch::new("tool-of-java");
    let namesrv = NameServer::start(Flavor::Java, &scratch.dir("namesrv"));
    let options = BrokerOptions {
        flavor: Flavor::Java,
        namesrv: namesrv.address(),
        store: scratch.dir("store"),
        home: scratch.dir("broker"),
        properties: Vec::new(),
    };
    let mut broker = Broker::start(options);
    let n = namesrv.address();
    tests::harness::remoting::eventually("the template's route", TIMEOUT, || {
        RawClient::connect(&n, TIMEOUT).unwrap().route("TBW102").unwrap()
    });
    let sent = objects(&["send", "Made-On-Send", "to Java", "--keys", "k", "--json", "-n", &n]);
    assert_eq!(sent[0]["status"], "SEND_OK");
    let b = broker.address();
    let shown = objects(&["tail", "Made-On-Send", "--from", "first", "--count", "1", "--json", "-b", &b]);
    assert_eq!((&shown[0]["body"], &shown[0]["msgId"]), (&json!("to Java"), &sent[0]["msgId"]));
    let topics = objects(&["topics", "Made-On-Send", "--json", "-n", &n]);
    assert_eq!(topics[0]["messages"], 1);
    assert!(printed(&["groups", "--all", "-n", &n]).contains("TOOLS_CONSUMER"));
    let store = broker.options().store.clone();
    let (code, text) = failed(&["inspect", store.to_str().unwrap()]);
    assert!(code == 255 && text.contains("is in use by another broker"), "{text}");
    broker.stop();
    let verified = printed(&["inspect", store.to_str().unwrap(), "verify"]);
    assert!(verified.contains("ok  1 records"), "{verified}");
    namesrv.stop();
}
