//! Runs the steps of a task: streams what they print, takes their time, and repeats the closing lines of the test runners.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// What a step answers; the error is one line for a person.
pub type Result<T = ()> = std::result::Result<T, String>;

/// Whose closing lines a command ends with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Runner {
    /// No test runner.
    None,
    /// `test result: ok. 3 passed; …`
    Cargo,
    /// `=== 3 passed in 0.10s ===`
    Pytest,
    /// `# pass 3`, as `node --test` and the C programs print it.
    Tap,
}

/// The steps of one task so far.
pub struct Steps {
    started: Instant,
    done: Vec<Done>,
    closing: Vec<String>,
}

struct Done {
    name: String,
    took: Duration,
    result: Result,
}

impl Steps {
    /// A task without steps yet.
    pub fn new() -> Self {
        Self { started: Instant::now(), done: Vec::new(), closing: Vec::new() }
    }

    /// Runs one step. A failed step is reported and remembered; the answer says whether later steps may build on it.
    pub fn run(&mut self, name: &str, step: impl FnOnce(&mut Closing) -> Result) -> bool {
        println!("\n==> {name}");
        let started = Instant::now();
        let mut closing = Closing { step: name.to_owned(), lines: Vec::new() };
        let result = step(&mut closing);
        let took = started.elapsed();
        match &result {
            Ok(()) => println!("==> {name}: ok, {:.1} s", took.as_secs_f32()),
            Err(text) => println!("==> {name}: FAILED after {:.1} s: {text}", took.as_secs_f32()),
        }
        let ok = result.is_ok();
        self.closing.append(&mut closing.lines);
        self.done.push(Done { name: name.to_owned(), took, result });
        ok
    }

    /// Prints the summary, then the closing lines as the runners wrote them. Fails when a step failed.
    pub fn finish(self, task: &str) -> Result {
        println!("\n==> summary of `cargo ci {task}`");
        for step in &self.done {
            let word = if step.result.is_ok() { "ok" } else { "FAILED" };
            println!("{:<24} {:>7.1} s  {word}", step.name, step.took.as_secs_f32());
        }
        println!("{:<24} {:>7.1} s", "all", self.started.elapsed().as_secs_f32());
        let failed: Vec<&str> =
            self.done.iter().filter(|step| step.result.is_err()).map(|step| step.name.as_str()).collect();
        if !self.closing.is_empty() {
            println!("\n==> what the test runners said last");
        }
        for line in &self.closing {
            println!("{line}");
        }
        if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
    }
}

/// Collects the closing lines of one step.
pub struct Closing {
    step: String,
    lines: Vec<String>,
}

impl Closing {
    /// Runs `command`, shows its output as it comes and keeps the closing lines of `runner`.
    pub fn run(&mut self, command: &mut Command, runner: Runner) -> Result {
        let shown = show(command);
        println!("$ {shown}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|cause| format!("cannot run {shown}: {cause}"))?;
        let (sender, lines) = mpsc::sync_channel(64);
        let mut readers = Vec::new();
        if let Some(pipe) = child.stdout.take() {
            readers.push(forward(pipe, sender.clone()));
        }
        if let Some(pipe) = child.stderr.take() {
            readers.push(forward(pipe, sender));
        }
        let mut kept = Vec::new();
        for line in lines {
            println!("{line}");
            if is_closing(runner, &line) {
                kept.push(line);
            }
        }
        for reader in readers {
            reader.join().map_err(|_| format!("lost the output of {shown}"))?;
        }
        std::io::stdout().flush().map_err(|cause| cause.to_string())?;
        if !kept.is_empty() {
            self.lines.push(format!("{}:", self.step));
            self.lines.append(&mut kept);
        }
        let status = child.wait().map_err(|cause| format!("{shown}: {cause}"))?;
        if status.success() { Ok(()) } else { Err(format!("{shown}: {status}")) }
    }
}

fn forward(pipe: impl Read + Send + 'static, lines: mpsc::SyncSender<String>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(std::result::Result::ok) {
            if lines.send(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned()).is_err() {
                return;
            }
        }
    })
}

/// The command as one would type it; environment left out.
fn show(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn is_closing(runner: Runner, line: &str) -> bool {
    match runner {
        Runner::None => false,
        // Crates without tests close with a line too; it says nothing.
        Runner::Cargo => line.starts_with("test result:") && !line.contains(" 0 passed; 0 failed"),
        Runner::Pytest => line.starts_with('=') && line.contains(" in ") && line.ends_with('='),
        Runner::Tap => ["# tests ", "# pass ", "# fail "].iter().any(|start| line.starts_with(start)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_kept_as_written() {
        assert!(is_closing(Runner::Cargo, "test result: ok. 3 passed; 0 failed; 0 ignored"));
        assert!(!is_closing(Runner::Cargo, "test result: ok. 0 passed; 0 failed; 0 ignored"));
        assert!(is_closing(Runner::Pytest, "===== 3 passed, 1 skipped in 0.10s ====="));
        assert!(!is_closing(Runner::Pytest, "===== test session starts ====="));
        assert!(is_closing(Runner::Tap, "# pass 3") && !is_closing(Runner::Tap, "# Subtest: start"));
    }

    #[test]
    fn a_failed_step_fails_the_task_after_the_others_ran() {
        let mut steps = Steps::new();
        assert!(!steps.run("one", |_| Err("broken".to_owned())));
        assert!(steps.run("two", |_| Ok(())));
        assert_eq!(steps.finish("x"), Err("failed: one".to_owned()));
    }

    #[test]
    fn output_of_a_command_is_read_to_its_end() {
        let mut closing = Closing { step: "x".to_owned(), lines: Vec::new() };
        let mut command = Command::new("sh");
        command.args(["-c", "echo '# pass 2'; echo '# fail 0' >&2; exit 3"]);
        assert!(closing.run(&mut command, Runner::Tap).unwrap_err().contains('3'));
        closing.lines.sort();
        assert_eq!(closing.lines, ["# fail 0", "# pass 2", "x:"]);
    }
}
