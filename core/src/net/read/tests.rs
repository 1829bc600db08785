use std::sync::Arc;
use std::time::Duration;

use bytes::BufMut;

use super::*;
use crate::net::testing::*;
use crate::net::{NoEvents, RemotingServer, ServerOptions};

#[test]
fn ten_thousand_pipelined_requests_are_answered_in_order() {
    let server = TestServer::start();
    let mut client = server.connect();
    let mut bytes = BytesMut::new();
    for opaque in 0..10_000 {
        bytes.extend_from_slice(&frame(ECHO, opaque, &opaque.to_string().into_bytes()));
    }
    let mut writer = client.stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &bytes).unwrap());
    for opaque in 0..10_000 {
        let response = client.next();
        assert_eq!((response.opaque, response.code), (opaque, 0));
        assert!(response.is_response());
        assert_eq!(response.body, opaque.to_string());
    }
    sender.join().unwrap();
    assert_eq!(server.server.counts().requests, 10_000);
    server.stop();
}

#[test]
fn a_frame_may_come_byte_by_byte() {
    let server = TestServer::start();
    let mut client = server.connect();
    let bytes = frame(ECHO, 77, b"slowly");
    for byte in &bytes {
        client.send(&[*byte]);
    }
    let response = client.next();
    assert_eq!((response.opaque, &response.body[..]), (77, &b"slowly"[..]));
    server.stop();
}

/// Frames no server survives reading on.
fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    let framed = |header: &[u8], serializer: u8| {
        let mut bytes = Vec::new();
        bytes.put_u32(4 + header.len() as u32);
        bytes.put_u32(u32::from(serializer) << 24 | header.len() as u32);
        bytes.extend_from_slice(header);
        bytes
    };
    let deep = [b"{\"extFields\":".as_slice(), &b"[".repeat(200_000)].concat();
    let mut past = Vec::new();
    past.put_u32(8);
    past.put_u32(100);
    past.put_u32(0);
    vec![
        ("length too short for the header word", vec![0, 0, 0, 3, 0, 0, 0]),
        ("length of zero", vec![0; 8]),
        ("header longer than the frame", past),
        ("length of 4 GB", vec![0xff; 64]),
        ("length just over the limit", vec![0x01, 0x00, 0x00, 0x00]),
        ("not JSON", framed(b"{\"code\":", 0)),
        ("no JSON at all", framed(&[0xfe; 40], 0)),
        ("unknown serializer", framed(b"{}", 9)),
        ("deep JSON", framed(&deep, 0)),
        ("truncated binary header", framed(&[0, 1, 2], 1)),
        ("a TLS handshake", vec![0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]),
        ("an HTTP request", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
    ]
}

#[test]
fn malformed_frames_close_only_their_own_connection() {
    if !alone("net::read::tests::malformed_frames_close_only_their_own_connection") {
        return;
    }
    let server = TestServer::start();
    let mut healthy = server.connect();
    let mut before = 0;
    for round in 0..20 {
        for (what, bytes) in malformed() {
            let mut client = server.connect();
            let _ = std::io::Write::write_all(&mut client.stream, &bytes);
            assert!(client.try_next().is_none(), "not closed after {what}");
            assert_eq!(healthy.ask(ECHO, round, b"fine").body, "fine");
        }
        if round == 4 {
            before = resident_bytes();
        }
    }
    let after = resident_bytes();
    assert!(after < before + (16 << 20), "memory grew from {before} to {after}");
    assert_eq!(server.server.counts().frame_errors, 20 * (malformed().len() as u64 - 1));
    server.stop();
}

#[test]
fn an_announced_length_costs_no_memory() {
    if !alone("net::read::tests::an_announced_length_costs_no_memory") {
        return;
    }
    let server = TestServer::start();
    let before = resident_bytes();
    let mut clients: Vec<_> = (0..100).map(|_| server.connect()).collect();
    for client in &mut clients {
        let mut bytes = frame(ECHO, 1, b"");
        bytes.extend_from_slice(&[0, 0xff, 0xff, 0xf0, 0, 0, 0, 10]);
        client.send(&bytes);
    }
    for client in &mut clients {
        assert_eq!(client.next().opaque, 1);
    }
    let after = resident_bytes();
    assert!(after < before + (64 << 20), "memory grew from {before} to {after}");
    assert_eq!(server.connect().ask(ECHO, 1, b"").opaque, 1);
    server.stop();
}

#[test]
fn answers_before_a_malformed_frame_are_still_sent() {
    let server = TestServer::start();
    let mut client = server.connect();
    let mut bytes = frame(ECHO, 1, b"");
    bytes.extend_from_slice(&[0xff; 8]);
    client.send(&bytes);
    assert_eq!(client.next().opaque, 1);
    assert!(client.try_next().is_none());
    server.stop();
}

