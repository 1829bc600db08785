//! Clients that stay while the broker is stopped, killed and started again.

use serde_json::json;

use tests::harness::{Cluster, Driver, Serialization};

const ROUNDS: usize = 4;

/// Two orderly restarts, then two kills, under the load of producers and push consumers that are never told.
#[test]
fn java_clients_outlive_restarts_and_kills() {
    let mut cluster = Cluster::start("continuity");
    let namesrv = cluster.namesrv.address();
    let arguments = json!({ "rounds": ROUNDS });
    let mut drivers =
        [("json", Serialization::Json), ("binary", Serialization::Rocketmq)].map(|(name, form)| {
            let home = cluster.scratch.dir(name);
            Driver::java(form, &namesrv, &home, &["keep_going"], &arguments)
        });
    for round in 0..ROUNDS {
        for driver in &mut drivers {
            driver.wait_event("running");
        }
        if round < ROUNDS / 2 {
            cluster.broker.stop();
        } else {
            cluster.broker.kill9();
        }
        cluster.broker.start_again();
        for driver in &mut drivers {
            driver.go_on();
        }
    }
    for driver in drivers {
        let outputs = driver.finish();
        let acknowledged = outputs["keep_going"]["acknowledged"].as_i64().unwrap_or_default();
        assert!(acknowledged >= 800, "only {acknowledged} messages were acknowledged");
    }
    cluster.broker.stop();
}
