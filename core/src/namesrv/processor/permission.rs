//! Taking the write permission of a broker away and giving it back: codes 205 and 327 (namesrv.md §6).

use std::sync::Arc;

use super::{Answer, Failure};
use crate::format::wire::codes::RequestCode;
use crate::format::wire::command::{RemotingCommand, Response};
use crate::format::wire::header::route::{AddWritePermAnswer, BrokerNameHeader, WipeWritePermAnswer};
use crate::namesrv::routes::RouteTable;
use crate::net::Peer;

pub(super) struct PermissionProcessor {
    routes: Arc<RouteTable>,
}

impl PermissionProcessor {
    pub(super) fn new(routes: &Arc<RouteTable>) -> Self {
        Self { routes: routes.clone() }
    }
}

impl Answer for PermissionProcessor {
    fn answer(&self, request: &RemotingCommand, peer: &Peer) -> Result<Response, Failure> {
        let wipe = request.request_code() == Some(RequestCode::WipeWritePermOfBroker);
        let broker = BrokerNameHeader::decode(&request.ext).broker_name.unwrap_or_default();
        let count = self.routes.set_write_wiped(broker, wipe);
        tracing::info!(target: "broker::namesrv", broker, wipe, count, ?peer, "write permission");
        let count = i32::try_from(count).ok();
        let fields = if wipe {
            WipeWritePermAnswer { wipe_topic_count: count }.fields()
        } else {
            AddWritePermAnswer { add_topic_count: count }.fields()
        };
        Ok(Response::success().with_fields(fields))
    }
}
