//! Calls that may wait, for a disk or for a lock, run on libuv's pool and answer a promise.

use libbroker::{Error, ErrorKind};
use napi::bindgen_prelude::{AsyncTask, ToNapiValue, TypeName};
use napi::{Env, Task};

use crate::errors::{caught, to_js};

/// One such call. The error travels as a value, because only the event loop's thread can make a JavaScript error with a code.
pub struct Work<T, J> {
    call: Option<Call<T>>,
    convert: fn(T) -> J,
}

type Call<T> = Box<dyn FnOnce() -> Result<T, Error> + Send>;

/// The promise of what `call` answers, made fit for JavaScript by `convert` on the event loop's thread.
pub fn promise<T, J>(
    call: impl FnOnce() -> Result<T, Error> + Send + 'static,
    convert: fn(T) -> J,
) -> AsyncTask<Work<T, J>>
where
    T: Send + 'static,
    J: ToNapiValue + TypeName,
{
    AsyncTask::new(Work { call: Some(Box::new(call)), convert })
}

impl<T: Send + 'static, J: ToNapiValue + TypeName> Task for Work<T, J> {
    type Output = Result<T, Error>;
    type JsValue = J;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let once = || Error::new(ErrorKind::Internal, "a call was made twice");
        Ok(self.call.take().ok_or_else(once).and_then(caught))
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> napi::Result<J> {
        caught(|| output.map(self.convert)).map_err(|error| to_js(env, &error))
    }
}
