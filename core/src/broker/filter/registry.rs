//! The expressions that groups subscribe with, kept beyond their connections (broker-behaviour §5; Java: `ConsumerFilterManager`,
//! `config/consumerFilter.json`).
//!
//! A filter is born when its expression is first heard and replaced when it changes. It dies with the last member of its group, or when the
//! group names the topic no more, and lives again with the next heartbeat; dead for `filterDataCleanTimeSpan` it is forgotten.
//! The bit map of a message tells of every filter of its topic that was born before the message was stored, dead ones included.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;

use super::bloom::{BloomFilter, set_bits};
use super::sql::Expression;
use super::subscription::is_tag_type;
use crate::broker::clients::GroupListener;
use crate::broker::persist::TableFile;
use crate::clock::Clock;
use crate::config::LiveConfig;
use crate::error::Result;
use crate::format::disk::cq_ext::{CQ_EXT_UNIT_MAX, CQ_EXT_UNIT_MIN};
use crate::format::disk::tables::{BloomFilterData, ConsumerFilterData, ConsumerFilterTable, TopicFilters};
use crate::format::names::file;
use crate::format::wire::body::Subscription;
use crate::mmap::disk::Disk;
use crate::runtime::timers::Timers;
use crate::store::dispatch::BitMaps;

/// How often the table is cleaned and saved.
const SAVE_PERIOD: Duration = Duration::from_secs(10);
/// A filter that was alive when the table was saved counts as dead for so long.
const DEAD_BEFORE_LOAD_MS: i64 = 30_000;

/// The filter of one group on one topic.
#[derive(Debug, Clone)]
pub struct ConsumerFilter {
    /// What is saved of it.
    pub data: ConsumerFilterData,
    /// Its bits in a map.
    pub bits: BloomFilterData,
    /// What it wants.
    pub expression: Arc<Expression>,
}

impl ConsumerFilter {
    /// Whether a message of this time was stored when the filter was there, so that the message's bit map tells of it.
    #[doc(alias = "isMsgInLive")]
    pub fn knew(&self, store_timestamp_ms: i64) -> bool {
        store_timestamp_ms > self.data.born_time_ms
    }
}

/// The filters of a topic, by group.
type Groups = BTreeMap<String, Arc<ConsumerFilter>>;

/// All filters of the broker.
#[doc(alias = "ConsumerFilterManager")]
pub struct ConsumerFilters {
    bloom: BloomFilter,
    topics: RwLock<BTreeMap<String, Arc<Groups>>>,
    file: TableFile,
    config: LiveConfig,
    clock: Clock,
}

impl std::fmt::Debug for ConsumerFilters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsumerFilters").field("topics", &self.topics.read().len()).finish_non_exhaustive()
    }
}

impl ConsumerFilters {
    /// What `config/consumerFilter.json` says. Nothing of it when the Bloom filter has changed: its bits would be others.
    pub fn open(disk: Disk, config: LiveConfig, clock: Clock) -> Result<Self> {
        let loaded = config.load();
        let folder = loaded.store.store_path_root_dir.join(file::CONFIG);
        let bloom = BloomFilter::new(
            loaded.broker.max_error_rate_of_bloom_filter,
            loaded.broker.expect_consumer_num_use_filter,
        );
        let file = TableFile::new(disk, folder.join(file::CONSUMER_FILTERS));
        let saved = file.load::<ConsumerFilterTable>()?.unwrap_or_default();
        let topics = revived(saved, bloom, clock.now_ms());
        Ok(Self { bloom, topics: RwLock::new(topics), file, config, clock })
    }

    /// The filter of a group on a topic, dead or alive.
    pub fn find(&self, topic: &str, group: &str) -> Option<Arc<ConsumerFilter>> {
        self.topics.read().get(topic)?.get(group).cloned()
    }

    /// Cleans and saves every 10 s.
    pub fn schedule(self: &Arc<Self>, timers: &Timers) {
        let filters = self.clone();
        timers.every("consumer filters", SAVE_PERIOD, SAVE_PERIOD, move || {
            if let Err(error) = filters.persist() {
                tracing::error!(target: "broker::filter", %error, "consumer filters could not be saved; trying again");
            }
        });
    }

