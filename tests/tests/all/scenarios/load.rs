//! An end, orderly or not, while clients send: what was acknowledged is there after a start, in the place that was acknowledged.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use serde_json::Value;
use tests::harness::Scratch;
use tests::harness::process::{Process, Runtime};
use tests::harness::remoting::{RawClient, eventually};
use tests::harness::servers::mqbroker;
use tests::harness::stored_message::StoredMessage;

use super::TIMEOUT;
use super::server::{Server, at};

const TOPIC: &str = "Load";
/// Each of these sends to a queue of its own; the tool sends to the one behind.
const CLIENTS: i32 = 4;
const QUEUES: i32 = CLIENTS + 1;
/// As many come before the end.
const ACKNOWLEDGED_BEFORE: usize = 2000;
/// Of these in each queue, so that every client was heard.
const OF_EACH: usize = 50;
const NOT_DONE: i32 = 255;

/// A message that a client was told is stored: by what it is known, and where it is.
struct Acknowledged {
    queue_id: i32,
    queue_offset: i64,
    name: String,
}

pub(super) fn stop_under_load() {
    let scratch = Scratch::new("scenario-stop");
    let acknowledged = end_under_load(&scratch, |server| {
        let began = Instant::now();
        server.stop();
        assert!(began.elapsed() < TIMEOUT);
    });
    verify(&scratch, &acknowledged);
}

pub(super) fn kill_9_and_restart() {
    let scratch = Scratch::new("scenario-kill");
    let acknowledged = end_under_load(&scratch, |mut server| {
        server.process.kill9();
        assert!(server.store.join("abort").exists());
    });
    verify(&scratch, &acknowledged);
}

fn command(scratch: &Scratch) -> Command {
    at(&scratch.path().join("store"), &[], scratch)
}

/// Lets clients send, ends the broker under them, and gives what they were told.
fn end_under_load(scratch: &Scratch, end: impl FnOnce(Server)) -> Vec<Acknowledged> {
    let server = Server::start(command(scratch), scratch);
    server.connect().create_topic(TOPIC, QUEUES as u32).unwrap();
    let address = server.address.clone();
    let (told, acknowledged) = channel();
    thread::scope(|scope| {
        for queue_id in 0..CLIENTS {
            let (address, told) = (&address, told.clone());
            scope.spawn(move || check_end(&send_all(address, queue_id, &told)));
        }
        let tool = tool(&address, scratch.path());
        let address = &address;
        scope.spawn(move || read_all(tool, address, &told));
        let mut seen = until_all_were_heard(&acknowledged);
        end(server);
        seen.extend(acknowledged);
        seen
    })
}

/// Takes what comes until all have been told often enough. Fails when they all end before.
fn until_all_were_heard(acknowledged: &Receiver<Acknowledged>) -> Vec<Acknowledged> {
    let mut seen = Vec::new();
    let mut heard = vec![0; QUEUES as usize];
    while seen.len() < ACKNOWLEDGED_BEFORE || heard.iter().any(|times| *times < OF_EACH) {
        let one = acknowledged.recv_timeout(TIMEOUT).unwrap_or_else(|e| panic!("{heard:?}: {e}"));
        heard[one.queue_id as usize] += 1;
        seen.push(one);
    }
    seen
}

/// Sends to a queue of its own until that fails.
fn send_all(address: &str, queue_id: i32, told: &Sender<Acknowledged>) -> io::Error {
    let mut raw = RawClient::connect(address, TIMEOUT).unwrap();
    for number in 0.. {
        let name = format!("{queue_id} {number}");
        match raw.send(TOPIC, queue_id, "", name.as_bytes()) {
            Ok(sent) => {
                let _ = told.send(Acknowledged { queue_id, queue_offset: sent.queue_offset, name });
            }
            Err(error) => return error,
        }
    }
    unreachable!("it sends until it fails")
}

/// A client sees that the broker is gone, and nothing else: no answer that it could misunderstand.
fn check_end(error: &io::Error) {
    let gone = [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
    assert!(gone.contains(&error.kind()), "{error:?}");
}

/// `mqbroker send` to the last queue, for longer than the broker lives.
fn tool(address: &str, folder: &Path) -> Process {
    let mut command = mqbroker();
    command.args(["send", TOPIC, "from the tool", "--count", "1000000000", "--json", "-b", address]);
    command.args(["--queue", &CLIENTS.to_string()]);
    Process::spawn("mqbroker-send", Runtime::Native, command, folder)
}

/// Reads what the tool says was taken, and how it ends.
fn read_all(mut tool: Process, address: &str, told: &Sender<Acknowledged>) {
    while let Some(line) = tool.next_line(TIMEOUT) {
        let sent: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(sent["status"], "SEND_OK");
        let _ = told.send(Acknowledged {
            queue_id: CLIENTS,
            queue_offset: sent["queueOffset"].as_i64().unwrap(),
            name: sent["msgId"].as_str().unwrap().to_owned(),
        });
    }
    let status = tool.wait(TIMEOUT);
    let account = tool.account();
    let said = format!("mqbroker send: lost the connection to {address} (");
    assert!(status.code() == Some(NOT_DONE) && account.contains(&said), "{status}\n{account}");
    assert!(account.contains("try again when the broker runs"), "{account}");
}

/// Starts the broker again, without help, finds everything acknowledged, and sends on.
fn verify(scratch: &Scratch, acknowledged: &[Acknowledged]) {
    let server = Server::start(command(scratch), scratch);
    let mut raw = server.connect();
    let mut stored = BTreeMap::new();
    for queue_id in 0..QUEUES {
        for message in raw.pull_queue(TOPIC, queue_id).unwrap() {
            stored.insert((queue_id, message.queue_offset), name_of(&message));
        }
    }
    assert!(acknowledged.len() >= ACKNOWLEDGED_BEFORE && stored.len() >= acknowledged.len());
    for one in acknowledged {
        let place = (one.queue_id, one.queue_offset);
        assert_eq!(stored.get(&place), Some(&one.name), "at {place:?}");
    }
    let sent = raw.send(TOPIC, 0, "", b"goes on").unwrap();
    assert!(!stored.contains_key(&(0, sent.queue_offset)));
    eventually("it can be read", TIMEOUT, || raw.pull(TOPIC, 0, sent.queue_offset).unwrap().pop());
    server.stop();
}

/// The tool gives its messages ids, the clients theirs bodies of their own.
fn name_of(message: &StoredMessage) -> String {
    let id = message.property("UNIQ_KEY").map(str::to_owned);
    id.unwrap_or_else(|| String::from_utf8_lossy(&message.body).into_owned())
}
