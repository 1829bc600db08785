//! The one door: start, stop, drive, inspect.
//!
//! ```
//! use std::time::Duration;
//!
//! use libbroker::embed::{self, NewMessage, Options};
//!
//! # fn main() -> Result<(), libbroker::Error> {
//! let broker = embed::start(Options::new())?;
//! // Any RocketMQ client finds it here.
//! let namesrv = broker.namesrv_address();
//! assert!(namesrv.is_some());
//!
//! broker.send(&NewMessage::new("orders", "one"))?;
//! let consumer = broker.consume("orders", "billing", "*")?;
//! let delivery = consumer.next(Some(Duration::from_secs(5)))?.expect("it was sent");
//! assert_eq!(delivery.message().body, "one");
//! delivery.ack()?;
//! assert_eq!(broker.lag("billing")?, 0);
//! broker.stop(Duration::from_secs(5))
//! # }
//! ```
//!
//! Everything a host program does goes through here. Several brokers may live in one process; none of them installs a signal
//! handler, writes to standard output or leaves a thread, a lock or a file descriptor behind.

mod consume;
mod drive;
mod guard;
mod inspect;
mod message;
pub mod options;
mod process;
mod registry;
mod testing;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

pub use consume::{Consumer, Delivery};
pub use drive::{Pulled, ResetTo};
pub use inspect::{
    ConnectionInfo, GroupInfo, MemberInfo, MessageQuery, QueueInfo, QueueProgress, SubscriptionInfo,
    TopicInfo,
};
pub use message::{Message, NewMessage, SendResult, SendStatus};
pub use options::{Namesrv, Options, Profile, Resolved};
pub use testing::{Fault, FaultAction, request_code};

use crate::broker::operations::Operations;
pub use crate::broker::watch::{OnChange, Wake};
pub use crate::runtime::logsink::{Level, LogRecord, LogSink};

use crate::broker::{Broker, BrokerParts};
use crate::clock::Clock;
use crate::config::{Config, Host, LiveConfig, Loaded};
use crate::error::{Error, ErrorKind, Result};
use crate::format::names::file;
use crate::mmap::copy::copy_dir_to;
use crate::mmap::disk::Disk;
use crate::namesrv::NameServer;
use crate::net::{Faults, IoThreads};
use crate::runtime::logsink::{self, LogRoute};

use guard::guarded;
use process::{Home, Mark};
use registry::InProcess;

/// How a handle is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// Everything works.
    Ok,
    /// It answers, but not everything works: the text says what and why.
    Degraded(String),
    /// It was stopped.
    Stopped,
}

/// A running broker, NameServer, or both. All calls are safe from any thread. Dropping it stops it.
#[derive(Debug)]
pub struct Embedded {
    address: Option<SocketAddr>,
    namesrv_address: Option<SocketAddr>,
    store_dir: PathBuf,
    name: String,
    clock: Clock,
    faults: Faults,
    process: Mark,
    running: Mutex<Option<Running>>,
    /// Every call that may log, or start a thread that does, runs under it.
    log: LogRoute,
}

/// What a handle owns, in the order it is stopped.
#[derive(Debug)]
struct Running {
    broker: Option<Broker>,
    namesrv: Option<Arc<NameServer>>,
    io: Arc<IoThreads>,
    /// Removed with everything in it once all else has stopped.
    temporary: Option<tempfile::TempDir>,
    /// Until everything has ended.
    home: Home,
}

impl Embedded {
    /// Where the broker listens; `None` without a broker. With port 0 asked for, the port the system chose.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Where the NameServer of this handle listens; `None` when it is elsewhere.
    pub fn namesrv_address(&self) -> Option<SocketAddr> {
        self.namesrv_address
    }

    /// Where data is kept. A temporary directory is gone after the stop.
    pub fn store_dir(&self) -> &Path {
        &self.store_dir
    }

    /// The broker's name (`brokerName`).
    pub fn broker_name(&self) -> &str {
        &self.name
    }

    /// How it is.
    pub fn health(&self) -> Health {
        if !self.process.is_here() {
            return Health::Stopped;
        }
        match &*self.running.lock() {
            None => Health::Stopped,
            Some(running) => running.problem().map_or(Health::Ok, Health::Degraded),
        }
    }

    /// What a call does with the running broker. The lock is not held: a call may wait, and a stop then ends it.
    fn call<T>(&self, what: &str, body: impl FnOnce(&Arc<Operations>) -> Result<T>) -> Result<T> {
        self.call_with_io(what, |operations, _| body(operations))
    }

