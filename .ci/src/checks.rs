//! Checks that need more than one command line.

use crate::place::Place;
use crate::steps::{Closing, Result, Runner};
use crate::tidy;
use crate::tools;

/// Runs the tidy checks and prints each breach as `path:line: text`.
pub fn tidy(place: &Place) -> Result {
    let (files, findings) = tidy::check(place.root())?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {files} files, nothing to report");
            Ok(())
        }
        count => Err(format!("{count} breaches of the rules in docs/STYLE.md")),
    }
}

/// Generates the C header; `mode` is `write`, or `check` to fail when include/broker.h is another.
pub fn header(place: &Place, out: &mut Closing, mode: &str) -> Result {
    let program = ["run", "-p", "ci", "--features", "header", "--bin", "header", "--", mode];
    out.run(&mut place.cargo(&program), Runner::None)
}

/// Runs cargo-deny, which is installed first if it is missing.
pub fn deps(place: &Place, out: &mut Closing) -> Result {
    if !tools::present("cargo-deny") {
        out.run(&mut place.cargo(&["install", "--locked", "cargo-deny"]), Runner::None)?;
    }
    out.run(&mut place.cargo(&["deny", "--workspace", "check", "licenses", "bans", "sources"]), Runner::None)
}
