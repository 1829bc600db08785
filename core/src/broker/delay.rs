//! Delayed messages: each level is a queue of SCHEDULE_TOPIC_XXXX, delivered in order when its head is due
//! (store-behaviour §9).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::persist::TableFile;
use super::stats::BrokerStats;
use crate::clock::{Clock, Moment};
use crate::error::Result;
use crate::format::disk::tables::DelayOffsetTable;
use crate::format::names::{self, file, property};
use crate::format::record::decode::RecordView;
use crate::format::record::properties::{self, get_many};
use crate::format::record::tags::delay_queue_id;
use crate::mmap::disk::Disk;
use crate::runtime::signal::Signal;
use crate::runtime::stop::StopToken;
use crate::runtime::threads::{Poison, ServiceThread};
use crate::store::{Amount, MessageStore, PutMessage, PutOutcome, PutStatus, QueueUnit};

/// Pause after a delivery that the store refused.
const RETRY: Duration = Duration::from_millis(500);
/// Units looked at before other levels get their turn.
const UNITS_PER_TURN: usize = 256;
/// The wall clock may be set while the thread sleeps: it looks again at least this often while something waits.
const SLEEP_MAX: Duration = Duration::from_secs(10);

/// What the service is made of.
pub struct Parts {
    /// Has the messages, and takes them again.
    pub store: Arc<MessageStore>,
    /// For the file of the progress.
    pub disk: Disk,
    /// Says what is due.
    pub clock: Clock,
    /// Counts deliveries.
    pub stats: Arc<BrokerStats>,
    /// Whether it does (`enableScheduleMessageStats`).
    pub counts: bool,
}

/// Delivers delayed messages on the thread `delay`.
#[doc(alias = "ScheduleMessageService")]
#[derive(Debug)]
pub struct DelayService {
    shared: Arc<Shared>,
    thread: Mutex<Option<ServiceThread>>,
}

#[derive(Debug)]
struct Shared {
    store: Arc<MessageStore>,
    clock: Clock,
    stop: StopToken,
    arrived: Signal,
    /// Next unit of each level, by level.
    offsets: Mutex<DelayOffsetTable>,
    /// Held during a delivery: who passes over what waits must not be overtaken by one.
    delivering: Mutex<()>,
    file: TableFile,
    stats: Arc<BrokerStats>,
    counts: bool,
}

