//! Errors and panics become the exception classes of `libbroker/_errors.py`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use libbroker::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::PyType;

/// Runs `call` without the interpreter. A panic becomes an error too: `except Exception` would not catch pyo3's own.
pub fn detached<T: Send>(py: Python<'_>, call: impl FnOnce() -> Result<T, Error> + Send) -> PyResult<T> {
    let result = py.detach(|| catch_unwind(AssertUnwindSafe(call)));
    let result = result.unwrap_or_else(|cause| {
        let text = cause.downcast_ref::<&str>().copied();
        let text = text.or_else(|| cause.downcast_ref::<String>().map(String::as_str));
        Err(Error::new(ErrorKind::Internal, format!("panic in libbroker: {}", text.unwrap_or("no text"))))
    });
    result.map_err(|error| raise(py, &error))
}

/// The exception for `error`.
pub fn raise(py: Python<'_>, error: &Error) -> PyErr {
    match class(py, error.kind()) {
        Ok(class) => PyErr::from_type(class, error.to_string()),
        Err(cause) => cause,
    }
}

/// The exception of a value that another process made, of which this one is a forked child.
pub fn forked(py: Python<'_>) -> PyErr {
    let text = "the broker stayed in the parent of this forked process: fork before the start, or let multiprocessing spawn";
    raise(py, &Error::new(ErrorKind::Forked, text))
}

fn class(py: Python<'_>, kind: ErrorKind) -> PyResult<Bound<'_, PyType>> {
    let by_code = py.import("libbroker._errors")?.getattr("BY_CODE")?;
    Ok(by_code.get_item(kind.name())?.cast_into::<PyType>()?)
}

/// The code of every kind of error, for the test that each has a class.
#[pyfunction]
pub fn error_codes() -> Vec<&'static str> {
    ErrorKind::ALL.iter().map(|kind| kind.name()).collect()
}
