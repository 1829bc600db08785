//! Telling NameServers that this broker exists and which topics it has (broker-behaviour §16).
//!
//! Every NameServer has a thread of its own, so a dead one delays nobody. It registers at the start, when topics change, every
//! `registerNameServerPeriod`, and unregisters at the stop. A change of topics is sent alone when the NameServer is known to hold
//! everything else; otherwise the whole table goes. That is known only for the connection the last registration was answered on:
//! a NameServer forgets a broker with its connection, and it ignores topics that come with a data version it has already.

mod identity;
mod progress;
mod registrar;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::broker::topics::{Change, Topics};
use crate::clock::Clock;
use crate::config::LiveConfig;
use crate::error::Result;
use crate::format::disk::tables::TopicTable;
use crate::format::wire::body::register::RegisterBroker;
use crate::net::RemotingClient;
use crate::runtime::threads::{Poison, ServiceThread};

pub use identity::Identity;
use progress::Progress;
use registrar::{Local, Registrar, Remote};

/// The NameServer's order table: topic → `broker:queues;...`. Its topics are ordered.
pub type OrderTable = BTreeMap<String, String>;

/// A NameServer in this process. Implemented where both are put together: the broker does not depend on the NameServer.
pub trait LocalRegistry: Send + Sync {
    /// Takes a registration: all topics, or the changed ones. Gives the order table once there is one.
    fn register(&self, identity: &Identity, topics: RegisterBroker) -> Result<Option<OrderTable>>;

    /// Forgets the broker.
    fn unregister(&self, identity: &Identity);
}

/// What a registration is made of.
pub struct Parts {
    /// Who registers.
    pub identity: Identity,
    /// NameServers elsewhere, `host:port`.
    pub servers: Vec<String>,
    /// The NameServer of this process, if there is one.
    pub local: Option<Arc<dyn LocalRegistry>>,
    /// Connects to the servers.
    pub client: Arc<RemotingClient>,
    /// What is registered; its order flags follow the first NameServer that answers.
    pub topics: Arc<Topics>,
    /// For timeouts, periods and the form of the body.
    pub config: LiveConfig,
    /// For the periods.
    pub clock: Clock,
}

/// How a NameServer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerState {
    /// Its address; `local` for the one of this process.
    pub name: String,
    /// Whether the last attempt succeeded.
    pub is_registered: bool,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// Keeps the broker registered until it is stopped or dropped.
#[derive(Debug)]
#[doc(alias = "BrokerOuterAPI")]
pub struct Registration {
    shared: Arc<Shared>,
    threads: Mutex<Vec<ServiceThread>>,
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    identity: Identity,
    topics: Arc<Topics>,
    config: LiveConfig,
    clock: Clock,
    progress: Progress,
    /// The table as it was last read, shared by the threads that registered it.
    table: Mutex<Arc<TopicTable>>,
}

impl Registration {
    /// Starts to register, and follows the changes of the topics. Returns when every NameServer has answered or failed, at the
    /// latest after `registerBrokerTimeoutMills`: a broker is in the route when it says that it is ready. Those that failed are
    /// tried again.
    pub fn start(parts: Parts, poison: &Poison) -> Result<Arc<Self>> {
        let registrars = registrars(&parts);
        let names = registrars.iter().map(|registrar| registrar.name()).collect();
        let shared = Arc::new(Shared {
            identity: parts.identity,
            topics: parts.topics,
            config: parts.config,
            clock: parts.clock,
            progress: Progress::new(names),
            table: Mutex::default(),
        });
        let registration = Arc::new(Self {
            shared: shared.clone(),
            threads: Mutex::new(Vec::with_capacity(registrars.len())),
        });
        for (index, registrar) in registrars.into_iter().enumerate() {
            let shared = shared.clone();
            let body = move || registrar::run(&shared, index, &*registrar);
            let thread = ServiceThread::spawn(&format!("register-{index}"), poison, body)?;
            registration.threads.lock().push(thread);
        }
        let weak = Arc::downgrade(&registration);
        shared.topics.set_change_listener(Box::new(move |change| {
            if let Some(registration) = weak.upgrade() {
                registration.topics_changed(change);
            }
        }));
        let timeout = Duration::from_millis(shared.config.load().broker.register_broker_timeout_mills.into());
        if !shared.progress.wait_settled(&shared.clock, timeout) {
            tracing::warn!(target: "broker::registration", "a NameServer has not answered yet; the broker starts all the same");
        }
        Ok(registration)
    }

    /// Registers what changed with every NameServer, soon and on other threads.
    pub fn announce(&self) {
        self.shared.progress.ask();
    }

    /// Calls `on_done` when every NameServer was told all that changed before this call, or is known not to answer. At once
    /// when nothing is left to tell; else on a thread of the registration, so it must not block.
    pub fn when_told(&self, on_done: Box<dyn FnOnce() + Send>) {
        self.shared.progress.when_settled(on_done);
    }

    /// How each NameServer stands.
    pub fn servers(&self) -> Vec<ServerState> {
        self.shared.progress.states()
    }

    /// Unregisters with every NameServer that answered last time, and ends the threads. Idempotent; not from an I/O thread.
    pub fn stop(&self) {
        self.shared.progress.stop();
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            // An error means that a thread of the registration stops it: it ends by itself.
            let _ = thread.join();
        }
    }

    /// A deleted topic stays in the route until it is deleted there too, and a NameServer does not care for order flags.
    fn topics_changed(&self, change: &Change) {
        match change {
            Change::Created(_) | Change::Updated(_) => self.announce(),
            Change::Deleted(_) | Change::OrderFlags => {}
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.stop();
    }
}

fn registrars(parts: &Parts) -> Vec<Box<dyn Registrar>> {
    let local =
        parts.local.iter().map(|registry| Box::new(Local::new(registry.clone())) as Box<dyn Registrar>);
    let remote = parts.servers.iter().map(|address| {
        let remote = Remote::new(address.clone(), parts.client.clone(), parts.config.clone());
        Box::new(remote) as Box<dyn Registrar>
    });
    local.chain(remote).collect()
}

impl Shared {
    /// The topics as NameServers are to see them.
    fn table(&self) -> Arc<TopicTable> {
        let mut table = self.table.lock();
        if table.topic_config_table.is_empty() || table.data_version != self.topics.data_version() {
            *table = Arc::new(self.topics.for_registration());
        }
        table.clone()
    }
}

#[cfg(test)]
mod tests;
