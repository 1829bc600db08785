//! What the tables answer. Everything is copied under the read lock, texts by reference count, and turned into bodies
//! after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::format::flags::topic::{UNIT, UNIT_SUB};

use super::{BrokerAddress, RouteTable, Tables, TopicQueues};

/// One broker name with its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerView {
    /// Cluster of its last registration.
    pub cluster: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Id → address; 0 is the master.
    pub addresses: BTreeMap<i64, BrokerAddress>,
}

/// Where a topic is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[doc(alias = "TopicRouteData")]
pub struct RouteView {
    /// What each broker has of it, with the permission that counts now.
    pub queues: Vec<(Arc<str>, TopicQueues)>,
    /// The brokers of `queues` that are known.
    pub brokers: Vec<BrokerView>,
    /// Filter servers of these brokers, by the broker's address.
    pub filter_servers: Vec<(BrokerAddress, Arc<[String]>)>,
}

/// Topics by their unit flags. Java looks at one broker of the topic, whichever comes first; here any of them counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicChoice {
    /// With the unit flag.
    Unit,
    /// With the unit-sub flag.
    UnitSub,
    /// With the unit-sub flag and without the unit flag.
    UnitSubWithoutUnit,
}

impl TopicChoice {
    fn matches(self, sys_flag: i32) -> bool {
        let (unit, unit_sub) = (sys_flag & UNIT != 0, sys_flag & UNIT_SUB != 0);
        match self {
            TopicChoice::Unit => unit,
            TopicChoice::UnitSub => unit_sub,
            TopicChoice::UnitSubWithoutUnit => unit_sub && !unit,
        }
    }
}

impl<C: Clone + PartialEq> RouteTable<C> {
    /// Where `topic` is; `None` unless a known broker has queues of it (namesrv.md §5).
    #[doc(alias = "pickupTopicRouteData")]
    pub fn route(&self, topic: &str) -> Option<RouteView> {
        let tables = self.tables.read();
        let entries = tables.topics.get(topic)?;
        let brokers: Vec<BrokerView> =
            entries.iter().filter_map(|entry| tables.broker_view(&entry.broker)).collect();
        if brokers.is_empty() {
            return None;
        }
        let filter_servers = if tables.filter_servers.is_empty() {
            Vec::new()
        } else {
            let addresses = brokers.iter().flat_map(|broker| broker.addresses.values());
            addresses.filter_map(|at| Some((at.clone(), tables.filter_servers.get(at)?.clone()))).collect()
        };
        let queues = entries
            .iter()
            .map(|entry| (entry.broker.clone(), TopicQueues { perm: entry.perm(), ..entry.queues }))
            .collect();
        Some(RouteView { queues, brokers, filter_servers })
    }

    /// Every broker, by name.
    #[doc(alias = "getAllClusterInfo")]
    pub fn brokers(&self) -> Vec<BrokerView> {
        let tables = self.tables.read();
        tables.brokers.keys().filter_map(|name| tables.broker_view(name)).collect()
    }

    /// Every topic, those of the system included.
    #[doc(alias = "getAllTopicList")]
    pub fn topics(&self) -> Vec<Arc<str>> {
        self.tables.read().topics.keys().cloned().collect()
    }

    /// Topics of which a broker of `cluster` has queues.
    #[doc(alias = "getTopicsByCluster")]
    pub fn topics_of_cluster(&self, cluster: &str) -> Vec<Arc<str>> {
        let tables = self.tables.read();
        let members: BTreeSet<&Arc<str>> = tables
            .brokers
            .iter()
            .filter(|(_, record)| &*record.cluster == cluster)
            .map(|(name, _)| name)
            .collect();
        if members.is_empty() {
            return Vec::new();
        }
        let topics = tables.topics.iter();
        topics
            .filter(|(_, entries)| entries.iter().any(|entry| members.contains(&entry.broker)))
            .map(|(topic, _)| topic.clone())
            .collect()
    }

    /// Topics with certain unit flags.
    pub fn topics_by_unit(&self, choice: TopicChoice) -> Vec<Arc<str>> {
        let tables = self.tables.read();
        let topics = tables.topics.iter();
        topics
            .filter(|(_, entries)| entries.iter().any(|entry| choice.matches(entry.queues.sys_flag)))
            .map(|(topic, _)| topic.clone())
            .collect()
    }
}

impl<C> Tables<C> {
    fn broker_view(&self, name: &str) -> Option<BrokerView> {
        let (name, record) = self.brokers.get_key_value(name)?;
        Some(BrokerView {
            cluster: record.cluster.clone(),
            name: name.clone(),
            addresses: record.addresses.clone(),
        })
    }
}
