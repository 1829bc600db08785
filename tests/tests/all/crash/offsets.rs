//! The progress of groups: after a kill it is what was committed once, and not older than the last save.

use std::time::{Duration, Instant};

use tests::harness::remoting::RawClient;

use super::feature::{Depth, Feature, Round};

const TOPIC: &str = "CrashProgress";
const GROUP: &str = "crash-group";
const QUEUES: usize = 2;
/// `flushConsumerOffsetInterval`, and when a broker saves first.
const INTERVAL: Duration = Duration::from_millis(super::SAVE_INTERVAL_MS);
const FIRST_SAVE: Duration = Duration::from_secs(10);
/// For the save itself, on a busy machine.
const SLACK: Duration = Duration::from_secs(2);

#[derive(Default)]
pub struct Offsets {
    queues: [Progress; QUEUES],
    commits: usize,
    saved_rounds: usize,
}

/// Values are committed in rising order, so comparing them tells older from newer.
#[derive(Default)]
struct Progress {
    /// The last value that was sent, answered or not.
    sent: i64,
    /// A value that is saved for sure.
    saved: i64,
}

impl Feature for Offsets {
    fn prepare(&mut self, client: &mut RawClient) {
        client.create_topic(TOPIC, QUEUES as u32).expect("the topic is made");
    }

    fn load(&mut self, round: &Round<'_>, mut random: fastrand::Rng) {
        let started = Instant::now();
        let mut client = round.connect();
        let mut answered: Vec<(Instant, usize, i64)> = Vec::new();
        loop {
            let queue = random.usize(0..QUEUES);
            let value = self.queues[queue].sent + random.i64(1..5);
            self.queues[queue].sent = value;
            if let Err(error) = client.commit(GROUP, TOPIC, queue as i32, value) {
                round.check_end(&format!("commit {value}"), &error);
                break;
            }
            answered.push((Instant::now(), queue, value));
            self.commits += 1;
            round.grant();
        }
        // The save that came last began after these were answered.
        let surely_saved = Instant::now() - INTERVAL - SLACK;
        if surely_saved > started + FIRST_SAVE {
            self.saved_rounds += 1;
            for (_, queue, value) in answered.iter().filter(|(at, ..)| *at < surely_saved) {
                self.queues[*queue].saved = *value;
            }
        }
    }

    fn verify(&mut self, client: &mut RawClient, _depth: Depth) {
        for (queue, progress) in self.queues.iter_mut().enumerate() {
            let found = client.committed(GROUP, TOPIC, queue as i32).expect("an answer");
            // A group without progress is told to begin at 0 as long as the queue is young.
            let found = found.unwrap_or(0);
            let allowed = progress.saved..=progress.sent;
            assert!(allowed.contains(&found), "progress of queue {queue} is {found}, allowed {allowed:?}");
            // It was read from the file, whose content never gets older.
            progress.saved = found;
        }
    }

    fn account(&self) -> String {
        format!("{} commits, {} rounds with a save", self.commits, self.saved_rounds)
    }
}