    fn call_with_io<T>(
        &self,
        what: &str,
        body: impl FnOnce(&Arc<Operations>, &IoThreads) -> Result<T>,
    ) -> Result<T> {
        self.process.check()?;
        let (operations, io) = match &*self.running.lock() {
            None => return Err(drive::stopped()),
            Some(Running { broker: None, .. }) => {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    "a NameServer alone was started, without a broker",
                ));
            }
            Some(Running { broker: Some(broker), io, .. }) => (broker.operations().clone(), io.clone()),
        };
        guarded(what, || self.log.run(|| body(&operations, &io)))
    }

    /// Stops everything and returns when it has ended: no more requests are taken, what was asked is answered for at most
    /// `timeout`, data is synced, threads are joined, the directory is unlocked. Blocks; not to be called from a callback
    /// of this library. Idempotent: a second call returns at once.
    ///
    /// An error says that the store could not be closed cleanly; everything has ended all the same. From the function of a
    /// [`LogSink`] it is refused, since the thread that logs would wait for itself.
    pub fn stop(&self, timeout: Duration) -> Result<()> {
        if logsink::in_sink() {
            return Err(Error::new(ErrorKind::InvalidArgument, "stop: called by a log function"));
        }
        self.stop_now(timeout)
    }

    fn stop_now(&self, timeout: Duration) -> Result<()> {
        self.process.check()?;
        let Some(running) = self.running.lock().take() else { return Ok(()) };
        let result = self.log.run(|| {
            let result = guarded("stop", move || running.stop(timeout));
            match &result {
                Ok(()) => tracing::info!(target: "broker", "stopped"),
                Err(error) => tracing::error!(target: "broker", %error, "stopped"),
            }
            result
        });
        self.log.close();
        result
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if self.process.is_here() {
            // What goes wrong is in the log.
            let _ = self.stop_now(Duration::from_secs(3));
        } else {
            // In a forked child nothing of it can be ended: its threads are not here.
            std::mem::forget(self.running.get_mut().take());
        }
    }
}

impl Running {
    fn problem(&self) -> Option<String> {
        let broker = self.broker.as_ref().and_then(Broker::problem);
        broker.or_else(|| self.namesrv.as_ref().and_then(|namesrv| namesrv.failure().map(str::to_owned)))
    }

    fn stop(self, timeout: Duration) -> Result<()> {
        let result = self.broker.map_or(Ok(()), |broker| broker.stop(timeout));
        if let Some(namesrv) = self.namesrv {
            namesrv.stop();
        }
        self.io.stop();
        let Some(temporary) = self.temporary else { return result };
        let path = temporary.path().to_owned();
        result.and(
            temporary.close().map_err(|cause| Error::io(format_args!("remove {}", path.display()), &cause)),
        )
    }
}

/// Starts what `options` ask for. When it returns, clients can connect and the route of every topic is served.
///
/// Blocks for a few milliseconds, longer when a large store has to be recovered. On an error nothing is left behind.
pub fn start(options: Options) -> Result<Embedded> {
    let log = LogRoute::open(options.log.clone());
    let begin = || {
        let resolved = options.resolve()?;
        if options.log.is_some() {
            resolved.notes().iter().for_each(|note| tracing::warn!(target: "broker", "{note}"));
        }
        let started = start_checked(resolved)?;
        tracing::info!(target: "broker", name = started.name, address = ?started.address, store = %started.store_dir.display(), "started");
        Ok(started)
    };
    let mut started = guarded("start", || log.run(begin))?;
    started.log = log;
    Ok(started)
}

