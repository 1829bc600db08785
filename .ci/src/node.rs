//! The Node package: the addon beside its JavaScript, the types of it, tested with Node's own runner.

use std::fs;
use std::path::PathBuf;
use std::process;

use crate::place::{CHECKED, Place};
use crate::steps::{Closing, Result, Runner};

/// Copies the addon into place, checks the generated types and runs tests/node.
pub fn test(place: &Place, out: &mut Closing) -> Result {
    install(place, CHECKED)?;
    packages(place, out)?;
    native_types(place, out, "check")?;
    let mut command = place.command("node");
    command.args(["--test", "--test-reporter=tap"]).args(files(place)?);
    out.run(&mut command, Runner::Tap)
}

/// Writes node/native.d.ts anew.
pub fn types(place: &Place, out: &mut Closing) -> Result {
    native_types(place, out, "write")
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

/// Fetches what the tests need beside Node, in the pinned versions. Not with `npm ci`, which refuses a lock file that lacks the
/// packages of other platforms: not every registry has them.
fn packages(place: &Place, out: &mut Closing) -> Result {
    let install = ["install", "--no-save", "--ignore-scripts", "--prefix", "tests/node"];
    out.run(place.command("npm").args(install), Runner::None)
}

/// Generates node/native.d.ts from what napi-derive notes while it compiles; `mode` is `write`, or `check` to fail when the
/// file is another.
fn native_types(place: &Place, out: &mut Closing, mode: &str) -> Result {
    let notes = place.target("node-types");
    fs::create_dir_all(&notes).map_err(|cause| format!("{}: {cause}", notes.display()))?;
    let mut compile = place.cargo(&["check", "-p", "broker-node"]);
    compile.env("NAPI_TYPE_DEF_TMP_FOLDER", &notes);
    let noted = notes.join("broker-node");
    if !noted.exists() {
        // What is compiled already notes nothing; a value not seen before compiles it once more.
        compile.env("NAPI_FORCE_BUILD_BROKER_NODE", process::id().to_string());
    }
    out.run(&mut compile, Runner::None)?;
    let mut generate = place.command("node");
    out.run(generate.args(["tests/node/support/native-types.mjs", mode]).arg(&noted), Runner::None)
}

/// The test files. They are named one by one: what a folder means to `node --test` depends on its version.
fn files(place: &Place) -> Result<Vec<PathBuf>> {
    let folder = place.root().join("tests/node");
    let entries = fs::read_dir(&folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let is_test = |path: &PathBuf| path.to_str().is_some_and(|name| name.ends_with(".test.js"));
    let mut paths: Vec<PathBuf> = paths.filter(is_test).collect();
    paths.sort();
    if paths.is_empty() { Err(format!("no test in {}", folder.display())) } else { Ok(paths) }
}
