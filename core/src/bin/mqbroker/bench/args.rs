//! The command line of `mqbroker bench`.

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use libbroker::internals::format::wire::Serializer;

use super::content;
use super::load::Limit;

/// Parsed when the first word is `bench`.
#[derive(Debug, Parser)]
#[command(name = "mqbroker", version)]
pub enum Program {
    /// Loads a running broker and says what it takes
    #[command(subcommand)]
    Bench(Bench),
}

#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Sends messages
    Send(Send),
    /// Pulls the messages of a topic that `bench send` filled, and checks content and order
    Pull(Pull),
}

/// What both loads need.
#[derive(Debug, Clone, Args)]
pub struct Load {
    /// Address of the broker
    #[arg(default_value = "127.0.0.1:10911", value_name = "HOST:PORT")]
    pub address: String,

    /// Topic
    #[arg(long, default_value = "bench")]
    pub topic: String,

    /// Connections, each with a thread of its own
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub connections: u32,

    /// Requests outstanding on each connection
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub window: u32,

    /// Messages to be measured; else the time counts
    #[arg(long, conflicts_with = "seconds")]
    pub count: Option<u64>,

    /// How long to measure
    #[arg(long, default_value_t = 10.0, value_parser = seconds)]
    pub seconds: f64,

    /// How long to run the same load before measuring
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    pub warmup: f64,

    /// How header fields are written
    #[arg(long, value_enum, default_value_t = Header::Json)]
    pub header: Header,

    /// Process id of the broker, when it runs on this machine: adds its CPU time and memory
    #[arg(long)]
    pub pid: Option<u32>,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

impl Load {
    /// When the measured part ends.
    pub fn limit(&self) -> Limit {
        self.count.map_or(Limit::Time(Duration::from_secs_f64(self.seconds)), Limit::Messages)
    }

    /// When the warm-up ends; `None` when there is none.
    pub fn warmup(&self) -> Option<Limit> {
        (self.warmup > 0.0).then(|| Limit::Time(Duration::from_secs_f64(self.warmup)))
    }
}

#[derive(Debug, Clone, Args)]
pub struct Send {
    #[command(flatten)]
    pub load: Load,

    /// Body of a message in bytes
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(content::BODY_MIN as i64..))]
    pub body: u32,

    /// Queues of the topic, which is created
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub queues: u32,

    /// Messages in one request; more than one makes batches
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub batch: u32,

    /// Ask for an answer to the last request of each window only
    #[arg(long)]
    pub oneway: bool,
}

#[derive(Debug, Clone, Args)]
pub struct Pull {
    #[command(flatten)]
    pub load: Load,

    /// Most messages in one answer
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub batch: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Header {
    Json,
    Rocketmq,
}

impl Header {
    pub fn serializer(self) -> Serializer {
        match self {
            Header::Json => Serializer::Json,
            Header::Rocketmq => Serializer::Rocketmq,
        }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=1e6).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds, not negative".to_owned()),
    }
}