fn start_checked(resolved: Resolved) -> Result<Embedded> {
    let home = Home::enter()?;
    let mut loaded = resolved.loaded;
    let temporary = resolved.temporary_store.then(tempfile::tempdir).transpose();
    let temporary = temporary.map_err(|cause| Error::io("create a temporary store directory", &cause))?;
    if let Some(directory) = &temporary {
        loaded.move_store(directory.path());
    }
    if resolved.broker {
        make_store_dir(&loaded.config.store.store_path_root_dir)?;
    }
    let filled = resolved.snapshot.as_deref().map(|snapshot| Filled::from(snapshot, &loaded)).transpose()?;
    let config = LiveConfig::new(&loaded);
    let current = config.snapshot();
    let bind = resolve_host(&current.listen_host())?;
    let io = Arc::new(IoThreads::start(current.server.server_selector_threads as usize)?);
    let mut running = Running { broker: None, namesrv: None, io, temporary, home };
    let with = With { broker: resolved.broker, namesrv: resolved.namesrv.is_none() };
    let (clock, faults) = (resolved.clock, Faults::default());
    match start_parts(&mut running, &config, bind, with, (&clock, &faults)) {
        Ok(()) => {
            if let Some(filled) = filled {
                filled.keep();
            }
            Ok(Embedded {
                address: running.broker.as_ref().map(Broker::address),
                namesrv_address: running.namesrv.as_ref().map(|namesrv| namesrv.address()),
                store_dir: current.store.store_path_root_dir.clone(),
                name: current.broker.broker_name.as_str().to_owned(),
                clock,
                faults,
                process: running.home.mark(),
                running: Mutex::new(Some(running)),
                log: LogRoute::default(),
            })
        }
        Err(error) => {
            if let Err(second) = running.stop(Duration::ZERO) {
                tracing::warn!(target: "broker", error = %second, "cleaning up after a failed start");
            }
            if let Some(filled) = filled.filter(|_| error.kind() == ErrorKind::StoreLocked) {
                // It is somebody else's by now.
                filled.keep();
            }
            Err(error)
        }
    }
}

/// What a handle is to have.
struct With {
    broker: bool,
    namesrv: bool,
}

fn start_parts(
    running: &mut Running,
    config: &LiveConfig,
    bind: IpAddr,
    with: With,
    (clock, faults): (&Clock, &Faults),
) -> Result<()> {
    let current = config.snapshot();
    if with.namesrv {
        let port = namesrv_port(&current, with.broker);
        running.namesrv =
            Some(Arc::new(NameServer::start(&running.io, config, bind, port, clock, faults.clone())?));
    }
    if with.broker {
        let local = running.namesrv.clone().map(|namesrv| Arc::new(InProcess::new(namesrv)) as _);
        let announced = current.announced_host().map(|host| resolve_host(&host)).transpose()?;
        let parts = BrokerParts {
            config: config.clone(),
            bind,
            announced,
            clock: clock.clone(),
            disk: Disk::real(),
            local,
            faults: faults.clone(),
        };
        running.broker = Some(Broker::start(&running.io, parts)?);
    }
    Ok(())
}

/// First of all, so that what is wrong with the directory is said of the directory.
fn make_store_dir(dir: &Path) -> Result<()> {
    Disk::real().create_dir_all(dir).map_err(|cause| {
        let advice = "choose another store directory, or let this process write there";
        Error::io(format_args!("the store directory {} cannot be made ({advice})", dir.display()), &cause)
    })
}

/// Directories that were filled with a snapshot. Dropped, it empties them again: they are as the failed start found them, and
/// nobody takes half a copy for a store.
struct Filled(Vec<PathBuf>);

impl Filled {
    /// Fills the store's directories, which must have been empty. The log goes where the configuration has it.
    fn from(snapshot: &Path, loaded: &Loaded) -> Result<Self> {
        if !snapshot.is_dir() {
            let text = format!("the snapshot {} is no directory", snapshot.display());
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        let (disk, store) = (Disk::real(), &loaded.config.store);
        let (root, log) = (&store.store_path_root_dir, store.commit_log_dir());
        let mut filled = Self(Vec::new());
        for dir in [root, &log] {
            testing::make_empty(&disk, dir).map_err(|error| error.while_doing("start from a snapshot"))?;
        }
        filled.0.extend([root.clone(), log.clone()]);
        copy_dir_to(&disk, snapshot, root, |name| (name == file::COMMIT_LOG).then(|| log.clone()))
            .map_err(|cause| Error::io(format_args!("copy the snapshot {}", snapshot.display()), &cause))?;
        Ok(filled)
    }

    /// The start succeeded.
    fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        self.0.iter().for_each(|dir| testing::empty(&Disk::real(), dir));
    }
}

fn namesrv_port(config: &Config, with_broker: bool) -> u16 {
    if with_broker { config.namesrv.namesrv_listen_port } else { config.server.listen_port }
}

/// The address of a host; a name is looked up.
fn resolve_host(host: &Host) -> Result<IpAddr> {
    use std::net::ToSocketAddrs;
    match host {
        Host::Ip(ip) => Ok(*ip),
        Host::Name(name) => (name.as_str(), 0)
            .to_socket_addrs()
            .ok()
            .and_then(|mut found| found.next())
            .map(|found| found.ip())
            .ok_or_else(|| Error::new(ErrorKind::Config, format!("the host name {name} has no address"))),
    }
}

#[cfg(test)]
mod tests;
