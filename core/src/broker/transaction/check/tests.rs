use super::*;
use crate::broker::testing::wait_until;
use crate::broker::transaction::testing::{Bench, COMMIT, GROUP, ROLLBACK, TOPIC, parts};
use crate::format::names::{TRANS_CHECK_MAX_TIME_TOPIC, TRANS_HALF_TOPIC, TRANS_OP_HALF_TOPIC};
use crate::format::record::layout::PROPERTIES_LEN_MAX;
use crate::format::wire::OutgoingRequest;
use crate::format::wire::header::transaction::ResumeCheckHeader;

#[test]
fn an_open_message_is_asked_about_when_it_is_old_enough() {
    let mut bench = Bench::new(&[]);
    bench.send("a", "WAIT\x01true");
    bench.round_after(0);
    bench.assert_silent();
    assert_eq!(bench.progress(), [None, None], "six seconds are not over");
    bench.round_after(5);
    let (copy, shown) = bench.question();
    assert_eq!((shown.body.as_str(), shown.flag, shown.sys_flag), ("a", 9, 0));
    assert_eq!(shown.property("TRANSACTION_CHECK_TIMES"), Some("1"));
    assert_eq!(shown.property("WAIT"), Some("false"), "as the reference shows it");
    let halves = bench.queue(TRANS_HALF_TOPIC, 0);
    assert_eq!((halves.len(), copy.queue_offset), (2, 1));
    assert_eq!((halves[1].property("WAIT"), halves[1].flag), (Some("true"), 9));
    assert_eq!(bench.progress(), [Some(1), None]);

    assert_eq!(bench.end(copy, COMMIT).code, 0);
    assert_eq!(bench.bodies(TOPIC, 1), ["a"]);
    bench.round_after(60);
    bench.assert_silent();
    assert_eq!(bench.progress(), [Some(2), Some(1)]);
    let file = bench.fixture.folder.path().join("store/config/consumerOffset.json");
    let written = std::fs::read_to_string(file).unwrap();
    assert!(written.contains("RMQ_SYS_TRANS_OP_HALF_TOPIC@CID_RMQ_SYS_TRANS"), "{written}");
}

#[test]
fn an_ended_message_is_passed_whatever_its_age() {
    let mut bench = Bench::new(&[]);
    let halves = ["a", "b", "c"].map(|body| bench.send(body, ""));
    assert_eq!(bench.end(halves[1], ROLLBACK).code, 0);
    assert_eq!(bench.end(halves[0], COMMIT).code, 0);
    bench.round_after(0);
    assert_eq!(bench.progress(), [Some(2), Some(2)], "the third is too young");
    bench.round_after(6);
    assert_eq!(bench.question().1.body, "c");
    bench.assert_silent();
    assert_eq!(bench.bodies(TOPIC, 1), ["a"]);
}

#[test]
fn a_young_message_keeps_those_behind_it_for_later() {
    let mut bench = Bench::new(&[("transactionTimeOut", "30000")]);
    bench.send("old", "");
    bench.pass(29);
    bench.send("young", "");
    bench.round_after(1);
    assert_eq!(bench.question().1.body, "old");
    bench.round_after(1);
    bench.assert_silent();
    assert_eq!(bench.progress(), [Some(1), None]);
    assert_eq!(bench.bodies(TRANS_HALF_TOPIC, 0), ["old", "young", "old"]);
}

#[test]
fn the_op_queue_is_forgotten_up_to_the_first_message_ahead() {
    let mut bench = Bench::new(&[]);
    let halves = ["a", "b", "c", "d"].map(|body| bench.send(body, ""));
    for half in [halves[0], halves[2], halves[2], halves[3]] {
        bench.end(half, ROLLBACK);
    }
    bench.round_after(0);
    assert_eq!(bench.progress(), [Some(1), Some(2)], "b is open; of two notes about c one is enough");
    bench.round_after(6);
    assert_eq!(bench.question().1.body, "b");
    assert_eq!(bench.progress(), [Some(4), Some(4)]);
    bench.round_after(60);
    assert_eq!(bench.question().1.body, "b");
    assert_eq!(bench.progress(), [Some(5), Some(4)]);
}

