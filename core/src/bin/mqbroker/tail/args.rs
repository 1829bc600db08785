//! Options of `tail`.

use clap::Args;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::remote::Target;

const MORE: &str = "\
It pulls as the group TOOLS_CONSUMER, which every broker has, and commits nothing: consumers lose no message by it. Queues that are
added while it runs are not followed.

Examples:
  mqbroker tail Orders
  mqbroker tail Orders --from first --tags 'new || paid' --count 10
  mqbroker tail Orders --from 2026-11-21T08:00:00 --json";

/// Options of `tail`.
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub struct Tail {
    #[command(flatten)]
    pub target: Target,

    /// Topic
    pub topic: String,

    /// Where to begin in each queue: first, last, an offset, or a time (2026-11-21T08:00:00, with or without a zone, or @ and
    /// milliseconds since 1970)
    #[arg(long, default_value = "last", value_name = "PLACE", value_parser = Start::parse)]
    pub from: Start,

    /// Only messages with these tags, such as "a || b"
    #[arg(long, default_value = "*", value_name = "EXPRESSION")]
    pub tags: String,

    /// Only this queue
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i32).range(0..))]
    pub queue: Option<i32>,

    /// Stop after so many messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,

    /// Print a JSON object for each message
    #[arg(long)]
    pub json: bool,
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    First,
    Last,
    Offset(i64),
    /// Milliseconds since 1970.
    Time(i64),
}

impl Start {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "first" => return Ok(Self::First),
            "last" => return Ok(Self::Last),
            _ => {}
        }
        if let Some(ms) = text.strip_prefix('@') {
            return ms
                .parse()
                .map(Self::Time)
                .map_err(|_| "@ is followed by milliseconds since 1970".to_owned());
        }
        if let Ok(offset) = text.parse::<i64>() {
            return Some(offset).filter(|offset| *offset >= 0).map(Self::Offset).ok_or_else(expected);
        }
        time_ms(text).map(Self::Time).ok_or_else(expected)
    }
}

fn expected() -> String {
    "expected first, last, an offset, a time such as 2026-11-21T08:00:00 or @1700000000000".to_owned()
}

/// A time with a zone, or a local one.
fn time_ms(text: &str) -> Option<i64> {
    let with_zone = text.parse::<Timestamp>().ok().or_else(|| Some(text.parse::<Zoned>().ok()?.timestamp()));
    let time = with_zone.or_else(|| {
        let local = text.parse::<DateTime>().ok()?;
        Some(local.to_zoned(TimeZone::system()).ok()?.timestamp())
    });
    time.map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_word_an_offset_or_a_time() {
        assert_eq!(Start::parse("first"), Ok(Start::First));
        assert_eq!(Start::parse("0"), Ok(Start::Offset(0)));
        assert_eq!(Start::parse("@1700000000000"), Ok(Start::Time(1_700_000_000_000)));
        assert_eq!(Start::parse("2023-11-14T22:13:20Z"), Ok(Start::Time(1_700_000_000_000)));
        assert!(matches!(Start::parse("2023-11-14T22:13:20"), Ok(Start::Time(_))));
        for wrong in ["", "-1", "newest", "@x", "2023-13-01T00:00:00"] {
            assert!(Start::parse(wrong).is_err(), "{wrong}");
        }
    }
}
