//! Code 11: pull. Wire → [`Consume`] → wire, or parked in [`PullHold`].

use std::sync::Arc;
use std::time::Duration;

use crate::broker::consume::{Admitted, Consume, Pulled, Puller};
use crate::broker::filter::wanted::WantedMessages;
use crate::broker::hold::{Parked, PullHold};
use crate::broker::host::StoreHost;
use crate::config::LiveConfig;
use crate::format::wire::codes::ResponseCode;
use crate::format::wire::command::{RemotingCommand, Response};
use crate::format::wire::header::pull::{PullAnswer, PullHeader, pull_flag};
use crate::net::{ConnectionId, Peer, Processor, Reply, Responder};
use crate::store::MessageFilter;

/// A pull is never held longer than this, whatever it asks for.
const HOLD_MAX: Duration = Duration::from_secs(30 * 60);

/// Answers pulls.
#[doc(alias = "PullMessageProcessor")]
#[derive(Debug)]
pub struct PullProcessor {
    consume: Arc<Consume>,
    hold: Arc<PullHold>,
    config: LiveConfig,
    store_host: StoreHost,
}

impl PullProcessor {
    /// Reads through `consume`, parks in `hold`.
    pub fn new(
        consume: Arc<Consume>,
        hold: Arc<PullHold>,
        config: LiveConfig,
        store_host: StoreHost,
    ) -> Self {
        Self { consume, hold, config, store_host }
    }

    /// How long this pull may be parked; `None` when it must be answered now.
    fn hold_time(&self, header: &PullHeader<'_>) -> Option<Duration> {
        if header.sys_flag.unwrap_or(0) & pull_flag::SUSPEND == 0 {
            return None;
        }
        let config = self.config.load();
        let ms = if config.broker.long_polling_enable {
            header.suspend_timeout_ms.unwrap_or(0)
        } else {
            i64::try_from(config.broker.short_polling_time_mills).unwrap_or(i64::MAX)
        };
        let time = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
        (!time.is_zero()).then_some(time.min(HOLD_MAX))
    }

    fn answer(&self, header: &PullHeader<'_>, pulled: Pulled, peer: &Peer) -> Response {
        let Pulled { outcome, code, suggested_broker_id } = pulled;
        if code == ResponseCode::PullOffsetMoved {
            let store_host = self.store_host.for_peer(peer);
            self.consume.note_offset_moved(header, outcome.next_begin_offset, store_host);
        }
        let fields = PullAnswer {
            suggest_which_broker_id: Some(suggested_broker_id),
            next_begin_offset: Some(outcome.next_begin_offset),
            max_offset: Some(outcome.max_offset),
            min_offset: Some(outcome.min_offset),
        };
        let mut response = Response::error(code, outcome.status.name()).with_fields(fields.fields());
        response.body = outcome.slices;
        response
    }

    /// Runs a parked pull again: checked anew, not parked again, its offset not committed again.
    fn resume(&self, waiting: Waiting) {
        let responder = waiting.responder;
        let peer = responder.peer().clone();
        if !peer.is_open() {
            return;
        }
        let header = PullHeader::decode(&waiting.request.ext);
        let response = match self.consume.admit(&header, puller(&peer)) {
            Ok(admitted) => self.answer(&header, self.consume.read(&header, &admitted), &peer),
            Err(refusal) => refusal.into(),
        };
        responder.send(response);
    }

    fn park(self: &Arc<Self>, request: RemotingCommand, admitted: Admitted, time: Duration, peer: &Peer) {
        let responder = peer.responder(&request);
        // The request leaves the read buffer, which would stay alive with it.
        let request = request.detach();
        let (queue_id, offset) = {
            let header = PullHeader::decode(&request.ext);
            (header.queue_id.unwrap_or(0), header.queue_offset.unwrap_or(0))
        };
        let waiting = Waiting {
            processor: self.clone(),
            request,
            responder,
            filter: admitted.filter,
            connection: peer.id(),
            queue_id,
            offset,
        };
        self.hold.park(Box::new(waiting), time);
    }
}

impl Processor for Arc<PullProcessor> {
    fn process(&self, request: RemotingCommand, peer: &Peer) -> Reply {
        let header = PullHeader::decode(&request.ext);
        let admitted = match self.consume.admit(&header, puller(peer)) {
            Ok(admitted) => admitted,
            Err(refusal) => return Reply::Now(refusal.into()),
        };
        self.consume.commit(&header);
        let pulled = self.consume.read(&header, &admitted);
        if pulled.code == ResponseCode::PullNotFound
            && let Some(time) = self.hold_time(&header)
        {
            self.park(request, admitted, time, peer);
            return Reply::Later;
        }
        Reply::Now(self.answer(&header, pulled, peer))
    }
}

fn puller(peer: &Peer) -> Puller {
    Puller { client: peer.remote_addr(), broker: peer.local_addr() }
}

/// A parked pull.
struct Waiting {
    processor: Arc<PullProcessor>,
    request: RemotingCommand,
    responder: Responder,
    filter: WantedMessages,
    connection: ConnectionId,
    queue_id: i32,
    offset: i64,
}

impl Parked for Waiting {
    fn queue(&self) -> (&str, i32) {
        (self.request.ext.get("topic").unwrap_or_default(), self.queue_id)
    }

    fn offset(&self) -> i64 {
        self.offset
    }

    fn filter(&self) -> &dyn MessageFilter {
        &self.filter
    }

    fn connection(&self) -> ConnectionId {
        self.connection
    }

    fn resume(self: Box<Self>) {
        let processor = self.processor.clone();
        processor.resume(*self);
    }
}
