//! The append lock: takes a store timestamp, assigns queue and physical offset, writes the records.

use std::io;
use std::sync::Arc;

use hashbrown::HashMap;

use super::CommitLog;
use super::group::Group;
use crate::format::flags::TransactionType;
use crate::format::names;
use crate::format::record::batch::{BatchPart, merged_len, parts};
use crate::format::record::encode::{RecordFields, body_crc};
use crate::format::record::layout::{
    BLANK_MIN, PROPERTIES_LEN_MAX, TOPIC_LEN_MAX, encode_blank, is_v6, record_size,
};
use crate::mmap::allocator::FileRequest;
use crate::mmap::mapped_file::{Appender, MappedFile};
use crate::store::fan_out::{self, FanOut};
use crate::store::options::FanOutOptions;
use crate::store::put::{Appended, BodyForm, PutMessage};

/// A record may exceed the largest body by this much (reference: 64 KiB).
const RECORD_SLACK_BYTES: usize = 65_536;

/// Size and magic of a record: without them it is none.
const MARK_BYTES: usize = 8;

/// Why nothing was appended.
#[derive(Debug)]
pub enum AppendError {
    /// A limit of the message; the text says which.
    Illegal(String),
    /// The properties do not fit their length field.
    PropertiesTooLong(usize),
    /// It would make a light queue beyond their limit.
    LightQueuesExceeded,
    /// The next file could not be had.
    Create(io::Error),
    /// The store is being closed.
    Closed,
}

/// What the append lock guards.
#[derive(Debug, Default)]
pub struct AppendState {
    pub(super) current: Option<Appender>,
    pub(super) next: QueueOffsets,
    /// Memory for the records of a round.
    scratch: Vec<u8>,
    /// The log has its end: what follows it will have read everything then.
    closed: bool,
}

/// The next queue offset of each topic and queue.
#[derive(Debug, Default)]
pub struct QueueOffsets {
    next: HashMap<Box<str>, HashMap<i32, i64>>,
    light_queues: usize,
}

impl QueueOffsets {
    pub(super) fn slot(&mut self, topic: &str, queue_id: i32) -> &mut i64 {
        self.next.entry_ref(topic).or_default().entry(queue_id).or_insert(0)
    }

    /// Sets the next offset of a queue; for the start, from what its consume queue holds.
    pub fn set(&mut self, topic: &str, queue_id: i32, next: i64) {
        self.add_light(topic, usize::MAX);
        *self.slot(topic, queue_id) = next;
    }

    /// Counts `topic` when it is a light queue that is new. False when there are `max` already.
    pub(super) fn add_light(&mut self, topic: &str, max: usize) -> bool {
        if !names::is_lmq(topic) || self.next.contains_key(topic) {
            return true;
        }
        let has_room = self.light_queues < max;
        self.light_queues += usize::from(has_room);
        has_room
    }

    fn forget(&mut self, topic: &str) {
        if self.next.remove(topic).is_some() && names::is_lmq(topic) {
            self.light_queues = self.light_queues.saturating_sub(1);
        }
    }
}

