//! Faults that a test asks for.

use libbroker::embed::{Fault, FaultAction, request_code};
use libbroker::error::Result;

use crate::handle::{duration, narrow};

/// The arguments of `fail_next`: of `error` and `delay`, the `action` chooses.
pub fn fault(
    code: Option<&str>,
    fields: Vec<(String, String)>,
    times: i64,
    action: &str,
    (error, remark): (i32, String),
    delay: f64,
) -> Result<Fault> {
    let action = match action {
        "delay" => FaultAction::Delay(duration("delay", delay)?),
        "drop" => FaultAction::Drop,
        "disconnect" => FaultAction::Disconnect,
        _ => FaultAction::Error { code: error, remark },
    };
    let mut fault = Fault::next(action);
    fault.code = code.map(request_code).transpose()?;
    fault.fields = fields;
    fault.times = narrow("times", times)?;
    Ok(fault)
}
