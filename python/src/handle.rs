//! What a started broker is to the Python half.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use libbroker::embed::{self, Embedded, Health};
use libbroker::error::Result;
use libbroker::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Serialize;

use crate::consumer::Consumer;
use crate::errors::{detached, raise};
use crate::faults::fault;
use crate::messages::{Given, Sent, fields, fields_of_all, given, query, reset_to, sent};
use crate::options::Arguments;
use crate::process::Native;
use crate::wake::Wake;

/// A started broker, NameServer, or both.
#[pyclass(frozen, module = "libbroker._native")]
pub struct Handle {
    embedded: Native<Embedded>,
}

/// Starts what the options say; returns when it can be used.
#[pyfunction]
pub fn start(py: Python<'_>, options: Arguments) -> PyResult<Handle> {
    let options = options.into_options(py)?;
    let embedded = detached(py, || embed::start(options))?;
    Ok(Handle { embedded: Native::new(embedded) })
}

/// Messages as dicts, and the offsets that belong to them.
type PulledFields<'py> = (Vec<Bound<'py, PyDict>>, i64, i64, i64);

impl Handle {
    /// Calls the broker without the interpreter.
    fn call<T: Send>(&self, py: Python<'_>, call: impl FnOnce(&Embedded) -> Result<T> + Send) -> PyResult<T> {
        let embedded = self.embedded.get(py)?;
        detached(py, || call(embedded))
    }

    /// The same for what is only looked at, as JSON.
    fn json<T: Serialize>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&Embedded) -> Result<T> + Send,
    ) -> PyResult<String> {
        self.call(py, |embedded| {
            serde_json::to_string(&call(embedded)?)
                .map_err(|cause| Error::new(ErrorKind::Internal, cause.to_string()))
        })
    }
}

fn absent(py: Python<'_>, text: &str) -> PyErr {
    raise(py, &Error::new(ErrorKind::NotFound, text))
}

/// Seconds as Python counts them.
pub fn duration(name: &str, seconds: f64) -> Result<Duration> {
    let text = || format!("{name} is {seconds}, not a number of seconds from 0 on");
    Duration::try_from_secs_f64(seconds).map_err(|_| Error::new(ErrorKind::InvalidArgument, text()))
}

/// A number that the broker takes as `T`.
pub fn narrow<T: TryFrom<i64>>(name: &str, value: i64) -> Result<T> {
    T::try_from(value).map_err(|_| {
        Error::new(ErrorKind::InvalidArgument, format!("{name} is {value}: below 0, or far too large"))
    })
}

#[pymethods]
impl Handle {
    #[getter]
    fn address(&self, py: Python<'_>) -> PyResult<String> {
        let address = self.embedded.get(py)?.address();
        address.map(|address| address.to_string()).ok_or_else(|| absent(py, "a NameServer alone was started"))
    }

    #[getter]
    fn namesrv_address(&self, py: Python<'_>) -> PyResult<String> {
        let address = self.embedded.get(py)?.namesrv_address();
        address.map(|address| address.to_string()).ok_or_else(|| absent(py, "the NameServer is elsewhere"))
    }

    #[getter]
    fn store_dir(&self, py: Python<'_>) -> PyResult<PathBuf> {
        Ok(self.embedded.get(py)?.store_dir().to_owned())
    }

