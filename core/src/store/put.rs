//! The gates before an append, and what a put is answered with.

use std::net::SocketAddr;

use super::MessageStore;
use super::acks::PutTicket;
use super::commit_log::append::AppendError;
use super::options::FlushMode;
use super::running::Refusal;

/// A message on its way into the log. Texts are final: whatever the broker adds to them has been added.
#[doc(alias = "MessageExtBrokerInner")]
#[derive(Debug, Clone, Copy)]
pub struct PutMessage<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Queue of the topic.
    pub queue_id: i32,
    /// The application's value, opaque.
    pub flag: i32,
    /// See `format::flags::sys_flag`.
    pub sys_flag: i32,
    /// The producer's clock.
    pub born_timestamp_ms: i64,
    /// Source address of the producer's connection.
    pub born_host: SocketAddr,
    /// Address the broker is known by.
    pub store_host: SocketAddr,
    /// How often a consumer sent it back.
    pub reconsume_times: i32,
    /// Physical offset of the half message in a commit record, else 0.
    pub prepared_transaction_offset: i64,
    /// Body as sent; for a batch the encoded parts.
    pub body: &'a [u8],
    /// Properties text; for a batch what is appended to each part's own.
    pub properties: &'a [u8],
    /// Whether the put is final only when the disk has it (matters with [`FlushMode::Sync`]).
    pub wait_store_ok: bool,
}

/// How a put ended, or stands so far.
#[doc(alias = "PutMessageStatus")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutStatus {
    /// Stored as asked.
    Ok,
    /// Stored, but not known to be durable in time.
    FlushDiskTimeout,
    /// The next file could not be created.
    CreateMappedFileFailed,
    /// The message violates a limit. Nothing was stored.
    MessageIllegal,
    /// The properties are too long. Nothing was stored.
    PropertiesSizeExceeded,
    /// Closed, disk full, or poisoned. Nothing was stored, or it cannot be made durable.
    ServiceNotAvailable,
    /// Anything else.
    UnknownError,
}

impl PutStatus {
    /// The status name of the reference, used in remarks.
    pub const fn name(self) -> &'static str {
        match self {
            PutStatus::Ok => "PUT_OK",
            PutStatus::FlushDiskTimeout => "FLUSH_DISK_TIMEOUT",
            PutStatus::CreateMappedFileFailed => "CREATE_MAPEDFILE_FAILED",
            PutStatus::MessageIllegal => "MESSAGE_ILLEGAL",
            PutStatus::PropertiesSizeExceeded => "PROPERTIES_SIZE_EXCEEDED",
            PutStatus::ServiceNotAvailable => "SERVICE_NOT_AVAILABLE",
            PutStatus::UnknownError => "UNKNOWN_ERROR",
        }
    }
}

/// Where an appended message lies.
#[doc(alias = "AppendMessageResult")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Offset of the first record.
    pub physical_offset: i64,
    /// Bytes of all records.
    pub size_bytes: usize,
    /// Taken inside the append lock.
    pub store_timestamp_ms: i64,
    /// Index of the first record in its consume queue.
    pub queue_offset: i64,
    /// How many records: more than one for a batch.
    pub message_count: usize,
    /// For a batch: the physical offset of every record. Empty for a single message.
    pub batch_offsets: Vec<i64>,
}

/// Answer to a put.
#[doc(alias = "PutMessageResult")]
#[derive(Debug)]
pub struct PutOutcome {
    /// Final when there is no ticket.
    pub status: PutStatus,
    /// Where it lies, when it was appended.
    pub appended: Option<Appended>,
    /// Set while the put waits for the disk.
    pub ticket: Option<PutTicket>,
}

impl PutOutcome {
    fn refused(status: PutStatus) -> Self {
        Self { status, appended: None, ticket: None }
    }
}

impl MessageStore {
    /// Appends one message. Does not wait for the disk: with [`FlushMode::Sync`] the outcome carries a ticket.
    pub fn put(&self, message: &PutMessage<'_>) -> PutOutcome {
        self.put_with(message, |store| store.log.append(message))
    }

    /// Appends all parts of a producer's batch, or none of them.
    pub fn put_batch(&self, message: &PutMessage<'_>) -> PutOutcome {
        self.put_with(message, |store| store.log.append_batch(message))
    }

    /// True when a put now would be refused before it reaches the log.
    pub fn refuses_puts(&self) -> bool {
        self.poison.is_set() || self.flags.refuses_puts()
    }

    fn put_with(
        &self,
        message: &PutMessage<'_>,
        append: impl FnOnce(&Self) -> Result<Appended, AppendError>,
    ) -> PutOutcome {
        if self.refuses_puts() {
            self.stats.put_failed();
            return PutOutcome::refused(PutStatus::ServiceNotAvailable);
        }
        match append(self) {
            Ok(appended) => {
                self.flags_after_success();
                self.stats.put(message.topic, &appended);
                self.reput.wake();
                let ticket = self.submit_flush(&appended, message.wait_store_ok);
                PutOutcome { status: PutStatus::Ok, appended: Some(appended), ticket }
            }
            Err(error) => {
                self.stats.put_failed();
                PutOutcome::refused(self.refusal_of(error))
            }
        }
    }

    #[inline]
    fn flags_after_success(&self) {
        if self.flags.has(Refusal::DiskFull) {
            tracing::info!(target: "broker::store", "the disk has room again");
            self.flags.set(Refusal::DiskFull, false);
        }
    }

    fn submit_flush(&self, appended: &Appended, wait_store_ok: bool) -> Option<PutTicket> {
        let flush = self.log.flush();
        let ticket = (self.options.flush_mode == FlushMode::Sync && wait_store_ok)
            .then(|| flush.wait_for(appended.physical_offset + appended.size_bytes as i64));
        flush.wake();
        ticket
    }

    #[cold]
    fn refusal_of(&self, error: AppendError) -> PutStatus {
        match error {
            AppendError::Illegal(_) => PutStatus::MessageIllegal,
            AppendError::PropertiesTooLong(_) => PutStatus::PropertiesSizeExceeded,
            AppendError::Create(cause) if is_full(&cause) => {
                if !self.flags.has(Refusal::DiskFull) {
                    tracing::error!(target: "broker::store", error = %cause, "disk full: puts are refused until there is room");
                    self.flags.set(Refusal::DiskFull, true);
                }
                PutStatus::ServiceNotAvailable
            }
            AppendError::Create(cause) => {
                tracing::error!(target: "broker::store", error = %cause, "cannot append");
                PutStatus::CreateMappedFileFailed
            }
        }
    }
}

/// The two errors that mean "no room".
pub(super) fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}
