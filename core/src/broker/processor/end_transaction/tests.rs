use std::collections::BTreeMap;

use crate::broker::transaction::testing::{Bench, COMMIT, Half, ROLLBACK, TOPIC, header};
use crate::format::names::{SCHEDULE_TOPIC, TRANS_HALF_TOPIC, TRANS_OP_HALF_TOPIC};
use crate::format::wire::header::transaction::EndTransactionHeader;
use crate::format::wire::{OutgoingRequest, RemotingCommand};

fn said(answer: &RemotingCommand) -> (i32, &str) {
    (answer.code, answer.remark.as_deref().unwrap_or_default())
}

fn names(properties: &BTreeMap<String, String>) -> String {
    let parts: Vec<String> = properties.iter().map(|(name, value)| format!("{name}={value}")).collect();
    parts.join(" ")
}

#[test]
fn a_commit_stores_the_message_and_then_the_op_record() {
    let mut bench = Bench::new(&[]);
    let half = bench.send("a", "WAIT\x01true\x02TAGS\x01t");
    let [stored] = bench.queue(TRANS_HALF_TOPIC, 0).try_into().unwrap();
    let wanted = "CLUSTER=GoldenCluster PGROUP=producers REAL_QID=1 REAL_TOPIC=Orders TAGS=t TRAN_MSG=true UNIQ_KEY=a WAIT=true";
    assert_eq!((names(&stored.properties).as_str(), stored.sys_flag, stored.flag), (wanted, 0, 9));
    assert!(bench.queue(TOPIC, 1).is_empty());

    assert_eq!(said(&bench.end(half, COMMIT)), (0, ""));
    let [committed] = bench.queue(TOPIC, 1).try_into().unwrap();
    assert_eq!((names(&committed.properties).as_str(), committed.sys_flag), (wanted, 8));
    assert_eq!((committed.prepared, committed.flag), (half.physical_offset, 9));
    let [op] = bench.queue(TRANS_OP_HALF_TOPIC, 0).try_into().unwrap();
    assert_eq!((op.body.as_str(), names(&op.properties).as_str()), ("0", "TAGS=d WAIT=true"));
    assert!(!bench.fixture.topics.contains(TRANS_OP_HALF_TOPIC));
}

#[test]
fn a_rollback_stores_an_op_record_only() {
    let mut bench = Bench::new(&[]);
    bench.send("a", "");
    let half = bench.send("b", "");
    assert_eq!(said(&bench.end(half, ROLLBACK)), (0, "not set any response code"));
    assert_eq!(bench.bodies(TRANS_OP_HALF_TOPIC, 0), ["1"]);
    assert!(bench.queue(TOPIC, 1).is_empty());
}

#[test]
fn undecided_is_not_answered_and_changes_nothing() {
    let mut bench = Bench::new(&[]);
    let half = bench.send("a", "");
    let undecided = OutgoingRequest::new(37).with_fields(header(half, 0).fields());
    bench.client.request(&undecided, 5);
    // Would come after the answer to it, if there was one: a lane of several workers answers in any order, so this is asked twice.
    bench.client.assert_silent();
    assert_eq!(said(&bench.end(half, 7)), (1, "commitOrRollback field wrong"));
    assert!(bench.queue(TOPIC, 1).is_empty() && bench.queue(TRANS_OP_HALF_TOPIC, 0).is_empty());
}

#[test]
fn ends_that_mean_another_message_are_refused_and_nothing_is_lost() {
    let mut bench = Bench::new(&[]);
    let half = bench.send("a", "");
    let other = bench.send("b", "");
    let right = header(half, COMMIT);
    let not_found = "Find prepared transaction message failed";
    let nowhere = Half { physical_offset: 1 << 40, ..half };
    let inside = Half { physical_offset: half.physical_offset + 1, ..half };
    let shifted = Half { queue_offset: 1, ..half };
    let mixed = Half { queue_offset: 0, ..other };
    let wrong_offset = "The transaction state table offset wrong";
    for (header, remark) in [
        (header(nowhere, COMMIT), not_found),
        (header(inside, ROLLBACK), not_found),
        (header(shifted, COMMIT), wrong_offset),
        (header(mixed, ROLLBACK), wrong_offset),
        (EndTransactionHeader { producer_group: Some("foreign"), ..right }, "The producer group wrong"),
        (EndTransactionHeader { producer_group: None, ..right }, "The producer group wrong"),
        (EndTransactionHeader { tran_state_table_offset: None, ..right }, wrong_offset),
        (
            EndTransactionHeader { commit_log_offset: None, ..right },
            "header field commitLogOffset is missing or malformed",
        ),
        (EndTransactionHeader { commit_or_rollback: None, ..right }, "commitOrRollback field wrong"),
    ] {
        assert_eq!(said(&bench.end_with(&header)), (1, remark), "{header:?}");
    }
    // The committed message has the group too, and an offset: it must not finish the half message of that offset.
    assert_eq!(bench.end(other, COMMIT).code, 0);
    let unit = bench.fixture.store.units(TOPIC, 1, 0, 1)[0].unit;
    let committed = Half { physical_offset: unit.physical_offset, queue_offset: 0 };
    assert_eq!(said(&bench.end(committed, ROLLBACK)), (1, not_found));
    assert_eq!(bench.bodies(TRANS_OP_HALF_TOPIC, 0), ["1"]);
    assert_eq!(bench.bodies(TOPIC, 1), ["b"]);
}

