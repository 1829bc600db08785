//! Cleaning on demand: codes 306, 316, 329.

use std::fmt;
use std::sync::Arc;

use crate::broker::topics::Topics;
use crate::format::names;

/// What a store can clean (store-behaviour §12).
pub trait Cleaning: Send + Sync {
    /// Removes the queues whose last record is gone from the log.
    fn clean_expired_queues(&self);

    /// Removes the queues of every topic that is not wanted.
    fn clean_topics(&self, is_wanted: &dyn Fn(&str) -> bool);

    /// Deletes expired files of the log soon, whatever the hour.
    fn delete_expired_files(&self);
}

/// Triggers cleaning. It never fails towards the caller; what goes wrong is logged.
pub struct Maintenance {
    /// Topics whose queues stay.
    pub topics: Arc<Topics>,
    /// The store.
    pub cleaning: Arc<dyn Cleaning>,
}

impl fmt::Debug for Maintenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maintenance").finish_non_exhaustive()
    }
}

impl Maintenance {
    /// Code 306.
    #[doc(alias = "cleanExpiredConsumeQueue")]
    pub fn clean_expired_queues(&self) {
        self.cleaning.clean_expired_queues();
    }

    /// Removes the queues of topics that do not exist (code 316). Delayed, half and light messages need no topic.
    #[doc(alias = "cleanUnusedTopic")]
    pub fn clean_unused_topics(&self) {
        let is_wanted = |topic: &str| {
            self.topics.contains(topic)
                || matches!(topic, names::SCHEDULE_TOPIC | names::TRANS_OP_HALF_TOPIC)
                || names::is_lmq(topic)
        };
        self.cleaning.clean_topics(&is_wanted);
    }

    /// Code 329.
    #[doc(alias = "deleteExpiredCommitLog")]
    pub fn delete_expired_files(&self) {
        self.cleaning.delete_expired_files();
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;
    use crate::broker::admin::testing::Fixture;
    use crate::format::disk::tables::TopicConfig;

    #[derive(Default)]
    struct Seen(Mutex<Vec<String>>);

    impl Cleaning for Seen {
        fn clean_expired_queues(&self) {
            self.0.lock().push("queues".to_owned());
        }

        fn clean_topics(&self, is_wanted: &dyn Fn(&str) -> bool) {
            let topics = ["Known", "Unknown", "SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_OP_HALF_TOPIC", "%LMQ%x"];
            self.0.lock().extend(topics.iter().filter(|topic| !is_wanted(topic)).map(ToString::to_string));
        }

        fn delete_expired_files(&self) {
            self.0.lock().push("files".to_owned());
        }
    }

    #[test]
    fn each_code_cleans_its_own() {
        let fixture = Fixture::new(&[]);
        fixture.topics.update(TopicConfig::new("Known", 1, 6));
        let seen = Arc::new(Seen::default());
        let maintenance = Maintenance { topics: fixture.topics.clone(), cleaning: seen.clone() };
        maintenance.clean_expired_queues();
        maintenance.clean_unused_topics();
        maintenance.delete_expired_files();
        assert_eq!(*seen.0.lock(), ["queues", "Unknown", "files"]);
    }
}
