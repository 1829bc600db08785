//! What a kind of load has to know and do, and the list of them.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tests::harness::Flavor;
use tests::harness::remoting::RawClient;

use super::delays::Delays;
use super::offsets::Offsets;
use super::send_backs::SendBacks;
use super::sends::Sends;
use super::topics::Topics;
use super::transactions::Transactions;

/// No call may take longer.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// How much of what is known is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What is new, and what lies shortly before it: recovery looks at the last files only.
    Recent,
    /// All of it; and what was promised for later is waited for.
    Everything,
}

/// A round as a feature sees it while it works.
#[derive(Debug)]
pub struct Round<'a> {
    /// Counted from 0.
    pub number: usize,
    /// Of the broker.
    pub address: &'a str,
    /// Between two requests of one connection, so that a long round does not fill the disk.
    pub pause: Duration,
    /// Set before the kill: from then on connections break.
    pub killed: &'a AtomicBool,
    /// Requests that were granted.
    pub granted: &'a AtomicUsize,
}

impl Round<'_> {
    /// A new connection to the broker.
    pub fn connect(&self) -> RawClient {
        RawClient::connect(self.address, TIMEOUT).expect("the broker accepts connections")
    }

    /// A request was granted: counts it.
    pub fn grant(&self) {
        self.granted.fetch_add(1, Ordering::Relaxed);
        if !self.pause.is_zero() {
            std::thread::sleep(self.pause);
        }
    }

    /// A request was not granted. A refusal is not a broken connection, and nothing breaks connections but the kill.
    pub fn check_end(&self, what: &str, error: &io::Error) {
        let expected = self.killed.load(Ordering::Relaxed) && error.kind() != io::ErrorKind::InvalidData;
        assert!(expected, "{what}: {error}");
    }
}

/// One kind of load, with the memory of what the broker granted.
pub trait Feature: Send {
    /// Makes what it works on; once, before the first round.
    fn prepare(&mut self, client: &mut RawClient);

    /// Works until the broker is killed.
    fn load(&mut self, round: &Round<'_>, random: fastrand::Rng);

    /// Compares what a started broker has with what is known.
    fn verify(&mut self, client: &mut RawClient, depth: Depth);

    /// What was done, in a few words.
    fn account(&self) -> String;
}

struct Row {
    new: fn() -> Box<dyn Feature>,
    /// Whether Java's broker is held to it, too. It answers some of them before they are true: a topic's queues are removed later.
    in_java: bool,
}

/// What is done to a broker while it is killed. A new kind of load is a file and a row.
const FEATURES: &[Row] = &[
    Row { new: || Box::new(Sends::default()), in_java: true },
    Row { new: || Box::new(Offsets::default()), in_java: true },
    Row { new: || Box::new(Delays::default()), in_java: false },
    Row { new: || Box::new(SendBacks::default()), in_java: false },
    Row { new: || Box::new(Topics::default()), in_java: false },
    Row { new: || Box::new(Transactions::default()), in_java: false },
];

/// All of them, as far as the servers under test are held to them.
pub fn all() -> Vec<Box<dyn Feature>> {
    let is_wanted = |row: &&Row| row.in_java || Flavor::under_test() == Flavor::Ours;
    FEATURES.iter().filter(is_wanted).map(|row| (row.new)()).collect()
}
