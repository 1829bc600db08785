//! Brokers that come, stay and go: codes 103, 104 and 322 (namesrv.md §2 to §4).

use std::fmt::Display;
use std::sync::Arc;

use super::{Answer, Failure, host_of, required};
use crate::format::disk::tables::{DataVersion, TopicTable};
use crate::format::wire::body::KvTable as KvBody;
use crate::format::wire::body::register::{RegisterBroker, body_crc32};
use crate::format::wire::codes::{RequestCode, ResponseCode, version};
use crate::format::wire::command::{RemotingCommand, Response};
use crate::format::wire::fastjson;
use crate::format::wire::fields::HeaderFields;
use crate::format::wire::header::route::{
    BrokerHeader, DataVersionAnswer, RegisterBrokerAnswer, RegisterBrokerHeader,
};
use crate::namesrv::address::BrokerAddress;
use crate::namesrv::kv::{KvTable, ORDER_TOPIC_CONFIG};
use crate::namesrv::routes::{Holder, Registration, RouteTable};
use crate::net::Peer;

pub(super) struct RegistrationProcessor {
    routes: Arc<RouteTable>,
    kv: Arc<KvTable>,
}

impl RegistrationProcessor {
    pub(super) fn new(routes: &Arc<RouteTable>, kv: &Arc<KvTable>) -> Self {
        Self { routes: routes.clone(), kv: kv.clone() }
    }

    #[doc(alias = "registerBrokerWithFilterServer")]
    fn register(&self, request: &RemotingCommand, peer: &Peer) -> Result<Response, Failure> {
        let header = RegisterBrokerHeader::decode(&request.ext);
        if header.body_crc32.is_some_and(|sum| sum != 0 && sum != body_crc32(&request.body)) {
            let refused = Response::error(ResponseCode::SystemError, "crc32 not match");
            return Ok(refused.with_fields(HeaderFields::new()));
        }
        let registration = Registration {
            cluster: required(header.cluster_name, "clusterName")?.to_owned(),
            broker: required(header.broker_name, "brokerName")?.to_owned(),
            id: required(header.broker_id, "brokerId")?,
            address: BrokerAddress::announced(required(header.broker_addr, "brokerAddr")?),
            ha_address: header.ha_server_addr.map(BrokerAddress::announced),
            body: body_of(request, header.compressed)?,
        };
        let master = self.routes.register(registration, Holder::Connection(peer.clone()))?;
        if !peer.is_open() {
            // Its end may have been told before it was in the tables.
            self.routes.connection_closed(peer);
        }
        let seen = |address: Option<BrokerAddress>| address.map(|at| at.seen_through(host_of(peer)));
        let (master_addr, ha_server_addr) = (seen(master.address), seen(master.ha_address));
        let fields = RegisterBrokerAnswer {
            ha_server_addr: ha_server_addr.as_deref(),
            master_addr: master_addr.as_deref(),
        };
        let response = Response::success().with_fields(fields.fields());
        Ok(match self.kv.namespace(ORDER_TOPIC_CONFIG) {
            Some(order) => response.with_body(fastjson::to_vec(&KvBody { table: order.as_ref().clone() })),
            None => response,
        })
    }

    #[doc(alias = "unregisterBroker")]
    fn unregister(&self, request: &RemotingCommand) -> Response {
        let header = BrokerHeader::decode(&request.ext);
        if let Some(address) = header.broker_addr {
            self.routes.unregister(&BrokerAddress::announced(address));
        }
        Response::success()
    }

    #[doc(alias = "queryBrokerTopicConfig")]
    fn compare_version(&self, request: &RemotingCommand) -> Result<Response, Failure> {
        let header = BrokerHeader::decode(&request.ext);
        let version: Option<DataVersion> =
            if request.body.is_empty() { None } else { Some(fastjson::from_slice(&request.body)?) };
        let address = BrokerAddress::announced(header.broker_addr.unwrap_or_default());
        let (changed, known) = self.routes.compare_version(&address, version);
        let answer = DataVersionAnswer { changed: Some(changed) };
        let response = Response::success().with_fields(answer.fields());
        Ok(match known {
            Some(known) => response.with_body(fastjson::to_vec(&known)),
            None => response,
        })
    }
}

impl Answer for RegistrationProcessor {
    fn answer(&self, request: &RemotingCommand, peer: &Peer) -> Result<Response, Failure> {
        match request.request_code() {
            Some(RequestCode::RegisterBroker) => self.register(request, peer),
            Some(RequestCode::UnregisterBroker) => Ok(self.unregister(request)),
            _ => self.compare_version(request),
        }
    }
}

/// Brokers older than 3.0.11 send the topics alone, never packed.
fn body_of(request: &RemotingCommand, packed: bool) -> Result<RegisterBroker, Failure> {
    let unreadable = |error: &dyn Display| Failure(format!("the body does not decode: {error}"));
    let is_old = request.version < version::V3_0_11;
    if is_old {
        let topics = match &request.body[..] {
            [] => TopicTable::default(),
            body => fastjson::from_slice(body).map_err(|error| unreadable(&error))?,
        };
        return Ok(RegisterBroker { filter_servers: None, topics });
    }
    match &request.body[..] {
        [] => Ok(RegisterBroker::default()),
        body => RegisterBroker::decode(body, packed).map_err(|error| unreadable(&error)),
    }
}
