//! Records of transactions, byte for byte those of Java 4.9.8 but for the order of properties, the place and the time.

use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::broker::admin::testing::Fixture;
use crate::broker::host::StoreHost;
use crate::broker::transaction::end::{EndTransaction, Outcome};
use crate::broker::transaction::op::OpQueue;
use crate::broker::transaction::testing::parts;
use crate::format::golden::vectors;
use crate::format::record::encode::RecordFields;
use crate::format::wire::header::transaction::EndTransactionHeader;
use crate::store::tests::golden::unpack;

/// In the store `main`: a half message that was committed, its commit, its op record.
const COMMITTED_HALF: i64 = 403_466;
const COMMIT: i64 = 404_026;
const OP: i64 = 404_284;
/// A half message that stayed open, and its first copy.
const OPEN_HALF: i64 = 404_554;
const COPY: i64 = 408_888;

/// The record with its properties in the order of their names, changed by `change`.
fn bytes_of(record: &RecordView<'_>, change: impl FnOnce(&mut RecordFields<'_>)) -> Vec<u8> {
    let mut pairs: Vec<(&[u8], &[u8])> = properties::iter(record.properties()).collect();
    pairs.sort_unstable();
    let mut text = Vec::new();
    pairs.iter().for_each(|(name, value)| properties::push(&mut text, name, value));
    let mut fields = RecordFields { properties: &text, ..record.fields() };
    change(&mut fields);
    let mut bytes = Vec::new();
    encode_onto(&mut bytes, &fields, &[], BodyPlace::Here).unwrap();
    bytes
}

fn without_place(fields: &mut RecordFields<'_>) {
    (fields.physical_offset, fields.queue_offset, fields.store_timestamp_ms) = (0, 0, 0);
}

/// Asserts that the newest record of a queue is the recorded one.
fn assert_newest(store: &MessageStore, topic: &str, recorded: i64, change: fn(&mut RecordFields<'_>)) {
    crate::broker::testing::wait_until("it is dispatched", || store.dispatch_behind_bytes() == 0);
    let units = store.units(topic, 0, store.max_offset(topic, 0) - 1, 1);
    let (made, recorded) =
        (store.record_at(units[0].unit.physical_offset).unwrap(), store.record_at(recorded).unwrap());
    let (made, recorded) = (RecordView::parse(&made).unwrap(), RecordView::parse(&recorded).unwrap());
    assert_eq!(bytes_of(&made, change), bytes_of(&recorded, change), "{topic}");
}

#[test]
fn records_of_a_transaction_are_javas() {
    let (_dir, store, _) = unpack("main");
    let fixture = Fixture::new(&[]);
    let host = StoreHost::new(Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), 22911);
    let ops = OpQueue::new(store.clone(), host, fixture.clock.clone());
    let half = store.record_at(COMMITTED_HALF).unwrap();
    let half = RecordView::parse(&half).unwrap();

    let mut text = Vec::new();
    let added: [&[u8]; 3] = [property::CLUSTER, property::REAL_TOPIC, property::REAL_QID];
    properties::rewrite(half.properties(), &mut text, &added, &[]);
    let mut rewritten = Vec::new();
    let cluster = (property::CLUSTER, b"GoldenCluster".as_slice());
    half::rewrite(&text, &mut rewritten, ("StTx", 0), &[], cluster);
    let mut pairs = [&rewritten, half.properties()].map(|text| properties::iter(text).collect::<Vec<_>>());
    pairs.iter_mut().for_each(|pairs| pairs.sort_unstable());
    assert_eq!(pairs[0], pairs[1]);

    let header = EndTransactionHeader {
        producer_group: Some("PID_storetx"),
        tran_state_table_offset: Some(0),
        commit_log_offset: Some(COMMITTED_HALF),
        commit_or_rollback: Some(8),
        ..EndTransactionHeader::default()
    };
    let ended = EndTransaction::new(store.clone(), ops).end(&header).unwrap();
    assert!(matches!(ended, Outcome::Committed(PutStatus::Ok)));
    assert_newest(&store, "StTx", COMMIT, without_place);
    assert_newest(&store, names::TRANS_OP_HALF_TOPIC, OP, |fields| {
        without_place(fields);
        fields.born_timestamp_ms = 0;
    });

    let open = store.record_at(OPEN_HALF).unwrap();
    let checker = Parts { store: store.clone(), ..parts(&fixture) };
    assert!(checker.ask_again(&RecordView::parse(&open).unwrap(), &mut Copies::default()));
    assert_newest(&store, names::TRANS_HALF_TOPIC, COPY, without_place);
}

#[test]
fn what_a_producer_is_shown_is_what_java_shows() {
    for check in vectors()["live"]["checkTransaction"].as_array().unwrap() {
        let wanted = unhex(check["bodyHex"].as_str().unwrap());
        let wanted = RecordView::parse(&wanted).unwrap();
        let times = wanted.property(property::TRANSACTION_CHECK_TIMES).unwrap();
        // What the half message was: in the other topic, and not counted yet.
        let mut text = Vec::new();
        properties::rewrite(
            wanted.properties(),
            &mut text,
            &[property::TRANSACTION_CHECK_TIMES, property::WAIT],
            &[],
        );
        let mut half = wanted.fields();
        (half.topic, half.queue_id, half.properties) = (names::TRANS_HALF_TOPIC.as_bytes(), 0, &text);
        let mut bytes = Vec::new();
        encode_onto(&mut bytes, &half, &[], BodyPlace::Here).unwrap();
        let half = RecordView::parse(&bytes).unwrap();
        let copy = Appended {
            physical_offset: wanted.physical_offset(),
            size_bytes: bytes.len(),
            store_timestamp_ms: 0,
            queue_offset: wanted.queue_offset(),
            message_count: 1,
            batch_offsets: Vec::new(),
        };
        let shown = question(&half, &copy, half::destination(&half).unwrap(), times).unwrap();
        let shown = RecordView::parse(&shown).unwrap();
        assert_eq!(bytes_of(&shown, |_| ()), bytes_of(&wanted, |_| ()));
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

#[test]
fn progress_is_stored_where_java_stores_it() {
    let fixture = Fixture::new(&[]);
    let parts = parts(&fixture);
    parts.save(0, parts.places(0), [3, 2]);
    let text = String::from_utf8(fixture.offsets.encode()).unwrap();
    for (topic, offset) in [(names::TRANS_HALF_TOPIC, 3), (names::TRANS_OP_HALF_TOPIC, 2)] {
        assert!(text.contains(&format!("\"{topic}@CID_RMQ_SYS_TRANS\":{{0:{offset}}}")), "{text}");
    }
}

#[test]
fn a_round_does_not_undo_what_was_set_meanwhile() {
    let fixture = Fixture::new(&[]);
    let parts = parts(&fixture);
    let begun_at = parts.places(0);
    fixture.offsets.set(names::TRANS_GROUP, names::TRANS_HALF_TOPIC, 0, 9);
    parts.save(0, begun_at, [3, 2]);
    let found = parts.places(0).map(|place| place.offset);
    assert_eq!(found, [Some(9), Some(2)]);
}
