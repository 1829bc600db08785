//! The address this broker gives as its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::net::Peer;

/// Written into records as store host, and into message ids: clients connect to it to view a message.
#[derive(Debug, Clone)]
pub struct StoreHost {
    announced: Option<IpAddr>,
    port: Arc<AtomicU16>,
}

impl StoreHost {
    /// `announced` is unset when the broker is known by whatever address a client used.
    pub fn new(announced: Option<IpAddr>, port: u16) -> Self {
        Self { announced, port: Arc::new(AtomicU16::new(port)) }
    }

    /// Sets the port once it is known: a broker told to listen on port 0 learns it from the system.
    pub fn set_port(&self, port: u16) {
        self.port.store(port, Ordering::Release);
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port.load(Ordering::Acquire)
    }

    /// For a message that came in through `peer`.
    pub fn for_peer(&self, peer: &Peer) -> SocketAddr {
        match self.announced {
            Some(ip) => SocketAddr::new(ip, self.port()),
            None => SocketAddr::new(peer.local_addr().ip().to_canonical(), self.port()),
        }
    }

    /// For a message of the broker itself.
    pub fn own(&self) -> SocketAddr {
        SocketAddr::new(self.announced.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), self.port())
    }
}
