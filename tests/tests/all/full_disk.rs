//! A store on a file system that fills up: refusals instead of crashes, nothing acknowledged is lost, and puts go on as soon as
//! there is room.
//!
//! `TEST_FULL_CYCLES` sets how often it is filled and given room again (3 unless set).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tests::harness::remoting::{RawClient, SUCCESS, eventually};
use tests::harness::small_disk::SmallDisk;
use tests::harness::stored_message::StoredMessage;
use tests::harness::{Broker, BrokerOptions, Flavor, NameServer, Scratch};

const TOPIC: &str = "FullDisk";
const TIMEOUT: Duration = Duration::from_secs(20);
const DISK_BYTES: u64 = 64 << 20;
const BALLAST_BYTES: usize = 8 << 20;
const BALLASTS: usize = 4;
const BODY_BYTES: usize = 32 << 10;
/// All that is given back in the course of the cycles, and what is left for the end.
const CYCLED_BYTES: usize = 40 << 20;
const RESERVE_BYTES: usize = 1 << 20;
const DELETE_TOPIC_IN_BROKER: i32 = 215;
/// SERVICE_NOT_AVAILABLE.
const REFUSED: &str = "code 14";

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let scratch = Scratch::new("full-disk");
    let disk = SmallDisk::new(&scratch.dir("disk"), DISK_BYTES);
    let ballasts =
        (0..BALLASTS).map(|number| ballast(&disk.path(), number, BALLAST_BYTES)).collect::<Vec<_>>();
    let namesrv = NameServer::start(Flavor::Ours, &scratch.dir("namesrv"));
    let options = BrokerOptions {
        flavor: Flavor::Ours,
        namesrv: namesrv.address(),
        store: disk.path().join("store"),
        home: scratch.dir("broker"),
        properties: Vec::new(),
    };
    let mut broker = Broker::start(to_the_last_block(options).with("mappedFileSizeCommitLog", 4 << 20));
    let mut ledger = Ledger::default();
    connect(&broker).create_topic(TOPIC, 1).unwrap();

    ledger.send_until_refused(&broker);
    for ballast in ballasts {
        // Refused is not broken: the same process goes on, reads included, and needs no more than the room.
        assert!(ledger.send_one(&broker).unwrap_err().to_string().contains(REFUSED));
        ledger.verify(&broker);
        fs::remove_file(&ballast).unwrap();
        eventually("puts go on", TIMEOUT, || ledger.send_one(&broker).ok());
        let before = ledger.acknowledged.len();
        ledger.send_until_refused(&broker);
        let added = (ledger.acknowledged.len() - before) * BODY_BYTES;
        assert!(added >= BALLAST_BYTES / 4, "{added} bytes went into the room of {BALLAST_BYTES}");
    }

    // It also starts without any room, after an orderly stop and after a kill.
    broker.stop();
    broker.start_again();
    ledger.verify(&broker);
    broker.kill9();
    broker.start_again();
    ledger.verify(&broker);
    broker.stop();
}

/// The log, the queues and the index all run out of room, now this one first, now that one.
#[test]
fn a_disk_that_fills_up_again_and_again() {
    let cycles = std::env::var("TEST_FULL_CYCLES").map_or(3, |text| text.parse().unwrap());
    let scratch = Scratch::new("full-disk-cycles");
    let disk = SmallDisk::new(&scratch.dir("disk"), DISK_BYTES);
    let bytes = CYCLED_BYTES / cycles;
    let mut ballasts = (0..cycles).map(|number| ballast(&disk.path(), number, bytes)).collect::<Vec<_>>();
    let reserve = ballast(&disk.path(), cycles, RESERVE_BYTES);
    let namesrv = NameServer::start(Flavor::Ours, &scratch.dir("namesrv"));
    let options = BrokerOptions {
        flavor: Flavor::Ours,
        namesrv: namesrv.address(),
        store: disk.path().join("store"),
        home: scratch.dir("broker"),
        properties: Vec::new(),
    };
    let options = to_the_last_block(options);
    let options = options.with("mappedFileSizeCommitLog", 256 << 10).with("mappedFileSizeConsumeQueue", 4000);
    let mut broker = Broker::start(options.with("maxHashSlotNum", 500).with("maxIndexNum", 300));
    let mut ledger = Ledger { has_keys: true, body_bytes: 4 << 10, ..Ledger::default() };
    connect(&broker).create_topic(TOPIC, 1).unwrap();

    ledger.send_until_refused(&broker);
    let other = format!("{TOPIC}-other");
    while let Some(ballast) = ballasts.pop() {
        assert!(ledger.send_one(&broker).unwrap_err().to_string().contains(REFUSED));
        // Reads go on, and so does what else is asked.
        assert!(!connect(&broker).pull(TOPIC, 0, 0).unwrap().is_empty());
        connect(&broker).commit("full-disk-group", TOPIC, 0, 1).unwrap();
        fs::remove_file(&ballast).unwrap();
        eventually("puts go on", TIMEOUT, || ledger.send_one(&broker).ok());
        ledger.verify_since(&broker, ledger.acknowledged.len().saturating_sub(500));
        if ballasts.len() % 3 == 0 {
            // A topic comes and goes: its queues take room, and give it back.
            connect(&broker).create_topic(&other, 4).unwrap();
            for queue in 0..4 {
                connect(&broker).send(&other, queue, "", b"soon gone").unwrap();
            }
            let deleted = connect(&broker).call(DELETE_TOPIC_IN_BROKER, &[("topic", &other)], b"").unwrap();
            assert_eq!(deleted.code, SUCCESS, "{}", deleted.remark);
        }
        ledger.send_until_refused(&broker);
        assert!(broker.is_running());
    }
    fs::remove_file(&reserve).unwrap();
    eventually("puts go on", TIMEOUT, || ledger.send_one(&broker).ok());
    ledger.verify(&broker);
    broker.stop();
    broker.start_again();
    ledger.verify(&broker);
    broker.kill9();
    broker.start_again();
    ledger.verify(&broker);
    ledger.verify_keys(&broker);
    broker.stop();
    eprintln!("full disk: {cycles} cycles, {} messages acknowledged", ledger.acknowledged.len());
}

