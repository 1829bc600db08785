//! Queues and their locks: codes 41 and 42.

use serde::{Deserialize, Serialize};

use super::beans;

/// A queue as clients name it; also the key of many tables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MessageQueue {
    /// Broker name.
    pub broker_name: String,
    /// Number of the queue in its topic.
    pub queue_id: i32,
    /// Topic.
    pub topic: String,
}

beans! {
    /// Queues to lock or unlock for a member of a group: codes 41 and 42.
    #[doc(alias = "LockBatchRequestBody")]
    #[doc(alias = "UnlockBatchRequestBody")]
    LockRequest {
        /// Who wants them.
        client_id: String,
        /// For which group.
        consumer_group: String,
        /// The queues.
        #[serde(rename = "mqSet")]
        queues: Vec<MessageQueue>,
    }

    /// Those of the queues that the client holds now: answer of code 41.
    #[doc(alias = "LockBatchResponseBody")]
    LockAnswer {
        /// The queues.
        #[serde(rename = "lockOKMQSet")]
        locked: Vec<MessageQueue>,
    }
}
