//! Keyword arguments become [`Options`].

use std::path::PathBuf;

use libbroker::clock::Clock;
use libbroker::embed::{Namesrv, Options, Profile};
use libbroker::{Error, ErrorKind};
use pyo3::prelude::*;

use crate::errors::raise;
use crate::log_queue::LogQueue;

/// The argument of `_native.start`: a dict with all of these.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Arguments {
    store_dir: Option<PathBuf>,
    port: Option<i64>,
    namesrv: Option<String>,
    namesrv_port: Option<i64>,
    namesrv_only: bool,
    profile: String,
    clock: String,
    properties: Vec<(String, String)>,
    snapshot: Option<PathBuf>,
    log: Option<Py<LogQueue>>,
}

impl Arguments {
    /// The same as options.
    pub fn into_options(self, py: Python<'_>) -> PyResult<Options> {
        let mut options = self.checked().map_err(|error| raise(py, &error))?;
        options.log = self.log.map(|queue| queue.get().sink(py)).transpose()?;
        Ok(options)
    }

    fn checked(&self) -> Result<Options, Error> {
        let profile = match self.profile.as_str() {
            "embedded" => Profile::Embedded,
            "server" => Profile::Server,
            other => {
                return Err(invalid(format!("profile is {other:?}, not \"embedded\" or \"server\"")));
            }
        };
        let clock = match self.clock.as_str() {
            "system" => None,
            "manual" => Some(Clock::manual(Clock::system().now_ms())),
            other => return Err(invalid(format!("clock is {other:?}, not \"system\" or \"manual\""))),
        };
        let mut options = Options::default();
        options.store_dir = self.store_dir.clone();
        options.port = port("port", self.port)?;
        options.namesrv = namesrv(self.namesrv.clone(), port("namesrv_port", self.namesrv_port)?)?;
        options.profile = profile;
        options.properties = self.properties.clone();
        options.clock = clock;
        options.snapshot = self.snapshot.clone();
        options.broker = !self.namesrv_only;
        Ok(options)
    }
}

fn namesrv(addresses: Option<String>, port: Option<u16>) -> Result<Option<Namesrv>, Error> {
    match (addresses, port) {
        (Some(_), Some(_)) => Err(invalid("namesrv and namesrv_port exclude each other".to_owned())),
        (Some(addresses), None) => Ok(Some(Namesrv::At(addresses))),
        (None, Some(port)) => Ok(Some(Namesrv::Embedded { port: Some(port) })),
        (None, None) => Ok(None),
    }
}

fn port(name: &str, value: Option<i64>) -> Result<Option<u16>, Error> {
    let narrow = |value| {
        u16::try_from(value).map_err(|_| invalid(format!("{name} is {value}, not within 0 to 65535")))
    };
    value.map(narrow).transpose()
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, text)
}
