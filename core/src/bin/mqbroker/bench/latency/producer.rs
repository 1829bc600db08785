//! The producing side: one thread writes on schedule, another one reads the answers.

use std::num::NonZeroU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use libbroker::Error;
use libbroker::clock::{Clock, Moment};

use super::super::args::Latency;
use super::super::content::Stamp;
use super::super::load::Tally;
use super::super::percentiles::Times;
use super::super::send::Sending;
use super::Run;
use crate::connection::{Connection, is_success, refusal};

/// Sends every message when it is due, or as soon as the broker takes it. Gives how far behind the schedule that was.
pub fn produce(connection: &mut Connection, options: &Latency, run: &Run) -> Result<Times, Error> {
    // By default the kernel lets a sleeper oversleep by 50 µs on purpose. Where this is refused, the report says how late messages
    // were written.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
    let mut sending = Sending::new(&run.clock, &options.target.topic, options.queues, options.body);
    let mut lateness = Times::new()?;
    let (schedule, producer) = (run.schedule, fastrand::u32(..));
    let mut index = 0;
    while index < schedule.count() {
        let now = wait_until(&run.clock, schedule.due_at(index), schedule.spin());
        while index < schedule.count() && schedule.due_at(index) <= now {
            let stamp = Stamp { producer, sequence: schedule.stamp(index) };
            let queue = u32::try_from(index % u64::from(options.queues)).unwrap_or_default();
            sending.push(connection, queue, stamp, opaque(index), false);
            if let Some(late) = schedule.delay(stamp.sequence, now) {
                lateness.note(late);
            }
            index += 1;
        }
        connection.flush()?;
    }
    Ok(lateness)
}

/// Sleeps until shortly before `due`, and spins for the rest: waking up takes as long as what is measured. Gives the time.
fn wait_until(clock: &Clock, due: Moment, spin: Duration) -> Moment {
    loop {
        let now = clock.moment();
        let left = due.since(now);
        match left.checked_sub(spin) {
            _ if left.is_zero() => return now,
            Some(sleep) if !sleep.is_zero() => thread::sleep(sleep),
            _ => std::hint::spin_loop(),
        }
    }
}

/// Takes the answer to every message. The times are those from when the message was due.
pub fn acknowledge(connection: &mut Connection, run: &Run) -> Result<Tally, Error> {
    let mut tally = Tally::new()?;
    let mut answered = 0;
    while answered < run.schedule.count() {
        connection.fill()?;
        let now = run.clock.moment();
        while let Some(answer) = connection.answer()? {
            // Answers may overtake each other, but not by half of all correlation ids.
            let index = index_near(answered, answer.opaque);
            answered += 1;
            if !is_success(&answer) {
                tally.fail(1, || refusal(&answer));
                continue;
            }
            tally.messages += 1;
            run.acknowledged.fetch_add(1, Ordering::AcqRel);
            if let Some(delay) = run.schedule.delay(run.schedule.stamp(index), now) {
                tally.times.note(delay);
            }
        }
    }
    Ok(tally)
}

const OPAQUE_BITS: u32 = 30;

fn opaque(index: u64) -> i32 {
    i32::try_from(index % (1 << OPAQUE_BITS)).unwrap_or_default()
}

/// The index with this correlation id that is nearest to `near`.
fn index_near(near: u64, opaque: i32) -> u64 {
    let (round, half) = (1_u64 << OPAQUE_BITS, 1_u64 << (OPAQUE_BITS - 1));
    let within = u64::try_from(opaque).unwrap_or_default();
    let index = near / round * round + within;
    match index {
        behind if behind + half < near => behind + round,
        ahead if ahead > near + half => ahead.saturating_sub(round),
        index => index,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_finds_its_message_when_correlation_ids_begin_again() {
        let round = 1_u64 << OPAQUE_BITS;
        for index in [0, 1, 77, round - 1, round, round + 1, 3 * round - 1, 3 * round + 5] {
            for near in [index.saturating_sub(1000), index, index + 1000] {
                assert_eq!(index_near(near, opaque(index)), index, "near {near}");
            }
        }
    }
}