    /// Forgets what has been dead for long and writes the rest down, if something changed.
    pub fn persist(&self) -> Result<()> {
        self.clean();
        self.file.save(|| self.snapshot())
    }

    fn snapshot(&self) -> ConsumerFilterTable {
        let topics = self.topics.read();
        let filters = topics.iter().map(|(topic, groups)| {
            let groups = groups.iter().map(|(group, filter)| (group.clone(), filter.data.clone()));
            (topic.clone(), TopicFilters { group_filter_data: groups.collect(), topic: topic.clone() })
        });
        ConsumerFilterTable { filter_data_by_topic: filters.collect() }
    }

    fn clean(&self) {
        let span_ms =
            i64::try_from(self.config.load().broker.filter_data_clean_time_span).unwrap_or(i64::MAX);
        let now_ms = self.clock.now_ms();
        let is_kept = |filter: &ConsumerFilter| {
            !filter.data.is_dead() || now_ms.saturating_sub(filter.data.dead_time_ms) < span_ms
        };
        if self.topics.read().values().all(|groups| groups.values().all(|filter| is_kept(filter))) {
            return;
        }
        self.topics.write().retain(|_, groups| {
            Arc::make_mut(groups).retain(|_, filter| is_kept(filter));
            !groups.is_empty()
        });
        self.file.note_change();
    }

    /// Takes what a heartbeat says of one topic. A version that is known, or older, changes nothing but brings the filter back to life.
    fn register(&self, group: &str, subscription: &Subscription) {
        if is_tag_type(&subscription.expression_type) || subscription.sub_string.is_empty() {
            return;
        }
        let known = self.find(&subscription.topic, group);
        let (version, is_dead) =
            known.map_or((i64::MIN, false), |filter| (filter.data.client_version, filter.data.is_dead()));
        if subscription.sub_version < version || subscription.sub_version == version && !is_dead {
            return;
        }
        let compiled = compile(subscription, group);
        let mut topics = self.topics.write();
        let groups = Arc::make_mut(topics.entry(subscription.topic.clone()).or_default());
        let bits = self.bloom.bits_of(group, &subscription.topic);
        match groups.get_mut(group).map(Arc::make_mut) {
            Some(old) if subscription.sub_version < old.data.client_version => return,
            Some(old)
                if subscription.sub_version == old.data.client_version || old.says(subscription, &bits) =>
            {
                old.data.client_version = subscription.sub_version;
                old.data.dead_time_ms = 0;
            }
            _ => {
                // Under the lock, so that a message stored after this time is dispatched with the new filter.
                let born_time_ms = self.clock.now_ms();
                match compiled {
                    Some(expression) => {
                        let filter = born(group, subscription, bits, expression, born_time_ms);
                        groups.insert(group.to_owned(), Arc::new(filter));
                    }
                    // Its pulls are refused from now on, with an answer that says why.
                    None => drop(groups.remove(group)),
                }
                if groups.is_empty() {
                    topics.remove(&subscription.topic);
                }
            }
        }
        drop(topics);
        self.file.note_change();
    }

    /// Declares the filters of a group dead that `is_gone` by their topic.
    fn bury(&self, group: &str, is_gone: impl Fn(&str) -> bool) {
        let is_buried = |topic: &str, groups: &Groups| {
            groups.get(group).is_some_and(|filter| !filter.data.is_dead()) && is_gone(topic)
        };
        let mut topics = self.topics.write();
        let now_ms = self.clock.now_ms();
        let mut changed = false;
        for (topic, groups) in topics.iter_mut().filter(|(topic, groups)| is_buried(topic, groups)) {
            if let Some(filter) = Arc::make_mut(groups).get_mut(group) {
                let data = &mut Arc::make_mut(filter).data;
                // A clock that was set back must not leave it alive.
                data.dead_time_ms = now_ms.max(data.born_time_ms);
                tracing::info!(target: "broker::filter", group, topic, "the filter is used no more");
                changed = true;
            }
        }
        drop(topics);
        if changed {
            self.file.note_change();
        }
    }
}

