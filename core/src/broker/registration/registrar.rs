//! One NameServer: what is sent to it and when.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::{Identity, LocalRegistry, OrderTable, Shared};
use crate::config::LiveConfig;
use crate::format::disk::tables::{DataVersion, TopicTable};
use crate::format::wire::body::KvTable;
use crate::format::wire::body::register::{RegisterBroker, body_crc32};
use crate::format::wire::codes::{RequestCode, ResponseCode};
use crate::format::wire::fastjson;
use crate::format::wire::header::route::{BrokerHeader, DataVersionAnswer, RegisterBrokerHeader};
use crate::format::wire::{OutgoingRequest, RemotingCommand};
use crate::net::{ConnectionId, NetError, Peer, RemotingClient};

/// A server that failed is tried again after this time, then after twice as long, up to the period.
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// How long a NameServer may take to unregister.
const UNREGISTER_TIMEOUT: Duration = Duration::from_secs(3);

/// A line to a NameServer. A server that was reached over another line may have forgotten everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    InProcess,
    Connection(Peer),
}

impl Line {
    fn id(&self) -> Option<ConnectionId> {
        match self {
            Line::InProcess => None,
            Line::Connection(peer) => Some(peer.id()),
        }
    }
}

/// The requests a NameServer understands. Errors are texts for the log.
pub(super) trait Registrar: Send + Sync {
    fn name(&self) -> String;
    /// The line to the server, made if there is none.
    fn line(&self) -> Result<Line, String>;
    fn register(
        &self,
        line: &Line,
        identity: &Identity,
        topics: &TopicTable,
    ) -> Result<Option<OrderTable>, String>;
    /// Whether the server holds another version; asked only with `forceRegister=false`.
    fn is_behind(&self, line: &Line, identity: &Identity, version: DataVersion) -> bool;
    fn unregister(&self, identity: &Identity) -> Result<(), String>;
}

/// What the server holds, and the line that proves it.
struct Held {
    line: Option<ConnectionId>,
    table: Arc<TopicTable>,
}

/// Body of a server's thread.
pub(super) fn run(shared: &Shared, index: usize, registrar: &dyn Registrar) {
    let Some(signal) = shared.progress.signal(index) else { return };
    let mut held: Option<Held> = None;
    let mut retry = RETRY_FIRST;
    let mut due = shared.clock.moment();
    loop {
        signal.wait(&shared.clock, Some(due));
        let Some(told) = shared.progress.begin() else { break };
        let is_due = shared.clock.moment() >= due;
        let outcome = attempt(shared, registrar, held.as_ref(), is_due);
        let period = Duration::from_millis(shared.config.load().broker.register_name_server_period.into());
        let pause = if outcome.is_ok() { period } else { retry.min(period) };
        retry = if outcome.is_ok() { RETRY_FIRST } else { pause * 2 };
        if is_due || outcome.is_err() {
            due = shared.clock.moment().after(pause);
        }
        let error = match outcome {
            Ok(success) => {
                follow_order(shared, index, success.order.as_ref());
                held = Some(success.held);
                None
            }
            Err(error) => {
                held = None;
                Some(error)
            }
        };
        let before = shared.progress.end(index, told, error.clone());
        log_change(registrar, before.as_deref(), error.as_deref());
    }
    if held.is_some() {
        match registrar.unregister(&shared.identity) {
            Ok(()) => {
                tracing::info!(target: "broker::registration", server = registrar.name(), "unregistered")
            }
            Err(error) => {
                tracing::warn!(target: "broker::registration", server = registrar.name(), error, "not unregistered");
            }
        }
    }
}

fn log_change(registrar: &dyn Registrar, before: Option<&str>, now: Option<&str>) {
    match (before, now) {
        (None, Some(error)) => {
            tracing::warn!(target: "broker::registration", server = registrar.name(), error, "not registered");
        }
        (Some(_), None) => {
            tracing::info!(target: "broker::registration", server = registrar.name(), "registered again")
        }
        _ => {}
    }
}

/// A NameServer without an order table leaves the flags as they are.
fn follow_order(shared: &Shared, index: usize, order: Option<&OrderTable>) {
    if let Some(order) = order.filter(|_| shared.progress.is_leading(index)) {
        shared.topics.update_order_flags(|topic| order.contains_key(topic));
    }
}

struct Success {
    held: Held,
    order: Option<OrderTable>,
}

fn attempt(
    shared: &Shared,
    registrar: &dyn Registrar,
    held: Option<&Held>,
    is_due: bool,
) -> Result<Success, String> {
    let table = shared.table();
    let line = registrar.line()?;
    let known = held.filter(|held| held.line == line.id());
    let success = |order, table| Ok(Success { held: Held { line: line.id(), table }, order });
    if let Some(known) = known {
        let is_current = known.table.data_version == table.data_version;
        if !is_due {
            let changed = changed_since(&known.table, &table);
            if is_current || changed.topic_config_table.is_empty() {
                return success(None, known.table.clone());
            }
            return success(registrar.register(&line, &shared.identity, &changed)?, table);
        }
        let is_forced = shared.config.load().broker.force_register;
        if !is_forced && !registrar.is_behind(&line, &shared.identity, table.data_version) {
            return success(None, table);
        }
    }
    success(registrar.register(&line, &shared.identity, &table)?, table)
}

