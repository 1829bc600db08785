//! The checkpoint file (store-format §6): how far each kind of file is known to be on disk, as store timestamps.
//!
//! ```text
//!    0  8  commit log            newest flushed data
//!    8  8  consume queues        newest flushed entry
//!   16  8  index                 end of the newest *full* index file that was flushed
//!   24  …  zeros, up to 4096
//! ```

/// Bytes of the file.
pub const CHECKPOINT_FILE_SIZE: usize = 4096;
/// Bytes of it that mean something.
pub const CHECKPOINT_SIZE: usize = 24;
/// Recovery begins this much before the oldest of the timestamps.
const MARGIN_MS: i64 = 3000;

/// What the checkpoint file says. 0 where nothing was flushed yet.
#[doc(alias = "StoreCheckpoint")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Store timestamp of the newest flushed commit log data.
    pub commit_log_timestamp_ms: i64,
    /// Store timestamp of the newest flushed consume queue entry.
    pub consume_queue_timestamp_ms: i64,
    /// End timestamp of the newest full index file that was flushed.
    pub index_timestamp_ms: i64,
}

impl Checkpoint {
    /// The first bytes of the file.
    pub fn encode(&self) -> [u8; CHECKPOINT_SIZE] {
        let fields = [self.commit_log_timestamp_ms, self.consume_queue_timestamp_ms, self.index_timestamp_ms];
        let mut out = [0; CHECKPOINT_SIZE];
        for (to, field) in out.as_chunks_mut::<8>().0.iter_mut().zip(fields) {
            *to = field.to_be_bytes();
        }
        out
    }

    /// Reads the start of the file; `None` when it is too short.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (commit_log, rest) = bytes.split_first_chunk::<8>()?;
        let (consume_queue, rest) = rest.split_first_chunk::<8>()?;
        Some(Self {
            commit_log_timestamp_ms: i64::from_be_bytes(*commit_log),
            consume_queue_timestamp_ms: i64::from_be_bytes(*consume_queue),
            index_timestamp_ms: i64::from_be_bytes(*rest.first_chunk()?),
        })
    }

    /// Data stored at or before this time needs no recovery: the older of the first two less three seconds.
    #[doc(alias = "getMinTimestamp")]
    pub fn recovered_until_ms(&self) -> i64 {
        self.commit_log_timestamp_ms.min(self.consume_queue_timestamp_ms).saturating_sub(MARGIN_MS).max(0)
    }

    /// As [`Self::recovered_until_ms`], for the index too (`messageIndexSafe`).
    #[doc(alias = "getMinTimestampIndex")]
    pub fn recovered_until_with_index_ms(&self) -> i64 {
        self.recovered_until_ms().min(self.index_timestamp_ms)
    }
}

const _: () = assert!(CHECKPOINT_SIZE < CHECKPOINT_FILE_SIZE);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoint_goes_both_ways() {
        let checkpoint = Checkpoint {
            commit_log_timestamp_ms: 0x1A1_FCBE_91AC,
            consume_queue_timestamp_ms: 2,
            index_timestamp_ms: 3,
        };
        let bytes = checkpoint.encode();
        assert_eq!(bytes[..9], [0, 0, 1, 0xA1, 0xFC, 0xBE, 0x91, 0xAC, 0]);
        assert_eq!(Checkpoint::decode(&bytes), Some(checkpoint));
        assert_eq!(Checkpoint::decode(&bytes[..23]), None);
    }

    #[test]
    fn recovery_starts_three_seconds_early_and_never_below_zero() {
        let mut checkpoint = Checkpoint {
            commit_log_timestamp_ms: 10_000,
            consume_queue_timestamp_ms: 9_000,
            index_timestamp_ms: 5_000,
        };
        assert_eq!(checkpoint.recovered_until_ms(), 6_000);
        assert_eq!(checkpoint.recovered_until_with_index_ms(), 5_000);
        checkpoint.consume_queue_timestamp_ms = 1_000;
        assert_eq!(checkpoint.recovered_until_ms(), 0);
    }
}
