//! Deleting the queues of a topic.

use std::sync::Arc;

use super::MessageStore;
use crate::error::Result;
use crate::format::names;

/// Removes the queues with dispatch kept out, after it was noted that records of the topic up to here belong to no queue any more: no
/// record of the old topic comes after that, and the next message of that name begins at offset 0. What is in the log and not
/// dispatched is not waited for: while producers send more than is dispatched, that would take without end.
///
/// The records stay in the log. A crash before they expire may dispatch them again, as in the reference; messages stored
/// since then win over them (see `ConsumeQueue::append`).
pub(super) fn delete(store: &MessageStore, topic: &str) -> Result<()> {
    // Lock order: reput round, then append (docs/LOCKS.md).
    let mut round = store.reput.begin_round();
    round.forget_files();
    let end_offset = store.log.forget_topic(topic);
    round.skip_topic(topic, end_offset);
    store.queues.remove_topic(topic).map(drop)
}

impl MessageStore {
    /// Names of all topics that have queues.
    pub fn topics_with_queues(&self) -> Vec<Arc<str>> {
        self.queues.topics()
    }

    /// Empties the queues whose last record is gone from the log; delayed messages excepted.
    ///
    /// The newest file of such a queue stays, because it says where the queue goes on: the reference begins at 0 again, and
    /// consumers that know a higher offset miss what comes.
    #[doc(alias = "cleanExpiredConsumerQueue")]
    pub fn clean_expired_queues(&self) {
        for queue in self.queues.all().iter().filter(|queue| &**queue.topic() != names::SCHEDULE_TOPIC) {
            let _round = self.reput.begin_round();
            let is_expired = queue.max_index() > 0 && queue.log_end() <= self.min_physical_offset();
            if is_expired && let Err(error) = queue.expire() {
                tracing::error!(target: "broker::store", topic = &**queue.topic(), %error, "an expired queue could not be removed");
            }
        }
    }
}
