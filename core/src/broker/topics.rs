//! The topics of this broker (broker-behaviour §1, §2.6, §16).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard, RwLock};

use crate::broker::TextMap;
use crate::broker::persist::TableFile;
use crate::clock::Clock;
use crate::config::{Config, LiveConfig};
use crate::error::Result;
use crate::format::disk::tables::{DataVersion, TopicConfig, TopicTable};
use crate::format::flags::perm;
use crate::format::names::{self, file};
use crate::format::wire::fastjson;
use crate::mmap::disk::Disk;

/// How long a creation waits for other changes of the table; then the topic counts as unknown.
const CREATE_WAIT: Duration = Duration::from_millis(3000);

const READ_WRITE: i32 = perm::READ | perm::WRITE;

/// What changed. NameServers have to be told of [`Change::Created`] (all topics, one-way) and [`Change::Updated`] (that topic).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A topic was created by a client's request.
    Created(Arc<TopicConfig>),
    /// A topic was set by an administrator.
    Updated(Arc<TopicConfig>),
    /// A topic was deleted; NameServers keep its route until they are told by somebody else.
    Deleted(String),
    /// The order flag of some topics followed the NameServer's table.
    OrderFlags,
}

/// Told of each change once it is in memory and on disk, on the thread that made it.
pub type ChangeListener = Box<dyn Fn(&Change) + Send + Sync>;

/// What a send wants when its topic is unknown.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The unknown topic.
    pub topic: &'a str,
    /// The template: header `defaultTopic`.
    pub template: &'a str,
    /// Header `defaultTopicQueueNums`.
    pub queues: i32,
    /// See [`crate::format::flags::topic`].
    pub sys_flag: i32,
}

/// The table of topics. Readers never wait for a change that is being written to disk.
#[doc(alias = "TopicConfigManager")]
pub struct Topics {
    table: RwLock<TextMap<Arc<TopicConfig>>>,
    /// Held by whoever changes the table, and for a consistent pair of table and version.
    version: Mutex<DataVersion>,
    /// System topics whose names come from the configuration.
    named_by_config: BTreeSet<String>,
    /// `enableLmq`: light queues are topics that nobody creates.
    light_queues: bool,
    file: TableFile,
    config: LiveConfig,
    clock: Clock,
    on_change: OnceLock<ChangeListener>,
}

impl std::fmt::Debug for Topics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Topics").field("count", &self.table.read().len()).finish_non_exhaustive()
    }
}

impl Topics {
    /// The built-in topics, and over them what `config/topics.json` says.
    pub fn open(disk: Disk, config: LiveConfig, clock: Clock) -> Result<Self> {
        let current = config.snapshot();
        let folder = current.store.store_path_root_dir.join(file::CONFIG);
        let file = TableFile::new(disk, folder.join(file::TOPICS));
        let mut table: TextMap<Arc<TopicConfig>> = TextMap::default();
        for topic in built_in(&current) {
            table.insert(topic.topic_name.clone(), Arc::new(topic));
        }
        let mut version = DataVersion { counter: 0, timestamp: clock.now_ms() };
        if let Some(stored) = file.load::<TopicTable>()? {
            version = stored.data_version;
            for (name, mut topic) in stored.topic_config_table {
                if !is_safe_name(&name) {
                    tracing::warn!(target: "broker::topics", topic = ?name, "a stored topic has a name that cannot be used; ignored");
                    continue;
                }
                topic.topic_name.clone_from(&name);
                table.insert(name, Arc::new(topic));
            }
        }
        Ok(Self {
            table: RwLock::new(table),
            version: Mutex::new(version),
            named_by_config: named_by_config(&current),
            light_queues: current.store.enable_lmq,
            file,
            config,
            clock,
            on_change: OnceLock::new(),
        })
    }

    /// Who is told of changes; only the first one counts. Called without any lock of this table, but on threads that answer
    /// requests: it must not block.
    pub fn set_change_listener(&self, listener: ChangeListener) {
        let _ = self.on_change.set(listener);
    }

