//! What a started broker is to the Python half.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use libbroker::embed::{self, Embedded};
use libbroker::{Error, ErrorKind};
use pyo3::prelude::*;

use crate::errors::{detached, raise};
use crate::options::Arguments;
use crate::process::{Counted, Native};

/// A started broker, NameServer, or both.
#[pyclass(frozen, module = "libbroker._native")]
pub struct Handle {
    embedded: Native<Embedded>,
    /// Until the stop.
    counted: Native<Mutex<Option<Counted>>>,
}

/// Starts what the options say; returns when it can be used.
#[pyfunction]
pub fn start(py: Python<'_>, options: Arguments) -> PyResult<Handle> {
    let options = options.into_options().map_err(|error| raise(py, &error))?;
    let counted = Counted::new(py)?;
    let embedded = detached(py, || embed::start(options))?;
    Ok(Handle { embedded: Native::new(embedded), counted: Native::new(Mutex::new(Some(counted))) })
}

fn absent(py: Python<'_>, text: &str) -> PyErr {
    raise(py, &Error::new(ErrorKind::NotFound, text))
}

#[pymethods]
impl Handle {
    /// "host:port" of the broker.
    #[getter]
    fn address(&self, py: Python<'_>) -> PyResult<String> {
        let address = self.embedded.get(py)?.address();
        address.map(|address| address.to_string()).ok_or_else(|| absent(py, "a NameServer alone was started"))
    }

    /// "host:port" of the NameServer.
    #[getter]
    fn namesrv_address(&self, py: Python<'_>) -> PyResult<String> {
        let address = self.embedded.get(py)?.namesrv_address();
        address.map(|address| address.to_string()).ok_or_else(|| absent(py, "the NameServer is elsewhere"))
    }

    /// The directory of the store.
    #[getter]
    fn store_dir(&self, py: Python<'_>) -> PyResult<PathBuf> {
        Ok(self.embedded.get(py)?.store_dir().to_owned())
    }

    /// Stops it; harmless when it is stopped already.
    fn stop(&self, py: Python<'_>, timeout: f64) -> PyResult<()> {
        let embedded = self.embedded.get(py)?;
        let invalid = || Error::new(ErrorKind::InvalidArgument, format!("timeout is {timeout}"));
        let timeout = Duration::try_from_secs_f64(timeout).map_err(|_| raise(py, &invalid()))?;
        let counted = self.counted.get(py)?;
        let stopped = detached(py, || embedded.stop(timeout));
        drop(counted.lock().map(|mut counted| counted.take()));
        stopped
    }
}
