//! Code 37: a producer ends a transaction. Wire → [`EndTransaction`] → wire.

use std::sync::Arc;

use crate::broker::refusal::Refusal;
use crate::broker::transaction::end::{EndTransaction, Ended, Outcome};
use crate::config::{BrokerRole, LiveConfig};
use crate::format::wire::codes::{ResponseCode, remark};
use crate::format::wire::command::{RemotingCommand, Response};
use crate::format::wire::header::transaction::EndTransactionHeader;
use crate::net::{Peer, Processor, Reply, Responder};
use crate::runtime::lanes::{Job, Lane, Refusal as LaneRefusal};
use crate::store::PutStatus;

/// Answers ends of transactions. Its lane also writes the op records of commits that waited for the disk.
#[derive(Debug)]
pub struct EndTransactionProcessor {
    transactions: Arc<EndTransaction>,
    lane: Arc<Lane>,
    config: LiveConfig,
}

impl EndTransactionProcessor {
    /// Feeds `transactions`.
    pub fn new(transactions: Arc<EndTransaction>, lane: Arc<Lane>, config: LiveConfig) -> Self {
        Self { transactions, lane, config }
    }
}

impl Processor for EndTransactionProcessor {
    fn process(&self, request: RemotingCommand, peer: &Peer) -> Reply {
        if self.config.load().store.broker_role == BrokerRole::Slave {
            return Reply::Now(Response::error(ResponseCode::SlaveNotAvailable, remark::NOT_SET));
        }
        let header = EndTransactionHeader::decode(&request.ext);
        match self.transactions.end(&header) {
            Ok(Outcome::Undecided) => Reply::None,
            // Java forgets to clear this remark.
            Ok(Outcome::RolledBack(PutStatus::Ok)) => {
                Reply::Now(Response::success().with_remark(remark::NOT_SET))
            }
            Ok(Outcome::RolledBack(status) | Outcome::Committed(status)) => {
                Reply::Now(answer(status, &self.config))
            }
            Ok(Outcome::Waits(ticket, ended)) => {
                let (transactions, config) = (self.transactions.clone(), self.config.clone());
                let (lane, responder) = (self.lane.clone(), peer.responder(&request));
                ticket.on_done(Box::new(move |status| match status {
                    PutStatus::Ok | PutStatus::FlushDiskTimeout => {
                        let job = Finish { transactions, ended, responder };
                        lane.submit_all(&mut vec![Box::new(job)]);
                    }
                    failed => responder.send_batched(answer(failed, &config)),
                }));
                Reply::Later
            }
            Err(refusal) => Reply::Now(refusal.into()),
        }
    }
}

/// The last step of a commit whose message is durable. It is done even when the lane has no room: else the message would be
/// asked about, and delivered, again.
struct Finish {
    transactions: Arc<EndTransaction>,
    ended: Ended,
    responder: Responder,
}

impl Job for Finish {
    fn run(self: Box<Self>, _: usize) {
        self.transactions.finish(self.ended);
        self.responder.send(Response::success());
    }

    fn refused(self: Box<Self>, _: LaneRefusal) {
        self.run(0);
    }
}

#[doc(alias = "sendFinalMessage")]
fn answer(status: PutStatus, config: &LiveConfig) -> Response {
    let (code, text) = match status {
        PutStatus::Ok | PutStatus::FlushDiskTimeout => return Response::success(),
        PutStatus::CreateMappedFileFailed => {
            (ResponseCode::SystemError, "Create mapped file failed.".to_owned())
        }
        PutStatus::MessageIllegal | PutStatus::PropertiesSizeExceeded => {
            let text = format!(
                "The message is illegal, maybe msg body or properties length not matched. msg body length limit {}B, msg \
                 properties length limit 32KB.",
                config.load().store.max_message_size
            );
            (ResponseCode::MessageIllegal, text)
        }
        PutStatus::ServiceNotAvailable => {
            (ResponseCode::ServiceNotAvailable, "Service not available now.".to_owned())
        }
        PutStatus::UnknownError => (ResponseCode::SystemError, "UNKNOWN_ERROR".to_owned()),
        PutStatus::LightQueuesExceeded => (ResponseCode::SystemError, "UNKNOWN_ERROR DEFAULT".to_owned()),
    };
    Refusal::new(code, text).into()
}

#[cfg(test)]
mod tests;
