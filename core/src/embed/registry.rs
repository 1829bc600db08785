//! Connects the broker of a handle to the NameServer of the same handle.

use std::sync::Arc;

use crate::broker::registration::{Identity, LocalRegistry, OrderTable};
use crate::error::Result;
use crate::format::wire::body::RegisterBroker;
use crate::namesrv::{BrokerAddress, NameServer, Registration};

/// The NameServer of this handle.
#[derive(Debug)]
pub(super) struct InProcess(Arc<NameServer>);

impl InProcess {
    pub(super) fn new(namesrv: Arc<NameServer>) -> Self {
        Self(namesrv)
    }
}

impl LocalRegistry for InProcess {
    fn register(&self, identity: &Identity, topics: RegisterBroker) -> Result<Option<OrderTable>> {
        let registered = self.0.register_local(Registration {
            cluster: identity.cluster.clone(),
            broker: identity.broker.clone(),
            id: identity.id,
            address: address_of(identity),
            ha_address: None,
            body: topics,
        })?;
        Ok(registered.order_topics.map(|table| table.iter().map(|(k, v)| (k.clone(), v.clone())).collect()))
    }

    fn unregister(&self, identity: &Identity) {
        self.0.unregister_local(&address_of(identity));
    }
}

/// Without a host of its own, every asker is told the one through which it reached the NameServer.
fn address_of(identity: &Identity) -> BrokerAddress {
    match &identity.host {
        Some(host) => BrokerAddress::announced(&host.with_port(identity.port)),
        None => BrokerAddress::Local { port: identity.port },
    }
}
