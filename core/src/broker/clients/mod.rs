//! Who is connected (broker-behaviour §6).

pub mod consumers;
pub mod housekeeping;
pub mod joining;
pub mod producers;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{Clock, Moment};
use crate::format::wire::LanguageCode;
use crate::net::Peer;

pub use consumers::{ConsumerGroup, Consumers, GroupListener};
pub use housekeeping::Housekeeping;
pub use joining::Joining;
pub use producers::Producers;

/// A member without a heartbeat for longer than this is gone.
#[doc(alias = "CHANNEL_EXPIRED_TIMEOUT")]
pub const EXPIRY: Duration = Duration::from_secs(120);

/// A client as one of its heartbeats shows it. Its identity is the connection; the id is what it says of itself.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its connection.
    pub peer: Peer,
    /// Client id, `ip@instance` mostly.
    pub id: Arc<str>,
    /// Language of the frame; `None` for one that 4.9.8 does not know.
    pub language: Option<LanguageCode>,
    /// Version ordinal of the frame.
    pub version: i32,
}

/// A client in one group.
#[derive(Debug)]
#[doc(alias = "ClientChannelInfo")]
pub struct Member {
    /// The client.
    pub client: Client,
    last_heartbeat: Mutex<Heard>,
}

#[derive(Debug, Clone, Copy)]
struct Heard {
    at: Moment,
    timestamp_ms: i64,
}

impl Heard {
    fn now(clock: &Clock) -> Self {
        Self { at: clock.moment(), timestamp_ms: clock.now_ms() }
    }
}

impl Member {
    fn new(client: Client, clock: &Clock) -> Self {
        Self { client, last_heartbeat: Mutex::new(Heard::now(clock)) }
    }

    /// When its last heartbeat for the group came.
    pub fn last_heartbeat_ms(&self) -> i64 {
        self.last_heartbeat.lock().timestamp_ms
    }

    fn heard(&self, clock: &Clock) {
        *self.last_heartbeat.lock() = Heard::now(clock);
    }

    /// A member within the process sends no heartbeats: it leaves when it ends.
    fn is_expired(&self, now: Moment) -> bool {
        !self.client.peer.leads_nowhere() && now.since(self.last_heartbeat.lock().at) > EXPIRY
    }
}
