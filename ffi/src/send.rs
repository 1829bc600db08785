use std::ffi::{c_char, c_void};
use std::{mem, slice};

use libbroker::Error;
use libbroker::embed::{NewMessage, SendResult, SendStatus};

use crate::broker::{BrokerHandle, borrow};
use crate::options::{self, BrokerProperty};
use crate::panic::to_status;
use crate::sized::{self, WithSize};
use crate::status::BrokerStatus;
use crate::text::{self, invalid, required};

/// A queue that the broker chooses.
pub const BROKER_QUEUE_ANY: i32 = -1;

/// Bytes of an id with its NUL.
pub const BROKER_ID_BYTES: usize = 64;

/// Stored as asked for.
pub const BROKER_SEND_OK: u32 = 0;

/// Stored, but the disk did not take it in time (syncFlushTimeout).
pub const BROKER_SEND_FLUSH_DISK_TIMEOUT: u32 = 1;

/// Stored, but a slave did not take it in time.
pub const BROKER_SEND_FLUSH_SLAVE_TIMEOUT: u32 = 2;

/// Stored, but there is no slave.
pub const BROKER_SEND_SLAVE_NOT_AVAILABLE: u32 = 3;

/// More messages than this in one call are a mistake of the caller.
const MESSAGES_MAX: usize = 1 << 20;

/// A message to send. Begin with BROKER_MESSAGE_INIT; only the topic is needed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BrokerMessage {
    /// sizeof(broker_message_t).
    pub size: usize,
    /// The topic; created when it is missing, where the broker does so for clients.
    pub topic: *const c_char,
    /// The body, body_length bytes.
    pub body: *const c_void,
    /// Bytes of the body.
    pub body_length: usize,
    /// One tag, mostly; or NULL.
    pub tags: *const c_char,
    /// Keys to find it by, with blanks between them; or NULL.
    pub keys: *const c_char,
    /// More properties, property_count of them.
    pub properties: *const BrokerProperty,
    /// Number of properties.
    pub property_count: usize,
    /// The delay level, from 1 on; 0 is at once.
    pub delay_level: u32,
    /// The queue, or BROKER_QUEUE_ANY.
    pub queue: i32,
}

// SAFETY: no padding, and zero is a value of every field.
unsafe impl WithSize for BrokerMessage {
    const NAME: &'static str = "broker_message_t";
}

/// What became of a message that was stored. Begin with BROKER_SEND_RESULT_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BrokerSendResult {
    /// sizeof(broker_send_result_t), set by the caller.
    pub size: usize,
    /// Its place in the queue; of a message that is delayed, in the queue where it waits.
    pub queue_offset: i64,
    /// The queue of its topic.
    pub queue_id: i32,
    /// BROKER_SEND_OK, or another BROKER_SEND_ constant: it is stored all the same.
    pub status: u32,
    /// The id that the message carries, as consumers see it. One of the sender's own that is longer is cut.
    pub msg_id: [c_char; BROKER_ID_BYTES],
    /// The id made of the broker's address and the place in its log.
    pub offset_msg_id: [c_char; BROKER_ID_BYTES],
}

// SAFETY: no padding, and zero is a value of every field.
unsafe impl WithSize for BrokerSendResult {
    const NAME: &'static str = "broker_send_result_t";
}

/// Stores a message; with SYNC_FLUSH, waits for the disk. It counts and is checked as one that a client sends.
/// result may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_send(
    broker: *const BrokerHandle,
    message: *const BrokerMessage,
    result: *mut BrokerSendResult,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL, or what the header says.
        unsafe {
            let embedded = borrow(broker)?;
            let message = read(message)?;
            let size = if result.is_null() { 0 } else { sized::size_of(result)? };
            let sent = embedded.send(&message)?;
            if !result.is_null() {
                sized::write(&of(&sent), result, size);
            }
        }
        Ok(())
    })
}

