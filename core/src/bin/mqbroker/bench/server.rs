//! What the broker's process has used, from `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use libbroker::{Error, ErrorKind};
use serde::Serialize;

/// How long a broker may go on working after the load.
const SETTLE_MAX: Duration = Duration::from_secs(60);
/// A broker that uses less than [`IDLE_CPU`] in this time, twice in a row, has caught up.
const IDLE_SPAN: Duration = Duration::from_millis(250);
/// Half a core: who catches up takes a whole one, while Java's broker at rest polls with several threads, which was seen to take
/// 30 % of a slow one.
const IDLE_CPU: Duration = Duration::from_millis(125);

/// CPU time that a process took between two readings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cpu {
    pub user: Duration,
    pub system: Duration,
}

impl Cpu {
    pub fn total(self) -> Duration {
        self.user + self.system
    }

    pub fn add(&mut self, other: Cpu) {
        self.user += other.user;
        self.system += other.system;
    }

    /// `total`, split as `self` is; into halves when `self` is nothing.
    fn scaled_to(self, total: Duration) -> Cpu {
        let share = match self.total().as_secs_f64() {
            0.0 => 0.5,
            ticks_s => self.user.as_secs_f64() / ticks_s,
        };
        let user = total.mul_f64(share).min(total);
        Cpu { user, system: total - user }
    }
}

/// CPU time of a process since its start.
#[derive(Debug, Clone, Default)]
pub struct CpuReading {
    /// In ticks of the clock, threads that have ended included.
    ticks: Cpu,
    /// To the nanosecond, by thread.
    threads: BTreeMap<u32, Duration>,
}

impl CpuReading {
    /// What was used from this reading to `later`.
    ///
    /// The sum over the threads is exact, but the last part of a thread that has ended in between is missing. A tick is coarse:
    /// it counts only where it shows that something is missing.
    pub fn until(&self, later: &CpuReading) -> Cpu {
        let ticks = Cpu {
            user: later.ticks.user.saturating_sub(self.ticks.user),
            system: later.ticks.system.saturating_sub(self.ticks.system),
        };
        let used = later
            .threads
            .iter()
            .map(|(thread, time)| time.saturating_sub(self.threads.get(thread).copied().unwrap_or_default()));
        let exact: Duration = used.sum();
        // User and system time are cut to whole ticks, so a difference of both may be two ticks too large.
        if ticks.total() > exact + 2 * tick() { ticks } else { ticks.scaled_to(exact) }
    }
}

fn tick() -> Duration {
    Duration::from_secs(1) / u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100).max(1)
}

/// Memory of a process in KiB.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Memory {
    /// Resident, mapped files included.
    pub rss_kib: u64,
    /// Resident without files.
    pub anonymous_kib: u64,
    /// The highest it has been.
    pub peak_kib: u64,
}

/// Everything at one moment.
#[derive(Debug, Clone)]
pub struct Usage {
    pub cpu: CpuReading,
    pub memory: Memory,
    /// Bytes that the process made dirty in files, by writing or through mappings; `None` where that is not for us to know.
    pub written_bytes: Option<u64>,
}

/// A process of this machine.
#[derive(Debug, Clone)]
pub struct Server {
    folder: String,
}

impl Server {
    /// The broker.
    pub fn of(pid: u32) -> Self {
        Self { folder: format!("/proc/{pid}") }
    }

    /// This process.
    pub fn own() -> Self {
        Self { folder: "/proc/self".to_owned() }
    }

    fn read(&self, name: &str) -> Result<String, Error> {
        let path = format!("{}/{name}", self.folder);
        fs::read_to_string(&path).map_err(|cause| Error::io(format_args!("cannot read {path}"), &cause))
    }

    /// CPU time so far.
    pub fn cpu(&self) -> Result<CpuReading, Error> {
        let threads = self.threads()?;
        let stat = self.read("stat")?;
        // The name in parentheses may contain anything; user and system time are the 12th and 13th word behind it.
        let mut words = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
        let mut time = || {
            let ticks: u32 = words.next()?.parse().ok()?;
            Some(tick() * ticks)
        };
        match (time(), time()) {
            (Some(user), Some(system)) => Ok(CpuReading { ticks: Cpu { user, system }, threads }),
            _ => Err(Error::new(ErrorKind::Internal, format!("{}/stat has another form", self.folder))),
        }
    }

