//! Codes 306, 316, 329: always a success.

use super::AdminProcessor;
use crate::format::wire::Response;

impl AdminProcessor {
    /// Code 306.
    pub(super) fn clean_expired_queues(&self) -> Response {
        self.admin.maintenance.clean_expired_queues();
        Response::success()
    }

    /// Code 316.
    pub(super) fn clean_unused_topics(&self) -> Response {
        self.admin.maintenance.clean_unused_topics();
        Response::success()
    }

    /// Code 329.
    pub(super) fn delete_expired_files(&self) -> Response {
        self.admin.maintenance.delete_expired_files();
        Response::success()
    }
}
