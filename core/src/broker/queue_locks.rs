//! Which client of a group may consume a queue in order (broker-behaviour §7, codes 41 and 42).

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use crate::broker::TextMap;
use crate::clock::{Clock, Moment};
use crate::format::wire::body::MessageQueue;

struct Lock {
    client_id: String,
    renewed: Moment,
}

/// Locks live in memory, per group and queue. Nobody checks that the queue exists.
#[doc(alias = "RebalanceLockManager")]
pub struct QueueLocks {
    groups: Mutex<TextMap<HashMap<MessageQueue, Lock>>>,
    lease: Duration,
    clock: Clock,
}

impl std::fmt::Debug for QueueLocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueueLocks").field("groups", &self.groups.lock().len()).finish_non_exhaustive()
    }
}

impl QueueLocks {
    /// No locks. One that is not renewed for longer than `lease` (`rocketmq.broker.rebalance.lockMaxLiveTime`) is free.
    pub fn new(lease: Duration, clock: Clock) -> Self {
        Self { groups: Mutex::default(), lease, clock }
    }

    /// Takes or renews what is free, expired or the client's own; gives what the client holds now.
    #[doc(alias = "tryLockBatch")]
    pub fn lock(&self, group: &str, client_id: &str, queues: Vec<MessageQueue>) -> Vec<MessageQueue> {
        let now = self.clock.moment();
        let mut groups = self.groups.lock();
        let locks = groups.entry(group.to_owned()).or_default();
        let mut held = queues;
        held.retain(|queue| match locks.get_mut(queue) {
            Some(lock) if lock.client_id == client_id => {
                lock.renewed = now;
                true
            }
            Some(lock) if now.since(lock.renewed) <= self.lease => {
                tracing::debug!(target: "broker::queue_locks", group, client_id, ?queue, holder = lock.client_id, "held by another client");
                false
            }
            _ => {
                tracing::info!(target: "broker::queue_locks", group, client_id, ?queue, "locked");
                locks.insert(queue.clone(), Lock { client_id: client_id.to_owned(), renewed: now });
                true
            }
        });
        if locks.is_empty() {
            groups.remove(group);
        }
        held
    }

    /// Gives back those of the queues that the client holds.
    #[doc(alias = "unlockBatch")]
    pub fn unlock(&self, group: &str, client_id: &str, queues: &[MessageQueue]) {
        let mut groups = self.groups.lock();
        let Some(locks) = groups.get_mut(group) else { return };
        for queue in queues {
            if locks.get(queue).is_some_and(|lock| lock.client_id == client_id) {
                locks.remove(queue);
                tracing::info!(target: "broker::queue_locks", group, client_id, ?queue, "unlocked");
            }
        }
        if locks.is_empty() {
            groups.remove(group);
        }
    }

    /// Forgets expired locks. They are free anyway; Java keeps them for ever.
    pub fn remove_expired(&self) {
        let now = self.clock.moment();
        self.groups.lock().retain(|_, locks| {
            locks.retain(|_, lock| now.since(lock.renewed) <= self.lease);
            !locks.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(queue_id: i32) -> MessageQueue {
        MessageQueue { broker_name: "b".to_owned(), queue_id, topic: "t".to_owned() }
    }

    fn locks() -> (QueueLocks, Clock) {
        let clock = Clock::manual(0);
        (QueueLocks::new(Duration::from_secs(60), clock.clone()), clock)
    }

    #[test]
    fn a_queue_has_one_holder_per_group() {
        let (locks, _) = locks();
        assert_eq!(locks.lock("g", "a", vec![queue(0), queue(1)]), [queue(0), queue(1)]);
        assert_eq!(locks.lock("g", "b", vec![queue(1), queue(2)]), [queue(2)]);
        assert_eq!(locks.lock("h", "b", vec![queue(1)]), [queue(1)], "groups do not meet");
        assert_eq!(locks.lock("g", "a", vec![queue(0), queue(2)]), [queue(0)]);
        assert_eq!(locks.lock("g", "a", vec![]), []);
    }

    #[test]
    fn a_lock_lasts_sixty_seconds_after_its_renewal() {
        let (locks, clock) = locks();
        locks.lock("g", "a", vec![queue(0)]);
        clock.advance(Duration::from_secs(50));
        locks.lock("g", "a", vec![queue(0)]);
        clock.advance(Duration::from_secs(60));
        assert_eq!(locks.lock("g", "b", vec![queue(0)]), []);
        clock.advance(Duration::from_millis(1));
        assert_eq!(locks.lock("g", "b", vec![queue(0)]), [queue(0)]);
        assert_eq!(locks.lock("g", "a", vec![queue(0)]), []);
    }

    #[test]
    fn an_expired_lock_can_be_taken_back_by_its_holder() {
        let (locks, clock) = locks();
        locks.lock("g", "a", vec![queue(0)]);
        clock.advance(Duration::from_secs(61));
        assert_eq!(locks.lock("g", "a", vec![queue(0)]), [queue(0)]);
        assert_eq!(locks.lock("g", "b", vec![queue(0)]), []);
    }

    #[test]
    fn only_own_locks_are_released() {
        let (locks, _) = locks();
        locks.lock("g", "a", vec![queue(0)]);
        locks.unlock("g", "b", &[queue(0)]);
        locks.unlock("absent", "a", &[queue(0)]);
        assert_eq!(locks.lock("g", "b", vec![queue(0)]), []);
        locks.unlock("g", "a", &[queue(0), queue(7)]);
        assert_eq!(locks.lock("g", "b", vec![queue(0)]), [queue(0)]);
    }

    #[test]
    fn what_is_expired_or_released_takes_no_memory() {
        let (locks, clock) = locks();
        locks.lock("g", "a", vec![queue(0)]);
        locks.lock("h", "a", vec![queue(0)]);
        locks.unlock("g", "a", &[queue(0)]);
        assert_eq!(locks.groups.lock().len(), 1);
        locks.remove_expired();
        assert_eq!(locks.groups.lock().len(), 1);
        clock.advance(Duration::from_secs(61));
        locks.remove_expired();
        assert!(locks.groups.lock().is_empty());
        locks.lock("g", "a", vec![]);
        assert!(locks.groups.lock().is_empty());
    }
}