    fn threads(&self) -> Result<BTreeMap<u32, Duration>, Error> {
        let path = format!("{}/task", self.folder);
        let listed =
            fs::read_dir(&path).map_err(|cause| Error::io(format_args!("cannot list {path}"), &cause))?;
        // One that ends meanwhile is left out.
        let time = |folder: &Path| {
            let schedstat = fs::read_to_string(folder.join("schedstat")).ok()?;
            schedstat.split(' ').next()?.parse().ok().map(Duration::from_nanos)
        };
        let threads = listed
            .flatten()
            .filter_map(|thread| Some((thread.file_name().to_str()?.parse().ok()?, time(&thread.path())?)));
        Ok(threads.collect())
    }

    /// Memory now.
    pub fn memory(&self) -> Result<Memory, Error> {
        let status = self.read("status")?;
        let value = |name: &str| number_of_line(&status, name).unwrap_or_default();
        Ok(Memory { rss_kib: value("VmRSS:"), anonymous_kib: value("RssAnon:"), peak_kib: value("VmHWM:") })
    }

    /// Everything, now.
    pub fn usage(&self) -> Result<Usage, Error> {
        let io = self.read("io").unwrap_or_default();
        let written_bytes = number_of_line(&io, "write_bytes:");
        Ok(Usage { cpu: self.cpu()?, memory: self.memory()?, written_bytes })
    }

    /// Waits until the process has nothing left to do, such as dispatching what was sent.
    pub fn settle(&self) -> Result<(), Error> {
        let mut idle_spans = 0;
        for _ in 0..SETTLE_MAX.as_millis() / IDLE_SPAN.as_millis() {
            let before = self.cpu()?;
            thread::sleep(IDLE_SPAN);
            let idle = before.until(&self.cpu()?).total() < IDLE_CPU;
            idle_spans = if idle { idle_spans + 1 } else { 0 };
            if idle_spans == 2 {
                break;
            }
        }
        Ok(())
    }
}

/// The number behind the first line's beginning that is `name`.
fn number_of_line(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_own_process_has_cpu_time_and_memory() {
        let own = Server::own();
        let start = CpuReading::default();
        let mut sum = 0_u64;
        while start.until(&own.cpu().unwrap()).total() < 20 * MS {
            sum = (0..1_000_000_u64).fold(sum, |sum, i| sum.wrapping_mul(31) ^ i);
        }
        let usage = own.usage().unwrap();
        let memory = usage.memory;
        assert!(memory.rss_kib > 100 && memory.anonymous_kib <= memory.rss_kib, "{memory:?} {sum}");
        assert!(Server::of(u32::MAX).cpu().is_err());
    }

    #[test]
    fn threads_are_exact_and_ticks_tell_of_those_that_ended() {
        let reading = |user_ms: u32, system_ms: u32, threads: &[(u32, u32)]| CpuReading {
            ticks: Cpu { user: MS * user_ms, system: MS * system_ms },
            threads: threads.iter().map(|(thread, ms)| (*thread, MS * *ms)).collect(),
        };
        let before = reading(100, 100, &[(1, 150), (2, 50)]);
        let exact = before.until(&reading(110, 100, &[(1, 152), (2, 50), (3, 4)]));
        assert_eq!(exact, Cpu { user: 6 * MS, system: Duration::ZERO });
        let no_tick = before.until(&reading(100, 100, &[(1, 154), (2, 50)]));
        assert_eq!(no_tick, Cpu { user: 2 * MS, system: 2 * MS });
        let one_ended = before.until(&reading(200, 150, &[(1, 151)]));
        assert_eq!(one_ended, Cpu { user: 100 * MS, system: 50 * MS });
    }

    #[test]
    fn a_line_is_found_by_its_beginning() {
        let io = "wchar: 5\nwrite_bytes: 4096\ncancelled_write_bytes: 7\n";
        assert_eq!(number_of_line(io, "write_bytes:"), Some(4096));
        assert_eq!(number_of_line("", "write_bytes:"), None);
    }
}
