//! The NameServer: which brokers there are, which topics they have, and a small key-value table.
//!
//! A request takes this way: `net` reads it → a lane of [`lanes`](processor) → one processor per noun → [`RouteTable`],
//! [`KvTable`] or the configuration → answer. Brokers leave by request, with their connection, or by silence
//! (`housekeeping`). Nothing but the key-value table and configuration updates survives a restart; brokers register again
//! within seconds.
//!
//! A broker of this process needs no socket to register: [`NameServer::register_local`]. When it announces no address of
//! its own, every asker is told the host through which it reached this NameServer ([`BrokerAddress::Local`]).

mod address;
mod housekeeping;
mod kv;
mod processor;
mod routes;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::LiveConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::mmap::disk::Disk;
use crate::net::{Faults, IoThreads, RemotingServer, ServerOptions};
use crate::runtime::threads::Poison;
use crate::runtime::timers::Timers;

use housekeeping::Departures;
use processor::Lanes;

pub use address::BrokerAddress;
pub use kv::{KvTable, Namespace, ORDER_TOPIC_CONFIG};
pub use routes::{
    BROKER_SILENCE_MAX, BrokerView, Holder, MASTER_ID, Master, Refusal, Registration, RouteTable, RouteView,
    TopicChoice, TopicQueues,
};

/// How long a stop waits for answers that are being written.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// A running NameServer. Dropping it stops it.
#[derive(Debug)]
#[doc(alias = "NamesrvController")]
pub struct NameServer {
    server: RemotingServer,
    lanes: Lanes,
    timers: Timers,
    poison: Poison,
    routes: Arc<RouteTable>,
    kv: Arc<KvTable>,
}

/// What a broker learns by registering.
#[derive(Debug, Clone)]
pub struct Registered {
    /// For a slave: its master.
    pub master: Master,
    /// Namespace [`ORDER_TOPIC_CONFIG`], once it was used: topic → `broker:queues;...`.
    pub order_topics: Option<Arc<Namespace>>,
}

impl NameServer {
    /// Reads the key-value table, binds and serves. Ready when it returns. Port 0 takes a free one. Requests fail as `faults` say.
    pub fn start(
        io: &IoThreads,
        config: &LiveConfig,
        bind: IpAddr,
        port: u16,
        clock: &Clock,
        faults: Faults,
    ) -> Result<Self> {
        let kv = Arc::new(KvTable::open(&config.load().namesrv.kv_config_path, Disk::real())?);
        let routes = Arc::new(RouteTable::new(clock.clone()));
        let lanes = Lanes::new();
        let mut router = processor::router(&lanes, &routes, &kv, config);
        router.fail_by(faults);
        let departures = Arc::new(Departures::new(routes.clone()));
        let poison = Poison::new();
        let timers = Timers::start("namesrv-timers", clock.clone(), &poison)?;
        let options = server_options(config, bind, port);
        let server = RemotingServer::start(io, options, router, departures.clone())?;
        departures.watch_silence(&timers);
        tracing::info!(target: "broker::namesrv", address = %server.local_addr(), "name server started");
        Ok(Self { server, lanes, timers, poison, routes, kv })
    }

    /// Where it listens: with port 0 asked for, the port the system chose.
    pub fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Takes or refreshes the registration of a broker of this process. It is in the next answer, and stays until
    /// [`NameServer::unregister_local`].
    pub fn register_local(&self, registration: Registration) -> Result<Registered> {
        let master = self
            .routes
            .register(registration, Holder::InProcess)
            .map_err(|refusal| Error::new(ErrorKind::InvalidArgument, format!("register: {refusal}")))?;
        Ok(Registered { master, order_topics: self.kv.namespace(ORDER_TOPIC_CONFIG) })
    }

    /// Takes the broker at this address out; false when it is not there.
    pub fn unregister_local(&self, address: &BrokerAddress) -> bool {
        self.routes.unregister(address)
    }

    /// The route tables, for inspection.
    pub fn routes(&self) -> &RouteTable {
        &self.routes
    }

    /// Why it does not watch for silent brokers any more; `None` while all is well.
    pub fn failure(&self) -> Option<&str> {
        self.poison.reason()
    }

    /// Answers what was asked, closes every connection and joins every thread. Idempotent; not from an I/O thread.
    pub fn stop(&self) {
        self.timers.stop();
        self.server.drain_and_stop(DRAIN_TIMEOUT);
        self.lanes.stop();
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn server_options(config: &LiveConfig, bind: IpAddr, port: u16) -> ServerOptions {
    let config = config.load();
    let server = &config.server;
    let size = |bytes: u32| (bytes > 0).then_some(bytes as usize);
    ServerOptions {
        bind,
        port,
        backlog: i32::try_from(server.server_socket_backlog).unwrap_or(i32::MAX),
        idle: Duration::from_secs(u64::from(server.server_channel_max_idle_time_seconds)),
        frame_size_max: config.system.frame_max_length as usize,
        oneways_max: server.server_oneway_semaphore_value as usize,
        send_buffer_bytes: size(server.server_socket_snd_buf_size),
        receive_buffer_bytes: size(server.server_socket_rcv_buf_size),
        ..ServerOptions::default()
    }
}

#[cfg(test)]
mod tests;
