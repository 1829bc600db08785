//! The tasks and the order of their steps.

use std::process::Command;

use crate::place::{CHECKED, Place, RELEASE};
use crate::steps::{Closing, Result, Runner, Steps};
use crate::{c, checks, node, python, tools};

/// One task of `cargo ci`.
pub struct Task {
    /// What stands behind `cargo ci`.
    pub name: &'static str,
    /// One line of explanation.
    pub does: &'static str,
    /// Does it.
    pub run: fn(&Place) -> Result,
}

const TASKS: &[Task] = &[
    Task { name: "test", does: "everything: checks, then the tests of every language", run: test },
    Task { name: "check", does: "the quick part: format, lints, tidy, docs, C header", run: check },
    Task { name: "tidy", does: "the rules that the compiler does not know", run: tidy },
    Task { name: "header", does: "writes include/broker.h anew", run: header },
    Task { name: "types", does: "writes node/native.d.ts anew", run: types },
    Task {
        name: "deps",
        does: "licences, sources and duplicates of the dependencies (cargo-deny)",
        run: deps,
    },
    Task {
        name: "crash",
        does: "500 kills under load, full disks, failing disks, 10000 bit flips",
        run: crash,
    },
    Task { name: "c", does: "the tests of the C library alone", run: c_tests },
    Task { name: "node", does: "the tests of the Node package alone", run: node_tests },
    Task { name: "python", does: "the tests of the Python package alone", run: python_tests },
    Task { name: "wheel", does: "builds and tries the Python wheel for release: target/wheels", run: wheel },
    Task {
        name: "c-library",
        does: "builds the C library for release into target/c-library",
        run: c_library,
    },
    Task { name: "addon", does: "builds the Node addon for release into node/", run: addon },
];

/// The task called `name`.
pub fn find(name: &str) -> Option<&'static Task> {
    TASKS.iter().find(|task| task.name == name)
}

/// The list of tasks for the terminal.
pub fn list() -> String {
    let mut text = "usage: cargo ci <task>\n\n".to_owned();
    for task in TASKS {
        text.push_str(&format!("  {:<9} {}\n", task.name, task.does));
    }
    text
}

fn test(place: &Place) -> Result {
    let mut steps = Steps::new();
    if !steps.run("toolchains", |_| tools::check()) {
        return steps.finish("test");
    }
    quick(place, &mut steps);
    steps.run("rust", |out| {
        out.run(
            &mut place.cargo(&["test", "--workspace", "--exclude", "tests", "--no-fail-fast"]),
            Runner::Cargo,
        )
    });
    steps.run("fuzz", |out| fuzz(place, out));
    if steps.run("build", |out| build(place, out, &["libbroker", "broker-ffi", "broker-node"])) {
        steps.run("c", |out| c::test(place, out));
        steps.run("node", |out| node::test(place, out));
        steps.run("clients", |out| clients(place, out));
    }
    steps.run("python", |out| python::test(place, out));
    steps.finish("test")
}

fn check(place: &Place) -> Result {
    let mut steps = Steps::new();
    quick(place, &mut steps);
    steps.finish("check")
}

fn quick(place: &Place, steps: &mut Steps) {
    steps.run("format", |out| out.run(&mut place.cargo(&["fmt", "--all", "--check"]), Runner::None));
    steps.run("tidy", |_| checks::tidy(place));
    steps.run("lints", |out| {
        let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        out.run(&mut place.cargo(&arguments), Runner::None)
    });
    steps.run("docs", |out| {
        let mut command = place.cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]);
        // The pages are for who works on the code: private items are in them and may be linked to.
        let flags = "-D warnings -A rustdoc::private-intra-doc-links";
        out.run(command.env("RUSTDOCFLAGS", flags), Runner::None)
    });
    steps.run("header", |out| checks::header(place, out, "check"));
}

/// Builds what is tested from outside, all in one go, so that common parts are built once.
fn build(place: &Place, out: &mut Closing, packages: &[&str]) -> Result {
    let packages = packages.iter().flat_map(|package| ["-p", package]);
    out.run(place.cargo(&["build", "--profile", CHECKED]).args(packages), Runner::None)
}

/// What is fuzzed, with random changes instead of libFuzzer's: any compiler can. A workspace of its own, so it is asked for by name.
fn fuzz(place: &Place, out: &mut Closing) -> Result {
    let mut command = place.cargo(&["test", "--manifest-path", "fuzz/Cargo.toml", "--no-default-features"]);
    out.run(command.arg("--target-dir").arg(place.target("fuzz")), Runner::Cargo)
}

