//! Request code → processor and lane.

use std::sync::Arc;

use super::lanes::Lanes;
use crate::format::wire::codes::RequestCode;
use crate::net::{LaneChoice, Processor, Router};

/// One processor per family of codes.
pub struct Processors {
    /// 10, 310, 320.
    pub send: Arc<dyn Processor>,
    /// 36.
    pub send_back: Arc<dyn Processor>,
    /// 324, 325.
    pub reply: Arc<dyn Processor>,
    /// 11.
    pub pull: Arc<dyn Processor>,
    /// 12, 33.
    pub query: Arc<dyn Processor>,
    /// 34, 35, 38, 46.
    pub client: Arc<dyn Processor>,
    /// 14, 15.
    pub offset: Arc<dyn Processor>,
    /// 41, 42.
    pub lock: Arc<dyn Processor>,
    /// 37.
    pub end_transaction: Arc<dyn Processor>,
    /// Everything else that is handled.
    pub admin: Arc<dyn Processor>,
}

/// Routes of the listening port.
pub fn router(processors: &Processors, lanes: &Lanes) -> Router {
    use RequestCode as Code;
    let mut router = Router::new();
    for code in [Code::SendMessage, Code::SendMessageV2, Code::SendBatchMessage] {
        router.route(code, processors.send.clone(), LaneChoice::Inline);
    }
    router.route(Code::PullMessage, processors.pull.clone(), LaneChoice::Inline);
    for code in [Code::QueryConsumerOffset, Code::UpdateConsumerOffset] {
        router.route(code, processors.offset.clone(), LaneChoice::Inline);
    }
    for code in [Code::LockBatchMq, Code::UnlockBatchMq] {
        router.route(code, processors.lock.clone(), LaneChoice::Inline);
    }
    router.route(Code::ConsumerSendMsgBack, processors.send_back.clone(), Lanes::on(&lanes.send));
    for code in [Code::SendReplyMessage, Code::SendReplyMessageV2] {
        router.route(code, processors.reply.clone(), Lanes::on(&lanes.reply));
    }
    for code in [Code::QueryMessage, Code::ViewMessageById] {
        router.route(code, processors.query.clone(), Lanes::on(&lanes.query));
    }
    router.route(Code::EndTransaction, processors.end_transaction.clone(), Lanes::on(&lanes.transaction));
    router.route(Code::HeartBeat, processors.client.clone(), Lanes::on(&lanes.heartbeat));
    for code in [Code::UnregisterClient, Code::CheckClientConfig] {
        router.route(code, processors.client.clone(), Lanes::on(&lanes.client));
    }
    router.route(Code::GetConsumerListByGroup, processors.client.clone(), Lanes::on(&lanes.consumer));
    router.route_default(processors.admin.clone(), Lanes::on(&lanes.admin));
    router
}

/// Routes of the fast port: everything but pulls.
pub fn fast_router(processors: &Processors, lanes: &Lanes) -> Router {
    let mut router = router(processors, lanes);
    router.remove(RequestCode::PullMessage);
    router
}
