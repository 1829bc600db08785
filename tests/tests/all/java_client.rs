//! The official Java client 4.9.8, with both forms of headers.

use serde_json::json;

use tests::harness::{Cluster, Driver, Serialization};

/// Everything a client does with one broker that stays up. One JVM runs them in this order.
const SCENARIOS: [&str; 16] = [
    "send_sync",
    "send_async",
    "send_oneway",
    "send_batch",
    "push_rebalance",
    "push_broadcasting",
    "push_orderly",
    "long_polling",
    "tag_filter",
    "sql_filter",
    "pull_consumer",
    "lite_pull_consumer",
    "retry_and_dead_letter",
    "delay_levels",
    "transactions",
    "request_reply",
];

#[test]
fn java_client_with_json_headers() {
    run_all("java-json", Serialization::Json);
}

#[test]
fn java_client_with_binary_headers() {
    run_all("java-binary", Serialization::Rocketmq);
}

fn run_all(name: &str, form: Serialization) {
    let mut cluster = Cluster::start(name);
    let home = cluster.scratch.dir("client");
    // `TEST_SCENARIOS=a,b` runs only these, for work on one of them.
    let chosen = std::env::var("TEST_SCENARIOS").ok();
    let scenarios: Vec<&str> = match &chosen {
        Some(chosen) => chosen.split(',').collect(),
        None => SCENARIOS.to_vec(),
    };
    let driver = Driver::java(form, &cluster.namesrv.address(), &home, &scenarios, &json!({}));
    driver.finish();
    cluster.broker.stop();
}