#[test]
fn own_immunity_puts_a_message_off_without_counting_as_a_check() {
    let mut bench = Bench::new(&[]);
    let half = bench.send("a", "CHECK_IMMUNITY_TIME_IN_SECONDS\x01100");
    bench.round_after(20);
    bench.round_after(60);
    bench.assert_silent();
    let halves = bench.queue(TRANS_HALF_TOPIC, 0);
    assert_eq!((halves.len(), bench.progress()), (3, [Some(2), None]));
    for copy in &halves[1..] {
        assert_eq!(copy.property("TRAN_PREPARED_QUEUE_OFFSET"), Some("0"));
        assert_eq!(copy.property("TRANSACTION_CHECK_TIMES"), None);
    }
    // The producer knows the first offset only, and its end counts for the copy.
    assert_eq!(bench.end(half, COMMIT).code, 0);
    bench.round_after(60);
    bench.assert_silent();
    assert_eq!((bench.progress(), bench.bodies(TOPIC, 1).len()), ([Some(3), Some(1)], 1));
    assert_eq!(bench.bodies(TRANS_HALF_TOPIC, 0).len(), 3);
}

#[test]
fn own_immunity_ends() {
    let mut bench = Bench::new(&[]);
    bench.send("a", "CHECK_IMMUNITY_TIME_IN_SECONDS\x0130");
    bench.send("b", "CHECK_IMMUNITY_TIME_IN_SECONDS\x01soon");
    bench.round_after(10);
    assert_eq!(bench.question().1.body, "b", "what is no number counts like the usual time");
    bench.round_after(20);
    let (_, shown) = bench.question();
    assert_eq!((shown.body.as_str(), shown.property("TRANSACTION_CHECK_TIMES")), ("a", Some("1")));
}

#[test]
fn a_late_end_of_an_older_copy_counts() {
    let mut bench = Bench::new(&[]);
    let first = bench.send("a", "");
    bench.round_after(6);
    let (second, _) = bench.question();
    bench.round_after(60);
    let (third, shown) = bench.question();
    assert_eq!(shown.property("TRANSACTION_CHECK_TIMES"), Some("2"));
    assert!(first.queue_offset < second.queue_offset && second.queue_offset < third.queue_offset);
    bench.end(second, COMMIT);
    bench.round_after(60);
    bench.assert_silent();
    assert_eq!((bench.bodies(TOPIC, 1).len(), bench.progress()), (1, [Some(3), Some(1)]));
}

#[test]
fn a_message_that_was_asked_about_too_often_is_given_up() {
    let mut bench = Bench::new(&[("transactionCheckMax", "2")]);
    bench.send("a", "KEYS\x01k");
    for times in ["1", "2"] {
        bench.round_after(60);
        assert_eq!(bench.question().1.property("TRANSACTION_CHECK_TIMES"), Some(times));
        assert!(bench.fixture.topics.find(TRANS_CHECK_MAX_TIME_TOPIC).is_none());
    }
    bench.round_after(60);
    bench.assert_silent();
    let given_up = bench.queue(TRANS_CHECK_MAX_TIME_TOPIC, 0);
    assert_eq!((given_up[0].body.as_str(), given_up[0].flag), ("a", 9));
    for (name, value) in
        [("TRANSACTION_CHECK_TIMES", "2"), ("REAL_TOPIC", TOPIC), ("REAL_QID", "1"), ("KEYS", "k")]
    {
        assert_eq!(given_up[0].property(name), Some(value));
    }
    let topic = bench.fixture.topics.find(TRANS_CHECK_MAX_TIME_TOPIC).unwrap();
    assert_eq!((topic.read_queue_nums, topic.write_queue_nums, topic.perm), (1, 1, 6));
    assert_eq!(bench.progress(), [Some(3), None]);
    bench.round_after(60);
    assert_eq!((given_up.len(), bench.queue(TRANS_HALF_TOPIC, 0).len()), (1, 3));
}

#[test]
fn a_message_older_than_the_log_is_kept_is_given_up() {
    let mut bench = Bench::new(&[("fileReservedTime", "1")]);
    bench.send("a", "");
    bench.round_after(3_600);
    bench.assert_silent();
    assert_eq!(bench.bodies(TRANS_CHECK_MAX_TIME_TOPIC, 0), ["a"]);
}

#[test]
fn the_answer_to_the_last_question_is_waited_for() {
    let mut bench = Bench::new(&[("transactionCheckMax", "1")]);
    bench.send("a", "");
    bench.round_after(6);
    let (copy, _) = bench.question();
    bench.end(copy, COMMIT);
    bench.round_after(60);
    assert_eq!(bench.bodies(TOPIC, 1), ["a"]);
    assert!(bench.bodies(TRANS_CHECK_MAX_TIME_TOPIC, 0).is_empty());
}

#[test]
fn without_a_producer_a_message_stays_and_another_member_is_asked() {
    let mut bench = Bench::new(&[]);
    bench.send("a", "");
    bench.fixture.producers.close(&bench.client.peer);
    bench.round_after(6);
    assert_eq!(bench.queue(TRANS_HALF_TOPIC, 0).len(), 2);
    bench.client = bench.server.connect();
    bench.fixture.producers.register(&bench.client.client("q"), GROUP);
    bench.round_after(60);
    let (copy, shown) = bench.question();
    assert_eq!(shown.property("TRANSACTION_CHECK_TIMES"), Some("2"));
    assert_eq!(bench.end(copy, COMMIT).code, 0);
    assert_eq!(bench.bodies(TOPIC, 1), ["a"]);
}

