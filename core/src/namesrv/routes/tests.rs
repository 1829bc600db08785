use super::*;
use crate::format::disk::tables::TopicTable;

type Table = RouteTable<u32>;

fn table() -> (Table, Clock) {
    let clock = Clock::manual(0);
    (Table::new(clock.clone()), clock)
}

fn at(address: &str) -> BrokerAddress {
    BrokerAddress::announced(address)
}

fn topic(name: &str, perm: i32) -> TopicConfig {
    TopicConfig::new(name, 4, perm)
}

fn broker(name: &str, id: i64, address: &str, counter: i64, topics: &[TopicConfig]) -> Registration {
    let topic_config_table = topics.iter().map(|topic| (topic.topic_name.clone(), topic.clone())).collect();
    let data_version = DataVersion { counter, timestamp: 1 };
    Registration {
        cluster: "C".to_owned(),
        broker: name.to_owned(),
        id,
        address: at(address),
        ha_address: Some(at("ha")),
        body: RegisterBroker {
            topics: TopicTable { data_version, topic_config_table },
            ..Default::default()
        },
    }
}

fn register(table: &Table, connection: u32, registration: Registration) -> Master {
    table.register(registration, Holder::Connection(connection)).unwrap()
}

fn perm_of(table: &Table, topic: &str) -> Option<i32> {
    table.route(topic).and_then(|route| route.queues.first().map(|(_, queues)| queues.perm))
}

fn names(list: Vec<Arc<str>>) -> Vec<String> {
    list.iter().map(|name| name.as_ref().to_owned()).collect()
}

#[test]
fn a_route_needs_queues_and_a_known_broker() {
    let (table, _) = table();
    assert_eq!(table.route("T"), None);
    register(&table, 1, broker("b", 0, "m:1", 1, &[topic("T", 6)]));
    register(&table, 2, broker("a", 0, "n:1", 1, &[topic("T", 4)]));
    let route = table.route("T").unwrap();
    let brokers: Vec<_> = route.brokers.iter().map(|broker| &*broker.name).collect();
    assert_eq!(brokers, ["a", "b"]);
    assert_eq!(route.queues.iter().map(|(_, queues)| queues.perm).collect::<Vec<_>>(), [4, 6]);
    assert_eq!(route.brokers[1].addresses[&0], at("m:1"));
    assert_eq!(table.route("U"), None);
}

#[test]
fn topics_are_taken_when_the_version_changed_or_the_broker_is_new() {
    let (table, _) = table();
    register(&table, 1, broker("b", 0, "m:1", 1, &[topic("T", 6)]));
    register(&table, 1, broker("b", 0, "m:1", 1, &[topic("T", 4)]));
    assert_eq!(perm_of(&table, "T"), Some(6), "same version");
    register(&table, 1, broker("b", 0, "m:1", 2, &[topic("T", 4)]));
    assert_eq!(perm_of(&table, "T"), Some(4), "new version");
    register(&table, 1, broker("b", 0, "m:2", 2, &[topic("T", 2)]));
    assert_eq!(perm_of(&table, "T"), Some(2), "new address");
    assert!(table.unregister(&at("m:2")));
    register(&table, 1, broker("b", 0, "m:2", 2, &[topic("T", 7)]));
    assert_eq!(perm_of(&table, "T"), Some(7), "came back");
}

#[test]
fn topics_missing_in_a_body_stay() {
    let (table, _) = table();
    register(&table, 1, broker("b", 0, "m:1", 1, &[topic("T", 6), topic("U", 6)]));
    register(&table, 1, broker("b", 0, "m:1", 2, &[topic("V", 6)]));
    assert_eq!(names(table.topics()), ["T", "U", "V"]);
}

