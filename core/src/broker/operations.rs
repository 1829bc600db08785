//! What a host program can do with a running broker without a socket. The operations are those that processors put on the wire:
//! same checks, same statistics, same files.

use std::sync::Arc;

use super::Tables;
use super::admin::Admin;
use super::clients::{Consumers, Producers};
use super::consume::Consume;
use super::delay::DelayService;
use super::groups::SubscriptionGroups;
use super::hold::PullHold;
use super::host::StoreHost;
use super::offsets::ConsumerOffsets;
use super::produce::Produce;
use super::retry::SendBack;
use super::topics::Topics;
use super::watch::Watch;
use crate::clock::Clock;
use crate::config::LiveConfig;
use crate::error::Result;
use crate::format::names;
use crate::net::{Faults, NetCounts, Peer, RemotingServer};
use crate::store::MessageStore;

/// See the module.
pub struct Operations {
    /// The one way in.
    pub produce: Arc<Produce>,
    /// The one way out.
    pub consume: Arc<Consume>,
    /// The way back.
    pub send_back: Arc<SendBack>,
    /// What an administrator can do.
    pub admin: Arc<Admin>,
    /// Messages.
    pub store: Arc<MessageStore>,
    /// Topics.
    pub topics: Arc<Topics>,
    /// Consumer groups.
    pub groups: Arc<SubscriptionGroups>,
    /// What they have committed.
    pub offsets: Arc<ConsumerOffsets>,
    /// Connected consumers.
    pub consumers: Arc<Consumers>,
    /// Connected producers.
    pub producers: Arc<Producers>,
    /// The address this broker gives as its own.
    pub store_host: StoreHost,
    /// Configuration.
    pub config: LiveConfig,
    /// Time.
    pub clock: Clock,
    /// Waiting for messages and members.
    pub watch: Watch,
    /// Requests that fail on cue.
    pub faults: Faults,
    pub(super) hold: Arc<PullHold>,
    pub(super) delay: Arc<DelayService>,
    pub(super) servers: Arc<Vec<RemotingServer>>,
    pub(super) tables: Tables,
}

impl std::fmt::Debug for Operations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operations").field("store_host", &self.store_host).finish_non_exhaustive()
    }
}

impl Operations {
    /// Writes all tables down.
    pub fn persist(&self) -> Result<()> {
        self.delay.persist().and(self.tables.persist())
    }

    /// Passes over all messages that wait for their time, and over all half messages: nobody gets them any more.
    pub fn forget_waiting(&self) {
        self.delay.skip_all();
        for topic in [names::TRANS_HALF_TOPIC, names::TRANS_OP_HALF_TOPIC] {
            let queues = self.topics.find(topic).map_or(0, |topic| topic.read_queue_nums);
            for queue_id in 0..queues {
                let end = self.store.max_offset(topic, queue_id);
                self.offsets.set(names::TRANS_GROUP, topic, queue_id, end);
            }
        }
    }

    /// Open connections, of clients of all kinds.
    pub fn open_connections(&self) -> Vec<Peer> {
        self.servers.iter().flat_map(RemotingServer::peers).collect()
    }

    /// Pulls that wait for a message.
    pub fn parked_pulls(&self) -> usize {
        self.hold.len()
    }

    /// What was counted on the sockets, per listening port.
    pub fn net_counts(&self) -> Vec<NetCounts> {
        self.servers.iter().map(RemotingServer::counts).collect()
    }
}