    #[getter]
    fn broker_name(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.embedded.get(py)?.broker_name().to_owned())
    }

    fn health(&self, py: Python<'_>) -> PyResult<(&'static str, Option<String>)> {
        self.call(py, |embedded| {
            Ok(match embedded.health() {
                Health::Ok => ("ok", None),
                Health::Degraded(problem) => ("degraded", Some(problem)),
                _ => ("stopped", None),
            })
        })
    }

    /// Harmless when it is stopped already.
    fn stop(&self, py: Python<'_>, timeout: f64) -> PyResult<()> {
        let timeout = duration("timeout", timeout).map_err(|error| raise(py, &error))?;
        self.call(py, |embedded| embedded.stop(timeout))
    }

    fn create_topic(&self, py: Python<'_>, name: &str, queues: i64) -> PyResult<()> {
        self.call(py, |embedded| embedded.create_topic(name, narrow("queues", queues)?))
    }

    fn delete_topic(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        self.call(py, |embedded| embedded.delete_topic(name))
    }

    fn create_group(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        self.call(py, |embedded| embedded.create_group(name))
    }

    fn delete_group(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        self.call(py, |embedded| embedded.delete_group(name))
    }

    fn send(&self, py: Python<'_>, message: Given) -> PyResult<Sent> {
        let message = given(message).map_err(|error| raise(py, &error))?;
        self.call(py, |embedded| embedded.send(&message).map(sent))
    }

    fn send_many(&self, py: Python<'_>, messages: Vec<Given>) -> PyResult<Vec<Sent>> {
        let messages: Result<Vec<_>> = messages.into_iter().map(given).collect();
        let messages = messages.map_err(|error| raise(py, &error))?;
        let results = self.call(py, |embedded| embedded.send_many(&messages))?;
        Ok(results.into_iter().map(sent).collect())
    }

    /// What is there now; the Python half waits.
    fn pull<'py>(
        &self,
        py: Python<'py>,
        topic: &str,
        queue: i64,
        offset: i64,
        max_messages: i64,
    ) -> PyResult<PulledFields<'py>> {
        let pulled = self.call(py, |embedded| {
            let (queue, count) = (narrow("queue", queue)?, narrow("max_messages", max_messages)?);
            embedded.pull(topic, queue, offset, count, Duration::ZERO)
        })?;
        let messages = fields_of_all(py, &pulled.messages)?;
        Ok((messages, pulled.next_offset, pulled.min_offset, pulled.max_offset))
    }

    fn consume(&self, py: Python<'_>, topic: &str, group: &str, tags: &str) -> PyResult<Consumer> {
        self.call(py, |embedded| embedded.consume(topic, group, tags)).map(Consumer::new)
    }

    fn message_count(&self, py: Python<'_>, topic: &str) -> PyResult<u64> {
        self.call(py, |embedded| embedded.message_count(topic))
    }

    #[pyo3(signature = (topic, queue, offsets, times_ms, key, limit))]
    #[allow(clippy::too_many_arguments)]
    fn messages<'py>(
        &self,
        py: Python<'py>,
        topic: &str,
        queue: Option<i64>,
        offsets: (Option<i64>, Option<i64>),
        times_ms: (Option<i64>, Option<i64>),
        key: Option<String>,
        limit: Option<i64>,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let found = self
            .call(py, |embedded| embedded.messages(&query(topic, queue, offsets, times_ms, key, limit)?))?;
        fields_of_all(py, &found)
    }

    fn message<'py>(&self, py: Python<'py>, msg_id: &str) -> PyResult<Bound<'py, PyDict>> {
        fields(py, &self.call(py, |embedded| embedded.message(msg_id))?)
    }

    fn topics(&self, py: Python<'_>) -> PyResult<String> {
        self.json(py, Embedded::topics)
    }

    fn groups(&self, py: Python<'_>) -> PyResult<String> {
        self.json(py, Embedded::groups)
    }

    fn connections(&self, py: Python<'_>) -> PyResult<String> {
        self.json(py, Embedded::connections)
    }

    fn offsets(&self, py: Python<'_>, group: &str) -> PyResult<String> {
        self.json(py, |embedded| embedded.offsets(group))
    }

    fn lag(&self, py: Python<'_>, group: &str) -> PyResult<i64> {
        self.call(py, |embedded| embedded.lag(group))
    }

    fn set_offset(&self, py: Python<'_>, group: &str, topic: &str, queue: i64, offset: i64) -> PyResult<()> {
        self.call(py, |embedded| embedded.set_offset(group, topic, narrow("queue", queue)?, offset))
    }

    fn reset_offset(&self, py: Python<'_>, group: &str, topic: &str, to: &str, value: i64) -> PyResult<()> {
        self.call(py, |embedded| embedded.reset_offset(group, topic, reset_to(to, value)?))
    }

    fn config(&self, py: Python<'_>) -> PyResult<BTreeMap<String, String>> {
        self.call(py, Embedded::config)
    }

    fn counters(&self, py: Python<'_>) -> PyResult<BTreeMap<String, i64>> {
        self.call(py, Embedded::counters)
    }

    fn store_state(&self, py: Python<'_>) -> PyResult<BTreeMap<String, String>> {
        self.call(py, Embedded::store_state)
    }

    fn now_ms(&self, py: Python<'_>) -> PyResult<i64> {
        Ok(self.embedded.get(py)?.now_ms())
    }

    fn advance(&self, py: Python<'_>, seconds: f64) -> PyResult<()> {
        self.call(py, |embedded| embedded.advance(duration("duration", seconds)?))
    }

    #[allow(clippy::too_many_arguments)]
    fn fail_next(
        &self,
        py: Python<'_>,
        code: Option<&str>,
        fields: Vec<(String, String)>,
        times: i64,
        action: &str,
        error: (i32, String),
        delay: f64,
    ) -> PyResult<()> {
        self.call(py, |embedded| embedded.fail_next(fault(code, fields, times, action, error, delay)?))
    }

    fn clear_faults(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, |embedded| {
            embedded.clear_faults();
            Ok(())
        })
    }

    fn snapshot(&self, py: Python<'_>, dir: PathBuf) -> PyResult<()> {
        self.call(py, |embedded| embedded.snapshot(&dir))
    }

    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, Embedded::clear)
    }

    fn on_change(&self, py: Python<'_>) -> PyResult<Wake> {
        let embedded = self.embedded.get(py)?;
        Wake::new(py, |signal| embedded.on_change(signal))
    }
}
