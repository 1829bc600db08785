//! What both programs do with their process: command line, log output, exit codes, signals.

use std::io::{Error as IoError, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use libbroker::{Error, ErrorKind};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Exit code of a wrong command line, as Java's.
const USAGE: u8 = 1;
/// Exit code of a configuration or store that cannot be used, Java's `System.exit(-3)`.
const UNUSABLE: u8 = 253;
/// Exit code of any other failure to start, Java's `System.exit(-1)`.
const NOT_STARTED: u8 = 255;

/// Reads the command line, or says with which code to exit: 0 after help, 1 after a mistake.
pub fn command_line<T: Parser>() -> Result<T, ExitCode> {
    T::try_parse().map_err(|answer| {
        // Help goes to standard output, mistakes to standard error; a closed one changes nothing.
        let _ = answer.print();
        if answer.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
    })
}

/// Lets this process open as many files as it may, as a JVM does: every connection takes one, and a shell often allows 1024. Without
/// effect where that is not allowed.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
        if let Err(errno) = raised {
            tracing::warn!("open files stay limited to {:?}: {errno}", limit.current);
        }
    }
}

/// Writes to standard output. A reader that went away, as in `mqbroker -p | head`, is no reason to fail.
pub fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Reports a wrong use of the command line that the parser cannot see.
pub fn usage_error(text: &str) -> ExitCode {
    complain(&format!("error: {text}\n\nFor more information, try '--help'."));
    ExitCode::from(USAGE)
}

/// Reports why the program does not start, and gives the exit code of that kind of failure.
pub fn failure(program: &str, error: &Error) -> ExitCode {
    complain(&format!("{program}: {error}"));
    ExitCode::from(match error.kind() {
        ErrorKind::Config | ErrorKind::StoreCorrupt => UNUSABLE,
        _ => NOT_STARTED,
    })
}

/// Sends log lines of `level` to standard error. `level` is `off`, `error`, `warn`, `info`, `debug` or `trace`, or several
/// `module=level` split by commas.
pub fn log_to_stderr(level: &str) -> Result<(), String> {
    let allowed = "expected off, error, warn, info, debug or trace, or module=level entries split by ','";
    let targets: Targets = match level.parse::<LevelFilter>() {
        Ok(level) => Targets::new().with_default(level),
        Err(_) if level.contains('=') => {
            level.parse().map_err(|_| format!("log level {level:?}: {allowed}"))?
        }
        Err(_) => return Err(format!("log level {level:?}: {allowed}")),
    };
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let layer = layer.with_target(true).with_thread_names(std::io::stderr().is_terminal());
    tracing_subscriber::registry().with(layer).with(targets).try_init().map_err(|error| error.to_string())
}

/// SIGINT and SIGTERM from now on. The first one is waited for; a second one ends the process at once.
pub struct StopSignals(Signals);

impl StopSignals {
    /// Takes over both signals.
    pub fn take() -> Result<Self, IoError> {
        let stopping = Arc::new(AtomicBool::new(false));
        for (signal, exit_code) in [(SIGINT, 130), (SIGTERM, 143)] {
            // The order matters: the first delivery finds the flag unset and sets it, the second finds it set.
            flag::register_conditional_shutdown(signal, exit_code, Arc::clone(&stopping))?;
            flag::register(signal, Arc::clone(&stopping))?;
        }
        Signals::new([SIGINT, SIGTERM]).map(Self)
    }

    /// Returns the name of the first signal, which may have come before this call.
    pub fn wait(&mut self) -> &'static str {
        match self.0.forever().next() {
            Some(SIGINT) => "SIGINT",
            _ => "SIGTERM",
        }
    }
}