#[test]
fn what_looks_like_a_record_inside_a_body_is_none() {
    let mut bench = Bench::new(&[]);
    let half = bench.send("victim", "");
    let mut forged = bench.fixture.store.record_at(half.physical_offset).unwrap().to_vec();
    // Its own place in the log, as whoever made it would write it: behind the head of the record that carries it.
    let body_at = bench.fixture.store.max_physical_offset() + 88;
    forged[28..36].copy_from_slice(&body_at.to_be_bytes());
    let host = "127.0.0.1:1".parse().unwrap();
    let record = crate::format::record::decode::RecordView::parse(&forged).unwrap();
    let carrier = crate::store::PutMessage::moved(&record, "Other", 0);
    bench.fixture.store.put(&crate::store::PutMessage { body: &forged, born_host: host, ..carrier });
    bench.settle();
    let forged = Half { physical_offset: body_at, ..half };
    assert_eq!(said(&bench.end(forged, ROLLBACK)), (1, "The commit log offset wrong"));
}

#[test]
fn a_second_commit_delivers_again_as_in_the_reference() {
    let mut bench = Bench::new(&[]);
    let half = bench.send("a", "");
    assert_eq!((bench.end(half, COMMIT).code, bench.end(half, COMMIT).code), (0, 0));
    assert_eq!(bench.bodies(TOPIC, 1), ["a", "a"]);
}

#[test]
fn a_commit_with_sync_flush_is_answered_when_the_message_is_durable() {
    let mut bench = Bench::new(&[("flushDiskType", "SYNC_FLUSH")]);
    let half = bench.send("a", "");
    assert_eq!(said(&bench.end(half, COMMIT)), (0, ""));
    let unit = bench.fixture.store.units(TOPIC, 1, 0, 1)[0].unit;
    let behind = bench.fixture.store.flush_behind_bytes();
    let durable = bench.fixture.store.max_physical_offset() - behind;
    assert!(durable >= unit.physical_offset + i64::from(unit.size));
    assert_eq!(bench.bodies(TRANS_OP_HALF_TOPIC, 0), ["0"]);
}

#[test]
fn a_half_message_is_not_delayed() {
    let mut bench = Bench::new(&[]);
    let half = bench.send("a", "DELAY\x013");
    assert!(bench.queue(SCHEDULE_TOPIC, 2).is_empty());
    assert_eq!(bench.end(half, COMMIT).code, 0);
    let [committed] = bench.queue(TOPIC, 1).try_into().unwrap();
    assert_eq!((committed.body.as_str(), committed.property("DELAY")), ("a", None));
}

#[test]
fn what_a_consumer_gives_back_is_delayed_and_no_half_message() {
    let mut bench = Bench::new(&[]);
    bench.reconsume_times = 1;
    assert_eq!(bench.try_send("a", "DELAY\x013").code, 0);
    assert_eq!(bench.bodies(SCHEDULE_TOPIC, 2), ["a"]);
    assert!(bench.queue(TRANS_HALF_TOPIC, 0).is_empty());
    bench.send("b", "");
    assert_eq!(bench.bodies(TRANS_HALF_TOPIC, 0), ["b"]);
}

#[test]
fn transactions_can_be_refused() {
    let mut bench = Bench::new(&[("rejectTransactionMessage", "true")]);
    let answer = bench.try_send("a", "");
    assert_eq!(said(&answer), (16, "the broker[127.0.0.1] sending transaction message is forbidden"));
    assert!(bench.queue(TRANS_HALF_TOPIC, 0).is_empty());
}

#[test]
fn a_commit_that_cannot_be_stored_leaves_the_message_open() {
    let mut bench = Bench::new(&[]);
    let half = bench.send("a", "");
    bench.fixture.store.close().unwrap();
    assert_eq!(said(&bench.end(half, COMMIT)), (14, "Service not available now."));
    assert_eq!(said(&bench.end(half, ROLLBACK)), (14, "Service not available now."));
    assert!(bench.queue(TRANS_OP_HALF_TOPIC, 0).is_empty());
}
