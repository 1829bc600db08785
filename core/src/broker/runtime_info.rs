//! Figures of a running broker: code 28 (broker-behaviour §10, store-behaviour §15).

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use parking_lot::Mutex;

use crate::broker::admin::offsets::DelayOffsets;
use crate::clock::Clock;
use crate::config::LiveConfig;
use crate::format::names::SCHEDULE_TOPIC;
use crate::format::record::tags::delay_queue_id;
use crate::format::wire::codes::version;
use crate::format::wire::fastjson;
use crate::mmap::disk::Disk;
use crate::runtime::lanes::Lane;
use crate::runtime::timers::Timers;
use crate::store::MessageStore;
use crate::store::stats::Rates;

/// How often a new day is looked for.
const DAY_CHECK: std::time::Duration = std::time::Duration::from_secs(10);
/// Java's answer while there is no transient pool.
const NO_POOL: i32 = i32::MAX;
/// Figures of Java's broker that nothing measures here; tools show them, none acts on them.
const NOT_MEASURED: [(&str, &str); 7] = [
    ("putMessageEntireTimeMax", "0"),
    ("putMessageDistributeTime", "null"),
    ("dispatchMaxBuffer", "0"),
    ("getMessageEntireTimeMax", "0"),
    ("putLatency99", "0.00"),
    ("putLatency999", "0.00"),
    // There is no time at which a put holds a lock that others see.
    ("pageCacheLockTimeMills", "0"),
];

/// Gathers the figures.
pub struct RuntimeInfo {
    /// Most of them.
    pub store: Arc<MessageStore>,
    /// Measures partitions.
    pub disk: Disk,
    /// Sums of the day.
    pub days: Arc<DayTotals>,
    /// Progress of delayed messages.
    pub delay_offsets: DelayOffsets,
    /// Queues of requests; none where requests are not queued.
    pub lanes: RequestLanes,
    /// Capacities.
    pub config: LiveConfig,
    /// For the uptime.
    pub clock: Clock,
}

/// The lanes whose queues are shown.
#[derive(Debug, Clone, Default)]
pub struct RequestLanes {
    /// Sends.
    pub send: Option<Arc<Lane>>,
    /// Pulls.
    pub pull: Option<Arc<Lane>>,
    /// Queries.
    pub query: Option<Arc<Lane>>,
    /// Ends of transactions.
    pub transaction: Option<Arc<Lane>>,
}

impl fmt::Debug for RuntimeInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeInfo").field("store", &self.store).finish_non_exhaustive()
    }
}

type Table = BTreeMap<String, String>;

impl RuntimeInfo {
    /// All figures by the names Java gives them.
    #[doc(alias = "prepareRuntimeInfo")]
    pub fn read(&self) -> Table {
        let mut table = Table::new();
        self.put_counts(&mut table);
        self.put_rates(&mut table);
        self.put_disk(&mut table);
        self.put_delay(&mut table);
        self.put_lanes(&mut table);
        self.put_days(&mut table);
        self.put_log(&mut table);
        put(&mut table, "brokerVersionDesc", "V4_9_8");
        put(&mut table, "brokerVersion", version::CURRENT);
        NOT_MEASURED.into_iter().for_each(|(name, value)| put(&mut table, name, value));
        table
    }

    fn put_counts(&self, table: &mut Table) {
        let stats = self.store.stats();
        // Java never shows 0 here, because it divides by it.
        let put_messages = stats.put_messages().max(1);
        put(table, "bootTimestamp", stats.started_ms());
        put(table, "runtime", uptime(self.clock.now_ms() - stats.started_ms()));
        put(table, "putMessageTimesTotal", put_messages);
        put(table, "putMessageFailedTimes", stats.puts_failed());
        put(table, "putMessageSizeTotal", stats.put_bytes());
        put(table, "putMessageAverageSize", double(stats.put_bytes() as f64 / put_messages as f64));
    }

    fn put_rates(&self, table: &mut Table) {
        let stats = self.store.stats();
        put(table, "putTps", rates(stats.put_tps()));
        put(table, "getFoundTps", rates(stats.found_tps()));
        put(table, "getMissTps", rates(stats.missed_tps()));
        put(table, "getTotalTps", rates(stats.total_tps()));
        put(table, "getTransferedTps", rates(stats.transferred_tps()));
    }

