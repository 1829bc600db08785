use std::ffi::c_char;
use std::path::Path;
use std::time::Duration;

use libbroker::Error;
use libbroker::embed::{Fault, FaultAction, request_code};

use crate::broker::{BrokerHandle, borrow};
use crate::messages::check_out;
use crate::options::{self, BrokerProperty};
use crate::panic::to_status;
use crate::sized::{self, WithSize};
use crate::status::BrokerStatus;
use crate::text::{self, invalid, required};

/// The request is answered with code and remark, and not carried out.
pub const BROKER_FAULT_ERROR: u32 = 0;

/// The request is carried out delay_ms later.
pub const BROKER_FAULT_DELAY: u32 = 1;

/// The request gets no answer, and is not carried out.
pub const BROKER_FAULT_DROP: u32 = 2;

/// The connection ends, and the request is not carried out.
pub const BROKER_FAULT_DISCONNECT: u32 = 3;

/// What clients shall suffer next. Begin with BROKER_FAULT_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BrokerFault {
    /// sizeof(broker_fault_t).
    pub size: usize,
    /// Which requests: a name such as "SEND_MESSAGE", which stands for its other forms too, or a number such as "310".
    /// NULL: all.
    pub request: *const c_char,
    /// Only requests with these header fields, such as "topic"; field_count of them.
    pub fields: *const BrokerProperty,
    /// Number of fields.
    pub field_count: usize,
    /// For BROKER_FAULT_ERROR: the text of the answer. NULL: "".
    pub remark: *const c_char,
    /// How many requests it hits.
    pub times: u32,
    /// BROKER_FAULT_ERROR, _DELAY, _DROP or _DISCONNECT.
    pub action: u32,
    /// For BROKER_FAULT_ERROR: the code of the answer, such as 1 for SYSTEM_ERROR or 2 for SYSTEM_BUSY.
    pub code: i32,
    /// For BROKER_FAULT_DELAY: how long, in milliseconds.
    pub delay_ms: u32,
}

// SAFETY: no padding, and zero is a value of every field.
unsafe impl WithSize for BrokerFault {
    const NAME: &'static str = "broker_fault_t";
}

/// Waits until a topic, which need not exist yet, holds at least `count` messages. *held, unless NULL, becomes their
/// number. BROKER_STATUS_TIMEOUT after timeout_ms of real time; broker_last_error then says how many there were.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_wait_for(
    broker: *const BrokerHandle,
    topic: *const c_char,
    count: u64,
    timeout_ms: u32,
    held: *mut u64,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL, or what the header says.
        unsafe {
            let found =
                borrow(broker)?.wait_for(&required(topic, "topic")?, count, text::millis(timeout_ms))?;
            if !held.is_null() {
                held.write(found);
            }
        }
        Ok(())
    })
}

/// Writes to *count how many messages a topic holds; 0 for one that does not exist.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_message_count(
    broker: *const BrokerHandle,
    topic: *const c_char,
    count: *mut u64,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL, or what the header says.
        unsafe {
            let embedded = borrow(broker)?;
            let topic = required(topic, "topic")?;
            check_out(count)?;
            count.write(embedded.message_count(&topic)?);
        }
        Ok(())
    })
}

/// Writes to *now_ms the time that the broker goes by, in milliseconds since 1970.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_now_ms(broker: *const BrokerHandle, now_ms: *mut i64) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL, or what the header says.
        unsafe {
            let embedded = borrow(broker)?;
            check_out(now_ms)?;
            now_ms.write(embedded.now_ms());
        }
        Ok(())
    })
}

/// Moves a BROKER_CLOCK_MANUAL forward: what is delayed comes, transactions are checked, long polls end.
/// BROKER_STATUS_INVALID_ARGUMENT with the clock of the machine, and for more than 100 years.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_advance(broker: *const BrokerHandle, by_ms: u64) -> BrokerStatus {
    // SAFETY: NULL or a live handle.
    to_status(|| unsafe { borrow(broker) }?.advance(Duration::from_millis(by_ms)))
}

/// Lets requests of clients fail, or take long. Calls of this library are not affected. Several faults are tried in the
/// order they were given.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_fail_next(
    broker: *const BrokerHandle,
    fault: *const BrokerFault,
) -> BrokerStatus {
    // SAFETY: NULL, or what the header says.
    to_status(|| unsafe { borrow(broker)?.fail_next(read(fault)?) })
}

/// Forgets what broker_fail_next has still in store.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_clear_faults(broker: *const BrokerHandle) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL or a live handle.
        unsafe { borrow(broker) }?.clear_faults();
        Ok(())
    })
}

/// Copies the store to `dir`, which must be empty or missing, while the broker goes on. Everything stored before the call is
/// in it. options.snapshot_dir starts from it. On failure `dir` is left empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_snapshot(broker: *const BrokerHandle, dir: *const c_char) -> BrokerStatus {
    // SAFETY: NULL, or a live handle and a C string.
    to_status(|| unsafe { borrow(broker)?.snapshot(Path::new(&required(dir, "dir")?)) })
}

/// Deletes what tests leave behind: topics and groups that are not the broker's own, messages, offsets, what waits, faults.
/// Connections stay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_clear(broker: *const BrokerHandle) -> BrokerStatus {
    // SAFETY: NULL or a live handle.
    to_status(|| unsafe { borrow(broker) }?.clear())
}

unsafe fn read(fault: *const BrokerFault) -> Result<Fault, Error> {
    if fault.is_null() {
        return Err(invalid("fault is NULL"));
    }
    // SAFETY: not NULL; the rest is the caller's promise.
    let (known, request, fields, remark) = unsafe {
        let known = sized::read(fault)?;
        let request = text::read(known.request, "request")?;
        let fields = options::properties(known.fields, known.field_count)?;
        (known, request, fields, text::read(known.remark, "remark")?)
    };
    let action = match known.action {
        BROKER_FAULT_ERROR => FaultAction::Error { code: known.code, remark: remark.unwrap_or_default() },
        BROKER_FAULT_DELAY => FaultAction::Delay(text::millis(known.delay_ms)),
        BROKER_FAULT_DROP => FaultAction::Drop,
        BROKER_FAULT_DISCONNECT => FaultAction::Disconnect,
        other => return Err(invalid(format!("action {other} is none of BROKER_FAULT_…"))),
    };
    let mut fault = Fault::next(action);
    fault.code = request.as_deref().map(request_code).transpose()?;
    fault.fields = fields;
    fault.times = known.times;
    Ok(fault)
}
