//! Old files go from a running broker: asked for by the admin tool, under a kill, on a disk that fills up; what stays is whole, for
//! ours and for Java.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use tests::harness::mqadmin::Mqadmin;
use tests::harness::remoting::{RawClient, eventually};
use tests::harness::servers::CLUSTER;
use tests::harness::small_disk::SmallDisk;
use tests::harness::{Broker, BrokerOptions, Cluster, Flavor, NameServer, Scratch};

const TOPIC: &str = "Retained";
const TIMEOUT: Duration = Duration::from_secs(20);
const FILE_BYTES: i64 = 256 << 10;
const BODY_BYTES: usize = 8 << 10;
/// DELETE_EXPIRED_COMMITLOG.
const DELETE_EXPIRED: i32 = 329;
/// Small files, all of which have expired as soon as they are written.
const PROPERTIES: [(&str, &str); 9] = [
    ("mappedFileSizeCommitLog", "262144"),
    ("mappedFileSizeConsumeQueue", "400"),
    ("maxHashSlotNum", "100"),
    ("maxIndexNum", "40"),
    ("fileReservedTime", "0"),
    ("deleteCommitLogFilesInterval", "1"),
    ("deleteConsumeQueueFilesInterval", "0"),
    ("flushCommitLogTimed", "false"),
    ("flushIntervalCommitLog", "10"),
];

#[test]
fn mqadmin_deletes_what_has_expired() {
    let properties: Vec<_> = PROPERTIES.into_iter().chain([("cleanResourceInterval", "100")]).collect();
    let mut cluster = Cluster::start_with("retention", &properties);
    let mqadmin = Mqadmin::new(&cluster.namesrv.address(), &cluster.scratch.dir("mqadmin"));
    let mut client = connect(&cluster.broker);
    client.create_topic(TOPIC, 1).unwrap();
    for topic in ["Quiet", "Unused"] {
        client.create_topic(topic, 1).unwrap();
        client.send(topic, 0, "", b"early").unwrap();
    }
    (0..300).for_each(|number| send(&mut client, number));
    let store = cluster.broker.options().store.clone();
    assert!(count(&store.join("commitlog")) > 8);
    assert_eq!(client.query(TOPIC, "key-0").unwrap().len(), 1);

    mqadmin.run("deleteExpiredCommitLog", &["-c", CLUSTER]);
    // One file stays, and the next one is made ahead of its time.
    eventually("old files are gone", TIMEOUT, || (count(&store.join("commitlog")) <= 2).then_some(()));
    let first = eventually("queues follow", TIMEOUT, || {
        let first = client.min_offset(TOPIC, 0).unwrap();
        (first > 250 && count(&store.join("consumequeue").join(TOPIC).join("0")) <= 3).then_some(first)
    });
    assert!(count(&store.join("index")) <= 2);
    expect_whole(&mut client, first, 300);
    assert_eq!(client.query(TOPIC, "key-0").unwrap().len(), 0);

    mqadmin.run("cleanExpiredCQ", &["-c", CLUSTER]);
    assert_eq!((client.min_offset("Quiet", 0).unwrap(), client.max_offset("Quiet", 0).unwrap()), (1, 1));
    expect_whole(&mut client, first, 300);

    // A topic without a configuration: nobody but cleanUnusedTopic removes its queues.
    cluster.broker.stop();
    let topics = store.join("config/topics.json");
    let text = fs::read_to_string(&topics).unwrap();
    fs::write(&topics, text.replace("\"Unused\"", "\"Renamed\"")).unwrap();
    cluster.broker.start_again();
    assert!(store.join("consumequeue/Unused").is_dir());
    mqadmin.run("cleanUnusedTopic", &["-c", CLUSTER]);
    assert!(!store.join("consumequeue/Unused").exists());
    let mut client = connect(&cluster.broker);
    expect_whole(&mut client, first, 300);
    send(&mut client, 300);
    assert_eq!(client.send("Quiet", 0, "", b"late").unwrap().queue_offset, 1, "its place is remembered");
    expect_whole(&mut client, first, 301);
    cluster.broker.stop();
}

