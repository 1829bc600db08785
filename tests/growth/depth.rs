//! One queue that gets deeper: reading at its front, middle and end, and finding a time in it.

use std::time::Duration;

use tests::harness::Scratch;
use tests::harness::remoting::RawClient;

use crate::broker::Broker;
use crate::table::{Table, count, ms, number, us};
use crate::times::Times;

const TOPIC: &str = "depth";
const SEARCH_OFFSET_BY_TIMESTAMP: i32 = 29;
const ASKED: usize = 200;
/// The smallest that `mqbroker bench send` makes.
const BODY_BYTES: u32 = 24;

pub fn curve(quick: bool) -> Table {
    let sizes: &[u64] = if quick { &[10_000, 100_000] } else { &[100_000, 1_000_000, 10_000_000] };
    let mut table = Table::new(
        format!("One queue with messages of {BODY_BYTES} bytes; medians of {ASKED} calls, µs"),
        &[
            "messages",
            "RSS MiB",
            "anonymous MiB",
            "pull 32 at the front",
            "in the middle",
            "at the end",
            "offset of a time",
            "p99",
            "smallest offset",
            "largest offset",
            "stop ms",
            "start ms",
            "CPU of the start, ms",
            "RSS after the start, MiB",
        ],
    );
    for &messages in sizes {
        table.row(point(messages));
    }
    table
}

fn point(messages: u64) -> Vec<String> {
    let scratch = Scratch::new("growth-depth");
    let (broker, _) = Broker::start(scratch.path(), &[]);
    broker.bench(&format!(
        "send --connections 1 --window 16 --queues 1 --batch 64 --warmup 0 --count {messages} --body {BODY_BYTES} --topic {TOPIC}"
    ));
    broker.rest();
    let usage = broker.usage();
    let mut client = broker.connect();
    let end = client.max_offset(TOPIC, 0).expect("a queue");
    assert_eq!(end as u64, messages, "every message is in the queue");
    let span = 32 * ASKED as i64;
    let first_ms = client.pull(TOPIC, 0, 0).expect("a pull")[0].store_timestamp_ms;
    let last_ms = client.pull(TOPIC, 0, end - 1).expect("a pull")[0].store_timestamp_ms;
    let mut cells = vec![
        count(messages),
        number(usage.rss_kib as f64 / 1024.0),
        number(usage.anonymous_kib as f64 / 1024.0),
    ];
    for from in [0, end / 2 - span / 2, end - span] {
        cells.push(us(pulls(&mut client, from).at(0.5)));
    }
    let searched = searches(&mut client, first_ms, last_ms);
    let mut ask = |get: fn(&mut RawClient) -> i64| {
        let mut times = Times::default();
        for _ in 0..ASKED {
            times.take(|| get(&mut client));
        }
        us(times.at(0.5))
    };
    cells.extend([us(searched.at(0.5)), us(searched.at(0.99))]);
    cells.push(ask(|client| client.min_offset(TOPIC, 0).expect("a queue")));
    cells.push(ask(|client| client.max_offset(TOPIC, 0).expect("a queue")));
    drop(client);
    cells.push(ms(broker.stop()));
    let (broker, start) = Broker::start(scratch.path(), &[]);
    cells.extend([ms(start.time), ms(start.cpu), number(start.usage.rss_kib as f64 / 1024.0)]);
    broker.stop();
    cells
}

fn pulls(client: &mut RawClient, from: i64) -> Times {
    let mut times = Times::default();
    for round in 0..ASKED {
        let offset = from + 32 * round as i64;
        let found = times.take(|| client.pull(TOPIC, 0, offset)).expect("a pull");
        assert_eq!(found.first().map(|message| message.queue_offset), Some(offset));
    }
    times
}

/// For times all over the queue.
fn searches(client: &mut RawClient, first_ms: i64, last_ms: i64) -> Times {
    let mut times = Times::default();
    for round in 0..ASKED {
        let time_ms = first_ms + (last_ms - first_ms) * round as i64 / ASKED as i64;
        let time_ms = time_ms.to_string();
        let fields = [("topic", TOPIC), ("queueId", "0"), ("timestamp", &time_ms)];
        let answer = times.take(|| client.call(SEARCH_OFFSET_BY_TIMESTAMP, &fields, b"")).expect("a search");
        assert_eq!(answer.code, 0, "{}", answer.remark);
    }
    assert!(times.max() < Duration::from_secs(60));
    times
}
