//! Pulling: code 11.

use super::header;

header! {
    /// Pull: code 11.
    #[doc(alias = "PullMessageRequestHeader")]
    PullHeader<'a> {
        "consumerGroup" consumer_group: Option<&'a str>,
        "topic" topic: Option<&'a str>,
        "queueId" queue_id: Option<i32>,
        "queueOffset" queue_offset: Option<i64>,
        "maxMsgNums" message_count_max: Option<i32>,
        /// Bits: see [`pull_flag`].
        "sysFlag" sys_flag: Option<i32>,
        "commitOffset" commit_offset: Option<i64>,
        "suspendTimeoutMillis" suspend_timeout_ms: Option<i64>,
        "subscription" subscription: Option<&'a str>,
        "subVersion" subscription_version: Option<i64>,
        /// `TAG` or `SQL92`.
        "expressionType" expression_type: Option<&'a str>,
    }

    /// Answer of a pull, set for every store status.
    #[doc(alias = "PullMessageResponseHeader")]
    PullAnswer {
        "suggestWhichBrokerId" suggest_which_broker_id: Option<i64>,
        "nextBeginOffset" next_begin_offset: Option<i64>,
        "maxOffset" max_offset: Option<i64>,
        "minOffset" min_offset: Option<i64>,
    }
}

/// Bits of `sysFlag` in a pull (Java: `PullSysFlag`).
pub mod pull_flag {
    /// Store `commitOffset` for the group.
    pub const COMMIT_OFFSET: i32 = 1;
    /// The request may be parked until something arrives.
    pub const SUSPEND: i32 = 2;
    /// The subscription is in the header.
    pub const SUBSCRIPTION: i32 = 4;
    /// Class filter; the server side was removed.
    pub const CLASS_FILTER: i32 = 8;
    /// Lite pull.
    pub const LITE_PULL: i32 = 16;
}
