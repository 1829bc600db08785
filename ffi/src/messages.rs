use std::ffi::{CString, c_char, c_void};
use std::{mem, ptr};

use libbroker::embed::{Message, MessageQuery};

use crate::broker::{BrokerHandle, borrow};
use crate::options::BrokerProperty;
use crate::panic::{or_internal, to_status};
use crate::send::BROKER_QUEUE_ANY;
use crate::sized::{self, WithSize};
use crate::status::BrokerStatus;
use crate::text::{self, invalid, lossy, required};

/// A stored message, to look at. It belongs to the list or delivery it comes from, and lives as long.
#[repr(C)]
pub struct BrokerMessageView {
    /// Size of the structure as this library knows it.
    pub size: usize,
    /// The topic; for one that a group gets again, the topic it was sent to.
    pub topic: *const c_char,
    /// The body as it was sent, body_length bytes. No NUL follows.
    pub body: *const c_void,
    /// Bytes of the body.
    pub body_length: usize,
    /// The tags, or NULL.
    pub tags: *const c_char,
    /// The keys with a blank between them, or NULL.
    pub keys: *const c_char,
    /// All properties, those of RocketMQ itself too. A NUL in a text is shown as a blank.
    pub properties: *const BrokerProperty,
    /// Number of properties.
    pub property_count: usize,
    /// The id it carries.
    pub msg_id: *const c_char,
    /// The id made of the broker's address and the place in its log.
    pub offset_msg_id: *const c_char,
    /// Where its producer was connected from, "host:port".
    pub born_host: *const c_char,
    /// Its place in the queue.
    pub queue_offset: i64,
    /// When its producer made it, by the producer's clock: milliseconds since 1970.
    pub born_timestamp_ms: i64,
    /// When the broker stored it.
    pub store_timestamp_ms: i64,
    /// The queue it lies in.
    pub queue_id: i32,
    /// How often a consumer gave it back.
    pub reconsume_times: i32,
}

/// A message with its texts for C. What the view points to lives on the heap, so that it may be moved.
pub struct Shown {
    view: Box<BrokerMessageView>,
    _message: Message,
    _texts: Vec<CString>,
    _properties: Vec<BrokerProperty>,
}

// SAFETY: the pointers lead to what is owned beside them and never changes.
unsafe impl Send for Shown {}
// SAFETY: as above.
unsafe impl Sync for Shown {}

impl Shown {
    pub fn new(message: Message) -> Self {
        let mut texts = Vec::new();
        let mut keep = |text: &str| {
            let text = lossy(text);
            let pointer = text.as_ptr();
            texts.push(text);
            pointer
        };
        let keys = message.keys.join(" ");
        let properties: Vec<BrokerProperty> = message
            .properties
            .iter()
            .map(|(key, value)| BrokerProperty { key: keep(key), value: keep(value) })
            .collect();
        let view = BrokerMessageView {
            size: mem::size_of::<BrokerMessageView>(),
            topic: keep(&message.topic),
            body: message.body.as_ptr().cast(),
            body_length: message.body.len(),
            tags: message.tags.as_deref().map_or(ptr::null(), &mut keep),
            keys: if keys.is_empty() { ptr::null() } else { keep(&keys) },
            properties: properties.as_ptr(),
            property_count: properties.len(),
            msg_id: keep(&message.msg_id),
            offset_msg_id: keep(&message.offset_msg_id),
            born_host: keep(&message.born_host.to_string()),
            queue_offset: message.queue_offset,
            born_timestamp_ms: message.born_timestamp_ms,
            store_timestamp_ms: message.store_timestamp_ms,
            queue_id: message.queue_id,
            reconsume_times: message.reconsume_times,
        };
        Self { view: Box::new(view), _message: message, _texts: texts, _properties: properties }
    }

    pub fn view(&self) -> *const BrokerMessageView {
        &raw const *self.view
    }
}

