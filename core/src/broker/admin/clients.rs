//! Connected clients: codes 203, 204, 223, 328, and who 307 and 309 are passed on to.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::offsets::refuse_old_members;
use crate::broker::clients::{Consumers, Member, Producers};
use crate::broker::notify::ClientNotifier;
use crate::broker::refusal::Refusal;
use crate::format::wire::body::{
    ClientConnection, ConsumerConnection, ConsumerStatus, ProducerConnection, ProducerEntry, ProducerTable,
};
use crate::format::wire::codes::{RequestCode, ResponseCode, version};
use crate::format::wire::fastjson;
use crate::format::wire::header::offset::ConsumerStatusHeader;
use crate::format::wire::{OutgoingRequest, RemotingCommand};
use crate::net::NetError;

/// How long a member has to tell its offsets.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// Told the answer; on an I/O thread or the caller's, so it must not block.
pub type OnStatus = Box<dyn FnOnce(ConsumerStatus) + Send>;

/// Shows connected clients and asks them.
#[derive(Debug)]
pub struct ClientAdmin {
    /// Consumers.
    pub consumers: Arc<Consumers>,
    /// Producers.
    pub producers: Arc<Producers>,
    /// Asks them.
    pub notifier: ClientNotifier,
}

impl ClientAdmin {
    /// Members and subscriptions of a consumer group (code 203).
    #[doc(alias = "getConsumerConnectionList")]
    pub fn consumer_connections(&self, group: &str) -> Result<ConsumerConnection, Refusal> {
        let Some(found) = self.consumers.find(group) else {
            let remark = format!("the consumer group[{group}] not online");
            return Err(Refusal::new(ResponseCode::ConsumerNotOnline, remark));
        };
        let subscriptions = found.subscriptions().map(|of| (of.topic.clone(), (**of).clone()));
        Ok(ConsumerConnection {
            connections: connections(found.members()),
            consume_from_where: found.consume_from_where,
            consume_type: found.consume_type,
            message_model: found.message_model,
            subscription_table: subscriptions.collect(),
        })
    }

    /// Members of a producer group (code 204).
    #[doc(alias = "getProducerConnectionList")]
    pub fn producer_connections(&self, group: &str) -> Result<ProducerConnection, Refusal> {
        let members = self.producers.members(group);
        if members.is_empty() {
            let remark = format!("the producer group[{group}] not exist");
            return Err(Refusal::new(ResponseCode::SystemError, remark));
        }
        Ok(ProducerConnection { connections: connections(&members) })
    }

    /// All producers (code 328).
    #[doc(alias = "getAllProducerInfo")]
    pub fn producers(&self) -> ProducerTable {
        let entry = |member: &Arc<Member>| ProducerEntry {
            client_id: member.client.id.to_string(),
            language: member.client.language,
            last_update_timestamp_ms: member.last_heartbeat_ms(),
            remote_ip: format!("/{}", member.client.peer.remote_addr()),
            version: member.client.version,
        };
        let all = self.producers.all().into_iter();
        ProducerTable {
            data: all.map(|(name, members)| (name, members.iter().map(entry).collect())).collect(),
        }
    }

    /// Asks the members of a group, or the one with this client id, for their offsets of a topic (code 223). All are asked at
    /// once; one that does not answer within 5 s is missing in what `on_done` is told.
    #[doc(alias = "getConsumeStatus")]
    pub fn consumer_status(
        &self,
        topic: &str,
        group: &str,
        client_id: Option<&str>,
        on_done: OnStatus,
    ) -> Result<(), Refusal> {
        let Some(found) = self.consumers.find(group) else {
            let remark = format!("No Any Consumer online in the consumer group: [{group}]");
            return Err(Refusal::new(ResponseCode::SystemError, remark));
        };
        refuse_old_members(&found)?;
        let members = found.members().iter();
        let asked: Vec<_> =
            members.filter(|member| client_id.is_none_or(|id| id == &*member.client.id)).collect();
        let header = ConsumerStatusHeader { topic: Some(topic), group: Some(group), client_addr: None };
        let gathering = Arc::new(Gathering { status: Mutex::default(), on_done: Mutex::new(Some(on_done)) });
        for member in asked {
            let request =
                OutgoingRequest::new(RequestCode::GetConsumerStatusFromClient).with_fields(header.fields());
            let (gathering, id) = (gathering.clone(), member.client.id.to_string());
            let on_answer = Box::new(move |answer| gathering.take(id, answer));
            self.notifier.ask(&member.client.peer, request, STATUS_TIMEOUT, on_answer);
        }
        Ok(())
    }

    /// The member of a group that codes 307 and 309 are passed on to.
    #[doc(alias = "callConsumer")]
    pub fn member(&self, group: &str, client_id: &str) -> Result<Arc<Member>, Refusal> {
        let refused = |remark| Refusal::new(ResponseCode::SystemError, remark);
        let found = self.consumers.find(group);
        let member = found.and_then(|group| group.member(client_id).cloned());
        let member =
            member.ok_or_else(|| refused(format!("The Consumer <{group}> <{client_id}> not online")))?;
        if member.client.version < version::V3_1_8_SNAPSHOT {
            return Err(refused(format!(
                "The Consumer <{client_id}> Version <{}> too low to finish, please upgrade it to V3_1_8_SNAPSHOT",
                member.client.version
            )));
        }
        Ok(member)
    }
}

fn connections(members: &[Arc<Member>]) -> Vec<ClientConnection> {
    let connection = |member: &Arc<Member>| ClientConnection {
        client_addr: member.client.peer.remote_addr().to_string(),
        client_id: member.client.id.to_string(),
        language: member.client.language,
        version: member.client.version,
    };
    members.iter().map(connection).collect()
}

/// Answers that come in any order. Whoever is asked holds a clone; with the last one gone, everybody has answered or never will.
struct Gathering {
    status: Mutex<ConsumerStatus>,
    on_done: Mutex<Option<OnStatus>>,
}

impl Gathering {
    fn take(&self, client_id: String, answer: Result<RemotingCommand, NetError>) {
        let answer = answer
            .ok()
            .filter(|answer| answer.code == ResponseCode::Success.code() && !answer.body.is_empty());
        let offsets = answer.and_then(|answer| fastjson::from_slice::<ConsumerStatus>(&answer.body).ok());
        if let Some(offsets) = offsets {
            self.status.lock().consumer_table.insert(client_id, offsets.message_queue_table);
        }
    }
}

impl Drop for Gathering {
    fn drop(&mut self) {
        if let Some(on_done) = self.on_done.get_mut().take() {
            on_done(std::mem::take(self.status.get_mut()));
        }
    }
}
