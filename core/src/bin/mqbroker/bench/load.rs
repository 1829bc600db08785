//! What `send` and `pull` have in common: when they end, and what they count.

use std::time::Duration;

use libbroker::Error;
use libbroker::clock::{Clock, Moment};
use libbroker::internals::format::wire::RemotingCommand;

use super::at_hand::PART_MIB;
use super::percentiles::Times;
use super::progress::Progress;
use crate::connection::Connection;

/// When a load ends.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// After this time; what is outstanding is still waited for.
    Time(Duration),
    /// After this many messages of all connections together.
    Messages(u64),
}

impl Limit {
    /// The parts of a load that needs `at_hand_mib` of memory at hand, and how much each of them needs.
    pub fn parts(self, at_hand_mib: u32) -> impl Iterator<Item = (Limit, u32)> {
        let parts = at_hand_mib.div_ceil(PART_MIB).max(1);
        let part = move |index: u32| match self {
            Limit::Time(time) => Limit::Time(time / parts),
            Limit::Messages(count) => Limit::Messages(share(count, index, parts)),
        };
        (0..parts).map(move |index| (part(index), at_hand_mib.div_ceil(parts)))
    }
}

/// Part `index` of `count` things that are split evenly.
fn share(count: u64, index: u32, parts: u32) -> u64 {
    let parts = u64::from(parts.max(1));
    count / parts + u64::from(u64::from(index) < count % parts)
}

/// How much one connection has yet to do.
pub struct Budget {
    deadline: Option<Moment>,
    left: u64,
}

impl Budget {
    /// The part of connection `index` out of `connections`.
    pub fn new(clock: &Clock, limit: Limit, index: u32, connections: u32) -> Self {
        match limit {
            Limit::Time(time) => Self { deadline: Some(clock.moment().after(time)), left: u64::MAX },
            Limit::Messages(count) => Self { deadline: None, left: share(count, index, connections) },
        }
    }

    /// Takes up to `wanted` messages; 0 when the end has come.
    pub fn take(&mut self, wanted: u64, now: Moment) -> u64 {
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            return 0;
        }
        let taken = self.left.min(wanted);
        self.left -= taken;
        taken
    }

    /// Gives back what was taken and not used.
    pub fn put_back(&mut self, unused: u64) {
        self.left = self.left.saturating_add(unused);
    }
}

/// What was done.
pub struct Tally {
    /// Messages acknowledged, or received.
    pub messages: u64,
    /// Bytes of their bodies.
    pub body_bytes: u64,
    /// Messages refused, pulls that failed, and messages that came where another one belongs or with a wrong body.
    pub failed: u64,
    /// The reason of the first failure.
    pub first_failure: Option<String>,
    /// Messages that came behind a later one of their producer in the same queue.
    pub out_of_order: u64,
    /// From writing a request to reading its answer; for a load with a schedule, from when a message was due to its reception.
    pub times: Times,
}

impl Tally {
    pub fn new() -> Result<Self, Error> {
        let (messages, body_bytes, failed, out_of_order) = (0, 0, 0, 0);
        Ok(Self { messages, body_bytes, failed, first_failure: None, out_of_order, times: Times::new()? })
    }

    /// Adds what another connection did.
    pub fn add(&mut self, other: &Tally) {
        self.messages += other.messages;
        self.body_bytes += other.body_bytes;
        self.failed += other.failed;
        self.out_of_order += other.out_of_order;
        if self.first_failure.is_none() {
            self.first_failure.clone_from(&other.first_failure);
        }
        self.times.add(&other.times);
    }

    /// Notes that `messages` failed.
    pub fn fail(&mut self, messages: u64, reason: impl FnOnce() -> String) {
        self.failed += messages;
        if self.first_failure.is_none() {
            self.first_failure = Some(reason());
        }
    }
}

/// One connection's share of a load.
pub trait Work {
    /// What is remembered of a request until its answer comes.
    type Pending;

    /// Pushes the next request, or several of which the last one wants an answer and carries `opaque`. `None`, and nothing
    /// pushed, when there is nothing to ask at this moment.
    fn request(&mut self, connection: &mut Connection, opaque: i32, now: Moment) -> Option<Self::Pending>;

