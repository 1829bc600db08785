//! Looking messages up: codes 12, 33, 321.

use super::header;

header! {
    /// Query by key: code 12.
    #[doc(alias = "QueryMessageRequestHeader")]
    QueryMessageHeader<'a> {
        "topic" topic: Option<&'a str>,
        "key" key: Option<&'a str>,
        "maxNum" count_max: Option<i32>,
        "beginTimestamp" begin_timestamp_ms: Option<i64>,
        "endTimestamp" end_timestamp_ms: Option<i64>,
        /// The key is a unique key, and the count limit is the broker's own.
        "_UNIQUE_KEY_QUERY" unique_key_query: Option<bool>,
    }

    /// Answer of a query by key, also when nothing is found (both 0 then).
    #[doc(alias = "QueryMessageResponseHeader")]
    QueryMessageAnswer {
        "indexLastUpdatePhyoffset" index_last_update_physical_offset: Option<i64>,
        "indexLastUpdateTimestamp" index_last_update_timestamp_ms: Option<i64>,
    }

    /// View one message: code 33.
    #[doc(alias = "ViewMessageRequestHeader")]
    ViewMessageHeader {
        /// Physical offset, which clients take from the offset message id.
        "offset" offset: Option<i64>,
    }

    /// Look at entries of a consume queue: code 321.
    #[doc(alias = "QueryConsumeQueueRequestHeader")]
    QueryConsumeQueueHeader<'a> {
        "topic" topic: Option<&'a str>,
        "queueId" queue_id: i32,
        "index" index: i64,
        "count" count: i32,
        "consumerGroup" consumer_group: Option<&'a str>,
    }
}
