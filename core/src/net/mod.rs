//! Sockets ⇄ commands. The only tokio in this crate; knows no topic, no message and no meaning of a code.
//!
//! One connection is one reading task on one I/O thread ([`IoThreads`]). The task takes every frame that one read brought,
//! finds its [`Route`](router), and runs it on the spot ([`LaneChoice::Inline`]) or queues it in a
//! [`Lane`](crate::runtime::lanes::Lane). Answers go into the connection's outbox; the answers of one read leave in one
//! write. Other threads answer through a [`Responder`] at any time.
//!
//! A client that does not read its answers is not read from either: its outbox is bounded, and so is memory.

mod activity;
mod calls;
mod chunks;
mod client;
mod connection;
mod counters;
mod dispatch;
mod error;
mod events;
mod fast_failure;
mod faults;
mod gathered;
mod io_threads;
mod outbox;
mod peer;
mod read;
mod reply;
mod router;
mod server;
#[cfg(test)]
mod testing;
mod tls;

pub use client::{ClientOptions, RemotingClient};
pub use connection::{ConnectionId, Peer};
pub use counters::NetCounts;
pub use error::NetError;
pub use events::{ConnectionEvents, NoEvents};
pub use faults::{Fault, FaultAction, Faults};
pub use io_threads::IoThreads;
pub use peer::Responder;
pub use reply::{Answer, ProcessTogether, Processor, Reply};
pub use router::{LaneChoice, Router};
pub use server::{RemotingServer, ServerOptions};
