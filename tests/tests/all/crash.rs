//! `kill -9` under mixed load, over and over. After every one: no acknowledged message is lost, no place in a queue is given out
//! twice, what was readable stays readable and unchanged, and the start is clean. What else holds, each kind of load knows:
//! see [`feature`] for the list.
//!
//! Killing a process takes nothing from the page cache: with asynchronous flushing, too, what was acknowledged must be there.
//!
//! `TEST_CRASH_ROUNDS` sets the number of kills (12 unless set, 6 for the Java servers, which start slowly); `TEST_SEED` repeats
//! the random choices of an earlier run.

mod delays;
mod deliveries;
mod feature;
pub(super) mod identity;
mod offsets;
pub(super) mod requests;
mod send_backs;
mod sends;
mod topics;
mod transactions;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tests::harness::remoting::{RawClient, eventually};
use tests::harness::{Cluster, Flavor};

use feature::{Depth, Feature, Round, TIMEOUT};

/// Small, so that kills also hit while files are rolled.
const LOG_FILE_BYTES: i64 = 1 << 20;
/// The three levels.
const DELAYS_MS: [i64; 3] = [1000, 2000, 4000];
/// `flushConsumerOffsetInterval`.
const SAVE_INTERVAL_MS: u64 = 1000;
/// One round of these lasts until tables have been saved by time.
const LONG_ROUND_EVERY: usize = 50;
const LONG_ROUND: usize = 3;
const LONG_ROUND_TIME: Duration = Duration::from_millis(13_500);
/// Stopped in order after as many rounds: the next kill then meets a store that was not recovered.
const STOP_EVERY: usize = 8;

#[test]
fn kill_9_under_load_with_async_flush() {
    crash_loop("crash-async", "ASYNC_FLUSH");
}

#[test]
fn kill_9_under_load_with_sync_flush() {
    crash_loop("crash-sync", "SYNC_FLUSH");
}

fn crash_loop(name: &str, flush: &str) {
    let seed = std::env::var("TEST_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    eprintln!("{name}: TEST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let properties = [
        ("flushDiskType", flush),
        ("mappedFileSizeCommitLog", &LOG_FILE_BYTES.to_string()),
        ("mappedFileSizeConsumeQueue", "20000"),
        ("maxMessageSize", "65536"),
        ("messageDelayLevel", "1s 2s 4s"),
        ("flushConsumerOffsetInterval", &SAVE_INTERVAL_MS.to_string()),
        ("enableConsumeQueueExt", "true"),
        ("enableCalcFilterBitMap", "true"),
    ];
    let mut cluster = Cluster::start_with(name, &properties);
    let mut features = feature::all();
    for feature in &mut features {
        feature.prepare(&mut connect(&cluster));
    }
    let (rounds, started) = (rounds(), Instant::now());
    for round in 0..rounds {
        load_and_kill(&mut cluster, &mut features, round, &mut random);
        if round % 5 == 4 {
            // Killed again while it recovers.
            cluster.broker.launch();
            thread::sleep(Duration::from_millis(random.u64(0..150)));
            cluster.broker.kill9();
        }
        cluster.broker.start_again();
        verify(&cluster, &mut features, Depth::Recent);
        if round % STOP_EVERY == STOP_EVERY - 1 {
            cluster.broker.stop();
            cluster.broker.start_again();
        }
    }
    verify(&cluster, &mut features, Depth::Everything);
    // An orderly stop removes the abort marker (`stop` looks), and the start after it has nothing to recover.
    cluster.broker.stop();
    cluster.broker.start_again();
    verify(&cluster, &mut features, Depth::Everything);
    cluster.broker.stop();
    let accounts: Vec<String> = features.iter().map(|feature| feature.account()).collect();
    eprintln!("{name}: {rounds} kills in {} s: {}", started.elapsed().as_secs(), accounts.join("; "));
}

fn rounds() -> usize {
    let given = std::env::var("TEST_CRASH_ROUNDS")
        .ok()
        .map(|text| text.parse().expect("TEST_CRASH_ROUNDS is a number"));
    given.unwrap_or(match Flavor::under_test() {
        Flavor::Ours => 12,
        Flavor::Java => 6,
    })
}

fn connect(cluster: &Cluster) -> RawClient {
    RawClient::connect(&cluster.broker.address(), TIMEOUT).expect("the broker accepts connections")
}

fn verify(cluster: &Cluster, features: &mut [Box<dyn Feature>], depth: Depth) {
    let mut client = connect(cluster);
    features.iter_mut().for_each(|feature| feature.verify(&mut client, depth));
}

/// Lets every feature work for a random while and kills the broker under them.
fn load_and_kill(
    cluster: &mut Cluster,
    features: &mut [Box<dyn Feature>],
    number: usize,
    random: &mut fastrand::Rng,
) {
    let address = cluster.broker.address();
    let (killed, granted) = (AtomicBool::new(false), AtomicUsize::new(0));
    let is_long = number % LONG_ROUND_EVERY == LONG_ROUND;
    let (while_loaded, pause) = match is_long {
        true => (LONG_ROUND_TIME, Duration::from_millis(3)),
        false => (Duration::from_millis(random.u64(20..400)), Duration::ZERO),
    };
    let round = Round { number, address: &address, pause, killed: &killed, granted: &granted };
    let enough = 2 * features.len();
    thread::scope(|scope| {
        for feature in features {
            let (round, random) = (&round, random.fork());
            scope.spawn(move || feature.load(round, random));
        }
        eventually("the load begins", TIMEOUT, || (granted.load(Ordering::Relaxed) >= enough).then_some(()));
        thread::sleep(while_loaded);
        killed.store(true, Ordering::Relaxed);
        cluster.broker.kill9();
    });
}
