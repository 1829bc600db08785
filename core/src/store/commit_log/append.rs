//! The append lock: takes a store timestamp, assigns queue and physical offset, writes the record into the mapping.

use std::io;
use std::sync::Arc;

use hashbrown::HashMap;

use super::CommitLog;
use crate::format::flags::TransactionType;
use crate::format::record::batch::{BatchPart, merged_len, parts};
use crate::format::record::encode::{RecordFields, body_crc, encode, encode_with_tail};
use crate::format::record::layout::{
    BLANK_MIN, PROPERTIES_LEN_MAX, TOPIC_LEN_MAX, encode_blank, is_v6, record_size,
};
use crate::mmap::allocator::FileRequest;
use crate::mmap::mapped_file::{Appender, MappedFile};
use crate::store::put::{Appended, BodyForm, PutMessage};

/// A record may exceed the largest body by this much (reference: 64 KiB).
const RECORD_SLACK_BYTES: usize = 65_536;

/// Why nothing was appended.
#[derive(Debug)]
pub enum AppendError {
    /// A limit of the message; the text says which.
    Illegal(String),
    /// The properties do not fit their length field.
    PropertiesTooLong(usize),
    /// The next file could not be had.
    Create(io::Error),
}

/// What the append lock guards.
#[derive(Debug, Default)]
pub struct AppendState {
    current: Option<Appender>,
    next: QueueOffsets,
}

/// The next queue offset of each topic and queue.
#[derive(Debug, Default)]
pub struct QueueOffsets(HashMap<Box<str>, HashMap<i32, i64>>);

impl QueueOffsets {
    fn slot(&mut self, topic: &str, queue_id: i32) -> &mut i64 {
        self.0.entry_ref(topic).or_default().entry(queue_id).or_insert(0)
    }

    /// Sets the next offset of a queue; for the start, from what its consume queue holds.
    pub fn set(&mut self, topic: &str, queue_id: i32, next: i64) {
        *self.slot(topic, queue_id) = next;
    }
}

