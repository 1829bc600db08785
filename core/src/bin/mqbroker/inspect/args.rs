//! Options of `inspect`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

const MORE: &str = "\
The store is opened for reading and never changed; while it is looked at no broker can start in it. Without a word behind the
directory the store is summed up. verify exits with 253 when something is wrong and lists what; what the next start of the broker
repairs by itself, after a kill say, is noted and no fault.

Examples:
  mqbroker inspect /var/lib/mqbroker
  mqbroker inspect /var/lib/mqbroker verify
  mqbroker inspect /var/lib/mqbroker log --topic Orders --key 4711 --body --json
  mqbroker inspect /var/lib/mqbroker queues --topic Orders --queue 0 --from 100 --limit 10
  mqbroker inspect /var/lib/mqbroker index --topic Orders --key 4711";

/// Options of `inspect`.
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub struct Inspect {
    /// Directory of the store (storePathRootDir)
    #[arg(value_name = "STORE-DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,

    #[command(subcommand)]
    pub what: Option<What>,

    #[command(flatten)]
    pub shown: Shown,
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum What {
    /// Messages of the commit log, in the order they were stored
    Log,
    /// Units of the consume queues, with those of their extensions
    Queues,
    /// Files and entries of the key index; with --topic and --key the entries of that key
    Index,
    /// How far each kind of file is known to be on the disk
    Checkpoint,
    /// Tables of topics, groups, offsets and filters, as they are written
    Tables {
        /// Only these files of config/, such as topics.json
        #[arg(value_name = "FILE")]
        names: Vec<String>,
    },
    /// Checks every record, queue unit, index entry and table, and what they say of each other
    Verify,
}

/// How, and how much of it.
#[derive(Debug, Args)]
pub struct Shown {
    /// Properties file of the broker, where it says how large files are or where the commit log is
    #[arg(short = 'c', long = "configFile", value_name = "FILE", global = true, value_hint = ValueHint::FilePath)]
    pub config_file: Option<PathBuf>,

    /// Only this topic
    #[arg(long, global = true)]
    pub topic: Option<String>,

    /// Only the queue with this id
    #[arg(long, value_name = "ID", global = true)]
    pub queue: Option<i32>,

    /// From this offset on: of bytes in the log and in the index, of units in queues
    #[arg(long, value_name = "OFFSET", global = true)]
    pub from: Option<u64>,

    /// Up to this offset, itself left out
    #[arg(long, value_name = "OFFSET", global = true)]
    pub to: Option<u64>,

    /// Stop after so many lines
    #[arg(long, value_name = "N", global = true)]
    pub limit: Option<u64>,

    /// Only messages with this key or id
    #[arg(long, global = true)]
    pub key: Option<String>,

    /// Show bodies, compressed ones inflated
    #[arg(long, global = true)]
    pub body: bool,

    /// Print one JSON object on each line
    #[arg(long, global = true)]
    pub json: bool,
}

impl Shown {
    /// Whether an offset lies between `--from` and `--to`.
    pub fn holds(&self, offset: u64) -> bool {
        self.from.is_none_or(|from| offset >= from) && self.to.is_none_or(|to| offset < to)
    }

    /// Whether a queue is asked for.
    pub fn holds_queue(&self, topic: &str, queue_id: i32) -> bool {
        self.topic.as_deref().is_none_or(|wanted| wanted == topic)
            && self.queue.is_none_or(|wanted| wanted == queue_id)
    }
}
