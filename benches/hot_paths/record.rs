//! Messages ⇄ records, and what is looked up in their properties.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use libbroker::internals::format::names::property;
use libbroker::internals::format::record::properties::{get_many, rewrite};
use libbroker::internals::format::record::tags::{index_key_hash, tags_code};
use libbroker::internals::format::record::{RecordFields, RecordView, body_crc, encode};

use crate::messages::{BODY_BYTES, BORN_HOST, Content, STORE_HOST, TOPIC, sent_properties, unique_id};

const NUMBER: u64 = 123_456_789;

/// Measures records and properties.
pub fn bench(criterion: &mut Criterion) {
    records(criterion);
    properties(criterion);
    hashes(criterion);
}

fn records(criterion: &mut Criterion) {
    let content = Content::new(NUMBER);
    let fields = fields(&content);
    let mut out = vec![0; fields.size()];
    let mut group = criterion.benchmark_group("record");
    group.throughput(Throughput::Bytes(out.len() as u64));
    group.bench_function("encode", |b| b.iter(|| encode(black_box(&mut out), black_box(&fields)).unwrap()));
    encode(&mut out, &fields).unwrap();
    group.bench_function("parse", |b| b.iter(|| RecordView::parse(black_box(&out)).unwrap()));
    group.bench_function("parse_and_crc", |b| {
        b.iter(|| assert!(RecordView::parse(black_box(&out)).unwrap().crc_ok()));
    });
    group.throughput(Throughput::Bytes(BODY_BYTES as u64));
    group.bench_function("body_crc", |b| b.iter(|| body_crc(black_box(content.body()))));
}

fn fields(content: &Content) -> RecordFields<'_> {
    RecordFields {
        queue_id: 3,
        flag: 0,
        queue_offset: 1_234_567,
        physical_offset: 987_654_321,
        sys_flag: 0,
        born_timestamp_ms: 1,
        born_host: BORN_HOST,
        store_timestamp_ms: 2,
        store_host: STORE_HOST,
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body: content.body(),
        body_crc: body_crc(content.body()),
        topic: TOPIC.as_bytes(),
        properties: content.properties(),
    }
}

fn properties(criterion: &mut Criterion) {
    let sent = sent_properties(NUMBER);
    let mut out = Vec::new();
    let mut group = criterion.benchmark_group("record");
    // As a send changes them.
    group.bench_function("properties_rewrite", |b| {
        b.iter(|| {
            out.clear();
            let cluster: (&[u8], &[u8]) = (property::CLUSTER, b"DefaultCluster");
            rewrite(black_box(sent.as_bytes()), black_box(&mut out), &[property::WAIT], &[cluster]);
        });
    });
    // As the dispatch looks them up.
    let wanted = [property::TAGS, property::DELAY, property::UNIQ_KEY, property::KEYS];
    group.bench_function("properties_get_many", |b| b.iter(|| get_many(black_box(&out), wanted)));
}

fn hashes(criterion: &mut Criterion) {
    let unique_id = unique_id(NUMBER);
    let mut group = criterion.benchmark_group("record");
    group.bench_function("tags_code", |b| b.iter(|| tags_code(black_box(b"TagA"))));
    group.bench_function("key_hash", |b| {
        b.iter(|| index_key_hash(black_box(TOPIC.as_bytes()), black_box(unique_id.as_bytes())));
    });
}
