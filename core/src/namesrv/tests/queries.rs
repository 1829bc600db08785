//! Answers to clients and tools.

use super::*;
use crate::format::wire::codes::{Handler, RequestCode};
use proptest::prelude::*;
use proptest::test_runner::{Config as Rounds, TestRunner};

const STRICT: &str = r#"{"brokerDatas":[{"brokerAddrs":{"0":"127.0.0.1:23911"},"brokerName":"spec-a","cluster":"C"}],"filterServerTable":{},"queueDatas":[{"brokerName":"spec-a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]}"#;

fn with_broker() -> (Running, Client, Client) {
    let running = Running::start();
    let mut broker = running.client();
    broker.register(identity("spec-a", 0, "127.0.0.1:23911"), &body(1, &[("SpecT1", 6), ("TBW102", 7)]));
    let client = running.client();
    (running, broker, client)
}

#[test]
fn a_route_has_java_s_two_forms() {
    let (_running, _broker, mut client) = with_broker();
    let bare = STRICT.replace("\"0\"", "0");
    for (version, flag, expected) in [
        (409, None, STRICT),
        (401, None, STRICT),
        (400, None, bare.as_str()),
        (0, None, &bare),
        (0, Some("true"), STRICT),
        (0, Some("TRUE"), STRICT),
        (0, Some("1"), &bare),
    ] {
        let mut fields = json!({"topic": "SpecT1"});
        if let Some(flag) = flag {
            fields["acceptStandardJsonOnly"] = json!(flag);
        }
        let answer = client.ask(Ask { version, ..ask(105, fields) });
        assert_eq!((answer.code, text(&answer).as_str()), (0, expected), "{version} {flag:?}");
        assert!(!answer.ext.present());
    }
}

