//! Putting messages into the store, beside what the machine needs at least: copy and CRC-32 into a mapped file.
//!
//! All times are CPU times of the putting thread, per message: wall time would show what the store's other threads, and other
//! programs, do meanwhile on a machine with few cores. Waits for locks are not in them, and neither is the disk: files are new,
//! their blocks are allocated, and nothing is synced before the store is closed. What a page costs when it is first written is in
//! all of them alike.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput};
use libbroker::clock::Clock;
use libbroker::internals::format::record::layout::record_size;
use libbroker::internals::mmap::disk::Disk;
use libbroker::internals::mmap::mapped_file::{Allocation, Appender, MappedFile};
use libbroker::internals::store::options::StoreOptions;
use libbroker::internals::store::{MessageStore, PutMessage, PutStatus};
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

use crate::messages::{BODY_BYTES, Content, GROUP, TOPIC};
use crate::scratch::{directory, settle, touch_and_free};

const GROUPS_PER_BATCH: usize = 256;
const MESSAGES_PER_BATCH: usize = GROUPS_PER_BATCH * GROUP;
const FILE_BYTES: usize = 1 << 30;
/// More than a batch writes: log, queue and index.
const SCRATCH_BYTES: usize = 64 << 20;

/// Measures appending.
pub fn bench(criterion: &mut Criterion) {
    let contents = Content::group();
    let messages: Vec<PutMessage<'_>> = contents.iter().map(Content::message).collect();
    let properties_len = contents[0].properties().len();
    let record_bytes = record_size(BODY_BYTES, TOPIC.len(), properties_len, false, false);

    let mut group = criterion.benchmark_group("append");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    // One sample to warm up. What the others write is not for criterion to choose; this only keeps it from complaining.
    group.warm_up_time(Duration::from_nanos(1)).measurement_time(Duration::from_secs(20));

    throughput(&mut group, BODY_BYTES);
    limit(&mut group, "limit_body", &contents, BODY_BYTES);
    throughput(&mut group, record_bytes);
    limit(&mut group, "limit_record", &contents, record_bytes);
    put(&mut group, "put", &messages, |store, messages| {
        for message in messages {
            assert_eq!(store.put(message).status, PutStatus::Ok);
        }
    });
    put(&mut group, "put_all_64", &messages, |store, messages| {
        let outcomes = store.put_all(messages);
        assert!(outcomes.each.iter().all(|outcome| outcome.status == PutStatus::Ok));
    });
}

fn throughput(group: &mut BenchmarkGroup<'_, WallTime>, bytes: usize) {
    group.throughput(Throughput::ElementsAndBytes { elements: 1, bytes: bytes as u64 });
}

fn put(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    messages: &[PutMessage<'_>],
    put: impl Fn(&MessageStore, &[PutMessage<'_>]),
) {
    group.bench_function(name, |b| {
        b.iter_custom(|iters| {
            sample(iters, || {
                let fresh = FreshStore::open(messages);
                batch(|| put(&fresh.store, messages))
            })
        });
    });
}

/// Copies `bytes` and computes the CRC of a body for each message.
fn limit(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, contents: &[Content], bytes: usize) {
    let sources: Vec<Vec<u8>> =
        contents.iter().map(|content| content.body().iter().copied().cycle().take(bytes).collect()).collect();
    group.bench_function(name, |b| {
        b.iter_custom(|iters| {
            sample(iters, || {
                let dir = directory();
                let path = dir.path().join("file");
                let file =
                    MappedFile::create(&Disk::real(), &path, 0, FILE_BYTES, Allocation::Whole).unwrap();
                let mut file = Appender::new(Arc::new(file)).unwrap();
                touch_and_free(dir.path(), SCRATCH_BYTES);
                batch(|| sources.iter().for_each(|source| copy_and_sum(&mut file, source)))
            })
        });
    });
}

fn copy_and_sum(file: &mut Appender, source: &[u8]) {
    black_box(crc32fast::hash(&source[..BODY_BYTES]));
    let copy = |target: &mut [u8]| {
        target.copy_from_slice(source);
        target.len()
    };
    file.append(source.len(), copy).unwrap();
}

/// The middle of three batches, scaled to what criterion asks for. Their size is fixed: that bounds what is written, and few messages
/// would see few new pages. One of three may be far off, where memory was taken back all the same.
fn sample(iters: u64, mut batch: impl FnMut() -> Duration) -> Duration {
    let mut batches = [batch(), batch(), batch()];
    batches.sort_unstable();
    batches[1].mul_f64(iters as f64 / MESSAGES_PER_BATCH as f64)
}

/// What appending as many groups takes.
fn batch(mut append_group: impl FnMut()) -> Duration {
    let start = thread_cpu();
    for _ in 0..GROUPS_PER_BATCH {
        append_group();
    }
    thread_cpu() - start
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// A store with the reference's defaults and nothing in it but a first group, which made it create its files.
struct FreshStore {
    store: Arc<MessageStore>,
    /// Dropped after the store, which closes its files first.
    _dir: TempDir,
}

impl FreshStore {
    fn open(first: &[PutMessage<'_>]) -> Self {
        let dir = directory();
        let options = StoreOptions::new(dir.path().join("store"));
        assert_eq!(options.commit_log_file_bytes, FILE_BYTES);
        let store = MessageStore::open(options, &Clock::system(), &Disk::real()).unwrap();
        store.put_all(first);
        settle(&store);
        touch_and_free(dir.path(), SCRATCH_BYTES);
        Self { store, _dir: dir }
    }
}
