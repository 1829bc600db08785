//! `mqbroker` with a NameServer of its own, as its users start it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use serde_json::Value;
use tests::harness::Scratch;
use tests::harness::process::{Process, Runtime};
use tests::harness::remoting::RawClient;
use tests::harness::servers::mqbroker;

use super::TIMEOUT;

/// Small files: a broker allocates them on disk.
const SMALL: [(&str, &str); 4] = [
    ("mappedFileSizeCommitLog", "4194304"),
    ("mappedFileSizeConsumeQueue", "200000"),
    ("maxHashSlotNum", "1000"),
    ("maxIndexNum", "4000"),
];

/// A running broker.
pub(super) struct Server {
    pub(super) process: Process,
    /// Of the broker.
    pub(super) address: String,
    pub(super) namesrv: String,
    pub(super) store: PathBuf,
}

impl Server {
    /// Starts what the command says, and waits for the line that says where it listens.
    pub(super) fn start(command: Command, scratch: &Scratch) -> Server {
        let mut process = Process::spawn("mqbroker", Runtime::Native, command, scratch.path());
        let line = process.wait_for_line("boot success", TIMEOUT);
        let between = |before: &str, after: &str| {
            let rest = line.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {line}")).1;
            rest.split(after).next().unwrap().to_owned()
        };
        Server {
            process,
            address: between(", ", "]"),
            namesrv: between("name server is ", ","),
            store: PathBuf::from(between("store=", " (temporary")),
        }
    }

    pub(super) fn connect(&self) -> RawClient {
        RawClient::connect(&self.address, TIMEOUT).unwrap()
    }

    /// What a command of the tool prints that goes to this broker.
    pub(super) fn printed(&self, words: &[&str]) -> String {
        let mut command = mqbroker();
        let output = command.args(words).args(["-b", &self.address]).stdin(Stdio::null()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {} {errors}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    /// One JSON object for each line that it prints.
    pub(super) fn objects(&self, words: &[&str]) -> Vec<Value> {
        let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
        let lines = self.printed(&words);
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Ends it with SIGTERM, orderly: the process says so, and no marker tells the next start that something was left undone.
    pub(super) fn stop(mut self) {
        let status = self.process.terminate(TIMEOUT);
        assert!(status.success(), "{status}\n{}", self.process.account());
        assert!(!self.store.join("abort").exists());
    }
}

/// `mqbroker` on free ports, for a home and a temporary directory below `scratch`.
pub(super) fn on_free_ports(scratch: &Scratch) -> Command {
    let mut command = bare(scratch);
    command.args(["--port", "0", "--namesrv-port", "0"]);
    command
}

/// [`on_free_ports`] with data in `store`, and properties beside those that keep files small.
pub(super) fn at(store: &Path, properties: &[(&str, &str)], scratch: &Scratch) -> Command {
    let mut command = on_free_ports(scratch);
    command.arg("--store").arg(store);
    command.arg("-c").arg(properties_file(&[&SMALL, properties].concat(), scratch));
    command
}

/// `mqbroker` without any choice but that of the log.
pub(super) fn bare(scratch: &Scratch) -> Command {
    let mut command = mqbroker();
    command.args(["--log", "warn"]);
    command.env("HOME", scratch.path()).env("TMPDIR", temporary(scratch));
    command
}

/// Where brokers make their temporary stores.
pub(super) fn temporary(scratch: &Scratch) -> PathBuf {
    scratch.dir("tmp")
}

/// A file of its own for these properties.
pub(super) fn properties_file(properties: &[(&str, &str)], scratch: &Scratch) -> PathBuf {
    let mut text = String::new();
    for (key, value) in properties {
        let _ = writeln!(text, "{key}={value}");
    }
    let folder = scratch.dir("properties");
    let number = fs::read_dir(&folder).unwrap().count();
    let file = folder.join(format!("broker-{number}.conf"));
    fs::write(&file, text).unwrap();
    file
}

/// Runs what is to fail: its exit code, and its last words. A broker that runs instead of failing is killed after a while.
pub(super) fn failed(command: Command, scratch: &Scratch) -> (i32, String) {
    let folder = scratch.dir("failed");
    let name = format!("failed-{}", fs::read_dir(&folder).unwrap().count());
    let mut process = Process::spawn(&name, Runtime::Native, command, &folder);
    let status: ExitStatus = process.wait(TIMEOUT);
    let log = fs::read_to_string(folder.join(format!("{name}.log"))).unwrap();
    // The harness begins it with the command line, which names everything already.
    let (_, said) = log.split_once('\n').unwrap();
    (status.code().unwrap_or_else(|| panic!("{status}\n{log}")), said.to_owned())
}
