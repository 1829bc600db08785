//! The command line of `mqbroker bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use libbroker::Error;
use libbroker::internals::format::wire::Serializer;

use super::content;
use super::load::Limit;
use crate::connection::Connection;

pub const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    wrong command line
  2    done, but messages were refused, lost, wrong or out of order: the report says how many
  255  the load could not be run";

#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Sends messages
    Send(Send),
    /// Pulls the messages of a topic that `bench send` filled, and checks content and order
    ///
    /// A broker that takes the requests of one connection with several threads, as Java's does, has stored them out of order, unless
    /// they were sent with a window of 1.
    Pull(Pull),
    /// Sends at a given rate and takes the time until consumers that wait in long polls have the messages
    #[command(mut_arg("topic", |topic| topic.default_value("bench-latency")))]
    Latency(Latency),
    /// Parks many long polls: memory, CPU time at rest, and what it takes to wake some of them
    #[command(mut_arg("topic", |topic| topic.default_value("bench-hold")))]
    Hold(Hold),
    /// Measures what this machine can do, without a broker
    Limits(Limits),
    /// The other process of the echo of `limits`
    #[command(hide = true)]
    EchoServer(Echo),
}

/// The broker, and what every load on it needs.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// Address of the broker
    #[arg(default_value = "127.0.0.1:10911", value_name = "HOST:PORT")]
    pub address: String,

    /// Topic
    #[arg(long, default_value = "bench")]
    pub topic: String,

    /// How header fields are written
    #[arg(long, value_enum, default_value_t = Header::Json)]
    pub header: Header,

    /// Process id of the broker, when it runs on this machine: adds its CPU time, memory and bytes written
    #[arg(long)]
    pub pid: Option<u32>,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

impl Target {
    /// A new connection.
    pub fn connect(&self) -> Result<Connection, Error> {
        Connection::open(&self.address, self.header.serializer())
    }
}

/// What `send` and `pull` need.
#[derive(Debug, Clone, Args)]
pub struct Load {
    #[command(flatten)]
    pub target: Target,

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

    #[command(flatten)]
    pub memory: Memory,
}

#[derive(Debug, Clone, Args)]
pub struct Pull {
    #[command(flatten)]
    pub load: Load,

    /// Most messages in one answer
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub batch: u32,
}

#[derive(Debug, Clone, Args)]
pub struct Latency {
    #[command(flatten)]
    pub target: Target,

    /// Messages per second, evenly spaced
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: u32,

    /// How long to measure
    #[arg(long, default_value_t = 10.0, value_parser = seconds)]
    pub seconds: f64,

    /// How long to run the same load before measuring
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    pub warmup: f64,

    /// Body of a message in bytes
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(content::BODY_MIN as i64..))]
    pub body: u32,

    /// Queues of the topic, which is created
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub queues: u32,

    /// Connections among which the queues are split, each with a long poll on each of its queues
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub consumers: u32,

    /// Further long polls, on queues of another topic where nothing comes
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub parked: u32,

    #[command(flatten)]
    pub memory: Memory,
}

/// For loads that make the broker write.
#[derive(Debug, Clone, Args)]
pub struct Memory {
    /// Touch and free so much memory right before measuring, so that the broker writes into pages that no host has taken back
    #[arg(long, default_value_t = 0, value_name = "MIB")]
    pub at_hand: u32,
}

#[derive(Debug, Clone, Args)]
pub struct Hold {
    #[command(flatten)]
    pub target: Target,

    /// Connections
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub connections: u32,

    /// Long polls of all connections together
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub polls: u32,

    /// Queues of the topic, which is created; the polls are spread over them
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub queues: u32,

    /// How long to watch the broker at rest
    #[arg(long, default_value_t = 5.0, value_parser = seconds)]
    pub seconds: f64,

    /// Queues that get a message each, one after the other
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub wake: u32,
}

#[derive(Debug, Clone, Args)]
pub struct Limits {
    /// Size of the files that are filled
    #[arg(long, default_value_t = 512, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub size: u32,

    /// Where those files are made; they are removed [default: the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// How long to sync, and how long to echo
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    pub seconds: f64,

    #[command(flatten)]
    pub echo: Echo,

    /// Requests outstanding on each connection of the echo
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub window: u32,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What both sides of the echo must agree on. The defaults are those of `send`: a body of 1 KiB with JSON headers.
#[derive(Debug, Clone, Args)]
pub struct Echo {
    /// Connections of the echo
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub connections: u32,

    /// Size of a request of the echo in bytes
    #[arg(long, default_value_t = 1331, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub request: u32,

    /// Size of an answer of the echo in bytes
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub answer: u32,
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::program::Program;

    #[test]
    fn an_address_and_options_are_read() {
        let words = "mqbroker bench latency --rate 500 host:1 --parked 7 --header rocketmq";
        let Ok(Program::Bench(Bench::Latency(options))) = Program::try_parse_from(words.split(' ')) else {
            panic!("{words} is not understood");
        };
        assert_eq!((options.rate, options.parked, options.target.address.as_str()), (500, 7, "host:1"));
        assert_eq!(options.target.header.serializer(), Serializer::Rocketmq);
        assert_eq!(options.target.topic, "bench-latency");
        assert!(Program::try_parse_from(["mqbroker", "bench", "hold", "--seconds", "-1"]).is_err());
    }
}
