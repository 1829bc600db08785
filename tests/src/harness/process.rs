//! Child processes: output kept and waited for line by line, stacks on timeout, and none left behind.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, ThreadId, current};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Which tool can show the stacks of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// A JVM: `jstack`.
    Java,
    /// Anything else: `gdb` where there is one, else what `/proc` tells of the threads.
    Native,
}

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    output: Arc<Output>,
    log: PathBuf,
    readers: Vec<JoinHandle<()>>,
    ended: Option<ExitStatus>,
}

/// Lines of standard output not yet asked for.
#[derive(Debug, Default)]
struct Output {
    state: Mutex<OutputState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct OutputState {
    lines: VecDeque<String>,
    closed: bool,
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, OutputState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// Starts `command`; both output streams go to `<log_dir>/<name>.log`, standard output also to [`Process::next_line`].
    pub fn spawn(name: &str, runtime: Runtime, mut command: Command, log_dir: &Path) -> Process {
        let log = log_dir.join(format!("{name}.log"));
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap_or_else(|e| panic!("cannot open {}: {e}", log.display()));
        let _ = writeln!(file, "$ {command:?}");
        // A group of its own: an interrupt at the terminal reaches the test, and the reaper then ends the child.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot start {name} ({command:?}): {e}"));
        watch(Watched {
            pid: child.id(),
            name: name.to_owned(),
            runtime,
            log: log.clone(),
            test: current().id(),
        });
        let output = Arc::new(Output::default());
        let stdout = child.stdout.take().expect("standard output is piped");
        let stderr = child.stderr.take().expect("standard error is piped");
        let shared =
            |file: &File| file.try_clone().unwrap_or_else(|e| panic!("cannot share {}: {e}", log.display()));
        let readers = vec![
            copy_lines(name, stdout, shared(&file), Some(Arc::clone(&output))),
            copy_lines(name, stderr, file, None),
        ];
        let stdin = child.stdin.take();
        Process { name: name.to_owned(), child, stdin, output, log, readers, ended: None }
    }

    /// The name given at the start.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output; `None` when it was closed. Panics after `timeout`.
    pub fn next_line(&mut self, timeout: Duration) -> Option<String> {
        let deadline = Instant::now() + timeout;
        let output = Arc::clone(&self.output);
        let mut state = output.lock();
        loop {
            if let Some(line) = state.lines.pop_front() {
                return Some(line);
            }
            if state.closed {
                return None;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(state);
                panic!("{} printed nothing for {timeout:?}\n{}", self.name, accounts_with_stacks());
            }
            state = output.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Reads standard output up to a line that contains `text`. Panics when the process ends first or after `timeout`.
    pub fn wait_for_line(&mut self, text: &str, timeout: Duration) -> String {
        let deadline = Instant::now() + timeout;
        loop {
            match self.next_line(deadline.saturating_duration_since(Instant::now())) {
                Some(line) if line.contains(text) => return line,
                Some(_) => {}
                None => panic!("{} ended without printing {text:?}\n{}", self.name, self.account()),
            }
        }
    }

    /// Writes one line to the child's standard input.
    pub fn write_line(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().unwrap_or_else(|| panic!("{}: standard input is closed", self.name));
        let sent = writeln!(stdin, "{text}").and_then(|()| stdin.flush());
        if let Err(e) = sent {
            panic!("cannot write to {}: {e}\n{}", self.name, self.account());
        }
    }

    /// Whether it runs still.
    pub fn is_running(&mut self) -> bool {
        self.poll().is_none()
    }

    fn poll(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended =
                self.child.try_wait().unwrap_or_else(|e| panic!("cannot wait for {}: {e}", self.name));
            if self.ended.is_some() {
                forget(self.child.id());
            }
        }
        self.ended
    }

    /// Waits for the end. Panics, with stacks, after `timeout`.
    pub fn wait(&mut self, timeout: Duration) -> ExitStatus {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.poll() {
                self.join_readers();
                return status;
            }
            if Instant::now() >= deadline {
                panic!("{} did not end within {timeout:?}\n{}", self.name, accounts_with_stacks());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// SIGTERM, then [`Process::wait`].
    pub fn terminate(&mut self, timeout: Duration) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait(timeout)
    }

    /// SIGKILL, then waits until the kernel is done with it.
    pub fn kill9(&mut self) {
        self.signal(Signal::KILL);
        self.wait(Duration::from_secs(30));
    }

    fn signal(&mut self, signal: Signal) {
        if self.poll().is_none() {
            let pid = Pid::from_child(&self.child);
            kill_process(pid, signal).unwrap_or_else(|e| panic!("cannot signal {}: {e}", self.name));
        }
    }

    fn join_readers(&mut self) {
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }

    /// What it printed last.
    pub fn account(&self) -> String {
        account(&self.log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
            forget(self.child.id());
        }
        self.join_readers();
    }
}

fn copy_lines(
    name: &str,
    from: impl Read + Send + 'static,
    mut log: File,
    output: Option<Arc<Output>>,
) -> JoinHandle<()> {
    let copy = move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let _ = log.write_all(&line);
            if let Some(output) = &output {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                output.lock().lines.push_back(text);
                output.changed.notify_all();
            }
            line.clear();
        }
        if let Some(output) = &output {
            output.lock().closed = true;
            output.changed.notify_all();
        }
    };
    std::thread::Builder::new()
        .name(format!("{name}-output"))
        .spawn(copy)
        .unwrap_or_else(|e| panic!("cannot start a thread: {e}"))
}

/// The last `lines` lines of a file.
pub fn tail(path: &Path, lines: usize) -> String {
    let text = fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].iter().flat_map(|line| [*line, "\n"]).collect()
}