/// Killed at some moment while files go, over and over; at the end Java opens what is left, and ours what Java added.
#[test]
fn a_kill_while_files_go_loses_nothing_else() {
    let mut cluster = Cluster::start_with("retention-kill", &PROPERTIES);
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    connect(&cluster.broker).create_topic(TOPIC, 1).unwrap();
    let (mut sent, mut first) = (0, 0);
    for _ in 0..8 {
        let mut client = connect(&cluster.broker);
        for _ in 0..200 {
            send(&mut client, sent);
            sent += 1;
        }
        assert_eq!(client.call(DELETE_EXPIRED, &[], b"").unwrap().code, 0);
        thread::sleep(Duration::from_micros(random.u64(0..80_000)));
        cluster.broker.kill9();
        cluster.broker.start_again();
        let mut client = connect(&cluster.broker);
        let from = client.min_offset(TOPIC, 0).unwrap();
        assert!(from >= first, "{from} behind {first}");
        first = from;
        expect_whole(&mut client, first, sent);
    }
    assert!(first > 0, "no kill came late enough");
    let mut client = connect(&cluster.broker);
    first = eventually("all but one file go", TIMEOUT, || {
        client.call(DELETE_EXPIRED, &[], b"").unwrap();
        let first = client.min_offset(TOPIC, 0).unwrap();
        (sent - first <= FILE_BYTES / BODY_BYTES as i64).then_some(first)
    });
    expect_whole(&mut client, first, sent);
    cluster.broker.stop();

    let options = cluster.broker.options().clone();
    let ours = options.flavor;
    let mut java = Broker::start(BrokerOptions { flavor: Flavor::Java, ..options.clone() });
    let mut client = connect(&java);
    assert_eq!(client.min_offset(TOPIC, 0).unwrap(), first);
    expect_whole(&mut client, first, sent);
    send(&mut client, sent);
    java.stop();
    let mut broker = Broker::start(BrokerOptions { flavor: ours, ..options });
    expect_whole(&mut connect(&broker), first, sent + 1);
    broker.stop();
}

/// More is sent than the disk holds. Above the level that forces deletion old files go, however young, and sends succeed again.
#[test]
fn a_disk_that_fills_up_is_cleaned_and_takes_sends_again() {
    const DISK_BYTES: usize = 64 << 20;
    let scratch = Scratch::new("retention-disk");
    let disk = SmallDisk::new(&scratch.dir("disk"), DISK_BYTES as u64);
    let namesrv = NameServer::start(Flavor::Ours, &scratch.dir("namesrv"));
    let options = BrokerOptions {
        flavor: Flavor::Ours,
        namesrv: namesrv.address(),
        store: disk.path().join("store"),
        home: scratch.dir("broker"),
        properties: Vec::new(),
    };
    let options = options
        .with("mappedFileSizeCommitLog", 2 << 20)
        .with("mappedFileSizeConsumeQueue", 4000)
        .with("maxHashSlotNum", 100)
        .with("maxIndexNum", 2000)
        .with("cleanResourceInterval", 200)
        .with("diskMaxUsedSpaceRatio", 75)
        .with("flushCommitLogTimed", false)
        .with("flushIntervalCommitLog", 50);
    let mut broker = Broker::start(options);
    let mut client = connect(&broker);
    client.create_topic(TOPIC, 1).unwrap();
    let (mut sent, mut refused) = (0, 0);
    while sent as usize * BODY_BYTES < 2 * DISK_BYTES {
        eventually("sends go on", TIMEOUT, || match try_send(&mut client, sent) {
            Ok(()) => Some(()),
            Err(error) => {
                assert!(error.to_string().contains("code 14"), "{error}\n{}", broker.account());
                refused += 1;
                None
            }
        });
        sent += 1;
    }
    assert!(refused > 0, "the disk was never full");
    let first = client.min_offset(TOPIC, 0).unwrap();
    assert!(first > 0);
    broker.stop();
    broker.start_again();
    let mut client = connect(&broker);
    let first = client.min_offset(TOPIC, 0).unwrap().max(first);
    expect_whole(&mut client, first, sent);
    broker.stop();
}

fn connect(broker: &Broker) -> RawClient {
    RawClient::connect(&broker.address(), TIMEOUT).unwrap()
}

fn send(client: &mut RawClient, number: i64) {
    try_send(client, number).unwrap();
}

fn try_send(client: &mut RawClient, number: i64) -> std::io::Result<()> {
    let sent = client.send(TOPIC, 0, &format!("KEYS\x01key-{number}"), &body(number))?;
    assert_eq!(sent.queue_offset, number);
    Ok(())
}

fn body(number: i64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(number as u64);
    std::iter::repeat_with(|| random.u8(..)).take(BODY_BYTES).collect()
}

/// Every message from `first` to `end`, by place and by key.
fn expect_whole(client: &mut RawClient, first: i64, end: i64) {
    eventually("the queue is complete", TIMEOUT, || {
        (client.max_offset(TOPIC, 0).unwrap() == end).then_some(())
    });
    let found = client.pull_queue(TOPIC, 0).unwrap();
    assert_eq!(found.first().map(|message| message.queue_offset), Some(first));
    assert_eq!(found.len() as i64, end - first);
    for (message, number) in found.iter().zip(first..) {
        assert!(message.body == body(number), "body of place {number}");
    }
    for number in [first, end - 1] {
        assert_eq!(client.query(TOPIC, &format!("key-{number}")).unwrap().len(), 1, "key of {number}");
    }
}

fn count(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}
