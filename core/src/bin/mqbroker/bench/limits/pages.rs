//! Filling a mapped file: copy and CRC-32 of records of 1 KiB, which is what a broker that stores them does at least.
//!
//! The first write to a page costs a fault, and the kernel clears the page. On a virtual machine whose host takes free memory back,
//! it costs a fault in the host as well, several µs per KiB, unless the memory was in use just before.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use libbroker::Error;
use libbroker::clock::Clock;
use libbroker::internals::mmap::disk::Disk;
use libbroker::internals::mmap::mapped_file::{Allocation, Appender, MappedFile};
use serde::Serialize;

use super::super::report::per;
use super::super::server::{Cpu, Server};

const RECORD_BYTES: usize = 1024;
/// Different records, so that copying does not always read the same KiB.
const RECORDS: usize = 64;

/// Both kinds of memory.
#[derive(Debug, Serialize)]
pub struct Pages {
    pub size_mib: u32,
    /// Of a file that is made of whatever memory the machine has free.
    pub fresh: Passes,
    /// Of a file as large as one that was touched and deleted just before.
    pub freed_just_before: Passes,
}

/// What it takes to write a file, and to write it again.
#[derive(Debug, Serialize)]
pub struct Passes {
    pub first_touch: Cost,
    pub hot: Cost,
}

/// Microseconds per KiB.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Cost {
    pub cpu_us_per_kib: f64,
    pub user_us_per_kib: f64,
    pub system_us_per_kib: f64,
    pub wall_us_per_kib: f64,
}

impl Cost {
    fn of(cpu: Cpu, elapsed: Duration, kib: u64) -> Self {
        let us_per_kib = |time: Duration| per(time.as_secs_f64() * 1e6, kib);
        Self {
            cpu_us_per_kib: us_per_kib(cpu.total()),
            user_us_per_kib: us_per_kib(cpu.user),
            system_us_per_kib: us_per_kib(cpu.system),
            wall_us_per_kib: us_per_kib(elapsed),
        }
    }
}

/// Writes files of `size_mib` in `dir`, one after the other.
pub fn measure(clock: &Clock, dir: &Path, size_mib: u32) -> Result<Pages, Error> {
    let size_bytes = size_mib as usize * (1 << 20);
    let fresh = passes(clock, &dir.join("fresh"), size_bytes)?;
    // The first one has freed its memory by now; this one makes sure that it was all in use.
    passes(clock, &dir.join("scratch"), size_bytes)?;
    let freed_just_before = passes(clock, &dir.join("freed"), size_bytes)?;
    Ok(Pages { size_mib, fresh, freed_just_before })
}

/// Writes a new file twice and removes it.
fn passes(clock: &Clock, path: &Path, size_bytes: usize) -> Result<Passes, Error> {
    let failed = |cause| Error::io(format_args!("cannot fill {}", path.display()), &cause);
    let file = MappedFile::create(&Disk::real(), path, 0, size_bytes, Allocation::Whole).map_err(failed)?;
    let file = Arc::new(file);
    let pass = || {
        let (own, start) = (Server::own(), clock.moment());
        let before = own.cpu()?;
        fill(&file).map_err(failed)?;
        let elapsed = clock.moment().since(start);
        Ok::<_, Error>(Cost::of(before.until(&own.cpu()?), elapsed, (size_bytes / 1024) as u64))
    };
    let first_touch = pass()?;
    file.set_positions(0);
    let hot = pass()?;
    file.remove().map_err(failed)?;
    Ok(Passes { first_touch, hot })
}

/// Appends records until the file is full.
fn fill(file: &Arc<MappedFile>) -> std::io::Result<()> {
    let mut appender = Appender::new(file.clone())?;
    let records: Vec<[u8; RECORD_BYTES]> =
        (0..RECORDS).map(|_| std::array::from_fn(|_| fastrand::u8(..))).collect();
    for record in records.iter().cycle().take(file.size_bytes() / RECORD_BYTES) {
        appender.append(RECORD_BYTES, |target| {
            let (sum, rest) = target.split_at_mut(size_of::<u32>());
            sum.copy_from_slice(&crc32fast::hash(record).to_ne_bytes());
            rest.copy_from_slice(record.get(size_of::<u32>()..).unwrap_or_default());
            RECORD_BYTES
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_filled_with_checked_records_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = Arc::new(MappedFile::create(&Disk::real(), &path, 0, 1 << 20, Allocation::Whole).unwrap());
        fill(&file).unwrap();
        assert!(file.is_full());
        let records = file.published(0).chunks(RECORD_BYTES);
        assert!(records.clone().all(|record| record.iter().any(|byte| *byte != 0)));
        assert_eq!(records.len(), 1024);
        file.remove().unwrap();

        let pages = measure(&Clock::system(), dir.path(), 1).unwrap();
        assert!(pages.fresh.first_touch.wall_us_per_kib > 0.0, "{pages:?}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_cost_is_per_kib() {
        let cpu = Cpu { user: Duration::from_micros(300), system: Duration::from_micros(100) };
        let cost = Cost::of(cpu, Duration::from_micros(800), 200);
        assert_eq!((cost.cpu_us_per_kib, cost.user_us_per_kib), (2.0, 1.5));
        assert_eq!((cost.system_us_per_kib, cost.wall_us_per_kib), (0.5, 4.0));
    }
}
