//! Everything a Java broker, its slave and Java clients said to a Java NameServer, said to ours.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::*;
use crate::format::wire::fastjson;

/// Where our answer differs on purpose: after code 327 Java shows perm 6 for every topic, also for those registered with 7
/// (TBW102, cluster and broker); we show what is registered.
const PERM_DIFFERS: &str = "TBW102";

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

struct Said {
    line: Value,
    command: Option<RemotingCommand>,
    frame: Vec<u8>,
}

impl Said {
    fn connection(&self) -> i64 {
        self.line["connection"].as_i64().unwrap()
    }

    fn is_up(&self) -> bool {
        self.line["direction"] == "up"
    }
}

fn conversation(serializer: &str) -> Vec<Said> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/namesrv");
    let packed = std::fs::read(folder.join(format!("conversation-{serializer}.jsonl.zst"))).unwrap();
    let text = String::from_utf8(zstd::decode_all(&packed[..]).unwrap()).unwrap();
    text.lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let frame = line["frame_hex"].as_str().map(from_hex).unwrap_or_default();
            let command = next_frame(&mut BytesMut::from(&frame[..]), FRAME_SIZE_MAX).unwrap();
            Said { line, command, frame }
        })
        .collect()
}

/// The body, as far as it means something: lists of names have no order, the configuration shows its keys.
fn meaning(code: i32, body: &[u8]) -> Value {
    if code == 319 {
        let text = std::str::from_utf8(body).unwrap();
        let mut keys: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        // Ours has no home of the installation to show, and a port of its own for the NameServer inside a broker.
        keys.retain(|key| !["rocketmqHome", "namesrvListenPort"].contains(key));
        keys.sort_unstable();
        return keys.into();
    }
    if body.is_empty() {
        return Value::Null;
    }
    let mut value: Value = fastjson::from_slice(body).unwrap();
    sort(&mut value);
    value
}

fn sort(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(sort);
            items.sort_by_key(Value::to_string);
        }
        Value::Object(members) => {
            members.values_mut().for_each(sort);
            members.sort_keys();
        }
        _ => {}
    }
}

struct Replay {
    running: Running,
    clients: HashMap<i64, Client>,
    answered: usize,
    perms: usize,
}

impl Replay {
    fn say(&mut self, said: &Said, expected: Option<&RemotingCommand>) {
        let running = &self.running;
        let Some(request) = &said.command else {
            self.clients.remove(&said.connection());
            return;
        };
        let client = self.clients.entry(said.connection()).or_insert_with(|| running.client());
        client.send_bytes(&said.frame);
        let Some(expected) = expected else {
            if request.code == 103 {
                self.wait_for_registration(request);
            }
            return;
        };
        let answer = client.next().unwrap();
        let what = format!("{} {}: {}", said.line["step"], request.code, text(&answer));
        assert_eq!(answer.opaque, request.opaque, "{what}");
        assert_eq!((answer.code, &answer.remark), (expected.code, &expected.remark), "{what}");
        assert_eq!(answer.serializer, expected.serializer);
        assert_eq!((answer.flag, answer.version, answer.language), (1, 409, expected.language));
        let fields = |command: &RemotingCommand| -> BTreeMap<String, String> {
            command.ext.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
        };
        assert_eq!(fields(&answer), fields(expected), "{what}");
        let (mut ours, theirs) = (meaning(request.code, &answer.body), meaning(request.code, &expected.body));
        if ours != theirs && request.ext.get("topic") == Some(PERM_DIFFERS) {
            assert_eq!(ours["queueDatas"][0]["perm"], 7, "{what}");
            ours["queueDatas"][0]["perm"] = 6.into();
            self.perms += 1;
        }
        assert_eq!(ours, theirs, "{what}");
        self.answered += 1;
    }

    /// A one-way registration is in the tables when its version is.
    fn wait_for_registration(&self, request: &RemotingCommand) {
        let version = RegisterBroker::decode(&request.body, false).unwrap().topics.data_version;
        let address = BrokerAddress::announced(request.ext.get("brokerAddr").unwrap());
        wait_until("the broker is registered", || {
            !self.running.namesrv.routes().compare_version(&address, Some(version)).0
        });
    }
}

fn replay(serializer: &str) -> Replay {
    let conversation = conversation(serializer);
    let opaque = |said: &Said| said.command.as_ref().map(|command| command.opaque);
    let answers: HashMap<_, _> = conversation
        .iter()
        .filter(|said| !said.is_up())
        .filter_map(|said| Some(((said.connection(), opaque(said)?), said.command.as_ref()?)))
        .collect();
    let mut replay = Replay { running: Running::start(), clients: HashMap::new(), answered: 0, perms: 0 };
    for said in conversation.iter().filter(|said| said.is_up()) {
        let expected = opaque(said).and_then(|opaque| answers.get(&(said.connection(), opaque)).copied());
        replay.say(said, expected);
    }
    assert_eq!(replay.answered, answers.len());
    replay
}

#[test]
fn java_and_we_say_the_same_with_json_headers() {
    let replay = replay("json");
    assert!(replay.answered > 140 && replay.perms > 0, "{} {}", replay.answered, replay.perms);
}

#[test]
fn java_and_we_say_the_same_with_binary_headers() {
    let replay = replay("rocketmq");
    assert!(replay.answered > 140 && replay.perms > 0, "{} {}", replay.answered, replay.perms);
}
