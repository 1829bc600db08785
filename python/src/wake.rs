//! A file that becomes readable when something changed: what `poll` and the loops of asyncio wait for.
//!
//! The threads of the broker write a byte and never touch the interpreter.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use libbroker::error::Result;
use libbroker::{Error, embed};
use pyo3::prelude::*;

use crate::errors::raise;
use crate::process::Native;

/// See the module.
#[pyclass(frozen, module = "libbroker._native")]
pub struct Wake {
    parts: Native<Mutex<Option<Parts>>>,
}

struct Parts {
    /// Dropped first: after that nobody writes.
    wake: embed::Wake,
    reader: UnixStream,
}

type Signal = Arc<dyn Fn() + Send + Sync>;

impl Wake {
    /// Subscribes with a signal that writes a byte.
    pub fn new(py: Python<'_>, subscribe: impl FnOnce(Signal) -> Result<embed::Wake>) -> PyResult<Self> {
        let failed = |cause: std::io::Error| Error::io("make a pair of sockets", &cause);
        let parts = UnixStream::pair().map_err(failed).and_then(|(reader, writer)| {
            reader.set_nonblocking(true).and_then(|()| writer.set_nonblocking(true)).map_err(failed)?;
            // A full socket is as readable as one with a byte.
            let wake = subscribe(Arc::new(move || drop((&writer).write(&[1]))))?;
            Ok(Parts { wake, reader })
        });
        match parts {
            Ok(parts) => Ok(Self { parts: Native::new(Mutex::new(Some(parts))) }),
            Err(error) => Err(raise(py, &error)),
        }
    }

    fn with<T>(&self, py: Python<'_>, act: impl FnOnce(&Parts) -> T) -> PyResult<Option<T>> {
        let parts = self.parts.get(py)?.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(parts.as_ref().map(act))
    }
}

#[pymethods]
impl Wake {
    /// The file, or -1 when it is closed.
    fn fileno(&self, py: Python<'_>) -> PyResult<i32> {
        Ok(self.with(py, |parts| parts.reader.as_raw_fd())?.unwrap_or(-1))
    }

    /// Makes it unreadable until the next change. Look for changes after that, not before.
    fn arm(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |parts| {
            // What is left after a read that failed wakes once in vain.
            while matches!((&parts.reader).read(&mut [0; 64]), Ok(1..)) {}
            parts.wake.arm();
        })?;
        Ok(())
    }

    /// Closing twice is harmless.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let parts = self.parts.get(py)?.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(parts);
        Ok(())
    }
}
