//! Our broker as a process, and what it takes.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::harness::ports::free_broker_port;
use tests::harness::process::{Process, Runtime};
use tests::harness::remoting::RawClient;
use tests::harness::{machine, ours};

const START_MAX: Duration = Duration::from_secs(600);
const STOP_MAX: Duration = Duration::from_secs(300);
/// A broker that takes less than [`REST_CPU`] in this time, twice in a row, is at rest.
const REST_SPAN: Duration = Duration::from_millis(100);
const REST_CPU: Duration = Duration::from_millis(5);
const REST_MAX: Duration = Duration::from_secs(60);

/// The sizes of the embedded profile, which is made for many small brokers.
pub const EMBEDDED: &[(&str, &str)] = &[
    ("serverSelectorThreads", "2"),
    ("mappedFileSizeCommitLog", "16777216"),
    ("mappedFileSizeConsumeQueue", "400000"),
    ("maxHashSlotNum", "20000"),
    ("maxIndexNum", "80000"),
];

/// A running broker.
pub struct Broker {
    process: Process,
    port: u16,
}

/// What a start took, up to the first message that was stored.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    pub time: Duration,
    pub cpu: Duration,
    pub usage: Usage,
}

/// What the process holds at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    pub rss_kib: u64,
    /// Resident without mapped files.
    pub anonymous_kib: u64,
    pub files: usize,
    pub mappings: usize,
}

impl Broker {
    /// Starts one with its files below `home`, and waits until it stores a message.
    pub fn start(home: &Path, properties: &[(&str, &str)]) -> (Broker, Start) {
        Broker::try_start(home, properties).unwrap_or_else(|account| panic!("no start\n{account}"))
    }

    /// Starts one. When it ends before it stores a message: its last words.
    pub fn try_start(home: &Path, properties: &[(&str, &str)]) -> Result<(Broker, Start), String> {
        let port = free_broker_port();
        let file = home.join("broker.properties");
        let text = properties_text(home, port, properties);
        fs::write(&file, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", file.display()));
        let mut command = ours::broker();
        command.args(["--log", "warn", "-c"]).arg(&file);
        let started = Instant::now();
        let mut broker = Broker { process: Process::spawn("broker", Runtime::Native, command, home), port };
        while broker.client().and_then(|mut client| client.send("first", 0, "", b"first")).is_err() {
            let account = || broker.process.account();
            assert!(started.elapsed() < START_MAX, "no send succeeds\n{}", account());
            if !broker.process.is_running() {
                return Err(broker.process.account());
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        let time = started.elapsed();
        let start = Start { time, cpu: broker.cpu(), usage: broker.usage() };
        Ok((broker, start))
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn client(&self) -> std::io::Result<RawClient> {
        RawClient::connect(&self.address(), Duration::from_secs(60))
    }

    /// A connection for one request at a time.
    pub fn connect(&self) -> RawClient {
        self.client().unwrap_or_else(|e| panic!("no connection: {e}\n{}", self.process.account()))
    }

    /// CPU time so far.
    pub fn cpu(&self) -> Duration {
        machine::cpu_time(self.process.id())
    }

    /// What it holds now.
    pub fn usage(&self) -> Usage {
        let folder = format!("/proc/{}", self.process.id());
        let read = |name: &str| fs::read_to_string(format!("{folder}/{name}")).unwrap_or_default();
        let status = read("status");
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0)
        };
        Usage {
            rss_kib: kib("VmRSS:"),
            anonymous_kib: kib("RssAnon:"),
            files: fs::read_dir(format!("{folder}/fd")).map_or(0, Iterator::count),
            mappings: read("maps").lines().count(),
        }
    }

    /// Waits until it has nothing left to do.
    pub fn rest(&self) {
        let (start, mut quiet) = (Instant::now(), 0);
        while quiet < 2 && start.elapsed() < REST_MAX {
            let before = self.cpu();
            std::thread::sleep(REST_SPAN);
            quiet = if self.cpu().saturating_sub(before) < REST_CPU { quiet + 1 } else { 0 };
        }
    }

    /// CPU time of `action`, with what it leaves to be done.
    pub fn cpu_of<T>(&self, action: impl FnOnce() -> T) -> (T, Duration) {
        let before = self.cpu();
        let done = action();
        self.rest();
        (done, self.cpu().saturating_sub(before))
    }

    /// Runs `mqbroker bench` against it and gives its figures.
    pub fn bench(&self, arguments: &str) -> Value {
        let output = ours::run(&mut self.bench_command(arguments), || self.process.account());
        serde_json::from_slice(&output).unwrap_or_else(|e| panic!("bench printed no JSON: {e}"))
    }

    /// What runs `mqbroker bench` against it.
    pub fn bench_command(&self, arguments: &str) -> Command {
        let mut command = Command::new(ours::binary());
        command.arg("bench").args(arguments.split_whitespace());
        command.args(["--json", "--pid", &self.process.id().to_string(), &self.address()]);
        command
    }

    /// Ends it; how long that takes.
    pub fn stop(mut self) -> Duration {
        let start = Instant::now();
        self.process.terminate(STOP_MAX);
        start.elapsed()
    }

    /// SIGKILL.
    pub fn kill9(mut self) {
        self.process.kill9();
    }
}

/// Java's defaults but for what keeps it on this machine, and `more`.
fn properties_text(home: &Path, port: u16, more: &[(&str, &str)]) -> String {
    let store = store_dir(home).display().to_string();
    let mut text = String::new();
    let own = [
        ("brokerName", "growth"),
        ("brokerIP1", "127.0.0.1"),
        ("listenPort", &port.to_string()),
        ("storePathRootDir", &store),
        ("storePathCommitLog", &format!("{store}/commitlog")),
        ("diskMaxUsedSpaceRatio", "95"),
    ];
    for (key, value) in own.iter().chain(more) {
        let _ = writeln!(text, "{key}={value}");
    }
    text
}

/// Where a broker with this home keeps its messages.
pub fn store_dir(home: &Path) -> PathBuf {
    home.join("store")
}

/// Every file below `dir`.
pub fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => dirs.push(entry.path()),
                _ => files.push(entry.path()),
            }
        }
    }
    files
}

/// Takes the pages of the store's files out of memory, as far as they are on disk.
pub fn drop_cache(home: &Path) {
    for path in files_below(&store_dir(home)) {
        let Ok(file) = fs::File::open(&path) else { continue };
        let _ = file.sync_all();
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    }
}
