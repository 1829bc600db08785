use std::ffi::{CString, c_char, c_void};
use std::mem;
use std::sync::Arc;

use libbroker::Error;
use libbroker::embed::{Level, LogRecord, LogSink};

use crate::text::{invalid, lossy};

/// Something failed that should not.
pub const BROKER_LOG_ERROR: u32 = 1;

/// Something is not as it should be, and is dealt with.
pub const BROKER_LOG_WARN: u32 = 2;

/// What an operator may want to know.
pub const BROKER_LOG_INFO: u32 = 3;

/// What a developer may want to know.
pub const BROKER_LOG_DEBUG: u32 = 4;

/// Everything.
pub const BROKER_LOG_TRACE: u32 = 5;

/// One line of the log. Its texts live until the function returns.
#[repr(C)]
pub struct BrokerLogRecord {
    /// Size of the structure as this library knows it.
    pub size: usize,
    /// The part that speaks, such as "broker::store".
    pub target: *const c_char,
    /// What it says, with its fields: "poisoned reason=...".
    pub message: *const c_char,
    /// Wall time of the machine in milliseconds since 1970, also with BROKER_CLOCK_MANUAL.
    pub timestamp_ms: i64,
    /// BROKER_LOG_ERROR to BROKER_LOG_TRACE.
    pub level: u32,
    /// 0.
    pub reserved: u32,
}

/// Gets the log of one broker. Called on whichever thread has something to say, by several at once, until broker_stop
/// or broker_free returns. It must return soon. Of this library it may call broker_address, broker_namesrv_address,
/// broker_store_dir and broker_health, and nothing else; broker_stop is refused.
pub type BrokerLog = Option<unsafe extern "C" fn(context: *mut c_void, record: *const BrokerLogRecord)>;

/// The function and what it is called with.
struct Callback {
    log: unsafe extern "C" fn(*mut c_void, *const BrokerLogRecord),
    context: *mut c_void,
}

// SAFETY: broker.h says that the function is called from any thread with the context as it was given.
unsafe impl Send for Callback {}
// SAFETY: and by several at once.
unsafe impl Sync for Callback {}

impl Callback {
    fn call(&self, record: &LogRecord<'_>) {
        let (target, message): (CString, CString) = (lossy(record.target), lossy(record.message));
        let record = BrokerLogRecord {
            size: mem::size_of::<BrokerLogRecord>(),
            target: target.as_ptr(),
            message: message.as_ptr(),
            timestamp_ms: record.timestamp_ms,
            level: record.level as u32,
            reserved: 0,
        };
        // SAFETY: the function is the caller's; the record and its texts live until it returns.
        unsafe { (self.log)(self.context, &raw const record) };
    }
}

/// The sink of the options; level 0 is BROKER_LOG_INFO.
pub fn sink(log: BrokerLog, context: *mut c_void, level: u32) -> Result<Option<LogSink>, Error> {
    let level = match level {
        0 | BROKER_LOG_INFO => Level::Info,
        BROKER_LOG_ERROR => Level::Error,
        BROKER_LOG_WARN => Level::Warn,
        BROKER_LOG_DEBUG => Level::Debug,
        BROKER_LOG_TRACE => Level::Trace,
        other => return Err(invalid(format!("log_level {other} is none of BROKER_LOG_…"))),
    };
    Ok(log.map(|log| {
        let callback = Callback { log, context };
        LogSink::new(level, Arc::new(move |record: &LogRecord<'_>| callback.call(record)))
    }))
}
