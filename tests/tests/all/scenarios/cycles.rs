//! Brokers beside each other, and one after the other.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use libbroker::embed::{self, Embedded, MessageQuery, NewMessage, Options};
use tests::harness::process::{Process, Runtime};
use tests::harness::remoting::{RawClient, SUCCESS};
use tests::harness::{Scratch, machine};

use super::TIMEOUT;
use super::server::{Server, on_free_ports, temporary};

const TOPIC: &str = "Same";
const WARM_UP: usize = 100;
const CYCLES: usize = 1000;
const PROCESSES: usize = 100;
/// Half of the starts are to be ready after this. On an idle machine it is 1 ms in a process that is there, and 5 ms for a new one,
/// so that other tests beside this one do not fail it.
const START_P50_MAX: Duration = Duration::from_millis(50);
/// The time of a process as seen from another one is also that of whatever else runs here. Its time on a processor is its own.
const LOADED_MACHINE: u32 = 5;
/// Longer than all cycles take on a slow machine.
const CYCLES_TIMEOUT: Duration = Duration::from_secs(300);
/// Less than one page in each cycle.
const GROWTH_MAX_MIB: f64 = 3.5;
const GET_BROKER_RUNTIME_INFO: i32 = 28;

pub(super) fn two_brokers_in_one_process() {
    let [one, two] = [1, 2].map(|_| embed::start(Options::new()).unwrap());
    let [mut to_one, mut to_two] = [&one, &two].map(connect);
    for (broker, raw, text) in [(&one, &mut to_one, "one"), (&two, &mut to_two, "two")] {
        broker.create_topic(TOPIC, 1).unwrap();
        broker.send(&NewMessage::new(TOPIC, text)).unwrap();
        raw.send(TOPIC, 0, "", format!("{text} from outside").as_bytes()).unwrap();
    }
    assert_eq!(bodies(&one), ["one", "one from outside"]);
    assert_eq!(bodies(&two), ["two", "two from outside"]);
    one.stop(TIMEOUT).unwrap();
    to_two.send(TOPIC, 0, "", b"two goes on").unwrap();
    assert_eq!(bodies(&two), ["two", "two from outside", "two goes on"]);
    two.stop(TIMEOUT).unwrap();
}

fn connect(broker: &Embedded) -> RawClient {
    RawClient::connect(&broker.address().unwrap().to_string(), TIMEOUT).unwrap()
}

fn bodies(broker: &Embedded) -> Vec<String> {
    broker.wait_for(TOPIC, 2, TIMEOUT).unwrap();
    let messages = broker.messages(&MessageQuery::new(TOPIC)).unwrap();
    messages.iter().map(|message| String::from_utf8(message.body.to_vec()).unwrap()).collect()
}

/// In a process of their own, whose files, threads and memory are counted, and then as processes.
pub(super) fn thousand_start_stop_cycles() {
    const MARK: &str = "TEST_ALONE";
    if std::env::var_os(MARK).is_some() {
        return cycles_in_this_process();
    }
    let scratch = Scratch::new("scenario-cycles");
    let mut alone = Command::new(std::env::current_exe().unwrap());
    alone.args(["--exact", "scenarios::thousand_start_stop_cycles", "--nocapture"]).env(MARK, "1");
    alone.env("TMPDIR", temporary(&scratch));
    let mut alone = Process::spawn("cycles", Runtime::Native, alone, scratch.path());
    let status = alone.wait(CYCLES_TIMEOUT);
    let account = alone.account();
    assert!(status.success() && account.contains("1 passed"), "{status}\n{account}");
    assert_eq!(fs::read_dir(temporary(&scratch)).unwrap().count(), 0);
    eprintln!("{account}");
    cycles_of_processes(&scratch);
}

fn cycles_in_this_process() {
    for number in 0..WARM_UP {
        cycle(number);
    }
    let before = Usage::now();
    let mut starts = Starts::default();
    for number in 0..CYCLES {
        starts.push(cycle(number));
    }
    let after = Usage::now();
    eprintln!("in one process: {starts}; before {before:?}, after {after:?}");
    assert_eq!((after.files, after.threads), (before.files, before.threads));
    assert!(after.resident_mib - before.resident_mib < GROWTH_MAX_MIB, "{before:?}, {after:?}");
    assert!(half(&starts.walls) < START_P50_MAX, "{starts}");
}

/// Starts, uses every tenth and stops.
fn cycle(number: usize) -> Start {
    let own = std::process::id();
    let (began, cpu_before) = (Instant::now(), machine::cpu_time(own));
    let broker = embed::start(Options::new()).unwrap();
    let start = Start { wall: began.elapsed(), cpu: machine::cpu_time(own).saturating_sub(cpu_before) };
    if number.is_multiple_of(10) {
        broker.send(&NewMessage::new(TOPIC, "from inside")).unwrap();
        connect(&broker).send(TOPIC, 0, "", b"from outside").unwrap();
    }
    broker.stop(TIMEOUT).unwrap();
    start
}

fn cycles_of_processes(scratch: &Scratch) {
    let mut starts = Starts::default();
    for _ in 0..PROCESSES {
        let mut command = on_free_ports(scratch);
        command.arg("--dev");
        let began = Instant::now();
        let server = Server::start(command, scratch);
        let answer = server.connect().call(GET_BROKER_RUNTIME_INFO, &[], b"").unwrap();
        assert_eq!(answer.code, SUCCESS, "{}", answer.remark);
        starts.push(Start { wall: began.elapsed(), cpu: machine::cpu_time(server.process.id()) });
        server.stop();
    }
    assert_eq!(fs::read_dir(temporary(scratch)).unwrap().count(), 0);
    eprintln!("as processes: {starts}");
    assert!(half(&starts.cpus) < START_P50_MAX, "{starts}");
    assert!(half(&starts.walls) < LOADED_MACHINE * START_P50_MAX, "{starts}");
}

/// What this process has.
#[derive(Debug)]
struct Usage {
    files: usize,
    threads: usize,
    resident_mib: f64,
}

impl Usage {
    fn now() -> Self {
        let entries = |folder: &str| fs::read_dir(folder).unwrap().count();
        Usage {
            files: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
            resident_mib: machine::rss_mib(std::process::id()),
        }
    }
}

/// What a start took until it was ready.
struct Start {
    wall: Duration,
    cpu: Duration,
}

#[derive(Default)]
struct Starts {
    walls: Vec<Duration>,
    cpus: Vec<Duration>,
}

impl Starts {
    fn push(&mut self, start: Start) {
        self.walls.push(start.wall);
        self.cpus.push(start.cpu);
    }
}

impl std::fmt::Display for Starts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (wall, cpu) = (half(&self.walls), half(&self.cpus));
        let most = self.walls.iter().max().copied().unwrap_or_default();
        write!(f, "{} starts, half of them in {wall:?} ({cpu:?} of CPU), all in {most:?}", self.walls.len())
    }
}

fn half(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2]
}
