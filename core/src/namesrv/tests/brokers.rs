//! Brokers that register over sockets and from this process.

use super::*;
use crate::format::wire::command::OutgoingRequest;
use crate::format::wire::fastjson;
use crate::format::wire::header::route::{BrokerHeader, RegisterBrokerHeader};
use crate::net::{ClientOptions, RemotingClient};

fn topics(running: &Running) -> Vec<String> {
    running.namesrv.routes().topics().iter().map(|topic| topic.as_ref().to_owned()).collect()
}

fn local(port: u16) -> Registration {
    Registration {
        cluster: "C".to_owned(),
        broker: "here".to_owned(),
        id: 0,
        address: BrokerAddress::Local { port },
        ha_address: Some(BrokerAddress::Local { port: port + 1 }),
        body: body(1, &[("Local", 6)]),
    }
}

#[test]
fn our_own_client_registers_and_leaves() {
    let running = Running::start();
    let client = RemotingClient::new(&running.io, ClientOptions::default());
    let address = format!("127.0.0.1:{}", running.namesrv.address().port());
    let packed = body(3, &[("T", 6)]).encode(true);
    let header = RegisterBrokerHeader {
        broker_id: Some(0),
        body_crc32: Some(crate::format::wire::body::register::body_crc32(&packed)),
        cluster_name: Some("C"),
        broker_addr: Some("h:1"),
        ha_server_addr: Some("h:2"),
        compressed: true,
        broker_name: Some("b"),
    };
    let register = OutgoingRequest::new(103).with_fields(header.fields()).with_body(packed);
    assert_eq!(client.call(&address, register, LONG).unwrap().code, 0);
    assert_eq!(topics(&running), ["T"]);

    let identity = BrokerHeader {
        broker_id: Some(0),
        cluster_name: Some("C"),
        broker_addr: Some("h:1"),
        broker_name: Some("b"),
    };
    for (counter, changed) in [(3, "false"), (4, "true")] {
        let version = fastjson::to_vec(&DataVersion { counter, timestamp: 7 });
        let request = OutgoingRequest::new(322).with_fields(identity.fields()).with_body(version);
        let answer = client.call(&address, request, LONG).unwrap();
        assert_eq!(answer.ext.get("changed"), Some(changed));
        assert_eq!(text(&answer), r#"{"counter":3,"timestamp":7}"#);
    }
    let leave = OutgoingRequest::new(104).with_fields(identity.fields());
    assert_eq!(client.call(&address, leave, LONG).unwrap().code, 0);
    assert_eq!(topics(&running).len(), 0);
    client.stop();
}

#[test]
fn a_broker_goes_with_its_connection() {
    let running = Running::start();
    let (mut old, mut new) = (running.client(), running.client());
    old.register(identity("b", 0, "h:1"), &body(1, &[("T", 6)]));
    old.register(identity("c", 0, "h:2"), &body(1, &[("U", 6)]));
    new.register(identity("c", 0, "h:2"), &body(1, &[("U", 6)]));
    assert_eq!(topics(&running), ["T", "U"]);
    drop(old);
    wait_until("the broker is gone", || topics(&running) == ["U"]);
}

#[test]
fn a_silent_broker_goes_and_its_connection_is_closed() {
    let running = Running::start();
    let (mut silent, mut lively) = (running.client(), running.client());
    silent.register(identity("b", 0, "h:1"), &body(1, &[("T", 6)]));
    lively.register(identity("c", 0, "h:2"), &body(1, &[("U", 6)]));
    running.namesrv.register_local(local(1)).unwrap();
    running.clock.advance(Duration::from_secs(100));
    lively.register(identity("c", 0, "h:2"), &body(1, &[("U", 6)]));
    running.clock.advance(Duration::from_secs(31));
    assert!(silent.next().is_none(), "closed");
    assert_eq!(topics(&running), ["Local", "U"]);
    assert_eq!(running.namesrv.failure(), None);
}

#[test]
fn a_slave_is_told_its_master() {
    let running = Running::start();
    let mut broker = running.client();
    let master = broker.register(identity("b", 0, "m:1"), &body(1, &[("T", 6)]));
    assert!(master.ext.present());
    assert_eq!(master.ext.iter().count(), 0);
    let slave = broker.register(identity("b", 1, "s:1"), &body(1, &[("S", 6)]));
    assert_eq!(slave.ext.get("masterAddr"), Some("m:1"));
    assert_eq!(slave.ext.get("haServerAddr"), Some("ha-m:1"));
    assert_eq!(topics(&running), ["T"]);
}

#[test]
fn bad_registrations_change_nothing() {
    let running = Running::start();
    let mut broker = running.client();
    let good = identity("b", 0, "h:1");
    let mut with = |name: &str, value: Value, body: &[u8]| {
        let mut fields = good.clone();
        match value {
            Value::Null => drop(fields.as_object_mut().unwrap().remove(name)),
            value => fields[name] = value,
        }
        let answer = broker.ask(Ask { body, ..ask(103, fields) });
        (answer.code, answer.remark.as_deref().unwrap_or_default().to_owned())
    };
    assert_eq!(with("bodyCrc32", json!("1"), b"{}"), (1, "crc32 not match".to_owned()));
    assert_eq!(with("bodyCrc32", json!("1"), b""), (1, "crc32 not match".to_owned()));
    for name in ["clusterName", "brokerName", "brokerId", "brokerAddr"] {
        let (code, remark) = with(name, Value::Null, b"");
        assert_eq!((code, remark), (1, format!("the request has no usable {name}")));
    }
    for (value, body) in
        [(json!("false"), &b"{\"topicConfig"[..]), (json!("true"), b"{}"), (json!("true"), b"x\xda")]
    {
        let (code, remark) = with("compressed", value, body);
        assert!(code == 1 && remark.starts_with("the body does not decode: "), "{remark}");
    }
    assert_eq!(with("brokerName", json!("x".repeat(256)), b"").0, 1);
    assert_eq!(running.namesrv.routes().brokers(), []);
}

#[test]
fn old_brokers_send_their_topics_alone() {
    let running = Running::start();
    let mut broker = running.client();
    let topic_table = fastjson::to_vec(&body(1, &[("Old", 6)]).topics);
    let fields = identity("b", 0, "h:1");
    let answer = broker.ask(Ask { version: 36, body: &topic_table, ..ask(103, fields.clone()) });
    assert_eq!(answer.code, 0);
    assert_eq!(topics(&running), ["Old"]);
    // Read as a newer broker's, the same bytes name no topics.
    let answer = broker.ask(Ask { version: 37, body: &topic_table, ..ask(103, fields.clone()) });
    assert_eq!(answer.code, 0);
    assert_eq!(broker.ask(Ask { version: 0, ..ask(103, fields) }).code, 0);
    assert_eq!(topics(&running), ["Old"]);
}

#[test]
fn a_local_broker_has_the_host_its_asker_used() {
    let running = Running::start();
    let registered = running.namesrv.register_local(local(10911)).unwrap();
    assert_eq!(registered.master, Master::default());
    assert!(registered.order_topics.is_none());
    for host in [[127, 0, 0, 1], [127, 0, 0, 2]].map(Ipv4Addr::from) {
        let mut client = running.client_through(host);
        let here = format!(r#""{host}:10911""#);
        for (code, fields) in [(105, json!({"topic": "Local"})), (106, Value::Null), (304, Value::Null)] {
            let answer = client.body(code, fields);
            assert!(answer.contains(&here), "{code} {answer}");
        }
        let slave = client.register(identity("here", 1, "s:1"), &body(1, &[]));
        assert_eq!(slave.ext.get("masterAddr"), Some(format!("{host}:10911").as_str()));
        assert_eq!(slave.ext.get("haServerAddr"), Some(format!("{host}:10912").as_str()));
        client.ask(ask(104, identity("here", 1, "s:1")));
    }
    // Nobody outside can name it.
    running.client().ask(ask(104, identity("here", 0, "127.0.0.1:10911")));
    assert_eq!(topics(&running), ["Local"]);
    assert!(running.namesrv.unregister_local(&BrokerAddress::Local { port: 10911 }));
    assert!(!running.namesrv.unregister_local(&BrokerAddress::Local { port: 10911 }));
    assert_eq!(running.client().ask(ask(105, json!({"topic": "Local"}))).code, 17);
}

/// The answer would be longer than a frame.
#[test]
fn a_list_too_long_for_a_frame_is_an_error() {
    let running = Running::start();
    let name = |number: usize| format!("{number:0>255}");
    for part in 0..4 {
        let topics: Vec<String> = (part * 17_000..(part + 1) * 17_000).map(name).collect();
        let topics: Vec<(&str, i32)> = topics.iter().map(|topic| (topic.as_str(), 6)).collect();
        let body = body(part as i64, &topics);
        running.namesrv.register_local(Registration { body, ..local(1) }).unwrap();
    }
    let mut client = running.client();
    let answer = client.ask(ask(206, Value::Null));
    assert_eq!((answer.code, answer.body.len()), (1, 0));
    assert!(answer.remark.unwrap().starts_with("the answer has 17"));
    assert_eq!(client.ask(ask(105, json!({"topic": name(5)}))).code, 0);
}

#[test]
fn a_local_broker_may_announce_its_address() {
    let running = Running::start();
    let announced = BrokerAddress::announced("203.0.113.7:10911");
    running.namesrv.register_local(Registration { address: announced.clone(), ..local(1) }).unwrap();
    let route = running.client_through([127, 0, 0, 2].into()).body(105, json!({"topic": "Local"}));
    assert!(route.contains(r#""0":"203.0.113.7:10911""#), "{route}");
    running.clock.advance(Duration::from_secs(1_000));
    running.client().body(100, json!({"namespace": "ORDER_TOPIC_CONFIG", "key": "T", "value": "here:4"}));
    let registered = running.namesrv.register_local(Registration { address: announced, ..local(1) }).unwrap();
    assert_eq!(registered.order_topics.unwrap()["T"], "here:4");
    let refused = running.namesrv.register_local(Registration { broker: String::new(), ..local(1) });
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidArgument);
}