    fn put_disk(&self, table: &mut Table) {
        let options = self.store.options();
        let log_path = options.commit_log_path();
        let log_ratio = double(self.used_ratio(&log_path));
        put(table, &format!("commitLogDiskRatio_{}", log_path.display()), log_ratio.clone());
        put(table, "commitLogDiskRatio", log_ratio);
        put(table, "consumeQueueDiskRatio", double(self.used_ratio(&options.consume_queue_path())));
        if let Ok(used) = self.disk.usage(&options.root) {
            let (total, free) = (byte_count(used.total_bytes), byte_count(used.free_bytes));
            put(table, "commitLogDirCapacity", format!("Total : {total}, Free : {free}."));
        }
    }

    /// Used share of the partition that holds a path, or of its nearest parent that exists; -1 when it cannot be measured.
    fn used_ratio(&self, path: &Path) -> f64 {
        let used = path.ancestors().find_map(|path| self.disk.usage(path).ok());
        used.map_or(-1.0, |used| f64::from(used.used_percent()) / 100.0)
    }

    fn put_delay(&self, table: &mut Table) {
        for (level, offset) in (self.delay_offsets)().offset_table {
            let max_offset = self.store.max_offset(SCHEDULE_TOPIC, delay_queue_id(level));
            put(table, &format!("scheduleMessageOffset_{level}"), format!("{offset},{max_offset}"));
        }
    }

    fn put_lanes(&self, table: &mut Table) {
        let config = self.config.load();
        let broker = &config.broker;
        let len = |lane: &Option<Arc<Lane>>| lane.as_ref().map_or(0, |lane| lane.len());
        let head_wait_ms = |lane: &Option<Arc<Lane>>| lane.as_ref().map_or(0, |lane| lane.head_wait_ms());
        let lanes = &self.lanes;
        put(table, "sendThreadPoolQueueSize", len(&lanes.send));
        put(table, "sendThreadPoolQueueCapacity", broker.send_thread_pool_queue_capacity);
        put(table, "sendThreadPoolQueueHeadWaitTimeMills", head_wait_ms(&lanes.send));
        put(table, "pullThreadPoolQueueSize", len(&lanes.pull));
        put(table, "pullThreadPoolQueueCapacity", broker.pull_thread_pool_queue_capacity);
        put(table, "pullThreadPoolQueueHeadWaitTimeMills", head_wait_ms(&lanes.pull));
        put(table, "queryThreadPoolQueueSize", len(&lanes.query));
        put(table, "queryThreadPoolQueueCapacity", broker.query_thread_pool_queue_capacity);
        put(table, "queryThreadPoolQueueHeadWaitTimeMills", head_wait_ms(&lanes.query));
        put(table, "EndTransactionQueueSize", len(&lanes.transaction));
        put(table, "EndTransactionThreadPoolQueueCapacity", broker.end_transaction_pool_queue_capacity);
        put(table, "startAcceptSendRequestTimeStamp", broker.start_accept_send_request_time_stamp);
    }

    fn put_days(&self, table: &mut Table) {
        let totals = self.days.read();
        put(table, "msgPutTotalYesterdayMorning", totals.yesterday_morning.put);
        put(table, "msgPutTotalTodayMorning", totals.today_morning.put);
        put(table, "msgPutTotalTodayNow", totals.now.put);
        put(table, "msgGetTotalYesterdayMorning", totals.yesterday_morning.got);
        put(table, "msgGetTotalTodayMorning", totals.today_morning.got);
        put(table, "msgGetTotalTodayNow", totals.now.got);
    }

