//! Half messages: RMQ_SYS_TRANS_HALF_TOPIC, queue 0. A half message is an ordinary record; its properties say where it is meant to go.

use std::sync::Arc;

use crate::broker::refusal::Refusal;
use crate::format::names::{self, property};
use crate::format::record::decode::RecordView;
use crate::format::record::ids::parse_offset_message_id;
use crate::format::record::properties::{self, get_many};
use crate::format::wire::codes::ResponseCode;
use crate::store::{MessageStore, PutMessage, PutOutcome};

/// The queue that half messages are put into.
pub const QUEUE_ID: i32 = 0;

/// Whether the value of TRAN_MSG makes a half message.
pub fn is_wanted(tran_msg: Option<&[u8]>) -> bool {
    tran_msg.is_some_and(|value| value.eq_ignore_ascii_case(b"true"))
}

/// Appends to `out` the properties `text` of a message that becomes a half message: without `drop`, with `more`, and with where it
/// is meant to go.
pub fn rewrite(
    text: &[u8],
    out: &mut Vec<u8>,
    (topic, queue_id): (&str, i32),
    drop: &[&[u8]],
    (name, value): (&[u8], &[u8]),
) {
    let mut queue = itoa::Buffer::new();
    let set = [
        (name, value),
        (property::REAL_TOPIC, topic.as_bytes()),
        (property::REAL_QID, queue.format(queue_id).as_bytes()),
    ];
    properties::rewrite(text, out, drop, &set);
}

/// Where a half message is meant to go. `None` when it does not say so, or names what nobody may send to: such a record was not
/// made by a send, but by code 323.
pub fn destination<'a>(record: &RecordView<'a>) -> Option<(&'a str, i32)> {
    let [topic, queue_id] = get_many(record.properties(), [property::REAL_TOPIC, property::REAL_QID]);
    let topic = std::str::from_utf8(topic?).ok()?;
    let queue_id: i32 = std::str::from_utf8(queue_id?).ok()?.parse().ok()?;
    let is_legal = names::check_topic(topic).is_ok() && !names::is_forbidden_for_sending(topic);
    (is_legal && queue_id >= 0).then_some((topic, queue_id))
}

/// Has half messages that were given up checked again.
#[derive(Debug)]
pub struct HalfResume {
    store: Arc<MessageStore>,
}

impl HalfResume {
    /// Reads from `store` and puts into it.
    pub fn new(store: Arc<MessageStore>) -> Self {
        Self { store }
    }

    /// Puts the message with this offset id into the half topic as one that was never asked about (code 323). Like the reference
    /// it takes any message; one that says not where it goes is given up after the usual number of checks.
    ///
    /// The reference does not wait for the disk; this does, since the administrator takes the answer for done.
    #[doc(alias = "resumeCheckHalfMessage")]
    pub fn resume(&self, message_id: &str) -> Result<PutOutcome, Refusal> {
        let failed = || {
            let text = "Exception was thrown when putting message back to RMQ_SYS_TRANS_HALF_TOPIC.";
            Refusal::new(ResponseCode::SystemError, text)
        };
        let place = parse_offset_message_id(message_id).ok_or_else(failed)?;
        let bytes = self.store.record_at(place.physical_offset).ok_or_else(failed)?;
        let record = RecordView::parse(&bytes).map_err(|_| failed())?;
        let mut text = Vec::new();
        let never_asked: [(&[u8], &[u8]); 1] = [(property::TRANSACTION_CHECK_TIMES, b"0")];
        properties::rewrite(record.properties(), &mut text, &[], &never_asked);
        let half = PutMessage::moved(&record, names::TRANS_HALF_TOPIC, QUEUE_ID);
        Ok(self.store.put(&PutMessage { properties: &text, wait_store_ok: true, ..half }))
    }
}
