use std::net::TcpListener;
use std::time::Instant;

use super::*;
use crate::net::testing::*;

fn client(server: &TestServer) -> RemotingClient {
    let options = ClientOptions { connect_timeout: Duration::from_millis(500), ..ClientOptions::default() };
    RemotingClient::new(&server.io, options)
}

#[test]
fn calls_share_one_connection_and_resolve_names() {
    let server = TestServer::start();
    let client = client(&server);
    let address = format!("localhost:{}", server.server.local_addr().port());
    for number in 0..10 {
        let body = number.to_string();
        let answer = client.call(&address, OutgoingRequest::new(ECHO).with_body(body.clone()), LONG).unwrap();
        assert_eq!(answer.body, body);
    }
    client.oneway(&address, OutgoingRequest::new(KEEP)).unwrap();
    assert!(server.next_kept().0.is_oneway());
    assert_eq!(server.server.connection_count(), 1);
    client.stop();
    wait_until("the connection is gone", || server.server.connection_count() == 0);
    assert_eq!(client.call(&address, OutgoingRequest::new(ECHO), LONG).unwrap_err(), NetError::Stopped);
    server.stop();
}

#[test]
fn a_lost_connection_is_made_again() {
    let server = TestServer::start();
    let client = client(&server);
    let address = server.server.local_addr().to_string();
    client.oneway(&address, OutgoingRequest::new(KEEP)).unwrap();
    let first = server.next_kept().1.peer().clone();
    first.close();
    wait_until("the client notices", || {
        client.call(&address, OutgoingRequest::new(ECHO), Duration::from_secs(1)).is_ok()
    });
    client.oneway(&address, OutgoingRequest::new(KEEP)).unwrap();
    assert_ne!(server.next_kept().1.peer(), &first);
    server.stop();
}

#[test]
fn a_call_without_answer_closes_the_connection() {
    let server = TestServer::start();
    let client = client(&server);
    let address = server.server.local_addr().to_string();
    let start = Instant::now();
    let timeout = Duration::from_millis(100);
    assert_eq!(
        client.call(&address, OutgoingRequest::new(SILENT), timeout).unwrap_err(),
        NetError::Timeout(100)
    );
    assert!(start.elapsed() >= timeout);
    wait_until("the connection is closed", || server.server.connection_count() == 0);
    assert!(client.call(&address, OutgoingRequest::new(ECHO), LONG).is_ok());
    server.stop();
}

#[test]
fn dead_addresses_delay_no_other() {
    let server = TestServer::start();
    let client = client(&server);
    let alive = server.server.local_addr().to_string();
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    // Accepts by its backlog, never answers.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let mute_address = mute.local_addr().unwrap().to_string();
    let addresses =
        [mute_address, refused, "no-such-host.invalid:9876".to_owned(), "nonsense".to_owned(), alive.clone()];
    let start = Instant::now();
    let outcomes = client.call_all(
        addresses.iter().map(|address| (address.clone(), OutgoingRequest::new(ECHO))),
        Duration::from_millis(500),
    );
    assert!(start.elapsed() < Duration::from_millis(1_900), "one after the other: {:?}", start.elapsed());
    let (addresses_back, outcomes): (Vec<_>, Vec<_>) = outcomes.into_iter().unzip();
    assert_eq!(addresses_back, addresses);
    assert_eq!(outcomes[0].as_ref().unwrap_err(), &NetError::Timeout(500));
    for outcome in &outcomes[1..4] {
        assert!(matches!(outcome, Err(NetError::Connect { .. })), "{outcome:?}");
    }
    assert!(outcomes[4].is_ok());
    assert!(client.call(&alive, OutgoingRequest::new(ECHO), LONG).is_ok());
    server.stop();
}

#[test]
fn calls_that_wait_end_with_stop() {
    let server = TestServer::start();
    let client = Arc::new(client(&server));
    let address = server.server.local_addr().to_string();
    let asking = {
        let client = client.clone();
        std::thread::spawn(move || client.call(&address, OutgoingRequest::new(KEEP), LONG))
    };
    let kept = server.next_kept();
    client.stop();
    assert_eq!(asking.join().unwrap().unwrap_err(), NetError::Closed);
    drop(kept);
    server.stop();
}

#[test]
fn callers_of_a_dead_address_wait_at_the_same_time() {
    let server = TestServer::start();
    let client = client(&server);
    // A listener whose backlog is full drops what comes: connecting hangs.
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    full.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap().as_socket().unwrap();
    let _filling = std::net::TcpStream::connect(address).unwrap();
    let start = Instant::now();
    let outcomes = client.call_all(
        (0..4).map(|_| (address.to_string(), OutgoingRequest::new(ECHO))),
        Duration::from_millis(500),
    );
    assert!(start.elapsed() < Duration::from_millis(1_900), "one after the other: {:?}", start.elapsed());
    for (_, outcome) in outcomes {
        assert!(matches!(outcome, Err(NetError::Connect { .. })), "{outcome:?}");
    }
    server.stop();
}

#[test]
fn a_host_with_its_own_event_loop_may_call() {
    let server = TestServer::start();
    let client = client(&server);
    let address = server.server.local_addr().to_string();
    let host = tokio::runtime::Builder::new_current_thread().build().unwrap();
    host.block_on(async {
        assert!(client.call(&address, OutgoingRequest::new(ECHO), LONG).is_ok());
    });
    server.stop();
}
