use super::*;
use crate::broker::admin::testing::{BEGIN_MS, Fixture};
use crate::format::disk::tables::TopicConfig;
use crate::store::Amount;

fn fixture() -> Fixture {
    let fixture = Fixture::new(&[]);
    fixture.topics.update(TopicConfig { read_queue_nums: 1, ..TopicConfig::new("T", 2, 6) });
    for queue_id in [0, 0, 1] {
        fixture.put("T", queue_id, b"x");
    }
    fixture.offsets.commit("g", "T", 0, 1);
    fixture.offsets.commit("g", "Gone", 0, 1);
    fixture
}

#[test]
fn a_group_is_measured_by_read_queues_and_all_groups_by_write_queues() {
    let fixture = fixture();
    fixture.groups.find_or_create("g").unwrap();
    let amount = Amount { messages: 5, bytes: 50 };
    fixture.stats.got("g", "T", 0, amount, std::time::Duration::ZERO);
    fixture.stats.sample(crate::broker::stats::Span::Minute);
    let progress = fixture.admin.progress.of_group("g", None);
    assert_eq!(progress.offset_table.len(), 1, "{progress:?}");
    assert!((progress.consume_tps - 0.5).abs() < 1e-9);
    let queue = progress.offset_table.values().next().unwrap();
    assert_eq!((queue.broker_offset, queue.consumer_offset), (2, 1));
    assert_eq!(queue.last_timestamp_ms, BEGIN_MS + 1_000);
    assert_eq!(fixture.admin.progress.of_group("g", Some("Gone")), ConsumeStats::default());
    let all = fixture.admin.progress.of_all(false, "address".to_owned());
    assert_eq!((all.broker_addr.as_str(), all.total_diff), ("address", 2));
    let of_group = all.groups.iter().find_map(|group| group.get("g")).unwrap();
    assert_eq!((of_group.len(), of_group[0].offset_table.len()), (1, 2));
    let ordered = fixture.admin.progress.of_all(true, String::new());
    assert!(ordered.groups.iter().flat_map(|group| group.values()).all(Vec::is_empty));
}

#[test]
fn time_spans_say_minus_one_for_what_is_not_known() {
    let fixture = fixture();
    let spans = fixture.admin.progress.time_spans("T", "g").unwrap().spans;
    let facts = |span: &QueueTimeSpan| {
        (span.min_timestamp_ms, span.max_timestamp_ms, span.consume_timestamp_ms, span.delay_ms)
    };
    assert_eq!(facts(&spans[0]), (BEGIN_MS + 1_000, BEGIN_MS + 2_000, BEGIN_MS + 1_000, 1_000));
    // No offset: at the oldest message, which has been waiting since.
    assert_eq!(facts(&spans[1]), (BEGIN_MS + 3_000, BEGIN_MS + 3_000, BEGIN_MS + 3_000, 0));
    fixture.topics.update(TopicConfig::new("Empty", 1, 6));
    let empty = fixture.admin.progress.time_spans("Empty", "g").unwrap().spans;
    assert_eq!(facts(&empty[0]), (-1, -1, -1, 0));
    assert!(fixture.admin.progress.time_spans("Nope", "g").is_err());
}

#[test]
fn times_are_written_as_java_writes_them() {
    let text = local_time(BEGIN_MS + 7);
    assert_eq!(text.len(), "2026-11-21#06:21:52:043".len());
    assert!(text.starts_with("2026-11-2") && text.ends_with(":20:007"), "{text}");
    assert_eq!(local_time(i64::MIN), "");
}
