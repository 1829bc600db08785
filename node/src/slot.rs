//! Where a broker is from the call that starts it to the end of its stop, whatever ends first: the broker, the worker thread
//! that started it, or the process.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use libbroker::embed::{self, Embedded, Options};
use libbroker::{Error, ErrorKind};
use napi::Env;

use crate::errors::caught;

/// How long requests under way have when a worker thread is ended.
const ABANDONED: Duration = Duration::from_secs(3);

/// A broker that is to start, runs, or ran.
pub struct Slot {
    state: Mutex<State>,
}

enum State {
    /// Nothing was started yet.
    New(Box<Options>),
    /// It runs, or ran: its addresses stay known.
    Started(Arc<Embedded>),
    /// It could not be started, or was stopped before it was.
    Ended,
}

impl Slot {
    /// A broker that is to start.
    pub fn new(options: Options) -> Self {
        Self { state: Mutex::new(State::New(Box::new(options))) }
    }

    /// Starts it. A stop that comes meanwhile waits for the end of the start.
    pub fn start(&self) -> Result<(), Error> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Ended) {
            State::New(options) => *state = State::Started(Arc::new(embed::start(*options)?)),
            State::Started(running) => {
                *state = State::Started(running);
                return Err(Error::new(ErrorKind::InvalidArgument, "the broker was started already"));
            }
            State::Ended => return Err(Error::new(ErrorKind::Stopped, "stopped before it was started")),
        }
        Ok(())
    }

    /// What was started.
    pub fn embedded(&self) -> Result<Arc<Embedded>, Error> {
        match &*self.state() {
            State::Started(embedded) => Ok(Arc::clone(embedded)),
            State::New(_) | State::Ended => Err(Error::new(ErrorKind::Stopped, "the broker was not started")),
        }
    }

    /// Stops it; harmless when it does not run.
    pub fn stop(&self, timeout: Duration) -> Result<(), Error> {
        let embedded = {
            let mut state = self.state();
            if let State::New(_) = &*state {
                *state = State::Ended;
            }
            match &*state {
                State::Started(embedded) => Arc::clone(embedded),
                State::New(_) | State::Ended => return Ok(()),
            }
        };
        embedded.stop(timeout)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic inside leaves `Ended` or what was there before: both are true.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// The brokers of the JavaScript environment on this thread; `None` until it is told to call us at its end.
    static HERE: RefCell<Option<Vec<Weak<Slot>>>> = const { RefCell::new(None) };
}

/// Sees to it that `slot` is stopped when the environment on this thread ends, as when a worker thread is terminated: then no
/// JavaScript runs any more.
pub fn stop_with_environment(env: Env, slot: &Arc<Slot>) -> napi::Result<()> {
    let known = HERE.with_borrow(Option::is_some);
    if !known {
        let stop_all = |()| {
            // Nobody is left to be told.
            let _ = caught(|| {
                stop_all_here();
                Ok(())
            });
        };
        env.add_env_cleanup_hook((), stop_all)?;
    }
    HERE.with_borrow_mut(|here| {
        let here = here.get_or_insert_default();
        here.retain(|slot| slot.strong_count() > 0);
        here.push(Arc::downgrade(slot));
    });
    Ok(())
}

fn stop_all_here() {
    let slots = HERE.take().unwrap_or_default();
    for slot in slots.iter().filter_map(Weak::upgrade) {
        // Nobody is left to be told; the next start recovers the store.
        let _ = caught(|| slot.stop(ABANDONED));
    }
}
