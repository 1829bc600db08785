//! Transactions: what was committed is delivered, unchanged; what was rolled back, or never ended, is not. Half messages whose send was
//! acknowledged can be ended after the kill.

use std::io;

use tests::harness::remoting::RawClient;

use super::deliveries::Deliveries;
use super::feature::{Depth, Feature, Round};
use super::identity::Identity;
use super::requests::physical_offset;
use crate::transactions::{COMMIT, Half, ROLLBACK, try_end};

const TOPIC: &str = "CrashOrders";
const GROUP: &str = "crash-orders";
const QUEUE: i32 = 0;
const SENDER: usize = 300;
/// Left to the next round, so that there always are some.
const OPEN_PER_ROUND: usize = 5;

#[derive(Default)]
pub struct Transactions {
    committed: Deliveries,
    open: Vec<(Identity, Half)>,
    rolled_back: usize,
}

impl Transactions {
    /// False when the broker was killed meanwhile.
    fn end(
        &mut self,
        client: &mut RawClient,
        round: &Round<'_>,
        (message, half): (Identity, Half),
        decision: &str,
    ) -> bool {
        match try_end(client, GROUP, half, decision) {
            Ok(answer) => {
                assert_eq!(answer.code, 0, "end of {message:?}: {}", answer.remark);
                match decision {
                    COMMIT => self.committed.acknowledged(message, 0),
                    _ => self.rolled_back += 1,
                }
                round.grant();
                true
            }
            Err(error) => {
                round.check_end(&format!("end of {message:?}"), &error);
                // A rollback that is not known may have happened or not: nothing is delivered in either case.
                if decision == COMMIT {
                    self.committed.unsure(message, 0);
                }
                false
            }
        }
    }
}

fn send(client: &mut RawClient, message: Identity) -> io::Result<Half> {
    let properties = format!("TRAN_MSG\u{1}true\u{2}PGROUP\u{1}{GROUP}\u{2}{}", message.properties());
    let sent = client.send(TOPIC, QUEUE, &properties, &message.body())?;
    Ok(Half { physical_offset: physical_offset(&sent.message_id), queue_offset: sent.queue_offset })
}

impl Feature for Transactions {
    fn prepare(&mut self, client: &mut RawClient) {
        client.create_topic(TOPIC, 1).expect("the topic is made");
    }

    fn load(&mut self, round: &Round<'_>, mut random: fastrand::Rng) {
        let mut client = round.connect();
        for open in std::mem::take(&mut self.open) {
            if !self.end(&mut client, round, open, COMMIT) {
                return;
            }
        }
        for number in 0.. {
            let message =
                Identity { round: round.number, sender: SENDER, number, size: random.usize(1..3000) };
            let half = match send(&mut client, message) {
                Ok(half) => half,
                Err(error) => return round.check_end(&format!("send {message:?}"), &error),
            };
            if number < OPEN_PER_ROUND {
                self.open.push((message, half));
                continue;
            }
            let decision = if random.bool() { COMMIT } else { ROLLBACK };
            if !self.end(&mut client, round, (message, half), decision) {
                return;
            }
        }
    }

    fn verify(&mut self, client: &mut RawClient, depth: Depth) {
        self.committed.verify(client, (TOPIC, QUEUE), depth, |message, identity| {
            assert_eq!(message.sys_flag, 8, "{identity:?}");
        });
    }

    fn account(&self) -> String {
        format!("{}, {} rolled back", self.committed.account("committed"), self.rolled_back)
    }
}
