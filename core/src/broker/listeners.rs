//! Who is told of what happens below and beside the broker: messages that arrive, groups that change, connections that close.

use std::sync::{Arc, Weak};

use super::clients::{GroupListener, Housekeeping};
use super::delay::DelayService;
use super::filter::registry::ConsumerFilters;
use super::hold::PullHold;
use super::watch::Watch;
use crate::format::names;
use crate::format::wire::body::Subscription;
use crate::net::{ConnectionEvents, Peer};
use crate::store::dispatch::{Arrival, ArrivalListener};

/// Everyone who wants to know of a new message. The store owns this, so nothing here may own the store.
pub(super) struct Arrivals {
    pub hold: Arc<PullHold>,
    pub delay: Weak<DelayService>,
    pub watch: Watch,
}

impl ArrivalListener for Arrivals {
    fn arrived(&self, arrivals: &[Arrival<'_>]) {
        if arrivals.iter().any(|arrival| arrival.topic == names::SCHEDULE_TOPIC)
            && let Some(delay) = self.delay.upgrade()
        {
            delay.wake();
        }
        self.hold.arrived(arrivals);
    }

    fn batch_done(&self) {
        self.hold.batch_done();
        self.watch.changed();
    }
}

/// Everyone who wants to know of a change in a consumer group.
pub(super) struct Groups {
    pub filters: Arc<ConsumerFilters>,
    pub watch: Watch,
}

impl GroupListener for Groups {
    fn registered(&self, group: &str, subscriptions: &[Arc<Subscription>]) {
        self.filters.registered(group, subscriptions);
        self.watch.changed();
    }

    fn left(&self, group: &str, is_last: bool) {
        self.filters.left(group, is_last);
        self.watch.changed();
    }

    fn offsets_set(&self, _group: &str) {
        self.watch.changed();
    }
}

/// Everyone who wants to know of a closed connection.
pub(super) struct Departures {
    pub housekeeping: Arc<Housekeeping>,
    pub hold: Arc<PullHold>,
}

impl ConnectionEvents for Departures {
    fn closed(&self, peer: &Peer) {
        self.hold.forget(peer.id());
        self.housekeeping.closed(peer);
    }
}
