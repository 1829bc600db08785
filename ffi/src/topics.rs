use std::ffi::c_char;

use crate::broker::{BrokerHandle, borrow};
use crate::panic::to_status;
use crate::status::BrokerStatus;
use crate::text::required;

/// Creates a topic, or gives it another number of queues. Its route is served when this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_create_topic(
    broker: *const BrokerHandle,
    topic: *const c_char,
    queues: u32,
) -> BrokerStatus {
    // SAFETY: NULL, or a live handle and a C string.
    to_status(|| unsafe { borrow(broker)?.create_topic(&required(topic, "topic")?, queues) })
}

/// Deletes a topic with its messages and the offsets that groups have of it. BROKER_STATUS_NOT_FOUND when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_delete_topic(
    broker: *const BrokerHandle,
    topic: *const c_char,
) -> BrokerStatus {
    // SAFETY: NULL, or a live handle and a C string.
    to_status(|| unsafe { borrow(broker)?.delete_topic(&required(topic, "topic")?) })
}

/// Creates a consumer group with the usual settings; one that is there stays as it is. The first member of a group
/// creates it as well.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_create_group(
    broker: *const BrokerHandle,
    group: *const c_char,
) -> BrokerStatus {
    // SAFETY: NULL, or a live handle and a C string.
    to_status(|| unsafe { borrow(broker)?.create_group(&required(group, "group")?) })
}

/// Deletes a consumer group with its offsets. BROKER_STATUS_NOT_FOUND when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_delete_group(
    broker: *const BrokerHandle,
    group: *const c_char,
) -> BrokerStatus {
    // SAFETY: NULL, or a live handle and a C string.
    to_status(|| unsafe { borrow(broker)?.delete_group(&required(group, "group")?) })
}
