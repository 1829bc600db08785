//! Bytes of the wire ⇄ commands, headers, bodies.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use criterion::{BenchmarkId, Criterion, Throughput};
use libbroker::internals::format::wire::body::Heartbeat;
use libbroker::internals::format::wire::header::send::{SendAnswer, SendFields};
use libbroker::internals::format::wire::{
    FRAME_SIZE_MAX, RemotingCommand, RequestCode, Response, Serializer, encode_response, fastjson, next_frame,
};

use crate::messages::{BODY_BYTES, GROUP};
use crate::recorded;

/// Name of a recording, and how its headers are written.
const RECORDINGS: [(&str, Serializer); 2] = [("json", Serializer::Json), ("rocketmq", Serializer::Rocketmq)];
/// The step of the recordings that sends a message with tag, keys and properties.
const SEND_STEP: &str = "send_tags_keys_props";
/// The one that starts a push consumer.
const HEARTBEAT_STEP: &str = "push_start";

/// Measures decoding and encoding.
pub fn bench(criterion: &mut Criterion) {
    for (name, serializer) in RECORDINGS {
        let frame = recorded::request(name, RequestCode::SendMessageV2.into(), SEND_STEP);
        let command = decode(&frame);
        let mut large = Vec::new();
        RemotingCommand { body: vec![b'x'; BODY_BYTES].into(), ..command.clone() }.encode(&mut large);
        next_frames(criterion, &format!("{name}_recorded"), &frame);
        next_frames(criterion, &format!("{name}_1KiB"), &large);
        send_header(criterion, name, &command);
        send_answer(criterion, name, serializer);
    }
    heartbeat(criterion);
}

fn next_frames(criterion: &mut Criterion, name: &str, frame: &[u8]) {
    let mut group = criterion.benchmark_group("codec");
    group.throughput(Throughput::Bytes(frame.len() as u64));
    let read = frame.repeat(GROUP);
    group.bench_function(BenchmarkId::new("next_frame", name), |b| {
        b.iter_custom(|iters| take_frames(iters, &read));
    });
}

/// Time to take so many frames from reads that bring several: a frame by itself would pay for the whole read buffer.
fn take_frames(iters: u64, read: &[u8]) -> Duration {
    let mut spent = Duration::ZERO;
    let mut left = iters;
    while left > 0 {
        let mut buffer = BytesMut::from(read);
        let count = left.min(GROUP as u64);
        let start = Instant::now();
        for _ in 0..count {
            black_box(next_frame(&mut buffer, FRAME_SIZE_MAX)).unwrap();
        }
        spent += start.elapsed();
        left -= count;
    }
    spent
}

fn send_header(criterion: &mut Criterion, name: &str, command: &RemotingCommand) {
    let mut group = criterion.benchmark_group("codec");
    assert_eq!(SendFields::of(command.code, &command.ext).topic, "GoldenTopic");
    group.bench_function(BenchmarkId::new("send_header", name), |b| {
        b.iter(|| black_box(SendFields::of(command.code, black_box(&command.ext))));
    });
}

fn send_answer(criterion: &mut Criterion, name: &str, serializer: Serializer) {
    let mut group = criterion.benchmark_group("codec");
    let answer = SendAnswer {
        queue_id: Some(3),
        trace_on: Some(true),
        region: Some("DefaultRegion"),
        message_id: Some("0A00000100002A9F00000000000000AF"),
        queue_offset: Some(1_234_567),
        transaction_id: None,
    };
    let response = Response::success().with_fields(answer.fields());
    let mut out = Vec::new();
    group.bench_function(BenchmarkId::new("encode_response", name), |b| {
        b.iter(|| {
            out.clear();
            encode_response(black_box(&mut out), black_box(&response), black_box(109), serializer);
        });
    });
}

fn heartbeat(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec");
    let body = decode(&recorded::request("json", RequestCode::HeartBeat.into(), HEARTBEAT_STEP)).body;
    let read = |body: &Bytes| fastjson::from_slice::<Heartbeat>(body).unwrap();
    assert_eq!(read(&body).consumers.len(), 1);
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("heartbeat", |b| b.iter(|| read(black_box(&body))));
}

fn decode(frame: &[u8]) -> RemotingCommand {
    next_frame(&mut BytesMut::from(frame), FRAME_SIZE_MAX).unwrap().unwrap()
}
