//! The figures, as text or JSON.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use serde::Serialize;

use super::load::Tally;
use super::server::{Cpu, Memory};

/// What a load came to.
#[derive(Debug, Serialize)]
pub struct Report {
    pub load: &'static str,
    pub address: String,
    pub topic: String,
    pub connections: u32,
    pub window: u32,
    pub batch: u32,
    pub header: &'static str,
    pub messages: u64,
    pub body_bytes: u64,
    pub failed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<String>,
    pub out_of_order: u64,
    pub elapsed_s: f64,
    pub messages_per_s: f64,
    pub latency_us: Latency,
    /// CPU time of this process, without the warm-up.
    pub generator_cpu_us_per_message: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker: Option<BrokerUse>,
}

/// Of requests, from writing to reading the answer.
#[derive(Debug, Serialize)]
pub struct Latency {
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
}

/// What the broker's process took, until it had nothing left to do.
#[derive(Debug, Serialize)]
pub struct BrokerUse {
    pub cpu_us_per_message: f64,
    pub user_us_per_message: f64,
    pub system_us_per_message: f64,
    pub memory_before: Memory,
    pub memory_after: Memory,
}

impl Latency {
    pub fn of(tally: &Tally) -> Self {
        let at = |quantile| tally.latency_us.value_at_quantile(quantile);
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: tally.latency_us.max() }
    }
}

impl BrokerUse {
    pub fn of(cpu: Cpu, messages: u64, memory_before: Memory, memory_after: Memory) -> Self {
        Self {
            cpu_us_per_message: us_per_message(cpu.total(), messages),
            user_us_per_message: us_per_message(cpu.user, messages),
            system_us_per_message: us_per_message(cpu.system, messages),
            memory_before,
            memory_after,
        }
    }
}

/// Microseconds per message; 0 without messages.
pub fn us_per_message(time: Duration, messages: u64) -> f64 {
    if messages == 0 { 0.0 } else { time.as_secs_f64() * 1e6 / messages as f64 }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Report { load, address, connections, window, batch, header, .. } = self;
        writeln!(
            f,
            "{load}: {address}, {connections} connections x {window} outstanding, batches of {batch}, {header} headers"
        )?;
        let mib_per_s = self.body_bytes as f64 / self.elapsed_s / f64::from(1 << 20);
        writeln!(
            f,
            "  {} messages in {:.2} s: {:.0} messages/s, {mib_per_s:.1} MiB/s of bodies",
            self.messages, self.elapsed_s, self.messages_per_s
        )?;
        if let Some(reason) = &self.first_failure {
            writeln!(f, "  {} failed, the first one with: {reason}", self.failed)?;
        }
        if self.out_of_order > 0 {
            writeln!(f, "  {} messages behind a later one of their producer", self.out_of_order)?;
        }
        let Latency { p50, p90, p99, p999, max } = self.latency_us;
        writeln!(
            f,
            "  latency of a request in µs: 50% {p50}, 90% {p90}, 99% {p99}, 99.9% {p999}, max {max}"
        )?;
        if let Some(broker) = &self.broker {
            let BrokerUse { cpu_us_per_message, user_us_per_message, system_us_per_message, .. } = broker;
            writeln!(
                f,
                "  broker: {cpu_us_per_message:.2} µs CPU per message \
                 ({user_us_per_message:.2} user, {system_us_per_message:.2} system)"
            )?;
            let mib = |kib: u64| kib as f64 / 1024.0;
            for (when, memory) in [("before", broker.memory_before), ("after", broker.memory_after)] {
                let (rss, anonymous) = (mib(memory.rss_kib), mib(memory.anonymous_kib));
                writeln!(f, "  broker: {rss:.1} MiB RSS {when}, {anonymous:.1} MiB without mapped files")?;
            }
        }
        writeln!(f, "  generator: {:.2} µs CPU per message", self.generator_cpu_us_per_message)
    }
}
