use super::*;
use crate::broker::admin::testing::Fixture;

fn update(fixture: &Fixture, text: &str) -> Result<Update, Refusal> {
    fixture.admin.config.update_text(text.as_bytes())
}

#[test]
fn live_keys_change_and_are_told_and_saved() {
    let fixture = Fixture::new(&[]);
    fixture.clock.advance(std::time::Duration::from_secs(5));
    let done = update(&fixture, "maxTransferCountOnMessageInDisk=16\nlistenPort=1\\\n1111\nnobodyKnows=1\n")
        .unwrap();
    assert_eq!(done.applied, ["maxTransferCountOnMessageInDisk"]);
    assert_eq!(
        (done.after_restart.as_slice(), done.unknown.as_slice()),
        (["listenPort"].as_slice(), ["nobodyKnows".to_owned()].as_slice())
    );
    assert_eq!(fixture.config.load().store.max_transfer_count_on_message_in_disk, 16);
    assert_eq!(*fixture.updates.lock(), [done]);
    let file = fixture.folder.path().join("store/config/broker.properties");
    let saved = std::fs::read_to_string(file).unwrap();
    assert!(
        saved.contains("maxTransferCountOnMessageInDisk=16\n") && !saved.contains("nobodyKnows"),
        "{saved}"
    );
    let version = fixture.admin.config.show().version;
    assert_eq!((version.counter, version.timestamp), (1, fixture.clock.now_ms()));
}

#[test]
fn black_keys_and_bad_values_change_nothing() {
    let fixture = Fixture::new(&[]);
    for text in
        ["brokerConfigPath=x", "rocketmqHome=x", "configBlackList=x", "traceOn=false\nconfigBlackList="]
    {
        let refusal = update(&fixture, text).unwrap_err();
        assert_eq!(refusal.code, ResponseCode::NoPermission);
        assert_eq!(refusal.remark, "Can not update config in black list.");
    }
    let refusal = update(&fixture, "traceOn=false\nmaxMessageSize=many").unwrap_err();
    assert_eq!(refusal.code, ResponseCode::SystemError);
    assert!(refusal.remark.contains("maxMessageSize"), "{}", refusal.remark);
    assert_eq!(update(&fixture, "traceOn=\\uZZZZ").unwrap_err().remark, "string2Properties error");
    assert!(fixture.config.load().broker.trace_on);
    assert!(fixture.updates.lock().is_empty());
    assert_eq!(fixture.admin.config.show().version.counter, 0);
}

#[test]
fn a_new_permission_makes_a_new_version_of_the_topics() {
    let fixture = Fixture::new(&[]);
    let before = fixture.topics.data_version().counter;
    let done = update(&fixture, "brokerPermission=4").unwrap();
    assert!(changes_permission(&done));
    assert_eq!(fixture.topics.data_version().counter, before + 1);
    assert!(fixture.topics.for_registration().topic_config_table.values().all(|topic| topic.perm == 4));
}

#[test]
fn an_update_that_cannot_be_saved_says_so() {
    let fixture = Fixture::new(&[]);
    let file = fixture.folder.path().join("store/config/broker.properties");
    std::fs::create_dir_all(file).unwrap();
    let refusal = update(&fixture, "traceOn=false").unwrap_err();
    assert!(refusal.remark.contains("not saved"), "{}", refusal.remark);
    assert!(!fixture.config.load().broker.trace_on);
}

#[test]
fn the_shown_text_reads_back() {
    let fixture = Fixture::new(&[]);
    let shown = fixture.admin.config.show();
    let text = shown.to_text();
    let document = Document::parse(text.as_bytes()).unwrap();
    for (key, value) in &shown.entries {
        assert_eq!(document.get(key), Some(value.as_str()), "{key}");
    }
    assert!(text.contains("brokerName=golden-a\n") && !text.contains("kvConfigPath"), "{text}");
    assert!(text.contains("messageDelayLevel=1s 5s 10s"));
}
