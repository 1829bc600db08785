//! Offsets of groups: codes 220 to 223, 303, 308, and the record of OFFSET_MOVED_EVENT.

use std::collections::BTreeMap;

use super::beans;
use super::queue::MessageQueue;

beans! {
    /// New offsets of a group: push 220 and answer of code 222.
    #[doc(alias = "ResetOffsetBody")]
    ResetOffset {
        /// By queue.
        offset_table: BTreeMap<MessageQueue, i64>,
    }

    /// New offsets of a group as C++ clients can read them: push 220.
    #[doc(alias = "ResetOffsetBodyForC")]
    ResetOffsetForC {
        /// One entry for each queue.
        offset_table: Vec<QueueOffsetForC>,
    }

    /// A queue with its offset.
    #[doc(alias = "MessageQueueForC")]
    QueueOffsetForC {
        /// Broker name.
        broker_name: String,
        /// The offset.
        offset: i64,
        /// Number of the queue in its topic.
        queue_id: i32,
        /// Topic.
        topic: String,
    }

    /// Offsets as clients know them: answers of codes 221 (second table) and 223 (first table).
    #[doc(alias = "GetConsumerStatusBody")]
    ConsumerStatus {
        /// By client id, then by queue.
        consumer_table: BTreeMap<String, BTreeMap<MessageQueue, i64>>,
        /// By queue.
        message_queue_table: BTreeMap<MessageQueue, i64>,
    }

    /// Time spans of a topic's queues: answer of code 303.
    #[doc(alias = "QueryConsumeTimeSpanBody")]
    ConsumeTimeSpans {
        /// One entry for each queue.
        #[serde(rename = "consumeTimeSpanSet")]
        spans: Vec<QueueTimeSpan>,
    }

    /// Store times of a queue, and where a group is in it.
    QueueTimeSpan {
        /// Store time of the message before the group's offset.
        #[serde(rename = "consumeTimeStamp")]
        consume_timestamp_ms: i64,
        /// The same as text.
        #[serde(rename = "consumeTimeStampStr")]
        consume_timestamp_text: String,
        /// How long the next message has been waiting.
        #[serde(rename = "delayTime")]
        delay_ms: i64,
        /// Store time of the newest message.
        #[serde(rename = "maxTimeStamp")]
        max_timestamp_ms: i64,
        /// The same as text.
        #[serde(rename = "maxTimeStampStr")]
        max_timestamp_text: String,
        /// The queue.
        message_queue: MessageQueue,
        /// Store time of the oldest message.
        #[serde(rename = "minTimeStamp")]
        min_timestamp_ms: i64,
        /// The same as text.
        #[serde(rename = "minTimeStampStr")]
        min_timestamp_text: String,
    }

    /// Lowest offsets by queue id: answer of code 308.
    #[doc(alias = "QueryCorrectionOffsetBody")]
    CorrectionOffsets {
        /// By queue id.
        correction_offsets: BTreeMap<i32, i64>,
    }

    /// Body of a record in OFFSET_MOVED_EVENT.
    #[doc(alias = "OffsetMovedEvent")]
    OffsetMoved {
        /// Who pulled.
        consumer_group: String,
        /// Where.
        message_queue: MessageQueue,
        /// Where it is sent to.
        offset_new: i64,
        /// What it asked for.
        offset_request: i64,
    }
}
