use std::net::{Ipv6Addr, TcpStream};

use super::*;
use crate::format::wire::command::{OutgoingRequest, Response};
use crate::net::testing::*;
use crate::net::{NetError, NoEvents};

#[test]
fn a_taken_port_is_named() {
    let server = TestServer::start();
    let port = server.server.local_addr().port();
    let (keep, _kept) = std::sync::mpsc::channel();
    let error = RemotingServer::start(
        &server.io,
        ServerOptions { port, ..options() },
        router(keep),
        Arc::new(NoEvents),
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PortInUse);
    assert!(error.context().starts_with(&format!("listen on 127.0.0.1:{port}: ")), "{error}");
    server.stop();
}

#[test]
fn ipv6_works() {
    let server = TestServer::with(
        ServerOptions { bind: IpAddr::V6(Ipv6Addr::LOCALHOST), ..options() },
        Arc::new(NoEvents),
    );
    assert!(server.server.local_addr().is_ipv6());
    assert_eq!(server.connect().ask(ECHO, 1, b"").opaque, 1);
    server.stop();
}

#[test]
fn an_ipv4_client_of_an_ipv6_port_has_its_ipv4_address() {
    let server = TestServer::with(
        ServerOptions { bind: IpAddr::V6(Ipv6Addr::UNSPECIFIED), ..options() },
        Arc::new(NoEvents),
    );
    let port = server.server.local_addr().port();
    let mut client = RawClient::connect(SocketAddr::from(([127, 0, 0, 1], port)));
    client.send(&frame(KEEP, 1, b""));
    let (_, responder) = server.next_kept();
    assert_eq!(responder.peer().remote_addr(), client.stream.local_addr().unwrap());
    drop(responder);
    server.stop();
}

#[test]
fn events_come_once_per_connection_in_order() {
    let events = Arc::new(SeenEvents::default());
    let server = TestServer::with(options(), events.clone());
    let mut clients: Vec<_> = (0..5).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.ask(ECHO, 1, b"");
    }
    wait_until("all are connected", || events.connected.lock().len() == 5);
    let first = events.connected.lock()[0].clone();
    assert!(first.is_open());
    first.close();
    first.close();
    clients.pop();
    wait_until("two are closed", || events.closed.lock().len() == 2);
    assert_eq!(server.server.connection_count(), 3);
    server.stop();
    assert_eq!(events.closed.lock().len(), 5);
    assert!(events.closed.lock().iter().all(|peer| !peer.is_open()));
}

#[test]
fn connections_over_the_limit_are_closed() {
    let server = TestServer::with(ServerOptions { connections_max: 2, ..options() }, Arc::new(NoEvents));
    let mut clients: Vec<_> = (0..2).map(|_| server.connect()).collect();
    clients.iter_mut().for_each(|client| assert_eq!(client.ask(ECHO, 1, b"").opaque, 1));
    assert!(server.connect().try_next().is_none());
    assert_eq!(server.server.counts().connections_refused, 1);
    clients.pop();
    wait_until("there is room again", || {
        let mut client = server.connect();
        client.send(&frame(ECHO, 1, b""));
        client.try_next().is_some()
    });
    server.stop();
}

#[test]
fn long_bodies_are_written_from_where_they_lie() {
    let server = TestServer::with(options(), Arc::new(NoEvents));
    let mut client = server.connect();
    let copied = || server.server.counts().body_bytes_copied;
    for len in [1025, 1264, 100_000] {
        assert_eq!(client.ask(ECHO, 1, &vec![7; len]).body.len(), len);
    }
    assert_eq!(copied(), 0);
    client.ask(ECHO, 1, &[7; 1024]);
    assert_eq!(copied(), 1024);
    server.stop();
}

