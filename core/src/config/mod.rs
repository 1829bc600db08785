//! One typed table of every Java property.
//!
//! [`Config`] is the tree everything reads: plain typed fields, named like the Java keys in snake case. Its fields and the
//! rows of [`table`] come from one declaration per key in `broker.rs`, `store.rs`, `net.rs`, `namesrv.rs` and `system.rs`.
//! [`load`] puts defaults, a properties file and given properties together; [`live`] holds what may change at run time.

mod address;
mod broker;
mod cross;
pub mod live;
pub mod load;
mod machine;
mod namesrv;
mod net;
mod page;
pub mod properties;
mod rejection;
mod store;
mod system;
pub mod table;
mod value;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use address::{Endpoint, Host, ServerList};
pub use broker::BrokerConfig;
pub use live::LiveConfig;
pub use load::{Loaded, Sources};
pub use machine::Machine;
pub use namesrv::NamesrvConfig;
pub use net::client::ClientConfig;
pub use net::server::ServerConfig;
pub use page::page;
pub use rejection::{Origin, Rejection};
pub use store::StoreConfig;
pub use system::{ELSEWHERE, Elsewhere, SystemConfig};
pub use table::{Row, Section, Status};
pub use value::{
    BrokerRole, ClientAuth, DelayList, FlushDiskType, Hours, KeyList, Name, Ratio, Secret, SerializeType,
    TlsMode,
};

use crate::error::Error;

/// Which program a configuration is for. It decides the default of `listenPort`, as Java's two start classes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// A broker, with or without its own NameServer.
    Broker,
    /// A NameServer alone.
    Namesrv,
}

/// Which set of defaults applies. A profile never changes behaviour, only defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Java's defaults.
    #[default]
    Server,
    /// Small files, few threads and free ports, for a broker inside a program or a test.
    Embedded,
}

/// The whole configuration of one process handle.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Java's `BrokerConfig`.
    pub broker: BrokerConfig,
    /// Java's `MessageStoreConfig`.
    pub store: StoreConfig,
    /// Java's `NettyServerConfig`.
    pub server: ServerConfig,
    /// Java's `NettyClientConfig`.
    pub client: ClientConfig,
    /// Java's `NamesrvConfig`.
    pub namesrv: NamesrvConfig,
    /// What Java takes from system properties.
    pub system: SystemConfig,
}

impl Default for Config {
    /// The server defaults of a broker on [`Machine::unknown`]: the same on every machine.
    fn default() -> Self {
        Config::new(Program::Broker, Profile::Server, &Machine::unknown())
    }
}

impl Config {
    /// The defaults.
    pub fn new(program: Program, profile: Profile, machine: &Machine) -> Self {
        let mut config = Self {
            broker: BrokerConfig::blank(),
            store: StoreConfig::blank(),
            server: ServerConfig::blank(),
            client: ClientConfig::blank(),
            namesrv: NamesrvConfig::blank(),
            system: SystemConfig::blank(),
        };
        for row in table::all() {
            row.apply_default(&mut config, profile, machine);
        }
        if program == Program::Namesrv && profile == Profile::Server {
            config.server.listen_port = 9876;
        }
        config.follow();
        config
    }

    /// The defaults of `profile` with `properties` on top, on [`Machine::unknown`].
    pub fn with_properties(profile: Profile, properties: &[(&str, &str)]) -> Result<Self, Error> {
        let machine = Machine::unknown();
        let mut sources = Sources::new(Program::Broker, profile, &machine);
        for (key, value) in properties {
            sources.give(Origin::Property, *key, *value);
        }
        sources.load().map(|loaded| loaded.config)
    }

    /// Sets what follows other keys: `haListenPort` is `listenPort`+1 whatever a file says, as in Java.
    fn follow(&mut self) {
        self.store.ha_listen_port = match self.server.listen_port {
            0 => 0,
            port => port.saturating_add(1),
        };
    }

    /// The address to listen on: `bindAddress`, else `brokerIP1`, else the loopback.
    pub fn listen_host(&self) -> Host {
        let named = self.server.bind_address.as_ref().or(self.broker.broker_ip1.as_ref());
        named.cloned().unwrap_or(Host::LOOPBACK)
    }

    /// The address this broker announces: `brokerIP1`, else the listening address when it is a single one. `None` means
    /// that each asker is answered with the address through which it reached us.
    pub fn announced_host(&self) -> Option<Host> {
        let listening = || self.server.bind_address.clone().filter(|host| !host.is_unspecified());
        self.broker.broker_ip1.clone().or_else(listening)
    }

    /// Where `conf/` is looked in: `rocketmqHome`, else the store root.
    pub fn home_dir(&self) -> &Path {
        self.broker.rocketmq_home.as_deref().unwrap_or(&self.store.store_path_root_dir)
    }

    /// The file to which a remote update is written when there is no `-c` file; Java uses the same name below its
    /// default store root.
    pub fn update_file(&self) -> PathBuf {
        self.store.store_path_root_dir.join("config").join("broker.properties")
    }

    /// Every key of `sections` with its value, in printing order; unset ones as empty text, as Java prints them. A key
    /// that several objects share appears once, a secret never, a system property when it is not at its default.
    pub fn items(&self, sections: &[Section]) -> Vec<(&'static str, String)> {
        let rows = self.shown_rows(sections);
        rows.map(|row| (row.key(), row.get(self).unwrap_or_default())).collect()
    }

    /// Like [`Config::items`] without the unset keys: what GET_BROKER_CONFIG answers.
    pub fn dump(&self, sections: &[Section]) -> Vec<(&'static str, String)> {
        let rows = self.shown_rows(sections);
        rows.filter_map(|row| Some((row.key(), row.get(self)?))).collect()
    }

    /// The keys marked important, for `-m`.
    pub fn important(&self, sections: &[Section]) -> Vec<(&'static str, String)> {
        let rows = self.shown_rows(sections).filter(|row| row.is_important());
        rows.map(|row| (row.key(), row.get(self).unwrap_or_default())).collect()
    }

    fn shown_rows(&self, sections: &[Section]) -> impl Iterator<Item = &'static Row> {
        let defaults = Config::default();
        let mut shown: Vec<&'static str> = Vec::new();
        let rows = sections.iter().flat_map(|section| section.rows());
        rows.filter(move |row| {
            let is_default = row.section() == Section::System && row.get(self) == row.get(&defaults);
            let is_new = !shown.contains(&row.key());
            if is_new {
                shown.push(row.key());
            }
            is_new && !is_default && !row.is_secret()
        })
    }
}

/// `key=value` lines as Java writes them in the answer to GET_BROKER_CONFIG: no escapes, one line break after each.
pub fn lines(entries: &[(&'static str, String)]) -> String {
    entries.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
}
