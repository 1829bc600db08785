use super::*;
use crate::config::Profile;
use crate::format::disk::tables::TopicFilterType;

struct Fixture {
    folder: tempfile::TempDir,
    properties: Vec<(&'static str, &'static str)>,
    clock: Clock,
}

impl Fixture {
    fn new(properties: &[(&'static str, &'static str)]) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            properties: properties.to_vec(),
            clock: Clock::manual(1_000),
        }
    }

    fn config(&self) -> LiveConfig {
        let root = self.folder.path().to_str().unwrap();
        let mut properties =
            vec![("storePathRootDir", root), ("brokerName", "broker-a"), ("brokerClusterName", "Cluster")];
        properties.extend(&self.properties);
        LiveConfig::with_file(Config::with_properties(Profile::Server, &properties).unwrap(), None)
    }

    fn open(&self) -> Topics {
        Topics::open(Disk::real(), self.config(), self.clock.clone()).unwrap()
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("config/topics.json")).unwrap()
    }
}

fn wanted<'a>(topic: &'a str, template: &'a str, queues: i32) -> Wanted<'a> {
    Wanted { topic, template, queues, sys_flag: 0 }
}

fn facts(topics: &Topics, topic: &str) -> Option<(i32, i32, i32)> {
    let topic = topics.find(topic)?;
    Some((topic.read_queue_nums, topic.write_queue_nums, topic.perm))
}

#[test]
fn built_in_topics_are_those_of_the_spec() {
    let topics = Fixture::new(&[]).open();
    let expected = [
        ("SELF_TEST_TOPIC", 1, 6),
        ("TBW102", 8, 7),
        ("BenchmarkTest", 1024, 6),
        ("Cluster", 16, 7),
        ("broker-a", 1, 7),
        ("OFFSET_MOVED_EVENT", 1, 6),
        ("SCHEDULE_TOPIC_XXXX", 18, 6),
        ("Cluster_REPLY_TOPIC", 1, 6),
    ];
    for (topic, queues, perm) in expected {
        assert_eq!(facts(&topics, topic), Some((queues, queues, perm)), "{topic}");
        assert!(topics.is_system(topic), "{topic}");
    }
    assert_eq!(topics.all().len(), expected.len());
    assert_eq!(topics.data_version(), DataVersion { counter: 0, timestamp: 1_000 });
    assert_eq!(topics.system_topics().len(), 12);
}

#[test]
fn switches_decide_which_topics_are_built_in() {
    let off = [
        ("autoCreateTopicEnable", "false"),
        ("clusterTopicEnable", "false"),
        ("brokerTopicEnable", "false"),
        ("traceTopicEnable", "true"),
        ("msgTraceTopicName", "Traces"),
        ("defaultTopicQueueNums", "4"),
    ];
    let topics = Fixture::new(&off).open();
    assert_eq!(facts(&topics, "TBW102"), None);
    assert_eq!(facts(&topics, "Cluster"), Some((16, 16, 1)));
    assert_eq!(facts(&topics, "broker-a"), Some((1, 1, 1)));
    assert_eq!(facts(&topics, "Traces"), Some((1, 1, 6)));
    assert!(topics.is_system("Traces"));
    let topics = Fixture::new(&off[5..]).open();
    assert_eq!(facts(&topics, "TBW102"), Some((4, 4, 7)));
}

#[test]
fn a_send_creates_its_topic_after_the_template() {
    let fixture = Fixture::new(&[]);
    let topics = fixture.open();
    fixture.clock.set_wall_ms(2_000);
    let created = topics.find_or_create_for_send(Wanted { sys_flag: 1, ..wanted("T", "TBW102", 4) }).unwrap();
    assert_eq!((created.read_queue_nums, created.write_queue_nums), (4, 4));
    assert_eq!((created.perm, created.topic_sys_flag, created.order), (6, 1, false));
    assert_eq!(topics.data_version(), DataVersion { counter: 1, timestamp: 2_000 });
    assert!(fixture.text().contains("\"T\""), "durable before the call returns");
    let again = topics.find_or_create_for_send(wanted("T", "TBW102", 9)).unwrap();
    assert!(Arc::ptr_eq(&created, &again));
    assert_eq!(topics.data_version().counter, 1);
}

