use super::*;
use crate::broker::admin::testing::{BEGIN_MS, Fixture};
use crate::broker::notify::ClientNotifier;
use crate::broker::produce::Produce;
use crate::broker::testing::{TestClient, TestServer};
use crate::format::record::decode::RecordView;
use crate::format::wire::codes::RequestCode;
use crate::format::wire::encode_response;
use crate::format::wire::{HeaderFields, OutgoingRequest, Serializer};
use crate::net::{LaneChoice, NoEvents, Router};

const TOPIC: &str = "GoldenCluster_REPLY_TOPIC";
const PROPERTIES: &str =
    "REPLY_TO_CLIENT\u{1}asker\u{2}CORRELATION_ID\u{1}c1\u{2}MSG_TYPE\u{1}reply\u{2}TTL\u{1}3000\u{2}";

struct Replying {
    fixture: Fixture,
    asker: TestClient,
    responder: TestClient,
    _server: TestServer,
}

impl Replying {
    fn new(properties: &[(&str, &str)]) -> Self {
        let fixture = Fixture::new(properties);
        let produce = Produce::new(
            fixture.store.clone(),
            fixture.topics.clone(),
            fixture.groups.clone(),
            fixture.stats.clone(),
            fixture.config.clone(),
            fixture.clock.clone(),
        );
        let replies = Replies {
            produce: Arc::new(produce),
            producers: fixture.producers.clone(),
            notifier: ClientNotifier::new(fixture.config.clone()),
            config: fixture.config.clone(),
            clock: fixture.clock.clone(),
        };
        let host = StoreHost::new("127.0.0.1".parse().ok(), 22911);
        let processor = Arc::new(ReplyProcessor::new(replies, fixture.config.clone(), host));
        let mut router = Router::new();
        router.route(RequestCode::SendReplyMessage, processor, LaneChoice::Inline);
        let server = TestServer::start(router, Arc::new(NoEvents));
        let (asker, responder) = (server.connect(), server.connect());
        fixture.producers.register(&asker.client("asker"), "askers");
        Self { fixture, asker, responder, _server: server }
    }

    fn reply(&mut self, topic: &'static str, properties: &'static str) {
        let fields = HeaderFields::new()
            .with("producerGroup", "responders")
            .with("topic", topic)
            .with("defaultTopic", "TBW102")
            .with("defaultTopicQueueNums", 4)
            .with("queueId", 0)
            .with("bornTimestamp", 17)
            .with("sysFlag", 0)
            .with("flag", 0)
            .with("properties", properties);
        let request = OutgoingRequest::new(RequestCode::SendReplyMessage).with_fields(fields);
        self.responder.request(&request.with_body(b"answer".to_vec()), 9);
    }

    /// The asker takes what is pushed to it, and says so with `code`.
    fn take_push(&mut self, code: ResponseCode) -> RemotingCommand {
        let pushed = self.asker.next();
        let mut frame = Vec::new();
        encode_response(&mut frame, &Response::new(code), pushed.opaque, Serializer::Json);
        self.asker.send(&frame);
        pushed
    }

    fn stored(&self) -> i64 {
        self.fixture.store.max_offset(TOPIC, 0)
    }
}

#[test]
fn a_reply_is_pushed_to_who_asked_and_stored_as_it_came() {
    let mut replying = Replying::new(&[]);
    replying.reply(TOPIC, PROPERTIES);
    let pushed = replying.take_push(ResponseCode::Success);
    assert_eq!((pushed.code, &pushed.body[..]), (326, &b"answer"[..]));
    let field = |name| pushed.ext.get(name);
    assert_eq!((field("topic"), field("producerGroup")), (Some(TOPIC), Some("responders")));
    assert_eq!((field("bornTimestamp"), field("storeHost")), (Some("17"), Some("127.0.0.1:22911")));
    assert_eq!(field("properties"), Some(&*format!("{PROPERTIES}PUSH_REPLY_TIME\u{1}{BEGIN_MS}")));

    let answer = replying.responder.next();
    assert_eq!((answer.code, answer.opaque, answer.ext.get("queueOffset")), (0, 9, Some("0")));
    assert_eq!(answer.ext.get("MSG_REGION"), Some("DefaultRegion"));
    let record = replying.fixture.store.record_at(0).unwrap();
    let record = RecordView::parse(&record).unwrap();
    assert_eq!((record.topic(), record.body()), (Some(TOPIC), &b"answer"[..]));
    assert_eq!(record.properties(), PROPERTIES.as_bytes());
    assert_eq!(answer.ext.get("msgId"), Some(&*record.offset_message_id().to_string()));
}

#[test]
fn a_reply_that_nobody_takes_is_refused_and_stored_all_the_same() {
    let mut replying = Replying::new(&[]);
    let cases = [
        (PROPERTIES, "push reply message to askerfail.", true),
        ("REPLY_TO_CLIENT\u{1}other\u{2}", "push reply message fail, channel of <other> not found.", false),
        ("", "reply message properties[REPLY_TO_CLIENT] is null", false),
    ];
    for (place, (properties, remark, is_pushed)) in cases.into_iter().enumerate() {
        replying.reply(TOPIC, properties);
        if is_pushed {
            replying.take_push(ResponseCode::SystemError);
        }
        let answer = replying.responder.next();
        assert_eq!((answer.code, answer.remark.as_deref()), (1, Some(remark)));
        assert_eq!(answer.ext.get("queueOffset"), Some(&*place.to_string()));
    }
}

#[test]
fn a_requester_that_goes_away_ends_the_wait() {
    let mut replying = Replying::new(&[]);
    replying.reply(TOPIC, PROPERTIES);
    replying.asker.next();
    replying.asker.hang_up();
    let answer = replying.responder.next();
    assert_eq!((answer.code, answer.remark.as_deref()), (1, Some("push reply message to askerfail.")));
}

#[test]
fn replies_are_not_stored_where_that_is_off() {
    let mut replying = Replying::new(&[("storeReplyMessageEnable", "false")]);
    replying.reply(TOPIC, PROPERTIES);
    replying.take_push(ResponseCode::Success);
    let answer = replying.responder.next();
    let field = |name| answer.ext.get(name);
    assert_eq!((answer.code, field("msgId"), field("queueOffset")), (0, Some("0"), Some("0")));
    replying.reply(TOPIC, "");
    let answer = replying.responder.next();
    assert_eq!((answer.code, answer.ext.get("msgId")), (1, None));
    assert_eq!(replying.stored(), 0);
}

#[test]
fn a_reply_to_a_forbidden_topic_is_neither_pushed_nor_stored() {
    let mut replying = Replying::new(&[]);
    replying.reply("SCHEDULE_TOPIC_XXXX", PROPERTIES);
    assert_eq!(replying.responder.next().code, 16);
    replying.asker.assert_silent();
    assert_eq!(replying.fixture.store.max_offset("SCHEDULE_TOPIC_XXXX", 0), 0);
}