/// What the thread knows of a level.
struct Level {
    level: i32,
    /// When it was seen that the wall clock was set back.
    set_back: Option<Moment>,
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// What the head of a level says.
enum Head {
    /// Nothing waits.
    Empty,
    /// It is due in this time.
    DueIn(Duration),
    /// More may be due right now.
    More,
    /// The store did not take a message.
    Refused,
}

impl DelayService {
    /// Reads `config/delayOffset.json` and starts the thread.
    pub fn start(parts: Parts, poison: &Poison) -> Result<Self> {
        let Parts { store, disk, clock, stats, counts } = parts;
        let path: PathBuf = store.options().root.join(file::CONFIG).join(file::DELAY_OFFSETS);
        let file = TableFile::new(disk, path);
        let offsets = file.load::<DelayOffsetTable>()?.unwrap_or_default();
        let shared = Arc::new(Shared {
            store,
            clock,
            stop: StopToken::new(),
            arrived: Signal::new(),
            offsets: Mutex::new(offsets),
            delivering: Mutex::default(),
            file,
            stats,
            counts,
        });
        let worker = shared.clone();
        let thread = ServiceThread::spawn("delay", poison, move || worker.run())?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// A delayed message was stored.
    pub fn wake(&self) {
        self.shared.arrived.raise();
    }

    /// Next unit of each level, as code 45 answers it.
    pub fn offsets(&self) -> DelayOffsetTable {
        self.shared.offsets.lock().clone()
    }

    /// Passes over everything that waits: it is never delivered, nor is anything being delivered when this returns. Blocks for one
    /// delivery at most.
    pub fn skip_all(&self) {
        let Shared { store, offsets, delivering, file, .. } = &*self.shared;
        let _none = delivering.lock();
        let mut offsets = offsets.lock();
        for (level, _) in store.options().delay_levels.iter() {
            let end = store.max_offset(names::SCHEDULE_TOPIC, delay_queue_id(level));
            offsets.offset_table.insert(level, end);
        }
        file.note_change();
    }

    /// Saves the progress, after making durable what was delivered: a crash then repeats deliveries but loses none.
    pub fn persist(&self) -> Result<()> {
        if !self.shared.file.is_behind() {
            return Ok(());
        }
        let offsets = self.offsets();
        self.shared.store.flush_now()?;
        self.shared.file.save(|| offsets)
    }

    /// Ends the thread. Idempotent.
    pub fn stop(&self) {
        self.shared.stop.stop();
        self.shared.arrived.raise();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Drop for DelayService {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn run(&self) {
        let levels: Vec<i32> = self.store.options().delay_levels.iter().map(|(level, _)| level).collect();
        let mut levels: Vec<_> = levels.into_iter().map(|level| Level { level, set_back: None }).collect();
        while !self.stop.is_stopped() {
            // Before the wall clock is read: a clock that moves in between must not make the sleep longer.
            let looked_at = self.clock.moment();
            let mut sleep: Option<Duration> = None;
            for level in &mut levels {
                let wait = match self.deliver_due(level) {
                    Head::Empty => continue,
                    Head::DueIn(wait) => wait.min(SLEEP_MAX),
                    Head::More => Duration::ZERO,
                    Head::Refused => RETRY,
                };
                sleep = Some(sleep.map_or(wait, |shortest| shortest.min(wait)));
            }
            let deadline = sleep.map(|sleep| looked_at.after(sleep));
            self.arrived.wait(&self.clock, deadline);
        }
    }

    fn deliver_due(&self, state: &mut Level) -> Head {
        let level = state.level;
        let queue_id = delay_queue_id(level);
        let saved = self.saved(level);
        let offset = self.valid_offset(saved, queue_id);
        let units = self.store.units(names::SCHEDULE_TOPIC, queue_id, offset, UNITS_PER_TURN);
        let mut head = if units.is_empty() { Head::Empty } else { Head::More };
        let mut next = offset;
        for unit in units {
            if self.stop.is_stopped() {
                break;
            }
            if let Some(wait) = self.wait_for(state, self.deliver_at_ms(state.level, &unit)) {
                head = Head::DueIn(wait);
                break;
            }
            let delivering = self.delivering.lock();
            if self.saved(level) != saved {
                // Everything that waits was passed over.
                return Head::More;
            }
            if !self.deliver(queue_id, unit.unit.physical_offset) {
                head = Head::Refused;
                break;
            }
            next = unit.offset + 1;
            MutexGuard::unlock_fair(delivering);
        }
        if next != offset {
            let mut offsets = self.offsets.lock();
            // Unless everything that waits was passed over meanwhile.
            if offsets.offset_table.get(&level).copied() == saved {
                offsets.offset_table.insert(level, next);
            }
            drop(offsets);
            self.file.note_change();
        }
        head
    }

    fn saved(&self, level: i32) -> Option<i64> {
        self.offsets.lock().offset_table.get(&level).copied()
    }

    /// The saved offset, moved into what the queue holds.
    fn valid_offset(&self, saved: Option<i64>, queue_id: i32) -> i64 {
        let min = self.store.min_offset(names::SCHEDULE_TOPIC, queue_id).unwrap_or(0);
        let max = self.store.max_offset(names::SCHEDULE_TOPIC, queue_id);
        saved.unwrap_or(0).clamp(min, max.max(min))
    }

    /// When a message is due: its tags code, or what that was made of where the extension has lost it.
    fn deliver_at_ms(&self, level: i32, unit: &QueueUnit) -> i64 {
        unit.tags_code().unwrap_or_else(|| {
            let record = self.store.record_at(unit.unit.physical_offset);
            let stored = record.and_then(|bytes| Some(RecordView::parse(&bytes).ok()?.store_timestamp_ms()));
            let delay_ms = self.store.options().delay_levels.delay_ms(level).unwrap_or(0);
            stored.unwrap_or(0).saturating_add(delay_ms)
        })
    }

    /// Time until a message is due; `None` when it is.
    ///
    /// One that is further away than its whole delay was stored before the wall clock was set back, as were those in front of it:
    /// they wait for as long as they should from the moment that this is seen, by the clock that cannot be set. The reference
    /// delivers them at once.
    fn wait_for(&self, state: &mut Level, deliver_at_ms: i64) -> Option<Duration> {
        let delay_ms = self.store.options().delay_levels.delay_ms(state.level).unwrap_or(0);
        let wait_ms = deliver_at_ms.saturating_sub(self.clock.now_ms());
        if wait_ms <= delay_ms {
            state.set_back = None;
            return (wait_ms > 0).then(|| millis(wait_ms));
        }
        let now = self.clock.moment();
        let due = state.set_back.get_or_insert(now).after(millis(delay_ms));
        (now < due).then(|| due.since(now))
    }

    /// Stores the message where it was meant to go. True when it is done with, also because it can never be delivered.
    fn deliver(&self, queue_id: i32, physical_offset: i64) -> bool {
        let Some(bytes) = self.store.record_at(physical_offset) else {
            tracing::warn!(target: "broker::delay", physical_offset, "a delayed message is gone from the log");
            return true;
        };
        let Ok(record) = RecordView::parse(&bytes) else { return true };
        let [topic, real_queue_id] =
            get_many(record.properties(), [property::REAL_TOPIC, property::REAL_QID]);
        let text =
            |value: Option<&[u8]>| value.and_then(|value| std::str::from_utf8(value).ok()).map(str::to_owned);
        let real_queue_id = text(real_queue_id).and_then(|id| id.parse::<i32>().ok());
        let (Some(topic), Some(real_queue_id)) = (text(topic), real_queue_id) else {
            tracing::error!(target: "broker::delay", physical_offset, "a delayed message does not say where it goes");
            return true;
        };
        let outcome = self.put(&PutMessage::moved(&record, &topic, real_queue_id));
        if let Some(appended) = outcome.appended.as_ref().filter(|_| self.counts) {
            let amount = Amount::from(appended);
            self.stats.delivered(names::SCHEDULE_CONSUMER, names::SCHEDULE_TOPIC, queue_id, &topic, amount);
        }
        match outcome.status {
            PutStatus::Ok => true,
            // It would be refused for ever and hold up its level.
            PutStatus::MessageIllegal | PutStatus::PropertiesSizeExceeded => {
                tracing::error!(target: "broker::delay", physical_offset, topic, "a delayed message cannot be stored; dropped");
                true
            }
            _ => false,
        }
    }

    /// A message that cannot go into the other queues that it names goes to its own: it was acknowledged, and must not hold up its
    /// level either.
    fn put(&self, message: &PutMessage<'_>) -> PutOutcome {
        let outcome = self.store.put(message);
        let is_final = matches!(
            outcome.status,
            PutStatus::MessageIllegal | PutStatus::PropertiesSizeExceeded | PutStatus::LightQueuesExceeded
        );
        let [others] = get_many(message.properties, [property::INNER_MULTI_DISPATCH]);
        if !is_final || others.is_none() {
            return outcome;
        }
        let topic = message.topic;
        tracing::error!(target: "broker::delay", topic, status = outcome.status.name(), "a delayed message goes into its own queue only");
        let mut alone = Vec::new();
        properties::rewrite(message.properties, &mut alone, &[property::INNER_MULTI_DISPATCH], &[]);
        self.store.put(&PutMessage { properties: &alone, ..*message })
    }
}

#[cfg(test)]
mod tests;