/// Stores `count` messages in their order: faster than one at a time. messages and results are arrays; results may be NULL,
/// otherwise each element begins with its size. A message that the broker refuses does not keep the others out, one that
/// is none (no topic, an impossible property) does: broker_last_error says which it was and how many are stored.
/// Results are written only when all are stored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_send_many(
    broker: *const BrokerHandle,
    messages: *const BrokerMessage,
    count: usize,
    results: *mut BrokerSendResult,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL, or what the header says.
        unsafe {
            let embedded = borrow(broker)?;
            if count > MESSAGES_MAX || (messages.is_null() && count > 0) {
                return Err(invalid(format!("{count} messages at {messages:?}")));
            }
            let mut given = Vec::with_capacity(count);
            for (number, message) in sized::each(messages, count)?.enumerate() {
                let named = |error: Error| {
                    error.while_doing(format_args!("message {number} of {count}, of which none is stored"))
                };
                given.push(read(message).map_err(named)?);
            }
            let room = if results.is_null() { 0 } else { count };
            let places: Vec<*const BrokerSendResult> = sized::each(results, room)?.collect();
            let size = if room == 0 { 0 } else { sized::size_of(results)? };
            let sent = embedded.send_many(&given)?;
            for (sent, place) in sent.iter().zip(places) {
                sized::write(&of(sent), place.cast_mut(), size);
            }
        }
        Ok(())
    })
}

unsafe fn read(message: *const BrokerMessage) -> Result<NewMessage, Error> {
    if message.is_null() {
        return Err(invalid("message is NULL"));
    }
    // SAFETY: not NULL; the rest is the caller's promise.
    unsafe {
        let known = sized::read(message)?;
        let body = body(known.body, known.body_length)?;
        let mut message = NewMessage::new(required(known.topic, "topic")?, body);
        message.tags = text::read(known.tags, "tags")?.filter(|tags| !tags.is_empty());
        let keys = text::read(known.keys, "keys")?.unwrap_or_default();
        message.keys = keys.split_ascii_whitespace().map(str::to_owned).collect();
        message.properties = options::properties(known.properties, known.property_count)?;
        message.delay_level = known.delay_level;
        message.queue = match known.queue {
            BROKER_QUEUE_ANY => None,
            queue => Some(u32::try_from(queue).map_err(|_| invalid(format!("queue is {queue}")))?),
        };
        Ok(message)
    }
}

unsafe fn body(bytes: *const c_void, length: usize) -> Result<Vec<u8>, Error> {
    if length == 0 {
        return Ok(Vec::new());
    }
    if bytes.is_null() || isize::try_from(length).is_err() {
        return Err(invalid(format!("a body of {length} bytes at {bytes:?}")));
    }
    // SAFETY: not NULL; the length is the caller's promise.
    Ok(unsafe { slice::from_raw_parts(bytes.cast::<u8>(), length) }.to_vec())
}

fn of(sent: &SendResult) -> BrokerSendResult {
    BrokerSendResult {
        size: mem::size_of::<BrokerSendResult>(),
        queue_offset: sent.queue_offset,
        queue_id: sent.queue_id,
        status: match sent.status {
            SendStatus::FlushDiskTimeout => BROKER_SEND_FLUSH_DISK_TIMEOUT,
            SendStatus::FlushSlaveTimeout => BROKER_SEND_FLUSH_SLAVE_TIMEOUT,
            SendStatus::SlaveNotAvailable => BROKER_SEND_SLAVE_NOT_AVAILABLE,
            _ => BROKER_SEND_OK,
        },
        msg_id: id(&sent.msg_id),
        offset_msg_id: id(&sent.offset_msg_id),
    }
}

/// Cut between characters; what is behind the text is NUL.
fn id(text: &str) -> [c_char; BROKER_ID_BYTES] {
    let mut id = [0; BROKER_ID_BYTES];
    let end = text.floor_char_boundary(BROKER_ID_BYTES - 1);
    for (place, byte) in id.iter_mut().zip(text.bytes().take(end)) {
        *place = byte as c_char;
    }
    id
}
