//! What a host program chooses: a few options, and a map of Java's properties for everything else.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::clock::Clock;
pub use crate::config::Profile;
use crate::config::{Config, Loaded, Machine, Name, Origin, Program, ServerList, Sources};
use crate::error::{Error, ErrorKind};
use crate::runtime::logsink::LogSink;

/// Where the NameServer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Namesrv {
    /// In this handle, on `port`; 0 takes a free one, `None` the default of the profile.
    Embedded {
        /// The port to listen on.
        port: Option<u16>,
    },
    /// Elsewhere: `host:port` entries split by `;`.
    At(String),
}

/// What to start. The default is a broker with its own NameServer, both on free ports of the loopback, in a directory that
/// disappears with it; [`Options::server`] is what `mqbroker` starts.
///
/// An option and the property of the same meaning (`port` and `listenPort`, say) must not contradict each other; both win
/// over the file.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Where data is kept (`storePathRootDir`). `None`: the property, else a temporary directory (embedded profile) or
    /// `$HOME/store` (server profile).
    pub store_dir: Option<PathBuf>,
    /// The port to listen on (`listenPort`); 0 takes a free one. `None`: the property, else the default of the profile.
    pub port: Option<u16>,
    /// Where the NameServer is. `None`: at `namesrvAddr` when that is set, else in this handle.
    pub namesrv: Option<Namesrv>,
    /// Which defaults apply.
    pub profile: Profile,
    /// Java's properties.
    pub properties: Vec<(String, String)>,
    /// A properties file; also where updates at run time are written.
    pub file: Option<PathBuf>,
    /// Whether there is a broker; without one it is a NameServer alone.
    pub broker: bool,
    /// What everything that waits goes by: delays, checks of transactions, long polls, expiry of clients and files. `None`: the
    /// machine's clock. With [`Clock::manual`] a test moves time. Limits of waiting for the network are always real.
    pub clock: Option<Clock>,
    /// A snapshot to begin with: it is copied to the store directory, which must be empty or missing. The snapshot stays as it is.
    pub snapshot: Option<PathBuf>,
    /// Where the log of this broker goes. `None`: to the subscriber of `tracing` that the host has, if any.
    pub log: Option<LogSink>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            store_dir: None,
            port: None,
            namesrv: None,
            profile: Profile::Embedded,
            properties: Vec::new(),
            file: None,
            broker: true,
            clock: None,
            snapshot: None,
            log: None,
        }
    }
}

/// With the keys of the properties only: their values may be key material.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = self.properties.iter().map(|(key, _)| key.as_str()).collect();
        f.debug_struct("Options")
            .field("store_dir", &self.store_dir)
            .field("port", &self.port)
            .field("namesrv", &self.namesrv)
            .field("profile", &self.profile)
            .field("properties", &keys)
            .field("file", &self.file)
            .field("broker", &self.broker)
            .field("clock", &self.clock)
            .field("snapshot", &self.snapshot)
            .field("log", &self.log)
            .finish()
    }
}

impl Options {
    /// A broker inside a program or a test.
    pub fn new() -> Self {
        Self::default()
    }

    /// A standalone broker with Java's defaults, which may come from the environment.
    pub fn server() -> Self {
        Self { profile: Profile::Server, ..Self::default() }
    }

    /// A NameServer alone.
    pub fn namesrv_only(self) -> Self {
        Self { broker: false, ..self }
    }

    /// Keeps data in `dir`.
    pub fn store_dir(self, dir: impl Into<PathBuf>) -> Self {
        Self { store_dir: Some(dir.into()), ..self }
    }

    /// Listens on `port`; 0 takes a free one.
    pub fn port(self, port: u16) -> Self {
        Self { port: Some(port), ..self }
    }

    /// Chooses the NameServer.
    pub fn namesrv(self, namesrv: Namesrv) -> Self {
        Self { namesrv: Some(namesrv), ..self }
    }

    /// Adds one of Java's properties.
    pub fn property(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.push((key.into(), value.into()));
        self
    }

    /// Reads a properties file.
    pub fn file(self, path: impl Into<PathBuf>) -> Self {
        Self { file: Some(path.into()), ..self }
    }

    /// Goes by `clock`.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// Begins with a copy of a snapshot.
    pub fn snapshot(self, dir: impl Into<PathBuf>) -> Self {
        Self { snapshot: Some(dir.into()), ..self }
    }

    /// Logs to `sink`.
    pub fn log(self, sink: LogSink) -> Self {
        Self { log: Some(sink), ..self }
    }

