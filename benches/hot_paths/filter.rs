//! Subscriptions by tags against what a consume queue knows of its messages.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput};
use fastrand::Rng;
use libbroker::internals::broker::filter::subscription::parse;
use libbroker::internals::broker::filter::tag::TagFilter;
use libbroker::internals::format::record::tags::tags_code;
use libbroker::internals::store::MessageFilter;

use crate::messages::TOPIC;

const MESSAGES: usize = 1024;
const TAGS: [&str; 8] = ["TagA", "TagB", "TagC", "TagD", "TagE", "TagF", "TagG", ""];

/// Measures filtering.
pub fn bench(criterion: &mut Criterion) {
    // At random, so that the answers cannot be predicted.
    let mut rng = Rng::with_seed(1);
    let codes: Vec<i64> =
        (0..MESSAGES).map(|_| tags_code(TAGS[rng.usize(..TAGS.len())].as_bytes())).collect();
    let mut group = criterion.benchmark_group("filter");
    group.throughput(Throughput::Elements(MESSAGES as u64));
    for (name, expression) in [("all", "*"), ("one", "TagA"), ("four", "TagA || TagB || TagC || TagD")] {
        let subscription = parse(TOPIC, Some(expression), None).unwrap();
        let filter = TagFilter::new(Arc::new(subscription));
        // As the store calls it.
        let filter: &dyn MessageFilter = &filter;
        group.bench_function(BenchmarkId::new("tags", name), |b| {
            b.iter(|| codes.iter().filter(|code| black_box(filter).matches_unit(Some(**code), None)).count());
        });
    }
}
