//! Offsets of queues and of groups: codes 14, 15, 29 to 32, 220 to 223, 303, 308, 314.

use super::header;

header! {
    /// Offset of a group in a queue: code 14.
    #[doc(alias = "QueryConsumerOffsetRequestHeader")]
    QueryConsumerOffsetHeader<'a> {
        "consumerGroup" consumer_group: Option<&'a str>,
        "topic" topic: Option<&'a str>,
        "queueId" queue_id: Option<i32>,
    }

    /// Store the offset of a group: code 15. The answer's header has no field.
    #[doc(alias = "UpdateConsumerOffsetRequestHeader")]
    UpdateConsumerOffsetHeader<'a> {
        "consumerGroup" consumer_group: Option<&'a str>,
        "topic" topic: Option<&'a str>,
        "queueId" queue_id: Option<i32>,
        "commitOffset" commit_offset: Option<i64>,
    }

    /// Names a queue: codes 30, 31 and 32.
    #[doc(alias = "GetMaxOffsetRequestHeader")]
    #[doc(alias = "GetMinOffsetRequestHeader")]
    #[doc(alias = "GetEarliestMsgStoretimeRequestHeader")]
    QueueHeader<'a> {
        "topic" topic: Option<&'a str>,
        "queueId" queue_id: Option<i32>,
    }

    /// Offset by store time: code 29.
    #[doc(alias = "SearchOffsetRequestHeader")]
    SearchOffsetHeader<'a> {
        "topic" topic: Option<&'a str>,
        "queueId" queue_id: Option<i32>,
        "timestamp" timestamp_ms: Option<i64>,
    }

    /// Answer of codes 14, 29, 30 and 31.
    #[doc(alias = "QueryConsumerOffsetResponseHeader")]
    #[doc(alias = "SearchOffsetResponseHeader")]
    #[doc(alias = "GetMaxOffsetResponseHeader")]
    #[doc(alias = "GetMinOffsetResponseHeader")]
    OffsetAnswer {
        "offset" offset: Option<i64>,
    }

    /// Answer of code 32.
    #[doc(alias = "GetEarliestMsgStoretimeResponseHeader")]
    TimestampAnswer {
        /// -1 when unknown.
        "timestamp" timestamp_ms: Option<i64>,
    }

    /// Reset a group to a time: code 222, and its push to the members, code 220.
    #[doc(alias = "ResetOffsetRequestHeader")]
    ResetOffsetHeader<'a> {
        "topic" topic: Option<&'a str>,
        /// Always false in the push, whatever was asked.
        "isForce" is_force: bool,
        "group" group: Option<&'a str>,
        /// -1: to the end.
        "timestamp" timestamp_ms: i64,
    }

    /// Consume state of the members: code 223, and its question to each, code 221.
    #[doc(alias = "GetConsumerStatusRequestHeader")]
    ConsumerStatusHeader<'a> {
        "topic" topic: Option<&'a str>,
        "group" group: Option<&'a str>,
        /// Client id of the one member asked for, despite its name.
        "clientAddr" client_addr: Option<&'a str>,
    }

    /// Time span of a topic's messages and of a group's place in it: code 303.
    #[doc(alias = "QueryConsumeTimeSpanRequestHeader")]
    ConsumeTimeSpanHeader<'a> {
        "topic" topic: Option<&'a str>,
        "group" group: Option<&'a str>,
    }

    /// Lowest offsets of other groups: code 308.
    #[doc(alias = "QueryCorrectionOffsetHeader")]
    CorrectionOffsetHeader<'a> {
        /// Group names with commas.
        "filterGroups" filter_groups: Option<&'a str>,
        "compareGroup" compare_group: Option<&'a str>,
        "topic" topic: Option<&'a str>,
    }

    /// Copy a group's offsets to another group: code 314.
    #[doc(alias = "CloneGroupOffsetRequestHeader")]
    CloneGroupOffsetHeader<'a> {
        "srcGroup" source_group: Option<&'a str>,
        "offline" offline: bool,
        "destGroup" destination_group: Option<&'a str>,
        "topic" topic: Option<&'a str>,
    }
}
