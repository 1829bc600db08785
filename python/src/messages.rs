//! Messages between Python's values and those of the broker.

use libbroker::embed::{Message, MessageQuery, NewMessage, ResetTo, SendResult};
use libbroker::error::Result;
use libbroker::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::handle::narrow;

/// Topic, body, tags, keys, properties, delay level, queue.
pub type Given =
    (String, PyBackedBytes, Option<String>, Vec<String>, Vec<(String, String)>, i64, Option<i64>);

/// Message id, offset message id, queue, offset, status.
pub type Sent = (String, String, i32, i64, &'static str);

/// A message to send. Its body is not copied: the broker reads that of Python, which nobody can change.
pub fn given((topic, body, tags, keys, properties, delay_level, queue): Given) -> Result<NewMessage> {
    let mut message = NewMessage::new(topic, bytes::Bytes::from_owner(body));
    message.tags = tags;
    message.keys = keys;
    message.properties = properties;
    message.delay_level = narrow("delay_level", delay_level)?;
    message.queue = queue.map(|queue| narrow("queue", queue)).transpose()?;
    Ok(message)
}

/// What a send answers.
pub fn sent(result: SendResult) -> Sent {
    (result.msg_id, result.offset_msg_id, result.queue_id, result.queue_offset, result.status.name())
}

/// The fields of the Python class `Message`.
pub fn fields<'py>(py: Python<'py>, message: &Message) -> PyResult<Bound<'py, PyDict>> {
    let properties = PyDict::new(py);
    for (name, value) in &message.properties {
        properties.set_item(name, value)?;
    }
    let fields = PyDict::new(py);
    fields.set_item("topic", &message.topic)?;
    fields.set_item("body", PyBytes::new(py, &message.body))?;
    fields.set_item("tags", &message.tags)?;
    fields.set_item("keys", PyTuple::new(py, &message.keys)?)?;
    fields.set_item("properties", properties)?;
    fields.set_item("queue_id", message.queue_id)?;
    fields.set_item("queue_offset", message.queue_offset)?;
    fields.set_item("msg_id", &message.msg_id)?;
    fields.set_item("offset_msg_id", &message.offset_msg_id)?;
    fields.set_item("born_timestamp_ms", message.born_timestamp_ms)?;
    fields.set_item("store_timestamp_ms", message.store_timestamp_ms)?;
    fields.set_item("reconsume_times", message.reconsume_times)?;
    fields.set_item("born_host", message.born_host.to_string())?;
    Ok(fields)
}

/// The same for several.
pub fn fields_of_all<'py>(py: Python<'py>, messages: &[Message]) -> PyResult<Vec<Bound<'py, PyDict>>> {
    messages.iter().map(|message| fields(py, message)).collect()
}

/// What is looked for: `offsets` and `times_ms` are a first one, and one behind the last.
pub fn query(
    topic: &str,
    queue: Option<i64>,
    offsets: (Option<i64>, Option<i64>),
    times_ms: (Option<i64>, Option<i64>),
    key: Option<String>,
    limit: Option<i64>,
) -> Result<MessageQuery> {
    let mut query = MessageQuery::new(topic);
    query.queue = queue.map(|queue| narrow("queue", queue)).transpose()?;
    (query.start, query.end) = offsets;
    (query.start_ms, query.end_ms) = times_ms;
    query.key = key;
    query.limit = limit.map(|limit| narrow("limit", limit)).transpose()?;
    Ok(query)
}

/// Where a group is to go on.
pub fn reset_to(to: &str, value: i64) -> Result<ResetTo> {
    match to {
        "first" => Ok(ResetTo::First),
        "last" => Ok(ResetTo::Last),
        "offset" => Ok(ResetTo::Offset(value)),
        "timestamp" => Ok(ResetTo::TimestampMs(value)),
        _ => {
            let text = format!("to is {to:?}, not \"first\", \"last\", an offset or a datetime");
            Err(Error::new(ErrorKind::InvalidArgument, text))
        }
    }
}
