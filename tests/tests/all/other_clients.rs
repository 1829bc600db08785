//! The Go client 2.1.2 and the C++ client (from Python), alone and together with the Java client.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use tests::harness::dirs::tests_dir;
use tests::harness::remoting::{RawClient, eventually};
use tests::harness::{Cluster, Driver, Serialization};

const TIMEOUT: Duration = Duration::from_secs(20);

type Start = fn(&str, &Path, &[&str], &Value) -> Driver;

#[test]
fn go_client_sends_and_consumes() {
    sends_and_consumes("go", Driver::go);
}

#[test]
fn cpp_client_sends_and_consumes() {
    sends_and_consumes("cpp", Driver::python);
}

fn sends_and_consumes(name: &str, start: Start) {
    let mut cluster = Cluster::start(name);
    make_topic(&cluster, "Kinds");
    let home = cluster.scratch.dir("client");
    let driver = start(&cluster.namesrv.address(), &home, &["send_kinds"], &json!({ "topic": "Kinds" }));
    driver.finish();
    cluster.broker.stop();
}

/// Later, again, and in order, as the Go client does it.
#[test]
fn go_client_delays_retries_and_keeps_order() {
    let mut cluster = Cluster::start("go-redelivery");
    let scenarios = ["delays", "retries", "orderly"];
    let running = scenarios.map(|scenario| {
        let topic = format!("Go-{scenario}");
        make_topic(&cluster, &topic);
        let home = cluster.scratch.dir(scenario);
        Driver::go(&cluster.namesrv.address(), &home, &[scenario], &json!({ "topic": topic }))
    });
    for driver in running {
        driver.finish();
    }
    cluster.broker.stop();
}

/// Messages of every language arrive in every language, with the same keys, tags, properties and bodies.
#[test]
fn clients_of_all_languages_understand_each_other() {
    let mut cluster = Cluster::start("exchange");
    make_topic(&cluster, "Exchange");
    let namesrv = cluster.namesrv.address();
    let java: Start = |namesrv, home, scenarios, arguments| {
        Driver::java(Serialization::Rocketmq, namesrv, home, scenarios, arguments)
    };
    let clients: [(&str, Start); 3] = [("java", java), ("go", Driver::go), ("cpp", Driver::python)];
    let arguments = json!({
        "topic": "Exchange",
        "messages": tests_dir().join("scenarios/messages.json"),
        "from": ["java", "go", "cpp"],
    });
    for scenario in ["exchange_send", "exchange_receive"] {
        let running = clients.map(|(name, start)| {
            let home = cluster.scratch.dir(&format!("{name}-{scenario}"));
            start(&namesrv, &home, &[scenario], &arguments)
        });
        for driver in running {
            driver.finish();
        }
    }
    cluster.broker.stop();
}

fn make_topic(cluster: &Cluster, topic: &str) {
    let mut broker = RawClient::connect(&cluster.broker.address(), TIMEOUT).unwrap();
    broker.create_topic(topic, 4).unwrap();
    let mut namesrv = RawClient::connect(&cluster.namesrv.address(), TIMEOUT).unwrap();
    eventually("a route", TIMEOUT, || namesrv.route(topic).unwrap());
}
