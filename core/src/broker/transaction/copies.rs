//! Which half messages are the same message.
//!
//! A check appends a half message anew and passes the old record. Its producer may still end the old one: it knows that offset from
//! its send, or from an earlier question. The reference then forgets the end, asks about the copy too, and a commit is delivered
//! twice. What is kept here says which copy such an end belongs to. It is not stored: after a restart the broker asks once more, as
//! the reference does.

use std::collections::HashMap;

use smallvec::SmallVec;

/// More than this many messages are not kept in mind.
const MESSAGES_MAX: usize = 1 << 20;

/// Copies in one half queue.
#[derive(Debug, Default)]
pub(super) struct Copies {
    by_newest: HashMap<i64, Message>,
    newest: HashMap<i64, i64>,
}

#[derive(Debug)]
struct Message {
    /// Offsets that a producer was told of before.
    older: SmallVec<[i64; 2]>,
    /// A producer was told of the newest one.
    is_told: bool,
}

impl Copies {
    /// The message at `offset` was appended again at `copy`. `is_told` says whether a producer hears of that.
    pub(super) fn note(&mut self, offset: i64, copy: i64, is_told: bool) {
        let first = Message { older: SmallVec::new(), is_told: true };
        let mut message = self.by_newest.remove(&offset).unwrap_or(first);
        if self.by_newest.len() >= MESSAGES_MAX {
            message.older.iter().for_each(|older| _ = self.newest.remove(older));
            return;
        }
        if message.is_told {
            message.older.push(offset);
        }
        message.is_told = is_told;
        self.newest.extend(message.older.iter().map(|older| (*older, copy)));
        self.by_newest.insert(copy, message);
    }

    /// The newest copy of a message that was at `offset`, if there is one.
    pub(super) fn newest_of(&self, offset: i64) -> Option<i64> {
        self.newest.get(&offset).copied()
    }

    /// The message, whose newest copy is at `offset`, is done with.
    pub(super) fn forget(&mut self, offset: i64) {
        for older in self.by_newest.remove(&offset).into_iter().flat_map(|message| message.older) {
            self.newest.remove(&older);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offset_a_producer_knows_leads_to_the_newest_copy() {
        let mut copies = Copies::default();
        copies.note(3, 10, false);
        copies.note(10, 20, true);
        copies.note(20, 30, true);
        assert_eq!([3, 20].map(|offset| copies.newest_of(offset)), [Some(30); 2]);
        assert_eq!(copies.newest_of(10), None, "nobody was told of it");
        copies.note(4, 31, true);
        copies.forget(30);
        assert_eq!((copies.newest_of(3), copies.newest_of(4)), (None, Some(31)));
        copies.forget(31);
        assert!(copies.newest.is_empty() && copies.by_newest.is_empty());
    }
}
