//! Statistics by topic, group and queue: code 315 and the rates of the admin tools (broker-behaviour §15).
//!
//! Counting a message finds its counters by the names it came with, allocates nothing once they exist, and takes no lock but the
//! shared one of a shard. Rates come from samples that a timer takes: every 10 s for a minute, every 10 min for an hour, every
//! hour for a day.

mod series;
mod table;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Moment};
use crate::format::names;
use crate::format::wire::body::{BrokerStats as StatsBody, StatsSpan};
use crate::runtime::timers::Timers;
use crate::store::Amount;

use series::Counter;
use table::{Key, Pair, Table};

pub use series::Span;

/// Counts messages in and out. Lost with the process, as in Java.
///
/// Java also declares statistics of disk reads and of a closed product, which hardly anything feeds; and it logs how far groups
/// fall behind, which [`crate::broker::admin::offsets`] tells at any time.
#[doc(alias = "BrokerStatsManager")]
#[derive(Debug)]
pub struct BrokerStats {
    cluster: String,
    /// `enableDetailStat`: by queue too.
    is_detailed: bool,
    /// `enableLmq`: all light queues and groups are counted as one.
    folds_light: bool,
    clock: Clock,
    start: Moment,
    topic_put: Table,
    queue_put: Table,
    group_get: Table,
    queue_get: Table,
    latency: Table,
    send_back: Table,
    broker_put: Counter,
    broker_get: Counter,
}

/// A statistic of 4.9.8. The name is what code 315 asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stat {
    /// Messages put, by topic.
    TopicPutNums,
    /// Bytes put, by topic.
    TopicPutSize,
    /// Delayed messages put, by queue of the schedule topic.
    QueuePutNums,
    /// Bytes of delayed messages put, likewise.
    QueuePutSize,
    /// Messages read, by topic and group.
    GroupGetNums,
    /// Bytes read, by topic and group.
    GroupGetSize,
    /// Messages read, by topic, queue and group.
    QueueGetNums,
    /// Bytes read, by topic, queue and group.
    QueueGetSize,
    /// Time of reads in ms, by queue, topic and group; by topic and group without `enableDetailStat`.
    GroupGetLatency,
    /// Messages sent back, by topic and group.
    SendBackPutNums,
    /// Messages put, by cluster.
    BrokerPutNums,
    /// Messages read, by cluster.
    BrokerGetNums,
}

impl Stat {
    const ALL: [Stat; 12] = [
        Stat::TopicPutNums,
        Stat::TopicPutSize,
        Stat::QueuePutNums,
        Stat::QueuePutSize,
        Stat::GroupGetNums,
        Stat::GroupGetSize,
        Stat::QueueGetNums,
        Stat::QueueGetSize,
        Stat::GroupGetLatency,
        Stat::SendBackPutNums,
        Stat::BrokerPutNums,
        Stat::BrokerGetNums,
    ];

    /// The name as Java spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Stat::TopicPutNums => "TOPIC_PUT_NUMS",
            Stat::TopicPutSize => "TOPIC_PUT_SIZE",
            Stat::QueuePutNums => "QUEUE_PUT_NUMS",
            Stat::QueuePutSize => "QUEUE_PUT_SIZE",
            Stat::GroupGetNums => "GROUP_GET_NUMS",
            Stat::GroupGetSize => "GROUP_GET_SIZE",
            Stat::QueueGetNums => "QUEUE_GET_NUMS",
            Stat::QueueGetSize => "QUEUE_GET_SIZE",
            Stat::GroupGetLatency => "GROUP_GET_LATENCY",
            Stat::SendBackPutNums => "SNDBCK_PUT_NUMS",
            Stat::BrokerPutNums => "BROKER_PUT_NUMS",
            Stat::BrokerGetNums => "BROKER_GET_NUMS",
        }
    }

    /// The statistic of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stat| stat.name() == name)
    }
}

impl BrokerStats {
    /// Nothing is counted yet. The broker's own sums go under the name of its cluster.
    pub fn new(cluster: &str, is_detailed: bool, clock: Clock) -> Self {
        Self {
            cluster: cluster.to_owned(),
            is_detailed,
            folds_light: false,
            start: clock.moment(),
            clock,
            topic_put: Table::new(),
            queue_put: Table::new(),
            group_get: Table::new(),
            queue_get: Table::new(),
            latency: Table::new(),
            send_back: Table::new(),
            broker_put: Counter::default(),
            broker_get: Counter::default(),
        }
    }

    /// Counts what light queues and their groups get as one (`enableLmq`).
    #[doc(alias = "LmqBrokerStatsManager")]
    pub fn with_light_queues_folded(self, folds_light: bool) -> Self {
        Self { folds_light, ..self }
    }

    fn group_key<'a>(&self, topic: &'a str, group: &'a str) -> Key<'a> {
        let fold = |name| if self.folds_light && names::is_lmq(name) { names::LMQ_PREFIX } else { name };
        Key::of_group(fold(topic), fold(group))
    }

    /// A message, or a batch, was put.
    #[doc(alias = "incTopicPutNums")]
    pub fn put(&self, topic: &str, amount: Amount) {
        self.topic_put.with(Key::of_topic(topic), |pair| pair.add(amount));
        self.broker_put.add_value(amount.messages);
    }

    /// A delayed message was put into a queue of the schedule topic; besides [`BrokerStats::put`].
    #[doc(alias = "incQueuePutNums")]
    pub fn put_delayed(&self, topic: &str, queue_id: i32, amount: Amount) {
        if self.is_detailed {
            self.queue_put.with(Key { queue_id, ..Key::of_topic(topic) }, |pair| pair.add(amount));
        }
    }