fn shortened(text: &str, lines: usize) -> String {
    text.lines().take(lines).flat_map(|line| [line, "\n"]).collect()
}

fn account(log: &Path) -> String {
    format!("--- end of {} ---\n{}---", log.display(), tail(log, 60))
}

/// Last output and stacks of every process that this test has running: the one that waits is seldom the one that hangs.
pub fn accounts_with_stacks() -> String {
    let mine = |watched: &&Watched| watched.test == current().id();
    let watched: Vec<Watched> =
        LIVE.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(mine).cloned().collect();
    let mut text = String::new();
    for process in watched {
        let stacks = stacks(process.pid, process.runtime);
        let file = process.log.with_extension("stacks");
        let _ = fs::write(&file, &stacks);
        let _ = writeln!(
            text,
            "{}\n--- stacks of {} ({}) ---",
            account(&process.log),
            process.name,
            file.display()
        );
        let _ = writeln!(text, "{}", shortened(&stacks, 400));
    }
    text
}

fn stacks(pid: u32, runtime: Runtime) -> String {
    let pid_text = pid.to_string();
    let attempt = match runtime {
        Runtime::Java => Command::new("jstack").args(["-l", &pid_text]).output(),
        Runtime::Native => {
            Command::new("gdb").args(["-p", &pid_text, "-batch", "-ex", "thread apply all bt 30"]).output()
        }
    };
    match attempt {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        _ => threads_from_proc(pid),
    }
}

/// Name, state and kernel wait channel of every thread; better than nothing on a machine without a debugger.
fn threads_from_proc(pid: u32) -> String {
    let mut text = String::new();
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return "the process is gone".to_owned();
    };
    for task in tasks.flatten() {
        let read =
            |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default().trim().to_owned();
        let status = read("status");
        let state = status.lines().find(|line| line.starts_with("State:")).unwrap_or("State: ?");
        let _ = writeln!(
            text,
            "{:24} {state}, wchan {}, syscall {}",
            read("comm"),
            read("wchan"),
            read("syscall")
        );
    }
    text
}

/// A child that has not been waited for yet.
#[derive(Debug, Clone)]
struct Watched {
    pid: u32,
    name: String,
    runtime: Runtime,
    log: PathBuf,
    /// A test runs in a thread of its own.
    test: ThreadId,
}

static LIVE: Mutex<Vec<Watched>> = Mutex::new(Vec::new());

fn watch(watched: Watched) {
    REAPER.tell('+', watched.pid);
    LIVE.lock().unwrap_or_else(PoisonError::into_inner).push(watched);
}

fn forget(pid: u32) {
    REAPER.tell('-', pid);
    LIVE.lock().unwrap_or_else(PoisonError::into_inner).retain(|watched| watched.pid != pid);
}

/// Ends the children when this process dies without running destructors: a shell that reads their ids from a pipe and
/// kills what is left when the pipe closes.
struct Reaper {
    shell: Mutex<Child>,
}

static REAPER: LazyLock<Reaper> = LazyLock::new(|| {
    let script = r#"trap '' INT TERM HUP
        while read -r sign pid; do
            case $sign in
                +) pids="$pids $pid " ;;
                -) pids="${pids%% $pid *} ${pids#* $pid }" ;;
            esac
        done
        for pid in $pids; do kill -9 "$pid"; done 2>/dev/null"#;
    let shell = Command::new("sh")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|e| panic!("cannot start sh: {e}"));
    Reaper { shell: Mutex::new(shell) }
});

impl Reaper {
    fn tell(&self, sign: char, pid: u32) {
        let mut shell = self.shell.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipe) = shell.stdin.as_mut() {
            let _ = writeln!(pipe, "{sign} {pid}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Scratch;

    fn shell(script: &str, scratch: &Scratch) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::spawn("shell", Runtime::Native, command, scratch.path())
    }

    fn panic_text(action: impl FnOnce() + std::panic::UnwindSafe) -> String {
        let cause = std::panic::catch_unwind(action).expect_err("it panics");
        cause.downcast_ref::<String>().cloned().unwrap_or_default()
    }

    #[test]
    fn lines_of_standard_output_come_one_by_one_until_the_end() {
        let scratch = Scratch::new("process");
        let mut process =
            shell("echo one; echo two; echo aside >&2; read answer; echo got $answer; exit 3", &scratch);
        assert_eq!(process.wait_for_line("two", Duration::from_secs(10)), "two");
        process.write_line("this");
        assert_eq!(process.next_line(Duration::from_secs(10)).as_deref(), Some("got this"));
        assert_eq!(process.next_line(Duration::from_secs(10)), None);
        assert_eq!(process.wait(Duration::from_secs(10)).code(), Some(3));
        assert!(process.account().contains("aside"), "{}", process.account());
    }

    #[test]
    fn waiting_in_vain_shows_output_and_stacks() {
        let text = panic_text(|| {
            let scratch = Scratch::new("process");
            let mut process = shell("echo begun; exec sleep 60", &scratch);
            process.wait_for_line("never", Duration::from_millis(300));
        });
        assert!(text.contains("printed nothing") && text.contains("begun"), "{text}");
        assert!(text.contains("stacks of shell") && text.contains("sleep"), "{text}");
    }

    #[test]
    fn an_early_end_is_told_at_once() {
        let text = panic_text(|| {
            let scratch = Scratch::new("process");
            let mut process = shell("echo cannot bind >&2; exit 1", &scratch);
            process.wait_for_line("boot success", Duration::from_secs(60));
        });
        assert!(text.contains("ended without printing") && text.contains("cannot bind"), "{text}");
    }
}
