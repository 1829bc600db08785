//! `mqbroker`: the standalone server, and the tools around it.

mod args;
mod bench;
mod check;
mod connection;
mod groups;
mod inspect;
mod message;
#[path = "../process/mod.rs"]
mod process;
mod program;
mod remote;
mod send;
mod shell;
mod tail;
mod terminal;
mod topics;

use std::process::ExitCode;
use std::time::Duration;

use args::Args;
use libbroker::embed::{self, Embedded, Options, Resolved};
use libbroker::internals::config::Config;
use libbroker::{Error, ErrorKind};
use process::StopSignals;

/// How long a clean stop may take before it is given up.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word.to_str().is_some_and(program::is_command)) {
        return program::main();
    }
    let args: Args = match process::command_line() {
        Ok(args) => args,
        Err(code) => return code,
    };
    if let Some(word) = args.words.iter().find(|word| !word.contains('=')) {
        let advice = if program::is_command(word) { "; a command is the first word" } else { "" };
        return process::usage_error(&format!("unexpected argument '{word}'{advice}"));
    }
    if let Err(text) = process::log_to_stderr(&args.log) {
        return process::usage_error(&text);
    }
    let options = args.options();
    let resolved = match options.resolve() {
        Ok(resolved) => resolved,
        Err(error) => return process::failure("mqbroker", &error),
    };
    if let Some(dir) = resolved.store_dir().filter(|_| args.dev) {
        let text = format!(
            "storePathRootDir={}: --dev keeps its data in a temporary directory; leave out one of them",
            dir.display()
        );
        return process::failure("mqbroker", &Error::new(ErrorKind::Config, text));
    }
    if args.check {
        process::say(&check::report(&resolved));
    } else if args.print_config_item {
        process::say(&check::every_property(&resolved));
    } else if args.print_important_config {
        process::say(&check::important_properties(&resolved));
    } else {
        for word in &args.words {
            tracing::warn!("{word} on the command line has no effect, as in Java: put it into the -c file");
        }
        return match serve(options, &resolved) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => process::failure("mqbroker", &error),
        };
    }
    ExitCode::SUCCESS
}

/// Runs until a signal comes.
fn serve(options: Options, resolved: &Resolved) -> Result<(), Error> {
    for note in resolved.notes() {
        tracing::warn!("{note}");
    }
    process::raise_file_limit();
    let mut signals = StopSignals::take().map_err(|cause| Error::io("cannot take over signals", &cause))?;
    let broker = embed::start(options)?;
    process::say(&format!("{}\n", success_line(&broker, resolved)));
    let signal = signals.wait();
    tracing::info!("{signal}: stopping");
    broker.stop(STOP_TIMEOUT)?;
    tracing::info!("stopped");
    Ok(())
}

/// Java's line, and where the data is.
fn success_line(broker: &Embedded, resolved: &Resolved) -> String {
    let config = resolved.config();
    let address = match (config.announced_host(), broker.address()) {
        (Some(host), Some(address)) => host.with_port(address.port()),
        (None, Some(address)) => address.to_string(),
        (_, None) => "not listening".to_owned(),
    };
    let own_namesrv = broker.namesrv_address().map(|address| address.to_string());
    let namesrv = resolved.namesrv_elsewhere().map(str::to_owned).or(own_namesrv).unwrap_or_default();
    let temporary =
        if resolved.store_dir().is_none() { chosen_for_trying_out(config) } else { String::new() };
    format!(
        "The broker[{}, {address}] boot success. serializeType={} and name server is {namesrv}, store={}{temporary}",
        config.broker.broker_name,
        config.system.serialize_type.as_str(),
        broker.store_dir().display(),
    )
}

/// What is special about `--dev`, as far as a properties file says nothing else.
fn chosen_for_trying_out(config: &Config) -> String {
    let mut said = " (temporary: removed at exit".to_owned();
    if config.broker.auto_create_topic_enable {
        said.push_str("; topics come with their first message");
    }
    if config.system.disk_space_warning_level_ratio.get() >= 1.0 {
        said.push_str("; the use of the disk is not limited");
    }
    said.push(')');
    said
}