/// What is known of a message before the lock is taken: sizes and checksums.
enum Prepared<'a> {
    One(Sized),
    Batch(Vec<(BatchPart<'a>, Sized)>),
}

/// Size and checksum of one record.
struct Sized {
    size_bytes: usize,
    body_crc: u32,
}

impl CommitLog {
    /// Appends messages in their order, under one lock and with one store timestamp, and says for each where it lies. One that
    /// cannot be appended does not keep those behind it out.
    pub fn append(&self, messages: &[PutMessage<'_>]) -> Vec<Result<Appended, AppendError>> {
        let bytes_max = self.tuning.load().message_bytes_max;
        let prepared: Vec<_> = messages.iter().map(|message| prepare(message, bytes_max)).collect();
        let mut state = self.append.lock();
        let now_ms = self.clock.now_ms();
        let each = messages.iter().zip(prepared);
        each.map(|(message, prepared)| match prepared? {
            Prepared::One(sized) => self.append_one(&mut state, message, &sized, now_ms),
            Prepared::Batch(parts) => self.append_batch(&mut state, message, &parts, now_ms),
        })
        .collect()
    }

    fn append_one(
        &self,
        state: &mut AppendState,
        message: &PutMessage<'_>,
        sized: &Sized,
        store_timestamp_ms: i64,
    ) -> Result<Appended, AppendError> {
        let takes_offset = TransactionType::of(message.sys_flag).takes_queue_offset();
        let AppendState { current, next } = state;
        let current = self.room_for(current, sized.size_bytes)?;
        let file = current.file();
        let mut no_offset = 0;
        let next = if takes_offset { next.slot(message.topic, message.queue_id) } else { &mut no_offset };
        let queue_offset = *next;
        let physical_offset = file.start_offset() + file.write_position() as i64;
        let record = fields(message, queue_offset, physical_offset, store_timestamp_ms);
        let record = RecordFields { body_crc: sized.body_crc, ..record };
        write(current, sized.size_bytes, &record)?;
        *next = queue_offset + 1;
        current.file().note_store_timestamp(store_timestamp_ms);
        Ok(Appended {
            physical_offset,
            size_bytes: sized.size_bytes,
            store_timestamp_ms,
            queue_offset,
            message_count: 1,
            batch_offsets: Vec::new(),
        })
    }

    /// Appends every part of a producer's batch as one record each, all in one file and with consecutive queue offsets.
    fn append_batch(
        &self,
        state: &mut AppendState,
        message: &PutMessage<'_>,
        batch: &[(BatchPart<'_>, Sized)],
        store_timestamp_ms: i64,
    ) -> Result<Appended, AppendError> {
        let total: usize = batch.iter().map(|(_, sized)| sized.size_bytes).sum();
        let AppendState { current, next } = state;
        let current = self.room_for(current, total)?;
        let file = current.file();
        let next = next.slot(message.topic, message.queue_id);
        let first_queue_offset = *next;
        let start = file.start_offset() + file.write_position() as i64;
        let mut end = start;
        let offsets = batch.iter().map(|(_, sized)| {
            end += sized.size_bytes as i64;
            end - sized.size_bytes as i64
        });
        let batch_offsets: Vec<_> = offsets.collect();
        let first = fields(message, first_queue_offset, start, store_timestamp_ms);
        // One publication: a crash leaves all parts or none, and readers never see half a batch.
        write_all(current, total, &first, batch, message.properties)?;
        current.file().note_store_timestamp(store_timestamp_ms);
        *next = first_queue_offset + batch.len() as i64;
        Ok(Appended {
            physical_offset: start,
            size_bytes: total,
            store_timestamp_ms,
            queue_offset: first_queue_offset,
            message_count: batch.len(),
            batch_offsets,
        })
    }

    /// Sets the next queue offsets; for the start, before the first append.
    pub fn set_queue_offsets(&self, offsets: QueueOffsets) {
        self.append.lock().next = offsets;
    }

    /// Forgets the queue offsets of a topic if `delete`, run with appends kept out, says that it deleted it.
    pub fn forget_topic_if<T>(&self, topic: &str, delete: impl FnOnce() -> Option<T>) -> Option<T> {
        let mut state = self.append.lock();
        let deleted = delete()?;
        state.next.0.remove(topic);
        Some(deleted)
    }

    /// The file that takes `size_bytes` next; fills up the present one and goes on to a new one when they do not fit.
    fn room_for<'a>(
        &self,
        current: &'a mut Option<Appender>,
        size_bytes: usize,
    ) -> Result<&'a mut Appender, AppendError> {
        let file_bytes = self.files.file_size_bytes();
        if size_bytes + BLANK_MIN > file_bytes {
            return Err(too_large(size_bytes, file_bytes - BLANK_MIN.min(file_bytes)));
        }
        if current.is_none() {
            *current = self.files.last().map(Appender::new).transpose().map_err(AppendError::Create)?;
        }
        let fits =
            |current: &Appender| size_bytes + BLANK_MIN <= file_bytes - current.file().write_position();
        if !current.as_ref().is_some_and(fits) {
            self.go_on(current)?;
        }
        current.as_mut().ok_or_else(|| AppendError::Create(io::Error::other("no file to append to")))
    }

    /// Fills up the present file and begins the next.
    #[cold]
    fn go_on(&self, current: &mut Option<Appender>) -> Result<(), AppendError> {
        // The filler goes in only once the next file is there: a full disk must leave the log as it is.
        let next = self.next_file(current.as_ref().map_or(0, |current| current.file().end_offset()))?;
        if let Some(current) = current {
            let remaining = self.files.file_size_bytes() - current.file().write_position();
            fill_up(current, remaining)?;
        }
        let next = Arc::new(next);
        let appender = Appender::new(next.clone()).map_err(AppendError::Create)?;
        self.files.push(next).map_err(|error| AppendError::Create(io::Error::other(error)))?;
        *current = Some(appender);
        Ok(())
    }

    #[cold]
    fn next_file(&self, start_offset: i64) -> Result<MappedFile, AppendError> {
        let size_bytes = self.files.file_size_bytes();
        let request =
            |start_offset| FileRequest { path: self.files.path_of(start_offset), start_offset, size_bytes };
        let wanted = request(start_offset);
        let after_it = request(start_offset + size_bytes as i64);
        self.allocator.take(&wanted, Some(&after_it)).map_err(AppendError::Create)
    }
}

fn prepare<'a>(message: &PutMessage<'a>, bytes_max: usize) -> Result<Prepared<'a>, AppendError> {
    match message.form {
        BodyForm::Message => {
            sized(message, message.body, message.properties.len(), bytes_max).map(Prepared::One)
        }
        BodyForm::Batch => prepare_batch(message, bytes_max).map(Prepared::Batch),
    }
}

fn sized(
    message: &PutMessage<'_>,
    body: &[u8],
    properties_len: usize,
    bytes_max: usize,
) -> Result<Sized, AppendError> {
    if message.topic.is_empty() || message.topic.len() > TOPIC_LEN_MAX {
        let text = format!("topic of {} bytes, allowed are 1 to 127", message.topic.len());
        return Err(AppendError::Illegal(text));
    }
    if message.queue_id < 0 {
        return Err(AppendError::Illegal(format!("queue id {} is negative", message.queue_id)));
    }
    if properties_len > PROPERTIES_LEN_MAX {
        return Err(AppendError::PropertiesTooLong(properties_len));
    }
    if body.len() > bytes_max {
        return Err(too_large(body.len(), bytes_max));
    }
    let (born, store) = (is_v6(&message.born_host), is_v6(&message.store_host));
    let size_bytes = record_size(body.len(), message.topic.len(), properties_len, born, store);
    if size_bytes > bytes_max + RECORD_SLACK_BYTES {
        return Err(too_large(size_bytes, bytes_max + RECORD_SLACK_BYTES));
    }
    Ok(Sized { size_bytes, body_crc: body_crc(body) })
}

