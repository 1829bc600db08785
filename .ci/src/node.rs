//! The Node package: the addon beside its JavaScript, tested with Node's own runner.

use std::fs;

use crate::place::{CHECKED, Place};
use crate::steps::{Closing, Result, Runner};

/// Copies the addon into place and runs tests/node.
pub fn test(place: &Place, out: &mut Closing) -> Result {
    install(place, CHECKED)?;
    let mut command = place.command("node");
    command.args(["--test", "--test-reporter=tap", "tests/node/"]);
    out.run(&mut command, Runner::Tap)
}

/// Puts the addon that cargo built with `profile` to node/libbroker.node.
pub fn install(place: &Place, profile: &str) -> Result {
    let extension = if cfg!(target_os = "macos") { "dylib" } else { "so" };
    let built = place.built(profile).join(format!("libbroker_node.{extension}"));
    let addon = place.root().join("node/libbroker.node");
    let fresh = addon.with_extension("node.new");
    // A rename, since a process may have the old file mapped.
    fs::copy(&built, &fresh)
        .and_then(|_| fs::rename(&fresh, &addon))
        .map_err(|cause| format!("{} to {}: {cause}", built.display(), addon.display()))
}
