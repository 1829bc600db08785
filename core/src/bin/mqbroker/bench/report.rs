//! The figures, as text or JSON.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use libbroker::{Error, ErrorKind};
use serde::Serialize;

use super::percentiles::Percentiles;
use super::server::{Memory, Usage};

/// What is printed, and whether all messages came to what they should.
pub struct Outcome {
    pub text: String,
    pub is_sound: bool,
}

/// A report as text, or as one line of JSON.
pub fn outcome<R: Display + Serialize>(report: &R, json: bool, is_sound: bool) -> Result<Outcome, Error> {
    if !json {
        return Ok(Outcome { text: report.to_string(), is_sound });
    }
    let text = serde_json::to_string(report)
        .map_err(|cause| Error::new(ErrorKind::Internal, format!("report: {cause}")))?;
    Ok(Outcome { text: text + "\n", is_sound })
}

/// What sending or pulling came to.
#[derive(Debug, Serialize)]
pub struct Report {
    pub load: &'static str,
    pub address: String,
    pub topic: String,
    pub connections: u32,
    pub window: u32,
    pub batch: u32,
    pub header: &'static str,
    /// The broker's `flushDiskType`.
    pub flush: String,
    pub messages: u64,
    pub body_bytes: u64,
    pub failed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<String>,
    pub out_of_order: u64,
    pub elapsed_s: f64,
    pub messages_per_s: f64,
    /// Of requests, from writing to reading the answer.
    pub latency_us: Percentiles,
    /// CPU time of this process, without the warm-up.
    pub generator_cpu_us_per_message: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker: Option<BrokerUse>,
}

impl Report {
    /// Whether every message was accepted, or came as it was sent.
    pub fn is_sound(&self) -> bool {
        self.failed == 0 && self.out_of_order == 0
    }
}

/// What the broker's process took.
#[derive(Debug, Serialize)]
pub struct BrokerUse {
    pub cpu_us_per_message: f64,
    pub user_us_per_message: f64,
    pub system_us_per_message: f64,
    pub memory_before: Memory,
    pub memory_after: Memory,
    /// `write_bytes` of the process: whole pages, counted when they become dirty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_bytes_per_message: Option<f64>,
}

impl BrokerUse {
    pub fn between(before: &Usage, after: &Usage, messages: u64) -> Self {
        let cpu = before.cpu.until(&after.cpu);
        let written = after.written_bytes.zip(before.written_bytes);
        let written_bytes = written.map(|(after, before)| after.saturating_sub(before));
        Self {
            cpu_us_per_message: us_per_message(cpu.total(), messages),
            user_us_per_message: us_per_message(cpu.user, messages),
            system_us_per_message: us_per_message(cpu.system, messages),
            memory_before: before.memory,
            memory_after: after.memory,
            written_bytes,
            written_bytes_per_message: written_bytes.map(|bytes| per(bytes as f64, messages)),
        }
    }
}

/// Microseconds per message; 0 without messages.
pub fn us_per_message(time: Duration, messages: u64) -> f64 {
    per(time.as_secs_f64() * 1e6, messages)
}

/// `whole ÷ parts`; 0 without parts.
pub fn per(whole: f64, parts: u64) -> f64 {
    if parts == 0 { 0.0 } else { whole / parts as f64 }
}

