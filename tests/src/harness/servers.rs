//! NameServers and brokers as processes, ours or the Java ones, behind one face.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::dirs::Scratch;
use super::ports::{free_broker_port, free_port};
use super::process::{Process, Runtime};
use super::toolchain;

/// The line both implementations print when requests are served.
const READY: &str = "boot success";
const START_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// Cluster name in every test.
pub const CLUSTER: &str = "TestCluster";
/// Broker name unless a test sets another.
pub const BROKER: &str = "test-a";

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// This repository's.
    Ours,
    /// Apache RocketMQ 4.9.7.
    Java,
}

impl Flavor {
    /// What `TEST_SERVERS` asks for: `java`, or `ours` (also when unset).
    pub fn under_test() -> Flavor {
        Flavor::from_variable("TEST_SERVERS").unwrap_or(Flavor::Ours)
    }

    /// The same for NameServers; `TEST_NAMESRV` overrides it, which tells whose fault a failure is.
    pub fn namesrv_under_test() -> Flavor {
        Flavor::from_variable("TEST_NAMESRV").unwrap_or_else(Flavor::under_test)
    }

    fn from_variable(name: &str) -> Option<Flavor> {
        match std::env::var(name).as_deref() {
            Ok("java") => Some(Flavor::Java),
            Ok("ours") => Some(Flavor::Ours),
            Ok(other) => panic!("{name}={other:?}: say ours or java"),
            Err(_) => None,
        }
    }

    fn runtime(self) -> Runtime {
        match self {
            Flavor::Ours => Runtime::Native,
            Flavor::Java => Runtime::Java,
        }
    }

    fn command(self, program: Program, home: &Path) -> Command {
        match self {
            Flavor::Ours => Command::new(our_binary(program)),
            Flavor::Java => java_server(program, home),
        }
    }
}

#[derive(Clone, Copy)]
enum Program {
    Broker,
    NameServer,
}

/// `MQBROKER_BIN` / `MQNAMESRV_BIN`, else the binary that lies next to this test in `target/<profile>/`.
fn our_binary(program: Program) -> PathBuf {
    let (variable, name) = match program {
        Program::Broker => ("MQBROKER_BIN", "mqbroker"),
        Program::NameServer => ("MQNAMESRV_BIN", "mqnamesrv"),
    };
    let path = std::env::var_os(variable).map(PathBuf::from).unwrap_or_else(|| {
        let test = std::env::current_exe().unwrap_or_else(|e| panic!("where is this test: {e}"));
        // target/<profile>/deps/all-<hash>
        test.ancestors().nth(2).map(|profile| profile.join(name)).unwrap_or_default()
    });
    assert!(
        path.is_file(),
        "{} is missing: run `cargo build -p libbroker --bins` first, or set {variable}",
        path.display()
    );
    path
}

/// Our `mqbroker`, whatever servers are under test and whatever the environment says.
pub fn mqbroker() -> Command {
    let mut command = Command::new(our_binary(Program::Broker));
    for variable in
        ["ROCKETMQ_HOME", "NAMESRV_ADDR", "MQBROKER_LOG", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"]
    {
        command.env_remove(variable);
    }
    command
}

fn java_server(program: Program, home: &Path) -> Command {
    let (class, log) = match program {
        Program::Broker => ("org.apache.rocketmq.broker.BrokerStartup", "logback_broker.xml"),
        Program::NameServer => ("org.apache.rocketmq.namesrv.NamesrvStartup", "logback_namesrv.xml"),
    };
    let conf = home.join("conf");
    fs::create_dir_all(&conf).unwrap_or_else(|e| panic!("cannot create {}: {e}", conf.display()));
    write(&conf.join(log), &logback(&home.join("server.log")));
    let mut java = java(home);
    java.args(["-XX:MaxDirectMemorySize=512m", "-cp", toolchain::java_servers(), class]);
    java
}

/// A JVM with a small heap and a quick start, that writes nowhere but below `home`.
pub fn java(home: &Path) -> Command {
    let mut java = Command::new("java");
    java.args(["-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"])
        // The Java store unmaps files by reflection; without these its orderly stop fails half way.
        .args(
            ["java.nio", "sun.nio.ch", "jdk.internal.ref"]
                .map(|package| format!("--add-opens=java.base/{package}=ALL-UNNAMED")),
        )
        .arg("-Djava.net.preferIPv4Stack=true")
        .arg(format!("-Duser.home={}", home.display()))
        .arg(format!("-Drocketmq.home.dir={}", home.display()))
        .arg(format!("-Drocketmq.client.logRoot={}", home.join("client-logs").display()))
        .env_remove("ROCKETMQ_HOME")
        .env_remove("NAMESRV_ADDR")
        .env_remove("JAVA_TOOL_OPTIONS")
        .current_dir(home);
    java
}

fn logback(file: &Path) -> String {
    format!(
        r#"<configuration>
  <appender name="file" class="ch.qos.logback.core.FileAppender">
    <file>{}</file>
    <encoder><pattern>%d{{HH:mm:ss.SSS}} %-5p %t %logger{{20}} - %m%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="file"/></root>
</configuration>
"#,
        file.display()
    )
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
}

fn properties_text<'a>(properties: impl IntoIterator<Item = &'a (String, String)>) -> String {
    let mut text = String::new();
    for (key, value) in properties {
        let _ = writeln!(text, "{key}={value}");
    }
    text
}

