//! How often the disk can be made to keep something: 4 KiB appended to a mapped file whose blocks are allocated, then fdatasync.
//! It is what a broker with SYNC_FLUSH and a single producer does for each message.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use libbroker::Error;
use libbroker::clock::Clock;
use libbroker::internals::mmap::disk::Disk;
use libbroker::internals::mmap::mapped_file::{Allocation, MappedFile};
use serde::Serialize;

use super::super::percentiles::{Percentiles, Times};

const PAGE_BYTES: usize = 4096;
/// The end comes with the file's, where the time is not over before.
const FILE_BYTES: usize = 256 << 20;

/// What syncing came to.
#[derive(Debug, Serialize)]
pub struct Sync {
    pub syncs: u64,
    pub syncs_per_s: f64,
    pub sync_us: Percentiles,
}

/// Syncs for `spent`.
pub fn measure(clock: &Clock, dir: &Path, spent: Duration) -> Result<Sync, Error> {
    let path = dir.join("sync");
    let failed = |cause| Error::io(format_args!("cannot sync {}", path.display()), &cause);
    let file = MappedFile::create(&Disk::real(), &path, 0, FILE_BYTES, Allocation::Whole).map_err(failed)?;
    let file = Arc::new(file);
    let mut times = Times::new()?;
    let mut syncs = 0_u64;
    let start = clock.moment();
    let mut now = start;
    while !file.is_full() && (syncs == 0 || now.since(start) < spent) {
        file.append(PAGE_BYTES, |page| {
            page.fill(1);
            page.len()
        })
        .and_then(|_| file.flush(0))
        .map_err(failed)?;
        let after = clock.moment();
        times.note(after.since(now));
        syncs += 1;
        now = after;
    }
    let syncs_per_s = syncs as f64 / now.since(start).as_secs_f64();
    file.remove().map_err(failed)?;
    Ok(Sync { syncs, syncs_per_s, sync_us: times.percentiles_us() })
}
