//! The loads on running brokers, and the rows that they give.

use serde_json::Value;

use crate::contestant::Flush;
use crate::figures::Better;
use crate::plan::{Group, Plan};

/// The queues of every topic, as many as there are connections.
const QUEUES: &str = "4";
/// Filled before the rounds, pulled in each of them.
pub const PULLED_TOPIC: &str = "pulled";
/// What is stored with a message besides its body, consume queue and index included: rather too much.
const STORED_BESIDE_BODY_BYTES: u64 = 500;
const AT_HAND: &str = "--at-hand";
const RATE_PER_S: u64 = 1000;
const PARKED: &str = "1000";

/// One call of `mqbroker bench`.
pub struct Load {
    pub group: Group,
    pub flush: Flush,
    /// Without the topic.
    pub arguments: Vec<String>,
    pub rows: Vec<Row>,
}

/// One figure of a load.
pub struct Row {
    pub name: &'static str,
    pub better: Better,
    /// Where the figure stands in the report.
    pub pointer: &'static str,
    /// To the unit of the row.
    pub factor: f64,
}

impl Row {
    /// The figure.
    pub fn value(&self, report: &Value) -> f64 {
        report.pointer(self.pointer).and_then(Value::as_f64).map_or(f64::NAN, |value| value * self.factor)
    }
}

const CPU: &str = "/broker/cpu_us_per_message";

fn less(name: &'static str, pointer: &'static str) -> Row {
    Row { name, better: Better::Less, pointer, factor: 1.0 }
}

fn rate(name: &'static str) -> Row {
    Row { name, better: Better::More, pointer: "/messages_per_s", factor: 1.0 }
}

