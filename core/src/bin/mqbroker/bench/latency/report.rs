//! The figures of `latency`.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::super::percentiles::Percentiles;
use super::super::report::{BrokerUse, write_failures};

/// What a run came to, without its warm-up. Failures are those of the whole run.
#[derive(Debug, Serialize)]
pub struct LatencyReport {
    pub load: &'static str,
    pub address: String,
    pub topic: String,
    pub rate_per_s: u32,
    pub measured_s: f64,
    pub body_bytes: u32,
    pub queues: u32,
    pub consumers: u32,
    pub parked: u32,
    pub header: &'static str,
    /// The broker's `flushDiskType`.
    pub flush: String,
    pub messages: u64,
    pub failed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<String>,
    pub out_of_order: u64,
    /// Acknowledged, and not received seconds later.
    pub lost: u64,
    /// Polls of `parked` that were answered, though nothing was sent to them.
    pub parked_answered: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_parked_answer: Option<String>,
    /// From when the message was due to when a consumer had read it.
    pub received_us: Percentiles,
    /// From when the message was due to when its producer had read the answer.
    pub acknowledged_us: Percentiles,
    /// From when the message was due to when it was written: the generator's own part in the above.
    pub lateness_us: Percentiles,
    pub generator_cpu_us_per_message: f64,
    /// From the end of the warm-up to the last message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker: Option<BrokerUse>,
}

impl LatencyReport {
    /// Whether every message came as it was sent, and no parked poll was disturbed.
    pub fn is_sound(&self) -> bool {
        self.failed + self.out_of_order + self.lost + self.parked_answered == 0
    }
}

impl Display for LatencyReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let LatencyReport {
            address,
            rate_per_s,
            measured_s,
            body_bytes,
            queues,
            consumers,
            header,
            flush,
            ..
        } = self;
        writeln!(
            f,
            "latency: {address}, {rate_per_s} messages/s of {body_bytes} bytes for {measured_s} s, {queues} queues polled by \
             {consumers} connections, {} polls parked besides, {header} headers, {flush}",
            self.parked
        )?;
        write_failures(f, self.failed, self.first_failure.as_deref(), self.out_of_order)?;
        if self.lost > 0 {
            writeln!(f, "  {} messages were acknowledged and did not come", self.lost)?;
        }
        if self.parked_answered > 0 {
            let first = self.first_parked_answer.as_deref().unwrap_or_default();
            writeln!(
                f,
                "  {} parked polls were answered, the first one with: {first}",
                self.parked_answered
            )?;
        }
        writeln!(f, "  {} messages; µs from when a message was due", self.messages)?;
        writeln!(f, "    until it was received:     {}", self.received_us)?;
        writeln!(f, "    until it was acknowledged: {}", self.acknowledged_us)?;
        writeln!(f, "    until it was written:      {}", self.lateness_us)?;
        if let Some(broker) = &self.broker {
            write!(f, "{broker}")?;
        }
        writeln!(f, "  generator: {:.2} µs CPU per message", self.generator_cpu_us_per_message)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::percentiles::Times;
    use super::*;

    fn report() -> LatencyReport {
        let none = Times::new().unwrap().percentiles_us();
        LatencyReport {
            load: "latency",
            address: "host:1".to_owned(),
            topic: "t".to_owned(),
            rate_per_s: 1000,
            measured_s: 2.0,
            body_bytes: 1024,
            queues: 4,
            consumers: 1,
            parked: 7,
            header: "JSON",
            flush: "ASYNC_FLUSH".to_owned(),
            messages: 2000,
            failed: 0,
            first_failure: None,
            out_of_order: 0,
            lost: 0,
            parked_answered: 0,
            first_parked_answer: None,
            received_us: Percentiles { p50: 123, ..none },
            acknowledged_us: none,
            lateness_us: none,
            generator_cpu_us_per_message: 1.0,
            broker: None,
        }
    }

    #[test]
    fn the_figures_are_in_text_and_json() {
        let text = report().to_string();
        assert!(text.contains("7 polls parked besides") && text.contains("50% 123"), "{text}");
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!((&json["received_us"]["p50"], &json["flush"]), (&123.into(), &"ASYNC_FLUSH".into()));
    }

    #[test]
    fn whatever_goes_wrong_makes_a_run_unsound() {
        assert!(report().is_sound());
        assert!(!LatencyReport { failed: 1, ..report() }.is_sound());
        assert!(!LatencyReport { out_of_order: 1, ..report() }.is_sound());
        assert!(!LatencyReport { parked_answered: 1, ..report() }.is_sound());
        let lost = LatencyReport { lost: 3, ..report() };
        assert!(!lost.is_sound());
        assert!(lost.to_string().contains("3 messages were acknowledged and did not come"));
    }
}
