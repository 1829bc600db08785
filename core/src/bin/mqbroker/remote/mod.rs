//! What the tools ask of a running cluster, as any client would: routes from a NameServer, everything else from brokers.

pub mod ask;
pub mod target;
pub mod unique_ids;

pub use ask::{Answered, ask, body_of};
pub use target::{Node, Target};
