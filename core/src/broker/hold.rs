//! Parked pulls ("long polling"): held by queue until a message arrives for them or their time is up (broker-behaviour §4).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hashbrown::{HashMap, HashSet};
use parking_lot::{Condvar, Mutex};
use smallvec::SmallVec;

use crate::clock::{Clock, Moment};
use crate::error::Result;
use crate::net::ConnectionId;
use crate::runtime::threads::{Poison, ServiceThread};
use crate::store::MessageFilter;
use crate::store::dispatch::{Arrival, ArrivalListener};

/// More pulls than this are left to the thread `hold`: whoever appended their message serves other connections too. The thread takes
/// as many at a time, so that nobody waits long for the lock.
const TAKEN_MAX: usize = 32;

/// A pull that found nothing, with everything needed to run it again.
pub trait Parked: Send {
    /// Topic and queue it waits for.
    fn queue(&self) -> (&str, i32);
    /// The offset it waits at.
    fn offset(&self) -> i64;
    /// What it wants.
    fn filter(&self) -> &dyn MessageFilter;
    /// The connection it came from.
    fn connection(&self) -> ConnectionId;
    /// Runs it again, this time without permission to be parked.
    fn resume(self: Box<Self>);
}

/// The next offset of a queue, asked once after parking: a message may have come in between.
pub type NextOffset = Box<dyn Fn(&str, i32) -> i64 + Send + Sync>;

/// All parked pulls, and the thread that ends their time and resumes those of a queue for which many wait.
#[doc(alias = "PullRequestHoldService")]
pub struct PullHold {
    shared: Arc<Shared>,
    thread: Mutex<Option<ServiceThread>>,
}

impl std::fmt::Debug for PullHold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PullHold").field("parked", &self.len()).finish()
    }
}

struct Shared {
    clock: Clock,
    next_offset: OnceLock<NextOffset>,
    room: Mutex<Room>,
    changed: Condvar,
    /// Woken by arrivals, resumed when the batch is done.
    woken: Mutex<Vec<Box<dyn Parked>>>,
}

#[derive(Default)]
struct Room {
    stopped: bool,
    last_id: u64,
    pulls: HashMap<u64, Held>,
    queues: HashMap<Arc<str>, HashMap<i32, BTreeSet<u64>>>,
    deadlines: BTreeMap<(Moment, u64), ()>,
    connections: HashMap<ConnectionId, HashSet<u64>>,
    /// Woken, and left to the thread; some may have ended otherwise meanwhile.
    due: VecDeque<u64>,
}

struct Held {
    parked: Box<dyn Parked>,
    deadline: Moment,
}