#[test]
fn queue_count_is_bounded_by_the_template_and_never_negative() {
    let topics = Fixture::new(&[]).open();
    for (topic, queues, expected) in [("many", 100, 8), ("none", 0, 0), ("negative", -3, 0)] {
        let created = topics.find_or_create_for_send(wanted(topic, "TBW102", queues)).unwrap();
        assert_eq!((created.read_queue_nums, created.write_queue_nums), (expected, expected), "{topic}");
    }
}

#[test]
fn any_topic_with_the_inherit_bit_is_a_template() {
    let topics = Fixture::new(&[]).open();
    topics.update(TopicConfig {
        topic_filter_type: TopicFilterType::MultiTag,
        ..TopicConfig::new("template", 3, perm::READ | perm::INHERIT)
    });
    let created = topics.find_or_create_for_send(wanted("T", "template", 8)).unwrap();
    assert_eq!((created.write_queue_nums, created.perm), (3, perm::READ));
    assert_eq!(created.topic_filter_type, TopicFilterType::MultiTag);
    topics.update(TopicConfig::new("plain", 3, 6));
    assert_eq!(topics.find_or_create_for_send(wanted("U", "plain", 8)), None);
    assert_eq!(topics.find_or_create_for_send(wanted("U", "absent", 8)), None);
    assert!(!topics.contains("U"));
}

#[test]
fn switching_auto_creation_off_closes_its_template() {
    let fixture = Fixture::new(&[]);
    let config = fixture.config();
    let topics = Topics::open(Disk::real(), config.clone(), fixture.clock.clone()).unwrap();
    config.settle(|config| config.broker.auto_create_topic_enable = false);
    assert_eq!(topics.find_or_create_for_send(wanted("T", "TBW102", 4)), None);
    assert_eq!(facts(&topics, "TBW102"), Some((8, 8, 6)));
    assert_eq!(topics.data_version().counter, 0);
    assert!(topics.find_or_create_for_send(wanted("T", "Cluster", 4)).is_some(), "other templates stay open");
}

#[test]
fn creation_gives_up_when_the_table_is_busy_for_three_seconds() {
    let topics = Fixture::new(&[]).open();
    let busy = topics.version.lock();
    assert!(topics.find_or_create("SELF_TEST_TOPIC", 1, 6, 0).is_some(), "what exists needs no change");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| topics.find_or_create("T", 1, 6, 0));
        assert_eq!(waiting.join().unwrap(), None);
    });
    drop(busy);
    assert!(topics.find_or_create("T", 1, 6, 0).is_some());
}

#[test]
fn names_that_are_no_file_names_are_not_created() {
    let topics = Fixture::new(&[]).open();
    let long = "x".repeat(256);
    for name in ["", " ", ".", "..", "a/b", "../a", "a\0b", "a\\b", "a\nb", &long] {
        assert_eq!(topics.find_or_create(name, 1, 6, 0), None, "{name:?}");
        assert_eq!(topics.find_or_create_for_send(wanted(name, "TBW102", 1)), None, "{name:?}");
    }
    assert!(topics.find_or_create("%RETRY%a.b订单", 1, 6, 0).is_some(), "Java takes such groups");
}

#[test]
fn what_was_changed_is_there_after_a_restart() {
    let fixture = Fixture::new(&[]);
    let topics = fixture.open();
    topics.find_or_create("%RETRY%g", 1, 6, 2).unwrap();
    topics.update(TopicConfig::new("BenchmarkTest", 2, 6));
    topics.update(TopicConfig::new("gone", 2, 6));
    assert!(topics.delete("gone") && !topics.delete("gone"));
    let version = topics.data_version();
    assert_eq!(version.counter, 4);
    let reopened = fixture.open();
    assert_eq!(reopened.snapshot(), topics.snapshot());
    assert_eq!(facts(&reopened, "BenchmarkTest"), Some((2, 2, 6)), "stored beats built in");
    assert_eq!(reopened.data_version(), version);
    assert!(fixture.folder.path().join("config/topics.json.bak").exists());
}

#[test]
fn stored_names_that_are_no_file_names_are_ignored() {
    let fixture = Fixture::new(&[]);
    std::fs::create_dir(fixture.folder.path().join("config")).unwrap();
    let text = r#"{"topicConfigTable":{"../x":{"perm":6},"good":{"perm":4}}}"#;
    std::fs::write(fixture.folder.path().join("config/topics.json"), text).unwrap();
    let topics = fixture.open();
    assert!(!topics.contains("../x"));
    assert_eq!(facts(&topics, "good"), Some((16, 16, 4)));
}

