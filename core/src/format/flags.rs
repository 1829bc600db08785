//! Bits of sysFlag, of permissions, of pull requests and of topics (store-format §3, broker-behaviour §4).

/// Bits of a message's sysFlag. Bits not named here are stored as received.
#[doc(alias = "MessageSysFlag")]
pub mod sys_flag {
    /// Body compressed by the producer; the broker never looks inside.
    pub const COMPRESSED: i32 = 0x1;
    /// The topic's filter type is MULTI_TAG.
    pub const MULTI_TAGS: i32 = 0x2;
    /// Mask of the transaction state, see [`super::TransactionType`].
    pub const TRANSACTION_MASK: i32 = 0xC;
    /// The born host has 16 address bytes.
    pub const BORN_HOST_V6: i32 = 0x10;
    /// The store host has 16 address bytes.
    pub const STORE_HOST_V6: i32 = 0x20;
    /// Mask of the compression type: 0x100 LZ4, 0x200 ZSTD, 0x300 ZLIB, 0 ZLIB of old clients.
    pub const COMPRESSION_TYPE_MASK: i32 = 0x700;
}

/// Transaction state in bits 2 and 3 of sysFlag; also the values of END_TRANSACTION's `commitOrRollback`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum TransactionType {
    /// An ordinary message.
    None = 0,
    /// Prepared: stored, never dispatched to a queue.
    Prepared = 0x4,
    /// The final copy of a half message.
    Commit = 0x8,
    /// Rolled back: stored, never dispatched, not indexed.
    Rollback = 0xC,
}

impl TransactionType {
    /// The state in a sysFlag.
    pub const fn of(sys_flag: i32) -> Self {
        match sys_flag & sys_flag::TRANSACTION_MASK {
            0x4 => Self::Prepared,
            0x8 => Self::Commit,
            0xC => Self::Rollback,
            _ => Self::None,
        }
    }

    /// The sysFlag with this state instead of its own.
    pub const fn replace_in(self, sys_flag: i32) -> i32 {
        (sys_flag & !sys_flag::TRANSACTION_MASK) | self as i32
    }

    /// Whether a record of this state takes a place in its consume queue.
    pub const fn takes_queue_offset(self) -> bool {
        matches!(self, Self::None | Self::Commit)
    }
}

/// Permission bits of topics and of the broker.
#[doc(alias = "PermName")]
pub mod perm {
    /// Unused by the broker, kept when stored.
    pub const PRIORITY: i32 = 0x8;
    /// Consumers may read.
    pub const READ: i32 = 0x4;
    /// Producers may write.
    pub const WRITE: i32 = 0x2;
    /// Topics may be created after this template.
    pub const INHERIT: i32 = 0x1;

    /// Whether the read bit is set.
    pub const fn is_readable(perm: i32) -> bool {
        perm & READ != 0
    }

    /// Whether the write bit is set.
    pub const fn is_writable(perm: i32) -> bool {
        perm & WRITE != 0
    }

    /// Whether the inherit bit is set.
    pub const fn is_inherited(perm: i32) -> bool {
        perm & INHERIT != 0
    }

    /// The form shown in remarks, `RWX` with dashes for missing bits.
    #[doc(alias = "perm2String")]
    pub const fn text(perm: i32) -> &'static str {
        match (is_readable(perm), is_writable(perm), is_inherited(perm)) {
            (false, false, false) => "---",
            (false, false, true) => "--X",
            (false, true, false) => "-W-",
            (false, true, true) => "-WX",
            (true, false, false) => "R--",
            (true, false, true) => "R-X",
            (true, true, false) => "RW-",
            (true, true, true) => "RWX",
        }
    }
}

/// Bits of a pull request's sysFlag.
#[doc(alias = "PullSysFlag")]
pub mod pull {
    /// `commitOffset` of the request is to be stored.
    pub const COMMIT_OFFSET: i32 = 0x1;
    /// The request may wait for new messages.
    pub const SUSPEND: i32 = 0x2;
    /// The subscription is in the request.
    pub const SUBSCRIPTION: i32 = 0x4;
    /// Filter class; the server side of it was removed.
    pub const CLASS_FILTER: i32 = 0x8;
    /// LITE_PULL_MESSAGE.
    pub const LITE_PULL: i32 = 0x10;
}

/// Bits of a topic's topicSysFlag.
#[doc(alias = "TopicSysFlag")]
pub mod topic {
    /// Topic of a unit.
    pub const UNIT: i32 = 0x1;
    /// Retry topic of a group in a unit.
    pub const UNIT_SUB: i32 = 0x2;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transaction_state_is_read_and_replaced() {
        assert_eq!(TransactionType::of(0x33), TransactionType::None);
        assert_eq!(TransactionType::of(0xF), TransactionType::Rollback);
        assert_eq!(TransactionType::Commit.replace_in(0x7), 0xB);
        assert!(!TransactionType::Prepared.takes_queue_offset());
    }

    #[test]
    fn permission_text_shows_each_bit() {
        assert_eq!([perm::text(6), perm::text(1), perm::text(4 | 8)], ["RW-", "--X", "R--"]);
    }
}
