//! One store under two brokers: what ours wrote is read by Java, what Java added is read by ours.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use tests::harness::remoting::eventually;
use tests::harness::{Broker, BrokerOptions, Cluster, Driver, Flavor, Serialization};

const TOPIC: &str = "Exchanged";
const GROUP: &str = "exchanged-group";

#[test]
fn store_goes_to_java_and_back() {
    round_trip("store-clean", |broker, _| broker.stop());
}

/// The same with brokers that are killed: the next one recovers what the other left.
#[test]
fn store_goes_to_java_and_back_after_kills() {
    round_trip("store-killed", |broker, state| {
        // Progress reaches the disk on a timer (10 s after the start at the earliest); a kill before that may lose it.
        let file = broker.options().store.join("config/consumerOffset.json");
        eventually("progress is on disk", Duration::from_secs(30), || {
            has_progress(&file, state).then_some(())
        });
        broker.kill9();
    });
}

fn round_trip(name: &str, end: impl Fn(&mut Broker, &Value)) {
    let ours = Flavor::under_test();
    let mut cluster = Cluster::start(name);
    let home = cluster.scratch.dir("client");
    let namesrv = cluster.namesrv.address();
    let driver = |scenario: &str, round: &str, file: &Path| {
        let arguments = json!({ "topic": TOPIC, "group": GROUP, "round": round, "file": file });
        Driver::java(Serialization::Json, &namesrv, &home, &[scenario], &arguments).finish()
    };
    let first = home.join("first.json");
    let second = home.join("second.json");

    driver("store_write", "first", &first);
    let options = cluster.broker.options().clone();
    end(&mut cluster.broker, &read_json(&first));

    // Java reads what we wrote, and goes on writing to the same topic.
    let mut java = Broker::start(BrokerOptions { flavor: Flavor::Java, ..options.clone() });
    expect_messages(&driver("store_read", "", &first)["store_read"], 251);
    driver("store_write", "second", &second);
    end(&mut java, &read_json(&second));

    // We read what both wrote, and a last round goes on behind it.
    let mut broker = Broker::start(BrokerOptions { flavor: ours, ..options });
    expect_messages(&driver("store_read", "", &second)["store_read"], 501);
    driver("store_write", "third", &home.join("third.json"));
    broker.stop();
    broker.start_again();
    expect_messages(&driver("store_read", "", &home.join("third.json"))["store_read"], 751);
    broker.stop();
}

fn read_json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Whether the file of offsets (whose numeric keys may be bare) holds the progress that clients were told.
fn has_progress(file: &Path, state: &Value) -> bool {
    let mut text = fs::read_to_string(file).unwrap_or_default();
    text.retain(|character| !character.is_whitespace() && character != '"');
    let Some((_, of_group)) = text.split_once(&format!("{TOPIC}@{GROUP}:{{")) else { return false };
    let on_disk: BTreeSet<&str> = of_group.split('}').next().unwrap_or_default().split(',').collect();
    let progress = state["progress"].as_object().expect("progress by queue");
    progress.iter().all(|(queue, offset)| on_disk.contains(format!("{queue}:{offset}").as_str()))
}

/// A round adds 250 messages; the first also the one that makes the topic.
fn expect_messages(output: &Value, count: i64) {
    assert_eq!(output["messages"], count, "{output}");
    assert_ne!(output["progress"], Value::Null, "{output}");
}