#[test]
fn large_frames_pass_and_their_memory_is_given_back() {
    let server = TestServer::start();
    let mut client = server.connect();
    let body = vec![5; 15 << 20];
    for opaque in 0..3 {
        let mut writer = client.stream.try_clone().unwrap();
        let bytes = frame(ECHO, opaque, &body);
        let sender = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &bytes).unwrap());
        let response = client.next();
        assert!(response.body == body);
        sender.join().unwrap();
    }
    assert_eq!(client.ask(ECHO, 4, b"small again").body, "small again");
    server.stop();
}

#[test]
fn the_read_buffer_follows_what_is_read() {
    let mut buffer = ReadBuffer::new();
    buffer.make_room();
    assert_eq!(buffer.bytes.capacity(), READ_BYTES_MIN);
    for _ in 0..10 {
        buffer.adapt(buffer.room, buffer.room);
    }
    assert_eq!(buffer.room, READ_BYTES_MAX);
    buffer.make_room();
    assert!(buffer.bytes.capacity() >= READ_BYTES_MAX);
    for _ in 0..SMALL_READS_MAX * 10 {
        buffer.adapt(READ_BYTES_MAX, 100);
        buffer.make_room();
    }
    assert_eq!(buffer.bytes.capacity(), READ_BYTES_MIN);
}

#[test]
fn a_kept_request_does_not_stop_the_buffer_from_being_used_again() {
    let mut buffer = ReadBuffer::new();
    let mut kept = Vec::new();
    for _ in 0..100 {
        buffer.make_room();
        assert!(buffer.bytes.capacity() - buffer.bytes.len() >= READ_BYTES_MIN / 2);
        assert!(buffer.bytes.capacity() <= 2 * READ_BYTES_MIN);
        buffer.bytes.put_bytes(1, 100);
        kept.push(buffer.bytes.split_to(100).freeze());
    }
    assert_eq!(kept.len(), 100);
}

/// A client that asks for far more than it reads.
#[test]
fn a_slow_reader_is_not_read_from_and_memory_stays_bounded() {
    let bound = 4 << 20;
    let server = TestServer::with(
        ServerOptions { outbox_bytes_max: bound, send_buffer_bytes: Some(64 * 1024), ..options() },
        Arc::new(NoEvents),
    );
    let mut client = server.connect();
    const ASKED: i32 = 20_000;
    let mut writer = client.stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        for opaque in 0..ASKED {
            std::io::Write::write_all(&mut writer, &frame(BIG, opaque, b"")).unwrap();
        }
    });
    wait_until("the server stops reading", || {
        let before = server.server.counts().requests;
        std::thread::sleep(Duration::from_millis(100));
        let after = server.server.counts().requests;
        after > 0 && after == before
    });
    let read = server.server.counts().requests as usize;
    assert!(read * BIG_BODY < 2 * bound + BIG_BODY, "{read} answers are pending");
    assert_eq!(server.connect().ask(ECHO, 1, b"").opaque, 1, "others are served");
    for opaque in 0..200 {
        let response = client.next();
        assert_eq!((response.opaque, response.body.len()), (opaque, BIG_BODY));
    }
    assert!(server.server.counts().requests as usize > read, "reading goes on");
    server.server.drain_and_stop(Duration::from_millis(10));
    drop(client);
    let _ = sender.join();
}

#[test]
fn a_flooding_connection_does_not_starve_another() {
    let io = crate::net::IoThreads::start(1).unwrap();
    let (keep, _kept) = std::sync::mpsc::channel();
    let server = RemotingServer::start(&io, options(), router(keep), Arc::new(NoEvents)).unwrap();
    let address = server.local_addr();
    let flooding: Vec<_> = (0..2)
        .map(|_| {
            let stream = std::net::TcpStream::connect(address).unwrap();
            let mut writer = stream.try_clone().unwrap();
            let flood = frame(ECHO, 1, b"x").repeat(2_000);
            let writing =
                std::thread::spawn(move || while std::io::Write::write_all(&mut writer, &flood).is_ok() {});
            let mut reader = stream.try_clone().unwrap();
            let reading = std::thread::spawn(move || {
                let mut bytes = vec![0; 1 << 20];
                while std::io::Read::read(&mut reader, &mut bytes).is_ok_and(|count| count > 0) {}
            });
            (stream, writing, reading)
        })
        .collect();
    wait_until("the flood is on", || server.counts().requests > 10_000);
    let mut client = RawClient::connect(address);
    let mut slowest = Duration::ZERO;
    for opaque in 0..100 {
        let asked = std::time::Instant::now();
        assert_eq!(client.ask(ECHO, opaque, b"").opaque, opaque);
        slowest = slowest.max(asked.elapsed());
    }
    assert!(slowest < Duration::from_secs(2), "an answer took {slowest:?}");
    for (stream, writing, reading) in flooding {
        let _ = stream.shutdown(std::net::Shutdown::Both);
        let _ = (writing.join(), reading.join());
    }
}
