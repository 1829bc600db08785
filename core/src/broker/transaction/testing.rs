//! A broker of sends, ends of transactions and checks, with one producer, on a manual clock.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::check::{self, Checker};
use super::end::EndTransaction;
use super::op::OpQueue;
use crate::broker::admin::testing::Fixture;
use crate::broker::host::StoreHost;
use crate::broker::notify::ClientNotifier;
use crate::broker::processor::admin::AdminProcessor;
use crate::broker::processor::end_transaction::EndTransactionProcessor;
use crate::broker::processor::send::SendProcessor;
use crate::broker::produce::Produce;
use crate::broker::testing::{TestClient, TestServer, wait_until};
use crate::format::disk::tables::TopicConfig;
use crate::format::names::{TRANS_GROUP, TRANS_HALF_TOPIC, TRANS_OP_HALF_TOPIC};
use crate::format::record::decode::RecordView;
use crate::format::record::ids::parse_offset_message_id;
use crate::format::record::properties;
use crate::format::wire::header::send::SendHeaderV2;
use crate::format::wire::header::transaction::{CheckTransactionStateHeader, EndTransactionHeader};
use crate::format::wire::{OutgoingRequest, RemotingCommand};
use crate::net::{LaneChoice, NoEvents, Router};
use crate::runtime::lanes::Lane;
use crate::runtime::stop::StopToken;

pub(in crate::broker) const GROUP: &str = "producers";
pub(in crate::broker) const TOPIC: &str = "Orders";
pub(in crate::broker) const COMMIT: i32 = 8;
pub(in crate::broker) const ROLLBACK: i32 = 12;

pub(in crate::broker) struct Bench {
    pub(in crate::broker) fixture: Fixture,
    pub(super) checker: Checker,
    pub(in crate::broker) client: TestClient,
    pub(in crate::broker) server: TestServer,
    /// How far the producer's clock is ahead.
    pub(in crate::broker) born_ahead_ms: i64,
    /// How often what is sent was consumed in vain.
    pub(in crate::broker) reconsume_times: i32,
}

/// Where a half message lies, as its producer knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::broker) struct Half {
    pub(in crate::broker) physical_offset: i64,
    pub(in crate::broker) queue_offset: i64,
}

/// A record of a queue, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::broker) struct Stored {
    pub(in crate::broker) body: String,
    pub(in crate::broker) flag: i32,
    pub(in crate::broker) sys_flag: i32,
    pub(in crate::broker) prepared: i64,
    pub(in crate::broker) properties: BTreeMap<String, String>,
}

