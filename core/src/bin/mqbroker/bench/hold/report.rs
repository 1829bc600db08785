//! The figures of `hold`.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use serde::Serialize;

use super::super::args::Hold;
use super::super::percentiles::Percentiles;
use super::super::report::{mib, per, us_per_message, write_failures};
use super::super::server::Memory;
use super::Process;

/// What parking and waking came to.
#[derive(Debug, Serialize)]
pub struct HoldReport {
    pub load: &'static str,
    pub address: String,
    pub topic: String,
    pub connections: u32,
    pub polls: u32,
    pub queues: u32,
    pub header: &'static str,
    /// The broker's `flushDiskType`.
    pub flush: String,
    /// Polls that were answered before anything was sent.
    pub answered_early: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_early_answer: Option<String>,
    /// Messages sent, one to each queue that was woken.
    pub messages: u64,
    /// Polls that got one of them.
    pub woken: u64,
    pub failed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<String>,
    /// From writing a message to reading it, for each poll.
    pub wake_us: Percentiles,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker: Option<ProcessReport>,
}

/// What the broker's process took.
#[derive(Debug, Serialize)]
pub struct ProcessReport {
    pub memory_before: Memory,
    pub memory_connected: Memory,
    pub memory_parked: Memory,
    pub rss_bytes_per_connection: f64,
    pub anonymous_bytes_per_connection: f64,
    pub rss_bytes_per_poll: f64,
    pub anonymous_bytes_per_poll: f64,
    pub watched_s: f64,
    /// While everything was parked, in hundredths of one core.
    pub idle_cpu_percent: f64,
    /// Of a message that was sent, its polls included.
    pub cpu_us_per_message: f64,
    pub cpu_us_per_woken_poll: f64,
}

impl ProcessReport {
    pub fn of(process: &Process, options: &Hold, watched: Duration, messages: u64, woken: u64) -> Self {
        let Process { before, connected, parked, idle, waking } = process;
        let bytes_per = |part: u32, from_kib: u64, to_kib: u64| {
            per((to_kib as f64 - from_kib as f64) * 1024.0, u64::from(part))
        };
        let rss = |part, from: &Memory, to: &Memory| bytes_per(part, from.rss_kib, to.rss_kib);
        let anonymous =
            |part, from: &Memory, to: &Memory| bytes_per(part, from.anonymous_kib, to.anonymous_kib);
        let (connections, polls) = (options.connections, options.polls);
        let watched_s = watched.as_secs_f64();
        Self {
            memory_before: *before,
            memory_connected: *connected,
            memory_parked: *parked,
            rss_bytes_per_connection: rss(connections, before, connected),
            anonymous_bytes_per_connection: anonymous(connections, before, connected),
            rss_bytes_per_poll: rss(polls, connected, parked),
            anonymous_bytes_per_poll: anonymous(polls, connected, parked),
            watched_s,
            idle_cpu_percent: if watched_s > 0.0 {
                idle.total().as_secs_f64() / watched_s * 100.0
            } else {
                0.0
            },
            cpu_us_per_message: us_per_message(waking.total(), messages),
            cpu_us_per_woken_poll: us_per_message(waking.total(), woken),
        }
    }
}

impl HoldReport {
    /// Whether polls were answered with their message, and nothing else.
    pub fn is_sound(&self) -> bool {
        self.failed + self.answered_early == 0
    }
}

