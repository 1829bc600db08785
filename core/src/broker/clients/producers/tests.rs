use std::collections::HashSet;
use std::time::Duration;

use super::*;
use crate::broker::testing::{Tables, TestServer, wait_until};
use crate::net::{NoEvents, Router};

fn server() -> TestServer {
    TestServer::start(Router::new(), Arc::new(NoEvents))
}

fn ids(producers: &Producers, group: &str) -> Vec<String> {
    producers.members(group).iter().map(|member| member.client.id.to_string()).collect()
}

#[test]
fn producers_join_once_and_leave() {
    let (tables, server) = (Tables::new(), server());
    let (a, b) = (server.connect(), server.connect());
    let producers = &tables.producers;
    producers.register(&a.client("a"), "g");
    producers.register(&a.client("a"), "g");
    producers.register(&b.client("b"), "g");
    producers.register(&b.client("b"), "h");
    assert_eq!(ids(producers, "g"), ["a", "b"]);
    assert_eq!(Vec::from_iter(producers.all().into_keys()), ["g", "h"]);
    producers.unregister(&a.peer, "absent");
    producers.unregister(&a.peer, "g");
    assert_eq!(ids(producers, "g"), ["b"]);
    producers.close(&b.peer);
    assert!(producers.all().is_empty());
    let state = producers.state.read();
    assert!(state.joined.is_empty() && state.clients.is_empty());
}

#[test]
fn a_client_id_leads_to_the_connection_that_registered_last() {
    let (tables, server) = (Tables::new(), server());
    let (a, b) = (server.connect(), server.connect());
    let producers = &tables.producers;
    producers.register(&a.client("same"), "g");
    producers.register(&a.client("same"), "h");
    assert_eq!(producers.find_client("same"), Some(a.peer.clone()));
    producers.unregister(&a.peer, "h");
    assert_eq!(producers.find_client("same"), Some(a.peer.clone()), "still in another group");
    producers.register(&b.client("same"), "g");
    assert_eq!(producers.find_client("same"), Some(b.peer.clone()));
    producers.close(&a.peer);
    assert_eq!(producers.find_client("same"), Some(b.peer.clone()), "the id belongs to another by now");
    producers.unregister(&b.peer, "g");
    assert_eq!(producers.find_client("same"), None);
}

#[test]
fn open_connections_of_a_group_take_turns() {
    let (tables, server) = (Tables::new(), server());
    let clients = [server.connect(), server.connect(), server.connect()];
    let producers = &tables.producers;
    assert_eq!(producers.any_of("g"), None);
    for client in &clients {
        producers.register(&client.client("c"), "g");
    }
    let turn = |count| (0..count).map(|_| producers.any_of("g").unwrap()).collect::<HashSet<_>>();
    assert_eq!(turn(3).len(), 3);
    clients[0].peer.close();
    clients[1].peer.close();
    wait_until("closed", || !clients[0].peer.is_open() && !clients[1].peer.is_open());
    assert_eq!(turn(3), HashSet::from([clients[2].peer.clone()]));
    clients[2].peer.close();
    assert_eq!(producers.any_of("g"), None);
}

#[test]
fn heartbeats_keep_a_producer_for_two_minutes() {
    let (tables, server) = (Tables::new(), server());
    let (a, b) = (server.connect(), server.connect());
    let (producers, clock) = (&tables.producers, &tables.clock);
    producers.register(&a.client("a"), "g");
    producers.register(&b.client("b"), "g");
    clock.advance(Duration::from_secs(60));
    producers.register(&a.client("a"), "g");
    assert_eq!(producers.members("g")[0].last_heartbeat_ms(), 1_060_000);
    clock.advance(Duration::from_millis(60_001));
    assert_eq!(producers.expired(), std::slice::from_ref(&b.peer));
}
