//! Entries of a consume queue: code 321.

use super::beans;
use super::heartbeat::Subscription;

beans! {
    /// Some entries of a consume queue: answer of code 321.
    #[doc(alias = "QueryConsumeQueueResponseBody")]
    ConsumeQueueView {
        /// The group's filter as text, when a group was given.
        filter_data: Option<String>,
        /// Index behind the newest entry.
        max_queue_index: i64,
        /// Index of the oldest entry.
        min_queue_index: i64,
        /// The entries.
        #[serde(rename = "queueData")]
        entries: Vec<ConsumeQueueEntry>,
        /// The group's subscription, when a group was given.
        #[serde(rename = "subscriptionData")]
        subscription: Option<Subscription>,
    }

    /// One entry.
    #[doc(alias = "ConsumeQueueData")]
    ConsumeQueueEntry {
        /// Filter bit map as text, of an extended entry.
        bit_map: Option<String>,
        /// Whether the group's filter takes the message.
        eval: bool,
        /// Extension unit as JSON text.
        extend_data_json: Option<String>,
        /// What is wrong with the entry.
        msg: Option<String>,
        /// Where the message is.
        #[serde(rename = "physicOffset")]
        physical_offset: i64,
        /// Its size.
        #[serde(rename = "physicSize")]
        physical_size: i32,
        /// Its tags code.
        tags_code: i64,
    }
}