impl PullHold {
    /// Starts the thread `hold`.
    pub fn start(clock: &Clock, poison: &Poison) -> Result<Self> {
        let shared = Arc::new(Shared {
            clock: clock.clone(),
            next_offset: OnceLock::new(),
            room: Mutex::new(Room::default()),
            changed: Condvar::new(),
            woken: Mutex::new(Vec::new()),
        });
        let worker = shared.clone();
        let thread = ServiceThread::spawn("hold", poison, move || worker.run())?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Says where the next offset of a queue is asked. Only the first call counts.
    pub fn set_next_offset(&self, next_offset: NextOffset) {
        let _ = self.shared.next_offset.set(next_offset);
    }

    /// Parks a pull for at most `timeout`. It is resumed at once when a message has come meanwhile, or after the stop.
    pub fn park(&self, parked: Box<dyn Parked>, timeout: Duration) {
        let (topic, queue_id) = parked.queue();
        let (topic, offset): (Box<str>, i64) = (topic.into(), parked.offset());
        let deadline = self.shared.clock.moment().after(timeout);
        let (id, is_next_to_end) = match self.shared.room.lock().insert(parked, deadline) {
            Ok(inserted) => inserted,
            Err(parked) => return parked.resume(),
        };
        if is_next_to_end {
            self.shared.changed.notify_one();
        }
        // From here on an arrival finds it; what arrived before is found now.
        let next_offset =
            self.shared.next_offset.get().map_or(0, |next_offset| next_offset(&topic, queue_id));
        if next_offset > offset {
            let taken = self.shared.room.lock().take(id);
            if let Some(parked) = taken {
                parked.resume();
            }
        }
    }

    /// How many pulls are parked.
    pub fn len(&self) -> usize {
        self.shared.room.lock().pulls.len()
    }

    /// True when none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the pulls of a closed connection.
    pub fn forget(&self, connection: ConnectionId) {
        let forgotten: Vec<_> = {
            let mut room = self.shared.room.lock();
            let ids = room.connections.remove(&connection).unwrap_or_default();
            ids.into_iter().filter_map(|id| room.take(id)).collect()
        };
        drop(forgotten);
    }

    /// Resumes everything and parks nothing any more. Idempotent.
    pub fn stop(&self) {
        let left: Vec<_> = {
            let mut room = self.shared.room.lock();
            room.stopped = true;
            let ids: Vec<u64> = room.pulls.keys().copied().collect();
            ids.into_iter().filter_map(|id| room.take(id)).collect()
        };
        self.shared.changed.notify_all();
        left.into_iter().for_each(|parked| parked.resume());
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Drop for PullHold {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs on whichever thread dispatches.
impl ArrivalListener for PullHold {
    fn arrived(&self, arrivals: &[Arrival<'_>]) {
        let mut room = self.shared.room.lock();
        if room.pulls.is_empty() {
            return;
        }
        let due_before = room.due.len();
        let woken: Vec<_> = arrivals.iter().flat_map(|arrival| room.take_wanting(arrival)).collect();
        if room.due.len() > due_before {
            self.shared.changed.notify_one();
        }
        drop(room);
        if !woken.is_empty() {
            self.shared.woken.lock().extend(woken);
        }
    }

    fn batch_done(&self) {
        let woken = std::mem::take(&mut *self.shared.woken.lock());
        woken.into_iter().for_each(|parked| parked.resume());
    }
}

impl Room {
    /// The id, and whether it is the next to end. Gives the pull back after the stop.
    fn insert(&mut self, parked: Box<dyn Parked>, deadline: Moment) -> Result<(u64, bool), Box<dyn Parked>> {
        if self.stopped {
            return Err(parked);
        }
        self.last_id += 1;
        let id = self.last_id;
        let (topic, queue_id) = parked.queue();
        if !self.queues.contains_key(topic) {
            self.queues.insert(topic.into(), HashMap::new());
        }
        if let Some(queues) = self.queues.get_mut(topic) {
            queues.entry(queue_id).or_default().insert(id);
        }
        self.connections.entry(parked.connection()).or_default().insert(id);
        self.deadlines.insert((deadline, id), ());
        self.pulls.insert(id, Held { parked, deadline });
        let is_next_to_end = self.deadlines.first_key_value().is_some_and(|((_, first), ())| *first == id);
        Ok((id, is_next_to_end))
    }

    /// Takes out those who wait for this message; where there are many they become due instead.
    fn take_wanting(&mut self, arrival: &Arrival<'_>) -> SmallVec<[Box<dyn Parked>; 4]> {
        let queues = self.queues.get_mut(arrival.topic);
        let Some(ids) = queues.and_then(|queues| queues.get_mut(&arrival.queue_id)) else {
            return SmallVec::new();
        };
        let wanted = |id: &u64| {
            self.pulls.get(id).is_some_and(|held| {
                let filter = held.parked.filter();
                held.parked.offset() <= arrival.queue_offset
                    && filter.matches_unit(Some(arrival.tags_code), None)
                    && (!filter.needs_properties() || filter.matches_properties(arrival.properties))
            })
        };
        if ids.len() > TAKEN_MAX {
            self.due.extend(ids.extract_if(.., |id| wanted(id)));
            return SmallVec::new();
        }
        let woken: SmallVec<[u64; 8]> = ids.iter().copied().filter(wanted).collect();
        woken.into_iter().filter_map(|id| self.take(id)).collect()
    }

    fn take(&mut self, id: u64) -> Option<Box<dyn Parked>> {
        let Held { parked, deadline } = self.pulls.remove(&id)?;
        self.deadlines.remove(&(deadline, id));
        let (topic, queue_id) = parked.queue();
        if let Some(queues) = self.queues.get_mut(topic) {
            if let Some(ids) = queues.get_mut(&queue_id) {
                ids.remove(&id);
                if ids.is_empty() {
                    queues.remove(&queue_id);
                }
            }
            if queues.is_empty() {
                self.queues.remove(topic);
            }
        }
        if let Some(ids) = self.connections.get_mut(&parked.connection()) {
            ids.remove(&id);
            if ids.is_empty() {
                self.connections.remove(&parked.connection());
            }
        }
        Some(parked)
    }
}

impl Shared {
    fn run(&self) {
        let mut room = self.room.lock();
        while !room.stopped {
            if !room.due.is_empty() {
                let count = room.due.len().min(TAKEN_MAX);
                let due: SmallVec<[u64; TAKEN_MAX]> = room.due.drain(..count).collect();
                let due: SmallVec<[_; TAKEN_MAX]> = due.into_iter().filter_map(|id| room.take(id)).collect();
                drop(room);
                due.into_iter().for_each(|parked| parked.resume());
                room = self.room.lock();
                continue;
            }
            let Some(((deadline, id), ())) = room.deadlines.first_key_value() else {
                self.changed.wait(&mut room);
                continue;
            };
            let (deadline, id) = (*deadline, *id);
            if self.clock.moment() < deadline {
                self.clock.wait_until(&self.changed, &mut room, Some(deadline));
                continue;
            }
            if let Some(parked) = room.take(id) {
                drop(room);
                parked.resume();
                room = self.room.lock();
            }
        }
    }
}

#[cfg(test)]
mod tests;
