//! One client that sends a message now and then, while others send as fast as they can.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::harness::Scratch;

use crate::broker::Broker;
use crate::table::{Table, count, number, us};
use crate::times::Times;

const BODY: [u8; 1024] = [b'f'; 1024];
const TOPIC: &str = "fair";
/// The flood begins so much earlier and ends so much later than what is measured.
const AROUND: Duration = Duration::from_secs(1);
/// The pace of the measured client.
const PAUSE: Duration = Duration::from_millis(1);

pub fn curve(quick: bool) -> Table {
    let seconds = if quick { 1 } else { 5 };
    let mut table = Table::new(
        "One client sends 1 KiB every ms, others flood with 4 KiB and a window of 2,048 each; µs",
        &[
            "flooding connections",
            "I/O threads",
            "sends",
            "p50",
            "p99",
            "longest",
            "flood: messages/s",
            "p99 µs",
        ],
    );
    for io_threads in ["1", "3"] {
        for floods in [0, 1, 8] {
            let scratch = Scratch::new("growth-fairness");
            let (broker, _) = Broker::start(scratch.path(), &[("serverSelectorThreads", io_threads)]);
            let (times, report) = flooded(&broker, floods, Duration::from_secs(seconds));
            let mut cells = vec![count(floods), io_threads.to_owned(), count(times.len() as u64)];
            cells.extend([times.at(0.5), times.at(0.99), times.max()].map(us));
            let flood = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64).map(number);
            cells.extend(flood("/messages_per_s").into_iter().chain(flood("/latency_us/p99")));
            table.row(cells);
            broker.stop();
        }
    }
    table
}

/// Latencies of the one client, and what the flood came to.
fn flooded(broker: &Broker, floods: u32, watched: Duration) -> (Times, Value) {
    let mut client = broker.connect();
    client.create_topic(TOPIC, 1).expect("a topic");
    client.send(TOPIC, 0, "", &BODY).expect("a send");
    let flood = (floods > 0).then(|| {
        let seconds = (watched + 2 * AROUND).as_secs();
        let mut bench = broker.bench_command(&format!(
            "send --connections {floods} --window 2048 --queues 8 --body 4096 --warmup 0 --seconds {seconds} --topic flood"
        ));
        let child = bench.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("mqbroker bench");
        std::thread::sleep(AROUND);
        child
    });
    let mut times = Times::default();
    let start = Instant::now();
    while start.elapsed() < watched {
        times.take(|| client.send(TOPIC, 0, "", &BODY)).expect("a send");
        std::thread::sleep(PAUSE);
    }
    let output = flood.map(|child| child.wait_with_output().expect("mqbroker bench ends"));
    let report = output.map(|output| serde_json::from_slice(&output.stdout).expect("its report"));
    (times, report.unwrap_or_default())
}