#[test]
fn an_incremental_registration_first_does_not_hide_the_other_topics() {
    let (table, _) = table();
    let full = [topic("T", 6), topic("U", 6), topic("V", 6)];
    register(&table, 1, broker("b", 0, "m:1", 5, &full[1..2]));
    register(&table, 1, broker("b", 0, "m:1", 6, &full[2..]));
    register(&table, 1, broker("b", 0, "m:1", 6, &full));
    assert_eq!(names(table.topics()), ["T", "U", "V"]);
    // From now on a topic that was deleted here stays away until the version changes.
    table.delete_topic("T", None);
    register(&table, 1, broker("b", 0, "m:1", 6, &full));
    assert_eq!(names(table.topics()), ["U", "V"]);
    register(&table, 1, broker("b", 0, "m:1", 7, &full));
    assert_eq!(names(table.topics()), ["T", "U", "V"]);
}

#[test]
fn a_slave_brings_no_topics_and_learns_its_master() {
    let (table, _) = table();
    assert_eq!(register(&table, 2, broker("b", 1, "s:1", 1, &[topic("S", 6)])), Master::default());
    assert_eq!(table.topics().len(), 0);
    assert_eq!(register(&table, 1, broker("b", 0, "m:1", 1, &[topic("T", 6)])), Master::default());
    let master = register(&table, 2, broker("b", 1, "s:1", 1, &[]));
    assert_eq!(master, Master { address: Some(at("m:1")), ha_address: Some(at("ha")) });
    let addresses = &table.route("T").unwrap().brokers[0].addresses;
    assert_eq!(addresses.keys().copied().collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn topics_stay_while_a_slave_is_left() {
    let (table, _) = table();
    register(&table, 1, broker("b", 0, "m:1", 1, &[topic("T", 6)]));
    register(&table, 2, broker("b", 1, "s:1", 1, &[]));
    table.unregister(&at("m:1"));
    let route = table.route("T").unwrap();
    assert_eq!(route.brokers[0].addresses, BTreeMap::from([(1, at("s:1"))]));
    table.unregister(&at("s:1"));
    assert_eq!(table.topics().len(), 0);
    assert_eq!(table.brokers(), []);
}

#[test]
fn a_slave_that_becomes_master_has_one_entry() {
    let (table, _) = table();
    register(&table, 1, broker("b", 1, "s:1", 1, &[]));
    register(&table, 1, broker("b", 0, "s:1", 1, &[topic("T", 6)]));
    assert_eq!(table.brokers()[0].addresses, BTreeMap::from([(0, at("s:1"))]));
    assert_eq!(names(table.topics()), ["T"]);
}

#[test]
fn a_late_unregister_does_not_remove_the_successor() {
    let (table, _) = table();
    register(&table, 1, broker("b", 0, "old:1", 1, &[topic("T", 6)]));
    register(&table, 2, broker("b", 0, "new:1", 1, &[topic("T", 6)]));
    assert!(table.unregister(&at("old:1")));
    assert_eq!(table.route("T").unwrap().brokers[0].addresses[&0], at("new:1"));
    assert!(!table.unregister(&at("old:1")));
}

#[test]
fn the_last_registration_names_the_cluster() {
    let (table, _) = table();
    register(&table, 1, broker("b", 0, "m:1", 1, &[topic("T", 6)]));
    register(&table, 1, Registration { cluster: "D".to_owned(), ..broker("b", 0, "m:1", 1, &[]) });
    assert_eq!(table.brokers()[0].cluster.as_ref(), "D");
    assert_eq!(names(table.topics_of_cluster("D")), ["T"]);
    assert_eq!(table.topics_of_cluster("C").len(), 0);
}

#[test]
fn silence_ends_a_broker_after_two_minutes() {
    let (table, clock) = table();
    register(&table, 1, broker("b", 0, "m:1", 1, &[topic("T", 6)]));
    table.register(broker("here", 0, "l:1", 1, &[topic("L", 6)]), Holder::InProcess).unwrap();
    clock.advance(BROKER_SILENCE_MAX);
    assert_eq!(table.expire().len(), 0);
    clock.set_wall_ms(i64::MAX / 2);
    assert_eq!(table.expire().len(), 0, "the wall clock does not count");
    clock.advance(Duration::from_millis(1));
    assert_eq!(table.expire(), [1]);
    assert_eq!(names(table.topics()), ["L"]);
}

#[test]
fn an_equal_version_counts_as_a_sign_of_life() {
    let (table, clock) = table();
    let version = |counter| Some(DataVersion { counter, timestamp: 1 });
    assert_eq!(table.compare_version(&at("m:1"), version(1)), (true, None));
    register(&table, 1, broker("b", 0, "m:1", 1, &[]));
    clock.advance(Duration::from_secs(100));
    assert_eq!(table.compare_version(&at("m:1"), version(1)), (false, version(1)));
    clock.advance(Duration::from_secs(100));
    assert_eq!(table.expire().len(), 0);
    assert_eq!(table.compare_version(&at("m:1"), version(2)), (true, version(1)));
    assert_eq!(table.compare_version(&at("m:1"), None), (true, version(1)));
    clock.advance(Duration::from_secs(21));
    assert_eq!(table.expire().len(), 1);
}

#[test]
fn a_closed_connection_takes_what_it_holds_now() {
    let (table, _) = table();
    register(&table, 1, broker("a", 0, "a:1", 1, &[topic("A", 6)]));
    register(&table, 1, broker("b", 0, "b:1", 1, &[topic("B", 6)]));
    register(&table, 1, broker("c", 0, "c:1", 1, &[topic("X", 6)]));
    register(&table, 2, broker("c", 0, "c:1", 1, &[topic("X", 6)]));
    assert_eq!(table.connection_closed(&1), [at("a:1"), at("b:1")]);
    assert_eq!(names(table.topics()), ["X"]);
    assert_eq!(table.connection_closed(&1), []);
}

#[test]
fn write_permission_goes_and_comes_back_as_it_was() {
    let (table, _) = table();
    let topics = [topic("A", 7), topic("B", 4), topic("C", 6)];
    register(&table, 1, broker("b", 0, "m:1", 1, &topics));
    register(&table, 2, broker("other", 0, "o:1", 1, &[topic("O", 6)]));
    let perms = |table: &Table| ["A", "B", "C", "O"].map(|topic| perm_of(table, topic).unwrap());
    assert_eq!(table.set_write_wiped("b", true), 3);
    assert_eq!(perms(&table), [5, 4, 4, 6]);
    register(&table, 1, broker("b", 0, "m:1", 1, &topics));
    assert_eq!(perms(&table), [5, 4, 4, 6], "a sign of life changes nothing");
    register(&table, 1, broker("b", 0, "m:1", 2, &topics[2..]));
    assert_eq!(perms(&table), [5, 4, 6, 6], "a registered topic is as registered");
    assert_eq!(table.set_write_wiped("b", false), 3);
    assert_eq!(perms(&table), [7, 4, 6, 6]);
    assert_eq!(table.set_write_wiped("nobody", true), 0);
}

#[test]
fn a_topic_is_deleted_everywhere_or_in_one_cluster() {
    let (table, _) = table();
    let both = [topic("T", 6), topic("U", 6)];
    register(&table, 1, broker("a", 0, "a:1", 1, &both));
    register(&table, 2, Registration { cluster: "D".to_owned(), ..broker("b", 0, "b:1", 1, &both) });
    table.delete_topic("T", Some("D"));
    assert_eq!(table.route("T").unwrap().queues.len(), 1);
    table.delete_topic("T", Some("C"));
    table.delete_topic("U", Some("nowhere"));
    assert_eq!(names(table.topics()), ["U"]);
    table.delete_topic("U", None);
    table.delete_topic("U", None);
    assert_eq!(table.topics().len(), 0);
}

#[test]
fn unit_topics_are_found_by_any_broker() {
    let (table, _) = table();
    let flagged = |name: &str, flag| TopicConfig { topic_sys_flag: flag, ..topic(name, 6) };
    register(&table, 1, broker("a", 0, "a:1", 1, &[flagged("T", 0), flagged("U", 1), flagged("B", 3)]));
    register(&table, 2, broker("b", 0, "b:1", 1, &[flagged("T", 2)]));
    assert_eq!(names(table.topics_by_unit(TopicChoice::Unit)), ["B", "U"]);
    assert_eq!(names(table.topics_by_unit(TopicChoice::UnitSub)), ["B", "T"]);
    assert_eq!(names(table.topics_by_unit(TopicChoice::UnitSubWithoutUnit)), ["T"]);
}

#[test]
fn filter_servers_follow_their_broker() {
    let (table, _) = table();
    let with = |servers: Option<&[&str]>| {
        let mut registration = broker("b", 0, "m:1", 1, &[topic("T", 6)]);
        registration.body.filter_servers = servers.map(|list| list.iter().map(|s| (*s).to_owned()).collect());
        registration
    };
    let known = |table: &Table| {
        table
            .route("T")
            .unwrap()
            .filter_servers
            .into_iter()
            .map(|(_, list)| list.to_vec())
            .collect::<Vec<_>>()
    };
    register(&table, 1, with(Some(&["f:1"])));
    assert_eq!(known(&table), [["f:1"]]);
    register(&table, 1, with(None));
    assert_eq!(known(&table), [["f:1"]]);
    register(&table, 1, with(Some(&[])));
    assert_eq!(known(&table).len(), 0);
    let refused = table.register(with(Some(&[""; 1])), Holder::Connection(1));
    assert_eq!(refused, Err(Refusal::FilterServers));
}

#[test]
fn junk_is_refused_or_dropped() {
    let (table, _) = table();
    let good = broker("b", 0, "m:1", 1, &[]);
    for (registration, what) in [
        (Registration { cluster: String::new(), ..good.clone() }, "clusterName"),
        (Registration { broker: "a\nb".to_owned(), ..good.clone() }, "brokerName"),
        (Registration { address: at(&"x".repeat(256)), ..good.clone() }, "brokerAddr"),
    ] {
        assert_eq!(table.register(registration, Holder::Connection(1)), Err(Refusal::Name(what)));
    }
    assert_eq!(table.brokers(), []);
    let mut keyed = topic("", 6);
    keyed.read_queue_nums = -1;
    let topics = [topic("ok", 6), topic("zero\0", 6), topic(&"y".repeat(256), 6)];
    let mut registration = broker("b", 0, "m:1", 1, &topics);
    registration.body.topics.topic_config_table.insert("key".to_owned(), keyed);
    register(&table, 1, registration);
    assert_eq!(names(table.topics()), ["key", "ok"]);
}

#[test]
fn the_number_of_brokers_is_bounded() {
    let (table, _) = table();
    for number in 0..BROKERS_MAX {
        register(&table, 1, broker(&format!("b{number}"), 0, &format!("m:{number}"), 1, &[]));
    }
    let one_more = table.register(broker("more", 0, "more:1", 1, &[]), Holder::Connection(1));
    assert_eq!(one_more, Err(Refusal::Full("brokers")));
    register(&table, 1, broker("b7", 0, "m:7", 2, &[]));
    table.unregister(&at("m:7"));
    register(&table, 1, broker("more", 0, "more:1", 1, &[]));
}

#[test]
fn entries_are_counted_through_every_change() {
    let (table, _) = table();
    let count = |table: &Table| {
        let tables = table.tables.read();
        assert_eq!(tables.queue_entries, tables.topics.values().map(Vec::len).sum::<usize>());
        tables.queue_entries
    };
    register(&table, 1, broker("a", 0, "a:1", 1, &[topic("T", 6), topic("U", 6)]));
    register(&table, 2, broker("b", 0, "b:1", 1, &[topic("T", 6)]));
    assert_eq!(count(&table), 3);
    register(&table, 1, broker("a", 0, "a:1", 2, &[topic("T", 4), topic("V", 6)]));
    assert_eq!(count(&table), 4);
    table.delete_topic("T", Some("C"));
    assert_eq!(count(&table), 2);
    table.unregister(&at("a:1"));
    assert_eq!(count(&table), 0);
}
