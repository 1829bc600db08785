//! Transactions: codes 37, 39, 323.

use super::header;

header! {
    /// Commit or roll back: code 37.
    #[doc(alias = "EndTransactionRequestHeader")]
    EndTransactionHeader<'a> {
        "producerGroup" producer_group: Option<&'a str>,
        /// Queue offset of the half message.
        "tranStateTableOffset" tran_state_table_offset: Option<i64>,
        /// Physical offset of the half message.
        "commitLogOffset" commit_log_offset: Option<i64>,
        /// 0 undecided, 8 commit, 12 rollback; Java refuses any other number.
        "commitOrRollback" commit_or_rollback: Option<i32>,
        "fromTransactionCheck" from_transaction_check: bool,
        "msgId" message_id: Option<&'a str>,
        "transactionId" transaction_id: Option<&'a str>,
    }

    /// Ask the producer about a half message: code 39, broker to client.
    #[doc(alias = "CheckTransactionStateRequestHeader")]
    CheckTransactionStateHeader<'a> {
        "commitLogOffset" commit_log_offset: Option<i64>,
        "msgId" message_id: Option<&'a str>,
        "tranStateTableOffset" tran_state_table_offset: Option<i64>,
        "offsetMsgId" offset_message_id: Option<&'a str>,
        "transactionId" transaction_id: Option<&'a str>,
    }

    /// Check a half message again that was given up: code 323.
    #[doc(alias = "ResumeCheckHalfMessageRequestHeader")]
    ResumeCheckHeader<'a> {
        "msgId" message_id: Option<&'a str>,
    }
}