#[test]
fn idle_connections_are_closed_and_busy_ones_are_not() {
    let idle = Duration::from_millis(400);
    let events = Arc::new(SeenEvents::default());
    let server = TestServer::with(ServerOptions { idle, ..options() }, events.clone());
    let mut busy = server.connect();
    let mut quiet = server.connect();
    let mut pushed = server.connect();
    quiet.ask(ECHO, 1, b"");
    pushed.send(&frame(KEEP, 1, b""));
    let (_, responder) = server.next_kept();
    let start = std::time::Instant::now();
    for opaque in 0..8 {
        busy.ask(ECHO, opaque, b"");
        // Writes alone keep a connection, too.
        responder.peer().send_oneway(OutgoingRequest::oneway(40)).unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(quiet.try_next().is_none());
    assert!(start.elapsed() >= idle);
    assert_eq!(server.server.counts().idle_closes, 1);
    assert_eq!(busy.ask(ECHO, 9, b"").opaque, 9);
    responder.send(Response::success());
    while pushed.next().code != 0 {}
    wait_until("idle counts as close", || events.closed.lock().len() == 1);
    server.stop();
}

#[test]
fn drain_answers_what_was_taken_and_frees_the_port() {
    let server = TestServer::start();
    let address = server.server.local_addr();
    let mut client = server.connect();
    client.send(&frame(KEEP, 1, b""));
    let (_, responder) = server.next_kept();
    server.server.stop_accepting();
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(client.ask(ECHO, 2, b"").opaque, 2, "connections go on");
    let answering = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        responder.send(Response::success().with_body(vec![1; 4 << 20]));
    });
    let reading = std::thread::spawn(move || {
        let response = client.next();
        assert_eq!((response.opaque, response.body.len()), (1, 4 << 20));
        assert!(client.try_next().is_none());
    });
    let start = std::time::Instant::now();
    server.server.drain_and_stop(LONG);
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert!(start.elapsed() < LONG);
    answering.join().unwrap();
    reading.join().unwrap();
    server.server.drain_and_stop(LONG);
    server.stop();
}

#[test]
fn drain_ends_at_its_timeout() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send(&frame(KEEP, 1, b""));
    let (_, responder) = server.next_kept();
    let start = std::time::Instant::now();
    server.server.drain_and_stop(Duration::from_millis(300));
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(client.try_next().is_none());
    assert!(!responder.peer().is_open());
    responder.send(Response::success());
    server.stop();
}

#[test]
fn a_kept_peer_keeps_no_socket_open() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send(&frame(KEEP, 1, b""));
    let (_, responder) = server.next_kept();
    let peer = responder.peer().clone();
    peer.close();
    assert!(client.try_next().is_none());
    assert_eq!(peer.send_oneway(OutgoingRequest::oneway(40)), Err(NetError::Closed));
    assert_eq!(peer.call_blocking(OutgoingRequest::new(307), LONG).unwrap_err(), NetError::Closed);
    responder.send(Response::success());
    server.stop();
}

#[test]
fn calls_to_a_client_are_matched_time_out_and_fail_with_the_connection() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send(&frame(KEEP, 1, b""));
    let (_, responder) = server.next_kept();
    let peer = responder.peer().clone();

    let asking = {
        let peer = peer.clone();
        std::thread::spawn(move || peer.call_blocking(OutgoingRequest::new(307).with_body("who"), LONG))
    };
    let request = client.next();
    assert_eq!((request.code, &request.body[..]), (307, &b"who"[..]));
    assert!(!request.is_response() && !request.is_oneway());
    client.answer(&request, &Response::success().with_body("me"));
    assert_eq!(asking.join().unwrap().unwrap().body, "me");

    let timeout = Duration::from_millis(50);
    assert_eq!(peer.call_blocking(OutgoingRequest::new(307), timeout).unwrap_err(), NetError::Timeout(50));
    let late = client.next();
    client.answer(&late, &Response::success());
    wait_until("the late answer is dropped", || server.server.counts().stray_responses == 1);

    let asking = {
        let peer = peer.clone();
        std::thread::spawn(move || peer.call_blocking(OutgoingRequest::new(307), LONG))
    };
    client.next();
    drop(client);
    assert_eq!(asking.join().unwrap().unwrap_err(), NetError::Closed);
    drop(responder);
    server.stop();
}

