//! A broker's tables and store with the operations over them, configured as the recorded broker was.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::{Admin, Parts};
use crate::broker::clients::{Consumers, Producers};
use crate::broker::filter::registry::ConsumerFilters;
use crate::broker::groups::SubscriptionGroups;
use crate::broker::notify::ClientNotifier;
use crate::broker::offsets::ConsumerOffsets;
use crate::broker::runtime_info::RequestLanes;
use crate::broker::stats::BrokerStats;
use crate::broker::testing::wait_until;
use crate::broker::topics::Topics;
use crate::clock::Clock;
use crate::config::live::Update;
use crate::config::{Config, LiveConfig, Profile};
use crate::format::disk::tables::DelayOffsetTable;
use crate::mmap::disk::Disk;
use crate::store::options::StoreOptions;
use crate::store::{Appended, BodyForm, MessageStore, PutMessage};

/// When the tests begin.
pub(crate) const BEGIN_MS: i64 = 1_795_242_080_000;

const BASE: [(&str, &str); 13] = [
    ("brokerClusterName", "GoldenCluster"),
    ("brokerName", "golden-a"),
    ("brokerIP1", "127.0.0.1"),
    ("brokerIP2", "127.0.0.1"),
    ("listenPort", "22911"),
    ("namesrvAddr", "127.0.0.1:22876"),
    ("defaultTopicQueueNums", "4"),
    ("mappedFileSizeCommitLog", "1048576"),
    ("mappedFileSizeConsumeQueue", "6000"),
    ("maxMessageSize", "262144"),
    ("enablePropertyFilter", "true"),
    ("deleteWhen", "03"),
    ("fileReservedTime", "72"),
];

pub(crate) struct Fixture {
    pub(crate) config: LiveConfig,
    pub(crate) clock: Clock,
    pub(crate) store: Arc<MessageStore>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) groups: Arc<SubscriptionGroups>,
    pub(crate) offsets: Arc<ConsumerOffsets>,
    pub(crate) consumers: Arc<Consumers>,
    pub(crate) producers: Arc<Producers>,
    pub(crate) stats: Arc<BrokerStats>,
    pub(crate) admin: Arc<Admin>,
    /// What the operations said of the configuration.
    pub(crate) updates: Arc<Mutex<Vec<Update>>>,
    pub(crate) folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) fn new(properties: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("store");
        let mut all = BASE.to_vec();
        all.push(("storePathRootDir", root.to_str().unwrap()));
        all.extend(properties);
        let config = LiveConfig::with_file(Config::with_properties(Profile::Server, &all).unwrap(), None);
        let clock = Clock::manual(BEGIN_MS);
        let disk = Disk::real();
        let store = {
            let config = config.load();
            MessageStore::open(StoreOptions::of(&config.store, &config.system), &clock, &disk).unwrap()
        };
        let topics = Arc::new(Topics::open(disk.clone(), config.clone(), clock.clone()).unwrap());
        let groups = Arc::new(SubscriptionGroups::open(disk.clone(), config.clone(), clock.clone()).unwrap());
        let offsets = Arc::new(ConsumerOffsets::open(disk.clone(), &config).unwrap());
        let notifier = ClientNotifier::new(config.clone());
        let consumers = Arc::new(Consumers::new(notifier.clone(), clock.clone()));
        let producers = Arc::new(Producers::new(clock.clone()));
        let stats = Arc::new(BrokerStats::new("GoldenCluster", true, clock.clone()));
        let updates = Arc::new(Mutex::new(Vec::new()));
        let seen = updates.clone();
        let admin = Arc::new(Admin::new(Parts {
            store: store.clone(),
            topics: topics.clone(),
            groups: groups.clone(),
            offsets: offsets.clone(),
            consumers: consumers.clone(),
            filters: Arc::new(ConsumerFilters::open(disk.clone(), config.clone(), clock.clone()).unwrap()),
            producers: producers.clone(),
            notifier,
            stats: stats.clone(),
            config: config.clone(),
            on_config_change: Box::new(move |update| seen.lock().push(update.clone())),
            delay_offsets: Arc::new(|| DelayOffsetTable { offset_table: [(1, 2)].into() }),
            cleaning: store.clone(),
            lanes: RequestLanes::default(),
            disk,
            clock: clock.clone(),
        }));
        Self {
            config,
            clock,
            store,
            topics,
            groups,
            offsets,
            consumers,
            producers,
            stats,
            admin,
            updates,
            folder,
        }
    }

    /// Stores a message, a second after the one before; it can be read when this returns.
    pub(crate) fn put(&self, topic: &str, queue_id: i32, body: &[u8]) -> Appended {
        self.clock.advance(Duration::from_secs(1));
        let host: SocketAddr = "127.0.0.1:22911".parse().unwrap();
        let outcome = self.store.put(&PutMessage {
            topic,
            queue_id,
            flag: 0,
            sys_flag: 0,
            born_timestamp_ms: self.clock.now_ms(),
            born_host: host,
            store_host: host,
            reconsume_times: 0,
            prepared_transaction_offset: 0,
            body,
            form: BodyForm::Message,
            properties: b"",
            wait_store_ok: false,
        });
        wait_until("the message is dispatched", || self.store.dispatch_behind_bytes() == 0);
        outcome.appended.unwrap()
    }
}
