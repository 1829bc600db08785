//! More and more queues that have a message each: files, memory, disk, and the cost of a message that goes to all of them in turn.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use tests::harness::Scratch;

use crate::broker::{Broker, EMBEDDED, files_below, store_dir};
use crate::flock::{Flock, Sends, Sent};
use crate::table::{Table, count, ms, number};

const QUEUES_PER_TOPIC: u32 = 1000;
const LINKS: usize = 4;
const WINDOW: u64 = 64;
const BODY: [u8; 128] = [b'q'; 128];

pub fn curve(quick: bool) -> Table {
    let sizes: &[u32] = if quick { &[10, 1000] } else { &[1, 10, 100, 1000, 10_000, 50_000] };
    let mut table = Table::new(
        "Queues with a message each, then round robin over all of them",
        &[
            "queues",
            "files",
            "first message: CPU µs",
            "open files",
            "mappings",
            "RSS MiB",
            "anonymous KiB per queue",
            "disk KiB per queue",
            "round robin: CPU µs/message",
            "messages/s",
            "stop ms",
            "start ms",
            "start after kill -9 ms",
        ],
    );
    for (profile, properties) in [("server", &[][..]), ("embedded", EMBEDDED)] {
        for &queues in sizes {
            table.row(point(queues, profile, properties, if quick { 5000 } else { 100_000 }));
        }
    }
    table
}

fn point(queues: u32, profile: &str, properties: &[(&str, &str)], total: u64) -> Vec<String> {
    let scratch = Scratch::new("growth-queues");
    let home = scratch.path();
    let (broker, start) = Broker::start(home, properties);
    let topics: Vec<String> =
        (0..queues.div_ceil(QUEUES_PER_TOPIC)).map(|index| format!("queues-{index}")).collect();
    let mut control = broker.connect();
    for topic in &topics {
        control.create_topic(topic, queues.min(QUEUES_PER_TOPIC)).expect("a topic");
    }
    broker.rest();
    let disk_before = queue_disk_bytes(home);
    let mut flock = Flock::connect(&broker.address(), LINKS);
    let place = |number: u64| {
        let queue = (number % u64::from(queues)) as u32;
        (topics[(queue / QUEUES_PER_TOPIC) as usize].as_str(), queue % QUEUES_PER_TOPIC)
    };
    let mut send = |total| {
        let sends = Sends { links: LINKS, total, window: WINDOW, place: &place, body: &BODY };
        broker.cpu_of(|| flock.send(&sends))
    };
    let mut cells = vec![count(queues), profile.to_owned()];
    let (filled, filled_cpu) = send(u64::from(queues));
    if filled.failed > 0 {
        return failed(cells, &filled, queues);
    }
    let usage = broker.usage();
    let queue_disk = queue_disk_bytes(home) - disk_before;
    let (robin, robin_cpu) = send(total);
    if robin.failed > 0 {
        return failed(cells, &robin, queues);
    }
    let per_queue = |bytes: f64| number(bytes / f64::from(queues));
    cells.extend([
        per_queue(filled_cpu.as_secs_f64() * 1e6),
        count(usage.files as u64),
        count(usage.mappings as u64),
        number(usage.rss_kib as f64 / 1024.0),
        per_queue(usage.anonymous_kib as f64 - start.usage.anonymous_kib as f64),
        per_queue(queue_disk as f64 / 1024.0),
        number(robin_cpu.as_secs_f64() * 1e6 / total as f64),
        number(total as f64 / robin.elapsed.as_secs_f64()),
    ]);
    drop(flock);
    drop(control);
    cells.push(ms(broker.stop()));
    cells.extend(restarts(home, properties));
    cells
}

fn failed(mut cells: Vec<String>, sent: &Sent, queues: u32) -> Vec<String> {
    let code = sent.first_failure.unwrap_or_default();
    cells.push(format!("{} of {} sends refused (code {code})", count(sent.failed), count(queues)));
    cells
}

/// The times of a start after a clean stop and of one after a kill.
fn restarts(home: &Path, properties: &[(&str, &str)]) -> [String; 2] {
    let time = |start: Duration| ms(start);
    match Broker::try_start(home, properties) {
        Ok((broker, clean)) => {
            broker.kill9();
            let begun = Instant::now();
            match Broker::try_start(home, properties) {
                Ok((broker, crashed)) => {
                    broker.stop();
                    [time(clean.time), time(crashed.time)]
                }
                Err(_) => [time(clean.time), format!("no start ({} ms)", ms(begun.elapsed()))],
            }
        }
        Err(account) => {
            crate::progress(&account);
            ["no start".to_owned(), String::new()]
        }
    }
}

/// Blocks that the consume queues take.
fn queue_disk_bytes(home: &Path) -> u64 {
    let files = files_below(&store_dir(home).join("consumequeue"));
    files.iter().filter_map(|path| path.metadata().ok()).map(|metadata| metadata.blocks() * 512).sum()
}
