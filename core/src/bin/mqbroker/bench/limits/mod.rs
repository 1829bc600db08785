//! `mqbroker bench limits`: what this machine can do, measured as the loads are: what no broker on it can beat.

mod echo;
pub mod echo_server;
mod pages;
mod report;
mod sync;

use std::path::Path;
use std::time::Duration;

use libbroker::Error;
use libbroker::clock::Clock;

use self::report::LimitsReport;
use super::args::Limits;
use super::report::{Outcome, outcome};

/// Runs it.
pub fn limits(options: &Limits) -> Result<Outcome, Error> {
    let clock = Clock::system();
    let above = options.dir.clone().unwrap_or_else(std::env::temp_dir);
    let scratch = tempfile::Builder::new()
        .prefix("mqbroker-limits-")
        .tempdir_in(&above)
        .map_err(|cause| in_scratch(&above, &cause))?;
    let spent = Duration::from_secs_f64(options.seconds);
    let report = LimitsReport {
        load: "limits",
        dir: above.display().to_string(),
        pages: pages::measure(&clock, scratch.path(), options.size)?,
        sync: sync::measure(&clock, scratch.path(), spent)?,
        echo: echo::measure(&clock, options, spent)?,
    };
    scratch.close().map_err(|cause| in_scratch(&above, &cause))?;
    outcome(&report, options.json, true)
}

fn in_scratch(dir: &Path, cause: &std::io::Error) -> Error {
    Error::io(format_args!("a scratch directory in {}", dir.display()), cause)
}
