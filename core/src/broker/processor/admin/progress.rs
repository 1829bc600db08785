//! Codes 208, 303, 317, 321.

use super::{AdminProcessor, Answer, given, json, required, with_default_remark};
use crate::broker::admin::queue_view::{Entries, Viewed};
use crate::config::Host;
use crate::format::wire::header::admin::{BrokerConsumeStatsHeader, ConsumeStatsHeader};
use crate::format::wire::header::offset::ConsumeTimeSpanHeader;
use crate::format::wire::header::query::QueryConsumeQueueHeader;
use crate::format::wire::{RemotingCommand, Response};
use crate::net::Peer;

impl AdminProcessor {
    /// Code 208.
    pub(super) fn consume_stats(&self, request: &RemotingCommand) -> Answer {
        let header = ConsumeStatsHeader::decode(&request.ext);
        let group = required(header.consumer_group, "consumerGroup")?;
        Ok(json(&self.admin.progress.of_group(group, given(header.topic))))
    }

    /// Code 317.
    pub(super) fn broker_consume_stats(&self, request: &RemotingCommand, peer: &Peer) -> Response {
        let is_order = BrokerConsumeStatsHeader::decode(&request.ext).is_order;
        json(&self.admin.progress.of_all(is_order, self.address_for(peer)))
    }

    /// The address this broker announces, else the one the caller knows it by.
    fn address_for(&self, peer: &Peer) -> String {
        let config = self.config.load();
        let local = peer.local_addr();
        let port = Some(config.server.listen_port).filter(|port| *port != 0).unwrap_or(local.port());
        config.announced_host().unwrap_or(Host::Ip(local.ip().to_canonical())).with_port(port)
    }

    /// Code 303.
    pub(super) fn consume_time_span(&self, request: &RemotingCommand) -> Answer {
        let header = ConsumeTimeSpanHeader::decode(&request.ext);
        let topic = required(header.topic, "topic")?;
        let spans = self.admin.progress.time_spans(topic, header.group.unwrap_or_default())?;
        Ok(json(&spans))
    }

    /// Code 321.
    pub(super) fn consume_queue(&self, request: &RemotingCommand) -> Answer {
        let header = QueryConsumeQueueHeader::decode(&request.ext);
        let viewed = self.admin.queues.view(Entries {
            topic: required(header.topic, "topic")?,
            queue_id: header.queue_id,
            index: header.index,
            count: usize::try_from(header.count).unwrap_or(0),
            group: header.consumer_group,
        })?;
        Ok(match viewed {
            Viewed::Entries(view) => with_default_remark(json(&view)),
            Viewed::NoSuchIndex(why) => Response::success().with_remark(why),
        })
    }
}
