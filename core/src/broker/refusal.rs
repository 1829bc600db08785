//! An answer that is not success: response code and the text a client shows.

use std::borrow::Cow;

use crate::format::wire::codes::ResponseCode;
use crate::format::wire::command::Response;

/// Refused by a rule of the broker. Not an [`crate::Error`]: the broker is fine, the request is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Response code.
    pub code: ResponseCode,
    /// Remark.
    pub remark: Cow<'static, str>,
}

impl Refusal {
    /// With a text for the client.
    pub fn new(code: ResponseCode, remark: impl Into<Cow<'static, str>>) -> Self {
        Self { code, remark: remark.into() }
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        Response::error(refusal.code, refusal.remark)
    }
}

/// What the reference appends to some remarks: where to read on.
pub const SEE_FAQ: &str = "\nSee http://rocketmq.apache.org/docs/faq/ for further details.";
