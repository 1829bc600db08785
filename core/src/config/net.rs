//! Rows of the network classes: accepted and outgoing connections. They share the write buffer keys.

pub(super) mod client;
pub(super) mod server;