/// The topics of `new` that `old` has not, with the version of `new`.
fn changed_since(old: &TopicTable, new: &TopicTable) -> TopicTable {
    let changed = new
        .topic_config_table
        .iter()
        .filter(|(name, topic)| old.topic_config_table.get(*name) != Some(topic))
        .map(|(name, topic)| (name.clone(), topic.clone()));
    TopicTable { data_version: new.data_version, topic_config_table: changed.collect() }
}

/// The NameServer of this process.
pub(super) struct Local(Arc<dyn LocalRegistry>);

impl Local {
    pub(super) fn new(registry: Arc<dyn LocalRegistry>) -> Self {
        Self(registry)
    }
}

impl Registrar for Local {
    fn name(&self) -> String {
        "local".to_owned()
    }

    fn line(&self) -> Result<Line, String> {
        Ok(Line::InProcess)
    }

    fn register(
        &self,
        _: &Line,
        identity: &Identity,
        topics: &TopicTable,
    ) -> Result<Option<OrderTable>, String> {
        let body = RegisterBroker { topics: topics.clone(), ..RegisterBroker::default() };
        self.0.register(identity, body).map_err(|error| error.to_string())
    }

    /// It costs as much to ask as to register.
    fn is_behind(&self, _: &Line, _: &Identity, _: DataVersion) -> bool {
        true
    }

    fn unregister(&self, identity: &Identity) -> Result<(), String> {
        self.0.unregister(identity);
        Ok(())
    }
}

/// A NameServer elsewhere.
pub(super) struct Remote {
    address: String,
    client: Arc<RemotingClient>,
    config: LiveConfig,
}

impl Remote {
    pub(super) fn new(address: String, client: Arc<RemotingClient>, config: LiveConfig) -> Self {
        Self { address, client, config }
    }

    /// Asks over exactly this connection. One that does not answer in time is closed: the next attempt starts fresh.
    fn ask(
        &self,
        line: &Line,
        request: OutgoingRequest,
        timeout: Duration,
    ) -> Result<RemotingCommand, String> {
        let Line::Connection(peer) = line else { return Err("not a connection".to_owned()) };
        let answer = peer.call_blocking(request, timeout);
        if matches!(answer, Err(NetError::Timeout(_))) {
            peer.close();
        }
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.code == ResponseCode::Success.code() {
            return Ok(answer);
        }
        Err(format!("answer {}: {}", answer.code, answer.remark.as_deref().unwrap_or_default()))
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.config.load().broker.register_broker_timeout_mills.into())
    }
}

/// Address of our side of the line.
fn local_ip(line: &Line) -> IpAddr {
    match line {
        Line::InProcess => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Line::Connection(peer) => peer.local_addr().ip(),
    }
}

impl Registrar for Remote {
    fn name(&self) -> String {
        self.address.clone()
    }

    fn line(&self) -> Result<Line, String> {
        self.client.connect(&self.address).map(Line::Connection).map_err(|error| error.to_string())
    }

    fn register(
        &self,
        line: &Line,
        identity: &Identity,
        topics: &TopicTable,
    ) -> Result<Option<OrderTable>, String> {
        let is_packed = self.config.load().broker.compressed_register;
        let body = RegisterBroker { topics: topics.clone(), ..RegisterBroker::default() }.encode(is_packed);
        let address = identity.address(local_ip(line));
        let ha_address = identity.ha_address(local_ip(line));
        let header = RegisterBrokerHeader {
            broker_id: Some(identity.id),
            body_crc32: Some(body_crc32(&body)),
            cluster_name: Some(&identity.cluster),
            broker_addr: Some(&address),
            ha_server_addr: Some(&ha_address),
            compressed: is_packed,
            broker_name: Some(&identity.broker),
        };
        let request =
            OutgoingRequest::new(RequestCode::RegisterBroker).with_fields(header.fields()).with_body(body);
        let answer = self.ask(line, request, self.timeout())?;
        if answer.body.is_empty() {
            return Ok(None);
        }
        // The broker is registered; an order table that does not read changes nothing.
        Ok(fastjson::from_slice::<KvTable>(&answer.body).ok().map(|order| order.table))
    }

    fn is_behind(&self, line: &Line, identity: &Identity, version: DataVersion) -> bool {
        let address = identity.address(local_ip(line));
        let request = OutgoingRequest::new(RequestCode::QueryDataVersion)
            .with_fields(broker_header(identity, &address).fields())
            .with_body(fastjson::to_vec(&version));
        let Ok(answer) = self.ask(line, request, self.timeout()) else { return true };
        let is_same = fastjson::from_slice(&answer.body).is_ok_and(|held: DataVersion| held == version);
        !is_same || DataVersionAnswer::decode(&answer.ext).changed.unwrap_or(true)
    }

    fn unregister(&self, identity: &Identity) -> Result<(), String> {
        let line = self.line()?;
        let address = identity.address(local_ip(&line));
        let request = OutgoingRequest::new(RequestCode::UnregisterBroker)
            .with_fields(broker_header(identity, &address).fields());
        self.ask(&line, request, UNREGISTER_TIMEOUT).map(drop)
    }
}

fn broker_header<'a>(identity: &'a Identity, address: &'a str) -> BrokerHeader<'a> {
    BrokerHeader {
        broker_id: Some(identity.id),
        cluster_name: Some(&identity.cluster),
        broker_addr: Some(address),
        broker_name: Some(&identity.broker),
    }
}
