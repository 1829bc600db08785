//! No panic leaves this library: unwinding into C would abort the process that we live in.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use libbroker::{Error, ErrorKind};

use crate::status::{BrokerStatus, failed};

/// Runs `call`; an error or a panic becomes a status and the thread's last error.
pub fn to_status(call: impl FnOnce() -> Result<(), Error>) -> BrokerStatus {
    // Unwind safety: after a panic the handle can still be stopped and freed, and its parts poison themselves.
    let result = catch_unwind(AssertUnwindSafe(call));
    let result = result.unwrap_or_else(|cause| Err(Error::new(ErrorKind::Internal, describe(&*cause))));
    match result {
        Ok(()) => BrokerStatus::Ok,
        Err(error) => failed(&error),
    }
}

/// Runs `call`, with `fallback` for a panic.
pub fn or_internal<T>(call: impl FnOnce() -> T, fallback: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| fallback())
}

fn describe(cause: &(dyn Any + Send)) -> String {
    let text = cause.downcast_ref::<&str>().copied();
    let text = text.or_else(|| cause.downcast_ref::<String>().map(String::as_str));
    format!("panic in libbroker: {}", text.unwrap_or("no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_internal() {
        assert_eq!(to_status(|| panic!("on purpose")), BrokerStatus::Internal);
        assert_eq!(to_status(|| Ok(())), BrokerStatus::Ok);
        assert_eq!(or_internal(|| panic!("on purpose"), || 7), 7);
    }
}
