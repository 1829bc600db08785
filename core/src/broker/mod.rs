//! The rules of RocketMQ. [`Broker`] wires the parts and starts and stops them in order; it holds no rule.
//!
//! In: [`produce`] is the one way in, [`retry`] the way back, [`reply`] the way of an answer, [`delay`] and [`transaction`] the ways
//! round. Out: [`consume`] is the one way out, [`hold`] the waiting room in front of it. Tables with one owner each: [`topics`],
//! [`groups`], [`offsets`], [`clients`], [`queue_locks`]. `processor` converts wire to operation and back.

pub mod admin;
pub mod clients;
pub mod consume;
pub mod delay;
pub mod filter;
pub mod groups;
pub mod hold;
pub mod host;
pub mod lanes;
mod listeners;
pub mod member;
pub mod notify;
pub mod offsets;
pub mod operations;
pub mod persist;
pub mod processor;
pub mod produce;
pub mod queue_locks;
pub mod refusal;
pub mod registration;
pub mod reply;
pub mod retry;
pub mod routes;
pub mod runtime_info;
pub mod stats;
pub mod topics;
pub mod transaction;
pub mod watch;
mod wiring;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::{Config, LiveConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::mmap::disk::Disk;
use crate::net::{
    ClientOptions, ConnectionEvents, Faults, IoThreads, RemotingClient, RemotingServer, ServerOptions,
};
use crate::runtime::threads::Poison;
use crate::runtime::timers::Timers;
use crate::store::MessageStore;
use crate::store::options::StoreOptions;

use clients::{Consumers, Housekeeping, Producers};
use delay::DelayService;
use filter::registry::ConsumerFilters;
use groups::SubscriptionGroups;
use hold::PullHold;
use host::StoreHost;
use lanes::Lanes;
use listeners::{Arrivals, Departures, Groups};
use notify::ClientNotifier;
use offsets::ConsumerOffsets;
use operations::Operations;
use queue_locks::QueueLocks;
use registration::{Identity, LocalRegistry, Registration};
use routes::Processors;
use stats::BrokerStats;
use topics::Topics;
use transaction::check::TransactionCheck;
use watch::Watch;
use wiring::Wires;

/// A table by name.
type TextMap<V> = std::collections::HashMap<String, V>;

/// Tables are saved first after this time.
const FIRST_SAVE: Duration = Duration::from_secs(10);
/// Distance of the fast port below the listening port.
const FAST_PORT_BELOW: u16 = 2;

/// What a broker is started with.
pub struct BrokerParts {
    /// Configuration, checked.
    pub config: LiveConfig,
    /// Address to listen on.
    pub bind: IpAddr,
    /// Address it gives as its own; unset, it is known by whatever address a client used.
    pub announced: Option<IpAddr>,
    /// Source of time.
    pub clock: Clock,
    /// Access to files.
    pub disk: Disk,
    /// The NameServer of this process, when there is one.
    pub local: Option<Arc<dyn LocalRegistry>>,
    /// Requests that fail on cue.
    pub faults: Faults,
}

/// A running broker.
#[doc(alias = "BrokerController")]
pub struct Broker {
    address: SocketAddr,
    servers: Arc<Vec<RemotingServer>>,
    operations: Arc<Operations>,
    client: Arc<RemotingClient>,
    registration: Arc<Registration>,
    hold: Arc<PullHold>,
    delay: Arc<DelayService>,
    transaction_check: TransactionCheck,
    timers: Timers,
    lanes: Lanes,
    tables: Tables,
    store: Arc<MessageStore>,
    poison: Poison,
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The tables of a broker.
#[derive(Debug, Clone)]
struct Tables {
    topics: Arc<Topics>,
    groups: Arc<SubscriptionGroups>,
    offsets: Arc<ConsumerOffsets>,
    producers: Arc<Producers>,
    consumers: Arc<Consumers>,
    filters: Arc<ConsumerFilters>,
    locks: Arc<QueueLocks>,
    stats: Arc<BrokerStats>,
}

impl Tables {
    fn open(parts: &BrokerParts, filters: Arc<ConsumerFilters>, watch: &Watch) -> Result<Self> {
        let (config, disk, clock) = (&parts.config, &parts.disk, &parts.clock);
        let notifier = ClientNotifier::new(config.clone());
        let lease = Duration::from_millis(config.load().system.lock_max_live_time);
        let consumers = Consumers::new(notifier, clock.clone());
        consumers.set_listener(Arc::new(Groups { filters: filters.clone(), watch: watch.clone() }));
        Ok(Self {
            topics: Arc::new(Topics::open(disk.clone(), config.clone(), clock.clone())?),
            groups: Arc::new(SubscriptionGroups::open(disk.clone(), config.clone(), clock.clone())?),
            offsets: Arc::new(ConsumerOffsets::open(disk.clone(), config)?),
            producers: Arc::new(Producers::new(clock.clone())),
            consumers: Arc::new(consumers),
            filters,
            locks: Arc::new(QueueLocks::new(lease, clock.clone())),
            stats: Arc::new(stats_of(config, clock)),
        })
    }

