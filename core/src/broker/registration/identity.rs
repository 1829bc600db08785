//! Who this broker is to NameServers.

use std::net::IpAddr;

use crate::config::{Config, Host};

/// Names and addresses of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Cluster.
    pub cluster: String,
    /// Broker name; a master and its slaves share it.
    pub broker: String,
    /// 0 for the master.
    pub id: i64,
    /// Where clients reach the broker. `None` announces no address: a NameServer of this process tells each asker the one it
    /// came through, others are told the address of the connection to them.
    pub host: Option<Host>,
    /// The port the broker listens on.
    pub port: u16,
    /// Where slaves reach it; `None` follows `host`.
    pub ha_host: Option<Host>,
    /// The port for slaves.
    pub ha_port: u16,
}

impl Identity {
    /// As configured, listening on `port`.
    pub fn new(config: &Config, port: u16) -> Self {
        Self {
            cluster: config.broker.broker_cluster_name.to_string(),
            broker: config.broker.broker_name.to_string(),
            id: config.broker.broker_id,
            host: config.announced_host(),
            port,
            ha_host: config.broker.broker_ip2.clone(),
            ha_port: match config.store.ha_listen_port {
                0 => port.saturating_add(1),
                ha_port => ha_port,
            },
        }
    }

    /// The address for clients, told to somebody who is reached from `local`.
    pub fn address(&self, local: IpAddr) -> String {
        self.host.clone().unwrap_or(Host::Ip(local.to_canonical())).with_port(self.port)
    }

    /// The address for slaves, likewise.
    pub fn ha_address(&self, local: IpAddr) -> String {
        let host = self.ha_host.as_ref().or(self.host.as_ref());
        host.cloned().unwrap_or(Host::Ip(local.to_canonical())).with_port(self.ha_port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Profile;

    #[test]
    fn an_address_that_is_not_configured_is_that_of_the_connection() {
        let config = Config::with_properties(Profile::Server, &[("listenPort", "10911")]).unwrap();
        let identity = Identity::new(&config, 10911);
        assert_eq!(identity.address("::ffff:10.1.2.3".parse().unwrap()), "10.1.2.3:10911");
        assert_eq!(identity.ha_address("::1".parse().unwrap()), "[::1]:10912");
        let config = Config::with_properties(
            Profile::Server,
            &[("listenPort", "0"), ("brokerIP1", "broker.example"), ("brokerIP2", "10.0.0.2")],
        );
        let identity = Identity::new(&config.unwrap(), 4000);
        let local = "127.0.0.1".parse().unwrap();
        assert_eq!(identity.address(local), "broker.example:4000");
        assert_eq!(identity.ha_address(local), "10.0.0.2:4001");
    }
}
