//! Plays the clients of a recording.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::frame::{Frame, with_opaque};
use super::recording::{Act, Answer, Recording, Request, Server};
use crate::harness::remoting::RawClient;

const PULL_MESSAGE: i32 = 11;
const GET_ROUTE_INFO_BY_TOPIC: i32 = 105;
const SUCCESS: i32 = 0;
/// The answer to a pull that overtook the heartbeat with its subscription.
const SUBSCRIPTION_NOT_LATEST: i32 = 25;

/// How long an answer or a message is waited for that was there in the recording; then it will not come.
const PATIENCE: Duration = Duration::from_secs(10);
/// So much is made good in the pauses of the recording. What goes beyond moves everything that follows: requests must not come
/// in a burst where time between them was meant to pass.
const LATENESS_MAX: Duration = Duration::from_millis(200);
/// Answers that come after the last request, and those that should not come at all.
const LATE: Duration = Duration::from_secs(3);
const FRAME_SIZE_MAX: usize = 32 << 20;

/// A request and its two answers.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The request, with the recorded answer.
    pub request: &'a Request,
    /// What was answered now.
    pub given: Option<Frame>,
}

/// Everything that was answered, and the codes of the requests that the servers sent, with their numbers.
#[derive(Debug)]
pub struct Played<'a> {
    /// In the order of the requests.
    pub exchanges: Vec<Exchange<'a>>,
    /// See [`Recording::server_requests`].
    pub server_requests: BTreeMap<i32, usize>,
}

/// Sends what the clients of the recording sent, over as many connections and at the same times, but never before that is there
/// which they had heard then. To be called when the broker has just registered: that is when the recording begins.
pub fn play<'a>(recording: &'a Recording, namesrv: &str, broker: &str) -> Played<'a> {
    let mut player = Player::new(recording, namesrv, broker);
    let mut start = Instant::now();
    for event in &recording.events {
        player.hear_all_before(event.line);
        let (due, now) = (start + event.at, Instant::now());
        match due.checked_duration_since(now) {
            Some(early) => thread::sleep(early),
            None => start += (now - due).saturating_sub(LATENESS_MAX),
        }
        match &event.act {
            Act::Asked(server, request) => player.ask(*server, event.connection, request),
            Act::Closed => player.connections.get(&event.connection).into_iter().for_each(Connection::close),
        }
    }
    thread::sleep(LATE);
    player.finish()
}

struct Player<'a> {
    recording: &'a Recording,
    namesrv: String,
    broker: String,
    script: Arc<Script>,
    connections: HashMap<i64, Connection>,
    asked: Vec<(i64, &'a Request)>,
    /// Answers that came late and have not been waited for: line in the recording, connection, opaque.
    awaited: BTreeSet<(usize, i64, i32)>,
    namesrv_observer: RawClient,
    broker_observer: RawClient,
}

impl<'a> Player<'a> {
    fn new(recording: &'a Recording, namesrv: &str, broker: &str) -> Player<'a> {
        let observer = |address: &str| {
            RawClient::connect(address, PATIENCE).unwrap_or_else(|e| panic!("connect to {address}: {e}"))
        };
        Player {
            recording,
            namesrv: namesrv.to_owned(),
            broker: broker.to_owned(),
            script: Arc::new(Script::new(recording.client_answers.clone())),
            connections: HashMap::new(),
            asked: Vec::new(),
            awaited: BTreeSet::new(),
            namesrv_observer: observer(namesrv),
            broker_observer: observer(broker),
        }
    }

    /// Waits for the late answers that the recording has before this line.
    fn hear_all_before(&mut self, line: usize) {
        while let Some((answer, connection, opaque)) = self.awaited.first().copied()
            && answer < line
        {
            self.awaited.pop_first();
            if let Some(connection) = self.connections.get(&connection) {
                connection.said.wait(opaque);
            }
        }
    }

    fn ask(&mut self, server: Server, number: i64, request: &'a Request) {
        self.wait_for_what_it_found(request);
        let address = if server == Server::NameServer { &self.namesrv } else { &self.broker };
        let script = &self.script;
        let connection =
            self.connections.entry(number).or_insert_with(|| Connection::open(address, Arc::clone(script)));
        connection.said.send(&request.bytes);
        if !request.frame.is_oneway() {
            self.asked.push((number, request));
        }
        // One that does not overtake this time waits for messages, and nobody must wait for it.
        let is_chance = |answer: &Answer| {
            answer.frame.code == SUBSCRIPTION_NOT_LATEST && self.recording.unstable.contains(&request.key)
        };
        match request.answer.as_ref().filter(|answer| !is_chance(answer)) {
            // Also before requests that the clients sent without waiting for it: else it is chance which one comes first.
            Some(answer) if answer.is_prompt => connection.said.wait(request.frame.opaque),
            Some(answer) => drop(self.awaited.insert((answer.line, number, request.frame.opaque))),
            None => {}
        }
    }

    /// A route or messages that a request found at once may be on their way: a broker registers new topics without waiting, and
    /// delivers delayed messages when they are due.
    fn wait_for_what_it_found(&mut self, request: &Request) {
        let found = |answer: &&Answer| answer.is_prompt && answer.frame.code == SUCCESS;
        let Some(answer) = request.answer.as_ref().filter(found) else { return };
        let asked = |name: &str| request.frame.fields.get(name).map_or("", String::as_str);
        let topic = asked("topic");
        let queue_id = asked("queueId").parse().unwrap_or_default();
        let end = answer.frame.fields.get("maxOffset").and_then(|end| end.parse().ok()).unwrap_or_default();
        let mut is_missing = || match request.frame.code {
            GET_ROUTE_INFO_BY_TOPIC => self.namesrv_observer.route(topic).is_ok_and(|route| route.is_none()),
            PULL_MESSAGE => {
                self.broker_observer.max_offset(topic, queue_id).is_ok_and(|found: i64| found < end)
            }
            _ => false,
        };
        let deadline = Instant::now() + PATIENCE;
        while is_missing() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn finish(self) -> Played<'a> {
        let connections = self.connections.into_iter();
        let answers: HashMap<i64, HashMap<i32, Frame>> =
            connections.map(|(number, connection)| (number, connection.finish())).collect();
        let given = |connection: i64, opaque: i32| answers.get(&connection)?.get(&opaque).cloned();
        let exchanges = self.asked.into_iter().map(|(connection, request)| Exchange {
            request,
            given: given(connection, request.frame.opaque),
        });
        Played { exchanges: exchanges.collect(), server_requests: self.script.counts() }
    }
}

/// What the clients say when a broker asks.
#[derive(Debug)]
struct Script {
    state: Mutex<ScriptState>,
}

#[derive(Debug)]
struct ScriptState {
    answers: BTreeMap<i32, VecDeque<Vec<u8>>>,
    counts: BTreeMap<i32, usize>,
}

impl Script {
    fn new(answers: BTreeMap<i32, VecDeque<Vec<u8>>>) -> Script {
        Script { state: Mutex::new(ScriptState { answers, counts: BTreeMap::new() }) }
    }

