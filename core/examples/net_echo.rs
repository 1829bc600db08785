//! What remoting itself costs: CPU per small echo request, with clients that keep a window of requests outstanding.
//!
//! ```text
//! cargo run --release --example net_echo -- [connections] [outstanding] [seconds] [io threads] [inline|lane] [json|binary] [small|send]
//! ```
//!
//! Server and clients share the process; the CPU time of the `io-N` threads (and of the lane) is read from
//! `/proc/self/task`, so the clients' own cost is left out.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use libbroker::internals::format::wire::command::{
    OutgoingRequest, RemotingCommand, Response, Serializer, encode_request,
};
use libbroker::internals::format::wire::fields::HeaderFields;
use libbroker::internals::net::{
    IoThreads, LaneChoice, NoEvents, Peer, Processor, RemotingServer, Reply, Router, ServerOptions,
};
use libbroker::internals::runtime::lanes::Lane;

const CODE: i32 = 310;

struct Echo;

impl Processor for Echo {
    fn process(&self, request: RemotingCommand, _: &Peer) -> Reply {
        let mut fields = HeaderFields::new();
        fields.push("queueId", request.ext.i64("e").unwrap_or_default());
        fields.push("queueOffset", i64::from(request.opaque));
        Reply::Now(Response::success().with_fields(fields))
    }
}

struct Settings {
    connections: usize,
    outstanding: usize,
    seconds: u64,
    io_threads: usize,
    inline: bool,
    serializer: Serializer,
    /// Requests with the twelve header fields of a send, instead of three.
    send: bool,
}

impl Settings {
    fn read() -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let number =
            |at: usize, otherwise| words.get(at).and_then(|word| word.parse().ok()).unwrap_or(otherwise);
        Self {
            connections: number(0, 4),
            outstanding: number(1, 64),
            seconds: number(2, 3) as u64,
            io_threads: number(3, 1),
            inline: words.get(4).is_none_or(|word| word == "inline"),
            serializer: if words.get(5).is_some_and(|word| word == "binary") {
                Serializer::Rocketmq
            } else {
                Serializer::Json
            },
            send: words.get(6).is_some_and(|word| word == "send"),
        }
    }
}

/// A request with three header fields, or with those of a V2 send, and a body of 100 bytes.
fn request(settings: &Settings, opaque: i32) -> Vec<u8> {
    let mut fields = HeaderFields::new();
    fields.push("a", "producers");
    fields.push("b", "orders");
    fields.push("e", 3i64);
    if settings.send {
        fields.push("c", "TBW102");
        fields.push("i", "KEYS\u{1}k1\u{2}UNIQ_KEY\u{1}7F000001000014DAD5DC8D9B7C000000");
        for (name, value) in [("d", 8i64), ("f", 0), ("g", 1_700_000_000_000), ("h", 0), ("j", 0)] {
            fields.push(name, value);
        }
        fields.push("k", false);
        fields.push("m", false);
    }
    let body = Bytes::from_static(&[b'x'; 100]);
    let request = OutgoingRequest::new(CODE).with_fields(fields).with_body(body.clone());
    let mut out = Vec::new();
    encode_request(&mut out, &request, opaque, settings.serializer);
    out.extend_from_slice(&body);
    out
}

/// Keeps the window full: sends one request for each answer, all answers of one read at once.
fn load(address: SocketAddr, settings: &Settings, stop: &AtomicBool) {
    let one = request(settings, 7);
    let window = one.repeat(settings.outstanding);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(&window).unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut filled = 0;
    while !stop.load(Ordering::Relaxed) {
        filled += stream.read(&mut buffer[filled..]).unwrap();
        let (mut at, mut answers) = (0, 0);
        while let Some(prefix) = buffer[at..filled].first_chunk::<4>() {
            let end = at + 4 + u32::from_be_bytes(*prefix) as usize;
            if end > filled {
                break;
            }
            (at, answers) = (end, answers + 1);
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
        stream.write_all(&window[..answers * one.len()]).unwrap();
    }
}

/// CPU time of this process's threads whose names start with one of `prefixes`.
fn cpu_nanos(prefixes: &[&str]) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .map(|task| task.unwrap().path())
        .filter(|task| {
            let name = std::fs::read_to_string(task.join("comm")).unwrap_or_default();
            prefixes.iter().any(|prefix| name.starts_with(prefix))
        })
        .map(|task| {
            let stat = std::fs::read_to_string(task.join("schedstat")).unwrap();
            stat.split(' ').next().unwrap().parse::<u64>().unwrap()
        })
        .sum()
}

fn main() {
    let settings = Settings::read();
    let io = IoThreads::start(settings.io_threads).unwrap();
    let lane = Lane::new("lane", 2, 100_000, None);
    let mut router = Router::new();
    let choice = if settings.inline { LaneChoice::Inline } else { LaneChoice::Workers(lane) };
    router.route(CODE, Arc::new(Echo), choice);
    let options = ServerOptions { bind: IpAddr::V4(Ipv4Addr::LOCALHOST), ..ServerOptions::default() };
    let server = RemotingServer::start(&io, options, router, Arc::new(NoEvents)).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..settings.connections {
            scope.spawn(|| load(server.local_addr(), &settings, &stop));
        }
        std::thread::sleep(Duration::from_millis(500));
        let measure = || (server.counts().requests, cpu_nanos(&["io-", "lane-"]), Instant::now());
        let before = measure();
        std::thread::sleep(Duration::from_secs(settings.seconds));
        let after = measure();
        stop.store(true, Ordering::Relaxed);
        let requests = after.0 - before.0;
        let seconds = after.2.duration_since(before.2).as_secs_f64();
        println!(
            "{} connections x {} outstanding, {} io threads: {:.0} requests/s, {:.0} ns server CPU per request",
            settings.connections,
            settings.outstanding,
            settings.io_threads,
            requests as f64 / seconds,
            (after.1 - before.1) as f64 / requests as f64,
        );
    });
    server.drain_and_stop(Duration::from_secs(1));
    io.stop();
}
