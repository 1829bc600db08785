use std::ffi::c_char;
use std::time::Duration;

use libbroker::embed::{self, Embedded};
use libbroker::{Error, ErrorKind};

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
    to_status(|| unsafe { borrow(broker) }?.embedded.stop(Duration::from_millis(u64::from(timeout_ms))))
}

/// Stops it if need be, with 3 s for requests under way, releases it and sets *broker to NULL. NULL is allowed for both.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_free(broker: *mut *mut BrokerHandle) {
    to_status(|| {
        if !broker.is_null() {
            // SAFETY: not NULL.
            let handle = unsafe { broker.replace(std::ptr::null_mut()) };
            if !handle.is_null() {
                // SAFETY: made by `Box::into_raw` in `broker_start`, and given up by the line above.
                drop(unsafe { Box::from_raw(handle) });
            }
        }
        Ok(())
    });
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
        let address = unsafe { borrow(broker) }?.embedded.address();
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
        let address = unsafe { borrow(broker) }?.embedded.namesrv_address();
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
        let path = unsafe { borrow(broker) }?.embedded.store_dir();
        let text = path.to_str().ok_or_else(|| absent("the path is not UTF-8"))?;
        // SAFETY: as the header says.
        unsafe { text::write(text, buffer, length, needed) }
    })
}

fn absent(text: &str) -> Error {
    Error::new(ErrorKind::NotFound, text)
}

unsafe fn borrow<'a>(broker: *const BrokerHandle) -> Result<&'a BrokerHandle, Error> {
    // SAFETY: NULL or a live handle, by the promise of every caller.
    unsafe { broker.as_ref() }.ok_or_else(|| invalid("broker is NULL"))
}
