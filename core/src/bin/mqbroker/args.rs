//! The command line of `mqbroker`. Names and letters of the first five options are Java's.

use std::path::PathBuf;

use clap::{ArgAction, Parser};
use libbroker::embed::{Namesrv, Options, Profile};

/// Java's ports.
const PORT: u16 = 10911;
const NAMESRV_PORT: u16 = 9876;

/// Runs a message broker that speaks the protocol of Apache RocketMQ 4.9.8.
#[derive(Debug, Parser)]
#[command(name = "mqbroker", version, override_usage = USAGE, after_help = MORE, disable_help_flag = true)]
pub struct Args {
    /// Properties file with Java's keys; docs/CONFIG.md lists them
    #[arg(short = 'c', long = "configFile", value_name = "FILE")]
    pub config_file: Option<PathBuf>,

    /// NameServers to register with, such as "192.168.0.1:9876;192.168.0.2:9876"
    #[arg(short = 'n', long = "namesrvAddr", value_name = "ADDR")]
    pub namesrv_addr: Option<String>,

    /// Print every property with its value, and exit
    #[arg(short = 'p', long = "printConfigItem")]
    pub print_config_item: bool,

    /// Print the important properties with their values, and exit
    #[arg(short = 'm', long = "printImportantConfig")]
    pub print_important_config: bool,

    /// Check command line and properties file, say what would be started, and exit
    #[arg(long)]
    pub check: bool,

    /// For trying things out: data in a temporary directory that goes at exit, small files, no limit on the use of the disk, topics and
    /// groups made on first use
    #[arg(long, conflicts_with = "store")]
    pub dev: bool,

    /// Directory of the data (property storePathRootDir) [default: $HOME/store]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,

    /// Port of the broker, 0 for a free one (property listenPort) [default: 10911]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,

    /// Port of the broker's own NameServer, 0 for a free one (property namesrvListenPort) [default: 9876]
    #[arg(long, value_name = "PORT", conflicts_with = "namesrv_addr")]
    pub namesrv_port: Option<u16>,

    /// What to log to standard error: off, error, warn, info, debug, trace, or module=level,…
    #[arg(long, value_name = "LEVEL", env = "MQBROKER_LOG", default_value = "info")]
    pub log: String,

    /// Print this help, and exit
    #[arg(short = 'h', long = "help", action = ArgAction::HelpShort)]
    pub help: Option<bool>,

    /// Ignored, as in Java; put key=value into the properties file
    #[arg(value_name = "KEY=VALUE", action = ArgAction::Append, hide = true)]
    pub words: Vec<String>,
}

const USAGE: &str = "\
mqbroker [OPTIONS]
       mqbroker <COMMAND> …";

const MORE: &str = "\
Without options it runs a broker and a NameServer, usable at once. When ready it prints one line that says where it listens
and where its data is.

Listening:
  The broker and its NameServer listen on the loopback. As soon as the property brokerIP1 or bindAddress names another
  address they listen on that one; bindAddress=0.0.0.0 is every address.

Commands, each with a help of its own (mqbroker send -h); a command is the first word:
  send         sends messages to a topic
  tail         shows messages of a topic as they come
  topics       lists topics with their queues, offsets and numbers of messages
  groups       lists consumer groups with their members and what they have still to consume
  inspect      shows and verifies the files of a store whose broker is stopped
  bench        loads a running broker and says what that takes
  completions  prints what bash, zsh or fish needs to complete all this
  man          prints a manual page

Examples:
  mqbroker --dev                        for trying things out
  mqbroker --store /var/lib/mqbroker    keeps its data there
  mqbroker -c broker.conf -n 10.0.0.1:9876

Signals:
  SIGINT and SIGTERM stop cleanly; a second one ends the process at once.

Environment:
  NAMESRV_ADDR   NameServers, where neither -n nor the file names any
  ROCKETMQ_HOME  directory whose conf/ holds the ACL files; not needed
  MQBROKER_LOG   like --log
  NO_COLOR       no colours, on terminals neither

Exit codes:
  0    stopped by a signal, or printed what was asked for
  1    wrong command line
  253  the configuration or the store cannot be used; the message names key, value and what is allowed; inspect found something wrong
  255  any other failure: file not found, port in use, store in use by another process; of a command: no broker there, unknown topic";

impl Args {
    /// What to start.
    pub fn options(&self) -> Options {
        let mut options = if self.dev { Options::new() } else { Options::server() };
        options.file = self.config_file.clone();
        options.store_dir = self.store.clone();
        options.port = self.port;
        options.namesrv = match (&self.namesrv_addr, self.namesrv_port) {
            (Some(list), _) => Some(Namesrv::At(list.clone())),
            (None, Some(port)) => Some(Namesrv::Embedded { port: Some(port) }),
            (None, None) => None,
        };
        if self.dev {
            self.choose_ports(&mut options);
        }
        options
    }

    /// The embedded profile takes free ports; who tries things out expects the usual ones, unless the file or he says otherwise.
    fn choose_ports(&self, options: &mut Options) {
        debug_assert!(options.profile == Profile::Embedded);
        let Ok(resolved) = options.resolve() else { return };
        let config = resolved.config();
        if self.port.is_none() && config.server.listen_port == 0 {
            options.port = Some(PORT);
        }
        let is_elsewhere = resolved.namesrv_elsewhere().is_some();
        if self.namesrv_port.is_none() && !is_elsewhere && config.namesrv.namesrv_listen_port == 0 {
            options.namesrv = Some(Namesrv::Embedded { port: Some(NAMESRV_PORT) });
        }
    }
}
