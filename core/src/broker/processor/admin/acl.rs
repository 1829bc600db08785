//! Codes 50 to 53, as with `aclEnable=false`: there are no accounts to show or change.
//!
//! Java answers with the text of an exception, and code 52 not at all.

use crate::broker::refusal::Refusal;
use crate::format::wire::codes::ResponseCode;

const OFF: &str = "access control is off (aclEnable=false)";

/// Code 50.
pub(super) fn update_refused() -> Refusal {
    Refusal::new(ResponseCode::UpdateAndCreateAclConfigFailed, OFF)
}

/// Code 51.
pub(super) fn delete_refused() -> Refusal {
    Refusal::new(ResponseCode::DeleteAclConfigFailed, OFF)
}

/// Code 52.
pub(super) fn version_refused() -> Refusal {
    Refusal::new(ResponseCode::SystemError, OFF)
}

/// Code 53.
pub(super) fn white_list_refused() -> Refusal {
    Refusal::new(ResponseCode::UpdateGlobalWhiteAddrsConfigFailed, OFF)
}