    /// A group was given messages; the read took `latency`.
    #[doc(alias = "incGroupGetNums")]
    pub fn got(&self, group: &str, topic: &str, queue_id: i32, amount: Amount, latency: Duration) {
        let key = self.group_key(topic, group);
        self.group_get.with(key, |pair| pair.add(amount));
        let key = if self.is_detailed { Key { queue_id, ..key } } else { key };
        let latency_ms = usize::try_from(latency.as_millis()).unwrap_or(usize::MAX);
        self.latency.with(key, |pair| pair.nums.add(latency_ms));
        self.broker_get.add_value(amount.messages);
    }

    /// Delayed messages of a queue of the schedule topic were delivered to `topic`. `group` is the name of the one who delivers.
    pub fn delivered(&self, group: &str, schedule_topic: &str, queue_id: i32, topic: &str, amount: Amount) {
        let key = Key::of_group(schedule_topic, group);
        self.group_get.with(key, |pair| pair.add(amount));
        if self.is_detailed {
            self.queue_get.with(Key { queue_id, ..key }, |pair| pair.add(amount));
        }
        self.put(topic, amount);
    }

    /// A group sent a message of `topic` back, which was then put as `amount` of `put_to`.
    #[doc(alias = "incSendBackNums")]
    pub fn sent_back(&self, group: &str, topic: &str) {
        self.send_back.with(self.group_key(topic, group), |pair| pair.nums.add(1));
    }

    /// Messages a group reads of a topic per second, over the last minute.
    #[doc(alias = "tpsGroupGetNums")]
    pub fn group_tps(&self, group: &str, topic: &str) -> f64 {
        let pair = self.group_get.find(self.group_key(topic, group));
        pair.map_or(0.0, |pair| pair.nums.rate(Span::Minute).tps)
    }

    /// A statistic over its three spans; `None` when nothing was ever counted under the key.
    #[doc(alias = "getStatsItem")]
    pub fn view(&self, stat: Stat, key: &str) -> Option<StatsBody> {
        let nums = |pair: Arc<Pair>| pair.nums.view();
        let size = |pair: Arc<Pair>| pair.size.view();
        match stat {
            Stat::TopicPutNums => self.topic_put.find_text(|known| known.topic == key).map(nums),
            Stat::TopicPutSize => self.topic_put.find_text(|known| known.topic == key).map(size),
            Stat::QueuePutNums => self.queue_put.find_text(|known| known.is_topic_queue(key)).map(nums),
            Stat::QueuePutSize => self.queue_put.find_text(|known| known.is_topic_queue(key)).map(size),
            Stat::GroupGetNums => self.group_get.find_text(|known| known.is_topic_group(key)).map(nums),
            Stat::GroupGetSize => self.group_get.find_text(|known| known.is_topic_group(key)).map(size),
            Stat::QueueGetNums => self.queue_get.find_text(|known| known.is_topic_queue_group(key)).map(nums),
            Stat::QueueGetSize => self.queue_get.find_text(|known| known.is_topic_queue_group(key)).map(size),
            Stat::GroupGetLatency if self.is_detailed => {
                self.latency.find_text(|known| known.is_queue_topic_group(key)).map(nums)
            }
            Stat::GroupGetLatency => self.latency.find_text(|known| known.is_topic_group(key)).map(nums),
            Stat::SendBackPutNums => self.send_back.find_text(|known| known.is_topic_group(key)).map(nums),
            Stat::BrokerPutNums => self.of_broker(&self.broker_put, key),
            Stat::BrokerGetNums => self.of_broker(&self.broker_get, key),
        }
    }

    fn of_broker(&self, counter: &Counter, key: &str) -> Option<StatsBody> {
        (key == self.cluster && !counter.is_untouched()).then(|| counter.view())
    }

    /// Forgets a topic (`autoDeleteUnusedStats`).
    #[doc(alias = "onTopicDeleted")]
    pub fn topic_deleted(&self, topic: &str) {
        self.tables().for_each(|table| table.remove(|key| key.topic == topic));
    }

    /// Forgets a group (`autoDeleteUnusedStats`).
    #[doc(alias = "onGroupDeleted")]
    pub fn group_deleted(&self, group: &str) {
        self.tables().for_each(|table| table.remove(|key| key.group == group));
    }

    fn tables(&self) -> impl Iterator<Item = &Table> {
        [&self.topic_put, &self.queue_put, &self.group_get, &self.queue_get, &self.latency, &self.send_back]
            .into_iter()
    }

    /// Takes the samples from now on.
    pub fn schedule(self: &Arc<Self>, timers: &Timers) {
        for span in Span::ALL {
            let stats = self.clone();
            timers.every("statistics", Duration::ZERO, span.sample_period(), move || stats.sample(span));
        }
    }

    /// Takes a sample of everything.
    pub fn sample(&self, span: Span) {
        let at = self.clock.moment().since(self.start);
        for table in self.tables() {
            table.for_each(|pair| {
                pair.nums.sample(span, at);
                pair.size.sample(span, at);
            });
        }
        self.broker_put.sample(span, at);
        self.broker_get.sample(span, at);
    }
}

impl Counter {
    fn view(&self) -> StatsBody {
        let span = |span| -> StatsSpan { self.rate(span) };
        StatsBody { day: span(Span::Day), hour: span(Span::Hour), minute: span(Span::Minute) }
    }
}

#[cfg(test)]
mod tests;
