//! Keeps the tables of clients to those that are there.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Consumers, Producers};
use crate::broker::queue_locks::QueueLocks;
use crate::net::{ConnectionEvents, Peer};
use crate::runtime::timers::Timers;

/// How often silent clients are looked for.
const SCAN_PERIOD: Duration = Duration::from_secs(10);

/// Takes closed connections out of the tables, and closes those without heartbeats.
#[derive(Debug)]
#[doc(alias = "ClientHousekeepingService")]
pub struct Housekeeping {
    producers: Arc<Producers>,
    consumers: Arc<Consumers>,
    locks: Arc<QueueLocks>,
}

impl Housekeeping {
    /// For these tables.
    pub fn new(producers: Arc<Producers>, consumers: Arc<Consumers>, locks: Arc<QueueLocks>) -> Self {
        Self { producers, consumers, locks }
    }

    /// Scans every 10 s, first after 10 s.
    pub fn schedule(self: &Arc<Self>, timers: &Timers) {
        let housekeeping = self.clone();
        timers.every("client-scan", SCAN_PERIOD, SCAN_PERIOD, move || housekeeping.scan());
    }

    /// Closes the connections of clients whose heartbeats stopped, and forgets expired locks.
    ///
    /// Unlike in Java the other members of their groups are told, as they are when a client closes the connection itself.
    #[doc(alias = "scanExceptionChannel")]
    pub fn scan(&self) {
        let expired = self.producers.expired().into_iter().chain(self.consumers.expired());
        for peer in expired.collect::<HashSet<Peer>>() {
            tracing::warn!(target: "broker::clients", ?peer, "no heartbeat for too long: connection closed");
            peer.close();
            self.closed(&peer);
        }
        self.locks.remove_expired();
    }
}

impl ConnectionEvents for Housekeeping {
    fn closed(&self, peer: &Peer) {
        self.producers.close(peer);
        self.consumers.close(peer);
    }
}

#[cfg(test)]
mod tests;
