//! Errors and panics become JavaScript errors with a `code`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use libbroker::{Error, ErrorKind};
use napi::{Env, JsError};
use napi_derive::napi;

/// Runs `call`; a panic becomes an error, since unwinding into Node would abort the process.
pub fn caught<T>(call: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|cause| {
        let text = cause.downcast_ref::<&str>().copied();
        let text = text.or_else(|| cause.downcast_ref::<String>().map(String::as_str));
        Err(Error::new(ErrorKind::Internal, format!("panic in libbroker: {}", text.unwrap_or("no text"))))
    })
}

/// The JavaScript error for `error`: its text, and the kind's name as `code`.
pub fn to_js(env: Env, error: &Error) -> napi::Error {
    let coded = napi::Error::new(error.kind().name(), error.to_string());
    napi::Error::from(JsError::from(coded).into_unknown(env))
}

/// The code of every kind of error, for the test that the types know each.
#[napi(catch_unwind)]
pub fn error_codes() -> Vec<&'static str> {
    ErrorKind::ALL.iter().map(|kind| kind.name()).collect()
}
