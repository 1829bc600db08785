use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::format::wire::command::{OutgoingRequest, Serializer};
use crate::net::testing::*;
use crate::net::{NoEvents, RemotingServer};
use crate::runtime::lanes::Lane;

#[test]
fn the_answer_uses_the_serializer_of_the_request() {
    let server = TestServer::start();
    let mut client = server.connect();
    for serializer in [Serializer::Json, Serializer::Rocketmq] {
        client.send(&encode(&OutgoingRequest::new(ECHO), 5, serializer));
        assert_eq!(client.next().serializer, serializer);
    }
    server.stop();
}

#[test]
fn requests_without_answer_get_none() {
    let server = TestServer::start();
    let mut client = server.connect();
    for code in [ECHO, ECHO_ON_LANE, PANIC, 9_999, BIG] {
        client.send(&oneway_frame(code, 1));
    }
    client.send(&oneway_frame(KEEP, 1));
    let (_, responder) = server.next_kept();
    responder.send(Response::success());
    client.send(&frame(SILENT, 2, b""));
    assert_eq!(client.ask(ECHO, 3, b"").opaque, 3);
    client.assert_silent();
    server.stop();
}

#[test]
fn a_rejecting_processor_answers_busy_even_to_oneway() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send(&oneway_frame(REJECTING, 4));
    let response = client.next();
    assert_eq!((response.opaque, response.code), (4, 2));
    assert_eq!(
        response.remark.as_deref(),
        Some("[REJECTREQUEST]system busy, start flow control for a while")
    );
    assert_eq!(server.server.counts().refused_busy, 1);
    server.stop();
}

#[test]
fn unknown_codes_are_answered_3_or_not_at_all() {
    let server = TestServer::start();
    let mut client = server.connect();
    for code in [9_999, -5, 300] {
        let response = client.ask(code, code, b"");
        assert_eq!((response.opaque, response.code), (code, 3));
        assert_eq!(response.remark.as_deref(), Some(&*format!(" request type {code} not supported")));
    }
    server.stop();

    let io = crate::net::IoThreads::start(1).unwrap();
    let mut router = Router::new();
    router.silent_when_unknown();
    let server = RemotingServer::start(&io, options(), router, Arc::new(NoEvents)).unwrap();
    let mut client = RawClient::connect(server.local_addr());
    client.send(&frame(1, 1, b""));
    client.assert_silent();
}

#[test]
fn a_panic_is_answered_and_the_connection_lives_on() {
    let server = TestServer::start();
    let mut client = server.connect();
    let response = client.ask(PANIC, 8, b"");
    assert_eq!((response.opaque, response.code), (8, 1));
    assert_eq!(response.remark.as_deref(), Some("internal error: on purpose"));
    assert_eq!(client.ask(ECHO, 9, b"").opaque, 9);
    assert_eq!(server.server.counts().processor_panics, 1);
    server.stop();
}

#[test]
fn late_answers_may_come_in_any_order() {
    let server = TestServer::start();
    let mut client = server.connect();
    for opaque in 0..50 {
        client.send(&frame(KEEP, opaque, b""));
    }
    let mut kept: Vec<_> = (0..50).map(|_| server.next_kept()).collect();
    kept.reverse();
    for (number, (request, responder)) in kept.into_iter().enumerate() {
        let response = Response::success().with_body(request.opaque.to_string().into_bytes());
        if number % 2 == 0 {
            responder.send(response);
        } else {
            responder.send_batched(response);
        }
    }
    let mut seen = Vec::new();
    for _ in 0..50 {
        let response = client.next();
        assert_eq!(response.body, response.opaque.to_string());
        seen.push(response.opaque);
    }
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..50));
    server.stop();
}

