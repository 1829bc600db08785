//! A disk without room, seen by a client and by the tool. The test of the same name beside this one fills it in more ways.

use std::fs;

use tests::harness::Scratch;
use tests::harness::remoting::{RawClient, eventually};
use tests::harness::servers::mqbroker;
use tests::harness::small_disk::SmallDisk;

use super::TIMEOUT;
use super::server::{Server, at, failed};

const TOPIC: &str = "FullDisk";
const DISK_BYTES: u64 = 32 << 20;
const BALLAST_BYTES: usize = 6 << 20;
const BODY_BYTES: usize = 32 << 10;
/// SERVICE_NOT_AVAILABLE, which makes clients try elsewhere and later.
const REFUSED: &str = "code 14";
const NOT_DONE: i32 = 255;
/// What no disk of this size holds.
const MESSAGES_MAX: usize = DISK_BYTES as usize / BODY_BYTES;

pub(super) fn full_disk() {
    let scratch = Scratch::new("scenario-full-disk");
    let disk = SmallDisk::new(&scratch.dir("disk"), DISK_BYTES);
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![0xff; BALLAST_BYTES]).unwrap();
    let store = disk.path().join("store");
    let mut server = Server::start(at(&store, &to_the_last_block(), &scratch), &scratch);
    let mut raw = server.connect();
    raw.create_topic(TOPIC, 1).unwrap();

    let mut acknowledged = 0;
    let refusal = loop {
        match raw.send(TOPIC, 0, "", &body(acknowledged)) {
            Ok(sent) => assert_eq!(sent.queue_offset, acknowledged as i64),
            Err(refusal) => break refusal.to_string(),
        }
        acknowledged += 1;
        assert!(acknowledged < MESSAGES_MAX);
    };
    assert!(acknowledged > 0 && refusal.contains(REFUSED) && refusal.contains("disk"), "{refusal}");
    let file = scratch.path().join("body");
    fs::write(&file, body(acknowledged)).unwrap();
    let mut tool = mqbroker();
    tool.args(["send", TOPIC, "-b", &server.address, "--file"]).arg(file);
    let (code, text) = failed(tool, &scratch);
    assert_eq!(code, NOT_DONE, "{text}");
    for word in [TOPIC, &server.address, REFUSED, "if the disk is full make room, and try again"] {
        assert!(text.contains(word), "no {word} in: {text}");
    }
    verify(&mut raw, acknowledged);

    fs::remove_file(&ballast).unwrap();
    let room = acknowledged + BALLAST_BYTES / 2 / BODY_BYTES;
    eventually("sends go on", TIMEOUT, || raw.send(TOPIC, 0, "", &body(acknowledged)).ok());
    for number in acknowledged + 1..room {
        raw.send(TOPIC, 0, "", &body(number)).unwrap();
    }
    assert!(server.process.is_running());
    server.stop();
    let server = Server::start(at(&store, &to_the_last_block(), &scratch), &scratch);
    verify(&mut server.connect(), room);
    server.stop();
}

/// No share of the disk refuses before its last block does.
fn to_the_last_block() -> [(&'static str, &'static str); 3] {
    [
        ("cleanFileForciblyEnable", "false"),
        ("rocketmq.broker.diskSpaceWarningLevelRatio", "1.0"),
        ("mappedFileSizeCommitLog", "2097152"),
    ]
}

fn body(number: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(number as u64);
    std::iter::repeat_with(|| random.u8(..)).take(BODY_BYTES).collect()
}

/// Everything acknowledged is there, in its place, and nothing else.
fn verify(raw: &mut RawClient, acknowledged: usize) {
    eventually("the queue is complete", TIMEOUT, || {
        (raw.max_offset(TOPIC, 0).unwrap() == acknowledged as i64).then_some(())
    });
    let found = raw.pull_queue(TOPIC, 0).unwrap();
    assert_eq!(found.len(), acknowledged);
    for (number, message) in found.iter().enumerate() {
        assert!(message.body == body(number), "body of message {number}");
    }
}