#[test]
fn names_beyond_ascii_are_escaped_in_the_strict_form_only() {
    let running = Running::start();
    let mut broker = running.client();
    broker.register(identity("bröker", 0, "h:1"), &body(1, &[("Ünit", 6)]));
    let strict = broker.body(105, json!({"topic": "Ünit"}));
    assert!(strict.contains(r#""brokerName":"br\u00F6ker""#), "{strict}");
    let old = broker.ask(Ask { version: 0, ..ask(105, json!({"topic": "Ünit"})) });
    assert!(text(&old).contains(r#""brokerName":"bröker""#));
}

#[test]
fn an_unknown_topic_is_code_17() {
    let (_running, _broker, mut client) = with_broker();
    for (fields, topic) in
        [(json!({"topic": "SpecNo"}), "SpecNo"), (json!({}), "null"), (Value::Null, "null")]
    {
        let answer = client.ask(ask(105, fields));
        let remark = format!(
            "No topic route info in name server for the topic: {topic}\nSee http://rocketmq.apache.org/docs/faq/ for further details."
        );
        assert_eq!((answer.code, answer.remark.as_deref()), (17, Some(remark.as_str())));
    }
}

#[test]
fn lists_and_cluster_table() {
    let (_running, _broker, mut client) = with_broker();
    assert_eq!(
        client.body(106, Value::Null),
        r#"{"brokerAddrTable":{"spec-a":{"brokerAddrs":{0:"127.0.0.1:23911"},"brokerName":"spec-a","cluster":"C"}},"clusterAddrTable":{"C":["spec-a"]}}"#
    );
    let all = r#"{"topicList":["SpecT1","TBW102"]}"#;
    let none = r#"{"topicList":[]}"#;
    assert_eq!(client.body(206, Value::Null), all);
    assert_eq!(client.body(224, json!({"cluster": "C"})), all);
    assert_eq!(client.body(224, json!({"cluster": "D"})), none);
    assert_eq!(client.body(224, Value::Null), none);
    assert_eq!(
        client.body(304, Value::Null),
        r#"{"brokerAddr":"127.0.0.1:23911","topicList":["C","spec-a"]}"#
    );
    for code in [311, 312, 313] {
        assert_eq!(client.body(code, Value::Null), none);
    }
    assert_eq!(client.body(216, json!({"topic": "SpecT1", "clusterName": "D"})), "");
    assert_eq!(client.body(206, Value::Null), all);
    assert_eq!(client.body(216, json!({"topic": "SpecT1", "clusterName": ""})), "");
    assert_eq!(client.body(216, Value::Null), "");
    assert_eq!(client.body(206, Value::Null), r#"{"topicList":["TBW102"]}"#);
}

#[test]
fn an_empty_name_server_answers_everything() {
    let running = Running::start();
    let mut client = running.client();
    assert_eq!(client.body(106, Value::Null), r#"{"brokerAddrTable":{},"clusterAddrTable":{}}"#);
    assert_eq!(client.body(304, Value::Null), r#"{"topicList":[]}"#);
    assert_eq!(client.body(206, Value::Null), r#"{"topicList":[]}"#);
}

#[test]
fn write_permission_goes_and_comes_back() {
    let (_running, _broker, mut client) = with_broker();
    let answer = client.ask(ask(205, json!({"brokerName": "spec-a"})));
    assert_eq!((answer.code, answer.ext.get("wipeTopicCount")), (0, Some("2")));
    assert!(client.body(105, json!({"topic": "SpecT1"})).contains(r#""perm":4"#));
    let answer = client.ask(ask(327, json!({"brokerName": "spec-a"})));
    assert_eq!((answer.code, answer.ext.get("addTopicCount")), (0, Some("2")));
    assert!(client.body(105, json!({"topic": "SpecT1"})).contains(r#""perm":6"#));
    let nobody = client.ask(ask(205, Value::Null));
    assert_eq!((nobody.code, nobody.ext.get("wipeTopicCount")), (0, Some("0")));
}

#[test]
fn key_values_survive_a_restart() {
    let running = Running::start();
    let mut client = running.client();
    let missing = client.ask(ask(101, json!({"namespace": "x", "key": "y"})));
    assert_eq!((missing.code, missing.ext.present()), (22, true));
    assert_eq!(missing.remark.as_deref(), Some("No config item, Namespace: x Key: y"));
    let missing = client.ask(ask(219, json!({"namespace": "x"})));
    assert_eq!((missing.code, missing.ext.present()), (22, false));
    assert_eq!(missing.remark.as_deref(), Some("No config item, Namespace: x"));
    for fields in [json!({"key": "y", "value": "1"}), json!({"namespace": "x", "value": "1"}), Value::Null] {
        let refused = client.ask(ask(100, fields));
        assert_eq!((refused.code, refused.remark.as_deref()), (1, Some("namespace or key is null")));
    }
    assert_eq!(client.body(100, json!({"namespace": "x", "key": "y", "value": "ä \"1\""})), "");
    assert_eq!(client.body(100, json!({"namespace": "x", "key": "z", "value": "2"})), "");
    assert_eq!(client.body(102, json!({"namespace": "x", "key": "z"})), "");
    assert_eq!(client.body(102, json!({"namespace": "none", "key": "z"})), "");
    assert_eq!(client.body(102, Value::Null), "");

    let running = Running::start_in(running.stop());
    let mut client = running.client();
    let found = client.ask(ask(101, json!({"namespace": "x", "key": "y"})));
    assert_eq!((found.code, found.ext.get("value")), (0, Some("ä \"1\"")));
    assert_eq!(client.body(219, json!({"namespace": "x"})), r#"{"table":{"y":"ä \"1\""}}"#);
    assert_eq!(client.body(102, json!({"namespace": "x", "key": "y"})), "");
    assert_eq!(client.body(219, json!({"namespace": "x"})), r#"{"table":{}}"#);
}

#[test]
fn a_disk_that_takes_nothing_is_told() {
    let running = Running::start();
    std::fs::create_dir(running.folder.path().join("kvConfig.json")).unwrap();
    let answer = running.client().ask(ask(100, json!({"namespace": "x", "key": "y", "value": "1"})));
    assert_eq!(answer.code, 1);
    assert!(answer.remark.unwrap().contains("kvConfig.json"));
}

#[test]
fn order_of_topics_is_told_once_it_is_switched_on() {
    let (running, mut broker, mut client) = with_broker();
    let identity = identity("spec-a", 0, "127.0.0.1:23911");
    assert_eq!(text(&broker.register(identity.clone(), &body(1, &[]))), "");
    client.body(100, json!({"namespace": "ORDER_TOPIC_CONFIG", "key": "SpecT1", "value": "spec-a:4"}));
    let answer = broker.register(identity, &body(1, &[]));
    assert_eq!(text(&answer), r#"{"table":{"SpecT1":"spec-a:4"}}"#);
    assert_eq!(client.body(105, json!({"topic": "SpecT1"})), STRICT);
    let on = client.ask(Ask { body: b"orderMessageEnable=true\n", ..ask(318, Value::Null) });
    assert_eq!(on.code, 0);
    let ordered = client.body(105, json!({"topic": "SpecT1"}));
    assert!(
        ordered.contains(r#""filterServerTable":{},"orderTopicConf":"spec-a:4","queueDatas""#),
        "{ordered}"
    );
    assert!(!client.body(105, json!({"topic": "TBW102"})).contains("orderTopicConf"));
    let file = std::fs::read_to_string(running.folder.path().join("namesrv.properties")).unwrap();
    assert_eq!(file, "orderMessageEnable=true\n");
}

#[test]
fn configuration_is_shown_and_guarded() {
    let running = Running::start();
    let mut client = running.client();
    let shown = client.body(319, Value::Null);
    for line in ["orderMessageEnable=false\n", "serverWorkerThreads=8\n", "clusterTest=false\n"] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    let mut update = |text: &str| {
        let answer = client.ask(Ask { body: text.as_bytes(), ..ask(318, Value::Null) });
        (answer.code, answer.remark.as_deref().unwrap_or_default().to_owned())
    };
    for key in ["configBlackList", "configStorePath", "kvConfigPath", "rocketmqHome"] {
        let forbidden = (16, "Can not update config in black list.".to_owned());
        assert_eq!(update(&format!("orderMessageEnable=true\n{key}=x")), forbidden);
    }
    assert_eq!(update("").0, 0);
    assert_eq!(update("noSuchKey=1\n").0, 0);
    let (code, remark) = update("orderMessageEnable=perhaps");
    assert!(code == 1 && remark.contains("orderMessageEnable"), "{remark}");
    assert_eq!(update("a=\\u12"), (1, "string2Properties error".to_owned()));
    assert!(!running.config.load().namesrv.order_message_enable);
    assert_eq!(std::fs::read_dir(running.folder.path()).unwrap().count(), 0, "nothing to write");
}

#[test]
fn an_unknown_code_gets_no_answer_and_harms_nobody() {
    let running = Running::start();
    let mut client = running.client();
    for code in [9999, -1, 0, 10, 34, 105_000] {
        client.send(ask(code, Value::Null));
    }
    assert_eq!(client.body(206, Value::Null), r#"{"topicList":[]}"#);
}

#[test]
fn every_code_of_the_table_is_answered() {
    let running = Running::start();
    let mut client = running.client();
    let codes = RequestCode::ALL.iter().filter(|code| code.handler() == Handler::NameServer);
    assert_eq!(codes.clone().count(), 20);
    for code in codes {
        client.ask(ask(code.code(), Value::Null));
    }
}

/// No field and no body makes a processor panic: a panic would be answered with "internal error".
#[test]
fn junk_is_answered() {
    let running = Running::start();
    let mut client = running.client();
    let codes: Vec<i32> = RequestCode::ALL
        .iter()
        .filter(|code| code.handler() == Handler::NameServer)
        .map(|code| code.code())
        .collect();
    let names = vec![
        "topic",
        "brokerName",
        "brokerAddr",
        "brokerId",
        "clusterName",
        "cluster",
        "namespace",
        "key",
        "value",
        "compressed",
        "bodyCrc32",
        "haServerAddr",
        "acceptStandardJsonOnly",
    ];
    let value = prop_oneof![Just(String::new()), "[0-9]{1,20}", "-1|true|TBW102|null", ".{0,300}"];
    let fields = proptest::collection::vec((proptest::sample::select(names), value), 0..8);
    let json_like = "[\\[\\]{}:,\"a-z0-9.-]{0,80}".prop_map(String::into_bytes);
    let wrapped = "[\\[\\]{}:,\"a-z0-9.-]{0,40}".prop_map(|inner| {
        format!("{{\"topicConfigSerializeWrapper\":{{\"topicConfigTable\":{{{inner}}}}}}}").into_bytes()
    });
    let bytes = proptest::collection::vec(any::<u8>(), 0..80);
    let bodies = prop_oneof![Just(Vec::new()), json_like, wrapped, bytes];
    let version = prop_oneof![Just(CURRENT), Just(0), Just(i32::MAX), Just(i32::MIN)];
    let asks = (proptest::sample::select(codes), version, fields, bodies);
    let mut runner = TestRunner::new(Rounds::with_cases(2_000));
    let client = std::cell::RefCell::new(&mut client);
    runner
        .run(&asks, |(code, version, fields, body)| {
            let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            let ask = Ask { code, version, fields: Value::Object(fields), body: &body };
            let answer = client.borrow_mut().ask(ask);
            let remark = answer.remark.as_deref().unwrap_or_default();
            prop_assert!(!remark.contains("internal error"), "{remark}");
            prop_assert!([0, 1, 16, 17, 22].contains(&answer.code), "{}", answer.code);
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_taken_port_and_a_second_start_are_errors() {
    let running = Running::start();
    let taken = running.namesrv.address().port();
    let again = NameServer::start(
        &running.io,
        &running.config,
        Ipv4Addr::UNSPECIFIED.into(),
        taken,
        &running.clock,
        Faults::default(),
    );
    assert_eq!(again.unwrap_err().kind(), ErrorKind::PortInUse);
    let address = running.namesrv.address();
    running.stop();
    wait_until("the port is free", || std::net::TcpListener::bind(address).is_ok());
}
