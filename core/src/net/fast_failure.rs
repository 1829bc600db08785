//! The answers that refuse a request before its processor sees it: code 2 and the remarks of remoting.md §7.

use crate::format::wire::codes::ResponseCode;
use crate::format::wire::command::Response;
use crate::runtime::lanes::{Refusal, RefusalReason};

/// The processor takes nothing now.
pub(super) fn rejected() -> Response {
    busy("[REJECTREQUEST]system busy, start flow control for a while")
}

/// The lane did not take the request, or gave it up.
#[doc(alias = "BrokerFastFailure")]
pub(super) fn refused(refusal: &Refusal) -> Response {
    let prefix = match refusal.reason {
        RefusalReason::Full => return busy("[OVERLOAD]system busy, start flow control for a while"),
        RefusalReason::TooOld => "[TIMEOUT_CLEAN_QUEUE]",
        RefusalReason::Emptied => "[PCBUSY_CLEAN_QUEUE]",
    };
    busy(format!(
        "{prefix}broker busy, start flow control for a while, period in queue: {}ms, size of queue: {}",
        refusal.waited.as_millis(),
        refusal.queue_len
    ))
}

fn busy(remark: impl Into<std::borrow::Cow<'static, str>>) -> Response {
    Response::error(ResponseCode::SystemBusy, remark)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn remarks_carry_wait_and_queue_length() {
        let refusal =
            Refusal { reason: RefusalReason::TooOld, waited: Duration::from_micros(203_900), queue_len: 7 };
        assert_eq!(
            refused(&refusal).remark.as_deref(),
            Some(
                "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: 203ms, size of queue: 7"
            )
        );
    }
}
