//! `mqnamesrv`: the standalone NameServer.

#[path = "process/mod.rs"]
mod process;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgAction, Parser};
use libbroker::Error;
use libbroker::embed::{self, Options, Resolved};
use libbroker::internals::config::{Section, lines};
use process::StopSignals;

/// How long a clean stop may take before it is given up.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// The objects that exist in this program.
const SECTIONS: [Section; 3] = [Section::Namesrv, Section::Server, Section::System];

/// Runs a NameServer that speaks the protocol of Apache RocketMQ 4.9.8.
///
/// Brokers register with it, clients ask it where a topic is. `mqbroker` has one of its own unless it is told otherwise.
#[derive(Debug, Parser)]
#[command(name = "mqnamesrv", version, after_help = MORE, disable_help_flag = true)]
struct Args {
    /// Properties file with Java's keys; docs/CONFIG.md lists them
    #[arg(short = 'c', long = "configFile", value_name = "FILE")]
    config_file: Option<PathBuf>,

    /// Taken and without effect, as in Java
    #[arg(short = 'n', long = "namesrvAddr", value_name = "ADDR")]
    namesrv_addr: Option<String>,

    /// Print every property with its value, and exit
    #[arg(short = 'p', long = "printConfigItem")]
    print_config_item: bool,

    /// Check command line and properties file, say what would be started, and exit
    #[arg(long)]
    check: bool,

    /// Directory of its files [default: $HOME/namesrv, as in Java]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,

    /// Port to listen on, 0 for a free one (property listenPort) [default: 9876]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,

    /// What to log to standard error: off, error, warn, info, debug, trace, or module=level,…
    #[arg(long, value_name = "LEVEL", env = "MQNAMESRV_LOG", default_value = "info")]
    log: String,

    /// Print this help, and exit
    #[arg(short = 'h', long = "help", action = ArgAction::HelpShort)]
    help: Option<bool>,
}

const MORE: &str = "\
Listening:
  On the loopback, until the property bindAddress names another address; bindAddress=0.0.0.0 is every address.

Signals:
  SIGINT and SIGTERM stop cleanly; a second one ends the process at once.

Environment:
  MQNAMESRV_LOG  like --log

Exit codes:
  0    stopped by a signal, or printed what was asked for
  1    wrong command line
  253  the configuration cannot be used; the message names key, value and what is allowed
  255  any other failure to start: file not found, port in use";

fn main() -> ExitCode {
    let args: Args = match process::command_line() {
        Ok(args) => args,
        Err(code) => return code,
    };
    if let Err(text) = process::log_to_stderr(&args.log) {
        return process::usage_error(&text);
    }
    let mut options = Options::server().namesrv_only();
    options.file = args.config_file.clone();
    options.store_dir = args.store.clone();
    options.port = args.port;
    match run(&args, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => process::failure("mqnamesrv", &error),
    }
}

fn run(args: &Args, options: Options) -> Result<(), Error> {
    let resolved = options.resolve()?;
    if args.check {
        process::say(&report(&resolved));
        return Ok(());
    }
    if let Some(file) = &args.config_file {
        process::say(&format!("load config properties file OK, {}\n", file.display()));
    }
    if args.print_config_item {
        process::say(&lines(&resolved.config().items(&SECTIONS)));
        return Ok(());
    }
    serve(options, &resolved)
}

/// Runs until a signal comes.
fn serve(options: Options, resolved: &Resolved) -> Result<(), Error> {
    for note in resolved.notes() {
        tracing::warn!("{note}");
    }
    process::raise_file_limit();
    let mut signals = StopSignals::take().map_err(|cause| Error::io("cannot take over signals", &cause))?;
    let namesrv = embed::start(options)?;
    let address = namesrv.namesrv_address().map(|address| address.to_string()).unwrap_or_default();
    let config = resolved.config();
    process::say(&format!(
        "The Name Server boot success. serializeType={}, address={address}, kvConfig={}\n",
        config.system.serialize_type.as_str(),
        config.namesrv.kv_config_path.display(),
    ));
    let signal = signals.wait();
    tracing::info!("{signal}: stopping");
    namesrv.stop(STOP_TIMEOUT)?;
    tracing::info!("stopped");
    Ok(())
}

fn report(resolved: &Resolved) -> String {
    let config = resolved.config();
    let mut report = format!(
        "configuration ok\nname server listens on {}\nkey-value table: {}\n",
        config.listen_host().with_port(config.server.listen_port),
        config.namesrv.kv_config_path.display(),
    );
    for note in resolved.notes() {
        report.push_str(&format!("note: {note}\n"));
    }
    report
}