    /// A topic.
    #[doc(alias = "selectTopicConfig")]
    pub fn find(&self, topic: &str) -> Option<Arc<TopicConfig>> {
        let found = self.table.read().get(topic).cloned();
        found.or_else(|| self.is_light(topic).then(|| Arc::new(TopicConfig::new(topic, 1, READ_WRITE))))
    }

    fn is_light(&self, topic: &str) -> bool {
        self.light_queues && names::is_lmq(topic) && names::check_topic(topic).is_ok()
    }

    /// Whether a topic exists.
    pub fn contains(&self, topic: &str) -> bool {
        self.table.read().contains_key(topic) || self.is_light(topic)
    }

    /// Whether a topic exists and is ordered.
    #[doc(alias = "isOrderTopic")]
    pub fn is_ordered(&self, topic: &str) -> bool {
        self.table.read().get(topic).is_some_and(|topic| topic.order)
    }

    /// Whether a topic is the broker's own: it cannot be changed or deleted.
    #[doc(alias = "isSystemTopic")]
    pub fn is_system(&self, topic: &str) -> bool {
        names::is_system_topic(topic) || self.named_by_config.contains(topic)
    }

    /// The names that code 305 lists.
    pub fn system_topics(&self) -> BTreeSet<String> {
        let fixed = names::system_topics().map(str::to_owned);
        fixed.chain(self.named_by_config.iter().cloned()).collect()
    }

    /// All topics, in no order.
    pub fn all(&self) -> Vec<Arc<TopicConfig>> {
        self.table.read().values().cloned().collect()
    }

    /// Version of the table.
    pub fn data_version(&self) -> DataVersion {
        *self.version.lock()
    }

    /// The table as it is stored and as code 21 answers it.
    #[doc(alias = "buildTopicConfigSerializeWrapper")]
    pub fn snapshot(&self) -> TopicTable {
        let version = self.version.lock();
        let table = self.table.read();
        let topics = table.iter().map(|(name, topic)| (name.clone(), TopicConfig::clone(topic)));
        TopicTable { data_version: *version, topic_config_table: topics.collect() }
    }

    /// The body of code 21.
    pub fn encode(&self) -> Vec<u8> {
        fastjson::to_vec(&self.snapshot())
    }

    /// The table that is registered with NameServers. A broker that does not both read and write puts its own permission on
    /// every topic; like Java's, such an entry has nothing else but its queue counts.
    pub fn for_registration(&self) -> TopicTable {
        let mut table = self.snapshot();
        if let Some(broker_perm) = self.overriding_perm() {
            table.topic_config_table.values_mut().for_each(|topic| override_perm(topic, broker_perm));
        }
        table
    }

    /// [`Topics::for_registration`] with one topic only.
    #[doc(alias = "registerIncrementBrokerData")]
    pub fn for_registration_of(&self, topic: &TopicConfig) -> TopicTable {
        let mut topic = topic.clone();
        if let Some(broker_perm) = self.overriding_perm() {
            override_perm(&mut topic, broker_perm);
        }
        TopicTable {
            data_version: self.data_version(),
            topic_config_table: BTreeMap::from([(topic.topic_name.clone(), topic)]),
        }
    }

    fn overriding_perm(&self) -> Option<i32> {
        let broker_perm = i32::try_from(self.config.load().broker.broker_permission).unwrap_or_default();
        (!(perm::is_readable(broker_perm) && perm::is_writable(broker_perm))).then_some(broker_perm)
    }

    /// The topic of a send: found, or created after its template (§2.6). `None` when the template does not exist or does not
    /// let topics inherit, or when other changes take too long.
    #[doc(alias = "createTopicInSendMessageMethod")]
    pub fn find_or_create_for_send(&self, wanted: Wanted<'_>) -> Option<Arc<TopicConfig>> {
        self.find_or_create_by(wanted.topic, || self.inherit(wanted))
    }

