//! The boundary that no panic crosses.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, ErrorKind, Result};
use crate::runtime::threads::panic_text;

/// Runs `body`; a panic becomes an [`ErrorKind::Internal`] error.
pub(super) fn guarded<T>(what: &str, body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        Err(Error::new(
            ErrorKind::Internal,
            format!("{what}: a defect of libbroker: {}", panic_text(&*panic)),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_internal_error() {
        let error = guarded("test", || -> Result<()> { panic!("on purpose") }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(error.context().contains("on purpose"));
    }
}