#[test]
fn a_message_from_the_future_is_asked_about_at_once() {
    let mut bench = Bench::new(&[]);
    bench.born_ahead_ms = 60_000;
    bench.send("a", "");
    bench.round_after(0);
    assert_eq!(bench.question().1.body, "a");
}

#[test]
fn progress_stays_while_the_store_takes_nothing() {
    let mut bench = Bench::new(&[("transactionCheckMax", "1")]);
    bench.send("a", "TRANSACTION_CHECK_TIMES\x011");
    bench.send("b", "");
    bench.fixture.store.close().unwrap();
    bench.round_after(60);
    bench.assert_silent();
    assert_eq!(bench.progress(), [None, None]);
}

#[test]
fn a_message_without_room_for_a_count_is_given_up_and_holds_up_nobody() {
    let mut bench = Bench::new(&[]);
    let first = bench.send("a", "pad\x01x");
    let bytes = bench.fixture.store.record_at(first.physical_offset).unwrap();
    let length = RecordView::parse(&bytes).unwrap().properties().len();
    bench.send("b", &format!("pad\x01{}", "x".repeat(PROPERTIES_LEN_MAX - length)));
    bench.send("c", "");
    bench.round_after(60);
    assert_eq!([bench.question().1.body, bench.question().1.body], ["a", "c"]);
    assert_eq!(bench.bodies(TRANS_CHECK_MAX_TIME_TOPIC, 0), ["b"]);
    assert_eq!(bench.progress(), [Some(3), None]);
}

#[test]
fn progress_outside_of_the_queues_moves_into_them() {
    let mut bench = Bench::new(&[]);
    for topic in [TRANS_HALF_TOPIC, TRANS_OP_HALF_TOPIC] {
        bench.fixture.offsets.commit(names::TRANS_GROUP, topic, 0, 77);
    }
    let half = bench.send("a", "");
    bench.round_after(60);
    assert_eq!(bench.progress(), [Some(1), Some(0)]);
    bench.end(half, COMMIT);
    bench.send("b", "");
    bench.round_after(60);
    assert_eq!(bench.question().1.body, "b");
}

#[test]
fn a_resumed_message_begins_to_be_checked_anew() {
    let mut bench = Bench::new(&[("transactionCheckMax", "1")]);
    bench.send("a", "");
    bench.round_after(6);
    bench.question();
    bench.round_after(60);
    let unit = bench.fixture.store.units(TRANS_CHECK_MAX_TIME_TOPIC, 0, 0, 1)[0].unit;
    let bytes = bench.fixture.store.record_at(unit.physical_offset).unwrap();
    let id = RecordView::parse(&bytes).unwrap().offset_message_id();
    let mut resume = |id: &str| {
        let header = ResumeCheckHeader { message_id: Some(id) };
        bench.client.ask(&OutgoingRequest::new(323).with_fields(header.fields())).1
    };
    assert_eq!((resume(id.as_str()).code, resume(id.at(7).as_str()).code), (0, 1));
    let failed = "Exception was thrown when putting message back to RMQ_SYS_TRANS_HALF_TOPIC.";
    assert_eq!(resume("no id").remark.as_deref(), Some(failed));
    bench.settle();
    bench.round_after(60);
    let (copy, shown) = bench.question();
    assert_eq!((shown.property("TRANSACTION_CHECK_TIMES"), shown.flag), (Some("1"), 9));
    bench.end(copy, COMMIT);
    assert_eq!(bench.bodies(TOPIC, 1), ["a"]);
}

#[test]
fn the_first_round_comes_after_one_interval_and_makes_the_topic() {
    let bench = Bench::new(&[("transactionCheckInterval", "5000")]);
    let poison = Poison::new();
    let check = TransactionCheck::start(parts(&bench.fixture), &poison).unwrap();
    let exists = || bench.fixture.topics.contains(TRANS_HALF_TOPIC);
    bench.pass(4);
    assert!(!exists());
    wait_until("the first round", || {
        bench.fixture.clock.advance(Duration::from_millis(100));
        exists()
    });
    let topic = bench.fixture.topics.find(TRANS_HALF_TOPIC).unwrap();
    assert_eq!((topic.read_queue_nums, topic.write_queue_nums, topic.perm), (1, 1, 6));
    assert!(!bench.fixture.topics.contains(TRANS_OP_HALF_TOPIC));
    check.stop();
    check.stop();
    assert!(!poison.is_set());
}
