use super::*;
use crate::broker::testing::{Tables, TestClient, TestServer};
use crate::format::wire::OutgoingRequest;
use crate::net::{LaneChoice, NoEvents, Router};

struct Fixture {
    client: TestClient,
    _server: TestServer,
    _tables: Tables,
}

impl Fixture {
    fn new() -> Self {
        let tables = Tables::new();
        let processor = Arc::new(LockProcessor { locks: tables.locks.clone() });
        let mut router = Router::new();
        router.route(41, processor.clone(), LaneChoice::Inline).route(42, processor, LaneChoice::Inline);
        let server = TestServer::start(router, Arc::new(NoEvents));
        Self { client: server.connect(), _server: server, _tables: tables }
    }

    fn ask(&mut self, code: i32, body: &str) -> RemotingCommand {
        self.client.ask(&OutgoingRequest::new(code).with_body(body.to_owned().into_bytes())).1
    }
}

const LOCK: &str =
    r#"{"clientId":"a","consumerGroup":"g","mqSet":[{"brokerName":"b","queueId":0,"topic":"t"}]}"#;

#[test]
fn locks_are_answered_and_released() {
    let mut fixture = Fixture::new();
    let held = r#"{"lockOKMQSet":[{"brokerName":"b","queueId":0,"topic":"t"}]}"#;
    assert_eq!(fixture.ask(41, LOCK).body, held);
    let other = LOCK.replace("\"a\"", "\"z\"");
    let answer = fixture.ask(41, &other);
    assert_eq!((answer.code, &*answer.body), (0, br#"{"lockOKMQSet":[]}"#.as_slice()));
    let answer = fixture.ask(42, LOCK);
    assert_eq!((answer.code, answer.ext.present(), answer.body.len()), (0, false, 0));
    assert_eq!(fixture.ask(41, &other).body, held);
}

#[test]
fn clients_write_the_body_in_their_own_ways() {
    let mut fixture = Fixture::new();
    let with_flag = LOCK.replace("\"mqSet\"", "\"onlyThisBroker\":false,\"mqSet\"");
    assert_eq!(fixture.ask(41, &with_flag).code, 0);
    let text_number = LOCK.replace(":0,", ":\"0\",");
    assert_eq!(fixture.ask(41, &text_number).body, fixture.ask(41, LOCK).body);
    assert_eq!(fixture.ask(41, r#"{"clientId":"a","consumerGroup":"g"}"#).body, r#"{"lockOKMQSet":[]}"#);
}

#[test]
fn a_body_that_says_nothing_is_refused() {
    let mut fixture = Fixture::new();
    for body in ["", "{", "{}", r#"{"clientId":"a"}"#, "[]"] {
        assert_eq!(fixture.ask(41, body).code, 1, "{body}");
        assert_eq!(fixture.ask(42, body).code, 1, "{body}");
    }
}
