//! The brokers that are compared, as they are run in earnest.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::harness::ports::free_broker_port;
use tests::harness::process::{Process, Runtime};
use tests::harness::remoting::RawClient;
use tests::harness::servers::java;
use tests::harness::{machine, ours, toolchain};

/// The options of Java's start script, with half of its heap and without its `AlwaysPreTouch`, which would make the whole heap
/// resident. They come behind those of the harness and override them.
const JVM: &[&str] = &[
    "-server",
    "-XX:-UseSerialGC",
    "-XX:+UseG1GC",
    "-XX:TieredStopAtLevel=4",
    "-Xms4g",
    "-Xmx4g",
    "-XX:G1HeapRegionSize=16m",
    "-XX:G1ReservePercent=25",
    "-XX:InitiatingHeapOccupancyPercent=30",
    "-XX:SoftRefLRUPolicyMSPerMB=0",
    "-XX:MaxDirectMemorySize=1g",
];
const LOGBACK: &str = r#"<configuration>
  <appender name="file" class="ch.qos.logback.core.FileAppender">
    <file>FILE</file>
    <encoder><pattern>%d %-5p %t %logger{20} - %m%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="file"/></root>
</configuration>
"#;
const START_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(60);

/// Whose broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contestant {
    Java,
    Ours,
}

impl Contestant {
    /// In the order of every round.
    pub const ALL: [Contestant; 2] = [Contestant::Java, Contestant::Ours];

    pub fn name(self) -> &'static str {
        match self {
            Contestant::Java => "Java 4.9.7",
            Contestant::Ours => "mqbroker",
        }
    }
}

/// When an answer may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    Async,
    Sync,
}

impl Flush {
    fn property(self) -> &'static str {
        match self {
            Flush::Async => "ASYNC_FLUSH",
            Flush::Sync => "SYNC_FLUSH",
        }
    }
}

/// A running broker on a store of its own.
pub struct Running {
    process: Process,
    port: u16,
    started: Instant,
}

impl Running {
    /// Starts one with its files below `home`, and does not wait.
    pub fn launch(contestant: Contestant, flush: Flush, home: &Path) -> Running {
        let port = free_broker_port();
        let file = home.join("broker.properties");
        write(&file, &properties(home, port, flush));
        let (runtime, mut command) = match contestant {
            Contestant::Java => (Runtime::Java, java_broker(home)),
            Contestant::Ours => (Runtime::Native, ours::broker()),
        };
        command.arg("-c").arg(&file);
        let started = Instant::now();
        let process = Process::spawn("broker", runtime, command, home);
        Running { process, port, started }
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Time from the start of the process until a message was stored, which is tried until it succeeds, and the CPU time that
    /// the process has used then.
    pub fn first_send(&self) -> (Duration, Duration) {
        let attempt = || {
            let mut client = RawClient::connect(&self.address(), Duration::from_secs(5))?;
            client.send("first", 0, "", b"first")
        };
        while attempt().is_err() {
            assert!(self.started.elapsed() < START_MAX, "no send succeeds\n{}", self.process.account());
            std::thread::sleep(Duration::from_micros(500));
        }
        (self.started.elapsed(), machine::cpu_time(self.pid()))
    }

    /// Runs `mqbroker bench` against it and gives its figures.
    pub fn bench(&self, arguments: &[String], topic: &str) -> Value {
        let pid = self.pid().to_string();
        let mut command = Command::new(ours::binary());
        command.arg("bench").args(arguments).args(["--topic", topic, "--pid", &pid, "--json"]);
        let output = ours::run(command.arg(self.address()), || self.process.account());
        let figures: Value =
            serde_json::from_slice(&output).unwrap_or_else(|e| panic!("{command:?} printed no JSON: {e}"));
        let wrong = |name: &str| figures.get(name).and_then(Value::as_u64).filter(|count| *count > 0);
        for name in ["failed", "out_of_order", "lost", "parked_answered"] {
            if let Some(count) = wrong(name) {
                crate::progress(&format!("  {name}: {count}; {}", figures["first_failure"]));
            }
        }
        figures
    }

    /// Ends it.
    pub fn stop(mut self) {
        self.process.terminate(STOP_MAX);
    }
}

/// What the machine can do, as `mqbroker bench limits` puts it, with its files below `dir`.
pub fn limits(dir: &Path) -> String {
    let mut command = Command::new(ours::binary());
    let output = ours::run(command.args(["bench", "limits", "--dir"]).arg(dir), String::new);
    String::from_utf8_lossy(&output).into_owned()
}

/// The defaults of both but for what keeps them on this machine.
fn properties(home: &Path, port: u16, flush: Flush) -> String {
    let store = home.join("store").display().to_string();
    let mut text = String::new();
    for (key, value) in [
        ("brokerName", "compare"),
        ("brokerIP1", "127.0.0.1"),
        ("listenPort", &port.to_string()),
        ("storePathRootDir", &store),
        ("storePathCommitLog", &format!("{store}/commitlog")),
        ("flushDiskType", flush.property()),
        ("diskMaxUsedSpaceRatio", "95"),
    ] {
        let _ = writeln!(text, "{key}={value}");
    }
    text
}

fn java_broker(home: &Path) -> Command {
    let conf = home.join("conf");
    fs::create_dir_all(&conf).unwrap_or_else(|e| panic!("cannot create {}: {e}", conf.display()));
    let log = home.join("server.log").display().to_string();
    write(&conf.join("logback_broker.xml"), &LOGBACK.replace("FILE", &log));
    let mut java = java(home);
    java.args(JVM).args(["-cp", toolchain::java_servers(), "org.apache.rocketmq.broker.BrokerStartup"]);
    java
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
}
