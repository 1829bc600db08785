//! Configuration at run time: codes 318 and 319 (namesrv.md §6).

use super::{Answer, Failure};
use crate::config::live::{Audience, UpdateError};
use crate::config::properties::Document;
use crate::config::{LiveConfig, lines};
use crate::format::wire::codes::{RequestCode, ResponseCode};
use crate::format::wire::command::{RemotingCommand, Response};
use crate::net::Peer;

pub(super) struct ConfigProcessor {
    config: LiveConfig,
}

impl ConfigProcessor {
    pub(super) fn new(config: &LiveConfig) -> Self {
        Self { config: config.clone() }
    }

    /// Takes all properties of the body or none. Java takes those that fit and answers success for the others too.
    #[doc(alias = "updateConfig")]
    fn update(&self, request: &RemotingCommand, peer: &Peer) -> Result<Response, Failure> {
        let Ok(document) = Document::parse(&request.body) else {
            return Err(Failure("string2Properties error".to_owned()));
        };
        let properties: Vec<(String, String)> =
            document.entries().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
        match self.config.update(Audience::Namesrv, &properties) {
            Ok(update) => {
                tracing::info!(target: "broker::namesrv", ?update, ?peer, "configuration");
                if !update.applied.is_empty() || !update.after_restart.is_empty() {
                    self.config.persist(Audience::Namesrv, &update)?;
                }
                Ok(Response::success())
            }
            Err(UpdateError::Forbidden(_)) => {
                Ok(Response::error(ResponseCode::NoPermission, "Can not update config in black list."))
            }
            Err(UpdateError::Rejected(error)) => Err(error.into()),
        }
    }

    #[doc(alias = "getConfig")]
    fn get(&self) -> Response {
        Response::success().with_body(lines(&self.config.dump(Audience::Namesrv)))
    }
}

impl Answer for ConfigProcessor {
    fn answer(&self, request: &RemotingCommand, peer: &Peer) -> Result<Response, Failure> {
        match request.request_code() {
            Some(RequestCode::UpdateNamesrvConfig) => self.update(request, peer),
            _ => Ok(self.get()),
        }
    }
}
