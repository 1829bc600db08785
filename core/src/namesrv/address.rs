//! Where a broker can be reached.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The address of a broker, as it registered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BrokerAddress {
    /// `host:port` that the broker announces; every asker is told this text.
    Announced(Arc<str>),
    /// A port of this process without an announced host. Every asker is told the host through which it reached the
    /// NameServer: whoever reaches one port of a host reaches the other, on loopback, in a container and from outside.
    Local {
        /// The broker's listening port.
        port: u16,
    },
}

impl BrokerAddress {
    /// An address that the broker announces.
    pub fn announced(text: &str) -> Self {
        BrokerAddress::Announced(Arc::from(text))
    }

    /// What to tell a client that reached us through `host`.
    pub fn seen_through(&self, host: IpAddr) -> String {
        match self {
            BrokerAddress::Announced(text) => text.as_ref().to_owned(),
            // A socket for both families shows IPv4 clients as ::ffff:a.b.c.d; they know the short form.
            BrokerAddress::Local { port } => SocketAddr::new(host.to_canonical(), *port).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_address_follows_the_asker() {
        let local = BrokerAddress::Local { port: 10911 };
        for (host, told) in [
            ("127.0.0.1", "127.0.0.1:10911"),
            ("10.1.2.3", "10.1.2.3:10911"),
            ("::ffff:10.1.2.3", "10.1.2.3:10911"),
            ("::1", "[::1]:10911"),
        ] {
            assert_eq!(local.seen_through(host.parse().unwrap()), told);
        }
        let announced = BrokerAddress::announced("broker.example:10911");
        assert_eq!(announced.seen_through("127.0.0.1".parse().unwrap()), "broker.example:10911");
    }
}