fn p99_ms(name: &'static str) -> Row {
    Row { factor: 1e-3, ..less(name, "/latency_us/p99") }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Puts as much memory at hand as the load will write, right before it is measured, for both brokers alike. A host that takes free
/// memory back makes the first touch of a page cost several µs per KiB, the same for both, which would hide the difference;
/// `mqbroker bench limits` shows how much that is. `--cold` leaves this out.
fn at_hand(messages: u64, body_bytes: u64) -> [String; 2] {
    let stored_bytes = messages * (body_bytes + STORED_BESIDE_BODY_BYTES);
    [AT_HAND.to_owned(), stored_bytes.div_ceil(1 << 20).to_string()]
}

/// A load that sends `messages`.
fn send(group: Group, messages: u64, body_bytes: u64, more: &str, rows: Vec<Row>) -> Load {
    let text = format!(
        "send --connections 4 --window 64 --queues {QUEUES} --warmup 0 --count {messages} --body {body_bytes} {more}"
    );
    let (flush, mut arguments) = (Flush::Async, words(&text));
    arguments.extend(at_hand(messages, body_bytes));
    Load { group, flush, arguments, rows }
}

fn pull(messages: u64, rows: Vec<Row>) -> Load {
    let text = format!("pull --connections 4 --window 64 --batch 32 --warmup 0 --count {messages}");
    Load { group: Group::Pull, flush: Flush::Async, arguments: words(&text), rows }
}

fn latency(seconds: u32, more: &str, rows: Vec<Row>) -> Load {
    let text = format!(
        "latency --rate {RATE_PER_S} --seconds {seconds} --warmup 1 --body 1024 --queues {QUEUES} {more}"
    );
    let (group, flush, mut arguments) = (Group::Latency, Flush::Async, words(&text));
    arguments.extend(at_hand(RATE_PER_S * u64::from(seconds + 1), 1024));
    Load { group, flush, arguments, rows }
}

/// What fills [`PULLED_TOPIC`].
pub fn filling(plan: &Plan) -> Load {
    without_memory_at_hand(send(Group::Pull, plan.messages, 1024, "", Vec::new()))
}

/// What a JVM needs to have compiled most of what it will: three times the messages of a round.
pub fn warming(plan: &Plan, flush: Flush) -> Load {
    let messages = if flush == Flush::Sync { plan.messages / 3 } else { plan.messages * 3 };
    without_memory_at_hand(send(Group::Send, messages, 1024, "", Vec::new()))
}

/// The loads that are wanted, in the order of the table.
pub fn of(plan: &Plan) -> Vec<Load> {
    let messages = plan.messages;
    let mut loads = vec![
        send(
            Group::Send,
            messages,
            1024,
            "",
            vec![
                less("send 1 KiB, async flush: CPU µs per message", CPU),
                rate("send 1 KiB, async flush: messages/s"),
                p99_ms("send 1 KiB, async flush: 99% latency, ms"),
            ],
        ),
        send(
            Group::Small,
            messages,
            128,
            "",
            vec![less("send 128 B, JSON headers: CPU µs per message", CPU)],
        ),
        send(
            Group::Small,
            messages,
            128,
            "--header rocketmq",
            vec![less("send 128 B, ROCKETMQ headers: CPU µs per message", CPU)],
        ),
        // So cheap that it takes more of them to be measured.
        send(
            Group::Batch,
            messages * 4,
            128,
            "--batch 32",
            vec![less("send batches of 32 x 128 B: CPU µs per message", CPU)],
        ),
        pull(messages * 4, vec![less("pull 1 KiB, 32 at a time: CPU µs per message", CPU)]),
        latency(
            plan.seconds,
            "",
            vec![
                less("end to end at 1000 messages/s: 50%, µs", "/received_us/p50"),
                less("end to end at 1000 messages/s: 99%, µs", "/received_us/p99"),
                less("end to end at 1000 messages/s: CPU µs per message", CPU),
            ],
        ),
        latency(
            plan.seconds,
            &format!("--parked {PARKED}"),
            vec![less("the same with 1000 polls parked elsewhere: 50%, µs", "/received_us/p50")],
        ),
    ];
    let synced = send(
        Group::Sync,
        messages / 3,
        1024,
        "",
        vec![
            less("send 1 KiB, sync flush: CPU µs per message", CPU),
            rate("send 1 KiB, sync flush: messages/s"),
            p99_ms("send 1 KiB, sync flush: 99% latency, ms"),
        ],
    );
    loads.push(Load { flush: Flush::Sync, ..synced });
    loads.retain(|load| plan.has(load.group));
    if plan.cold {
        loads = loads.into_iter().map(without_memory_at_hand).collect();
    }
    loads
}

fn without_memory_at_hand(mut load: Load) -> Load {
    if let Some(place) = load.arguments.iter().position(|word| word == AT_HAND) {
        load.arguments.drain(place..=place + 1);
    }
    load
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plan(words: &str) -> Plan {
        Plan::read(words.split_whitespace().map(str::to_owned)).unwrap()
    }

    #[test]
    fn a_row_finds_its_figure_and_converts_it() {
        let report = json!({"latency_us": {"p99": 2500}, "broker": {"cpu_us_per_message": 4.5}});
        assert_eq!(p99_ms("").value(&report), 2.5);
        assert_eq!(less("", CPU).value(&report), 4.5);
        assert!(rate("").value(&report).is_nan());
    }

    fn words_of(words: &str) -> String {
        let loads = of(&plan(words));
        assert_eq!(loads.len(), 1, "{words}");
        loads[0].arguments.join(" ")
    }

    #[test]
    fn memory_at_hand_is_what_the_load_writes_unless_cold() {
        // 4000 messages of 628 bytes are 2.4 MiB.
        assert!(words_of("1 1000 --only batch").ends_with("--batch 32 --at-hand 3"));
        assert!(words_of("1 1000 --only batch --cold").ends_with("--batch 32"));
        assert!(!words_of("--only pull").contains("--at-hand"));
    }

    #[test]
    fn names_of_rows_are_different() {
        let mut names: Vec<_> =
            of(&plan("")).into_iter().flat_map(|load| load.rows).map(|row| row.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!((names.len(), count), (14, 14));
    }
}
