//! What a started broker is to the JavaScript half.

use std::sync::Arc;
use std::time::Duration;

use libbroker::Error;
use libbroker::embed::{self, Embedded, Options};
use napi::bindgen_prelude::AsyncTask;
use napi::{Env, Task};
use napi_derive::napi;

use crate::errors::{caught, to_js};
use crate::options::{StartOptions, invalid};

/// A started broker, NameServer, or both.
#[napi]
pub struct Handle {
    embedded: Arc<Embedded>,
}

/// Starts what the options say; the promise is kept when it can be used.
#[napi(catch_unwind)]
pub fn start(env: Env, options: StartOptions) -> napi::Result<AsyncTask<Start>> {
    let options = options.into_options().map_err(|error| to_js(env, &error))?;
    Ok(AsyncTask::new(Start { options: Some(options) }))
}

#[napi]
impl Handle {
    /// "host:port" of the broker; null when there is none.
    #[napi(getter, catch_unwind)]
    pub fn address(&self) -> Option<String> {
        self.embedded.address().map(|address| address.to_string())
    }

    /// "host:port" of the NameServer; null when it is elsewhere.
    #[napi(getter, catch_unwind)]
    pub fn namesrv_address(&self) -> Option<String> {
        self.embedded.namesrv_address().map(|address| address.to_string())
    }

    /// The directory of the store.
    #[napi(getter, catch_unwind)]
    pub fn store_dir(&self) -> String {
        self.embedded.store_dir().to_string_lossy().into_owned()
    }

    /// Stops it; harmless when it is stopped already.
    #[napi(catch_unwind)]
    pub fn stop(&self, env: Env, timeout_ms: f64) -> napi::Result<AsyncTask<Stop>> {
        let timeout = timeout(timeout_ms).map_err(|error| to_js(env, &error))?;
        Ok(AsyncTask::new(Stop { embedded: Arc::clone(&self.embedded), timeout }))
    }

    /// Stops it before this answers, for the end of the process, when no promise is kept any more.
    #[napi(catch_unwind)]
    pub fn stop_now(&self, env: Env, timeout_ms: f64) -> napi::Result<()> {
        timeout(timeout_ms)
            .and_then(|timeout| self.embedded.stop(timeout))
            .map_err(|error| to_js(env, &error))
    }
}

fn timeout(timeout_ms: f64) -> Result<Duration, Error> {
    Duration::try_from_secs_f64(timeout_ms / 1000.0)
        .map_err(|_| invalid(format!("timeoutMs is {timeout_ms}")))
}

/// The work of [`start`] on libuv's pool.
pub struct Start {
    options: Option<Options>,
}

impl Task for Start {
    // The error travels as a value, because only the event loop's thread can make a JavaScript error with a code.
    type Output = Result<Embedded, Error>;
    type JsValue = Handle;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let options = self.options.take().unwrap_or_default();
        Ok(caught(|| embed::start(options)))
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> napi::Result<Handle> {
        let embedded = output.map_err(|error| to_js(env, &error))?;
        Ok(Handle { embedded: Arc::new(embedded) })
    }
}

/// The work of [`Handle::stop`] on libuv's pool.
pub struct Stop {
    embedded: Arc<Embedded>,
    timeout: Duration,
}

impl Task for Stop {
    type Output = Result<(), Error>;
    type JsValue = ();

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(caught(|| self.embedded.stop(self.timeout)))
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> napi::Result<()> {
        output.map_err(|error| to_js(env, &error))
    }
}