impl ConsumerFilter {
    fn says(&self, subscription: &Subscription, bits: &BloomFilterData) -> bool {
        self.data.expression == subscription.sub_string
            && self.data.expression_type == subscription.expression_type
            && self.bits == *bits
    }
}

/// The expression of a subscription; `None`, with a note in the log, when it does not compile.
fn compile(subscription: &Subscription, group: &str) -> Option<Arc<Expression>> {
    super::compile(&subscription.expression_type, &subscription.sub_string)
        .inspect_err(|error| {
            tracing::warn!(target: "broker::filter", group, topic = subscription.topic, %error, "a filter is refused");
        })
        .ok()
        .map(Arc::new)
}

fn born(
    group: &str,
    subscription: &Subscription,
    bits: BloomFilterData,
    expression: Arc<Expression>,
    born_time_ms: i64,
) -> ConsumerFilter {
    let data = ConsumerFilterData {
        bloom_filter_data: Some(bits.clone()),
        born_time_ms,
        client_version: subscription.sub_version,
        consumer_group: group.to_owned(),
        dead_time_ms: 0,
        expression: subscription.sub_string.clone(),
        expression_type: subscription.expression_type.clone(),
        topic: subscription.topic.clone(),
    };
    ConsumerFilter { data, bits, expression }
}

/// What a saved table means now: nobody is connected yet. An expression that does not compile is left out; Java lets everything through
/// for it.
fn revived(saved: ConsumerFilterTable, bloom: BloomFilter, now_ms: i64) -> BTreeMap<String, Arc<Groups>> {
    let mut topics: BTreeMap<String, Arc<Groups>> = BTreeMap::new();
    for (topic, filters) in saved.filter_data_by_topic {
        for (group, mut data) in filters.group_filter_data {
            let Some(bits) = data.bloom_filter_data.clone().filter(|bits| bloom.made(bits)) else {
                tracing::warn!(target: "broker::filter", "the Bloom filter has changed: saved consumer filters are ignored");
                return BTreeMap::new();
            };
            let expression = match super::compile(&data.expression_type, &data.expression) {
                Ok(expression) => Arc::new(expression),
                Err(error) => {
                    tracing::warn!(target: "broker::filter", group, topic, %error, "a saved filter is left out");
                    continue;
                }
            };
            if data.dead_time_ms == 0 {
                data.dead_time_ms = (now_ms - DEAD_BEFORE_LOAD_MS).max(data.born_time_ms);
            }
            let groups = Arc::make_mut(topics.entry(topic.clone()).or_default());
            groups.insert(group, Arc::new(ConsumerFilter { data, bits, expression }));
        }
    }
    topics
}

impl GroupListener for ConsumerFilters {
    fn registered(&self, group: &str, subscriptions: &[Arc<Subscription>]) {
        subscriptions.iter().for_each(|subscription| self.register(group, subscription));
        let is_known = self.topics.read().values().any(|groups| groups.contains_key(group));
        if is_known {
            self.bury(group, |topic| !subscriptions.iter().any(|subscription| subscription.topic == topic));
        }
    }

    fn left(&self, group: &str, is_last: bool) {
        if is_last {
            self.bury(group, |_| true);
        }
    }
}

/// Java's `CommitLogDispatcherCalcBitMap`.
impl BitMaps for ConsumerFilters {
    fn bit_map(&self, topic: &str, properties: &[u8], map: &mut Vec<u8>) {
        if !self.config.load().broker.enable_calc_filter_bit_map {
            return;
        }
        let Some(groups) = self.topics.read().get(topic).cloned() else { return };
        let len = self.bloom.map_bytes();
        if len > CQ_EXT_UNIT_MAX - CQ_EXT_UNIT_MIN {
            // No unit could hold it: without a map every record is looked at.
            return;
        }
        map.resize(len, 0);
        for filter in groups.values().filter(|filter| filter.expression.matches(properties)) {
            set_bits(&filter.bits, map);
        }
    }
}

#[cfg(test)]
mod tests;
