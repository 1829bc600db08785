use super::*;
use crate::broker::testing::{Tables, TestServer, wait_until};
use crate::format::wire::body::{ConsumerHeartbeat, MessageQueue};
use crate::net::Router;
use crate::runtime::threads::Poison;

fn heartbeat(group: &str) -> ConsumerHeartbeat {
    ConsumerHeartbeat { group_name: group.to_owned(), ..ConsumerHeartbeat::default() }
}

#[test]
fn a_connection_that_ends_is_taken_out_of_the_tables() {
    let tables = Tables::new();
    let server = TestServer::start(Router::new(), tables.housekeeping.clone());
    let (mut a, mut b) = (server.connect(), server.connect());
    tables.consumers.register(&a.client("a"), heartbeat("g"), false);
    tables.consumers.register(&b.client("b"), heartbeat("g"), false);
    tables.producers.register(&b.client("b"), "p");
    b.hang_up();
    a.assert_told(&["g"]);
    assert_eq!(tables.consumers.find("g").unwrap().client_ids(), ["a"]);
    assert!(tables.producers.members("p").is_empty());
}

#[test]
fn the_scan_closes_silent_clients_and_tells_the_others() {
    let tables = Tables::new();
    let server = TestServer::start(Router::new(), tables.housekeeping.clone());
    let (mut a, mut b, mut c) = (server.connect(), server.connect(), server.connect());
    tables.consumers.register(&a.client("a"), heartbeat("g"), false);
    tables.consumers.register(&b.client("b"), heartbeat("g"), false);
    tables.producers.register(&c.client("c"), "p");
    tables.clock.advance(Duration::from_secs(100));
    tables.consumers.register(&a.client("a"), heartbeat("g"), false);
    tables.housekeeping.scan();
    assert_eq!(tables.consumers.find("g").unwrap().members().len(), 2);
    tables.clock.advance(Duration::from_secs(21));
    tables.housekeeping.scan();
    a.assert_told(&["g"]);
    assert!(a.peer.is_open() && !b.peer.is_open() && !c.peer.is_open());
    assert!(
        b.next_within(crate::broker::testing::LONG).is_none()
            && c.next_within(crate::broker::testing::LONG).is_none()
    );
    assert_eq!(tables.consumers.find("g").unwrap().client_ids(), ["a"]);
    assert!(tables.producers.all().is_empty());
}

#[test]
fn the_scan_runs_by_the_clock() {
    let tables = Tables::new();
    let server = TestServer::start(Router::new(), tables.housekeeping.clone());
    let a = server.connect();
    let timers = Timers::start("t-clients", tables.clock.clone(), &Poison::new()).unwrap();
    tables.housekeeping.schedule(&timers);
    tables.producers.register(&a.client("a"), "p");
    tables.locks.lock("g", "a", vec![MessageQueue::default()]);
    for _ in 0..13 {
        tables.clock.advance(SCAN_PERIOD);
        std::thread::sleep(Duration::from_millis(20));
    }
    wait_until("closed", || !a.peer.is_open());
    timers.stop();
}
