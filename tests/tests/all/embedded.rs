//! A broker in the process of its test, with the official Java client on the other side of a socket.

use std::collections::BTreeSet;
use std::time::Duration;

use libbroker::clock::Clock;
use libbroker::embed::{self, Embedded, Fault, FaultAction, NewMessage, Options, request_code};
use serde_json::json;
use tests::harness::{Driver, Scratch, Serialization};

const LONG: Duration = Duration::from_secs(60);
const TOPIC: &str = "Embedded";
const GROUP: &str = "shared";

struct Test {
    broker: Embedded,
    scratch: Scratch,
}

impl Test {
    fn start(name: &str, options: Options) -> Self {
        let broker = embed::start(options).unwrap();
        broker.create_topic(TOPIC, 4).unwrap();
        Self { broker, scratch: Scratch::new(name) }
    }

    fn java(&self, scenario: &str) -> Driver {
        let namesrv = self.broker.namesrv_address().unwrap().to_string();
        let arguments = json!({ "topic": TOPIC, "group": GROUP });
        let home = self.scratch.dir("client");
        Driver::java(Serialization::Json, &namesrv, &home, &[scenario], &arguments)
    }

    /// A message in every queue.
    fn send_everywhere(&self, body: &str) {
        let everywhere = (0..4).map(|queue| {
            let mut message = NewMessage::new(TOPIC, format!("{body} {queue}"));
            message.queue = Some(queue);
            message
        });
        self.broker.send_many(&everywhere.collect::<Vec<_>>()).unwrap();
    }

    fn members(&self) -> usize {
        let groups = self.broker.groups().unwrap();
        groups.iter().find(|group| group.name == GROUP).map_or(0, |group| group.members.len())
    }
}

/// A member in the process and one behind a socket have half of the queues each; offsets are the group's.
#[test]
fn a_group_is_shared_with_a_java_client() {
    let test = Test::start("embedded-share", Options::new());
    let own = test.broker.consume(TOPIC, GROUP, "*").unwrap();
    let mut java = test.java("embedding_share_group");
    java.wait_event("joined");
    assert_eq!(test.members(), 2);
    // Queues change hands one after the other: only what comes after that is shared out as is to be.
    let mut number = 0;
    let mine = loop {
        test.send_everywhere(&format!("round {number}"));
        number += 1;
        let mut queues = BTreeSet::new();
        while let Some(delivery) = own.next(Some(Duration::from_millis(500))).unwrap() {
            queues.insert(delivery.message().queue_id);
            delivery.ack().unwrap();
        }
        if queues.len() == 2 && test.broker.lag(GROUP).unwrap() == 0 {
            break queues;
        }
        assert!(number < 60, "the member in the process has the queues {queues:?}");
    };
    own.close();
    let mut last = NewMessage::new(TOPIC, "last");
    last.queue = mine.first().map(|queue| *queue as u32);
    test.broker.send(&last).unwrap();
    java.go_on();
    java.wait_event("consumed");
    eventually_consumed(&test.broker);
    java.go_on();
    let output = java.finish();
    let seen = |name: &str| output["embedding_share_group"][name].as_array().map_or(0, Vec::len);
    assert!(seen("queues") >= 3, "two of its own, and one that was left to it: {output:?}");
    test.broker.stop(LONG).unwrap();
}

fn eventually_consumed(broker: &Embedded) {
    tests::harness::remoting::eventually("everything is committed", LONG, || {
        (broker.lag(GROUP).unwrap() == 0).then_some(())
    });
}

#[test]
fn a_java_client_sees_faults_on_cue() {
    let test = Test::start("embedded-faults", Options::new());
    let mut java = test.java("embedding_see_faults");
    let actions = [
        ("error", FaultAction::Error { code: 16, remark: "on cue".to_owned() }),
        ("drop", FaultAction::Drop),
        ("delay", FaultAction::Delay(Duration::from_millis(300))),
        ("disconnect", FaultAction::Disconnect),
    ];
    for (event, action) in actions {
        java.wait_event(event);
        let mut fault = Fault::next(action);
        fault.code = Some(request_code("SEND_MESSAGE").unwrap());
        fault.fields = vec![("topic".to_owned(), TOPIC.to_owned())];
        test.broker.fail_next(fault).unwrap();
        java.go_on();
    }
    java.finish();
    assert_eq!(test.broker.counters().unwrap()["faults_left"], 0);
    assert_eq!(bodies(&test.broker), ["after", "before", "late"].map(str::to_owned).into());
    test.broker.stop(LONG).unwrap();
}

fn bodies(broker: &Embedded) -> BTreeSet<String> {
    let messages = broker.messages(&embed::MessageQuery::new(TOPIC)).unwrap();
    messages.iter().map(|message| String::from_utf8(message.body.to_vec()).unwrap()).collect()
}

#[test]
fn a_java_client_outlasts_two_hours_in_a_moment() {
    let options = Options::new().clock(Clock::manual(Clock::system().now_ms()));
    let test = Test::start("embedded-clock", options);
    let mut java = test.java("embedding_outlast_delay");
    java.wait_event("sent");
    test.broker.advance(Duration::from_secs(7_100)).unwrap();
    java.go_on();
    java.wait_event("early");
    test.broker.advance(Duration::from_secs(200)).unwrap();
    java.go_on();
    java.finish();
    test.broker.stop(LONG).unwrap();
}
