//! A producer ends a transaction (broker-behaviour §8): commit stores the message where it is meant to go, then an op record says
//! that the half message is finished; rollback only the latter.
//!
//! The order is what keeps messages: the op record is put when the message is as durable as its sender asked for. What a crash
//! takes back is then asked about again.

use std::sync::Arc;

use super::half;
use super::op::OpQueue;
use crate::broker::refusal::Refusal;
use crate::format::flags::TransactionType;
use crate::format::names::{self, property};
use crate::format::record::decode::RecordView;
use crate::format::wire::codes::ResponseCode;
use crate::format::wire::header::transaction::EndTransactionHeader;
use crate::store::acks::PutTicket;
use crate::store::{MessageStore, PutMessage, PutStatus};

/// Rules of commit and rollback.
#[derive(Debug)]
pub struct EndTransaction {
    store: Arc<MessageStore>,
    ops: OpQueue,
}

/// A half message that is finished but for its op record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    queue_id: i32,
    offset: i64,
}

/// How an end went.
#[derive(Debug)]
pub enum Outcome {
    /// The producer does not know yet: nothing is done and nothing answered.
    Undecided,
    /// The op record is stored, or not.
    RolledBack(PutStatus),
    /// The message is stored, or not.
    Committed(PutStatus),
    /// Committed; when the disk has the message, [`EndTransaction::finish`] is to be called.
    Waits(PutTicket, Ended),
}

impl EndTransaction {
    /// Half messages and what they become are in `store`.
    pub fn new(store: Arc<MessageStore>, ops: OpQueue) -> Self {
        Self { store, ops }
    }

    /// Commits or rolls back. Does not wait for the disk.
    ///
    /// As in the reference nothing keeps a half message from being ended twice: a second commit delivers again.
    pub fn end(&self, header: &EndTransactionHeader<'_>) -> Result<Outcome, Refusal> {
        let decision = match header.commit_or_rollback {
            Some(0) => return Ok(Outcome::Undecided),
            Some(value) if value == TransactionType::Commit as i32 => TransactionType::Commit,
            Some(value) if value == TransactionType::Rollback as i32 => TransactionType::Rollback,
            _ => return Err(wrong("commitOrRollback field wrong")),
        };
        let missing = |name: &str| wrong(format!("header field {name} is missing or malformed"));
        let commit_log_offset = header.commit_log_offset.ok_or_else(|| missing("commitLogOffset"))?;
        let bytes = self.store.record_at(commit_log_offset).ok_or_else(not_found)?;
        let record = RecordView::parse(&bytes).map_err(|_| not_found())?;
        self.check(&record, header)?;
        let ended = Ended { queue_id: record.queue_id(), offset: record.queue_offset() };
        if decision == TransactionType::Rollback {
            return Ok(Outcome::RolledBack(self.finish(ended)));
        }
        self.commit(&record, ended)
    }

    /// Puts the op record, and gives the status of that.
    pub fn finish(&self, ended: Ended) -> PutStatus {
        self.ops.finish(ended.queue_id, ended.offset)
    }

    /// That the header means this record. The reference takes any record of the log for a half message, and so lets an end for an
    /// ordinary message finish some half message that it has nothing to do with.
    #[doc(alias = "checkPrepareMessage")]
    fn check(&self, record: &RecordView<'_>, header: &EndTransactionHeader<'_>) -> Result<(), Refusal> {
        if record.topic() != Some(names::TRANS_HALF_TOPIC) {
            return Err(not_found());
        }
        let group = record.property(property::PGROUP);
        if group.is_none() || group != header.producer_group.map(str::as_bytes) {
            return Err(wrong("The producer group wrong"));
        }
        let offset = record.queue_offset();
        if header.tran_state_table_offset != Some(offset) {
            return Err(wrong("The transaction state table offset wrong"));
        }
        // Bytes in a message's body may look like a record, the queue knows better; it may be a moment behind the log.
        let known = self.store.units(names::TRANS_HALF_TOPIC, record.queue_id(), offset, 1);
        let is_other = known.first().is_some_and(|known| {
            known.offset == offset && known.unit.physical_offset != record.physical_offset()
        });
        if is_other || header.commit_log_offset != Some(record.physical_offset()) {
            return Err(wrong("The commit log offset wrong"));
        }
        Ok(())
    }

    fn commit(&self, record: &RecordView<'_>, ended: Ended) -> Result<Outcome, Refusal> {
        let (topic, queue_id) = half::destination(record)
            .ok_or_else(|| wrong("the half message does not say where it is meant to go"))?;
        let outcome = self.store.put(&PutMessage {
            sys_flag: TransactionType::Commit.replace_in(record.sys_flag()),
            prepared_transaction_offset: record.physical_offset(),
            wait_store_ok: property::waits_for_store(record.property(property::WAIT)),
            ..PutMessage::moved(record, topic, queue_id)
        });
        Ok(match outcome.ticket {
            Some(ticket) => Outcome::Waits(ticket, ended),
            None => {
                if outcome.appended.is_some() {
                    // Without it the message is asked about, and perhaps committed, once more.
                    self.finish(ended);
                }
                Outcome::Committed(outcome.status)
            }
        })
    }
}

fn wrong(text: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::new(ResponseCode::SystemError, text)
}

fn not_found() -> Refusal {
    wrong("Find prepared transaction message failed")
}