    /// The topic with this name, created when it is missing: retry and dead-letter topics, and the broker's own ones that are
    /// made on first use. `None` when the name is no file name or other changes take too long.
    #[doc(alias = "createTopicInSendMessageBackMethod")]
    #[doc(alias = "createTopicOfTranCheckMaxTime")]
    pub fn find_or_create(
        &self,
        topic: &str,
        queues: i32,
        perm: i32,
        sys_flag: i32,
    ) -> Option<Arc<TopicConfig>> {
        let make = || Some(TopicConfig { topic_sys_flag: sys_flag, ..TopicConfig::new(topic, queues, perm) });
        self.find_or_create_by(topic, make)
    }

    fn find_or_create_by(
        &self,
        topic: &str,
        make: impl FnOnce() -> Option<TopicConfig>,
    ) -> Option<Arc<TopicConfig>> {
        if let Some(found) = self.find(topic) {
            return Some(found);
        }
        if !is_safe_name(topic) {
            tracing::warn!(target: "broker::topics", ?topic, "a topic of this name is not created");
            return None;
        }
        let mut version = self.version.try_lock_for(CREATE_WAIT)?;
        if let Some(found) = self.find(topic) {
            return Some(found);
        }
        let created = Arc::new(make()?);
        self.insert(&mut version, created.clone());
        drop(version);
        tracing::info!(target: "broker::topics", topic = ?created, "topic created");
        self.changed(&Change::Created(created.clone()));
        Some(created)
    }

    /// The topic that a template makes. Called with the table locked for changes.
    fn inherit(&self, wanted: Wanted<'_>) -> Option<TopicConfig> {
        let Some(mut template) = self.find(wanted.template) else {
            tracing::warn!(target: "broker::topics", ?wanted, "topic not created: its template does not exist");
            return None;
        };
        if wanted.template == names::AUTO_CREATE_TOPIC
            && !self.config.load().broker.auto_create_topic_enable
            && template.perm != READ_WRITE
        {
            template = Arc::new(TopicConfig { perm: READ_WRITE, ..TopicConfig::clone(&template) });
            self.table.write().insert(template.topic_name.clone(), template.clone());
        }
        if !perm::is_inherited(template.perm) {
            tracing::warn!(target: "broker::topics", ?wanted, perm = template.perm, "topic not created: its template is not for that");
            return None;
        }
        let queues = wanted.queues.min(template.write_queue_nums).max(0);
        Some(TopicConfig {
            topic_sys_flag: wanted.sys_flag,
            topic_filter_type: template.topic_filter_type,
            ..TopicConfig::new(wanted.topic, queues, template.perm & !perm::INHERIT)
        })
    }

    /// Sets a topic as an administrator wants it. The caller has checked the name ([`names::check_topic`]). A light queue is as it is.
    #[doc(alias = "updateTopicConfig")]
    pub fn update(&self, topic: TopicConfig) -> Arc<TopicConfig> {
        let topic = Arc::new(topic);
        if self.is_light(&topic.topic_name) {
            return topic;
        }
        self.insert(&mut self.version.lock(), topic.clone());
        tracing::info!(target: "broker::topics", ?topic, "topic updated");
        self.changed(&Change::Updated(topic.clone()));
        topic
    }

    /// Deletes a topic; false when there is none. Its queues and offsets are others' to delete.
    #[doc(alias = "deleteTopicConfig")]
    pub fn delete(&self, topic: &str) -> bool {
        let mut version = self.version.lock();
        if self.table.write().remove(topic).is_none() {
            return false;
        }
        self.advance(&mut version);
        drop(version);
        tracing::info!(target: "broker::topics", topic, "topic deleted");
        self.changed(&Change::Deleted(topic.to_owned()));
        true
    }

    /// Sets the order flag of exactly the topics that `is_ordered` names: the NameServer's order table (§16).
    #[doc(alias = "updateOrderTopicConfig")]
    pub fn update_order_flags(&self, is_ordered: impl Fn(&str) -> bool) {
        let mut version = self.version.lock();
        let mut table = self.table.write();
        let mut any = false;
        for (name, topic) in table.iter_mut() {
            let order = is_ordered(name);
            if topic.order != order {
                Arc::make_mut(topic).order = order;
                any = true;
            }
        }
        drop(table);
        if !any {
            return;
        }
        self.advance(&mut version);
        drop(version);
        self.changed(&Change::OrderFlags);
    }

