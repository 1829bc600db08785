//! An event that one thread waits for and others raise. Raising twice before the wait counts once.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::clock::{Clock, Moment};

/// Wake-up with memory: a raise before the wait is not lost. Raising an already raised signal is one atomic operation.
#[derive(Debug, Default)]
pub struct Signal {
    raised: AtomicBool,
    gate: Mutex<()>,
    on_raise: Condvar,
}

impl Signal {
    /// A signal that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the signal and wakes the waiter.
    pub fn raise(&self) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            drop(self.gate.lock());
            self.on_raise.notify_all();
        }
    }

    /// Takes the raise back; true when it was raised.
    pub fn take(&self) -> bool {
        self.raised.swap(false, Ordering::AcqRel)
    }

    /// Blocks until raised or until `deadline` on `clock`; takes the raise back. True when raised.
    pub fn wait(&self, clock: &Clock, deadline: Option<Moment>) -> bool {
        if self.take() {
            return true;
        }
        let mut gate = self.gate.lock();
        loop {
            if self.take() {
                return true;
            }
            if deadline.is_some_and(|deadline| clock.moment() >= deadline) {
                return false;
            }
            clock.wait_until(&self.on_raise, &mut gate, deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_raise_before_the_wait_is_not_lost() {
        let signal = Signal::new();
        signal.raise();
        signal.raise();
        assert!(signal.wait(&Clock::system(), None));
        assert!(!signal.take());
    }

    #[test]
    fn wait_ends_at_the_deadline_of_a_manual_clock() {
        let clock = Clock::manual(0);
        let signal = Arc::new(Signal::new());
        let waiter = {
            let (signal, clock) = (signal.clone(), clock.clone());
            let deadline = clock.moment().after(Duration::from_secs(3600));
            std::thread::spawn(move || signal.wait(&clock, Some(deadline)))
        };
        clock.advance(Duration::from_secs(3601));
        assert!(!waiter.join().unwrap());
    }
}