    /// Takes an answer.
    fn answer(&mut self, pending: Self::Pending, answer: &RemotingCommand, tally: &mut Tally);
}

/// Keeps `window` requests outstanding until the work is done and answered.
pub fn drive<W: Work>(
    connection: &mut Connection,
    work: &mut W,
    window: usize,
    clock: &Clock,
    progress: &Progress,
) -> Result<Tally, Error> {
    let mut tally = Tally::new()?;
    let mut window = Window::new(window);
    loop {
        let now = clock.moment();
        while let Some(opaque) = window.free() {
            match work.request(connection, opaque, now) {
                Some(pending) => window.put(opaque, (now, pending)),
                None => break,
            }
        }
        if window.is_empty() {
            return Ok(tally);
        }
        connection.flush()?;
        connection.fill()?;
        let now = clock.moment();
        let before = tally.messages;
        while let Some(answer) = connection.answer()? {
            // An answer to nothing, such as one that comes twice, is not counted.
            if let Some((start, pending)) = window.take(answer.opaque) {
                tally.times.note(now.since(start));
                work.answer(pending, &answer, &mut tally);
            }
        }
        progress.add(tally.messages - before, now);
    }
}

/// Requests on their way on one connection. The correlation id of a request is its place plus a multiple of the window's
/// size, so that it does not repeat soon.
struct Window<T> {
    places: Vec<(i32, Option<T>)>,
    free: Vec<usize>,
}

impl<T> Window<T> {
    fn new(size: usize) -> Self {
        let places = (0..size).map(|place| (i32::try_from(place).unwrap_or_default(), None)).collect();
        Self { places, free: (0..size).collect() }
    }

    fn is_empty(&self) -> bool {
        self.free.len() == self.places.len()
    }

    /// The correlation id of the next request.
    fn free(&self) -> Option<i32> {
        self.free.last().and_then(|place| self.places.get(*place)).map(|(opaque, _)| *opaque)
    }

    /// Puts a request into the place that [`Self::free`] named.
    fn put(&mut self, opaque: i32, request: T) {
        if let Some((_, pending)) = self.free.pop().and_then(|place| self.places.get_mut(place)) {
            *pending = Some(request);
        }
        debug_assert!(self.free() != Some(opaque));
    }

    /// Takes out the request that is answered.
    fn take(&mut self, opaque: i32) -> Option<T> {
        let size = self.places.len();
        let place = usize::try_from(opaque).ok()? % size;
        let (expected, pending) = self.places.get_mut(place)?;
        if *expected != opaque {
            return None;
        }
        let request = pending.take()?;
        *expected =
            i32::try_from(size).ok().and_then(|size| opaque.checked_add(size)).unwrap_or(place as i32);
        self.free.push(place);
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_matched_once() {
        let mut window = Window::new(2);
        let first = window.free().unwrap();
        window.put(first, 'a');
        let second = window.free().unwrap();
        window.put(second, 'b');
        assert_eq!(window.free(), None);
        assert_eq!(window.take(first), Some('a'));
        assert_eq!(window.take(first), None);
        let third = window.free().unwrap();
        assert_ne!(third, first);
        window.put(third, 'c');
        assert_eq!((window.take(second), window.take(third)), (Some('b'), Some('c')));
        assert!(window.is_empty());
    }

    #[test]
    fn a_budget_of_messages_is_split_without_rest() {
        let clock = Clock::system();
        let shares = (0..4)
            .map(|index| Budget::new(&clock, Limit::Messages(10), index, 4).take(u64::MAX, clock.moment()));
        assert_eq!(shares.collect::<Vec<_>>(), [3, 3, 2, 2]);
    }

    #[test]
    fn a_load_is_split_so_that_little_memory_is_at_hand_at_once() {
        let parts: Vec<_> = Limit::Messages(10).parts(300).collect();
        assert!(matches!(
            parts.as_slice(),
            [(Limit::Messages(4), 100), (Limit::Messages(3), 100), (Limit::Messages(3), 100)]
        ));
        let second = Duration::from_secs(1);
        let whole: Vec<_> = Limit::Time(second).parts(0).collect();
        assert!(matches!(whole.as_slice(), [(Limit::Time(time), 0)] if *time == second));
    }
}
