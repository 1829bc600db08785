//! Connected producers by group, and all clients by id.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;
use smallvec::SmallVec;

use super::{Client, Member};
use crate::broker::TextMap;
use crate::clock::Clock;
use crate::net::{ConnectionId, Peer};

#[derive(Default)]
struct State {
    groups: TextMap<Vec<Arc<Member>>>,
    /// Connection that registered under a client id last.
    clients: TextMap<Peer>,
    joined: HashMap<ConnectionId, SmallVec<[String; 2]>>,
}

/// The table of connected producers.
#[doc(alias = "ProducerManager")]
pub struct Producers {
    state: RwLock<State>,
    /// Spreads [`Producers::any_of`] over the members.
    turn: AtomicUsize,
    clock: Clock,
}

impl std::fmt::Debug for Producers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producers").field("groups", &self.state.read().groups.len()).finish_non_exhaustive()
    }
}

impl Producers {
    /// Nobody is connected.
    pub fn new(clock: Clock) -> Self {
        Self { state: RwLock::default(), turn: AtomicUsize::new(0), clock }
    }

    /// Takes one producer entry of a heartbeat.
    #[doc(alias = "registerProducer")]
    pub fn register(&self, client: &Client, group: &str) {
        let mut state = self.state.write();
        let members = state.groups.get(group).map(Vec::as_slice).unwrap_or_default();
        if let Some(member) = members.iter().find(|member| member.client.peer == client.peer) {
            member.heard(&self.clock);
            return;
        }
        let member = Arc::new(Member::new(client.clone(), &self.clock));
        state.groups.entry(group.to_owned()).or_default().push(member);
        state.clients.insert(client.id.to_string(), client.peer.clone());
        state.joined.entry(client.peer.id()).or_default().push(group.to_owned());
        tracing::info!(target: "broker::clients", group, ?client, "producer joined");
    }

    /// Takes a connection out of a group.
    #[doc(alias = "unregisterProducer")]
    pub fn unregister(&self, peer: &Peer, group: &str) {
        let mut state = self.state.write();
        let Some(member) = state.leave(peer, group) else { return };
        tracing::info!(target: "broker::clients", group, ?peer, "producer left");
        let Some(joined) = state.joined.get_mut(&peer.id()) else { return };
        joined.retain(|name| name != group);
        if joined.is_empty() {
            state.joined.remove(&peer.id());
            state.forget_client(&member.client);
        }
    }

    /// Takes a closed connection out of all its groups.
    #[doc(alias = "doChannelCloseEvent")]
    pub fn close(&self, peer: &Peer) {
        let mut state = self.state.write();
        for group in state.joined.remove(&peer.id()).unwrap_or_default() {
            if let Some(member) = state.leave(peer, &group) {
                state.forget_client(&member.client);
                tracing::info!(target: "broker::clients", group, ?peer, "producer gone");
            }
        }
    }

    /// Connections of members without a heartbeat for [`super::EXPIRY`].
    #[doc(alias = "scanNotActiveChannel")]
    pub fn expired(&self) -> Vec<Peer> {
        let now = self.clock.moment();
        let state = self.state.read();
        let members = state.groups.values().flatten();
        members.filter(|member| member.is_expired(now)).map(|member| member.client.peer.clone()).collect()
    }

    /// Members of a group, in the order they joined; empty for an unknown one.
    pub fn members(&self, group: &str) -> Vec<Arc<Member>> {
        self.state.read().groups.get(group).cloned().unwrap_or_default()
    }

    /// All groups with their members.
    #[doc(alias = "getProducerTable")]
    pub fn all(&self) -> BTreeMap<String, Vec<Arc<Member>>> {
        self.state.read().groups.iter().map(|(name, members)| (name.clone(), members.clone())).collect()
    }

    /// The connection that registered under a client id last.
    #[doc(alias = "findChannel")]
    pub fn find_client(&self, client_id: &str) -> Option<Peer> {
        self.state.read().clients.get(client_id).cloned()
    }

    /// An open connection of a group, another one each time.
    #[doc(alias = "getAvailableChannel")]
    pub fn any_of(&self, group: &str) -> Option<Peer> {
        let state = self.state.read();
        let members = state.groups.get(group)?;
        let start = self.turn.fetch_add(1, Ordering::Relaxed) % members.len().max(1);
        let (behind, front) = members.split_at_checked(start)?;
        let mut peers = front.iter().chain(behind).map(|member| &member.client.peer);
        peers.find(|peer| peer.is_open()).cloned()
    }
}

impl State {
    /// A group without members is forgotten.
    fn leave(&mut self, peer: &Peer, group: &str) -> Option<Arc<Member>> {
        let members = self.groups.get_mut(group)?;
        let position = members.iter().position(|member| member.client.peer == *peer)?;
        let member = members.remove(position);
        if members.is_empty() {
            self.groups.remove(group);
        }
        Some(member)
    }

    /// Forgets the client's id unless another connection has it by now. Java forgets it even then.
    fn forget_client(&mut self, client: &Client) {
        if self.clients.get(&*client.id) == Some(&client.peer) {
            self.clients.remove(&*client.id);
        }
    }
}

#[cfg(test)]
mod tests;
