//! Addresses in configuration: hosts and lists of NameServers.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use super::value::{Limits, Value};

/// An IP address or a host name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A literal address; brackets around IPv6 are not part of it.
    Ip(IpAddr),
    /// A name to be resolved.
    Name(String),
}

impl Host {
    /// 127.0.0.1.
    pub const LOOPBACK: Host = Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST));

    /// The host in `text`, if it is one. A name whose last part is a number is a mistyped address, not a name.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Some(bare) = bare {
            return bare.parse().ok().filter(IpAddr::is_ipv6).map(Host::Ip);
        }
        if let Ok(ip) = text.parse() {
            return Some(Host::Ip(ip));
        }
        let labels_fit = text.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        });
        let numeric_end =
            text.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
        (labels_fit && !numeric_end && text.len() <= 253).then(|| Host::Name(text.to_owned()))
    }

    /// Whether this is 0.0.0.0 or ::, which can be listened on but not connected to.
    pub fn is_unspecified(&self) -> bool {
        matches!(self, Host::Ip(ip) if ip.is_unspecified())
    }

    /// The address with a port, IPv6 in brackets.
    pub fn with_port(&self, port: u16) -> String {
        match self {
            Host::Ip(IpAddr::V6(ip)) => format!("[{ip}]:{port}"),
            host => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Ip(ip) => ip.fmt(f),
            Host::Name(name) => f.write_str(name),
        }
    }
}

impl Value for Host {
    const KIND: &'static str = "address";

    fn blank() -> Self {
        Host::LOOPBACK
    }

    fn read(text: &str, _: Limits) -> Option<Self> {
        Host::parse(text)
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn allowed(_: Limits) -> String {
        "an IP address or a host name, without a port".to_owned()
    }
}

/// One server with its port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The host.
    pub host: Host,
    /// The port, never 0.
    pub port: u16,
}

impl Endpoint {
    /// The endpoint in `host:port`, if it is one; an IPv6 host may have brackets.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
        Some(Self { host: Host::parse(host)?, port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host.with_port(self.port))
    }
}

/// NameServers, split by semicolons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerList {
    text: String,
    endpoints: Vec<Endpoint>,
}

impl ServerList {
    /// The list in `text`, if every entry is `host:port`. Empty entries at the end are ignored, as Java's `split` does.
    pub fn parse(text: &str) -> Option<Self> {
        let entries = text.trim_end_matches([';', ' ']).split(';').map(|entry| Endpoint::parse(entry.trim()));
        let endpoints: Option<Vec<Endpoint>> = entries.collect();
        endpoints.map(|endpoints| Self { text: text.to_owned(), endpoints })
    }

    /// The servers, at least one.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The list as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ServerList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Value for ServerList {
    const KIND: &'static str = "servers";

    fn blank() -> Self {
        ServerList { text: String::new(), endpoints: Vec::new() }
    }

    fn read(text: &str, _: Limits) -> Option<Self> {
        ServerList::parse(text)
    }

    fn show(&self) -> Option<String> {
        Some(self.text.clone())
    }

    fn allowed(_: Limits) -> String {
        "host:port entries split by ';', such as 127.0.0.1:9876;192.168.0.1:9876".to_owned()
    }
}
