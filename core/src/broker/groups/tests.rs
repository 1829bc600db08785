use super::*;
use crate::config::{Config, Profile};

struct Fixture {
    folder: tempfile::TempDir,
    config: LiveConfig,
    clock: Clock,
}

impl Fixture {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(properties: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let properties = [&[("storePathRootDir", folder.path().to_str().unwrap())], properties].concat();
        let config = Config::with_properties(Profile::Server, &properties).unwrap();
        Self { folder, config: LiveConfig::with_file(config, None), clock: Clock::manual(1_000) }
    }

    fn open(&self) -> SubscriptionGroups {
        SubscriptionGroups::open(Disk::real(), self.config.clone(), self.clock.clone()).unwrap()
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("config/subscriptionGroup.json")).unwrap()
    }
}

#[test]
fn built_in_groups_are_there_with_defaults() {
    let groups = Fixture::new().open();
    assert_eq!(groups.all().len(), 7);
    for name in BUILT_IN_GROUPS {
        assert_eq!(*groups.find(name).unwrap(), SubscriptionGroupConfig::new(name));
    }
    let group = groups.find("TOOLS_CONSUMER").unwrap();
    assert_eq!((group.retry_queue_nums, group.retry_max_times), (1, 16));
    assert_eq!((group.broker_id, group.which_broker_when_consume_slowly), (0, 1));
    assert!(group.consume_enable && group.consume_broadcast_enable && group.consume_from_min_enable);
    assert!(group.notify_consumer_ids_changed_enable);
}

#[test]
fn a_missing_group_is_created_counted_and_written() {
    let fixture = Fixture::new();
    let groups = fixture.open();
    assert_eq!(groups.find("g"), None);
    fixture.clock.set_wall_ms(5_000);
    let created = groups.find_or_create("g").unwrap();
    assert_eq!(groups.data_version(), DataVersion { counter: 1, timestamp: 5_000 });
    assert!(fixture.text().contains("\"g\""));
    assert!(Arc::ptr_eq(&created, &groups.find_or_create("g").unwrap()));
    assert_eq!(groups.data_version().counter, 1);
    assert_eq!(fixture.open().snapshot(), groups.snapshot());
}

#[test]
fn without_auto_creation_only_system_groups_are_created() {
    let fixture = Fixture::new();
    fixture.config.settle(|config| config.broker.auto_create_subscription_group = false);
    let groups = fixture.open();
    assert_eq!(groups.find_or_create("g"), None);
    assert!(groups.find_or_create("CID_RMQ_SYS_x").is_some());
}

#[test]
fn names_that_could_leave_their_folder_are_refused() {
    let fixture = Fixture::new();
    let groups = fixture.open();
    assert_eq!(check_group(""), Err(GroupNameError::Blank));
    let long = "g".repeat(249);
    for name in ["a/b", "../a", "..", ".", "a\0", "a\\b", "\u{7f}", &long] {
        assert_eq!(check_group(name), Err(GroupNameError::Illegal), "{name:?}");
        assert_eq!(groups.find_or_create(name), None, "{name:?}");
        assert!(groups.update(SubscriptionGroupConfig::new(name)).is_err(), "{name:?}");
    }
    for name in ["g", "a.b", "订单", "a b", &long[..248]] {
        assert_eq!(check_group(name), Ok(()), "{name:?}");
    }
    assert_eq!(groups.all().len(), 7);
}

#[test]
fn updates_and_deletions_are_durable() {
    let fixture = Fixture::new();
    let groups = fixture.open();
    groups
        .update(SubscriptionGroupConfig { retry_max_times: 3, ..SubscriptionGroupConfig::new("g") })
        .unwrap();
    assert_eq!(fixture.open().find("g").unwrap().retry_max_times, 3);
    assert!(groups.delete("g") && !groups.delete("g"));
    assert_eq!(fixture.open().find("g"), None);
    assert_eq!(groups.data_version().counter, 2);
}

#[test]
fn a_slow_group_is_disabled_in_memory_only() {
    let fixture = Fixture::new();
    let groups = fixture.open();
    groups.find_or_create("g").unwrap();
    groups.disable_consume("g");
    assert!(!groups.find("g").unwrap().consume_enable);
    assert_eq!(groups.data_version().counter, 2);
    assert!(fixture.open().find("g").unwrap().consume_enable);
    groups.disable_consume("absent");
    assert_eq!(groups.data_version().counter, 2);
}

#[test]
fn the_body_of_code_201_has_the_form_of_java() {
    let text = String::from_utf8(Fixture::new().open().encode()).unwrap();
    assert!(
        text.starts_with(r#"{"dataVersion":{"counter":0,"timestamp":1000},"subscriptionGroupTable":{"#),
        "{text}"
    );
    let entry = r#""TOOLS_CONSUMER":{"brokerId":0,"consumeBroadcastEnable":true,"consumeEnable":true,"consumeFromMinEnable":true,"groupName":"TOOLS_CONSUMER","notifyConsumerIdsChangedEnable":true,"retryMaxTimes":16,"retryQueueNums":1,"whichBrokerWhenConsumeSlowly":1}"#;
    assert!(text.contains(entry), "{text}");
}

#[test]
fn groups_of_light_queues_are_there_without_being_created() {
    let groups = Fixture::with(&[("enableLmq", "true"), ("autoCreateSubscriptionGroup", "false")]).open();
    let light = SubscriptionGroupConfig::new("%LMQ%g");
    groups.update(SubscriptionGroupConfig { retry_max_times: 3, ..light.clone() }).unwrap();
    assert_eq!(groups.find_or_create("%LMQ%g").as_deref(), Some(&light));
    assert_eq!(
        (groups.all().len(), groups.find_or_create("%LMQ%a/b"), groups.find_or_create("g")),
        (7, None, None)
    );
}
