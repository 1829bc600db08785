//! The native half of the Python package `libbroker`: conversions between Python values and [`libbroker::embed`].
//!
//! Users see the classes of `libbroker/__init__.py`; this module is private to it. The interpreter is released around
//! every call that can wait.

mod consumer;
mod errors;
mod faults;
mod handle;
mod log_queue;
mod messages;
mod options;
mod process;
mod wake;

use pyo3::prelude::*;

/// The module `libbroker._native`. It holds no state, so it needs no global interpreter lock.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::consumer::{Consumer, Delivery};
    #[pymodule_export]
    use crate::errors::error_codes;
    #[pymodule_export]
    use crate::handle::{Handle, start};
    #[pymodule_export]
    use crate::log_queue::LogQueue;
    #[pymodule_export]
    use crate::wake::Wake;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", libbroker::VERSION)
    }
}