#[test]
fn answers_of_many_threads_never_interleave() {
    let server = TestServer::start();
    let mut client = server.connect();
    const THREADS: i32 = 4;
    const EACH: i32 = 500;
    for opaque in 0..THREADS * EACH {
        client.send(&frame(KEEP, opaque, b""));
    }
    let mut shares: Vec<Vec<_>> = (0..THREADS).map(|_| Vec::new()).collect();
    for opaque in 0..THREADS * EACH {
        shares[(opaque % THREADS) as usize].push(server.next_kept().1);
    }
    let answering: Vec<_> = shares
        .into_iter()
        .enumerate()
        .map(|(number, share)| {
            std::thread::spawn(move || {
                for responder in share {
                    let body = Bytes::from(vec![number as u8; 3_000]);
                    responder.send(Response::success().with_body(body.clone()).with_body(body));
                }
            })
        })
        .collect();
    for _ in 0..THREADS * EACH {
        let response = client.next();
        assert_eq!(response.body.len(), 6_000);
        assert!(response.body.iter().all(|byte| i32::from(*byte) == response.opaque % THREADS));
    }
    answering.into_iter().for_each(|thread| thread.join().unwrap());
    server.stop();
}

/// A server whose code 1 runs on `lane` and blocks until the returned sender is dropped.
fn blocking_server(lane: Arc<Lane>) -> (crate::net::IoThreads, RemotingServer, std::sync::mpsc::Sender<()>) {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = parking_lot::Mutex::new(released);
    let io = crate::net::IoThreads::start(1).unwrap();
    let mut router = Router::new();
    let wait = Run(move |_: RemotingCommand, _: &Peer| {
        let _ = released.lock().recv();
        Reply::Now(Response::success())
    });
    router.route(1, Arc::new(wait), LaneChoice::Workers(lane));
    let server = RemotingServer::start(&io, options(), router, Arc::new(NoEvents)).unwrap();
    (io, server, release)
}

#[test]
fn a_full_lane_answers_overload() {
    let lane = Lane::new("tover", 1, 2, None);
    let (_io, server, release) = blocking_server(lane.clone());
    let mut client = RawClient::connect(server.local_addr());
    client.send(&frame(1, 0, b""));
    wait_until("the worker is busy", || lane.is_empty() && server.counts().requests == 1);
    std::thread::sleep(Duration::from_millis(50));
    client.send(&[frame(1, 1, b""), frame(1, 2, b""), oneway_frame(1, 3), frame(1, 4, b"")].concat());
    let response = client.next();
    assert_eq!((response.opaque, response.code), (4, 2), "the oneway one is refused silently");
    assert_eq!(response.remark.as_deref(), Some("[OVERLOAD]system busy, start flow control for a while"));
    drop(release);
    let mut rest: Vec<_> =
        (0..3).map(|_| client.next()).map(|response| (response.opaque, response.code)).collect();
    rest.sort_unstable();
    assert_eq!(rest, [(0, 0), (1, 0), (2, 0)]);
    server.drain_and_stop(LONG);
}

#[test]
fn a_request_that_waits_too_long_is_answered_busy() {
    let lane = Lane::new("told", 1, 100, Some(150));
    let (_io, server, release) = blocking_server(lane.clone());
    let mut client = RawClient::connect(server.local_addr());
    client.send(&frame(1, 0, b""));
    wait_until("the worker is busy", || lane.is_empty() && server.counts().requests == 1);
    std::thread::sleep(Duration::from_millis(50));
    client.send(&[frame(1, 1, b""), oneway_frame(1, 2)].concat());
    for opaque in [1, 2] {
        let response = client.next();
        assert_eq!((response.opaque, response.code), (opaque, 2));
        let remark = response.remark.expect("a remark");
        let rest = remark
            .strip_prefix(
                "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: ",
            )
            .unwrap_or_else(|| panic!("{remark}"));
        let (waited, left) = rest.split_once("ms, size of queue: ").expect("both numbers");
        assert!(waited.parse::<u64>().unwrap() >= 150);
        assert_eq!(left.parse::<i32>().unwrap(), 2 - opaque);
    }
    drop(release);
    assert_eq!(client.next().opaque, 0);
    server.drain_and_stop(LONG);
}
