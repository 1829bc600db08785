//! The key-value table: codes 100, 101, 102 and 219 (namesrv.md §7).

use std::sync::Arc;

use super::{Answer, Failure, json, or_null};
use crate::format::wire::body::KvTable as KvBody;
use crate::format::wire::codes::{RequestCode, ResponseCode};
use crate::format::wire::command::{RemotingCommand, Response};
use crate::format::wire::fields::HeaderFields;
use crate::format::wire::header::route::{KvHeader, PutKvHeader};
use crate::namesrv::kv::KvTable;
use crate::net::Peer;

pub(super) struct KvProcessor {
    kv: Arc<KvTable>,
}

impl KvProcessor {
    pub(super) fn new(kv: &Arc<KvTable>) -> Self {
        Self { kv: kv.clone() }
    }

    #[doc(alias = "putKVConfig")]
    fn put(&self, request: &RemotingCommand) -> Result<Response, Failure> {
        let header = PutKvHeader::decode(&request.ext);
        let (Some(namespace), Some(key)) = (header.namespace, header.key) else {
            return Err(Failure("namespace or key is null".to_owned()));
        };
        self.kv.put(namespace, key, header.value)?;
        tracing::info!(target: "broker::namesrv", namespace, key, value = header.value, "key-value put");
        Ok(Response::success())
    }

    #[doc(alias = "getKVConfig")]
    fn get(&self, request: &RemotingCommand) -> Response {
        let header = KvHeader::decode(&request.ext);
        let found = header.namespace.zip(header.key).and_then(|(namespace, key)| self.kv.get(namespace, key));
        match found {
            Some(value) => Response::success().with_fields(HeaderFields::new().with("value", value)),
            None => {
                let (namespace, key) = (or_null(header.namespace), or_null(header.key));
                Response::error(
                    ResponseCode::QueryNotFound,
                    format!("No config item, Namespace: {namespace} Key: {key}"),
                )
                .with_fields(HeaderFields::new())
            }
        }
    }

    #[doc(alias = "deleteKVConfig")]
    fn delete(&self, request: &RemotingCommand) -> Result<Response, Failure> {
        let header = KvHeader::decode(&request.ext);
        if let Some((namespace, key)) = header.namespace.zip(header.key) {
            self.kv.delete(namespace, key)?;
            tracing::info!(target: "broker::namesrv", namespace, key, "key-value deleted");
        }
        Ok(Response::success())
    }

    #[doc(alias = "getKVListByNamespace")]
    fn list(&self, request: &RemotingCommand) -> Response {
        let header = KvHeader::decode(&request.ext);
        match header.namespace.and_then(|namespace| self.kv.namespace(namespace)) {
            Some(keys) => json(&KvBody { table: keys.as_ref().clone() }),
            None => Response::error(
                ResponseCode::QueryNotFound,
                format!("No config item, Namespace: {}", or_null(header.namespace)),
            ),
        }
    }
}

impl Answer for KvProcessor {
    fn answer(&self, request: &RemotingCommand, _: &Peer) -> Result<Response, Failure> {
        match request.request_code() {
            Some(RequestCode::PutKvConfig) => self.put(request),
            Some(RequestCode::DeleteKvConfig) => self.delete(request),
            Some(RequestCode::GetKvlistByNamespace) => Ok(self.list(request)),
            _ => Ok(self.get(request)),
        }
    }
}
