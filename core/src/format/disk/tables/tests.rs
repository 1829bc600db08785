use super::*;

#[test]
fn missing_fields_have_the_defaults_of_java() {
    let table: TopicTable =
        parse(br#"{"topicConfigTable":{"T":{"topicName":"T","attributes":{}}}}"#).unwrap();
    assert_eq!(
        table.topic_config_table["T"],
        TopicConfig { topic_name: "T".into(), ..TopicConfig::default() }
    );
    assert_eq!(table.topic_config_table["T"].perm, 6);
    let table: SubscriptionGroupTable =
        parse(br#"{"subscriptionGroupTable":{"G":{"groupName":"G"}}}"#).unwrap();
    assert_eq!(table.subscription_group_table["G"], SubscriptionGroupConfig::new("G"));
    assert_eq!(parse::<ConsumerOffsetTable>(b"{}").unwrap(), ConsumerOffsetTable::default());
}

#[test]
fn numeric_keys_are_read_with_and_without_quotes() {
    let bare: DelayOffsetTable = parse(b"{\"offsetTable\":{1:10,\n2:20}}").unwrap();
    let quoted: DelayOffsetTable = parse(br#"{"offsetTable":{"1":10,"2":20}}"#).unwrap();
    assert_eq!(bare, quoted);
    assert_eq!(to_text(&bare), b"{\n\t\"offsetTable\":{1:10,2:20\n\t}\n}");
}

#[test]
fn broken_texts_are_refused() {
    for text in [&b""[..], b"{", b"{\"offsetTable\":{1:10", b"[1]", b"{\"offsetTable\":{\"x\":1}}"] {
        assert!(parse::<DelayOffsetTable>(text).is_err(), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn filter_without_bits_leaves_the_field_out() {
    let mut table = ConsumerFilterTable::default();
    let filter = ConsumerFilterData { born_time_ms: 2, dead_time_ms: 1, ..ConsumerFilterData::default() };
    let mut filters = TopicFilters { topic: "T".into(), ..TopicFilters::default() };
    filters.group_filter_data.insert("G".into(), filter.clone());
    table.filter_data_by_topic.insert("T".into(), filters);
    let text = String::from_utf8(to_text(&table)).unwrap();
    assert!(!text.contains("bloomFilterData") && text.contains("\"dead\":false"), "{text}");
    assert_eq!(parse::<ConsumerFilterTable>(text.as_bytes()).unwrap(), table);
}

#[test]
fn offset_keys_have_one_separator() {
    assert_eq!(offset_key("T", "G"), "T@G");
    assert_eq!(split_offset_key("T@G"), Some(("T", "G")));
    for key in ["T", "@G", "T@", "T@G@H", ""] {
        assert_eq!(split_offset_key(key), None, "{key}");
    }
}

#[test]
fn version_moves_with_every_change() {
    let mut version = DataVersion { counter: 4, timestamp: 1 };
    version.advance(9);
    assert_eq!(version, DataVersion { counter: 5, timestamp: 9 });
}

#[test]
fn filter_types_have_names() {
    assert_eq!(TopicFilterType::of_name("MULTI_TAG"), Some(TopicFilterType::MultiTag));
    assert_eq!(TopicFilterType::of_name("multi"), None);
}
