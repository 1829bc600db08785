//! What the broker's process has used, from `/proc`.

use std::fs;
use std::thread;
use std::time::Duration;

use libbroker::{Error, ErrorKind};
use serde::Serialize;

/// How long a broker may go on working after the load.
const SETTLE_MAX: Duration = Duration::from_secs(60);
/// A broker that uses less than [`IDLE_CPU`] in this time, twice in a row, has caught up.
const IDLE_SPAN: Duration = Duration::from_millis(250);
/// A tenth of a core: Java's broker polls with several threads.
const IDLE_CPU: Duration = Duration::from_millis(25);

/// CPU time of a process since its start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu {
    pub user: Duration,
    pub system: Duration,
}

impl Cpu {
    pub fn total(self) -> Duration {
        self.user + self.system
    }

    pub fn since(self, earlier: Cpu) -> Cpu {
        Cpu {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
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

    /// CPU time so far, of threads that have ended too.
    pub fn cpu(&self) -> Result<Cpu, Error> {
        let stat = self.read("stat")?;
        // The name in parentheses may contain anything; user and system time are the 12th and 13th word behind it.
        let mut words = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
        let mut time = || {
            let ticks: u64 = words.next()?.parse().ok()?;
            Some(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
        };
        match (time(), time()) {
            (Some(user), Some(system)) => Ok(Cpu { user, system }),
            _ => Err(Error::new(ErrorKind::Internal, format!("{}/stat has another form", self.folder))),
        }
    }

    /// Memory now.
    pub fn memory(&self) -> Result<Memory, Error> {
        let status = self.read("status")?;
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim_start_matches(':').split_whitespace().next()?.parse().ok()
        };
        Ok(Memory {
            rss_kib: value("VmRSS").unwrap_or_default(),
            anonymous_kib: value("RssAnon").unwrap_or_default(),
            peak_kib: value("VmHWM").unwrap_or_default(),
        })
    }

    /// Waits until the process has nothing left to do, such as dispatching what was sent.
    pub fn settle(&self) -> Result<(), Error> {
        let mut idle_spans = 0;
        for _ in 0..SETTLE_MAX.as_millis() / IDLE_SPAN.as_millis() {
            let before = self.cpu()?;
            thread::sleep(IDLE_SPAN);
            let idle = self.cpu()?.since(before).total() < IDLE_CPU;
            idle_spans = if idle { idle_spans + 1 } else { 0 };
            if idle_spans == 2 {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_process_has_cpu_time_and_memory() {
        let own = Server::own();
        let mut sum = 0_u64;
        while own.cpu().unwrap().total() < Duration::from_millis(20) {
            sum = (0..1_000_000_u64).fold(sum, |sum, i| sum.wrapping_mul(31) ^ i);
        }
        let memory = own.memory().unwrap();
        assert!(memory.rss_kib > 100 && memory.anonymous_kib <= memory.rss_kib, "{memory:?} {sum}");
        assert!(Server::of(u32::MAX).cpu().is_err());
    }
}
