//! The route tables and every rule that changes them (namesrv.md §1 to §4).
//!
//! One read/write lock lies over all tables. Requests are decoded before it is taken and answers are written after it is
//! released; under it only names are looked up and shared texts copied.
//!
//! A broker name belongs to one cluster: the one of its last registration. So there is no table of clusters that could
//! disagree with the table of brokers (Java keeps one, and a broker that changed its cluster stays in both).

mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;

use crate::clock::{Clock, Moment};
use crate::format::disk::tables::{DataVersion, TopicConfig};
use crate::format::flags::perm;
use crate::format::wire::body::register::RegisterBroker;
use crate::net::Peer;

use super::address::BrokerAddress;

pub use view::{BrokerView, RouteView, TopicChoice};

/// A broker that was not heard of for longer than this is gone.
#[doc(alias = "BROKER_CHANNEL_EXPIRED_TIME")]
pub const BROKER_SILENCE_MAX: Duration = Duration::from_secs(120);
/// The id of a master.
pub const MASTER_ID: i64 = 0;

/// Longest name of a topic, cluster or broker, and longest address. Java has no limit.
const NAME_LEN_MAX: usize = 255;
/// Brokers at once, so that junk cannot fill the memory.
const BROKERS_MAX: usize = 10_000;
/// Pairs of topic and broker at once, for the same reason.
const TOPIC_QUEUES_MAX: usize = 2_000_000;
/// Filter servers of one broker.
const FILTER_SERVERS_MAX: usize = 256;

/// What a broker has of one topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "QueueData")]
pub struct TopicQueues {
    /// Queues consumers read.
    pub read_queue_count: i32,
    /// Queues producers write to.
    pub write_queue_count: i32,
    /// Permission bits.
    pub perm: i32,
    /// Unit flags of the topic.
    pub sys_flag: i32,
}

/// What a broker says of itself when it registers: header and body of code 103, or a call from this process.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Its cluster.
    pub cluster: String,
    /// Its name; a master and its slaves share it.
    pub broker: String,
    /// 0 for the master.
    pub id: i64,
    /// Where clients reach it.
    pub address: BrokerAddress,
    /// Where slaves reach it for replication.
    pub ha_address: Option<BrokerAddress>,
    /// All its topics, or after a change just the changed one, with the version of the whole table.
    pub body: RegisterBroker,
}

/// What a slave is told when it registers; nothing for a master.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[doc(alias = "RegisterBrokerResult")]
pub struct Master {
    /// Where the master is, while it is alive.
    pub address: Option<BrokerAddress>,
    /// Where it replicates.
    pub ha_address: Option<BrokerAddress>,
}

