//! Queue locks of ordered consumers: codes 41 and 42 (broker-behaviour §7).

use std::sync::Arc;

use crate::broker::queue_locks::QueueLocks;
use crate::format::wire::body::{LockAnswer, LockRequest};
use crate::format::wire::codes::{RequestCode, ResponseCode, remark};
use crate::format::wire::fastjson;
use crate::format::wire::{RemotingCommand, Response};
use crate::net::{Peer, Processor, Reply};

/// Locks and unlocks queues for members of a group.
#[derive(Debug)]
pub struct LockProcessor {
    /// The locks.
    pub locks: Arc<QueueLocks>,
}

impl Processor for LockProcessor {
    fn process(&self, request: RemotingCommand, _peer: &Peer) -> Reply {
        let body: LockRequest = match fastjson::from_slice(&request.body) {
            Ok(body) => body,
            Err(error) => return refused(&error),
        };
        if body.consumer_group.is_empty() || body.client_id.is_empty() {
            return refused(&"group and client have to be named");
        }
        Reply::Now(match request.request_code() {
            Some(RequestCode::LockBatchMq) => {
                let locked = self.locks.lock(&body.consumer_group, &body.client_id, body.queues);
                Response::success().with_body(fastjson::to_vec(&LockAnswer { locked }))
            }
            Some(RequestCode::UnlockBatchMq) => {
                self.locks.unlock(&body.consumer_group, &body.client_id, &body.queues);
                Response::success()
            }
            _ => Response::error(ResponseCode::RequestCodeNotSupported, remark::not_supported(request.code)),
        })
    }
}

fn refused(why: &dyn std::fmt::Display) -> Reply {
    Reply::Now(Response::error(ResponseCode::SystemError, format!("queue locks: {why}")))
}

#[cfg(test)]
mod tests;