    fn put_log(&self, table: &mut Table) {
        let store = &self.store;
        put(table, "commitLogMinOffset", store.min_physical_offset());
        put(table, "commitLogMaxOffset", store.max_physical_offset());
        put(table, "dispatchBehindBytes", store.dispatch_behind_bytes());
        put(table, "earliestMessageTimeStamp", store.earliest_store_time_ms().unwrap_or(-1));
        let unflushed = u64::try_from(store.flush_behind_bytes()).unwrap_or(0);
        put(table, "remainHowManyDataToFlush", byte_count(unflushed));
        let buffers = store.options().transient_buffers.map(|count| i32::try_from(count).unwrap_or(NO_POOL));
        put(table, "remainTransientStoreBufferNumbs", buffers.unwrap_or(NO_POOL));
        if buffers.is_some() {
            put(table, "remainHowManyDataToCommit", byte_count(unflushed));
        }
    }
}

fn put(table: &mut Table, name: &str, value: impl ToString) {
    table.insert(name.to_owned(), value.to_string());
}

/// As Java's `Double.toString`.
fn double(value: f64) -> String {
    String::from_utf8(fastjson::to_vec(&value)).unwrap_or_default()
}

/// Over 10, 60 and 600 seconds, with blanks between; empty where the store is younger.
fn rates(rates: Rates) -> String {
    rates.map(|rate| rate.map(double).unwrap_or_default()).join(" ")
}

fn uptime(elapsed_ms: i64) -> String {
    let seconds = elapsed_ms.max(0) / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    format!("[ {days} days, {} hours, {} minutes, {} seconds ]", hours % 24, minutes % 60, seconds % 60)
}

/// `1.5 MiB`.
#[doc(alias = "humanReadableByteCount")]
fn byte_count(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let exponent = bytes.ilog2() / 10;
    let unit = UNITS.get(exponent as usize - 1).copied().unwrap_or("EiB");
    format!("{:.1} {unit}", bytes as f64 / 1024f64.powi(exponent as i32))
}

/// Messages put and got since the store was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Put.
    pub put: u64,
    /// Got.
    pub got: u64,
}

/// Sums at the beginning of two days and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaySums {
    /// When yesterday began.
    pub yesterday_morning: Totals,
    /// When today began.
    pub today_morning: Totals,
    /// Now.
    pub now: Totals,
}

/// Remembers the sums of each midnight, in the zone of this machine.
#[doc(alias = "BrokerStats")]
pub struct DayTotals {
    now: Box<dyn Fn() -> Totals + Send + Sync>,
    clock: Clock,
    zone: TimeZone,
    days: Mutex<Days>,
}

struct Days {
    today: Option<Date>,
    yesterday_morning: Totals,
    today_morning: Totals,
}

impl fmt::Debug for DayTotals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DayTotals").field(&self.read()).finish()
    }
}

impl DayTotals {
    /// Of a store.
    pub fn new(store: Arc<MessageStore>, clock: Clock) -> Self {
        let now =
            move || Totals { put: store.stats().put_messages(), got: store.stats().transferred_messages() };
        Self::of(Box::new(now), clock, TimeZone::system())
    }

    fn of(now: Box<dyn Fn() -> Totals + Send + Sync>, clock: Clock, zone: TimeZone) -> Self {
        let days =
            Days { today: None, yesterday_morning: Totals::default(), today_morning: Totals::default() };
        let totals = Self { now, clock, zone, days: Mutex::new(days) };
        totals.notice_midnight();
        totals
    }

    /// Watches for midnight from now on.
    pub fn schedule(self: &Arc<Self>, timers: &Timers) {
        let totals = self.clone();
        timers.every("day totals", DAY_CHECK, DAY_CHECK, move || totals.notice_midnight());
    }

    /// Remembers the sums when the day is another one than at the last call.
    pub fn notice_midnight(&self) {
        let Ok(now) = Timestamp::from_millisecond(self.clock.now_ms()) else { return };
        let today = now.to_zoned(self.zone.clone()).date();
        let mut days = self.days.lock();
        let before = days.today.replace(today);
        if before.is_some_and(|before| before != today) {
            days.yesterday_morning = days.today_morning;
            days.today_morning = (self.now)();
        }
    }

    /// The sums.
    pub fn read(&self) -> DaySums {
        let days = self.days.lock();
        DaySums {
            yesterday_morning: days.yesterday_morning,
            today_morning: days.today_morning,
            now: (self.now)(),
        }
    }
}

#[cfg(test)]
mod tests;
