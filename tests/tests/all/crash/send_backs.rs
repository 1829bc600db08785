//! Messages that a consumer gives back: each comes to the retry topic of its group at least once, not early, unchanged.

use tests::harness::remoting::RawClient;

use super::DELAYS_MS;
use super::deliveries::{Deliveries, now_ms};
use super::feature::{Depth, Feature, Round};
use super::identity::Identity;
use super::requests::send_back;

const TOPIC: &str = "CrashConsumed";
const GROUP: &str = "crash-retry-group";
const RETRY_TOPIC: &str = "%RETRY%crash-retry-group";
const QUEUE: i32 = 0;
const SENDER: usize = 200;
/// See `delays`.
const MESSAGES_PER_ROUND_MAX: usize = 40;

#[derive(Default)]
pub struct SendBacks {
    deliveries: Deliveries,
}

impl Feature for SendBacks {
    fn prepare(&mut self, client: &mut RawClient) {
        client.create_topic(TOPIC, 1).expect("the topic is made");
        client.create_topic(RETRY_TOPIC, 1).expect("the topic is made");
    }

    fn load(&mut self, round: &Round<'_>, mut random: fastrand::Rng) {
        let mut client = round.connect();
        for number in 0..MESSAGES_PER_ROUND_MAX {
            let message =
                Identity { round: round.number, sender: SENDER, number, size: random.usize(1..3000) };
            let sent = match client.send(TOPIC, QUEUE, &message.properties(), &message.body()) {
                Ok(sent) => sent,
                Err(error) => return round.check_end(&format!("send {message:?}"), &error),
            };
            // Level 0 leaves it to the broker, which takes the third for a first retry.
            let level = random.usize(0..=DELAYS_MS.len());
            let not_before = now_ms() + DELAYS_MS[level.checked_sub(1).unwrap_or(2)];
            match send_back(&mut client, GROUP, TOPIC, &sent.message_id, level as i32) {
                Ok(()) => {
                    self.deliveries.acknowledged(message, not_before);
                    round.grant();
                }
                Err(error) => {
                    round.check_end(&format!("send back {message:?}"), &error);
                    self.deliveries.unsure(message, not_before);
                    return;
                }
            }
        }
    }

    fn verify(&mut self, client: &mut RawClient, depth: Depth) {
        self.deliveries.verify(client, (RETRY_TOPIC, QUEUE), depth, |message, identity| {
            assert_eq!(message.reconsume_times, 1, "{identity:?}");
            assert_eq!(message.property("RETRY_TOPIC"), Some(TOPIC), "{identity:?}");
        });
    }

    fn account(&self) -> String {
        self.deliveries.account("given back")
    }
}
