use std::ffi::c_char;

use libbroker::embed::Embedded;
use libbroker::{Error, ErrorKind};
use serde::Serialize;

use crate::broker::{BrokerHandle, borrow};
use crate::messages::check_out;
use crate::panic::to_status;
use crate::status::BrokerStatus;
use crate::text::{give, required};

/// Writes to *out the topics as JSON, to be released with broker_text_free: an array of {"name", "queues", "read_queues",
/// "perm", "system", "message_count", "offsets": [{"queue_id", "min_offset", "max_offset", "last_store_timestamp_ms"}]}.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_topics_json(
    broker: *const BrokerHandle,
    out: *mut *mut c_char,
) -> BrokerStatus {
    // SAFETY: as the header says.
    unsafe { show(broker, out, Embedded::topics) }
}

/// Writes to *out the consumer groups as JSON, as broker_topics_json does: an array of {"name", "lag", "retry_max_times",
/// "consume_enable", "members": [{"client_id", "address", "language", "version"}], "subscriptions": [{"topic",
/// "expression", "expression_type"}]}.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_groups_json(
    broker: *const BrokerHandle,
    out: *mut *mut c_char,
) -> BrokerStatus {
    // SAFETY: as the header says.
    unsafe { show(broker, out, Embedded::groups) }
}

/// Writes to *out the connected clients as JSON, as broker_topics_json does: an array of {"address", "client_id", "language",
/// "version", "producer_groups": [], "consumer_groups": []}.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_connections_json(
    broker: *const BrokerHandle,
    out: *mut *mut c_char,
) -> BrokerStatus {
    // SAFETY: as the header says.
    unsafe { show(broker, out, Embedded::connections) }
}

/// Writes to *out how far a group is as JSON, as broker_topics_json does: an array of {"topic", "queue_id", "offset",
/// "min_offset", "max_offset", "lag"}.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_offsets_json(
    broker: *const BrokerHandle,
    group: *const c_char,
    out: *mut *mut c_char,
) -> BrokerStatus {
    // SAFETY: as the header says.
    unsafe { show(broker, out, |embedded| embedded.offsets(&required(group, "group")?)) }
}

/// Writes to *out every Java property with its value as JSON, as broker_topics_json does: an object of texts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_config_json(
    broker: *const BrokerHandle,
    out: *mut *mut c_char,
) -> BrokerStatus {
    // SAFETY: as the header says.
    unsafe { show(broker, out, Embedded::config) }
}

/// Writes to *out what the broker counts as JSON, as broker_topics_json does: an object of numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_counters_json(
    broker: *const BrokerHandle,
    out: *mut *mut c_char,
) -> BrokerStatus {
    // SAFETY: as the header says.
    unsafe { show(broker, out, Embedded::counters) }
}

/// Writes to *out the state of broker and store as JSON, as broker_topics_json does: an object of texts under the keys of
/// Java's runtime info.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_store_json(
    broker: *const BrokerHandle,
    out: *mut *mut c_char,
) -> BrokerStatus {
    // SAFETY: as the header says.
    unsafe { show(broker, out, Embedded::store_state) }
}

unsafe fn show<T: Serialize>(
    broker: *const BrokerHandle,
    out: *mut *mut c_char,
    ask: impl FnOnce(&Embedded) -> Result<T, Error>,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL or a live handle.
        let embedded = unsafe { borrow(broker)? };
        check_out(out)?;
        let text = serde_json::to_string(&ask(embedded)?);
        let text = text.map_err(|cause| Error::new(ErrorKind::Internal, cause.to_string()))?;
        // SAFETY: not NULL.
        unsafe { give(&text, out) };
        Ok(())
    })
}
