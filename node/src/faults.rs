//! Requests that are to fail.

use libbroker::Error;
use libbroker::embed::{self, FaultAction, request_code};
use napi::Env;
use napi_derive::napi;

use crate::errors::to_js;
use crate::handle::Handle;
use crate::messages::pairs;
use crate::numbers::{count, millis, whole};
use crate::options::invalid;

/// What is to fail and how; one of the last four says how.
#[napi(object, object_to_js = false)]
pub struct Fault {
    /// Name or number of the request; any without it.
    pub code: Option<String>,
    /// Header fields that it has: name, value, name, value.
    pub fields: Vec<String>,
    /// How many of them.
    pub times: f64,
    /// The code of the answer.
    pub error: Option<f64>,
    /// The text of the answer.
    pub remark: String,
    /// Answered so much later.
    pub delay_ms: Option<f64>,
    /// Not answered.
    pub drop: bool,
    /// Not answered, and the connection closed.
    pub disconnect: bool,
}

impl Fault {
    fn into_fault(self) -> Result<embed::Fault, Error> {
        let code = self.code.as_deref().map(request_code).transpose()?;
        let times = count("times", self.times)?;
        let action = match (self.error, self.delay_ms, self.drop, self.disconnect) {
            (Some(error), None, false, false) => {
                let code = i32::try_from(whole("error", error)?);
                let code = code.map_err(|_| invalid(format!("error is {error}, not a response code")))?;
                FaultAction::Error { code, remark: self.remark }
            }
            (None, Some(delay), false, false) => FaultAction::Delay(millis("delayMs", delay)?),
            (None, None, true, false) => FaultAction::Drop,
            (None, None, false, true) => FaultAction::Disconnect,
            _ => {
                let text = "a fault has one of error, delayMs, drop and disconnect";
                return Err(invalid(text.to_owned()));
            }
        };
        let mut fault = embed::Fault::next(action);
        fault.code = code;
        fault.fields = pairs(self.fields);
        fault.times = times;
        Ok(fault)
    }
}

#[napi]
impl Handle {
    /// Makes the next requests of a kind fail.
    #[napi(catch_unwind)]
    pub fn fail_next(&self, env: Env, fault: Fault) -> napi::Result<()> {
        let arranged = self.embedded().and_then(|broker| broker.fail_next(fault.into_fault()?));
        arranged.map_err(|error| to_js(env, &error))
    }

    /// Takes back every fault.
    #[napi(catch_unwind)]
    pub fn clear_faults(&self, env: Env) -> napi::Result<()> {
        let broker = self.embedded().map_err(|error| to_js(env, &error))?;
        broker.clear_faults();
        Ok(())
    }
}