fn prepare_batch<'a>(
    message: &PutMessage<'a>,
    bytes_max: usize,
) -> Result<Vec<(BatchPart<'a>, Sized)>, AppendError> {
    if message.body.len() > bytes_max {
        return Err(too_large(message.body.len(), bytes_max));
    }
    let mut batch = Vec::new();
    for part in parts(message.body) {
        let part = part.map_err(|error| AppendError::Illegal(error.to_string()))?;
        let properties_len = merged_len(part.properties, message.properties);
        let sized = sized(message, part.body, properties_len, bytes_max)?;
        batch.push((part, sized));
    }
    if batch.is_empty() {
        return Err(AppendError::Illegal("a batch without messages".to_owned()));
    }
    Ok(batch)
}

fn too_large(bytes: usize, limit: usize) -> AppendError {
    AppendError::Illegal(format!("{bytes} bytes, allowed are {limit}"))
}

fn fields<'a>(
    message: &PutMessage<'a>,
    queue_offset: i64,
    physical_offset: i64,
    store_timestamp_ms: i64,
) -> RecordFields<'a> {
    RecordFields {
        queue_id: message.queue_id,
        flag: message.flag,
        queue_offset,
        physical_offset,
        sys_flag: message.sys_flag,
        born_timestamp_ms: message.born_timestamp_ms,
        born_host: message.born_host,
        store_timestamp_ms,
        store_host: message.store_host,
        reconsume_times: message.reconsume_times,
        prepared_transaction_offset: message.prepared_transaction_offset,
        body: message.body,
        body_crc: 0,
        topic: message.topic.as_bytes(),
        properties: message.properties,
    }
}

fn write(file: &mut Appender, size_bytes: usize, record: &RecordFields<'_>) -> Result<(), AppendError> {
    let mut result = Ok(0);
    let published = file.append(size_bytes, |target| {
        result = encode(target, record);
        *result.as_ref().unwrap_or(&0)
    });
    finish(published, result.map_err(|error| error.to_string()), size_bytes)
}

/// Writes a batch. `first` is what its first record would be without what belongs to the part.
fn write_all(
    file: &mut Appender,
    total: usize,
    first: &RecordFields<'_>,
    batch: &[(BatchPart<'_>, Sized)],
    tail: &[u8],
) -> Result<(), AppendError> {
    let mut result = Ok(0);
    let published = file.append(total, |target| {
        result = encode_all(target, first, batch, tail);
        *result.as_ref().unwrap_or(&0)
    });
    finish(published, result, total)
}

/// Back to front, so that the first record becomes valid last: a crash in between leaves nothing that looks like a record.
fn encode_all(
    target: &mut [u8],
    first: &RecordFields<'_>,
    batch: &[(BatchPart<'_>, Sized)],
    tail: &[u8],
) -> Result<usize, String> {
    let total = target.len();
    let mut rest = target;
    for (index, (part, sized)) in batch.iter().enumerate().rev() {
        let at = rest.len().checked_sub(sized.size_bytes).ok_or("batch parts exceed their sum")?;
        let (before, here) = rest.split_at_mut(at);
        let record = RecordFields {
            queue_offset: first.queue_offset + index as i64,
            physical_offset: first.physical_offset + at as i64,
            flag: part.flag,
            body: part.body,
            body_crc: sized.body_crc,
            properties: part.properties,
            ..*first
        };
        encode_with_tail(here, &record, tail).map_err(|error| error.to_string())?;
        rest = before;
    }
    if rest.is_empty() { Ok(total) } else { Err("batch parts fall short of their sum".to_owned()) }
}

fn finish(
    published: io::Result<usize>,
    encoded: Result<usize, String>,
    size_bytes: usize,
) -> Result<(), AppendError> {
    match (published, encoded) {
        (Err(cause), _) => Err(AppendError::Create(cause)),
        (Ok(_), Err(error)) => Err(AppendError::Illegal(error)),
        (Ok(published), Ok(_)) if published == size_bytes => Ok(()),
        (Ok(published), Ok(_)) => {
            Err(AppendError::Illegal(format!("{published} of {size_bytes} bytes written")))
        }
    }
}

/// Filler from the write position to the end of the file.
fn fill_up(file: &mut Appender, remaining: usize) -> Result<(), AppendError> {
    if remaining == 0 {
        return Ok(());
    }
    let size = i32::try_from(remaining).unwrap_or(i32::MAX);
    file.append(remaining, |target| {
        encode_blank(target, size);
        target.len()
    })
    .map_err(AppendError::Create)?;
    Ok(())
}
