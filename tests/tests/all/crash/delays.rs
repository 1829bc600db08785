//! Delayed messages of every level: delivered at least once, never early, unchanged.

use tests::harness::remoting::RawClient;

use super::DELAYS_MS;
use super::deliveries::{Deliveries, now_ms};
use super::feature::{Depth, Feature, Round};
use super::identity::Identity;

const TOPIC: &str = "CrashDelayed";
const QUEUE: i32 = 0;
const SENDER: usize = 100;
/// A crash repeats every delivery since the last save: more would grow with the square of the rounds.
const MESSAGES_PER_ROUND_MAX: usize = 60;

#[derive(Default)]
pub struct Delays {
    deliveries: Deliveries,
}

impl Feature for Delays {
    fn prepare(&mut self, client: &mut RawClient) {
        client.create_topic(TOPIC, 1).expect("the topic is made");
    }

    fn load(&mut self, round: &Round<'_>, mut random: fastrand::Rng) {
        let mut client = round.connect();
        for number in 0..MESSAGES_PER_ROUND_MAX {
            let level = random.usize(1..=DELAYS_MS.len());
            let message =
                Identity { round: round.number, sender: SENDER, number, size: random.usize(1..3000) };
            let properties = format!("DELAY\u{1}{level}\u{2}{}", message.properties());
            let not_before = now_ms() + DELAYS_MS[level - 1];
            match client.send(TOPIC, QUEUE, &properties, &message.body()) {
                Ok(_) => {
                    self.deliveries.acknowledged(message, not_before);
                    round.grant();
                }
                Err(error) => {
                    round.check_end(&format!("send {message:?}"), &error);
                    self.deliveries.unsure(message, not_before);
                    return;
                }
            }
        }
    }

    fn verify(&mut self, client: &mut RawClient, depth: Depth) {
        self.deliveries.verify(client, (TOPIC, QUEUE), depth, |_, _| {});
    }

    fn account(&self) -> String {
        self.deliveries.account("delayed")
    }
}
