//! Codes 25 and 26.

use super::AdminProcessor;
use crate::broker::admin::config::changes_permission;
use crate::broker::refusal::Refusal;
use crate::format::wire::fastjson;
use crate::format::wire::header::admin::BrokerConfigAnswer;
use crate::format::wire::{RemotingCommand, Response};
use crate::net::{Peer, Reply};

impl AdminProcessor {
    /// Code 25. A change that NameServers are told is answered when they were.
    pub(super) fn update_config(&self, request: &RemotingCommand, peer: &Peer) -> Result<Reply, Refusal> {
        let response = Response::success();
        if request.body.is_empty() {
            return Ok(Reply::Now(response));
        }
        let update = self.admin.config.update_text(&request.body)?;
        if !changes_permission(&update) {
            return Ok(Reply::Now(response));
        }
        if let Some(registration) = self.registration.get() {
            registration.announce();
        }
        Ok(self.answer_when_told(request, peer, response))
    }

    /// Code 26.
    pub(super) fn broker_config(&self) -> Response {
        let shown = self.admin.config.show();
        let version = String::from_utf8(fastjson::to_vec(&shown.version)).unwrap_or_default();
        let header = BrokerConfigAnswer { version: Some(&version) };
        Response::success().with_fields(header.fields()).with_body(shown.to_text())
    }
}
