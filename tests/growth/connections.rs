//! More and more connections: memory of each, and the cost of a message when few or all of them send.

use std::time::{Duration, Instant};

use tests::harness::Scratch;

use crate::broker::Broker;
use crate::flock::{Flock, Sends, Sent};
use crate::table::{Table, count, ms, number, us};

const TOPIC: &str = "connections";
const QUEUES: u32 = 8;
const WINDOW: u64 = 64;
const BODY: [u8; 1024] = [b'c'; 1024];
/// Of the variant in which the others do nothing.
const FEW: usize = 4;

pub fn curve(quick: bool) -> Table {
    let (sizes, total): (&[usize], u64) =
        if quick { (&[1, 10, 1000], 10_000) } else { (&[1, 10, 100, 1000, 10_000], 200_000) };
    let mut table = Table::new(
        format!(
            "Connections: {} sends of 1 KiB, {WINDOW} outstanding on all connections together",
            count(total)
        ),
        &[
            "connections",
            "accept all, ms",
            "anonymous KiB each, after a request",
            "after sending",
            "4 send: CPU µs/message",
            "messages/s",
            "p99 µs",
            "all send in turn: CPU µs/message",
            "messages/s",
            "p99 µs",
        ],
    );
    for &connections in sizes {
        table.row(point(connections, total));
    }
    table
}

fn point(connections: usize, total: u64) -> Vec<String> {
    let scratch = Scratch::new("growth-connections");
    let (broker, _) = Broker::start(scratch.path(), &[]);
    broker.connect().create_topic(TOPIC, QUEUES).expect("a topic");
    // What a broker takes once, whatever the number of connections.
    let mut warm = Flock::connect(&broker.address(), 1);
    send(&mut warm, 1, total / 10);
    drop(warm);
    broker.rest();
    let before = broker.usage();
    let start = Instant::now();
    let mut flock = Flock::connect(&broker.address(), connections);
    flock.greet(TOPIC);
    let accepted = start.elapsed();
    broker.rest();
    let greeted = broker.usage();
    let (few, few_cpu) = broker.cpu_of(|| send(&mut flock, connections.min(FEW), total));
    let (all, all_cpu) = broker.cpu_of(|| send(&mut flock, connections, total));
    let sent = broker.usage();
    let each = |after: u64| (after as f64 - before.anonymous_kib as f64) / connections as f64;
    let mut cells = vec![
        count(connections as u64),
        ms(accepted),
        number(each(greeted.anonymous_kib)),
        number(each(sent.anonymous_kib)),
    ];
    cells.extend(figures(&few, few_cpu));
    cells.extend(figures(&all, all_cpu));
    drop(flock);
    broker.stop();
    cells
}

fn send(flock: &mut Flock, links: usize, total: u64) -> Sent {
    let place = |number: u64| (TOPIC, (number % u64::from(QUEUES)) as u32);
    flock.send(&Sends { links, total, window: WINDOW, place: &place, body: &BODY })
}

fn figures(sent: &Sent, cpu: Duration) -> [String; 3] {
    assert_eq!(sent.failed, 0, "sends failed with code {:?}", sent.first_failure);
    let messages = sent.times.len() as f64;
    [
        number(cpu.as_secs_f64() * 1e6 / messages),
        number(messages / sent.elapsed.as_secs_f64()),
        us(sent.times.at(0.99)),
    ]
}