    /// Counts a change of `brokerPermission`: NameServers ignore topics of a version they have. Like Java, nothing is written.
    pub fn permission_changed(&self) {
        self.version.lock().advance(self.clock.now_ms());
    }

    fn insert(&self, version: &mut MutexGuard<'_, DataVersion>, topic: Arc<TopicConfig>) {
        self.table.write().insert(topic.topic_name.clone(), topic);
        self.advance(version);
    }

    fn advance(&self, version: &mut MutexGuard<'_, DataVersion>) {
        version.advance(self.clock.now_ms());
        self.file.note_change();
    }

    /// After a change, with nothing locked. A failed write is only logged, as in Java; the next change writes again.
    fn changed(&self, change: &Change) {
        self.file.save_or_log(|| self.snapshot());
        if let Some(listener) = self.on_change.get() {
            listener(change);
        }
    }

    /// Writes the table if its file lacks a change because an earlier write failed.
    pub fn persist(&self) -> Result<()> {
        self.file.save(|| self.snapshot())
    }
}

/// The topics every broker has (§1).
fn built_in(config: &Config) -> Vec<TopicConfig> {
    let broker = &config.broker;
    let template_perm = |is_open: bool| if is_open { READ_WRITE | perm::INHERIT } else { perm::INHERIT };
    let template_queues = i32::try_from(broker.default_topic_queue_nums).unwrap_or(i32::MAX);
    let mut topics = vec![
        TopicConfig::new(names::SELF_TEST_TOPIC, 1, READ_WRITE),
        TopicConfig::new(names::BENCHMARK_TOPIC, 1024, READ_WRITE),
        TopicConfig::new(
            broker.broker_cluster_name.to_string(),
            16,
            template_perm(broker.cluster_topic_enable),
        ),
        TopicConfig::new(broker.broker_name.to_string(), 1, template_perm(broker.broker_topic_enable)),
        TopicConfig::new(names::OFFSET_MOVED_EVENT, 1, READ_WRITE),
        TopicConfig::new(names::SCHEDULE_TOPIC, 18, READ_WRITE),
        TopicConfig::new(names::reply_topic(&broker.broker_cluster_name), 1, READ_WRITE),
    ];
    if broker.auto_create_topic_enable {
        topics.push(TopicConfig::new(names::AUTO_CREATE_TOPIC, template_queues, template_perm(true)));
    }
    if broker.trace_topic_enable {
        topics.push(TopicConfig::new(broker.msg_trace_topic_name.to_string(), 1, READ_WRITE));
    }
    topics
}

fn named_by_config(config: &Config) -> BTreeSet<String> {
    let broker = &config.broker;
    let mut topics = BTreeSet::from([
        broker.broker_cluster_name.to_string(),
        broker.broker_name.to_string(),
        names::reply_topic(&broker.broker_cluster_name),
    ]);
    if broker.trace_topic_enable {
        topics.insert(broker.msg_trace_topic_name.to_string());
    }
    topics
}

fn override_perm(topic: &mut TopicConfig, broker_perm: i32) {
    *topic = TopicConfig {
        read_queue_nums: topic.read_queue_nums,
        write_queue_nums: topic.write_queue_nums,
        ..TopicConfig::new(std::mem::take(&mut topic.topic_name), 0, broker_perm)
    };
}

/// Longest name a directory can have.
pub(super) const FILE_NAME_LEN_MAX: usize = 255;

/// Whether a topic or group can become the name of a directory. Wider than [`names::check_topic`]: groups of clients that check
/// nothing may contain more than a topic may.
pub(super) fn is_safe_name(name: &str) -> bool {
    !name.trim().is_empty()
        && name.len() <= FILE_NAME_LEN_MAX
        && name != "."
        && name != ".."
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'))
}

#[cfg(test)]
mod tests;