/// Nothing is deleted and no share of the disk refuses: what is tested is a disk without a block.
fn to_the_last_block(options: BrokerOptions) -> BrokerOptions {
    let options = options.with("cleanFileForciblyEnable", false);
    options.with("rocketmq.broker.diskSpaceWarningLevelRatio", "1.0")
}

/// A file that takes up room until it is removed.
fn ballast(folder: &Path, number: usize, bytes: usize) -> PathBuf {
    let path = folder.join(format!("ballast-{number}"));
    fs::write(&path, vec![0xff; bytes]).unwrap();
    fs::File::open(&path).and_then(|file| file.sync_all()).unwrap();
    path
}

fn connect(broker: &Broker) -> RawClient {
    RawClient::connect(&broker.address(), TIMEOUT).unwrap()
}

/// What was acknowledged, in the order of the queue.
struct Ledger {
    acknowledged: Vec<usize>,
    next: usize,
    has_keys: bool,
    body_bytes: usize,
}

impl Default for Ledger {
    fn default() -> Self {
        Ledger { acknowledged: Vec::new(), next: 0, has_keys: false, body_bytes: BODY_BYTES }
    }
}

impl Ledger {
    fn send_one(&mut self, broker: &Broker) -> io::Result<()> {
        self.send_with(&mut connect(broker))
    }

    fn send_with(&mut self, client: &mut RawClient) -> io::Result<()> {
        let number = self.next;
        self.next += 1;
        let properties = if self.has_keys { format!("KEYS\u{1}{number}\u{2}") } else { String::new() };
        let offset = client.send(TOPIC, 0, &properties, &self.body(number))?.queue_offset;
        assert_eq!(offset, self.acknowledged.len() as i64, "a refused message took a place");
        self.acknowledged.push(number);
        Ok(())
    }

    fn send_until_refused(&mut self, broker: &Broker) {
        let mut client = connect(broker);
        let error = loop {
            if let Err(error) = self.send_with(&mut client) {
                break error;
            }
            let bytes = self.acknowledged.len() * self.body_bytes;
            assert!(bytes < DISK_BYTES as usize, "more than the disk holds");
        };
        assert!(error.to_string().contains(REFUSED), "{error}\n{}", broker.account());
    }

    fn body(&self, number: usize) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(number as u64);
        std::iter::repeat_with(|| random.u8(..)).take(self.body_bytes).collect()
    }

    fn verify(&self, broker: &Broker) {
        self.verify_since(broker, 0);
    }

    fn verify_since(&self, broker: &Broker, first: usize) {
        let mut client = connect(broker);
        let end = self.acknowledged.len();
        eventually("the queue is complete", TIMEOUT, || {
            (client.max_offset(TOPIC, 0).unwrap() == end as i64).then_some(())
        });
        let mut place = first;
        while place < end {
            let found = client.pull(TOPIC, 0, place as i64).unwrap();
            assert!(!found.is_empty(), "nothing at {place} of {end}");
            for message in found {
                assert_eq!(message.queue_offset, place as i64);
                assert!(message.body == self.body(self.acknowledged[place]), "body of place {place}");
                place += 1;
            }
        }
    }

    fn verify_keys(&self, broker: &Broker) {
        let mut client = connect(broker);
        for (place, number) in self.acknowledged.iter().enumerate().step_by(37) {
            let found = client.query(TOPIC, &number.to_string()).unwrap();
            let is_it = |found: &StoredMessage| found.queue_offset == place as i64;
            assert!(found.iter().any(is_it), "place {place} by its key {number}");
        }
    }
}
