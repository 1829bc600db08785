//! What a broker is to the JavaScript half: its start, its stop, and where it is.

use std::sync::Arc;

use libbroker::Error;
use libbroker::embed::{Embedded, Health};
use napi::Env;
use napi::bindgen_prelude::{AsyncTask, Function, ToNapiValue, TypeName};
use napi_derive::napi;

use crate::errors::to_js;
use crate::held::Held;
use crate::log::{self, LogLine};
use crate::numbers::millis;
use crate::options::StartOptions;
use crate::slot::{Slot, stop_with_environment};
use crate::work::{Work, promise};

/// A broker, NameServer, or both, for one start and one stop.
#[napi]
pub struct Handle {
    slot: Held<Arc<Slot>>,
}

impl Handle {
    /// What was started.
    pub fn embedded(&self) -> Result<Arc<Embedded>, Error> {
        self.slot.embedded()
    }

    /// The promise of what `call` answers about what was started.
    pub fn call<T: Send + 'static, J: ToNapiValue + TypeName>(
        &self,
        env: Env,
        call: impl FnOnce(&Embedded) -> Result<T, Error> + Send + 'static,
        convert: fn(T) -> J,
    ) -> napi::Result<AsyncTask<Work<T, J>>> {
        let embedded = self.embedded().map_err(|error| to_js(env, &error))?;
        Ok(promise(move || call(&embedded), convert))
    }
}

#[napi]
impl Handle {
    /// Checks the options; starts nothing yet. `log` is called with each record.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        options: StartOptions,
        log: Option<Function<'_, LogLine, ()>>,
    ) -> napi::Result<Self> {
        let level = log::level(&options.log_level).map_err(|error| to_js(env, &error))?;
        let mut options = options.into_options().map_err(|error| to_js(env, &error))?;
        options.log = log.map(|callback| log::sink(level, callback)).transpose()?;
        Ok(Self { slot: Held::new(Arc::new(Slot::new(options))) })
    }

    /// Starts it; the promise is kept when it can be used.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn start(&self, env: Env) -> napi::Result<AsyncTask<Work<(), ()>>> {
        stop_with_environment(env, &self.slot)?;
        let slot = Arc::clone(&self.slot);
        Ok(promise(move || slot.start(), |()| ()))
    }

    /// "host:port" of the broker; null when there is none.
    #[napi(getter, catch_unwind)]
    pub fn address(&self) -> Option<String> {
        self.embedded().ok()?.address().map(|address| address.to_string())
    }

    /// "host:port" of the NameServer; null when it is elsewhere.
    #[napi(getter, catch_unwind)]
    pub fn namesrv_address(&self) -> Option<String> {
        self.embedded().ok()?.namesrv_address().map(|address| address.to_string())
    }

    /// The directory of the store; null when nothing was started.
    #[napi(getter, catch_unwind)]
    pub fn store_dir(&self) -> Option<String> {
        Some(self.embedded().ok()?.store_dir().to_string_lossy().into_owned())
    }

    /// What does not work, empty when everything does; null when it does not run.
    #[napi(getter, catch_unwind)]
    pub fn problem(&self) -> Option<String> {
        match self.embedded().ok()?.health() {
            Health::Ok => Some(String::new()),
            Health::Degraded(text) => Some(text),
            _ => None,
        }
    }

    /// Stops it; harmless when it is stopped already.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn stop(&self, env: Env, timeout_ms: f64) -> napi::Result<AsyncTask<Work<(), ()>>> {
        let timeout = millis("timeoutMs", timeout_ms).map_err(|error| to_js(env, &error))?;
        let slot = Arc::clone(&self.slot);
        Ok(promise(move || slot.stop(timeout), |()| ()))
    }

    /// Stops it before this answers, for the end of the process, when no promise is kept any more.
    #[napi(catch_unwind)]
    pub fn stop_now(&self, env: Env, timeout_ms: f64) -> napi::Result<()> {
        millis("timeoutMs", timeout_ms)
            .and_then(|timeout| self.slot.stop(timeout))
            .map_err(|error| to_js(env, &error))
    }
}