/// Why a registration changed nothing. The text is the remark of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A name that cannot be a name.
    #[error("{0} must have 1 to {NAME_LEN_MAX} bytes and no control characters")]
    Name(&'static str),
    /// Too many filter servers, or one with an impossible address.
    #[error("at most {FILTER_SERVERS_MAX} filter servers of at most {NAME_LEN_MAX} bytes each")]
    FilterServers,
    /// The tables are as large as they may become.
    #[error("the name server holds as many {0} as it can")]
    Full(&'static str),
}

/// How it is known that a broker still lives. `C` is the connection; tests use numbers.
#[derive(Debug, Clone)]
pub enum Holder<C> {
    /// It registered over this connection and has to keep registering.
    Connection(C),
    /// It runs in this process and leaves only by [`RouteTable::unregister`].
    InProcess,
}

impl From<&TopicConfig> for TopicQueues {
    fn from(topic: &TopicConfig) -> Self {
        Self {
            read_queue_count: topic.read_queue_nums,
            write_queue_count: topic.write_queue_nums,
            perm: topic.perm,
            sys_flag: topic.topic_sys_flag,
        }
    }
}

/// Which brokers and topics there are.
#[derive(Debug)]
#[doc(alias = "RouteInfoManager")]
pub struct RouteTable<C = Peer> {
    clock: Clock,
    tables: RwLock<Tables<C>>,
}

#[derive(Debug)]
struct Tables<C> {
    /// Topic → what each broker has of it, sorted by broker.
    topics: BTreeMap<Arc<str>, Vec<QueueEntry>>,
    brokers: BTreeMap<Arc<str>, Broker>,
    live: BTreeMap<BrokerAddress, Live<C>>,
    filter_servers: BTreeMap<BrokerAddress, Arc<[String]>>,
    /// Entries in `topics`, over all topics.
    queue_entries: usize,
}

#[derive(Debug)]
struct QueueEntry {
    broker: Arc<str>,
    queues: TopicQueues,
    /// The write permission is taken away until the broker registers the topic anew or it is given back.
    wiped: bool,
}

impl QueueEntry {
    fn perm(&self) -> i32 {
        if self.wiped { self.queues.perm & !perm::WRITE } else { self.queues.perm }
    }
}

#[derive(Debug)]
#[doc(alias = "BrokerData")]
struct Broker {
    cluster: Arc<str>,
    addresses: BTreeMap<i64, BrokerAddress>,
}

#[derive(Debug)]
#[doc(alias = "BrokerLiveInfo")]
struct Live<C> {
    version: DataVersion,
    /// Topics of the largest body seen; see [`Tables::take_topics`].
    topics_seen: usize,
    ha_address: Option<BrokerAddress>,
    last_update: Moment,
    holder: Holder<C>,
}

impl<C: Clone + PartialEq> RouteTable<C> {
    /// Empty tables; silence is measured by `clock`.
    pub fn new(clock: Clock) -> Self {
        let tables = Tables {
            topics: BTreeMap::new(),
            brokers: BTreeMap::new(),
            live: BTreeMap::new(),
            filter_servers: BTreeMap::new(),
            queue_entries: 0,
        };
        Self { clock, tables: RwLock::new(tables) }
    }

    /// Takes a registration (namesrv.md §2). Topics that the body does not name stay.
    #[doc(alias = "registerBroker")]
    pub fn register(&self, registration: Registration, holder: Holder<C>) -> Result<Master, Refusal> {
        let checked = Checked::new(registration)?;
        let now = self.clock.moment();
        let mut tables = self.tables.write();
        tables.check_room(&checked)?;
        Ok(tables.register(checked, holder, now))
    }

    /// Takes a broker out: its address, and with the last address of its name also its topics. An address that was
    /// replaced meanwhile takes nothing with it (Java compares the id only and removes the successor).
    #[doc(alias = "unregisterBroker")]
    pub fn unregister(&self, address: &BrokerAddress) -> bool {
        self.tables.write().forget(slice::from_ref(address))
    }

    /// Takes out every broker that registered over `connection` and did not register over another one since.
    #[doc(alias = "onChannelDestroy")]
    pub fn connection_closed(&self, connection: &C) -> Vec<BrokerAddress> {
        let held = |tables: &Tables<C>| tables.addresses_where(|live| live.is_held_by(connection));
        // Most connections are clients': they must not stop the readers.
        if held(&self.tables.read()).is_empty() {
            return Vec::new();
        }
        let mut tables = self.tables.write();
        let gone = held(&tables);
        tables.forget(&gone);
        gone
    }

    /// Takes out every broker that was silent for longer than [`BROKER_SILENCE_MAX`]; gives their connections, to be closed.
    #[doc(alias = "scanNotActiveBroker")]
    pub fn expire(&self) -> Vec<C> {
        let now = self.clock.moment();
        let mut tables = self.tables.write();
        let mut silent = Vec::new();
        let mut connections = Vec::new();
        for (address, live) in &tables.live {
            if let Holder::Connection(connection) = &live.holder
                && now.since(live.last_update) > BROKER_SILENCE_MAX
            {
                tracing::warn!(target: "broker::namesrv", ?address, "broker is silent");
                silent.push(address.clone());
                connections.push(connection.clone());
            }
        }
        tables.forget(&silent);
        connections
    }

    /// The version that the broker at `address` registered with, and whether it differs from `version`. An equal one counts
    /// as a sign of life (namesrv.md §3).
    #[doc(alias = "isBrokerTopicConfigChanged")]
    pub fn compare_version(
        &self,
        address: &BrokerAddress,
        version: Option<DataVersion>,
    ) -> (bool, Option<DataVersion>) {
        let now = self.clock.moment();
        let mut tables = self.tables.write();
        let Some(live) = tables.live.get_mut(address) else { return (true, None) };
        let changed = version != Some(live.version);
        if !changed {
            live.last_update = now;
        }
        (changed, Some(live.version))
    }

    /// Takes the write permission of all topics of a broker away, or gives it back; how many topics that were. Given back
    /// is what the broker registered (Java sets 6, which opens read-only topics and drops the inherit bit).
    #[doc(alias = "operateWritePermOfBroker")]
    pub fn set_write_wiped(&self, broker: &str, wiped: bool) -> usize {
        let mut tables = self.tables.write();
        let mut count = 0;
        for entries in tables.topics.values_mut() {
            if let Some(entry) = entries.iter_mut().find(|entry| &*entry.broker == broker) {
                entry.wiped = wiped;
                count += 1;
            }
        }
        count
    }

    /// Forgets a topic, in one cluster or in all.
    #[doc(alias = "deleteTopic")]
    pub fn delete_topic(&self, topic: &str, cluster: Option<&str>) {
        let tables = &mut *self.tables.write();
        let Some(entries) = tables.topics.get_mut(topic) else { return };
        let before = entries.len();
        let brokers = &tables.brokers;
        entries.retain(|entry| {
            let home = brokers.get(&entry.broker).map(|broker| &*broker.cluster);
            cluster.is_some_and(|cluster| home != Some(cluster))
        });
        let left = entries.len();
        if left == 0 {
            tables.topics.remove(topic);
        }
        tables.queue_entries -= before - left;
    }
}

/// A registration that can be taken, in the form of the tables.
struct Checked {
    cluster: Arc<str>,
    broker: Arc<str>,
    id: i64,
    address: BrokerAddress,
    ha_address: Option<BrokerAddress>,
    version: DataVersion,
    topics: Vec<(Arc<str>, TopicQueues)>,
    filter_servers: Option<Arc<[String]>>,
}

impl Checked {
    /// Refuses what cannot be a broker, drops what cannot be a topic.
    fn new(registration: Registration) -> Result<Self, Refusal> {
        let Registration { cluster, broker, id, address, ha_address, body } = registration;
        let is_good = |address: &BrokerAddress| match address {
            BrokerAddress::Announced(text) => is_name(text),
            BrokerAddress::Local { .. } => true,
        };
        if !is_name(&cluster) {
            return Err(Refusal::Name("clusterName"));
        }
        if !is_name(&broker) {
            return Err(Refusal::Name("brokerName"));
        }
        if !is_good(&address) {
            return Err(Refusal::Name("brokerAddr"));
        }
        let filter_servers = body.filter_servers;
        if filter_servers.as_ref().is_some_and(|servers| {
            servers.len() > FILTER_SERVERS_MAX || !servers.iter().all(|server| is_name(server))
        }) {
            return Err(Refusal::FilterServers);
        }
        let given = body.topics.topic_config_table;
        let count = given.len();
        let topics: Vec<_> = given
            .into_iter()
            .map(|(key, topic)| (topic_name(key, &topic), TopicQueues::from(&topic)))
            .filter(|(name, _)| is_name(name))
            .collect();
        if topics.len() < count {
            let dropped = count - topics.len();
            tracing::warn!(target: "broker::namesrv", broker, dropped, "registered topics with impossible names");
        }
        Ok(Self {
            cluster: cluster.into(),
            broker: broker.into(),
            id,
            address,
            ha_address: ha_address.filter(is_good),
            version: body.topics.data_version,
            topics,
            filter_servers: filter_servers.map(Arc::from),
        })
    }
}

/// Java goes by the name inside the topic, not by the key.
fn topic_name(key: String, topic: &TopicConfig) -> Arc<str> {
    if topic.topic_name.is_empty() { key.into() } else { topic.topic_name.as_str().into() }
}

/// Brokers check the characters of topics; this keeps junk small. Names of hosts and clusters are topics too, so more is
/// allowed than a client could create.
fn is_name(text: &str) -> bool {
    (1..=NAME_LEN_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

impl<C: Clone + PartialEq> Tables<C> {
    fn check_room(&self, registration: &Checked) -> Result<(), Refusal> {
        if self.live.len() >= BROKERS_MAX && !self.live.contains_key(&registration.address) {
            return Err(Refusal::Full("brokers"));
        }
        if self.queue_entries + registration.topics.len() > TOPIC_QUEUES_MAX {
            let is_new = |topic: &str| !self.has_entry(topic, &registration.broker);
            let added = registration.topics.iter().filter(|(topic, _)| is_new(topic)).count();
            if self.queue_entries + added > TOPIC_QUEUES_MAX {
                return Err(Refusal::Full("topics"));
            }
        }
        Ok(())
    }

    fn has_entry(&self, topic: &str, broker: &str) -> bool {
        self.topics.get(topic).is_some_and(|entries| entries.iter().any(|entry| &*entry.broker == broker))
    }

    fn register(&mut self, registration: Checked, holder: Holder<C>, now: Moment) -> Master {
        let Checked { cluster, broker, id, address, ha_address, version, topics, filter_servers } =
            registration;
        let is_first = self.take_address(cluster, &broker, id, &address);
        let before = self.live.get(&address);
        let changed = is_first || before.is_none_or(|live| live.version != version);
        let seen = before.map_or(0, |live| live.topics_seen);
        let topics_seen = seen.max(topics.len());
        if id == MASTER_ID {
            self.take_topics(&broker, topics, changed, seen);
        }
        match filter_servers {
            None => {}
            Some(servers) if servers.is_empty() => {
                self.filter_servers.remove(&address);
            }
            Some(servers) => {
                self.filter_servers.insert(address.clone(), servers);
            }
        }
        let live = Live { version, topics_seen, ha_address, last_update: now, holder };
        if self.live.insert(address.clone(), live).is_none() {
            tracing::info!(target: "broker::namesrv", %broker, id, ?address, "broker came");
        }
        if id == MASTER_ID { Master::default() } else { self.master_of(&broker) }
    }

    /// Notes who is where; true when nobody had this name and id before.
    fn take_address(
        &mut self,
        cluster: Arc<str>,
        broker: &Arc<str>,
        id: i64,
        address: &BrokerAddress,
    ) -> bool {
        let record = self
            .brokers
            .entry(broker.clone())
            .or_insert_with(|| Broker { cluster: cluster.clone(), addresses: BTreeMap::new() });
        record.cluster = cluster;
        // A slave that became master keeps its address.
        record.addresses.retain(|other, at| *other == id || at != address);
        record.addresses.insert(id, address.clone()).is_none()
    }

    /// Takes the topics of a master when its version `changed`. When not, a body with more topics than any before adds those
    /// that are missing: the first thing a restarted NameServer hears of a broker may be one changed topic under the version
    /// that all topics have afterwards (Java then misses the others until the next change).
    fn take_topics(
        &mut self,
        broker: &Arc<str>,
        topics: Vec<(Arc<str>, TopicQueues)>,
        changed: bool,
        seen: usize,
    ) {
        let adds_missing = topics.len() > seen;
        if !changed && !adds_missing {
            return;
        }
        for (topic, queues) in topics {
            let entries = self.topics.entry(topic).or_default();
            let entry = QueueEntry { broker: broker.clone(), queues, wiped: false };
            match entries.binary_search_by(|entry| entry.broker.cmp(broker)) {
                Ok(at) if changed => {
                    if let Some(old) = entries.get_mut(at) {
                        *old = entry;
                    }
                }
                Ok(_) => {}
                Err(at) => {
                    entries.insert(at, entry);
                    self.queue_entries += 1;
                }
            }
        }
    }

    fn master_of(&self, broker: &str) -> Master {
        let address = self.brokers.get(broker).and_then(|record| record.addresses.get(&MASTER_ID));
        let live = address.and_then(|address| self.live.get(address));
        match (address, live) {
            (Some(address), Some(live)) => {
                Master { address: Some(address.clone()), ha_address: live.ha_address.clone() }
            }
            _ => Master::default(),
        }
    }

    fn addresses_where(&self, matches: impl Fn(&Live<C>) -> bool) -> Vec<BrokerAddress> {
        let matching = self.live.iter().filter(|(_, live)| matches(live));
        matching.map(|(address, _)| address.clone()).collect()
    }

    /// Takes addresses out of all tables, and with the last address of a name its topics. True when any was there. One pass
    /// over each table, however many go.
    fn forget(&mut self, addresses: &[BrokerAddress]) -> bool {
        let mut known = false;
        for address in addresses {
            known |= self.live.remove(address).is_some();
            self.filter_servers.remove(address);
        }
        if !known {
            return false;
        }
        let gone: BTreeSet<&BrokerAddress> = addresses.iter().collect();
        let mut ended = BTreeSet::new();
        self.brokers.retain(|name, record| {
            record.addresses.retain(|_, at| !gone.contains(at));
            let stays = !record.addresses.is_empty();
            if !stays {
                tracing::info!(target: "broker::namesrv", broker = %name, "broker gone");
                ended.insert(name.clone());
            }
            stays
        });
        if !ended.is_empty() {
            self.forget_topics_of(&ended);
        }
        true
    }

    fn forget_topics_of(&mut self, brokers: &BTreeSet<Arc<str>>) {
        let mut removed = 0;
        self.topics.retain(|_, entries| {
            let before = entries.len();
            entries.retain(|entry| !brokers.contains(&entry.broker));
            removed += before - entries.len();
            !entries.is_empty()
        });
        self.queue_entries -= removed;
    }
}

impl<C: PartialEq> Live<C> {
    fn is_held_by(&self, connection: &C) -> bool {
        matches!(&self.holder, Holder::Connection(held) if held == connection)
    }
}

#[cfg(test)]
mod tests;