#[test]
fn pushes_to_a_client_that_does_not_read_fail() {
    let server = TestServer::with(
        ServerOptions { outbox_bytes_max: 1 << 20, send_buffer_bytes: Some(64 * 1024), ..options() },
        Arc::new(NoEvents),
    );
    let mut client = server.connect();
    client.send(&frame(KEEP, 1, b""));
    let (_, responder) = server.next_kept();
    let peer = responder.peer().clone();
    let push = || peer.send_oneway(OutgoingRequest::oneway(40).with_body(vec![0; 64 * 1024]));
    let sent = (0..10_000).take_while(|_| push().is_ok()).count();
    assert!(sent > 16 && sent < 1_000, "{sent} pushes were taken");
    assert_eq!(push(), Err(NetError::Congested));
    for _ in 0..sent {
        assert_eq!(client.next().code, 40);
    }
    wait_until("it takes pushes again", || push().is_ok());
    drop(responder);
    server.stop();
}

#[test]
fn at_most_256_oneway_requests_wait_for_one_client() {
    let server = TestServer::with(
        ServerOptions { outbox_bytes_max: 1 << 30, send_buffer_bytes: Some(64 * 1024), ..options() },
        Arc::new(NoEvents),
    );
    let mut client = server.connect();
    client.send(&frame(KEEP, 1, b""));
    let (_, responder) = server.next_kept();
    client.send(&frame(KEEP, 2, b""));
    server.next_kept().1.send(Response::success().with_body(vec![0; 32 << 20]));
    let push = || responder.peer().send_oneway(OutgoingRequest::oneway(40));
    assert_eq!((0..1_000).take_while(|_| push().is_ok()).count(), 256);
    drop(client);
    drop(responder);
    server.stop();
}

#[test]
fn blocking_calls_are_refused_on_io_threads() {
    let server = TestServer::start();
    let (told, outcome) = std::sync::mpsc::channel();
    let mut client = server.connect();
    client.send(&frame(KEEP, 1, b""));
    let (_, responder) = server.next_kept();
    let peer = responder.peer().clone();
    let inner = peer.clone();
    peer.call(
        OutgoingRequest::new(307),
        Duration::from_millis(10),
        Box::new(move |_| {
            let _ = told.send(inner.call_blocking(OutgoingRequest::new(307), LONG).unwrap_err());
        }),
    );
    assert_eq!(outcome.recv_timeout(LONG).unwrap(), NetError::OnIoThread);
    drop(responder);
    server.stop();
}

fn entries(folder: &str) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// Alone in its process: it counts the threads and file descriptors of all of it.
#[test]
fn start_and_stop_leave_nothing_behind() {
    if !alone("net::server::tests::start_and_stop_leave_nothing_behind") {
        return;
    }
    let cycle = |round: i32| {
        let server = TestServer::start();
        let client = crate::net::RemotingClient::new(&server.io, crate::net::ClientOptions::default());
        let address = server.server.local_addr().to_string();
        client.call(&address, OutgoingRequest::new(ECHO_ON_LANE), LONG).unwrap();
        let mut raw = server.connect();
        raw.ask(ECHO, round, b"");
        raw.send(&frame(KEEP, round, b""));
        let (_, responder) = server.next_kept();
        if round % 2 == 0 {
            responder.send(Response::success());
            server.stop();
        } else {
            // The rude way: I/O threads first, and a responder that outlives everything.
            server.io.stop();
            drop(server);
            drop(responder);
        }
    };
    cycle(0);
    cycle(1);
    let (threads, files) = (entries("/proc/self/task"), entries("/proc/self/fd"));
    for round in 0..100 {
        cycle(round);
    }
    wait_until("the threads are gone", || entries("/proc/self/task") <= threads);
    assert_eq!(entries("/proc/self/fd"), files);
}
