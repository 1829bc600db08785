use std::ffi::c_char;

use libbroker::embed::{self, Embedded, Health};
use libbroker::{Error, ErrorKind};

use crate::messages::release;
use crate::options::{self, BrokerOptions};
use crate::panic::to_status;
use crate::status::BrokerStatus;
use crate::text::{self, invalid};

/// A started broker, or NameServer, or both. It stays valid after the stop, until broker_free.
pub struct BrokerHandle {
    embedded: Embedded,
}

/// Starts what the options say and returns when it can be used: the ports are open, the store is recovered.
/// options may be NULL for the defaults: a broker and a NameServer on free ports of 127.0.0.1 with a store of their own.
/// On success *out is the handle, to be given to broker_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_start(
    options: *const BrokerOptions,
    out: *mut *mut BrokerHandle,
) -> BrokerStatus {
    to_status(|| {
        if out.is_null() {
            return Err(invalid("out is NULL"));
        }
        // SAFETY: NULL or options as broker.h describes them.
        let options = unsafe { options::read(options)? };
        let handle = Box::new(BrokerHandle { embedded: embed::start(options)? });
        // SAFETY: not NULL.
        unsafe { out.write(Box::into_raw(handle)) };
        Ok(())
    })
}

/// Stops it and returns when nothing of it runs: no more requests are taken, those under way have timeout_ms to be
/// answered, the store is synced, threads are joined. Stopping twice is harmless. A status other than BROKER_STATUS_OK
/// says that the store could not be closed cleanly; it has stopped all the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_stop(broker: *mut BrokerHandle, timeout_ms: u32) -> BrokerStatus {
    // SAFETY: NULL or a live handle.
    to_status(|| unsafe { borrow(broker) }?.stop(text::millis(timeout_ms)))
}

/// Stops it if need be, with 3 s for requests under way, releases it and sets *broker to NULL. NULL is allowed for both.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_free(broker: *mut *mut BrokerHandle) {
    // SAFETY: NULL, or where a handle made by `Box::into_raw` is kept.
    to_status(|| unsafe { release(broker) });
}

/// Writes the broker's address "host:port" to buffer. *needed, unless NULL, becomes the bytes needed with the NUL,
/// also when the buffer is too small (BROKER_STATUS_INVALID_ARGUMENT). With a NULL buffer of length 0 it only asks.
/// BROKER_STATUS_NOT_FOUND when no broker was started, only a NameServer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_address(
    broker: *const BrokerHandle,
    buffer: *mut c_char,
    length: usize,
    needed: *mut usize,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL or a live handle.
        let address = unsafe { borrow(broker) }?.address();
        let text = address.ok_or_else(|| absent("a NameServer alone was started"))?.to_string();
        // SAFETY: as the header says.
        unsafe { text::write(&text, buffer, length, needed) }
    })
}

/// Writes the address of the NameServer that was started here, as broker_address does.
/// BROKER_STATUS_NOT_FOUND when options.namesrv said that it is elsewhere.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_namesrv_address(
    broker: *const BrokerHandle,
    buffer: *mut c_char,
    length: usize,
    needed: *mut usize,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL or a live handle.
        let address = unsafe { borrow(broker) }?.namesrv_address();
        let text = address.ok_or_else(|| absent("the NameServer is elsewhere"))?.to_string();
        // SAFETY: as the header says.
        unsafe { text::write(&text, buffer, length, needed) }
    })
}

/// Writes the directory of the store, as broker_address does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_store_dir(
    broker: *const BrokerHandle,
    buffer: *mut c_char,
    length: usize,
    needed: *mut usize,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL or a live handle.
        let path = unsafe { borrow(broker) }?.store_dir();
        let text = path.to_str().ok_or_else(|| absent("the path is not UTF-8"))?;
        // SAFETY: as the header says.
        unsafe { text::write(text, buffer, length, needed) }
    })
}

/// Everything works.
pub const BROKER_HEALTH_OK: u32 = 0;

/// It answers, but not everything works.
pub const BROKER_HEALTH_DEGRADED: u32 = 1;

/// It was stopped.
pub const BROKER_HEALTH_STOPPED: u32 = 2;

/// Writes one of BROKER_HEALTH_ to *health, and to buffer what is wrong, "" when nothing is, as broker_address does.
/// *health is written also when the buffer is too small. A NULL buffer of length 0 leaves the text out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_health(
    broker: *const BrokerHandle,
    health: *mut u32,
    buffer: *mut c_char,
    length: usize,
    needed: *mut usize,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL or a live handle.
        let found = unsafe { borrow(broker) }?.health();
        if health.is_null() {
            return Err(invalid("health is NULL"));
        }
        let (number, text) = match found {
            Health::Ok => (BROKER_HEALTH_OK, String::new()),
            Health::Stopped => (BROKER_HEALTH_STOPPED, "it was stopped".to_owned()),
            Health::Degraded(text) => (BROKER_HEALTH_DEGRADED, text),
            other => (BROKER_HEALTH_DEGRADED, format!("{other:?}")),
        };
        // SAFETY: not NULL.
        unsafe { health.write(number) };
        if buffer.is_null() && length == 0 && needed.is_null() {
            return Ok(());
        }
        // SAFETY: as the header says.
        unsafe { text::write(&text, buffer, length, needed) }
    })
}

fn absent(text: &str) -> Error {
    Error::new(ErrorKind::NotFound, text)
}

/// What the handle stands for.
///
/// # Safety
/// `broker` is NULL or a live handle.
pub unsafe fn borrow<'a>(broker: *const BrokerHandle) -> Result<&'a Embedded, Error> {
    // SAFETY: the caller's promise.
    let handle = unsafe { broker.as_ref() }.ok_or_else(|| invalid("broker is NULL"))?;
    Ok(&handle.embedded)
}