/// A running NameServer.
#[derive(Debug)]
pub struct NameServer {
    port: u16,
    process: Process,
}

impl NameServer {
    /// Starts one that keeps its files in `home`, and waits until it is ready.
    pub fn start(flavor: Flavor, home: &Path) -> NameServer {
        let port = free_port();
        let file = home.join("namesrv.properties");
        let key_values = home.join("kvConfig.json");
        write(&file, &format!("listenPort={port}\nkvConfigPath={}\n", key_values.display()));
        let mut command = flavor.command(Program::NameServer, home);
        command.arg("-c").arg(&file);
        let mut process = Process::spawn(&format!("namesrv-{port}"), flavor.runtime(), command, home);
        process.wait_for_line(READY, START_TIMEOUT);
        NameServer { port, process }
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Ends it with SIGTERM.
    pub fn stop(mut self) {
        self.process.terminate(STOP_TIMEOUT);
    }
}

/// What a broker is started with.
#[derive(Debug, Clone)]
pub struct BrokerOptions {
    /// Whose broker.
    pub flavor: Flavor,
    /// Semicolon separated NameServer addresses.
    pub namesrv: String,
    /// The store directory, `storePathRootDir`.
    pub store: PathBuf,
    /// Where logs and the properties file go.
    pub home: PathBuf,
    /// Java properties on top of (and overriding) the ones of [`Broker::new`].
    pub properties: Vec<(String, String)>,
}

impl BrokerOptions {
    /// The same options with one more property.
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.properties.push((key.to_owned(), value.to_string()));
        self
    }
}

/// A broker: its options, its port, and while it runs its process. It can be stopped or killed and started again.
#[derive(Debug)]
pub struct Broker {
    options: BrokerOptions,
    port: u16,
    process: Option<Process>,
    starts: u32,
}

impl Broker {
    /// A broker that does not run yet, with a port of its own.
    pub fn new(options: BrokerOptions) -> Broker {
        Broker { options, port: free_broker_port(), process: None, starts: 0 }
    }

    /// [`Broker::new`] and [`Broker::start_again`].
    pub fn start(options: BrokerOptions) -> Broker {
        let mut broker = Broker::new(options);
        broker.start_again();
        broker
    }

    /// Starts it on its store and waits until it is ready.
    pub fn start_again(&mut self) {
        self.launch();
        self.wait_ready();
    }

    /// Starts it without waiting.
    pub fn launch(&mut self) {
        assert!(self.process.is_none(), "the broker runs already");
        let home = &self.options.home;
        let file = home.join(format!("broker-{}.properties", self.port));
        write(&file, &properties_text(&self.properties()));
        let mut command = self.options.flavor.command(Program::Broker, home);
        command.arg("-c").arg(&file);
        self.starts += 1;
        let name = format!("broker-{}-{}", self.port, self.starts);
        self.process = Some(Process::spawn(&name, self.options.flavor.runtime(), command, home));
    }

