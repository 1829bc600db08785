//! Lists of topics, and their deletion: codes 206, 216, 224, 304, 311, 312, 313 (namesrv.md §6).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Answer, Failure, host_of, json};
use crate::format::wire::body::TopicList;
use crate::format::wire::codes::RequestCode;
use crate::format::wire::command::{RemotingCommand, Response};
use crate::format::wire::header::route::{ClusterHeader, DeleteRouteHeader};
use crate::namesrv::routes::{RouteTable, TopicChoice};
use crate::net::Peer;

pub(super) struct TopicProcessor {
    routes: Arc<RouteTable>,
}

impl TopicProcessor {
    pub(super) fn new(routes: &Arc<RouteTable>) -> Self {
        Self { routes: routes.clone() }
    }

    /// Names of clusters and brokers, which are topics too, and a broker to ask for the others.
    #[doc(alias = "getSystemTopicListFromNs")]
    fn system(&self, host: IpAddr) -> Response {
        let brokers = self.routes.brokers();
        let any = brokers.iter().find_map(|broker| broker.addresses.values().next());
        let clusters: BTreeSet<&str> = brokers.iter().map(|broker| broker.cluster.as_ref()).collect();
        let names = clusters.into_iter().chain(brokers.iter().map(|broker| broker.name.as_ref()));
        json(&TopicList {
            broker_addr: any.map(|address| address.seen_through(host)),
            topic_list: names.map(str::to_owned).collect(),
        })
    }

    #[doc(alias = "deleteTopicInNamesrv")]
    fn delete(&self, request: &RemotingCommand, peer: &Peer) -> Response {
        let header = DeleteRouteHeader::decode(&request.ext);
        if let Some(topic) = header.topic {
            let cluster = header.cluster_name.filter(|cluster| !cluster.is_empty());
            self.routes.delete_topic(topic, cluster);
            tracing::info!(target: "broker::namesrv", topic, cluster, ?peer, "topic deleted");
        }
        Response::success()
    }
}

impl Answer for TopicProcessor {
    fn answer(&self, request: &RemotingCommand, peer: &Peer) -> Result<Response, Failure> {
        use RequestCode::*;
        let topics = match request.request_code() {
            Some(GetSystemTopicListFromNs) => return Ok(self.system(host_of(peer))),
            Some(DeleteTopicInNamesrv) => return Ok(self.delete(request, peer)),
            Some(GetTopicsByCluster) => {
                let cluster = ClusterHeader::decode(&request.ext).cluster;
                cluster.map(|cluster| self.routes.topics_of_cluster(cluster)).unwrap_or_default()
            }
            Some(GetUnitTopicList) => self.routes.topics_by_unit(TopicChoice::Unit),
            Some(GetHasUnitSubTopicList) => self.routes.topics_by_unit(TopicChoice::UnitSub),
            Some(GetHasUnitSubUnunitTopicList) => self.routes.topics_by_unit(TopicChoice::UnitSubWithoutUnit),
            _ => self.routes.topics(),
        };
        let topic_list = topics.iter().map(|topic| topic.as_ref().to_owned()).collect();
        Ok(json(&TopicList { broker_addr: None, topic_list }))
    }
}
