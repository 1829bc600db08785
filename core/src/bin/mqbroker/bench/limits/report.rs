//! The figures of `limits`.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::echo::EchoFigures;
use super::pages::{Cost, Pages, Passes};
use super::sync::Sync;

/// What the machine can do.
#[derive(Debug, Serialize)]
pub struct LimitsReport {
    pub load: &'static str,
    /// Where the files were.
    pub dir: String,
    pub pages: Pages,
    pub sync: Sync,
    pub echo: EchoFigures,
}

impl Display for Cost {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Cost { cpu_us_per_kib, user_us_per_kib, system_us_per_kib, wall_us_per_kib } = self;
        write!(
            f,
            "{cpu_us_per_kib:.3} µs CPU per KiB ({user_us_per_kib:.3} user, {system_us_per_kib:.3} system), \
             {wall_us_per_kib:.3} µs in all"
        )
    }
}

impl Display for LimitsReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let LimitsReport { dir, pages, sync, echo, .. } = self;
        writeln!(f, "limits: files of {} MiB in {dir}", pages.size_mib)?;
        writeln!(f, "  copy and CRC-32 of records of 1 KiB into a mapped file whose blocks are allocated")?;
        for (name, Passes { first_touch, hot }) in [
            ("memory as it was found", &pages.fresh),
            ("memory that was freed just before", &pages.freed_just_before),
        ] {
            writeln!(f, "    {name}, first touch: {first_touch}")?;
            writeln!(f, "    {name}, again:       {hot}")?;
        }
        writeln!(
            f,
            "  fdatasync of 4 KiB appended: {:.0} per second; µs: {}",
            sync.syncs_per_s, sync.sync_us
        )?;
        writeln!(
            f,
            "  loopback echo, {} connections x {} outstanding, requests of {} bytes, answers of {}: {:.0} requests/s",
            echo.connections, echo.window, echo.request_bytes, echo.answer_bytes, echo.requests_per_s
        )?;
        writeln!(
            f,
            "    server: {:.2} µs CPU per request ({:.2} user, {:.2} system); generator: {:.2}",
            echo.cpu_us_per_request,
            echo.user_us_per_request,
            echo.system_us_per_request,
            echo.generator_cpu_us_per_request
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::percentiles::Times;
    use super::*;

    #[test]
    fn the_figures_are_in_text_and_json() {
        let cost = |us| Cost {
            cpu_us_per_kib: us,
            user_us_per_kib: us / 2.0,
            system_us_per_kib: us / 2.0,
            wall_us_per_kib: us,
        };
        let passes = |first, hot| Passes { first_touch: cost(first), hot: cost(hot) };
        let report = LimitsReport {
            load: "limits",
            dir: "here".to_owned(),
            pages: Pages { size_mib: 512, fresh: passes(4.0, 0.125), freed_just_before: passes(0.5, 0.125) },
            sync: Sync { syncs: 10, syncs_per_s: 5.0, sync_us: Times::new().unwrap().percentiles_us() },
            echo: EchoFigures {
                connections: 4,
                window: 64,
                request_bytes: 1331,
                answer_bytes: 200,
                requests: 10,
                requests_per_s: 5.0,
                cpu_us_per_request: 1.25,
                user_us_per_request: 0.25,
                system_us_per_request: 1.0,
                generator_cpu_us_per_request: 1.0,
            },
        };
        let text = report.to_string();
        assert!(text.contains("freed just before, first touch: 0.500 µs CPU per KiB (0.250 user"), "{text}");
        assert!(text.contains("server: 1.25 µs CPU per request (0.25 user, 1.00 system)"), "{text}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["pages"]["fresh"]["first_touch"]["cpu_us_per_kib"], 4.0);
        assert_eq!(json["echo"]["cpu_us_per_request"], 1.25);
    }
}
