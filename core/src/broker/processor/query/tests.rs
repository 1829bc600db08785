use std::net::SocketAddr;

use super::*;
use crate::broker::admin::testing::Fixture;
use crate::broker::testing::{TestClient, TestServer, wait_until};
use crate::format::record::decode::RecordView;
use crate::format::wire::{HeaderFields, OutgoingRequest};
use crate::net::{LaneChoice, NoEvents, Router};
use crate::store::{BodyForm, PutMessage};

const NOT_FOUND: &str = "can not find message, maybe time range not correct";

struct Queries {
    fixture: Fixture,
    client: TestClient,
    _server: TestServer,
}

impl Queries {
    fn new() -> Self {
        let fixture = Fixture::new(&[
            ("maxHashSlotNum", "100"),
            ("maxIndexNum", "400"),
            ("maxMsgsNumBatch", "5"),
            ("defaultQueryMaxNum", "3"),
        ]);
        let processor = QueryProcessor::new(fixture.store.clone(), fixture.config.clone());
        let mut router = Router::new();
        router.route(12, Arc::new(processor), LaneChoice::Inline);
        let server = TestServer::start(router, Arc::new(NoEvents));
        Self { fixture, client: server.connect(), _server: server }
    }

    fn put(&self, body: &[u8], properties: &[u8]) {
        let host: SocketAddr = "127.0.0.1:22911".parse().unwrap();
        self.fixture.store.put(&PutMessage {
            topic: "T",
            queue_id: 0,
            flag: 0,
            sys_flag: 0,
            born_timestamp_ms: 1,
            born_host: host,
            store_host: host,
            reconsume_times: 0,
            prepared_transaction_offset: 0,
            body,
            form: BodyForm::Message,
            properties,
            wait_store_ok: false,
        });
        wait_until("the message is dispatched", || self.fixture.store.dispatch_behind_bytes() == 0);
    }

    fn ask(&mut self, fields: &[(&'static str, &'static str)]) -> RemotingCommand {
        let mut header = HeaderFields::new();
        for (name, value) in fields {
            header.push(*name, *value);
        }
        self.client.ask(&OutgoingRequest::new(12).with_fields(header)).1
    }

    fn by_key(&mut self, key: &'static str, max: &'static str, unique: &'static str) -> RemotingCommand {
        self.ask(&[
            ("topic", "T"),
            ("key", key),
            ("maxNum", max),
            ("beginTimestamp", "0"),
            ("endTimestamp", "9223372036854775807"),
            ("_UNIQUE_KEY_QUERY", unique),
        ])
    }
}

fn bodies(mut answer: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let Ok(record) = RecordView::parse(answer) {
        found.push(record.body().to_vec());
        answer = &answer[record.total_size()..];
    }
    assert!(answer.is_empty());
    found
}

#[test]
fn the_newest_records_with_the_key_are_answered_oldest_first() {
    let mut queries = Queries::new();
    for n in 0..10_u8 {
        queries.put(&[n], b"KEYS\x01a b\x02UNIQ_KEY\x01u");
    }
    let answer = queries.by_key("a", "2", "false");
    assert_eq!((answer.code, answer.remark.as_deref()), (0, None));
    assert_eq!(bodies(&answer.body), [[8], [9]]);
    let last = queries.fixture.store.max_physical_offset() * 9 / 10;
    assert_eq!(answer.ext.i64("indexLastUpdatePhyoffset"), Some(last));
    assert!(answer.ext.i64("indexLastUpdateTimestamp").unwrap() > 0);
    assert_eq!(bodies(&queries.by_key("b", "1000", "false").body).len(), 5, "maxMsgsNumBatch");
    assert_eq!(bodies(&queries.by_key("u", "1", "true").body).len(), 3, "defaultQueryMaxNum");
}

#[test]
fn nothing_found_is_22_with_both_fields() {
    let mut queries = Queries::new();
    queries.put(b"x", b"KEYS\x01a");
    for (key, max) in [("none", "10"), ("a", "0"), ("a", "-1")] {
        let answer = queries.by_key(key, max, "false");
        assert_eq!((answer.code, answer.remark.as_deref()), (22, Some(NOT_FOUND)));
        assert_eq!(answer.ext.get("indexLastUpdatePhyoffset"), Some("0"));
        assert_eq!(answer.ext.get("indexLastUpdateTimestamp"), Some("0"));
        assert!(answer.body.is_empty());
    }
    assert_eq!(queries.ask(&[("topic", "T"), ("key", "a")]).code, 1);
}