    /// The next recorded answer to requests of this code; the last one stays for all that follow.
    fn answer(&self, request: &Frame) -> Option<Vec<u8>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state.counts.entry(request.code).or_default() += 1;
        let answers = state.answers.get_mut(&request.code).filter(|_| !request.is_oneway())?;
        if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
    }

    fn counts(&self) -> BTreeMap<i32, usize> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).counts.clone()
    }
}

/// One client's connection to one server.
struct Connection {
    said: Arc<Said>,
    reader: JoinHandle<Result<(), String>>,
}

/// What the player and the reader of a connection share.
struct Said {
    stream: Mutex<TcpStream>,
    heard: Mutex<Heard>,
    changed: Condvar,
}

#[derive(Default)]
struct Heard {
    answers: HashMap<i32, Frame>,
    is_closed: bool,
}

impl Connection {
    fn open(address: &str, script: Arc<Script>) -> Connection {
        let connected = TcpStream::connect(address).and_then(|stream| {
            stream.set_nodelay(true)?;
            let reading = stream.try_clone()?;
            Ok((stream, reading))
        });
        let (stream, reading) = connected.unwrap_or_else(|e| panic!("connect to {address}: {e}"));
        let said =
            Arc::new(Said { stream: Mutex::new(stream), heard: Mutex::default(), changed: Condvar::new() });
        let shared = Arc::clone(&said);
        let reader = thread::Builder::new().name("replay-reader".to_owned());
        let reader = reader
            .spawn(move || {
                let ended = shared.read_all(reading, &script);
                shared.heard().is_closed = true;
                shared.changed.notify_all();
                ended
            })
            .unwrap_or_else(|e| panic!("cannot start a thread: {e}"));
        Connection { said, reader }
    }

    fn close(&self) {
        let _ = self.said.stream.lock().unwrap_or_else(PoisonError::into_inner).shutdown(Shutdown::Both);
    }

    /// Closes it and gives everything it heard.
    fn finish(self) -> HashMap<i32, Frame> {
        self.close();
        match self.reader.join() {
            Ok(Ok(())) => std::mem::take(&mut self.said.heard().answers),
            Ok(Err(e)) => panic!("a server sent what is no frame: {e}"),
            Err(cause) => std::panic::resume_unwind(cause),
        }
    }
}

impl Said {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that the server has closed takes nothing; the missing answer will show.
    fn send(&self, bytes: &[u8]) {
        let _ = self.stream.lock().unwrap_or_else(PoisonError::into_inner).write_all(bytes);
    }

    fn wait(&self, opaque: i32) {
        let waits = |heard: &mut Heard| !heard.is_closed && !heard.answers.contains_key(&opaque);
        drop(self.changed.wait_timeout_while(self.heard(), PATIENCE, waits));
    }

    fn read_all(&self, mut stream: TcpStream, script: &Script) -> Result<(), String> {
        while let Some(bytes) = next_frame(&mut stream)? {
            let frame = Frame::decode(&bytes)?;
            if frame.is_response() {
                self.heard().answers.insert(frame.opaque, frame);
                self.changed.notify_all();
            } else if let Some(answer) = script.answer(&frame) {
                self.send(&with_opaque(&answer, frame.opaque)?);
            }
        }
        Ok(())
    }
}

/// The next frame as it is; `None` when the connection has ended.
fn next_frame(stream: &mut TcpStream) -> Result<Option<Vec<u8>>, String> {
    let mut frame = vec![0; 4];
    if stream.read_exact(&mut frame).is_err() {
        return Ok(None);
    }
    let length = frame.first_chunk().copied().map_or(0, u32::from_be_bytes) as usize;
    if length > FRAME_SIZE_MAX {
        return Err(format!("a frame of {length} bytes"));
    }
    frame.resize(4 + length, 0);
    Ok(stream.read_exact(&mut frame[4..]).is_ok().then_some(frame))
}