impl Display for HoldReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let HoldReport { address, connections, polls, queues, header, flush, .. } = self;
        writeln!(
            f,
            "hold: {address}, {polls} polls on {connections} connections and {queues} queues, {header} headers, {flush}"
        )?;
        if self.answered_early > 0 {
            let first = self.first_early_answer.as_deref().unwrap_or_default();
            writeln!(f, "  {} polls were answered early, the first one with: {first}", self.answered_early)?;
        }
        write_failures(f, self.failed, self.first_failure.as_deref(), 0)?;
        writeln!(
            f,
            "  {} messages woke {} polls; µs from writing to reading: {}",
            self.messages, self.woken, self.wake_us
        )?;
        let Some(broker) = &self.broker else { return Ok(()) };
        for (when, memory) in [
            ("before", broker.memory_before),
            ("connected", broker.memory_connected),
            ("parked", broker.memory_parked),
        ] {
            let (rss, anonymous) = (mib(memory.rss_kib), mib(memory.anonymous_kib));
            writeln!(f, "  broker: {rss:.1} MiB RSS {when}, {anonymous:.1} MiB without mapped files")?;
        }
        writeln!(
            f,
            "  broker: {:.0} bytes RSS per connection, {:.0} anonymous",
            broker.rss_bytes_per_connection, broker.anonymous_bytes_per_connection
        )?;
        writeln!(
            f,
            "  broker: {:.0} bytes RSS per poll, {:.0} anonymous",
            broker.rss_bytes_per_poll, broker.anonymous_bytes_per_poll
        )?;
        writeln!(
            f,
            "  broker: {:.2} % of a core at rest, for {:.1} s",
            broker.idle_cpu_percent, broker.watched_s
        )?;
        writeln!(
            f,
            "  broker: {:.1} µs CPU per message, {:.1} per woken poll",
            broker.cpu_us_per_message, broker.cpu_us_per_woken_poll
        )
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::super::args::Bench;
    use super::super::super::percentiles::Times;
    use super::super::super::server::Cpu;
    use super::*;
    use crate::program::Program;

    fn report() -> HoldReport {
        let words = "mqbroker bench hold --connections 10 --polls 1024 --queues 4";
        let Ok(Program::Bench(Bench::Hold(options))) = Program::try_parse_from(words.split(' ')) else {
            panic!("{words} is not understood");
        };
        let memory = |rss_kib, anonymous_kib| Memory { rss_kib, anonymous_kib, peak_kib: rss_kib };
        let cpu = |ms| Cpu { user: Duration::from_millis(ms), system: Duration::ZERO };
        let process = Process {
            before: memory(1000, 500),
            connected: memory(1020, 510),
            parked: memory(2044, 1022),
            idle: cpu(10),
            waking: cpu(2),
        };
        HoldReport {
            load: "hold",
            address: "host:1".to_owned(),
            topic: "t".to_owned(),
            connections: options.connections,
            polls: options.polls,
            queues: options.queues,
            header: "JSON",
            flush: "ASYNC_FLUSH".to_owned(),
            answered_early: 0,
            first_early_answer: None,
            messages: 2,
            woken: 20,
            failed: 0,
            first_failure: None,
            wake_us: Times::new().unwrap().percentiles_us(),
            broker: Some(ProcessReport::of(&process, &options, Duration::from_secs(2), 2, 20)),
        }
    }

    #[test]
    fn costs_are_shared_among_what_causes_them() {
        let json = serde_json::to_value(report()).unwrap();
        let figure = |name: &str| json["broker"][name].as_f64().unwrap();
        assert_eq!(figure("rss_bytes_per_connection"), 2048.0);
        assert_eq!(figure("anonymous_bytes_per_connection"), 1024.0);
        assert_eq!(figure("rss_bytes_per_poll"), 1024.0);
        assert_eq!(figure("anonymous_bytes_per_poll"), 512.0);
        assert_eq!(figure("idle_cpu_percent"), 0.5);
        assert_eq!((figure("cpu_us_per_message"), figure("cpu_us_per_woken_poll")), (1000.0, 100.0));
        let text = report().to_string();
        assert!(text.contains("2 messages woke 20 polls"), "{text}");
    }

    #[test]
    fn a_poll_that_ends_early_makes_a_report_unsound() {
        assert!(report().is_sound());
        let early =
            HoldReport { answered_early: 1, first_early_answer: Some("code 1".to_owned()), ..report() };
        assert!(!early.is_sound());
        assert!(early.to_string().contains("1 polls were answered early, the first one with: code 1"));
    }
}
