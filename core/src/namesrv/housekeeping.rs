//! Brokers that leave without saying so: their connection ends, or they fall silent (namesrv.md §4).

use std::sync::Arc;
use std::time::Duration;

use crate::net::{ConnectionEvents, Peer};
use crate::runtime::timers::Timers;

use super::routes::RouteTable;

/// The first look for silent brokers.
const FIRST_SCAN: Duration = Duration::from_secs(5);
/// The pause between looks.
const SCAN_PERIOD: Duration = Duration::from_secs(10);

/// Takes brokers that are gone out of the tables.
#[doc(alias = "BrokerHousekeepingService")]
pub(super) struct Departures {
    routes: Arc<RouteTable>,
}

impl Departures {
    pub(super) fn new(routes: Arc<RouteTable>) -> Self {
        Self { routes }
    }

    /// Looks for silent brokers on `timers`.
    pub(super) fn watch_silence(&self, timers: &Timers) {
        let routes = self.routes.clone();
        timers.every("namesrv-silence", FIRST_SCAN, SCAN_PERIOD, move || {
            for peer in routes.expire() {
                peer.close();
            }
        });
    }
}

impl ConnectionEvents for Departures {
    fn closed(&self, peer: &Peer) {
        let gone = self.routes.connection_closed(peer);
        if !gone.is_empty() {
            tracing::info!(target: "broker::namesrv", ?peer, ?gone, "connection of a broker ended");
        }
    }
}