    /// Checks the options and puts the configuration together. Touches nothing but the file it reads.
    pub fn resolve(&self) -> Result<Resolved, Error> {
        self.check()?;
        let program = if self.broker { Program::Broker } else { Program::Namesrv };
        let machine = this_machine(self.profile);
        let mut sources = Sources::new(program, self.profile, &machine);
        if let Some(file) = &self.file {
            sources.file(file);
        }
        for (key, value) in self.properties.iter().cloned().chain(self.as_properties()?) {
            sources.give(Origin::Property, key, value);
        }
        let loaded = sources.load()?;
        let temporary_store = self.profile == Profile::Embedded && loaded.given("storePathRootDir").is_none();
        let namesrv = if self.broker { loaded.config.broker.namesrv_addr.clone() } else { None };
        let clock = self.clock.clone().unwrap_or_else(Clock::system);
        let snapshot = self.snapshot.clone();
        Ok(Resolved { loaded, namesrv, broker: self.broker, temporary_store, clock, snapshot })
    }

    /// What the options say in Java's keys.
    fn as_properties(&self) -> Result<Vec<(String, String)>, Error> {
        let mut properties: Vec<(&str, String)> = Vec::new();
        if let Some(dir) = &self.store_dir {
            let dir = dir.to_str().ok_or_else(|| invalid(format!("store_dir {dir:?} is not UTF-8")))?;
            properties.push(("storePathRootDir", dir.to_owned()));
        }
        if let Some(port) = self.port {
            properties.push(("listenPort", port.to_string()));
        }
        match &self.namesrv {
            Some(Namesrv::At(list)) => properties.push(("namesrvAddr", list.clone())),
            Some(Namesrv::Embedded { port }) => {
                // An empty value unsets what the file or the environment says.
                properties.push(("namesrvAddr", String::new()));
                let key = if self.broker { "namesrvListenPort" } else { "listenPort" };
                properties.extend(port.map(|port| (key, port.to_string())));
            }
            None => {}
        }
        Ok(properties.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// Refuses options that contradict each other.
    fn check(&self) -> Result<(), Error> {
        if let (false, Some(snapshot)) = (self.broker, &self.snapshot) {
            return Err(invalid(format!("snapshot {}: a NameServer alone has no store", snapshot.display())));
        }
        if let (false, Some(Namesrv::At(list))) = (self.broker, &self.namesrv) {
            return Err(invalid(format!(
                "a NameServer alone was asked for, and one at {list}: nothing to start"
            )));
        }
        if matches!(&self.namesrv, Some(Namesrv::At(list)) if list.trim().is_empty()) {
            return Err(invalid("namesrv: the list of NameServers is empty; name one as host:port, or leave the option out to have one started here".to_owned()));
        }
        for (key, value) in self.as_properties()? {
            let other = self.properties.iter().rev().find(|(given, _)| *given == key);
            if let Some((_, other)) = other.filter(|(_, other)| other.trim() != value) {
                return Err(invalid(format!("{key}={other}: the option of the same meaning says {value:?}")));
            }
        }
        match (self.broker, self.port, &self.namesrv) {
            (false, Some(port), Some(Namesrv::Embedded { port: Some(other) })) if port != *other => Err(
                invalid(format!("port {port} and the NameServer's port {other} are both for the NameServer")),
            ),
            _ => Ok(()),
        }
    }
}

/// This machine. What the environment says about RocketMQ counts for a standalone server only: an embedded broker must not
/// depend on where its host was started.
fn this_machine(profile: Profile) -> Machine {
    let variable = |name: &str| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty());
        value.filter(|_| profile == Profile::Server)
    };
    let host_name = rustix::system::uname().nodename().to_str().ok().map(str::to_owned);
    Machine {
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        host_name: host_name.filter(|name| Name::parse(name).is_some()),
        home: std::env::home_dir().unwrap_or_else(|| PathBuf::from(".")),
        rocketmq_home: variable("ROCKETMQ_HOME"),
        namesrv_addr: variable("NAMESRV_ADDR"),
        serialize_type: variable("ROCKETMQ_SERIALIZE_TYPE"),
    }
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::Config, text)
}

/// Checked options: the configuration, and what is not in it.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub(crate) loaded: Loaded,
    /// The NameServers elsewhere; `None` when it runs in this handle.
    pub(crate) namesrv: Option<ServerList>,
    pub(crate) broker: bool,
    pub(crate) temporary_store: bool,
    pub(crate) clock: Clock,
    pub(crate) snapshot: Option<PathBuf>,
}

impl Resolved {
    /// The configuration.
    #[doc(hidden)]
    pub fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// The NameServers elsewhere, as they were written; `None` when it runs in this handle.
    pub fn namesrv_elsewhere(&self) -> Option<&str> {
        self.namesrv.as_ref().map(ServerList::as_str)
    }

    /// Whether there is a broker.
    pub fn has_broker(&self) -> bool {
        self.broker
    }

    /// Where data will be kept; `None` for a temporary directory.
    pub fn store_dir(&self) -> Option<&Path> {
        (!self.temporary_store).then_some(self.loaded.config.store.store_path_root_dir.as_path())
    }

    /// What the operator should know: keys without effect, values that were adjusted.
    pub fn notes(&self) -> &[String] {
        &self.loaded.notes
    }
}

#[cfg(test)]
mod tests;
