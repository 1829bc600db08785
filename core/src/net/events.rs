//! Telling others that connections come and go, off the I/O threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::error::Result;
use crate::net::Peer;
use crate::runtime::threads::{Poison, ServiceThread, panic_text};

/// Told about the connections of a server, one event at a time, in order, on a thread of their own. A request may be handled
/// before its `connected` and even after its `closed` arrived: check [`Peer::is_open`] after registering a peer.
#[doc(alias = "ChannelEventListener")]
pub trait ConnectionEvents: Send + Sync {
    /// A connection was accepted.
    fn connected(&self, _peer: &Peer) {}

    /// A connection ended: closed by either side, broken, or idle. Once per connection.
    fn closed(&self, _peer: &Peer) {}
}

/// Nobody listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEvents;

impl ConnectionEvents for NoEvents {}

/// Two per connection. The queue needs no bound of its own: a connection counts as one until its `closed` was delivered,
/// and connections are bounded.
enum Event<Slot> {
    Connected(Peer),
    Closed(Peer, Slot),
    Stop,
}

/// Where events are put. `Slot` is dropped after `closed` was delivered.
pub(super) struct EventQueue<Slot>(Sender<Event<Slot>>);

impl<Slot> std::fmt::Debug for EventQueue<Slot> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventQueue")
    }
}

impl<Slot> Clone for EventQueue<Slot> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Slot: Send + 'static> EventQueue<Slot> {
    /// Starts the thread that tells `events`.
    pub(super) fn start(events: Arc<dyn ConnectionEvents>) -> Result<(Self, ServiceThread)> {
        let (queue, queued) = channel();
        let thread = ServiceThread::spawn("net-events", &Poison::new(), move || deliver(&*events, &queued))?;
        Ok((Self(queue), thread))
    }

    pub(super) fn connected(&self, peer: Peer) {
        let _ = self.0.send(Event::Connected(peer));
    }

    pub(super) fn closed(&self, peer: Peer, slot: Slot) {
        let _ = self.0.send(Event::Closed(peer, slot));
    }

    /// Ends the thread after what is queued.
    pub(super) fn stop(&self) {
        let _ = self.0.send(Event::Stop);
    }
}

fn deliver<Slot>(events: &dyn ConnectionEvents, queued: &Receiver<Event<Slot>>) {
    while let Ok(event) = queued.recv() {
        let told = catch_unwind(AssertUnwindSafe(|| match &event {
            Event::Connected(peer) => events.connected(peer),
            Event::Closed(peer, _) => events.closed(peer),
            Event::Stop => {}
        }));
        if let Err(panic) = told {
            tracing::error!(target: "broker::net", panic = panic_text(&*panic), "listener of connections panicked");
        }
        if matches!(event, Event::Stop) {
            return;
        }
    }
}
