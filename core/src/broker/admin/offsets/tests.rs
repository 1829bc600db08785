use super::*;
use crate::broker::admin::testing::{BEGIN_MS, Fixture};
use crate::format::disk::tables::TopicConfig;

fn fixture() -> Fixture {
    let fixture = Fixture::new(&[]);
    fixture.topics.update(TopicConfig::new("T", 2, 6));
    for queue_id in [0, 0, 0, 1] {
        fixture.put("T", queue_id, b"x");
    }
    fixture
}

#[test]
fn offsets_of_queues_that_do_not_exist_are_zero() {
    let fixture = fixture();
    let offsets = &fixture.admin.offsets;
    assert_eq!((offsets.max("T", 0), offsets.min("T", 0)), (3, 0));
    assert_eq!((offsets.max("T", 7), offsets.min("Nope", 0)), (0, 0));
    assert_eq!(offsets.earliest_store_time_ms("T", 0), Some(BEGIN_MS + 1_000));
    assert_eq!(offsets.earliest_store_time_ms("Nope", 0), None);
    assert_eq!((offsets.at_time("T", 0, 0), offsets.at_time("T", 0, i64::MAX)), (0, 2));
}

#[test]
fn a_reset_needs_the_topic_every_offset_and_a_member() {
    let fixture = fixture();
    let offsets = &fixture.admin.offsets;
    let reset = Reset { topic: "T", group: "g", timestamp_ms: None, is_forced: false, is_for_c: false };
    let refusal = offsets.reset(Reset { topic: "Nope", ..reset }).unwrap_err();
    assert_eq!(refusal.code, ResponseCode::SystemError);
    assert_eq!(refusal.remark, "[reset-offset] reset offset failed, no topic in this broker. topic=Nope");
    fixture.offsets.commit("g", "T", 0, 2);
    assert_eq!(offsets.reset(reset).unwrap_err().remark, "THe consumer group <g> not exist");
    fixture.offsets.commit("g", "T", 1, 5);
    let refusal = offsets.reset(reset).unwrap_err();
    assert_eq!(refusal.code, ResponseCode::ConsumerNotOnline);
    assert_eq!(
        refusal.remark,
        "Consumer not online, so can not reset offset, Group: g Topic: T Timestamp: -1"
    );
    let after = |reset| offsets.offsets_after(reset).unwrap().into_values().collect::<Vec<_>>();
    assert_eq!(after(reset), [2, 1], "only back");
    assert_eq!(after(Reset { is_forced: true, ..reset }), [3, 1]);
    assert_eq!(after(Reset { timestamp_ms: Some(BEGIN_MS + 2_000), ..reset }), [1, 0]);
}

#[test]
fn copying_takes_one_topic_or_all() {
    let fixture = fixture();
    let (admin, offsets) = (&fixture.admin.offsets, &fixture.offsets);
    fixture.topics.update(TopicConfig::new("U", 1, 6));
    offsets.commit("from", "T", 0, 3);
    offsets.commit("from", "U", 0, 4);
    offsets.commit("from", "Gone", 0, 5);
    admin.copy("from", "one", Some("T"), false);
    assert_eq!((offsets.find("one", "T", 0), offsets.find("one", "U", 0)), (Some(3), None));
    admin.copy("from", "all", None, true);
    assert_eq!((offsets.find("all", "T", 0), offsets.find("all", "U", 0)), (Some(3), Some(4)));
    assert_eq!(offsets.find("all", "Gone", 0), None);
}

#[test]
fn the_lowest_offset_leaves_groups_out_without_forgetting_them() {
    let fixture = fixture();
    let (admin, offsets) = (&fixture.admin.offsets, &fixture.offsets);
    for (group, queue_id, offset) in [("a", 0, 3), ("b", 0, 1), ("c", 0, 2), ("b", 1, 1)] {
        offsets.commit(group, "T", queue_id, offset);
    }
    assert_eq!(admin.lowest("T", &[], "a"), [(0, 1), (1, 1)].into());
    assert_eq!(admin.lowest("T", &["b"], "a"), [(0, 2)].into());
    assert_eq!(
        admin.lowest("T", &["b", "c"], "b"),
        [(0, i64::MAX)].into(),
        "b is behind; queue 1 is nobody's"
    );
    assert_eq!(offsets.find("b", "T", 0), Some(1));
}