/// A list of stored messages. Release it with broker_messages_free. It outlives the broker.
pub struct BrokerMessages {
    messages: Vec<Shown>,
    next_offset: i64,
    min_offset: i64,
    max_offset: i64,
}

impl BrokerMessages {
    fn of(messages: Vec<Message>) -> Self {
        Self {
            messages: messages.into_iter().map(Shown::new).collect(),
            next_offset: -1,
            min_offset: -1,
            max_offset: -1,
        }
    }
}

/// Which messages of a topic to list. Begin with BROKER_QUERY_INIT; only the topic is needed. Conditions add up.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BrokerQuery {
    /// sizeof(broker_query_t).
    pub size: usize,
    /// The topic.
    pub topic: *const c_char,
    /// A key or a msg_id that they carry; or NULL.
    pub key: *const c_char,
    /// The first offset in a queue; -1: the oldest.
    pub start: i64,
    /// The offset behind the last one; -1: the newest.
    pub end: i64,
    /// Stored at this time or later, in milliseconds since 1970; -1: any time.
    pub start_ms: i64,
    /// Stored before this time; -1: any time.
    pub end_ms: i64,
    /// No more than this; 0: all.
    pub limit: usize,
    /// The queue, or BROKER_QUEUE_ANY for all of them.
    pub queue: i32,
    /// Must be 0.
    pub reserved: u32,
}

// SAFETY: no padding, and zero is a value of every field.
unsafe impl WithSize for BrokerQuery {
    const NAME: &'static str = "broker_query_t";
}

/// Reads a queue from `offset` on, whatever any group has consumed: max_messages at most, at least one. With nothing there, waits
/// timeout_ms for the first message; an empty list is a success. broker_messages_next_offset says where to read on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_pull(
    broker: *const BrokerHandle,
    topic: *const c_char,
    queue: u32,
    offset: i64,
    max_messages: usize,
    timeout_ms: u32,
    out: *mut *mut BrokerMessages,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL, or what the header says.
        unsafe {
            let embedded = borrow(broker)?;
            let topic = required(topic, "topic")?;
            check_out(out)?;
            let pulled = embedded.pull(&topic, queue, offset, max_messages, text::millis(timeout_ms))?;
            let (next_offset, min_offset) = (pulled.next_offset, pulled.min_offset);
            let list = BrokerMessages::of(pulled.messages);
            let list = BrokerMessages { next_offset, min_offset, max_offset: pulled.max_offset, ..list };
            out.write(Box::into_raw(Box::new(list)));
        }
        Ok(())
    })
}

/// Lists the messages of a topic that the query asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_messages(
    broker: *const BrokerHandle,
    query: *const BrokerQuery,
    out: *mut *mut BrokerMessages,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL, or what the header says.
        unsafe {
            let embedded = borrow(broker)?;
            check_out(out)?;
            let list = BrokerMessages::of(embedded.messages(&read(query)?)?);
            out.write(Box::into_raw(Box::new(list)));
        }
        Ok(())
    })
}

/// Looks a message up by its offset_msg_id; the list has that one. BROKER_STATUS_NOT_FOUND when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_message(
    broker: *const BrokerHandle,
    offset_msg_id: *const c_char,
    out: *mut *mut BrokerMessages,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL, or what the header says.
        unsafe {
            let embedded = borrow(broker)?;
            let id = required(offset_msg_id, "offset_msg_id")?;
            check_out(out)?;
            let list = BrokerMessages::of(vec![embedded.message(&id)?]);
            out.write(Box::into_raw(Box::new(list)));
        }
        Ok(())
    })
}

/// Number of messages in a list; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_messages_count(messages: *const BrokerMessages) -> usize {
    // SAFETY: NULL or a live list.
    unsafe { messages.as_ref() }.map_or(0, |list| list.messages.len())
}

/// The message at `index`, which begins at 0; NULL behind the last one and for a NULL list. It lives until the list is
/// released.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_messages_at(
    messages: *const BrokerMessages,
    index: usize,
) -> *const BrokerMessageView {
    // SAFETY: NULL or a live list.
    let list = unsafe { messages.as_ref() };
    list.and_then(|list| list.messages.get(index)).map_or(ptr::null(), Shown::view)
}

