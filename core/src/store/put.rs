//! The gates before an append, and what a put is answered with.

use std::net::SocketAddr;

use super::MessageStore;
use super::acks::PutTicket;
use super::commit_log::append::AppendError;
use super::options::FlushMode;
use super::running::Refusal;
use crate::format::record::decode::RecordView;

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyForm {
    /// One message's.
    Message,
    /// A producer's batch: the encoded parts, each of which becomes a record. All are stored or none.
    Batch,
}

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
    /// Body as sent.
    pub body: &'a [u8],
    /// One message, or a batch.
    pub form: BodyForm,
    /// Properties text; for a batch what is appended to each part's own.
    pub properties: &'a [u8],
    /// Whether the put is final only when the disk has it (matters with [`FlushMode::Sync`]).
    pub wait_store_ok: bool,
}

impl<'a> PutMessage<'a> {
    /// The message of a record for another place, with nothing else changed. It waits for no disk.
    pub fn moved(record: &RecordView<'a>, topic: &'a str, queue_id: i32) -> Self {
        Self {
            topic,
            queue_id,
            flag: record.flag(),
            sys_flag: record.sys_flag(),
            born_timestamp_ms: record.born_timestamp_ms(),
            born_host: record.born_host(),
            store_host: record.store_host(),
            reconsume_times: record.reconsume_times(),
            prepared_transaction_offset: 0,
            body: record.body(),
            form: BodyForm::Message,
            properties: record.properties(),
            wait_store_ok: false,
        }
    }
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
    /// It would make a light queue beyond `maxLmqConsumeQueueNum`. Nothing was stored.
    LightQueuesExceeded,
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
            PutStatus::LightQueuesExceeded => "LMQ_CONSUME_QUEUE_NUM_EXCEEDED",
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

/// How much was put or read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Messages.
    pub messages: usize,
    /// Bytes of their records.
    pub bytes: usize,
}

impl Amount {
    /// Adds what was appended.
    pub fn add(&mut self, appended: &Appended) {
        self.messages += appended.message_count;
        self.bytes += appended.size_bytes;
    }
}

impl From<&Appended> for Amount {
    fn from(appended: &Appended) -> Self {
        Self { messages: appended.message_count, bytes: appended.size_bytes }
    }
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

/// Answer to several puts.
#[derive(Debug)]
pub struct PutOutcomes {
    /// In the order of the messages. None has a ticket of its own.
    pub each: Vec<PutOutcome>,
    /// Set while those that were appended and have `wait_store_ok` wait for the disk: all of them together.
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
        let PutOutcomes { mut each, ticket } = self.put_all(std::slice::from_ref(message));
        match each.pop() {
            Some(outcome) => PutOutcome { ticket, ..outcome },
            None => PutOutcome::refused(PutStatus::UnknownError),
        }
    }

    /// Appends messages that came together, under one lock and with one wake-up of who follows the log. One that is refused
    /// does not keep those behind it out.
    pub fn put_all(&self, messages: &[PutMessage<'_>]) -> PutOutcomes {
        if self.refuses_puts() {
            self.stats.puts_refused(messages.len());
            let refused = |_| PutOutcome::refused(PutStatus::ServiceNotAvailable);
            return PutOutcomes { each: messages.iter().map(refused).collect(), ticket: None };
        }
        let (mut amount, mut refused) = (Amount::default(), 0);
        let mut wait_until = None;
        let finish = |(message, appended): (&PutMessage<'_>, Result<Appended, AppendError>)| match appended {
            Ok(appended) => {
                amount.add(&appended);
                if message.wait_store_ok {
                    wait_until = Some(appended.physical_offset + appended.size_bytes as i64);
                }
                PutOutcome { status: PutStatus::Ok, appended: Some(appended), ticket: None }
            }
            Err(error) => {
                refused += 1;
                PutOutcome::refused(self.refusal_of(error))
            }
        };
        let each: Vec<_> = messages.iter().zip(self.log.append(messages)).map(finish).collect();
        if refused > 0 {
            self.stats.puts_refused(refused);
        }
        if amount.messages == 0 {
            return PutOutcomes { each, ticket: None };
        }
        if refused == 0 {
            self.has_room();
        }
        self.stats.put(amount);
        let flush = self.log.flush();
        let waits = wait_until.filter(|_| self.options.flush_mode == FlushMode::Sync);
        let ticket = waits.map(|end_offset| flush.wait_for(end_offset));
        flush.wake();
        self.reput.catch_up_here();
        PutOutcomes { each, ticket }
    }

    /// True when a put now would be refused before it reaches the log.
    pub fn refuses_puts(&self) -> bool {
        self.poison.is_set() || self.flags.refuses_puts()
    }

    #[inline]
    fn has_room(&self) {
        if self.flags.has(Refusal::DiskFull) {
            tracing::info!(target: "broker::store", "the disk has room again");
            self.flags.set(Refusal::DiskFull, false);
        }
    }

    #[cold]
    fn refusal_of(&self, error: AppendError) -> PutStatus {
        match error {
            AppendError::Illegal(_) => PutStatus::MessageIllegal,
            AppendError::LightQueuesExceeded => PutStatus::LightQueuesExceeded,
            AppendError::PropertiesTooLong(_) => PutStatus::PropertiesSizeExceeded,
            AppendError::Closed => PutStatus::ServiceNotAvailable,
            AppendError::Create(cause) if is_full(&cause) => {
                if !self.flags.has(Refusal::DiskFull) {
                    tracing::error!(target: "broker::store", error = %cause, "disk full: puts are refused until there is room");
                    self.flags.set(Refusal::DiskFull, true);
                    self.retention.begin_round_now();
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
