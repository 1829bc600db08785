//! Queues and index follow the log.

use super::rules::RetentionRules;
use super::{Retention, State};

impl Retention {
    /// Removes from queues and index what points below the log's minimum, when that has moved.
    ///
    /// Dispatch is kept out for each queue by itself, and only for one that has to change. The files that it keeps at hand are the
    /// newest ones, which stay. With many queues and the pause after each it may take long: the rest is left to later rounds, so
    /// that the log does not wait for it.
    pub(super) fn trim(&self, state: &mut State, rules: &RetentionRules) {
        let log_min = self.parts.files.min_offset();
        if log_min <= state.trimmed_to {
            return;
        }
        let clock = &self.parts.service.clock;
        let until = clock.moment().after(self.parts.options.clean_interval);
        let mut is_complete = true;
        if let Err(error) = self.parts.index.remove_below(log_min) {
            is_complete = false;
            tracing::error!(target: "broker::store", %error, "the key index could not be trimmed");
        }
        for queue in self.parts.queues.all().iter().filter(|queue| queue.is_behind(log_min)) {
            let round = self.parts.reput.begin_round();
            let trimmed = queue.trim(log_min);
            drop(round);
            match trimmed {
                Ok(0) => {}
                Ok(_) => {
                    if !self.pause(state, rules.queue_pause) || clock.moment() >= until {
                        return;
                    }
                }
                Err(error) => {
                    is_complete = false;
                    tracing::error!(target: "broker::store", topic = &**queue.topic(), %error, "a consume queue could not be trimmed");
                }
            }
        }
        if is_complete {
            state.trimmed_to = log_min;
        }
    }
}