impl Bench {
    pub(in crate::broker) fn new(more: &[(&str, &str)]) -> Self {
        let fixture = Fixture::new(more);
        fixture.topics.update(TopicConfig::new(TOPIC, 2, 6));
        let host = StoreHost::new(Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), 22911);
        let Fixture { store, topics, groups, stats, config, clock, .. } = &fixture;
        let produce = Produce::new(
            store.clone(),
            topics.clone(),
            groups.clone(),
            stats.clone(),
            config.clone(),
            clock.clone(),
        );
        let send = SendProcessor::new(Arc::new(produce), config.clone(), host.clone());
        let ops = OpQueue::new(store.clone(), host, clock.clone());
        let lane = Lane::new("transaction", 2, 100, None);
        let transactions = Arc::new(EndTransaction::new(store.clone(), ops));
        let end = EndTransactionProcessor::new(transactions, lane.clone(), config.clone());
        let admin = AdminProcessor::new(fixture.admin.clone(), config.clone());
        let mut router = Router::new();
        router.route(310, Arc::new(Arc::new(send)), LaneChoice::Inline);
        router.route(37, Arc::new(end), LaneChoice::Workers(lane));
        router.route(323, Arc::new(admin), LaneChoice::Inline);
        let server = TestServer::start(router, Arc::new(NoEvents));
        let client = server.connect();
        fixture.producers.register(&client.client("p"), GROUP);
        let checker = Checker::new(parts(&fixture));
        Self { fixture, checker, client, server, born_ahead_ms: 0, reconsume_times: 0 }
    }

    /// Sends with these properties, besides those of every half message.
    pub(in crate::broker) fn try_send(&mut self, body: &str, more: &str) -> RemotingCommand {
        let text = format!("TRAN_MSG\x01true\x02PGROUP\x01{GROUP}\x02UNIQ_KEY\x01{body}\x02{more}");
        let header = SendHeaderV2 {
            topic: Some(TOPIC),
            queue_id: Some(1),
            sys_flag: Some(4),
            flag: Some(9),
            born_timestamp_ms: Some(self.fixture.clock.now_ms() + self.born_ahead_ms),
            reconsume_times: Some(self.reconsume_times),
            properties: Some(&text),
            ..SendHeaderV2::default()
        };
        let request = OutgoingRequest::new(310).with_fields(header.fields());
        let answer = self.client.ask(&request.with_body(body.as_bytes().to_vec())).1;
        self.settle();
        answer
    }

    /// A half message; a second passes before the next.
    pub(in crate::broker) fn send(&mut self, body: &str, more: &str) -> Half {
        let answer = self.try_send(body, more);
        assert_eq!((answer.code, answer.remark.as_deref()), (0, None));
        assert_eq!(answer.ext.get("queueId"), Some("1"));
        let place = parse_offset_message_id(answer.ext.get("msgId").unwrap()).unwrap();
        self.pass(1);
        Half { physical_offset: place.physical_offset, queue_offset: answer.ext.i64("queueOffset").unwrap() }
    }

    pub(in crate::broker) fn end(&mut self, half: Half, decision: i32) -> RemotingCommand {
        self.end_with(&header(half, decision))
    }

    pub(in crate::broker) fn end_with(&mut self, header: &EndTransactionHeader<'_>) -> RemotingCommand {
        let answer = self.client.ask(&OutgoingRequest::new(37).with_fields(header.fields())).1;
        self.settle();
        answer
    }

    pub(in crate::broker) fn pass(&self, seconds: u64) {
        self.fixture.clock.advance(Duration::from_secs(seconds));
    }

    /// Seconds pass, then there is a round.
    pub(in crate::broker) fn round_after(&mut self, seconds: u64) {
        self.pass(seconds);
        self.checker.round(&StopToken::new());
        self.settle();
    }

    pub(in crate::broker) fn settle(&self) {
        wait_until("what was put is dispatched", || self.fixture.store.dispatch_behind_bytes() == 0);
    }

    /// The question that has come: where the asked message lies now, and its record.
    pub(in crate::broker) fn question(&mut self) -> (Half, Stored) {
        let asked = self.client.next();
        assert_eq!((asked.code, asked.flag), (39, 2));
        let header = CheckTransactionStateHeader::decode(&asked.ext);
        let half = Half {
            physical_offset: header.commit_log_offset.unwrap(),
            queue_offset: header.tran_state_table_offset.unwrap(),
        };
        let record = RecordView::parse(&asked.body).unwrap();
        assert_eq!((record.topic(), record.queue_id()), (Some(TOPIC), 1));
        assert_eq!(
            (record.physical_offset(), record.queue_offset()),
            (half.physical_offset, half.queue_offset)
        );
        assert_eq!(header.message_id.map(str::as_bytes), record.uniq_key());
        assert_eq!(header.transaction_id, header.message_id);
        assert_eq!(header.offset_message_id, Some(record.offset_message_id().as_str()));
        (half, stored(&record))
    }

    /// Nobody was asked: an end that is undecided for a record that is none is answered, and nothing comes before the answer.
    pub(in crate::broker) fn assert_silent(&mut self) {
        let (before, _) = self.client.ask(&OutgoingRequest::new(37));
        assert!(before.is_empty(), "{before:?}");
    }

    pub(in crate::broker) fn queue(&self, topic: &str, queue_id: i32) -> Vec<Stored> {
        let units = self.fixture.store.units(topic, queue_id, 0, 1000);
        let records =
            units.into_iter().map(|found| self.fixture.store.record_at(found.unit.physical_offset).unwrap());
        records.map(|bytes| stored(&RecordView::parse(&bytes).unwrap())).collect()
    }

    pub(in crate::broker) fn bodies(&self, topic: &str, queue_id: i32) -> Vec<String> {
        self.queue(topic, queue_id).into_iter().map(|stored| stored.body).collect()
    }

    /// Progress in half and op queue.
    pub(in crate::broker) fn progress(&self) -> [Option<i64>; 2] {
        [TRANS_HALF_TOPIC, TRANS_OP_HALF_TOPIC].map(|topic| self.fixture.offsets.find(TRANS_GROUP, topic, 0))
    }
}

pub(in crate::broker) fn parts(fixture: &Fixture) -> check::Parts {
    check::Parts {
        store: fixture.store.clone(),
        topics: fixture.topics.clone(),
        offsets: fixture.offsets.clone(),
        producers: fixture.producers.clone(),
        notifier: ClientNotifier::new(fixture.config.clone()),
        config: fixture.config.clone(),
        clock: fixture.clock.clone(),
    }
}

pub(in crate::broker) fn header(half: Half, decision: i32) -> EndTransactionHeader<'static> {
    EndTransactionHeader {
        producer_group: Some(GROUP),
        tran_state_table_offset: Some(half.queue_offset),
        commit_log_offset: Some(half.physical_offset),
        commit_or_rollback: Some(decision),
        ..EndTransactionHeader::default()
    }
}

pub(in crate::broker) fn stored(record: &RecordView<'_>) -> Stored {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let pairs = properties::iter(record.properties()).map(|(name, value)| (text(name), text(value)));
    Stored {
        body: text(record.body()),
        flag: record.flag(),
        sys_flag: record.sys_flag(),
        prepared: record.prepared_transaction_offset(),
        properties: pairs.collect(),
    }
}

impl Stored {
    pub(in crate::broker) fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name).map(String::as_str)
    }
}
