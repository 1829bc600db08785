//! Where topics and brokers are: codes 105 and 106 (namesrv.md §5, §6).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Answer, Failure, host_of, json, or_null};
use crate::config::LiveConfig;
use crate::format::wire::body::{BrokerRoute, ClusterTable, QueueRoute, TopicRoute};
use crate::format::wire::codes::{RequestCode, ResponseCode, version};
use crate::format::wire::command::{RemotingCommand, Response};
use crate::format::wire::fastjson;
use crate::format::wire::header::route::RouteHeader;
use crate::namesrv::kv::{KvTable, ORDER_TOPIC_CONFIG};
use crate::namesrv::routes::{BrokerView, RouteTable, RouteView};
use crate::net::Peer;

pub(super) struct RouteProcessor {
    routes: Arc<RouteTable>,
    kv: Arc<KvTable>,
    config: LiveConfig,
}

impl RouteProcessor {
    pub(super) fn new(routes: &Arc<RouteTable>, kv: &Arc<KvTable>, config: &LiveConfig) -> Self {
        Self { routes: routes.clone(), kv: kv.clone(), config: config.clone() }
    }

    #[doc(alias = "getRouteInfoByTopic")]
    fn topic(&self, request: &RemotingCommand, host: IpAddr) -> Response {
        let header = RouteHeader::decode(&request.ext);
        let Some((topic, view)) = header.topic.and_then(|topic| Some((topic, self.routes.route(topic)?)))
        else {
            return Response::error(ResponseCode::TopicNotExist, no_route(header.topic));
        };
        let mut route = topic_route(view, host);
        if self.config.load().namesrv.order_message_enable {
            route.order_topic_conf = self.kv.get(ORDER_TOPIC_CONFIG, topic);
        }
        let strict = request.version >= version::V4_9_4 || header.accept_standard_json_only == Some(true);
        let body = if strict { fastjson::to_strict(&route) } else { fastjson::to_vec(&route) };
        Response::success().with_body(body)
    }

    #[doc(alias = "getBrokerClusterInfo")]
    fn brokers(&self, host: IpAddr) -> Response {
        let mut table = ClusterTable::default();
        for broker in self.routes.brokers() {
            let names = table.cluster_addr_table.entry(broker.cluster.as_ref().to_owned()).or_default();
            names.push(broker.name.as_ref().to_owned());
            table.broker_addr_table.insert(broker.name.as_ref().to_owned(), broker_route(&broker, host));
        }
        json(&table)
    }
}

impl Answer for RouteProcessor {
    fn answer(&self, request: &RemotingCommand, peer: &Peer) -> Result<Response, Failure> {
        Ok(match request.request_code() {
            Some(RequestCode::GetBrokerClusterInfo) => self.brokers(host_of(peer)),
            _ => self.topic(request, host_of(peer)),
        })
    }
}

/// Java's text; clients test the code only.
fn no_route(topic: Option<&str>) -> String {
    format!(
        "No topic route info in name server for the topic: {}\nSee http://rocketmq.apache.org/docs/faq/ for further details.",
        or_null(topic)
    )
}

fn topic_route(view: RouteView, host: IpAddr) -> TopicRoute {
    let queues = view.queues.iter().map(|(broker, queues)| QueueRoute {
        broker_name: broker.as_ref().to_owned(),
        perm: queues.perm,
        read_queue_nums: queues.read_queue_count,
        topic_sys_flag: queues.sys_flag,
        write_queue_nums: queues.write_queue_count,
    });
    let filter_servers = view.filter_servers.iter();
    let filter_server_table: BTreeMap<_, _> =
        filter_servers.map(|(address, servers)| (address.seen_through(host), servers.to_vec())).collect();
    TopicRoute {
        brokers: view.brokers.iter().map(|broker| broker_route(broker, host)).collect(),
        filter_server_table,
        order_topic_conf: None,
        queues: queues.collect(),
    }
}

fn broker_route(broker: &BrokerView, host: IpAddr) -> BrokerRoute {
    let addresses = broker.addresses.iter();
    BrokerRoute {
        broker_addrs: addresses.map(|(id, address)| (*id, address.seen_through(host))).collect(),
        broker_name: broker.name.as_ref().to_owned(),
        cluster: broker.cluster.as_ref().to_owned(),
    }
}
