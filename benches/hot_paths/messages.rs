//! What is stored: messages of 1 KiB with a tag, a key and a unique id.

use std::net::{Ipv4Addr, SocketAddr};

use fastrand::Rng;
use libbroker::internals::store::{BodyForm, PutMessage};

/// Bytes of a body.
pub const BODY_BYTES: usize = 1024;
/// As many messages come together when a connection is busy.
pub const GROUP: usize = 64;
/// The topic of all of them.
pub const TOPIC: &str = "BenchmarkTest";

/// Where the producer is.
pub const BORN_HOST: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 40_000);
/// Where the broker is.
pub const STORE_HOST: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 10_911);

/// Body and properties of a message.
pub struct Content {
    body: Vec<u8>,
    properties: Vec<u8>,
}

impl Content {
    /// The message with this number. Bodies differ, so that copying does not always read the same KiB.
    pub fn new(number: u64) -> Self {
        let mut body = vec![0; BODY_BYTES];
        Rng::with_seed(number).fill(&mut body);
        Self { body, properties: stored_properties(number).into_bytes() }
    }

    /// As many as come together.
    pub fn group() -> Vec<Self> {
        // Numbers of four digits, so that all records are of one size.
        (1000..).map(Self::new).take(GROUP).collect()
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The properties as they are stored.
    pub fn properties(&self) -> &[u8] {
        &self.properties
    }

    /// The message, on its way into the store.
    pub fn message(&self) -> PutMessage<'_> {
        PutMessage {
            topic: TOPIC,
            queue_id: 0,
            flag: 0,
            sys_flag: 0,
            born_timestamp_ms: 1,
            born_host: BORN_HOST,
            store_host: STORE_HOST,
            reconsume_times: 0,
            prepared_transaction_offset: 0,
            body: &self.body,
            form: BodyForm::Message,
            properties: &self.properties,
            wait_store_ok: true,
        }
    }
}

/// The key of the message with this number.
pub fn key(number: u64) -> String {
    format!("order-{number}")
}

/// The unique id of the message with this number, as long as those of Java clients.
pub fn unique_id(number: u64) -> String {
    format!("{number:032X}")
}

/// Properties as a Java producer sends them.
pub fn sent_properties(number: u64) -> String {
    let (key, unique_id) = (key(number), unique_id(number));
    format!("KEYS\x01{key}\x02UNIQ_KEY\x01{unique_id}\x02WAIT\x01true\x02TAGS\x01TagA")
}

/// The same as the broker stores them.
fn stored_properties(number: u64) -> String {
    let (key, unique_id) = (key(number), unique_id(number));
    format!("KEYS\x01{key}\x02UNIQ_KEY\x01{unique_id}\x02TAGS\x01TagA\x02CLUSTER\x01DefaultCluster")
}
