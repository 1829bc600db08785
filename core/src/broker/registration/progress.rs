//! Which NameServer has been told what, and who waits for it.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::ServerState;
use crate::clock::Clock;
use crate::runtime::signal::Signal;

type OnDone = Box<dyn FnOnce() + Send>;

/// Counts requests to register. A server is told of a request when an attempt that began after it has succeeded.
pub(super) struct Progress {
    servers: Vec<Server>,
    state: Mutex<State>,
    changed: Condvar,
}

struct Server {
    name: String,
    /// Wakes the server's thread.
    signal: Signal,
}

struct State {
    asked: u64,
    outcomes: Vec<Outcome>,
    waiting: Vec<(u64, OnDone)>,
    stopped: bool,
}

/// What came of a server's last attempt.
#[derive(Default)]
struct Outcome {
    /// How many requests it covered.
    told: u64,
    /// Whether there was one.
    is_tried: bool,
    error: Option<String>,
}

impl Outcome {
    /// Nobody waits for a server that does not answer.
    fn is_settled(&self, asked: u64) -> bool {
        self.told >= asked || self.error.is_some()
    }

    fn is_registered(&self) -> bool {
        self.is_tried && self.error.is_none()
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.states()).finish()
    }
}

impl Progress {
    /// Every server is to be told of the broker itself.
    pub(super) fn new(names: Vec<String>) -> Self {
        let outcomes = names.iter().map(|_| Outcome::default()).collect();
        Self {
            servers: names.into_iter().map(|name| Server { name, signal: Signal::new() }).collect(),
            state: Mutex::new(State { asked: 1, outcomes, waiting: Vec::new(), stopped: false }),
            changed: Condvar::new(),
        }
    }

    /// Asks every server's thread for an attempt.
    pub(super) fn ask(&self) {
        self.state.lock().asked += 1;
        self.wake_all();
    }

    fn wake_all(&self) {
        self.servers.iter().for_each(|server| server.signal.raise());
    }

    /// What wakes the thread of server `index`.
    pub(super) fn signal(&self, index: usize) -> Option<&Signal> {
        self.servers.get(index).map(|server| &server.signal)
    }

    /// How many requests an attempt that begins now covers; `None` after the stop.
    pub(super) fn begin(&self) -> Option<u64> {
        let state = self.state.lock();
        (!state.stopped).then_some(state.asked)
    }

    /// Notes how an attempt ended that covered `told` requests. Gives the error of the attempt before.
    pub(super) fn end(&self, index: usize, told: u64, error: Option<String>) -> Option<String> {
        let mut state = self.state.lock();
        let mut before = None;
        if let Some(outcome) = state.outcomes.get_mut(index) {
            outcome.is_tried = true;
            outcome.told = told;
            before = std::mem::replace(&mut outcome.error, error);
        }
        let done = state.take_settled();
        drop(state);
        self.changed.notify_all();
        done.into_iter().for_each(|on_done| on_done());
        before
    }

    /// True for the first server that is registered: its order table is the one that counts, so that NameServers that differ
    /// do not make the flags flicker.
    pub(super) fn is_leading(&self, index: usize) -> bool {
        !self.state.lock().outcomes.iter().take(index).any(Outcome::is_registered)
    }

    /// See [`super::Registration::when_told`].
    pub(super) fn when_settled(&self, on_done: OnDone) {
        let mut state = self.state.lock();
        let asked = state.asked;
        if state.stopped || state.is_settled(asked) {
            drop(state);
            on_done();
        } else {
            state.waiting.push((asked, on_done));
        }
    }

    /// Waits until all that was asked for so far is settled; false when that takes longer than `timeout`.
    pub(super) fn wait_settled(&self, clock: &Clock, timeout: Duration) -> bool {
        let deadline = clock.moment().after(timeout);
        let mut state = self.state.lock();
        let asked = state.asked;
        while !state.is_settled(asked) && !state.stopped {
            if clock.moment() >= deadline {
                return false;
            }
            clock.wait_until(&self.changed, &mut state, Some(deadline));
        }
        true
    }

    /// Ends the threads after what they are doing; nobody waits any more.
    pub(super) fn stop(&self) {
        let waiting = {
            let mut state = self.state.lock();
            state.stopped = true;
            std::mem::take(&mut state.waiting)
        };
        self.wake_all();
        self.changed.notify_all();
        waiting.into_iter().for_each(|(_, on_done)| on_done());
    }

    /// See [`super::Registration::servers`].
    pub(super) fn states(&self) -> Vec<ServerState> {
        let state = self.state.lock();
        let pairs = self.servers.iter().zip(&state.outcomes);
        pairs
            .map(|(server, outcome)| ServerState {
                name: server.name.clone(),
                is_registered: outcome.is_registered(),
                error: outcome.error.clone(),
            })
            .collect()
    }
}

impl State {
    fn is_settled(&self, asked: u64) -> bool {
        self.outcomes.iter().all(|outcome| outcome.is_settled(asked))
    }

    fn take_settled(&mut self) -> Vec<OnDone> {
        let waiting = std::mem::take(&mut self.waiting);
        let (done, waiting): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(asked, _)| self.is_settled(*asked));
        self.waiting = waiting;
        done.into_iter().map(|(_, on_done)| on_done).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn waiting_ends_when_every_server_was_told_or_failed() {
        let progress = Progress::new(vec!["a".to_owned(), "b".to_owned()]);
        let (done, ended) = channel();
        let wait = |name: &'static str| {
            let done = done.clone();
            progress.when_settled(Box::new(move || done.send(name).unwrap()));
        };
        wait("start");
        progress.end(0, 1, None);
        assert!(ended.try_recv().is_err());
        progress.end(1, 1, Some("refused".to_owned()));
        assert_eq!(ended.try_recv(), Ok("start"));
        progress.ask();
        wait("change");
        assert!(ended.try_recv().is_err());
        let covered = progress.begin().unwrap();
        progress.ask();
        assert_eq!(progress.end(0, covered, None), None);
        assert_eq!(ended.try_recv(), Ok("change"), "the server that fails is not waited for");
        wait("later");
        progress.stop();
        assert_eq!(ended.try_recv(), Ok("later"));
        wait("after the stop");
        assert_eq!(ended.try_recv(), Ok("after the stop"));
        assert_eq!(progress.begin(), None);
        assert_eq!(progress.end(1, 1, None), Some("refused".to_owned()));
    }

    #[test]
    fn the_first_registered_server_leads() {
        let progress = Progress::new(vec!["a".to_owned(), "b".to_owned()]);
        assert!(progress.is_leading(0) && progress.is_leading(1), "none is registered yet");
        progress.end(0, 1, None);
        progress.end(1, 1, None);
        assert!(progress.is_leading(0) && !progress.is_leading(1));
        progress.end(0, 1, Some("closed".to_owned()));
        assert!(progress.is_leading(1));
    }
}
