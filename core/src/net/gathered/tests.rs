use bytes::BytesMut;
use parking_lot::Mutex;

use super::*;
use crate::format::wire::{EncodeAnswer, Serializer, encode_response};
use crate::net::testing::*;
use crate::net::{
    IoThreads, LaneChoice, NoEvents, ProcessTogether, RemotingServer, Reply, Responder, Router,
};

const TOGETHER: i32 = 20;
const OTHER: i32 = 21;
const EFFECT: i32 = 22;

/// Answers with how many came together, at "form" with a frame of its own; panics at "panic", keeps a responder at "keep".
#[derive(Default)]
struct Counting {
    groups: Mutex<Vec<usize>>,
    kept: Mutex<Vec<Responder>>,
}

struct Shared(Arc<Counting>);

impl Processor for Shared {
    fn process(&self, _: RemotingCommand, _: &Peer) -> Reply {
        Reply::None
    }

    fn together(&self) -> Option<&dyn ProcessTogether> {
        Some(self)
    }
}

/// An answer that writes its own frame.
struct Form(usize);

impl EncodeAnswer for Form {
    fn encode(&self, out: &mut Vec<u8>, opaque: i32, serializer: Serializer) {
        let body = self.0.to_string();
        let response = Response::success().with_body(body.clone());
        encode_response(out, &response, opaque, serializer);
        out.extend_from_slice(body.as_bytes());
    }
}

impl ProcessTogether for Shared {
    fn process_together(
        &self,
        requests: &[RemotingCommand],
        peer: &Peer,
        answer: &mut dyn FnMut(usize, Answer<'_>),
    ) {
        self.0.groups.lock().push(requests.len());
        for (place, request) in requests.iter().enumerate() {
            match &*request.body {
                b"panic" => panic!("on purpose"),
                b"keep" => self.0.kept.lock().push(peer.responder(request)),
                b"form" => answer(place, Answer::Form(&Form(requests.len()))),
                _ => {
                    let mut response = Response::success().with_body(requests.len().to_string());
                    answer(place, Answer::Whole(&mut response));
                }
            }
        }
    }
}

struct Fixture {
    counting: Arc<Counting>,
    server: RemotingServer,
    io: IoThreads,
}

impl Fixture {
    fn start() -> Self {
        let counting = Arc::new(Counting::default());
        let seen = counting.clone();
        let effect = move |_: RemotingCommand, _: &Peer| {
            Reply::Now(Response::success().with_body(format!("{:?}", seen.groups.lock())))
        };
        let mut router = Router::new();
        for code in [TOGETHER, OTHER] {
            router.route(code, Arc::new(Shared(counting.clone())), LaneChoice::Inline);
        }
        router.route(EFFECT, Arc::new(Run(effect)), LaneChoice::Inline);
        let io = IoThreads::start(1).unwrap();
        let server = RemotingServer::start(&io, options(), router, Arc::new(NoEvents)).unwrap();
        Self { counting, server, io }
    }

    /// Sends the requests in one write and gives code and body of each answer, by its place.
    fn ask(&self, requests: &[(i32, &str)], answers: usize) -> Vec<(i32, i32, String)> {
        let mut client = RawClient::connect(self.server.local_addr());
        let mut bytes = BytesMut::new();
        for (opaque, (code, body)) in (0..).zip(requests) {
            bytes.extend_from_slice(&frame(*code, opaque, body.as_bytes()));
        }
        client.send(&bytes);
        let mut found: Vec<_> = (0..answers)
            .map(|_| client.next())
            .map(|answer| (answer.opaque, answer.code, String::from_utf8(answer.body.to_vec()).unwrap()))
            .collect();
        found.sort();
        found
    }

    fn stop(self) {
        self.server.drain_and_stop(LONG);
        self.io.stop();
    }
}

#[test]
fn requests_of_one_read_are_handled_together_and_in_order() {
    let fixture = Fixture::start();
    let requests = [(TOGETHER, ""), (TOGETHER, "form"), (EFFECT, ""), (TOGETHER, "form"), (OTHER, "")];
    let answers = fixture.ask(&requests, 5);
    let bodies: Vec<_> = answers.iter().map(|(_, _, body)| body.as_str()).collect();
    assert_eq!(bodies, ["2", "2", "[2]", "1", "1"], "other requests wait for those before them");
    fixture.stop();
}

#[test]
fn a_group_has_a_limit() {
    let fixture = Fixture::start();
    let requests = vec![(TOGETHER, ""); 200];
    assert_eq!(fixture.ask(&requests, 200).len(), 200);
    let groups = fixture.counting.groups.lock().clone();
    assert_eq!(groups.iter().sum::<usize>(), 200);
    assert!(groups.iter().all(|group| *group <= REQUESTS_MAX), "{groups:?}");
    fixture.stop();
}

#[test]
fn a_panic_answers_those_that_have_no_answer_yet() {
    let fixture = Fixture::start();
    let requests = [(TOGETHER, ""), (TOGETHER, "form"), (TOGETHER, "panic"), (TOGETHER, ""), (EFFECT, "")];
    let answers = fixture.ask(&requests, 5);
    let codes: Vec<_> = answers.iter().map(|(_, code, _)| *code).collect();
    assert_eq!(codes, [0, 0, 1, 1, 0]);
    assert_eq!(answers[2].2, "", "{answers:?}");
    fixture.stop();
}

#[test]
fn a_request_may_be_answered_later() {
    let fixture = Fixture::start();
    let answers = fixture.ask(&[(TOGETHER, "keep"), (TOGETHER, ""), (EFFECT, "")], 2);
    assert_eq!(answers.iter().map(|(opaque, ..)| *opaque).collect::<Vec<_>>(), [1, 2]);
    let kept = fixture.counting.kept.lock().pop().unwrap();
    kept.send(Response::success());
    fixture.stop();
}