/// The lines about messages that did not come to what they should; nothing when there are none.
pub fn write_failures(
    f: &mut Formatter<'_>,
    failed: u64,
    first_failure: Option<&str>,
    out_of_order: u64,
) -> fmt::Result {
    if failed > 0 {
        writeln!(f, "  {failed} failed, the first one with: {}", first_failure.unwrap_or("no reason"))?;
    }
    if out_of_order > 0 {
        writeln!(f, "  {out_of_order} messages behind a later one of their producer")?;
    }
    Ok(())
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Report { load, address, connections, window, batch, header, flush, .. } = self;
        writeln!(
            f,
            "{load}: {address}, {connections} connections x {window} outstanding, batches of {batch}, {header} headers, \
             {flush}"
        )?;
        let mib_per_s = self.body_bytes as f64 / self.elapsed_s / f64::from(1 << 20);
        writeln!(
            f,
            "  {} messages in {:.2} s: {:.0} messages/s, {mib_per_s:.1} MiB/s of bodies",
            self.messages, self.elapsed_s, self.messages_per_s
        )?;
        write_failures(f, self.failed, self.first_failure.as_deref(), self.out_of_order)?;
        writeln!(f, "  latency of a request in µs: {}", self.latency_us)?;
        if let Some(broker) = &self.broker {
            write!(f, "{broker}")?;
        }
        writeln!(f, "  generator: {:.2} µs CPU per message", self.generator_cpu_us_per_message)
    }
}

impl Display for BrokerUse {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let BrokerUse { cpu_us_per_message, user_us_per_message, system_us_per_message, .. } = self;
        writeln!(
            f,
            "  broker: {cpu_us_per_message:.2} µs CPU per message \
             ({user_us_per_message:.2} user, {system_us_per_message:.2} system)"
        )?;
        if let (Some(bytes), Some(per_message)) = (self.written_bytes, self.written_bytes_per_message) {
            let mib = bytes as f64 / f64::from(1 << 20);
            writeln!(f, "  broker: {mib:.1} MiB written, {per_message:.0} bytes per message")?;
        }
        for (when, memory) in [("before", self.memory_before), ("after", self.memory_after)] {
            let (rss, anonymous) = (mib(memory.rss_kib), mib(memory.anonymous_kib));
            writeln!(f, "  broker: {rss:.1} MiB RSS {when}, {anonymous:.1} MiB without mapped files")?;
        }
        Ok(())
    }
}

pub fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

#[cfg(test)]
mod tests {
    use super::super::percentiles::Times;
    use super::super::server::Server;
    use super::*;

    fn report() -> Report {
        let usage = Server::own().usage().unwrap();
        let after = Usage { written_bytes: Some(8192), ..usage.clone() };
        let before = Usage { written_bytes: Some(4096), ..usage };
        Report {
            load: "pull",
            address: "host:1".to_owned(),
            topic: "t".to_owned(),
            connections: 4,
            window: 64,
            batch: 32,
            header: "JSON",
            flush: "ASYNC_FLUSH".to_owned(),
            messages: 4,
            body_bytes: 4096,
            failed: 0,
            first_failure: None,
            out_of_order: 0,
            elapsed_s: 2.0,
            messages_per_s: 2.0,
            latency_us: Times::new().unwrap().percentiles_us(),
            generator_cpu_us_per_message: 1.0,
            broker: Some(BrokerUse::between(&before, &after, 4)),
        }
    }

    #[test]
    fn flush_type_and_bytes_written_are_in_text_and_json() {
        let report = report();
        let text = outcome(&report, false, true).unwrap().text;
        assert!(text.contains("JSON headers, ASYNC_FLUSH\n"), "{text}");
        assert!(text.contains("0.0 MiB written, 1024 bytes per message"), "{text}");
        let json = outcome(&report, true, true).unwrap().text;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["flush"], "ASYNC_FLUSH");
        assert_eq!(json["broker"]["written_bytes"], 4096);
        assert_eq!(json["latency_us"]["p50"], 0);
    }

    #[test]
    fn a_failed_or_misplaced_message_makes_a_report_unsound() {
        assert!(report().is_sound());
        let failed = Report { failed: 1, first_failure: Some("wrong body".to_owned()), ..report() };
        assert!(!failed.is_sound());
        assert!(failed.to_string().contains("1 failed, the first one with: wrong body"));
        let misplaced = Report { out_of_order: 2, ..report() };
        assert!(!misplaced.is_sound());
        assert!(misplaced.to_string().contains("2 messages behind a later one"));
    }
}