#[test]
fn the_order_table_sets_and_clears_flags() {
    let fixture = Fixture::new(&[]);
    let topics = fixture.open();
    topics.update(TopicConfig::new("A", 1, 6));
    topics.update(TopicConfig { order: true, ..TopicConfig::new("B", 1, 6) });
    topics.update_order_flags(|topic| topic == "A");
    assert!(topics.is_ordered("A") && !topics.is_ordered("B") && !topics.is_ordered("absent"));
    let version = topics.data_version();
    topics.update_order_flags(|topic| topic == "A");
    assert_eq!(topics.data_version(), version, "no change, no new version");
    assert!(fixture.open().is_ordered("A"));
}

#[test]
fn every_change_is_told_after_it_is_durable() {
    let fixture = Fixture::new(&[]);
    let topics = Arc::new(fixture.open());
    let told = Arc::new(Mutex::new(Vec::new()));
    let (listener_told, path) = (told.clone(), fixture.folder.path().join("config/topics.json"));
    topics.set_change_listener(Box::new(move |change| {
        let text = std::fs::read_to_string(&path).unwrap();
        listener_told.lock().push((change.clone(), text.contains("\"T\"")));
    }));
    let created = topics.find_or_create("T", 1, 6, 0).unwrap();
    let updated = topics.update(TopicConfig::new("T", 2, 6));
    topics.update_order_flags(|topic| topic == "T");
    topics.delete("T");
    let told = told.lock();
    assert_eq!(
        *told,
        [
            (Change::Created(created), true),
            (Change::Updated(updated), true),
            (Change::OrderFlags, true),
            (Change::Deleted("T".to_owned()), false),
        ]
    );
}

#[test]
fn the_registered_table_carries_the_permission_of_a_closed_broker() {
    let fixture = Fixture::new(&[]);
    let config = fixture.config();
    let topics = Topics::open(Disk::real(), config.clone(), fixture.clock.clone()).unwrap();
    let topic = topics.update(TopicConfig {
        order: true,
        topic_sys_flag: 1,
        read_queue_nums: 5,
        ..TopicConfig::new("T", 3, 6)
    });
    assert_eq!(topics.for_registration(), topics.snapshot());
    assert_eq!(topics.for_registration_of(&topic).topic_config_table["T"], *topic);
    config.settle(|config| config.broker.broker_permission = 4);
    let closed = topics.for_registration();
    assert!(closed.topic_config_table.values().all(|topic| topic.perm == 4));
    let expected = TopicConfig { read_queue_nums: 5, ..TopicConfig::new("T", 3, 4) };
    assert_eq!(closed.topic_config_table["T"], expected);
    assert_eq!(topics.for_registration_of(&topic).topic_config_table["T"], expected);
    assert_eq!(facts(&topics, "T"), Some((5, 3, 6)), "the table itself keeps its permissions");
}

#[test]
fn the_body_of_code_21_has_the_form_of_java() {
    let topics = Fixture::new(&[]).open();
    let text = String::from_utf8(topics.encode()).unwrap();
    assert!(
        text.starts_with(r#"{"dataVersion":{"counter":0,"timestamp":1000},"topicConfigTable":{"#),
        "{text}"
    );
    let entry = r#""SELF_TEST_TOPIC":{"order":false,"perm":6,"readQueueNums":1,"topicFilterType":"SINGLE_TAG","topicName":"SELF_TEST_TOPIC","topicSysFlag":0,"writeQueueNums":1}"#;
    assert!(text.contains(entry), "{text}");
}

#[test]
fn light_queues_are_topics_that_nobody_creates() {
    let fixture = Fixture::new(&[("enableLmq", "true")]);
    let topics = fixture.open();
    let count = topics.all().len();
    assert_eq!(*topics.find("%LMQ%a").unwrap(), TopicConfig::new("%LMQ%a", 1, READ_WRITE));
    assert!(topics.contains("%LMQ%a") && !topics.contains("%LMQ%../a") && topics.find("%LMQ%../a").is_none());
    topics.update(TopicConfig::new("%LMQ%a", 8, READ_WRITE));
    assert_eq!((topics.find("%LMQ%a").unwrap().read_queue_nums, topics.all().len()), (1, count));
    assert!(Fixture::new(&[]).open().find("%LMQ%a").is_none());
}
