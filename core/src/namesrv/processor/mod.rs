//! Requests of the NameServer, one noun per file (Java: `DefaultRequestProcessor`).
//!
//! Work with the disk or with large bodies has a lane of its own, so that it cannot hold up route queries. An unknown code
//! gets no answer, ever, as in Java (remoting.md §7).

mod config;
mod kv;
mod permission;
mod registration;
mod route;
mod topics;

use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;

use crate::config::LiveConfig;
use crate::format::wire::codes::{RequestCode, ResponseCode};
use crate::format::wire::command::{RemotingCommand, Response};
use crate::format::wire::fastjson;
use crate::format::wire::frame::FRAME_SIZE_MAX;
use crate::net::{LaneChoice, Peer, Processor, Reply, Router};
use crate::runtime::lanes::Lane;

use super::kv::KvTable;
use super::routes::RouteTable;

const QUERY_THREADS_MAX: usize = 4;
const CHANGE_THREADS_MAX: usize = 2;
/// Requests that may wait; more are answered "system busy".
const QUERIES_WAITING_MAX: usize = 10_000;
/// Fewer than queries: each may hold a body as large as a frame.
const CHANGES_WAITING_MAX: usize = 1_000;

/// What a client takes, less a generous header.
const BODY_SIZE_MAX: usize = FRAME_SIZE_MAX - 64 * 1024;

/// Where the processors run. Java: one pool of `serverWorkerThreads` with an endless queue.
#[derive(Debug)]
pub(super) struct Lanes {
    queries: Arc<Lane>,
    changes: Arc<Lane>,
}

impl Lanes {
    pub(super) fn new() -> Self {
        Self {
            queries: Lane::new("namesrv", QUERY_THREADS_MAX, QUERIES_WAITING_MAX, None),
            changes: Lane::new("namesrv-change", CHANGE_THREADS_MAX, CHANGES_WAITING_MAX, None),
        }
    }

    pub(super) fn stop(&self) {
        self.queries.stop();
        self.changes.stop();
    }
}

/// Every code the NameServer answers.
pub(super) fn router(
    lanes: &Lanes,
    routes: &Arc<RouteTable>,
    kv: &Arc<KvTable>,
    config: &LiveConfig,
) -> Router {
    use RequestCode::*;
    let mut router = Router::new();
    let mut add = |codes: &[RequestCode], processor: Arc<dyn Processor>, lane: &Arc<Lane>| {
        for code in codes {
            router.route(*code, processor.clone(), LaneChoice::Workers(lane.clone()));
        }
    };
    let (queries, changes) = (&lanes.queries, &lanes.changes);

    let route = Arc::new(Answering(route::RouteProcessor::new(routes, kv, config)));
    add(&[GetRouteinfoByTopic, GetBrokerClusterInfo], route, queries);

    let registration = Arc::new(Answering(registration::RegistrationProcessor::new(routes, kv)));
    add(&[RegisterBroker, UnregisterBroker, QueryDataVersion], registration, changes);

    let topics = Arc::new(Answering(topics::TopicProcessor::new(routes)));
    add(
        &[
            GetAllTopicListFromNameserver,
            GetTopicsByCluster,
            GetSystemTopicListFromNs,
            GetUnitTopicList,
            GetHasUnitSubTopicList,
            GetHasUnitSubUnunitTopicList,
            DeleteTopicInNamesrv,
        ],
        topics,
        queries,
    );

    let permission = Arc::new(Answering(permission::PermissionProcessor::new(routes)));
    add(&[WipeWritePermOfBroker, AddWritePermOfBroker], permission, queries);

    let kv = Arc::new(Answering(kv::KvProcessor::new(kv)));
    add(&[GetKvConfig, GetKvlistByNamespace], kv.clone(), queries);
    add(&[PutKvConfig, DeleteKvConfig], kv, changes);

    let config = Arc::new(Answering(config::ConfigProcessor::new(config)));
    add(&[UpdateNamesrvConfig, GetNamesrvConfig], config, changes);

    router.silent_when_unknown();
    router
}

/// Code 1 with this remark.
#[derive(Debug)]
struct Failure(String);

impl<E: Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(error.to_string())
    }
}

/// Answers every request of the codes it is routed for.
trait Answer: Send + Sync + 'static {
    fn answer(&self, request: &RemotingCommand, peer: &Peer) -> Result<Response, Failure>;
}

/// An [`Answer`] as a [`Processor`].
struct Answering<A>(A);

impl<A: Answer> Processor for Answering<A> {
    fn process(&self, request: RemotingCommand, peer: &Peer) -> Reply {
        let answer = self.0.answer(&request, peer).and_then(that_fits);
        Reply::Now(answer.unwrap_or_else(|Failure(remark)| {
            tracing::warn!(target: "broker::namesrv", code = request.code, ?peer, remark, "request failed");
            Response::error(ResponseCode::SystemError, remark)
        }))
    }
}

/// An answer that fits into a frame; a longer one would end the connection at the client.
fn that_fits(response: Response) -> Result<Response, Failure> {
    match response.body_len() {
        0..=BODY_SIZE_MAX => Ok(response),
        size => Err(Failure(format!("the answer has {size} bytes, a frame takes {BODY_SIZE_MAX}"))),
    }
}

/// A field without which nothing can be done. Java fails with a null pointer's text here.
fn required<T>(field: Option<T>, name: &str) -> Result<T, Failure> {
    field.ok_or_else(|| Failure(format!("the request has no usable {name}")))
}

/// How Java writes a text into a remark.
fn or_null(text: Option<&str>) -> &str {
    text.unwrap_or("null")
}

/// The host by which the asker knows this process.
fn host_of(peer: &Peer) -> IpAddr {
    peer.local_addr().ip()
}

/// Code 0 with a body in fastjson's dialect.
fn json(body: &impl serde::Serialize) -> Response {
    Response::success().with_body(fastjson::to_vec(body))
}
