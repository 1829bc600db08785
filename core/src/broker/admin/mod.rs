//! What an administrator can do with a broker (broker-behaviour §10): one file per noun, each operation a plain function from
//! values to values. `processor::admin` puts them on the wire; a console or a host program may call them as well.

pub mod clients;
pub mod config;
pub mod groups;
pub mod maintenance;
pub mod offsets;
pub mod progress;
pub mod queue_view;
pub mod topics;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::broker::clients::{Consumers, Producers};
use crate::broker::filter::registry::ConsumerFilters;
use crate::broker::groups::SubscriptionGroups;
use crate::broker::notify::ClientNotifier;
use crate::broker::offsets::ConsumerOffsets;
use crate::broker::refusal::Refusal;
use crate::broker::runtime_info::{DayTotals, RequestLanes, RuntimeInfo};
use crate::broker::stats::BrokerStats;
use crate::broker::topics::Topics;
use crate::broker::transaction::half::HalfResume;
use crate::clock::Clock;
use crate::config::{BrokerRole, Config, LiveConfig};
use crate::format::disk::tables::TopicConfig;
use crate::format::wire::body::MessageQueue;
use crate::format::wire::codes::ResponseCode;
use crate::mmap::disk::Disk;
use crate::runtime::timers::Timers;
use crate::store::MessageStore;

use clients::ClientAdmin;
use config::{ConfigAdmin, OnConfigChange};
use groups::GroupAdmin;
use maintenance::{Cleaning, Maintenance};
use offsets::{DelayOffsets, OffsetAdmin};
use progress::ProgressAdmin;
use queue_view::QueueViewer;
use topics::TopicAdmin;

/// What the operations work on.
pub struct Parts {
    /// Messages.
    pub store: Arc<MessageStore>,
    /// Topics.
    pub topics: Arc<Topics>,
    /// Consumer groups.
    pub groups: Arc<SubscriptionGroups>,
    /// What they have committed.
    pub offsets: Arc<ConsumerOffsets>,
    /// Connected consumers.
    pub consumers: Arc<Consumers>,
    /// Connected producers.
    pub producers: Arc<Producers>,
    /// Asks and tells clients.
    pub notifier: ClientNotifier,
    /// The expressions that groups are registered with.
    pub filters: Arc<ConsumerFilters>,
    /// Statistics.
    pub stats: Arc<BrokerStats>,
    /// Configuration.
    pub config: LiveConfig,
    /// Told of each change of the configuration.
    pub on_config_change: OnConfigChange,
    /// Progress of delayed messages.
    pub delay_offsets: DelayOffsets,
    /// Cleans the store.
    pub cleaning: Arc<dyn Cleaning>,
    /// Queues of requests.
    pub lanes: RequestLanes,
    /// Measures partitions.
    pub disk: Disk,
    /// Time.
    pub clock: Clock,
}

/// All operations.
#[derive(Debug)]
pub struct Admin {
    /// Topics.
    pub topics: TopicAdmin,
    /// Consumer groups.
    pub groups: GroupAdmin,
    /// Offsets.
    pub offsets: OffsetAdmin,
    /// How far groups are.
    pub progress: ProgressAdmin,
    /// Consume queues.
    pub queues: QueueViewer,
    /// Connected clients.
    pub clients: ClientAdmin,
    /// Configuration.
    pub config: ConfigAdmin,
    /// Cleaning.
    pub maintenance: Maintenance,
    /// Half messages that were given up.
    pub half_messages: HalfResume,
    /// Statistics.
    pub stats: Arc<BrokerStats>,
    /// Figures.
    pub runtime: RuntimeInfo,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

impl Admin {
    /// Hands each operation what it needs.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            store,
            topics,
            groups,
            offsets,
            consumers,
            producers,
            notifier,
            stats,
            config,
            clock,
            ..
        } = parts;
        Self {
            topics: TopicAdmin {
                topics: topics.clone(),
                store: store.clone(),
                consumers: consumers.clone(),
                offsets: offsets.clone(),
                stats: stats.clone(),
                config: config.clone(),
            },
            groups: GroupAdmin {
                groups: groups.clone(),
                offsets: offsets.clone(),
                stats: stats.clone(),
                config: config.clone(),
            },
            offsets: OffsetAdmin {
                store: store.clone(),
                topics: topics.clone(),
                offsets: offsets.clone(),
                consumers: consumers.clone(),
                notifier: notifier.clone(),
                delay_offsets: parts.delay_offsets.clone(),
                config: config.clone(),
            },
            progress: ProgressAdmin {
                store: store.clone(),
                topics: topics.clone(),
                groups,
                offsets,
                consumers: consumers.clone(),
                stats: stats.clone(),
                config: config.clone(),
                clock: clock.clone(),
            },
            queues: QueueViewer {
                store: store.clone(),
                consumers: consumers.clone(),
                filters: parts.filters,
            },
            clients: ClientAdmin { consumers, producers, notifier },
            maintenance: Maintenance { topics: topics.clone(), cleaning: parts.cleaning },
            half_messages: HalfResume::new(store.clone()),
            config: ConfigAdmin::new(config.clone(), topics, clock.clone(), parts.on_config_change),
            stats,
            runtime: RuntimeInfo {
                disk: parts.disk,
                days: Arc::new(DayTotals::new(store.clone(), clock.clone())),
                delay_offsets: parts.delay_offsets,
                lanes: parts.lanes,
                store,
                config,
                clock,
            },
        }
    }

    /// Takes the samples of statistics from now on, and watches for midnight.
    pub fn schedule(&self, timers: &Timers) {
        self.stats.schedule(timers);
        self.runtime.days.schedule(timers);
    }
}

/// Most queues a topic can be given. Java takes any number, and then walks through as many.
pub const QUEUES_MAX: i32 = 65_535;

/// Tables of a slave are copies of its master's: they change there.
fn refuse_on_slave(config: &Config) -> Result<(), Refusal> {
    if config.store.broker_role == BrokerRole::Slave {
        let text = "Can't modify topic or subscription group from slave broker, please execute it from master broker.";
        return Err(Refusal::new(ResponseCode::SystemError, text));
    }
    Ok(())
}

fn unknown_topic(topic: &str) -> Refusal {
    Refusal::new(ResponseCode::TopicNotExist, format!("topic[{topic}] not exist"))
}

/// Ids of the queues producers see.
fn write_queues(topic: &TopicConfig) -> Range<i32> {
    0..topic.write_queue_nums.min(QUEUES_MAX)
}

/// Ids of the queues consumers see.
fn read_queues(topic: &TopicConfig) -> Range<i32> {
    0..topic.read_queue_nums.min(QUEUES_MAX)
}

fn queue_of(config: &Config, topic: &str, queue_id: i32) -> MessageQueue {
    MessageQueue { broker_name: config.broker.broker_name.to_string(), queue_id, topic: topic.to_owned() }
}

#[cfg(test)]
pub(super) mod testing;
