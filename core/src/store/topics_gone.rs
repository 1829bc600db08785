//! Deleting the queues of a topic.

use std::sync::Arc;

use super::MessageStore;
use super::consume_queue::ConsumeQueue;
use crate::error::{Error, ErrorKind, Result};
use crate::format::names;

/// Dispatches what is in the log, then removes the queues with appends and dispatch kept out: no record of the old topic comes
/// after that, and the next message of that name begins at offset 0.
///
/// The records stay in the log. A crash before they expire may dispatch them again, as in the reference; messages stored
/// since then win over them (see `ConsumeQueue::append`).
pub(super) fn delete(store: &MessageStore, topic: &str) -> Result<()> {
    // Lock order: reput round, then append (docs/LOCKS.md). The listeners of a round may put messages.
    let mut round = store.reput.begin_round();
    loop {
        if !round.dispatch_all() {
            return Err(Error::new(
                ErrorKind::DiskFull,
                format!("delete {topic}: the log cannot be dispatched first"),
            ));
        }
        round.forget_files();
        let deleted = store.log.forget_topic_if(topic, || {
            (store.reput.behind_bytes() == 0).then(|| store.queues.remove_topic(topic).map(drop))
        });
        match deleted {
            Some(result) => return result,
            None if store.poison.is_set() => return store.flush_now(),
            None => {}
        }
    }
}

impl MessageStore {
    /// Names of all topics that have queues.
    pub fn topics_with_queues(&self) -> Vec<Arc<str>> {
        self.queues.topics()
    }

    /// Removes the queues whose last record is gone from the log; delayed messages excepted.
    pub fn clean_expired_queues(&self) {
        let mut round = self.reput.begin_round();
        round.forget_files();
        let log_min = self.min_physical_offset();
        let expired = |queue: &Arc<ConsumeQueue>| {
            &**queue.topic() != names::SCHEDULE_TOPIC && queue.max_index() > 0 && queue.log_end() <= log_min
        };
        for queue in self.queues.all().iter().filter(|queue| expired(queue)) {
            if let Err(error) = queue.files().remove_oldest(usize::MAX) {
                tracing::error!(target: "broker::store", topic = &**queue.topic(), %error, "an expired queue could not be removed");
            }
        }
    }
}