/// The tests that need a server process: official clients, golden bytes, crashes.
fn clients(place: &Place, out: &mut Closing) -> Result {
    out.run(&mut server_tests(place, &["--no-fail-fast"]), Runner::Cargo)
}

/// What `test` does in short, at length.
fn crash(place: &Place) -> Result {
    let mut steps = Steps::new();
    steps.run("faults, bit flips, deletions", |out| {
        let arguments = ["test", "--profile", CHECKED, "-p", "libbroker", "--lib", "--", "--nocapture"];
        let mut command = place.cargo(&arguments);
        out.run(at_length(command.args(["faults", "bit_flips", "topic_deletion"])), Runner::Cargo)
    });
    if steps.run("build", |out| build(place, out, &["libbroker"])) {
        steps.run("kills, full disks, swaps", |out| {
            let arguments = ["--test", "all", "--", "--nocapture", "crash::", "full_disk::", "store_swaps::"];
            out.run(at_length(&mut server_tests(place, &arguments)), Runner::Cargo)
        });
    }
    steps.finish("crash")
}

/// How much is done, unless the environment says otherwise.
fn at_length(command: &mut Command) -> &mut Command {
    let amounts = [
        ("TEST_CRASH_ROUNDS", "500"),
        ("TEST_FULL_CYCLES", "50"),
        ("TEST_FLIPS", "10000"),
        ("TEST_DELETION_ROUNDS", "10000"),
        ("TEST_SWAP_ROUNDS", "20"),
    ];
    let unset = amounts.into_iter().filter(|(name, _)| std::env::var_os(name).is_none());
    command.envs(unset)
}

/// The `tests` crate, against the servers that [`build`] made.
fn server_tests(place: &Place, arguments: &[&str]) -> Command {
    let mut command = place.cargo(&["test", "-p", "tests"]);
    command.args(arguments);
    command.env("MQBROKER_BIN", place.built(CHECKED).join("mqbroker"));
    command.env("MQNAMESRV_BIN", place.built(CHECKED).join("mqnamesrv"));
    command
}

fn tidy(place: &Place) -> Result {
    checks::tidy(place)
}

fn header(place: &Place) -> Result {
    let mut steps = Steps::new();
    steps.run("header", |out| checks::header(place, out, "write"));
    steps.finish("header")
}

fn types(place: &Place) -> Result {
    let mut steps = Steps::new();
    steps.run("types", |out| node::types(place, out));
    steps.finish("types")
}

fn deps(place: &Place) -> Result {
    let mut steps = Steps::new();
    steps.run("deps", |out| checks::deps(place, out));
    steps.finish("deps")
}

fn python_tests(place: &Place) -> Result {
    let mut steps = Steps::new();
    steps.run("python", |out| python::test(place, out));
    steps.finish("python")
}

fn wheel(place: &Place) -> Result {
    let mut steps = Steps::new();
    steps.run("wheel", |out| python::wheel(place, out));
    steps.finish("wheel")
}

fn c_tests(place: &Place) -> Result {
    let mut steps = Steps::new();
    if steps.run("build", |out| build(place, out, &["broker-ffi"])) {
        steps.run("c", |out| c::test(place, out));
    }
    steps.finish("c")
}

fn node_tests(place: &Place) -> Result {
    let mut steps = Steps::new();
    if steps.run("build", |out| build(place, out, &["broker-node"])) {
        steps.run("node", |out| node::test(place, out));
    }
    steps.finish("node")
}

fn c_library(place: &Place) -> Result {
    let mut steps = Steps::new();
    steps.run("c-library", |out| {
        out.run(&mut place.cargo(&["build", "--profile", RELEASE, "-p", "broker-ffi"]), Runner::None)?;
        c::library(place)
    });
    steps.finish("c-library")
}

fn addon(place: &Place) -> Result {
    let mut steps = Steps::new();
    steps.run("addon", |out| {
        out.run(&mut place.cargo(&["build", "--profile", RELEASE, "-p", "broker-node"]), Runner::None)?;
        node::install(place, RELEASE)
    });
    steps.finish("addon")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_found_by_name_and_listed() {
        for task in TASKS {
            assert!(find(task.name).is_some_and(|found| found.does == task.does));
            assert!(list().contains(task.does));
        }
        assert!(find("no-such-task").is_none());
    }
}