    fn persist(&self) -> Result<()> {
        let filters = self.filters.persist();
        self.offsets.persist().and(self.topics.persist()).and(self.groups.persist()).and(filters)
    }
}

impl Broker {
    /// Opens the store, starts every part, listens, and registers. When it returns, clients can connect and the NameServer of
    /// this process serves its routes.
    pub fn start(io: &IoThreads, parts: BrokerParts) -> Result<Self> {
        let config = parts.config.snapshot();
        let poison = Poison::new();
        let (store, filters) = open_store(&parts, &config)?;
        let watch = Watch::new();
        let tables = Tables::open(&parts, filters, &watch)?;
        let hold = Arc::new(PullHold::start(&parts.clock, &poison)?);
        let asked = Arc::downgrade(&store);
        hold.set_next_offset(Box::new(move |topic, queue_id| {
            asked.upgrade().map_or(0, |store| store.max_offset(topic, queue_id))
        }));
        let delay = Arc::new(DelayService::start(delayed(&parts, &store, &tables), &poison)?);
        let arrivals = Arrivals { hold: hold.clone(), delay: Arc::downgrade(&delay), watch: watch.clone() };
        store.set_arrival_listener(Arc::new(arrivals));

        let store_host = StoreHost::new(parts.announced, config.server.listen_port);
        let lanes = Lanes::new(&config.broker);
        let wires = Wires {
            parts: &parts,
            store: &store,
            tables: &tables,
            hold: &hold,
            delay: &delay,
            lanes: &lanes,
            store_host: &store_host,
        };
        let wired = wiring::wire(&wires);
        let housekeeping = Arc::new(Housekeeping::new(
            tables.producers.clone(),
            tables.consumers.clone(),
            tables.locks.clone(),
        ));
        let timers = start_timers(&parts, &config, &tables, &delay, &housekeeping, &poison)?;
        wired.admin.schedule(&timers);

        let events = Arc::new(Departures { housekeeping, hold: hold.clone() });
        let servers = Arc::new(listen(io, &parts, &config, &wired.processors, &lanes, &store_host, events)?);
        let operations = wiring::operations(&wires, &wired, &servers, watch);
        let address = servers.first().map_or(SocketAddr::new(parts.bind, 0), RemotingServer::local_addr);
        let client = Arc::new(RemotingClient::new(io, client_options(&config)));
        let identity = Identity::new(&config, address.port());
        let registration = register(&parts, identity, client.clone(), &tables, &poison)?;
        wired.admin_processor.set_registration(registration.clone());
        let transaction_check = TransactionCheck::start(wired.transaction_check, &poison)?;
        let operations = Arc::new(operations);
        Ok(Self {
            address,
            servers,
            operations,
            client,
            registration,
            hold,
            delay,
            transaction_check,
            timers,
            lanes,
            tables,
            store,
            poison,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a host program can do with it. Not to be kept over the stop: it keeps files mapped.
    pub fn operations(&self) -> &Arc<Operations> {
        &self.operations
    }

    /// What does not work, if anything.
    pub fn problem(&self) -> Option<String> {
        self.store.poisoned().or(self.poison.reason()).map(str::to_owned)
    }

    /// Unregisters, answers what was asked for at most `timeout`, and closes the store. Everything is ended when it returns,
    /// also with an error.
    pub fn stop(&self, timeout: Duration) -> Result<()> {
        self.operations.watch.close();
        self.registration.stop();
        self.servers.iter().for_each(RemotingServer::stop_accepting);
        self.hold.stop();
        self.servers.iter().for_each(|server| server.drain_and_stop(timeout));
        self.client.stop();
        self.transaction_check.stop();
        self.lanes.stop();
        self.timers.stop();
        self.delay.stop();
        let saved = self.delay.persist().and(self.tables.persist());
        self.store.close().and(saved)
    }
}

/// The store, and the filters that compute its bit maps: they are loaded once its directory is ours, before it recovers.
fn open_store(parts: &BrokerParts, config: &Config) -> Result<(Arc<MessageStore>, Arc<ConsumerFilters>)> {
    let mut loaded = None;
    let store = MessageStore::open_with_bit_maps(
        StoreOptions::of(&config.store, &config.system),
        &parts.clock,
        &parts.disk,
        || {
            let (disk, config, clock) = (parts.disk.clone(), parts.config.clone(), parts.clock.clone());
            let filters = Arc::new(ConsumerFilters::open(disk, config, clock)?);
            loaded = Some(filters.clone());
            Ok(Some(filters))
        },
    )?;
    let filters =
        loaded.ok_or_else(|| Error::new(ErrorKind::Internal, "the store opened without its filters"))?;
    Ok((store, filters))
}

fn stats_of(config: &LiveConfig, clock: &Clock) -> BrokerStats {
    let config = config.load();
    BrokerStats::new(
        config.broker.broker_cluster_name.as_str(),
        config.broker.enable_detail_stat,
        clock.clone(),
    )
    .with_light_queues_folded(config.store.enable_lmq)
}

fn delayed(parts: &BrokerParts, store: &Arc<MessageStore>, tables: &Tables) -> delay::Parts {
    delay::Parts {
        store: store.clone(),
        disk: parts.disk.clone(),
        clock: parts.clock.clone(),
        stats: tables.stats.clone(),
        counts: parts.config.load().store.enable_schedule_message_stats,
    }
}

fn register(
    parts: &BrokerParts,
    identity: Identity,
    client: Arc<RemotingClient>,
    tables: &Tables,
    poison: &Poison,
) -> Result<Arc<Registration>> {
    let config = parts.config.load();
    let servers = config.broker.namesrv_addr.iter().flat_map(|list| list.endpoints());
    let parts = registration::Parts {
        identity,
        servers: servers.map(ToString::to_string).collect(),
        local: parts.local.clone(),
        client,
        topics: tables.topics.clone(),
        config: parts.config.clone(),
        clock: parts.clock.clone(),
    };
    Registration::start(parts, poison)
}

fn start_timers(
    parts: &BrokerParts,
    config: &Config,
    tables: &Tables,
    delay: &Arc<DelayService>,
    housekeeping: &Arc<Housekeeping>,
    poison: &Poison,
) -> Result<Timers> {
    let timers = Timers::start("timers", parts.clock.clone(), poison)?;
    housekeeping.schedule(&timers);
    tables.filters.schedule(&timers);
    let saved = tables.clone();
    let period = Duration::from_millis(u64::from(config.broker.flush_consumer_offset_interval));
    timers.every("consumer offsets", FIRST_SAVE, period, move || {
        if let Err(error) = saved.persist() {
            tracing::error!(target: "broker", %error, "tables could not be saved; trying again");
        }
    });
    let saved = delay.clone();
    let period = Duration::from_millis(config.store.flush_delay_offset_interval);
    timers.every("delay offsets", FIRST_SAVE, period, move || {
        if let Err(error) = saved.persist() {
            tracing::error!(target: "broker", %error, "delay offsets could not be saved; trying again");
        }
    });
    Ok(timers)
}

/// The listening port and the fast port.
fn listen(
    io: &IoThreads,
    parts: &BrokerParts,
    config: &Config,
    processors: &Processors,
    lanes: &Lanes,
    store_host: &StoreHost,
    events: Arc<dyn ConnectionEvents>,
) -> Result<Vec<RemotingServer>> {
    let port = config.server.listen_port;
    let mut router = routes::router(processors, lanes);
    router.fail_by(parts.faults.clone());
    let main = RemotingServer::start(io, server_options(config, parts.bind, port), router, events.clone())?;
    store_host.set_port(main.local_addr().port());
    // Port 0: the fast port is an ephemeral one of its own.
    let mut router = routes::fast_router(processors, lanes);
    router.fail_by(parts.faults.clone());
    let port = port.saturating_sub(FAST_PORT_BELOW);
    let fast = RemotingServer::start(io, server_options(config, parts.bind, port), router, events)
        .map_err(|error| error.while_doing("the second port, 2 below listenPort"))?;
    Ok(vec![main, fast])
}

fn server_options(config: &Config, bind: IpAddr, port: u16) -> ServerOptions {
    let server = &config.server;
    let size = |bytes: u32| (bytes > 0).then_some(bytes as usize);
    ServerOptions {
        bind,
        port,
        backlog: i32::try_from(server.server_socket_backlog).unwrap_or(i32::MAX),
        idle: Duration::from_secs(u64::from(server.server_channel_max_idle_time_seconds)),
        oneways_max: server.server_oneway_semaphore_value as usize,
        send_buffer_bytes: size(server.server_socket_snd_buf_size),
        receive_buffer_bytes: size(server.server_socket_rcv_buf_size),
        ..ServerOptions::default()
    }
}

fn client_options(config: &Config) -> ClientOptions {
    ClientOptions {
        connect_timeout: Duration::from_millis(u64::from(config.client.connect_timeout_millis)),
        ..ClientOptions::default()
    }
}
