//! What `/proc` tells of the machine and its processes.

use std::fs;
use std::process::Command;
use std::time::Duration;

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("cannot read {path}: {e}"))
}

fn value<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_once(':').map_or("unknown", |(_, value)| value.trim())
}

/// CPU time of a process so far, to the nanosecond: that of its threads. Threads that have ended are missing, which is of no
/// account for a broker that just started.
pub fn cpu_time(pid: u32) -> Duration {
    let folder = format!("/proc/{pid}/task");
    let tasks = fs::read_dir(&folder).unwrap_or_else(|e| panic!("cannot list {folder}: {e}"));
    let nanos = tasks.flatten().filter_map(|task| {
        let times = fs::read_to_string(task.path().join("schedstat")).ok()?;
        times.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// Resident memory of a process in MiB.
pub fn rss_mib(pid: u32) -> f64 {
    let status = read(&format!("/proc/{pid}/status"));
    let kib = value(&status, "VmRSS").split(' ').next().and_then(|kib| kib.parse::<f64>().ok());
    kib.unwrap_or_else(|| panic!("no VmRSS of process {pid}")) / 1024.0
}

/// Of the last minute.
pub fn load_average() -> String {
    read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned()
}

/// Processor, memory, kernel and JVM.
pub fn description() -> String {
    let processor = read("/proc/cpuinfo");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = read("/proc/meminfo");
    let kib: u64 = value(&memory, "MemTotal").split(' ').next().and_then(|kib| kib.parse().ok()).unwrap_or(0);
    let kernel = read("/proc/sys/kernel/osrelease");
    let java = Command::new("java").arg("-version").output().map(|output| output.stderr).unwrap_or_default();
    let java = String::from_utf8_lossy(&java);
    format!(
        "{cores} cores of {}, {:.0} GiB, Linux {}, {}.",
        value(&processor, "model name"),
        kib as f64 / f64::from(1 << 20),
        kernel.trim(),
        java.lines().next().unwrap_or("no Java"),
    )
}