    /// Waits until it serves requests.
    pub fn wait_ready(&mut self) {
        self.process().wait_for_line(READY, START_TIMEOUT);
    }

    /// Small files (a broker of ours allocates them on disk), short periods, all features on.
    fn properties(&self) -> Vec<(String, String)> {
        let store = self.options.store.display().to_string();
        let port = self.port.to_string();
        let base = [
            ("brokerClusterName", CLUSTER),
            ("brokerName", BROKER),
            ("brokerId", "0"),
            ("brokerIP1", "127.0.0.1"),
            ("listenPort", &port),
            ("namesrvAddr", &self.options.namesrv),
            ("storePathRootDir", &store),
            ("mappedFileSizeCommitLog", "16777216"),
            ("mappedFileSizeConsumeQueue", "200000"),
            ("maxHashSlotNum", "10000"),
            ("maxIndexNum", "40000"),
            ("diskMaxUsedSpaceRatio", "95"),
            ("autoCreateTopicEnable", "true"),
            ("enablePropertyFilter", "true"),
            ("transactionCheckInterval", "1000"),
            ("transactionTimeOut", "1000"),
        ];
        let overridden = |key: &str| self.options.properties.iter().any(|(name, _)| name == key);
        base.into_iter()
            .filter(|(key, _)| !overridden(key))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .chain(self.options.properties.iter().cloned())
            .collect()
    }

    fn process(&mut self) -> &mut Process {
        self.process.as_mut().unwrap_or_else(|| panic!("the broker does not run"))
    }

    /// Whether the process is there.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The options, to start another one like it.
    pub fn options(&self) -> &BrokerOptions {
        &self.options
    }

    /// SIGTERM. The broker must end in time, orderly, and leave no abort marker behind.
    pub fn stop(&mut self) {
        let status = self.process().terminate(STOP_TIMEOUT);
        let process = self.process.take().unwrap_or_else(|| panic!("the broker does not run"));
        // A JVM that ends by SIGTERM reports 143 even after an orderly stop.
        let orderly = status.success() || (self.options.flavor == Flavor::Java && status.code() == Some(143));
        assert!(orderly, "the broker ended with {status}\n{}", process.account());
        let marker = self.options.store.join("abort");
        assert!(
            !marker.exists(),
            "{} is there after an orderly stop\n{}",
            marker.display(),
            process.account()
        );
    }

    /// SIGKILL.
    pub fn kill9(&mut self) {
        self.process().kill9();
        self.process = None;
    }

    /// The last output, for the report of a failure.
    pub fn account(&self) -> String {
        self.process.as_ref().map(Process::account).unwrap_or_default()
    }
}

/// One NameServer and one broker in a scratch directory.
#[derive(Debug)]
pub struct Cluster {
    /// The broker, to be stopped and killed by tests.
    pub broker: Broker,
    /// The NameServer it registers at.
    pub namesrv: NameServer,
    /// Logs, store and everything else of this test.
    pub scratch: Scratch,
}

impl Cluster {
    /// Both of the flavour under test.
    pub fn start(name: &str) -> Cluster {
        Cluster::start_with(name, &[])
    }

    /// Both of the flavour under test, with broker properties.
    pub fn start_with(name: &str, properties: &[(&str, &str)]) -> Cluster {
        Cluster::start_mixed(name, Flavor::namesrv_under_test(), Flavor::under_test(), properties)
    }

    /// A NameServer and a broker of chosen flavours.
    pub fn start_mixed(name: &str, namesrv: Flavor, broker: Flavor, properties: &[(&str, &str)]) -> Cluster {
        let scratch = Scratch::new(name);
        let namesrv = NameServer::start(namesrv, &scratch.dir("namesrv"));
        let mut options = BrokerOptions {
            flavor: broker,
            namesrv: namesrv.address(),
            store: scratch.dir("store"),
            home: scratch.dir("broker"),
            properties: Vec::new(),
        };
        for (key, value) in properties {
            options = options.with(key, value);
        }
        let broker = Broker::start(options);
        Cluster { broker, namesrv, scratch }
    }
}