/// What is known of a message before the lock is taken: sizes and checksums.
enum Prepared<'a> {
    One(Sized),
    Batch(Vec<(BatchPart<'a>, Sized)>),
    FannedOut(FanOut<'a>, Sized),
}

/// Size and checksum of one record.
pub(super) struct Sized {
    pub(super) size_bytes: usize,
    pub(super) body_crc: u32,
}

impl CommitLog {
    /// Appends messages in their order, under one lock and with one store timestamp, and says for each where it lies. One that
    /// cannot be appended does not keep those behind it out.
    pub fn append(&self, messages: &[PutMessage<'_>]) -> Vec<Result<Appended, AppendError>> {
        let bytes_max = self.tuning.load().message_bytes_max;
        let prepared: Vec<_> =
            messages.iter().map(|message| prepare(message, bytes_max, self.fan_out)).collect();
        let mut state = self.append.lock();
        if state.closed {
            return messages.iter().map(|_| Err(AppendError::Closed)).collect();
        }
        let group = Group::new(std::mem::take(&mut state.scratch));
        let each = Vec::with_capacity(messages.len());
        let store_timestamp_ms = self.clock.now_ms();
        let mut round =
            Round { log: self, state: &mut state, messages, group, first: 0, each, store_timestamp_ms };
        for (message, prepared) in messages.iter().zip(prepared) {
            let appended = match prepared {
                Ok(Prepared::One(sized)) => round.add_one(message, &sized),
                Ok(Prepared::Batch(batch)) => round.append_batch(message, &batch),
                Ok(Prepared::FannedOut(fan_out, sized)) => round.append_fanned_out(message, &fan_out, &sized),
                Err(error) => Err(error),
            };
            round.each.push(appended);
        }
        round.write();
        let Round { group, each, .. } = round;
        state.scratch = group.into_scratch();
        each
    }

    /// Ends the log: appends under way are done when this returns, and others are refused.
    pub fn end(&self) {
        self.append.lock().closed = true;
    }

    /// Sets the next queue offsets; for the start, before the first append.
    pub fn set_queue_offsets(&self, offsets: QueueOffsets) {
        self.append.lock().next = offsets;
    }

    /// Forgets the queue offsets of a topic: from the offset that it gives on, its records are numbered from 0.
    pub fn forget_topic(&self, topic: &str) -> i64 {
        let mut state = self.append.lock();
        state.next.forget(topic);
        self.files.wrote_offset()
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

/// Appends that are made under one hold of the lock.
pub(super) struct Round<'r, 'm> {
    pub(super) log: &'r CommitLog,
    pub(super) state: &'r mut AppendState,
    messages: &'r [PutMessage<'m>],
    /// What is not written yet.
    group: Group<'m>,
    /// The message that the group begins with.
    first: usize,
    /// What became of the messages so far; those of the group are only to be written.
    each: Vec<Result<Appended, AppendError>>,
    pub(super) store_timestamp_ms: i64,
}

impl<'m> Round<'_, 'm> {
    /// Adds a message to the group.
    fn add_one(&mut self, message: &PutMessage<'m>, sized: &Sized) -> Result<Appended, AppendError> {
        let physical_offset = self.room_for(sized.size_bytes)?;
        let mut no_offset = 0;
        let next = match TransactionType::of(message.sys_flag).takes_queue_offset() {
            true => self.state.next.slot(message.topic, message.queue_id),
            false => &mut no_offset,
        };
        let queue_offset = *next;
        let record = fields(message, queue_offset, physical_offset, self.store_timestamp_ms);
        let record = RecordFields { body_crc: sized.body_crc, ..record };
        self.group.push(&record, &[]).map_err(|error| AppendError::Illegal(error.to_string()))?;
        *next = queue_offset + 1;
        Ok(Appended {
            physical_offset,
            size_bytes: sized.size_bytes,
            store_timestamp_ms: self.store_timestamp_ms,
            queue_offset,
            message_count: 1,
            batch_offsets: Vec::new(),
        })
    }

    /// Appends every part of a producer's batch as one record each, all in one file and with consecutive queue offsets.
    fn append_batch(
        &mut self,
        message: &PutMessage<'m>,
        batch: &[(BatchPart<'m>, Sized)],
    ) -> Result<Appended, AppendError> {
        self.write_alone();
        let total = batch.iter().map(|(_, sized)| sized.size_bytes).sum();
        let start = self.room_for(total)?;
        let queue_offset = *self.state.next.slot(message.topic, message.queue_id);
        let mut batch_offsets = Vec::with_capacity(batch.len());
        let mut record = fields(message, queue_offset, start, self.store_timestamp_ms);
        for (part, sized) in batch {
            batch_offsets.push(record.physical_offset);
            let BatchPart { flag, body, properties, .. } = *part;
            record = RecordFields { flag, body, properties, body_crc: sized.body_crc, ..record };
            if let Err(error) = self.group.push(&record, message.properties) {
                self.group.clear();
                return Err(AppendError::Illegal(error.to_string()));
            }
            record.queue_offset += 1;
            record.physical_offset += sized.size_bytes as i64;
        }
        // The first record becomes valid last, and the parts are published together: a crash leaves all of them or none, and
        // readers never see half a batch.
        self.write_group(MARK_BYTES).map_err(AppendError::Create)?;
        *self.state.next.slot(message.topic, message.queue_id) = record.queue_offset;
        Ok(Appended {
            physical_offset: start,
            size_bytes: total,
            store_timestamp_ms: self.store_timestamp_ms,
            queue_offset,
            message_count: batch.len(),
            batch_offsets,
        })
    }

    /// Writes the group, before a message that has a write of its own: the next group begins behind it.
    pub(super) fn write_alone(&mut self) {
        self.write();
        self.first = self.each.len() + 1;
    }

    /// The offset at which `size_bytes` go next. When they do not fit, the present file is filled up, and a new one begun.
    pub(super) fn room_for(&mut self, size_bytes: usize) -> Result<i64, AppendError> {
        let file_bytes = self.log.files.file_size_bytes();
        if size_bytes + BLANK_MIN > file_bytes {
            return Err(too_large(size_bytes, file_bytes - BLANK_MIN.min(file_bytes)));
        }
        if self.state.current.is_none() {
            let last = self.log.files.last().map(Appender::new);
            self.state.current = last.transpose().map_err(AppendError::Create)?;
        }
        let wanted = self.group.len() + size_bytes + BLANK_MIN;
        let fits = |current: &Appender| wanted <= file_bytes - current.file().write_position();
        if !self.state.current.as_ref().is_some_and(fits) {
            self.write();
            self.log.go_on(&mut self.state.current)?;
        }
        let file = self.state.current.as_ref().ok_or_else(no_file).map_err(AppendError::Create)?.file();
        Ok(file.start_offset() + (file.write_position() + self.group.len()) as i64)
    }

    /// Writes the group. When that fails its messages are not stored, and their places in the queues are free again.
    fn write(&mut self) {
        if self.group.is_empty() {
            return;
        }
        if let Err(cause) = self.write_group(0) {
            let each = self.messages.iter().zip(&mut self.each).skip(self.first);
            // Backwards: the first of a queue gives the place that the queue had before.
            for (message, result) in each.collect::<Vec<_>>().into_iter().rev() {
                let Ok(appended) = result else { continue };
                if TransactionType::of(message.sys_flag).takes_queue_offset() {
                    *self.state.next.slot(message.topic, message.queue_id) = appended.queue_offset;
                }
                *result = Err(AppendError::Create(io::Error::new(cause.kind(), cause.to_string())));
            }
        }
        self.first = self.each.len();
    }

    fn write_group(&mut self, mark_bytes: usize) -> io::Result<()> {
        let current = self.state.current.as_mut().ok_or_else(no_file)?;
        write_group(&mut self.group, current, mark_bytes, self.store_timestamp_ms)
    }
}

pub(super) fn write_group(
    group: &mut Group<'_>,
    current: &mut Appender,
    mark_bytes: usize,
    store_timestamp_ms: i64,
) -> io::Result<()> {
    group.write(current, mark_bytes)?;
    current.file().note_store_timestamp(store_timestamp_ms);
    Ok(())
}

pub(super) fn no_file() -> io::Error {
    io::Error::other("no file to append to")
}

fn prepare<'a>(
    message: &PutMessage<'a>,
    bytes_max: usize,
    options: FanOutOptions,
) -> Result<Prepared<'a>, AppendError> {
    if message.form == BodyForm::Batch {
        return prepare_batch(message, bytes_max, options).map(Prepared::Batch);
    }
    let PutMessage { topic, queue_id, sys_flag, properties, .. } = *message;
    let fan_out = fan_out::asked_for(options, topic, queue_id, sys_flag, properties);
    match fan_out.map_err(AppendError::Illegal)? {
        None => sized(message, message.body, properties.len(), bytes_max).map(Prepared::One),
        Some(fan_out) => {
            let sized = sized(message, message.body, fan_out.properties.len(), bytes_max)?;
            Ok(Prepared::FannedOut(fan_out, sized))
        }
    }
}

pub(super) fn sized(
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
    options: FanOutOptions,
) -> Result<Vec<(BatchPart<'a>, Sized)>, AppendError> {
    if message.body.len() > bytes_max {
        return Err(too_large(message.body.len(), bytes_max));
    }
    let mut batch = Vec::new();
    for part in parts(message.body) {
        let part = part.map_err(|error| AppendError::Illegal(error.to_string()))?;
        if fan_out::brings_offsets(options, part.properties) {
            return Err(AppendError::Illegal("a batch does not go into several queues".to_owned()));
        }
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

pub(super) fn fields<'a>(
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
