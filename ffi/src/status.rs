use std::cell::RefCell;
use std::ffi::{CString, c_char};

use libbroker::{Error, ErrorKind};

use crate::panic::or_internal;
use crate::text::lossy;

/// What a call came to. The numbers never change; later versions may add some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum BrokerStatus {
    /// Done.
    Ok = 0,
    /// An option or property is unknown, malformed or out of bounds.
    Config = 1,
    /// A port is taken, or the address is not one of this machine.
    PortInUse = 2,
    /// Another broker, of this or another process, holds the store directory.
    StoreLocked = 3,
    /// The files of the store contradict each other; nothing was changed.
    StoreCorrupt = 4,
    /// The file system has no room.
    DiskFull = 5,
    /// Another failure of the operating system.
    Io = 6,
    /// An argument is not acceptable.
    InvalidArgument = 7,
    /// What was asked for does not exist.
    NotFound = 8,
    /// The broker is stopped or stopping.
    Stopped = 9,
    /// The call did not finish in its time.
    Timeout = 10,
    /// A defect of this library. Please report it.
    Internal = 11,
    /// A rule of the broker forbids it: a permission, a switch, a limit.
    Refused = 12,
    /// A forked child cannot use a broker of its parent, nor start one if one ran at the fork.
    Forked = 13,
}

impl BrokerStatus {
    pub(crate) fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Config => Self::Config,
            ErrorKind::PortInUse => Self::PortInUse,
            ErrorKind::StoreLocked => Self::StoreLocked,
            ErrorKind::StoreCorrupt => Self::StoreCorrupt,
            ErrorKind::DiskFull => Self::DiskFull,
            ErrorKind::Io => Self::Io,
            ErrorKind::InvalidArgument => Self::InvalidArgument,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Stopped => Self::Stopped,
            ErrorKind::Timeout => Self::Timeout,
            ErrorKind::Refused => Self::Refused,
            ErrorKind::Forked => Self::Forked,
            // Internal, and what this version does not know yet.
            _ => Self::Internal,
        }
    }
}

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// Keeps the text of `error` for this thread and answers its status.
pub(crate) fn failed(error: &Error) -> BrokerStatus {
    // A thread that ends has no last error any more, but may still call.
    let _ = LAST_ERROR.try_with(|last| *last.borrow_mut() = lossy(&error.to_string()));
    BrokerStatus::of(error.kind())
}

/// The text of the last failure on this thread, "" when there was none. It lives until the next failure on this
/// thread. Success does not change it.
#[unsafe(no_mangle)]
pub extern "C" fn broker_last_error() -> *const c_char {
    let text = || LAST_ERROR.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr());
    or_internal(text, || c"".as_ptr())
}

/// The name of a status, such as "PORT_IN_USE"; "UNKNOWN" for a number that is none. It lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn broker_status_name(status: i32) -> *const c_char {
    let name = match status {
        0 => c"OK",
        1 => c"CONFIG",
        2 => c"PORT_IN_USE",
        3 => c"STORE_LOCKED",
        4 => c"STORE_CORRUPT",
        5 => c"DISK_FULL",
        6 => c"IO",
        7 => c"INVALID_ARGUMENT",
        8 => c"NOT_FOUND",
        9 => c"STOPPED",
        10 => c"TIMEOUT",
        11 => c"INTERNAL",
        12 => c"REFUSED",
        13 => c"FORKED",
        _ => c"UNKNOWN",
    };
    name.as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    fn name(status: i32) -> &'static str {
        // SAFETY: every answer is a literal.
        unsafe { CStr::from_ptr(broker_status_name(status)) }.to_str().unwrap()
    }

    #[test]
    fn every_kind_has_its_number_and_name() {
        for kind in ErrorKind::ALL {
            assert_eq!(BrokerStatus::of(kind) as i32, kind.code());
            assert_eq!(name(kind.code()), kind.name());
        }
        assert_eq!(name(0), "OK");
        assert_eq!(name(-1), "UNKNOWN");
    }

    #[test]
    fn the_last_error_belongs_to_its_thread() {
        let text = |pointer| {
            // SAFETY: the text lives until the next failure on this thread.
            unsafe { CStr::from_ptr(pointer) }.to_str().unwrap().to_owned()
        };
        assert_eq!(failed(&Error::new(ErrorKind::Io, "no \0 luck")), BrokerStatus::Io);
        assert_eq!(text(broker_last_error()), "no   luck");
        let other = std::thread::spawn(move || text(broker_last_error()));
        assert_eq!(other.join().unwrap(), "");
    }

    struct CallsAtTheEnd;

    impl Drop for CallsAtTheEnd {
        fn drop(&mut self) {
            assert_eq!(failed(&Error::new(ErrorKind::Io, "late")), BrokerStatus::Io);
            assert!(!broker_last_error().is_null());
        }
    }

    #[test]
    fn a_thread_that_ends_may_still_call() {
        thread_local!(static LATE: CallsAtTheEnd = const { CallsAtTheEnd });
        let ends = std::thread::spawn(|| {
            // Ends after the text of the last error, which is made later.
            LATE.with(|_| ());
            failed(&Error::new(ErrorKind::Io, "first"));
        });
        ends.join().unwrap();
    }
}
