//! Client programs in other languages. All take the same arguments and speak the same lines:
//!
//! * arguments: NameServer address, comma separated scenario names, a JSON object of scenario arguments
//! * `{"event":NAME,…}` on standard output: the program waits for the test, which answers with one line on standard input
//! * `{"scenario":NAME,"result":"passed"|"failed","reason":…,"output":{…}}` at the end of each scenario
//! * anything that is not a JSON object is chatter of the client library
//!
//! A failed check ends its scenario, not the program; the exit code is 0 only when all passed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::dirs::tests_dir;
use super::process::{Process, Runtime};
use super::servers::java;
use super::toolchain;

/// How a Java client writes the headers of its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serialization {
    /// The default.
    Json,
    /// `-Drocketmq.serialize.type=ROCKETMQ`, the binary form.
    Rocketmq,
}

/// Longer than any scenario list takes on a slow machine.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A running client program.
#[derive(Debug)]
pub struct Driver {
    process: Process,
    scenarios: Vec<String>,
    deadline: Instant,
    outputs: BTreeMap<String, Value>,
    failures: Vec<String>,
}

impl Driver {
    /// The Java client 4.9.8.
    pub fn java(
        form: Serialization,
        namesrv: &str,
        home: &Path,
        scenarios: &[&str],
        arguments: &Value,
    ) -> Driver {
        let mut command = java(home);
        let form = match form {
            Serialization::Json => "JSON",
            Serialization::Rocketmq => "ROCKETMQ",
        };
        command
            .arg(format!("-Drocketmq.serialize.type={form}"))
            // The client rebalances and gives up queue locks every 20 s by default; tests have no time for that.
            .arg("-Drocketmq.client.rebalance.waitInterval=1000")
            .arg("-Drocketmq.client.rebalance.lockInterval=1000")
            .arg("-Drocketmq.client.unlockDelayTimeMills=500")
            .args(["-cp", toolchain::java_driver(), "io.libbroker.clients.Main"]);
        Driver::start("java-client", Runtime::Java, command, namesrv, home, scenarios, arguments)
    }

    /// The Go client 2.1.2.
    pub fn go(namesrv: &str, home: &Path, scenarios: &[&str], arguments: &Value) -> Driver {
        let command = Command::new(toolchain::go_driver());
        Driver::start("go-client", Runtime::Native, command, namesrv, home, scenarios, arguments)
    }

    /// The C++ client library inside the Python package `rocketmq` 0.4.4.
    pub fn python(namesrv: &str, home: &Path, scenarios: &[&str], arguments: &Value) -> Driver {
        let mut command = Command::new(toolchain::python());
        command.arg("-u").arg(tests_dir().join("clients/python/driver.py"));
        Driver::start("python-client", Runtime::Native, command, namesrv, home, scenarios, arguments)
    }

    fn start(
        name: &str,
        runtime: Runtime,
        mut command: Command,
        namesrv: &str,
        home: &Path,
        scenarios: &[&str],
        arguments: &Value,
    ) -> Driver {
        command.arg(namesrv).arg(scenarios.join(",")).arg(arguments.to_string());
        // Client libraries write their logs below the home directory.
        command.env("HOME", home).current_dir(home);
        Driver {
            process: Process::spawn(name, runtime, command, home),
            scenarios: scenarios.iter().map(|name| (*name).to_owned()).collect(),
            deadline: Instant::now() + TIMEOUT,
            outputs: BTreeMap::new(),
            failures: Vec::new(),
        }
    }

    /// Waits until the program announces `event`, and gives what it says about it.
    pub fn wait_event(&mut self, event: &str) -> Value {
        while let Some(record) = self.next_record() {
            match record["event"].as_str() {
                Some(name) if name == event => return record,
                Some(name) => panic!("expected the event {event}, found {name}\n{}", self.process.account()),
                None => {}
            }
        }
        panic!("the program ended before {event}: {:?}\n{}", self.failures, self.process.account());
    }

    /// Lets a program go on that waits after an event.
    pub fn go_on(&mut self) {
        self.process.write_line("go");
    }

    /// Waits for the end and gives the outputs by scenario. Panics when one failed.
    pub fn finish(mut self) -> BTreeMap<String, Value> {
        while let Some(record) = self.next_record() {
            assert!(record["event"].is_null(), "unexpected event {record}");
        }
        let status = self.process.wait(Duration::from_secs(30));
        for name in &self.scenarios {
            if !self.outputs.contains_key(name)
                && !self.failures.iter().any(|failure| failure.starts_with(name))
            {
                self.failures.push(format!("{name}: no result"));
            }
        }
        assert!(
            self.failures.is_empty() && status.success(),
            "{} ended with {status}; failed:\n{}\n{}",
            self.process.name(),
            self.failures.join("\n"),
            self.process.account()
        );
        self.outputs
    }

    fn next_record(&mut self) -> Option<Value> {
        loop {
            let line = self.process.next_line(self.deadline.saturating_duration_since(Instant::now()))?;
            if let Ok(record @ Value::Object(_)) = serde_json::from_str(&line) {
                self.note_result(&record);
                return Some(record);
            }
        }
    }

    fn note_result(&mut self, record: &Value) {
        let Some(scenario) = record["scenario"].as_str() else { return };
        if record["result"] == "passed" {
            self.outputs.insert(scenario.to_owned(), record["output"].clone());
        } else {
            self.failures
                .push(format!("{scenario}: {}", record["reason"].as_str().unwrap_or("no reason given")));
        }
    }
}
