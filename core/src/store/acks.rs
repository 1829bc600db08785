//! Tickets for puts that are not final yet, and the waiting room in front of the flush thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::put::PutStatus;
use crate::clock::{Clock, Moment};

/// Told once when a put is final. Runs on the thread that made it so: it must not block.
pub type OnDone = Box<dyn FnOnce(PutStatus) + Send>;

/// Stands for a put that waits for the disk.
#[derive(Debug, Clone)]
pub struct PutTicket(Arc<Ticket>);

struct Ticket {
    state: Mutex<State>,
    done: Condvar,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ticket")
    }
}

enum State {
    Waiting(Option<OnDone>),
    Done(PutStatus),
}

impl PutTicket {
    fn new() -> Self {
        Self(Arc::new(Ticket { state: Mutex::new(State::Waiting(None)), done: Condvar::new() }))
    }

    /// Runs `on_done` when the put is final: at once when it is already.
    pub fn on_done(self, on_done: OnDone) {
        let mut state = self.0.state.lock();
        match &mut *state {
            State::Done(status) => {
                let status = *status;
                drop(state);
                on_done(status);
            }
            State::Waiting(slot) => *slot = Some(on_done),
        }
    }

    /// Blocks until the put is final; after `timeout` of real time the answer is [`PutStatus::FlushDiskTimeout`].
    pub fn wait(self, timeout: Duration) -> PutStatus {
        let mut state = self.0.state.lock();
        if matches!(&*state, State::Waiting(_)) {
            self.0.done.wait_for(&mut state, timeout);
        }
        match &*state {
            State::Done(status) => *status,
            State::Waiting(_) => PutStatus::FlushDiskTimeout,
        }
    }

    /// The first completion counts.
    fn complete(&self, status: PutStatus) {
        let mut state = self.0.state.lock();
        if let State::Waiting(slot) = &mut *state {
            let on_done = slot.take();
            *state = State::Done(status);
            drop(state);
            self.0.done.notify_all();
            if let Some(on_done) = on_done {
                on_done(status);
            }
        }
    }
}

/// Puts that wait until the log is durable up to their end, in the order of their deadlines.
#[derive(Debug)]
pub struct FlushWaiters {
    clock: Clock,
    room: Mutex<Room>,
    first_came: Condvar,
}

#[derive(Debug, Default)]
struct Room {
    waiting: VecDeque<Waiter>,
    closed: bool,
}

#[derive(Debug)]
struct Waiter {
    end_offset: i64,
    deadline: Moment,
    ticket: PutTicket,
}

impl FlushWaiters {
    /// Nobody waits.
    pub fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), room: Mutex::new(Room::default()), first_came: Condvar::new() }
    }

    /// A ticket for the put that ends at `end_offset`; answered with a timeout after `timeout`.
    pub fn enter(&self, end_offset: i64, timeout: Duration) -> PutTicket {
        let ticket = PutTicket::new();
        let deadline = self.clock.moment().after(timeout);
        let mut room = self.room.lock();
        let was_empty = room.waiting.is_empty();
        room.waiting.push_back(Waiter { end_offset, deadline, ticket: ticket.clone() });
        drop(room);
        if was_empty {
            self.first_came.notify_one();
        }
        ticket
    }

    /// True when somebody waits.
    pub fn is_waiting(&self) -> bool {
        !self.room.lock().waiting.is_empty()
    }

    /// Completes every waiter whose end is durable now.
    pub fn flushed(&self, durable_offset: i64) {
        let done: VecDeque<Waiter> = {
            let mut room = self.room.lock();
            // Entered in append order except for races of a few entries, so all of them are looked at.
            let (done, rest) =
                std::mem::take(&mut room.waiting).into_iter().partition(|w| w.end_offset <= durable_offset);
            room.waiting = rest;
            done
        };
        for waiter in done {
            waiter.ticket.complete(PutStatus::Ok);
        }
    }

    /// Completes every waiter with a failure: what they wrote cannot be made durable.
    pub fn fail_all(&self, status: PutStatus) {
        let all = std::mem::take(&mut self.room.lock().waiting);
        for waiter in all {
            waiter.ticket.complete(status);
        }
    }

    /// Body of the thread that answers waiters whose time is up while the flush thread is stuck in the kernel.
    #[doc(alias = "FlushDiskWatcher")]
    pub fn watch(&self) {
        let mut room = self.room.lock();
        while !room.closed {
            let Some(deadline) = room.waiting.front().map(|waiter| waiter.deadline) else {
                self.first_came.wait(&mut room);
                continue;
            };
            if self.clock.moment() < deadline {
                self.clock.wait_until(&self.first_came, &mut room, Some(deadline));
                continue;
            }
            if let Some(late) = room.waiting.pop_front() {
                drop(room);
                tracing::warn!(target: "broker::store", end_offset = late.end_offset, "sync flush timed out");
                late.ticket.complete(PutStatus::FlushDiskTimeout);
                room = self.room.lock();
            }
        }
    }

    /// Ends [`FlushWaiters::watch`].
    pub fn close(&self) {
        self.room.lock().closed = true;
        self.first_came.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn waiters_are_completed_up_to_the_durable_offset() {
        let waiters = FlushWaiters::new(&Clock::system());
        let (first, second) = (waiters.enter(100, MINUTE), waiters.enter(200, MINUTE));
        let (sent, got) = channel();
        first.on_done(Box::new(move |status| sent.send(status).unwrap()));
        waiters.flushed(150);
        assert_eq!(got.recv().unwrap(), PutStatus::Ok);
        assert!(waiters.is_waiting());
        waiters.fail_all(PutStatus::ServiceNotAvailable);
        assert_eq!(second.wait(Duration::ZERO), PutStatus::ServiceNotAvailable);
    }

    #[test]
    fn the_watcher_answers_late_waiters() {
        let clock = Clock::manual(0);
        let waiters = Arc::new(FlushWaiters::new(&clock));
        let watcher = {
            let waiters = waiters.clone();
            std::thread::spawn(move || waiters.watch())
        };
        let ticket = waiters.enter(1, Duration::from_secs(5));
        clock.advance(Duration::from_secs(6));
        assert_eq!(ticket.wait(Duration::from_secs(20)), PutStatus::FlushDiskTimeout);
        assert!(!waiters.is_waiting(), "answered by the watcher, not by the wait");
        waiters.close();
        watcher.join().unwrap();
    }
}
