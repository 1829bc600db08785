//! Code 323.

use super::{AdminProcessor, required};
use crate::broker::refusal::Refusal;
use crate::format::wire::codes::ResponseCode;
use crate::format::wire::header::transaction::ResumeCheckHeader;
use crate::format::wire::{RemotingCommand, Response};
use crate::net::{Peer, Reply};
use crate::store::PutStatus;

impl AdminProcessor {
    pub(super) fn resume_check(&self, request: &RemotingCommand, peer: &Peer) -> Result<Reply, Refusal> {
        let message_id = required(ResumeCheckHeader::decode(&request.ext).message_id, "msgId")?;
        let outcome = self.admin.half_messages.resume(message_id)?;
        let Some(ticket) = outcome.ticket else { return Ok(Reply::Now(answer(outcome.status))) };
        let responder = peer.responder(request);
        ticket.on_done(Box::new(move |status| responder.send_batched(answer(status))));
        Ok(Reply::Later)
    }
}

fn answer(status: PutStatus) -> Response {
    match status {
        PutStatus::Ok => Response::success(),
        _ => {
            Response::error(ResponseCode::SystemError, "Put message back to RMQ_SYS_TRANS_HALF_TOPIC failed.")
        }
    }
}
