//! Members of consumer groups, and what they are handed.

use std::sync::{Arc, Mutex};

use libbroker::embed;
use libbroker::error::Result;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::detached;
use crate::messages::fields;
use crate::process::Native;
use crate::wake::Wake;

/// A member of a group. It leaves when it is closed, or when it is dropped along with all that it delivered and that was not
/// dealt with.
#[pyclass(frozen, module = "libbroker._native")]
pub struct Consumer {
    consumer: Native<Arc<embed::Consumer>>,
}

/// A message to be acknowledged.
#[pyclass(frozen, module = "libbroker._native")]
pub struct Delivery {
    delivery: Native<embed::Delivery>,
    /// Until it is dealt with: the acknowledgement of a member that left is none.
    consumer: Native<Mutex<Option<Arc<embed::Consumer>>>>,
}

impl Consumer {
    pub fn new(consumer: embed::Consumer) -> Self {
        Self { consumer: Native::new(Arc::new(consumer)) }
    }
}

impl Delivery {
    fn deal(&self, py: Python<'_>, how: impl FnOnce(&embed::Delivery) -> Result<()> + Send) -> PyResult<()> {
        let (delivery, consumer) = (self.delivery.get(py)?, self.consumer.get(py)?);
        detached(py, || {
            how(delivery)?;
            let consumer = consumer.lock().map(|mut consumer| consumer.take());
            drop(consumer);
            Ok(())
        })
    }
}

#[pymethods]
impl Consumer {
    /// The next message, when there is one now.
    fn try_next(&self, py: Python<'_>) -> PyResult<Option<Delivery>> {
        let consumer = self.consumer.get(py)?;
        let found = detached(py, || consumer.try_next())?;
        Ok(found.map(|delivery| Delivery {
            delivery: Native::new(delivery),
            consumer: Native::new(Mutex::new(Some(consumer.clone()))),
        }))
    }

    fn on_change(&self, py: Python<'_>) -> PyResult<Wake> {
        let consumer = self.consumer.get(py)?;
        Wake::new(py, |signal| Ok(consumer.on_change(signal)))
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let consumer = self.consumer.get(py)?;
        detached(py, || {
            consumer.close();
            Ok(())
        })
    }
}

#[pymethods]
impl Delivery {
    /// The fields of the class `Message`.
    fn message<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        fields(py, self.delivery.get(py)?.message())
    }

    fn ack(&self, py: Python<'_>) -> PyResult<()> {
        self.deal(py, embed::Delivery::ack)
    }

    fn retry(&self, py: Python<'_>, delay_level: i32) -> PyResult<()> {
        self.deal(py, |delivery| delivery.retry(delay_level))
    }
}
