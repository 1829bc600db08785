//! Signals that something has changed, for the event loop: no thread waits there.

use std::sync::Arc;

use libbroker::embed;
use napi::Env;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode::NonBlocking;
use napi_derive::napi;

use crate::errors::to_js;
use crate::handle::Handle;
use crate::held::Held;

/// A signal as the core calls it: from any thread, without blocking.
pub type Signal = Arc<dyn Fn() + Send + Sync>;

/// `callback` as such a signal. It does not keep the process alive.
pub fn signal(callback: Function<'_, (), ()>) -> napi::Result<Signal> {
    let callback = callback.build_threadsafe_function::<()>().weak::<true>().build()?;
    Ok(Arc::new(move || {
        // A refusal says that the environment ends.
        let _ = callback.call((), NonBlocking);
    }))
}

/// A subscription. It calls back at most once until it is armed again, and ends with this object.
#[napi]
pub struct Wake {
    inner: Held<embed::Wake>,
}

impl Wake {
    /// As the core has it.
    pub fn new(inner: embed::Wake) -> Self {
        Self { inner: Held::new(inner) }
    }
}

#[napi]
impl Wake {
    /// Asks for one more call. First arm, then look, then wait.
    #[napi(catch_unwind)]
    pub fn arm(&self) {
        self.inner.arm();
    }
}

#[napi]
impl Handle {
    /// Calls `callback` after a message was stored, a group changed or the broker stopped.
    #[napi(catch_unwind)]
    pub fn on_change(&self, env: Env, callback: Function<'_, (), ()>) -> napi::Result<Wake> {
        let signal = signal(callback)?;
        let wake = self.embedded().and_then(|broker| broker.on_change(signal));
        wake.map(Wake::new).map_err(|error| to_js(env, &error))
    }
}