/// Where to read on after a broker_pull; -1 for other lists and NULL. When the list is empty, compare it with the offset
/// that was asked for: an offset outside the queue is moved.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_messages_next_offset(messages: *const BrokerMessages) -> i64 {
    // SAFETY: NULL or a live list.
    unsafe { messages.as_ref() }.map_or(-1, |list| list.next_offset)
}

/// The oldest offset of the queue at the time of a broker_pull; -1 for other lists and NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_messages_min_offset(messages: *const BrokerMessages) -> i64 {
    // SAFETY: NULL or a live list.
    unsafe { messages.as_ref() }.map_or(-1, |list| list.min_offset)
}

/// The offset behind the newest message at the time of a broker_pull; -1 for other lists and NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_messages_max_offset(messages: *const BrokerMessages) -> i64 {
    // SAFETY: NULL or a live list.
    unsafe { messages.as_ref() }.map_or(-1, |list| list.max_offset)
}

/// Releases a list and sets *messages to NULL. NULL is allowed for both.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_messages_free(messages: *mut *mut BrokerMessages) {
    // SAFETY: NULL, or where a list made by `Box::into_raw` is kept.
    to_status(|| unsafe { release(messages) });
}

/// The value of a property of a message; NULL when it has none of this name. It lives as long as the message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_message_property(
    message: *const BrokerMessageView,
    name: *const c_char,
) -> *const c_char {
    or_internal(
        || {
            // SAFETY: NULL, or a message and a C string.
            unsafe {
                let (Some(message), Some(name)) = (message.as_ref(), text::bytes(name)) else {
                    return ptr::null();
                };
                if message.property_count == 0 {
                    return ptr::null();
                }
                let all = std::slice::from_raw_parts(message.properties, message.property_count);
                let own = |pair: &&BrokerProperty| text::bytes(pair.key) == Some(name);
                all.iter().rev().find(own).map_or(ptr::null(), |pair| pair.value)
            }
        },
        ptr::null,
    )
}

unsafe fn read(query: *const BrokerQuery) -> Result<MessageQuery, libbroker::Error> {
    if query.is_null() {
        return Err(invalid("query is NULL"));
    }
    // SAFETY: not NULL; the rest is the caller's promise.
    let (known, topic, key) = unsafe {
        let known = sized::read(query)?;
        (known, required(known.topic, "topic")?, text::read(known.key, "key")?)
    };
    if known.reserved != 0 {
        return Err(invalid("reserved must be 0"));
    }
    let mut query = MessageQuery::new(topic);
    query.key = key;
    query.queue = match known.queue {
        BROKER_QUEUE_ANY => None,
        queue => Some(u32::try_from(queue).map_err(|_| invalid(format!("queue is {queue}")))?),
    };
    let given = |value: i64| (value >= 0).then_some(value);
    (query.start, query.end) = (given(known.start), given(known.end));
    (query.start_ms, query.end_ms) = (given(known.start_ms), given(known.end_ms));
    query.limit = (known.limit != 0).then_some(known.limit);
    Ok(query)
}

/// Refuses to work for nothing.
pub fn check_out<T>(out: *mut T) -> Result<(), libbroker::Error> {
    if out.is_null() { Err(invalid("out is NULL")) } else { Ok(()) }
}

/// Drops what `kept` leads to, and leaves NULL there.
///
/// # Safety
/// `kept` is NULL or has NULL or what `Box::into_raw` made.
pub unsafe fn release<T>(kept: *mut *mut T) -> Result<(), libbroker::Error> {
    if !kept.is_null() {
        // SAFETY: not NULL.
        let value = unsafe { kept.replace(ptr::null_mut()) };
        if !value.is_null() {
            // SAFETY: the caller's promise; given up by the line above.
            drop(unsafe { Box::from_raw(value) });
        }
    }
    Ok(())
}
