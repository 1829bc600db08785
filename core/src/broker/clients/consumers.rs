//! Connected consumers by group, and what each group subscribes to.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use parking_lot::RwLock;
use smallvec::SmallVec;

use super::{Client, Member};
use crate::broker::TextMap;
use crate::broker::notify::ClientNotifier;
use crate::clock::Clock;
use crate::format::wire::body::{
    ConsumeFromWhere, ConsumeType, ConsumerHeartbeat, MessageModel, Subscription,
};
use crate::net::{ConnectionId, Peer};

/// A consumer group with at least one member, as it was at one moment.
#[derive(Debug, Clone, Default)]
#[doc(alias = "ConsumerGroupInfo")]
pub struct ConsumerGroup {
    /// As the last heartbeat of any member said.
    pub consume_type: Option<ConsumeType>,
    /// As the last heartbeat of any member said.
    pub message_model: Option<MessageModel>,
    /// As the last heartbeat of any member said.
    pub consume_from_where: Option<ConsumeFromWhere>,
    members: Vec<Arc<Member>>,
    subscriptions: TextMap<Arc<Subscription>>,
}

impl ConsumerGroup {
    /// The members, in the order they joined.
    pub fn members(&self) -> &[Arc<Member>] {
        &self.members
    }

    /// The member with this client id.
    #[doc(alias = "findChannel")]
    pub fn member(&self, client_id: &str) -> Option<&Arc<Member>> {
        self.members.iter().find(|member| &*member.client.id == client_id)
    }

    /// Client ids of the members.
    #[doc(alias = "getAllClientId")]
    pub fn client_ids(&self) -> Vec<String> {
        self.members.iter().map(|member| member.client.id.to_string()).collect()
    }

    /// What the group wants from a topic.
    #[doc(alias = "findSubscriptionData")]
    pub fn subscription(&self, topic: &str) -> Option<&Arc<Subscription>> {
        self.subscriptions.get(topic)
    }

    /// What the group wants, in no order.
    pub fn subscriptions(&self) -> impl ExactSizeIterator<Item = &Arc<Subscription>> {
        self.subscriptions.values()
    }

    fn peers(&self) -> Vec<Peer> {
        self.members.iter().map(|member| member.client.peer.clone()).collect()
    }

    /// True when the member is new. One whose id changed replaces the old silently.
    fn update_member(&mut self, client: &Client, clock: &Clock) -> bool {
        match self.members.iter_mut().find(|member| member.client.peer == client.peer) {
            None => {
                self.members.push(Arc::new(Member::new(client.clone(), clock)));
                true
            }
            Some(member) if member.client.id == client.id => {
                member.heard(clock);
                false
            }
            Some(member) => {
                tracing::warn!(target: "broker::clients", old = ?member.client, new = ?client, "a connection changed its client id");
                *member = Arc::new(Member::new(client.clone(), clock));
                false
            }
        }
    }

    /// True when topics came or went. A higher version of a subscription replaces it silently, others are ignored.
    fn update_subscriptions(&mut self, heartbeat: &[Arc<Subscription>]) -> bool {
        let mut is_changed = false;
        for new in heartbeat {
            match self.subscriptions.get_mut(&new.topic) {
                None => {
                    self.subscriptions.insert(new.topic.clone(), new.clone());
                    is_changed = true;
                }
                Some(old) if new.sub_version > old.sub_version => *old = new.clone(),
                Some(_) => {}
            }
        }
        let count = self.subscriptions.len();
        let named: BTreeSet<&str> =
            heartbeat.iter().map(|subscription| subscription.topic.as_str()).collect();
        self.subscriptions.retain(|topic, _| named.contains(topic.as_str()));
        is_changed || self.subscriptions.len() < count
    }
}

/// Follows the subscriptions of groups, as filters of expressions have to. Called without any lock of the table.
#[doc(alias = "ConsumerIdsChangeListener")]
pub trait GroupListener: Send + Sync {
    /// A heartbeat of a member named these subscriptions.
    fn registered(&self, group: &str, subscriptions: &[Arc<Subscription>]);

    /// A member is gone; `is_last` when the group has no other.
    fn left(&self, group: &str, is_last: bool);

    /// Somebody set the offsets of the group, which has members within the process.
    fn offsets_set(&self, _group: &str) {}
}

#[derive(Default)]
struct State {
    groups: TextMap<Arc<ConsumerGroup>>,
    joined: HashMap<ConnectionId, SmallVec<[String; 1]>>,
}

/// The table of connected consumers.
#[doc(alias = "ConsumerManager")]
pub struct Consumers {
    state: RwLock<State>,
    notifier: ClientNotifier,
    listener: OnceLock<Arc<dyn GroupListener>>,
    clock: Clock,
}

impl std::fmt::Debug for Consumers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumers").field("groups", &self.state.read().groups.len()).finish_non_exhaustive()
    }
}

/// Who remains in a group after a member left it.
struct Remaining {
    group: String,
    peers: Vec<Peer>,
}

impl Consumers {
    /// Nobody is connected. Members are told of changes through `notifier`.
    pub fn new(notifier: ClientNotifier, clock: Clock) -> Self {
        Self { state: RwLock::default(), notifier, listener: OnceLock::new(), clock }
    }

    /// Who follows the subscriptions; only the first one counts.
    pub fn set_listener(&self, listener: Arc<dyn GroupListener>) {
        let _ = self.listener.set(listener);
    }

    /// A group with members, as it is now.
    #[doc(alias = "getConsumerGroupInfo")]
    pub fn find(&self, group: &str) -> Option<Arc<ConsumerGroup>> {
        self.state.read().groups.get(group).cloned()
    }

