//! Which cluster is meant, and its brokers.

use clap::Args;
use libbroker::internals::format::wire::body::{ClusterTable, TopicRoute};
use libbroker::internals::format::wire::header::route::RouteHeader;
use libbroker::internals::format::wire::{HeaderFields, RequestCode, ResponseCode, Serializer};
use libbroker::{Error, ErrorKind};

use super::ask::body_of;
use crate::connection::Connection;

const MASTER: i64 = 0;
const PORT_OF_BROKER: u16 = 10911;
const PORT_OF_NAMESRV: u16 = 9876;

/// The cluster of a tool.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// NameServers to ask where a topic is, split by `;`
    #[arg(
        short = 'n',
        long = "namesrvAddr",
        value_name = "HOST:PORT",
        env = "NAMESRV_ADDR",
        default_value = "127.0.0.1:9876"
    )]
    pub namesrv: String,

    /// The broker itself, without a NameServer
    #[arg(short = 'b', long = "brokerAddr", value_name = "HOST:PORT")]
    pub broker: Option<String>,
}

/// A broker that answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// Its name; its address where nobody told the name.
    pub name: String,
    /// `host:port`.
    pub address: String,
    /// The cluster's name, where it is known.
    pub cluster: Option<String>,
}

impl Node {
    /// A new connection to it.
    pub fn connect(&self) -> Result<Connection, Error> {
        Connection::open(&self.address, Serializer::Json).map_err(|error| {
            let advice =
                "is that broker running? Start one with `mqbroker`, or name another with -b HOST:PORT";
            Error::new(error.kind(), format!("no broker there: {error}; {advice}"))
        })
    }
}

impl Target {
    /// Every master of the cluster, or the one broker.
    pub fn nodes(&self) -> Result<Vec<Node>, Error> {
        if let Some(node) = self.named_broker() {
            return Ok(vec![node]);
        }
        let mut namesrv = self.namesrv()?;
        let (code, what) = (RequestCode::GetBrokerClusterInfo, "list of brokers");
        let table: ClusterTable =
            body_of(&mut namesrv, code, HeaderFields::new(), what, &[])?.unwrap_or_default();
        let nodes: Vec<Node> = table
            .broker_addr_table
            .into_values()
            .filter_map(|broker| {
                let address = broker.broker_addrs.get(&MASTER)?.clone();
                Some(Node { name: broker.broker_name, address, cluster: Some(broker.cluster) })
            })
            .collect();
        if nodes.is_empty() {
            let text = format!(
                "no broker has registered with the NameServer {}; start one with `mqbroker -n {}`",
                self.namesrv, self.namesrv
            );
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        Ok(nodes)
    }

    /// The route of a topic; `None` when there is none.
    pub fn route(&self, topic: &str) -> Result<Option<TopicRoute>, Error> {
        let mut namesrv = self.namesrv()?;
        let header = RouteHeader { topic: Some(topic), accept_standard_json_only: None };
        let (code, what) = (RequestCode::GetRouteinfoByTopic, format!("route of {topic}"));
        body_of(&mut namesrv, code, header.fields(), &what, &[ResponseCode::TopicNotExist])
    }

    /// The masters of a topic, to read from; fails when nobody knows it.
    pub fn nodes_of(&self, topic: &str) -> Result<Vec<Node>, Error> {
        if let Some(node) = self.named_broker() {
            return Ok(vec![node]);
        }
        let route = self.route(topic)?.ok_or_else(|| self.no_route(topic))?;
        let nodes: Vec<Node> = masters(&route).collect();
        if nodes.is_empty() { Err(self.no_route(topic)) } else { Ok(nodes) }
    }

    /// The broker that was named.
    pub fn named_broker(&self) -> Option<Node> {
        let address = with_port(self.broker.as_deref()?, PORT_OF_BROKER);
        Some(Node { name: address.clone(), address, cluster: None })
    }

    /// What to tell who wants a topic without a route.
    pub fn no_route(&self, topic: &str) -> Error {
        let advice = "`mqbroker topics` lists what there is; a topic comes with its first message where the broker \
                      has autoCreateTopicEnable=true, else it is created with mqadmin updateTopic";
        let text =
            format!("no route: the NameServer {} does not know the topic {topic}; {advice}", self.namesrv);
        Error::new(ErrorKind::NotFound, text)
    }

    /// A connection to the first NameServer that answers.
    fn namesrv(&self) -> Result<Connection, Error> {
        let mut failure = Error::new(ErrorKind::InvalidArgument, "-n: no NameServer is named");
        for address in self.namesrv.split(';').map(str::trim).filter(|address| !address.is_empty()) {
            match Connection::open(&with_port(address, PORT_OF_NAMESRV), Serializer::Json) {
                Ok(connection) => return Ok(connection),
                Err(error) => {
                    let advice = "start one with `mqbroker`, name another with -n HOST:PORT, or ask a broker \
                                  directly with -b HOST:PORT";
                    failure = Error::new(error.kind(), format!("no NameServer there: {error}; {advice}"));
                }
            }
        }
        Err(failure)
    }
}

/// The masters in a route.
pub fn masters(route: &TopicRoute) -> impl Iterator<Item = Node> + '_ {
    route.brokers.iter().filter_map(|broker| {
        let address = broker.broker_addrs.get(&MASTER)?.clone();
        Some(Node { name: broker.broker_name.clone(), address, cluster: Some(broker.cluster.clone()) })
    })
}

/// An address without a port has the usual one.
fn with_port(address: &str, port: u16) -> String {
    let has_port = address.rsplit_once(':').is_some_and(|(host, port)| {
        port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']'))
    });
    match address.parse::<std::net::Ipv6Addr>() {
        Ok(_) => format!("[{address}]:{port}"),
        Err(_) if has_port => address.to_owned(),
        Err(_) => format!("{address}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_port_gets_the_usual_one() {
        for (given, used) in [
            ("host", "host:9876"),
            ("host:1", "host:1"),
            ("10.0.0.1", "10.0.0.1:9876"),
            ("::1", "[::1]:9876"),
            ("[::1]:5", "[::1]:5"),
            ("[::1]", "[::1]:9876"),
        ] {
            assert_eq!(with_port(given, 9876), used);
        }
    }
}
