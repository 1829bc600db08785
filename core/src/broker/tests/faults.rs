//! A whole broker on a disk that fails at one operation, once: it does not start, or every request is answered; and what it granted is
//! there when it starts again on a disk that works.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::error::ErrorKind;
use crate::mmap::disk::Operation;

const SMALL_FILES: [(&str, &str); 6] = [
    ("flushDiskType", "SYNC_FLUSH"),
    ("mappedFileSizeCommitLog", "8192"),
    ("mappedFileSizeConsumeQueue", "200"),
    ("maxHashSlotNum", "20"),
    ("maxIndexNum", "20"),
    ("messageDelayLevel", "1s"),
];

fn start(io: &IoThreads, folder: &Path, disk: Disk) -> Result<Broker> {
    let base = [("storePathRootDir", folder.to_str().unwrap()), ("listenPort", "0")];
    let config = Config::with_properties(Profile::Embedded, &[&base[..], &SMALL_FILES].concat()).unwrap();
    let parts = BrokerParts {
        config: LiveConfig::with_file(config, None),
        bind: Ipv4Addr::LOCALHOST.into(),
        announced: None,
        clock: Clock::system(),
        disk,
        local: None,
        faults: Faults::default(),
    };
    Broker::start(io, parts)
}

fn connect(broker: &Broker) -> Client {
    let stream = TcpStream::connect(broker.address()).unwrap();
    stream.set_nodelay(true).unwrap();
    Client { stream, buffer: BytesMut::new(), opaque: 0 }
}

/// Fails the `number`-th operation of all (from 0), and counts them.
fn failing(number: usize) -> (Disk, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let plan = move |_: Operation, _: &Path| {
        (counted.fetch_add(1, Ordering::SeqCst) == number).then(|| io::Error::from_raw_os_error(libc::EIO))
    };
    (Disk::failing(Arc::new(plan)), count)
}

/// Topic, place and body of what was granted.
type Granted = Vec<(&'static str, i64, String)>;

/// What clients do. Every request is answered, if with a refusal.
fn work(broker: &Broker) -> Granted {
    let mut client = connect(broker);
    let mut granted = Granted::new();
    let topic = |topic| {
        [
            ("topic", topic),
            ("defaultTopic", "TBW102"),
            ("readQueueNums", "1"),
            ("writeQueueNums", "1"),
            ("perm", "6"),
        ]
    };
    client.ask(17, &topic("Made"), b"");
    for number in 0..24 {
        let name = ["Made", "Auto"][number % 2];
        let body = format!("{number} {}", "x".repeat(700));
        let properties = if number % 8 == 7 { "DELAY\u{1}1\u{2}" } else { "KEYS\u{1}k\u{2}" };
        let answer = client.ask(10, &send_fields(name, properties), body.as_bytes());
        if answer.code == 0 && number % 8 != 7 {
            let place = answer.ext.get("queueOffset").unwrap().parse().unwrap();
            granted.push((name, place, body));
        }
        let commit = [("consumerGroup", "g"), ("topic", name), ("queueId", "0"), ("commitOffset", "1")];
        client.ask(15, &commit, b"");
    }
    client.ask(17, &topic("Made"), b"");
    assert_eq!(client.ask(30, &[("topic", "Made"), ("queueId", "0")], b"").code, 0);
    granted
}

fn send_fields<'a>(topic: &'a str, properties: &'a str) -> [(&'static str, &'a str); 9] {
    [
        ("producerGroup", "p"),
        ("topic", topic),
        ("defaultTopic", "TBW102"),
        ("defaultTopicQueueNums", "1"),
        ("queueId", "0"),
        ("sysFlag", "0"),
        ("bornTimestamp", "1"),
        ("flag", "0"),
        ("properties", properties),
    ]
}

fn check(broker: &Broker, granted: &Granted, what: &str) {
    let mut client = connect(broker);
    for (topic, place, body) in granted {
        client.begin_pull(topic, *place, Duration::ZERO);
        let answer = client.next(LONG).expect("an answer");
        assert_eq!(answer.code, 0, "{what}: {topic} {place}: {:?}", answer.remark);
        let first = answer.body.get(88..88 + body.len());
        assert_eq!(first, Some(body.as_bytes()), "{what}: {topic} {place}");
    }
}

#[test]
fn faults_of_the_disk_are_answered_and_lose_nothing() {
    let io = IoThreads::start(1).unwrap();
    let memory = Path::new("/dev/shm");
    for number in 0.. {
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let what = format!("operation {number}");
        let (disk, count) = failing(number);
        let granted = match start(&io, folder.path(), disk) {
            Ok(broker) => {
                let granted = work(&broker);
                assert!(broker.problem().is_none_or(|problem| !problem.contains("panicked")), "{what}");
                let _ = broker.stop(Duration::ZERO);
                granted
            }
            Err(error) => {
                assert!([ErrorKind::Io, ErrorKind::DiskFull].contains(&error.kind()), "{what}: {error}");
                Granted::new()
            }
        };
        let broker =
            start(&io, folder.path(), Disk::real()).unwrap_or_else(|error| panic!("{what}: {error}"));
        check(&broker, &granted, &what);
        broker.stop(Duration::ZERO).unwrap_or_else(|error| panic!("{what}: {error}"));
        if count.load(Ordering::SeqCst) <= number {
            assert!(number > 100 && granted.len() == 21, "{what}: {}", granted.len());
            break;
        }
    }
    io.stop();
}