    /// What a group wants from a topic.
    pub fn subscription(&self, group: &str, topic: &str) -> Option<Arc<Subscription>> {
        self.state.read().groups.get(group)?.subscription(topic).cloned()
    }

    /// Groups that subscribe to a topic.
    #[doc(alias = "queryTopicConsumeByWho")]
    pub fn groups_of_topic(&self, topic: &str) -> BTreeSet<String> {
        let state = self.state.read();
        let subscribed = state.groups.iter().filter(|(_, group)| group.subscription(topic).is_some());
        subscribed.map(|(name, _)| name.clone()).collect()
    }

    /// All groups, in no order.
    pub fn all(&self) -> Vec<(String, Arc<ConsumerGroup>)> {
        self.state.read().groups.iter().map(|(name, group)| (name.clone(), group.clone())).collect()
    }

    /// Takes one consumer entry of a heartbeat; true when the group's members or topics changed. Then every member, the sender
    /// too, is told before this returns, if `tells_members`.
    #[doc(alias = "registerConsumer")]
    pub fn register(&self, client: &Client, heartbeat: ConsumerHeartbeat, tells_members: bool) -> bool {
        let subscriptions = self.subscriptions_of(heartbeat.subscriptions);
        let name = heartbeat.group_name;
        let mut state = self.state.write();
        let joined = state.joined.entry(client.peer.id()).or_default();
        if !joined.contains(&name) {
            joined.push(name.clone());
        }
        let group = Arc::make_mut(state.groups.entry(name.clone()).or_default());
        group.consume_type = heartbeat.consume_type;
        group.message_model = heartbeat.message_model;
        group.consume_from_where = heartbeat.consume_from_where;
        let is_new = group.update_member(client, &self.clock);
        let is_changed = group.update_subscriptions(&subscriptions) || is_new;
        let told = if is_changed && tells_members { group.peers() } else { Vec::new() };
        drop(state);
        if is_changed {
            tracing::info!(target: "broker::clients", group = name, ?client, is_new, "consumer group changed");
        }
        self.notifier.consumer_ids_changed(&name, &told);
        if let Some(listener) = self.listener.get() {
            listener.registered(&name, &subscriptions);
        }
        is_changed
    }

    /// One without a version is the newest, as in Java; one without a topic means nothing.
    fn subscriptions_of(&self, mut subscriptions: Vec<Subscription>) -> Vec<Arc<Subscription>> {
        subscriptions.retain(|subscription| !subscription.topic.is_empty());
        let versioned = subscriptions.into_iter().map(|mut subscription| {
            if subscription.sub_version == 0 {
                subscription.sub_version = self.clock.now_ms();
            }
            Arc::new(subscription)
        });
        versioned.collect()
    }

    /// Tells members within the process that their offsets were set.
    pub fn offsets_set(&self, group: &str) {
        if let Some(listener) = self.listener.get() {
            listener.offsets_set(group);
        }
    }

    /// Takes a connection out of a group; the others are told if `tells_members`.
    #[doc(alias = "unregisterConsumer")]
    pub fn unregister(&self, peer: &Peer, group: &str, tells_members: bool) {
        let remaining = {
            let mut state = self.state.write();
            if let Some(joined) = state.joined.get_mut(&peer.id()) {
                joined.retain(|name| name != group);
                if joined.is_empty() {
                    state.joined.remove(&peer.id());
                }
            }
            state.leave(peer, group)
        };
        if let Some(remaining) = remaining {
            tracing::info!(target: "broker::clients", group, ?peer, "consumer left");
            self.left(&remaining, tells_members);
        }
    }

    /// Takes a closed connection out of all its groups; the others are told.
    #[doc(alias = "doChannelCloseEvent")]
    pub fn close(&self, peer: &Peer) {
        let left: Vec<Remaining> = {
            let mut state = self.state.write();
            let joined = state.joined.remove(&peer.id()).unwrap_or_default();
            joined.iter().filter_map(|group| state.leave(peer, group)).collect()
        };
        for remaining in &left {
            tracing::info!(target: "broker::clients", group = remaining.group, ?peer, "consumer gone");
            self.left(remaining, true);
        }
    }

    /// Connections of members without a heartbeat for [`super::EXPIRY`].
    #[doc(alias = "scanNotActiveChannel")]
    pub fn expired(&self) -> Vec<Peer> {
        let now = self.clock.moment();
        let state = self.state.read();
        let members = state.groups.values().flat_map(|group| group.members());
        members.filter(|member| member.is_expired(now)).map(|member| member.client.peer.clone()).collect()
    }

    fn left(&self, remaining: &Remaining, tells_members: bool) {
        let is_last = remaining.peers.is_empty();
        if let Some(listener) = self.listener.get() {
            listener.left(&remaining.group, is_last);
        }
        if !is_last && tells_members {
            self.notifier.consumer_ids_changed(&remaining.group, &remaining.peers);
        }
    }
}

impl State {
    /// Takes a connection out of a group; `None` when it is not in it. A group without members is forgotten.
    fn leave(&mut self, peer: &Peer, name: &str) -> Option<Remaining> {
        let group = self.groups.get_mut(name)?;
        let position = group.members.iter().position(|member| member.client.peer == *peer)?;
        let group = Arc::make_mut(group);
        group.members.remove(position);
        let peers = group.peers();
        if peers.is_empty() {
            self.groups.remove(name);
        }
        Some(Remaining { group: name.to_owned(), peers })
    }
}

#[cfg(test)]
mod tests;
