use std::ffi::c_char;

use libbroker::embed::ResetTo;

use crate::broker::{BrokerHandle, borrow};
use crate::messages::check_out;
use crate::panic::to_status;
use crate::status::BrokerStatus;
use crate::text::{invalid, required};

/// For broker_reset_offset: at the oldest message. value must be 0.
pub const BROKER_RESET_FIRST: u32 = 0;

/// For broker_reset_offset: behind the newest message. value must be 0.
pub const BROKER_RESET_LAST: u32 = 1;

/// For broker_reset_offset: at the offset `value` of every queue, or the nearest there is.
pub const BROKER_RESET_OFFSET: u32 = 2;

/// For broker_reset_offset: at the first message stored at `value` or later, in milliseconds since 1970.
pub const BROKER_RESET_TIMESTAMP: u32 = 3;

/// Writes to *lag how many messages a group has yet to consume, over all its topics.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_lag(
    broker: *const BrokerHandle,
    group: *const c_char,
    lag: *mut i64,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL, or what the header says.
        unsafe {
            let embedded = borrow(broker)?;
            let group = required(group, "group")?;
            check_out(lag)?;
            lag.write(embedded.lag(&group)?);
        }
        Ok(())
    })
}

/// Sets where a group goes on in one queue. Members in this process follow at once, others when they begin anew.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_set_offset(
    broker: *const BrokerHandle,
    group: *const c_char,
    topic: *const c_char,
    queue: u32,
    offset: i64,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL, or what the header says.
        unsafe {
            let embedded = borrow(broker)?;
            embedded.set_offset(&required(group, "group")?, &required(topic, "topic")?, queue, offset)
        }
    })
}

/// Sets where a group goes on in every queue of a topic, and tells its connected members. `to` is one of BROKER_RESET_.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_reset_offset(
    broker: *const BrokerHandle,
    group: *const c_char,
    topic: *const c_char,
    to: u32,
    value: i64,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL, or what the header says.
        unsafe {
            let embedded = borrow(broker)?;
            let (group, topic) = (required(group, "group")?, required(topic, "topic")?);
            let to = match (to, value) {
                (BROKER_RESET_FIRST, 0) => ResetTo::First,
                (BROKER_RESET_LAST, 0) => ResetTo::Last,
                (BROKER_RESET_OFFSET, offset) => ResetTo::Offset(offset),
                (BROKER_RESET_TIMESTAMP, timestamp_ms) => ResetTo::TimestampMs(timestamp_ms),
                (BROKER_RESET_FIRST | BROKER_RESET_LAST, value) => {
                    return Err(invalid(format!("value is {value}; it must be 0 here")));
                }
                (other, _) => return Err(invalid(format!("to is {other}, which is none of BROKER_RESET_…"))),
            };
            embedded.reset_offset(&group, &topic, to)
        }
    })
}
