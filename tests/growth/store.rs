//! A log that gets longer: starting after a clean stop, and after a kill.

use std::fs;
use std::path::Path;

use tests::harness::Scratch;

use crate::broker::{Broker, Start, drop_cache, store_dir};
use crate::table::{Table, count, ms, number};

const GIB: f64 = (1_u64 << 30) as f64;
/// What a record and its frame have besides the body, topic and properties included.
const BESIDE_BODY_BYTES: f64 = 180.0;

/// Puts so much into a broker's log.
fn fill(broker: &Broker, gib: f64, body_bytes: u32) -> u64 {
    let messages = (gib * GIB / (f64::from(body_bytes) + BESIDE_BODY_BYTES)) as u64;
    if messages > 0 {
        broker.bench(&format!(
            "send --connections 4 --window 16 --queues 8 --warmup 0 --count {messages} --body {body_bytes} --topic fill"
        ));
    }
    messages
}

pub fn start(quick: bool) -> Table {
    let sizes: &[f64] = if quick { &[0.0, 0.25] } else { &[0.0, 1.0, 4.0, 10.0] };
    let mut table = Table::new(
        "Start after a clean stop, with messages of 64 KiB",
        &[
            "log, GiB",
            "stop ms",
            "start to first accepted send, ms",
            "CPU until then, ms",
            "RSS MiB",
            "anonymous MiB",
            "mappings",
            "start with the files out of memory, ms",
        ],
    );
    for &gib in sizes {
        let scratch = Scratch::new("growth-start");
        let (broker, _) = Broker::start(scratch.path(), &[]);
        fill(&broker, gib, 64 << 10);
        broker.rest();
        let mut cells = vec![number(gib), ms(broker.stop())];
        // The first start after the load has the rest of the load's pages to write.
        let (broker, _) = Broker::start(scratch.path(), &[]);
        broker.stop();
        let (broker, start) = Broker::start(scratch.path(), &[]);
        cells.extend([
            ms(start.time),
            ms(start.cpu),
            number(start.usage.rss_kib as f64 / 1024.0),
            number(start.usage.anonymous_kib as f64 / 1024.0),
            count(start.usage.mappings as u64),
        ]);
        broker.stop();
        drop_cache(scratch.path());
        let (broker, cold) = Broker::start(scratch.path(), &[]);
        cells.push(ms(cold.time));
        broker.stop();
        table.row(cells);
    }
    table
}

pub fn recovery(quick: bool) -> Table {
    let sizes: &[f64] = if quick { &[0.05, 0.25] } else { &[0.25, 1.0, 4.0] };
    let mut table = Table::new(
        "Start after kill -9, with messages of 1 KiB",
        &[
            "log, GiB",
            "messages",
            "start to first accepted send, ms",
            "per GiB",
            "CPU until then, ms",
            "RSS MiB",
            "anonymous MiB",
            "consume queues removed: start, ms",
            "per GiB",
            "CPU until then, ms",
        ],
    );
    for &gib in sizes {
        let scratch = Scratch::new("growth-recovery");
        let (broker, _) = Broker::start(scratch.path(), &[]);
        let messages = fill(&broker, gib, 1024);
        broker.rest();
        broker.kill9();
        let crashed = started(scratch.path());
        let mut cells = vec![number(gib), count(messages)];
        cells.extend(times(&crashed, gib));
        cells.push(number(crashed.usage.rss_kib as f64 / 1024.0));
        cells.push(number(crashed.usage.anonymous_kib as f64 / 1024.0));
        let queues = store_dir(scratch.path()).join("consumequeue");
        fs::remove_dir_all(&queues).unwrap_or_else(|e| panic!("cannot remove {}: {e}", queues.display()));
        cells.extend(times(&started(scratch.path()), gib));
        table.row(cells);
    }
    table
}

/// A start; the broker is killed again.
fn started(home: &Path) -> Start {
    let (broker, start) = Broker::start(home, &[]);
    broker.kill9();
    start
}

fn times(start: &Start, gib: f64) -> [String; 3] {
    [ms(start.time), ms(start.time.div_f64(gib)), ms(start.cpu)]
}
