use super::*;
use crate::broker::clients::GroupListener;
use crate::broker::filter::bloom::set_bits;
use crate::broker::filter::subscription::SQL92;
use crate::broker::testing::Tables;
use crate::format::names::retry_topic;
use crate::format::record::properties::push;

fn sql(topic: &str, expression: &str) -> Arc<Subscription> {
    Arc::new(Subscription {
        topic: topic.to_owned(),
        sub_string: expression.to_owned(),
        expression_type: SQL92.to_owned(),
        sub_version: 1,
        ..Subscription::default()
    })
}

fn properties(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut text = Vec::new();
    pairs.iter().for_each(|(name, value)| push(&mut text, name, value));
    text
}

#[test]
fn a_bit_map_decides_for_messages_stored_after_the_filter_was_born() {
    let tables = Tables::new();
    tables.filters.registered("g", &[sql("t", "a = 1")]);
    let filter = tables.filters.find("t", "g").unwrap();
    let wanted = WantedMessages::of_group(sql("t", "a = 1"), Some(filter.clone()));
    let born_ms = filter.data.born_time_ms;
    let mut full = vec![0; 14];
    set_bits(&filter.bits, &mut full);
    let unit =
        |after_ms: i64, bit_map| CqExtUnit { tags_code: 0, store_timestamp_ms: born_ms + after_ms, bit_map };
    for (unit, expected) in [
        (unit(1, &[0; 14][..]), false),
        (unit(1, &full), true),
        (unit(0, &[0; 14]), true),
        (unit(1, &[]), true),
        (unit(1, &[0; 8]), true),
    ] {
        assert_eq!(wanted.matches_unit(Some(0), Some(&unit)), expected, "{unit:?}");
    }
    assert!(wanted.matches_unit(None, None), "nothing is known");
    assert!(wanted.needs_properties());
    assert!(wanted.matches_properties(&properties(&[(b"a", b"1")])));
    assert!(!wanted.matches_properties(&properties(&[(b"a", b"2")])));
    assert!(!wanted.matches_properties(&properties(&[(b"a", b"x")])), "an evaluation that fails");
}

#[test]
fn a_retry_topic_is_filtered_by_what_the_group_wants_of_the_other_topic() {
    let tables = Tables::new();
    tables.filters.registered("g", &[sql("t", "a = 1")]);
    let retry = retry_topic("g");
    let all = Arc::new(Subscription {
        topic: retry.clone(),
        sub_string: "*".to_owned(),
        ..Subscription::default()
    });
    let wanted = WantedMessages::of_group(all, None).with_retried(&retry, &tables.filters);
    assert!(wanted.needs_properties() && wanted.matches_unit(Some(7), None));
    for (topic, value, expected) in [("t", "1", true), ("t", "2", false), ("other", "2", true)] {
        let text = properties(&[(b"a", value.as_bytes()), (property::RETRY_TOPIC, topic.as_bytes())]);
        assert_eq!(wanted.matches_properties(&text), expected, "{topic} {value}");
    }
    assert!(wanted.matches_properties(b""), "it does not say where it comes from");
    let plain = WantedMessages::of_group(sql("t", "a = 1"), None).with_retried("t", &tables.filters);
    assert!(!matches!(plain, WantedMessages::Retried(_)), "no retry topic");
}

#[test]
fn a_class_filter_takes_everything() {
    let tables = Tables::new();
    tables.filters.registered("g", &[sql("t", "a = 1")]);
    let subscription = Subscription { class_filter_mode: true, ..Subscription::clone(&sql("t", "a = 1")) };
    let wanted = WantedMessages::of_group(Arc::new(subscription), tables.filters.find("t", "g"));
    assert!(wanted.matches_unit(Some(1), None) && !wanted.needs_properties());
}
