use std::sync::Arc;

use super::*;
use crate::broker::testing::{Tables, TestClient, TestServer};
use crate::format::wire::body::ConsumerHeartbeat;
use crate::format::wire::encode_response;
use crate::net::{LaneChoice, Processor, Reply, Router};

/// Passes every request on to the member `target` of the group `g`.
struct Forwarding {
    notifier: ClientNotifier,
    tables: Arc<Tables>,
}

impl Processor for Forwarding {
    fn process(&self, request: RemotingCommand, peer: &Peer) -> Reply {
        let group = self.tables.consumers.find("g").unwrap();
        let target = group.member("target").unwrap();
        let forwarded = OutgoingRequest::new(request.code)
            .with_fields(HeaderFields::from(&request.ext))
            .with_body(request.body.clone());
        self.notifier.forward(target, "g", forwarded, peer.responder(&request));
        Reply::Later
    }
}

struct Fixture {
    notifier: ClientNotifier,
    target: TestClient,
    asker: TestClient,
    _server: TestServer,
}

impl Fixture {
    fn new() -> Self {
        let tables = Arc::new(Tables::new());
        let notifier = ClientNotifier::new(tables.config.clone());
        let processor = Arc::new(Forwarding { notifier: notifier.clone(), tables: tables.clone() });
        let mut router = Router::new();
        router.route(RequestCode::GetConsumerRunningInfo, processor, LaneChoice::Inline);
        let server = TestServer::start(router, tables.housekeeping.clone());
        let (target, asker) = (server.connect(), server.connect());
        let heartbeat = ConsumerHeartbeat { group_name: "g".to_owned(), ..ConsumerHeartbeat::default() };
        tables.consumers.register(&target.client("target"), heartbeat, false);
        Self { notifier, target, asker, _server: server }
    }

    fn forward(&mut self) {
        let fields = HeaderFields::new().with("clientId", "target");
        let request = OutgoingRequest::new(RequestCode::GetConsumerRunningInfo).with_fields(fields);
        self.asker.request(&request.with_body(b"question".to_vec()), 5);
    }
}

#[test]
fn a_question_is_passed_on_and_its_answer_back() {
    let mut fixture = Fixture::new();
    fixture.forward();
    let asked = fixture.target.next();
    assert_eq!((asked.code, asked.flag, asked.ext.get("clientId")), (307, 0, Some("target")));
    assert_eq!(asked.body, "question");
    let answer = Response::error(ResponseCode::SystemError, "why not")
        .with_fields(HeaderFields::new().with("k", "v"))
        .with_body(b"answer".to_vec());
    let mut frame = Vec::new();
    encode_response(&mut frame, &answer, asked.opaque, asked.serializer);
    frame.extend_from_slice(b"answer");
    fixture.target.send(&frame);
    let relayed = fixture.asker.next();
    assert_eq!((relayed.opaque, relayed.code, relayed.remark.as_deref()), (5, 1, Some("why not")));
    assert_eq!((relayed.ext.get("k"), &*relayed.body), (Some("v"), b"answer".as_slice()));
}

#[test]
fn a_member_that_hangs_up_is_an_error_for_who_asked() {
    let mut fixture = Fixture::new();
    fixture.forward();
    fixture.target.next();
    fixture.target.hang_up();
    let answer = fixture.asker.next();
    assert_eq!((answer.opaque, answer.code), (5, 1));
    assert!(answer.remark.unwrap().starts_with("invoke consumer <g> <target> Exception: "));
}

#[test]
fn a_member_that_is_silent_makes_207() {
    let answer = outcome("<g> <c>", Err(NetError::Timeout(10_000)));
    assert_eq!(answer.code, 207);
    assert_eq!(answer.remark.unwrap(), "consumer <g> <c> Timeout: no answer within 10000 ms");
}

#[test]
fn one_way_requests_have_the_form_of_the_protocol() {
    let mut fixture = Fixture::new();
    let peer = fixture.target.peer.clone();
    let header = CheckTransactionStateHeader {
        commit_log_offset: Some(7),
        message_id: Some("id"),
        ..CheckTransactionStateHeader::default()
    };
    fixture.notifier.check_transaction_state(&peer, &header, Bytes::from_static(b"record"));
    let check = fixture.target.next();
    assert_eq!((check.code, check.flag, check.ext.i64("commitLogOffset")), (39, 2, Some(7)));
    assert_eq!(check.body, "record");
    let fields = HeaderFields::new().with("topic", "t");
    fixture.notifier.reset_offset(&peer, fields, Bytes::from_static(b"{}"));
    let reset = fixture.target.next();
    assert_eq!((reset.code, reset.flag, reset.ext.get("topic")), (220, 2, Some("t")));
    fixture.notifier.consumer_ids_changed("g", []);
    peer.close();
    fixture.notifier.consumer_ids_changed("g", [&peer]);
    assert!(fixture.target.next_within(crate::broker::testing::LONG).is_none());
}
