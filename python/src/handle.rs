//! What a started broker is to the Python half.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use libbroker::embed::{self, Embedded};
use libbroker::{Error, ErrorKind};
use pyo3::prelude::*;

use crate::errors::{detached, raise};
use crate::options::Arguments;

/// A started broker, NameServer, or both.
#[pyclass(frozen, module = "libbroker._native")]
pub struct Handle {
    /// None in a forked child.
    embedded: Mutex<Option<Arc<Embedded>>>,
}

/// Starts what the options say; returns when it can be used.
#[pyfunction]
pub fn start(py: Python<'_>, options: Arguments) -> PyResult<Handle> {
    let options = options.into_options().map_err(|error| raise(py, &error))?;
    let embedded = detached(py, || embed::start(options))?;
    Ok(Handle { embedded: Mutex::new(Some(Arc::new(embedded))) })
}

impl Handle {
    fn embedded(&self, py: Python<'_>) -> PyResult<Arc<Embedded>> {
        let held = self.embedded.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = || Error::new(ErrorKind::Stopped, "the broker stayed in the process that was forked");
        held.clone().ok_or_else(|| raise(py, &gone()))
    }
}

fn absent(py: Python<'_>, text: &str) -> PyErr {
    raise(py, &Error::new(ErrorKind::NotFound, text))
}

#[pymethods]
impl Handle {
    /// "host:port" of the broker.
    #[getter]
    fn address(&self, py: Python<'_>) -> PyResult<String> {
        let address = self.embedded(py)?.address();
        address.map(|address| address.to_string()).ok_or_else(|| absent(py, "a NameServer alone was started"))
    }

    /// "host:port" of the NameServer.
    #[getter]
    fn namesrv_address(&self, py: Python<'_>) -> PyResult<String> {
        let address = self.embedded(py)?.namesrv_address();
        address.map(|address| address.to_string()).ok_or_else(|| absent(py, "the NameServer is elsewhere"))
    }

    /// The directory of the store.
    #[getter]
    fn store_dir(&self, py: Python<'_>) -> PyResult<PathBuf> {
        Ok(self.embedded(py)?.store_dir().to_owned())
    }

    /// Stops it; harmless when it is stopped already.
    fn stop(&self, py: Python<'_>, timeout: f64) -> PyResult<()> {
        let embedded = self.embedded(py)?;
        let invalid = || Error::new(ErrorKind::InvalidArgument, format!("timeout is {timeout}"));
        let timeout = Duration::try_from_secs_f64(timeout).map_err(|_| raise(py, &invalid()))?;
        detached(py, || embedded.stop(timeout))
    }

    /// In a forked child: lets go without stopping, since the threads stayed in the parent.
    fn forget(&self) {
        if let Ok(mut held) = self.embedded.try_lock() {
            std::mem::forget(held.take());
        }
    }
}
