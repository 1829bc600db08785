//! A store on a file system that fills up: refusals instead of crashes, nothing acknowledged is lost, and puts go on as soon as
//! there is room.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tests::harness::remoting::{RawClient, eventually};
use tests::harness::small_disk::SmallDisk;
use tests::harness::{Broker, BrokerOptions, Flavor, NameServer, Scratch};

const TOPIC: &str = "FullDisk";
const TIMEOUT: Duration = Duration::from_secs(20);
const DISK_BYTES: u64 = 64 << 20;
const BALLAST_BYTES: usize = 8 << 20;
const BALLASTS: usize = 4;
const BODY_BYTES: usize = 32 << 10;
/// SERVICE_NOT_AVAILABLE.
const REFUSED: &str = "code 14";

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let scratch = Scratch::new("full-disk");
    let disk = SmallDisk::new(&scratch.dir("disk"), DISK_BYTES);
    let ballasts = (0..BALLASTS).map(|number| ballast(&disk.path(), number)).collect::<Vec<_>>();
    let namesrv = NameServer::start(Flavor::Ours, &scratch.dir("namesrv"));
    let options = BrokerOptions {
        flavor: Flavor::Ours,
        namesrv: namesrv.address(),
        store: disk.path().join("store"),
        home: scratch.dir("broker"),
        properties: Vec::new(),
    };
    let mut broker = Broker::start(options.with("mappedFileSizeCommitLog", 4 << 20));
    let mut ledger = Ledger::default();
    connect(&broker).create_topic(TOPIC, 1).unwrap();

    ledger.send_until_refused(&broker);
    for ballast in ballasts {
        // Refused is not broken: the same process goes on, reads included, and needs no more than the room.
        assert!(send(&mut connect(&broker), ledger.next).unwrap_err().to_string().contains(REFUSED));
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

/// A file that takes up room until it is removed.
fn ballast(folder: &Path, number: usize) -> PathBuf {
    let path = folder.join(format!("ballast-{number}"));
    fs::write(&path, vec![0xff; BALLAST_BYTES]).unwrap();
    fs::File::open(&path).and_then(|file| file.sync_all()).unwrap();
    path
}

fn connect(broker: &Broker) -> RawClient {
    RawClient::connect(&broker.address(), TIMEOUT).unwrap()
}

fn send(client: &mut RawClient, number: usize) -> io::Result<i64> {
    client.send(TOPIC, 0, "", &body(number)).map(|sent| sent.queue_offset)
}

fn body(number: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(number as u64);
    std::iter::repeat_with(|| random.u8(..)).take(BODY_BYTES).collect()
}

/// What was acknowledged, in the order of the queue.
#[derive(Default)]
struct Ledger {
    acknowledged: Vec<usize>,
    next: usize,
}

impl Ledger {
    fn send_one(&mut self, broker: &Broker) -> io::Result<()> {
        self.send_with(&mut connect(broker))
    }

    fn send_with(&mut self, client: &mut RawClient) -> io::Result<()> {
        let number = self.next;
        self.next += 1;
        let offset = send(client, number)?;
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
            assert!(self.acknowledged.len() * BODY_BYTES < DISK_BYTES as usize, "more than the disk holds");
        };
        assert!(error.to_string().contains(REFUSED), "{error}\n{}", broker.account());
    }

    fn verify(&self, broker: &Broker) {
        let mut client = connect(broker);
        let end = self.acknowledged.len() as i64;
        eventually("the queue is complete", TIMEOUT, || {
            (client.max_offset(TOPIC, 0).unwrap() == end).then_some(())
        });
        let found = client.pull_queue(TOPIC, 0).unwrap();
        assert_eq!(found.len(), self.acknowledged.len());
        for (message, number) in found.iter().zip(&self.acknowledged) {
            assert!(message.body == body(*number), "body of place {}", message.queue_offset);
        }
    }
}
