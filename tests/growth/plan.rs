//! What the command line asks for.

use crate::table::Table;
use crate::{connections, depth, fairness, polls, queues, store};

/// How it is said.
pub const USAGE: &str = "growth [CURVE]... [--quick]
  CURVE    connections, queues, depth, polls, recovery, start or fairness; without any of them, all
  --quick  small sizes, about a minute for all curves: to see whether it works";

/// What is made to grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    Connections,
    Queues,
    Depth,
    Polls,
    Recovery,
    Start,
    Fairness,
}

impl Curve {
    const ALL: [Curve; 7] = [
        Curve::Connections,
        Curve::Queues,
        Curve::Depth,
        Curve::Polls,
        Curve::Recovery,
        Curve::Start,
        Curve::Fairness,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Curve::Connections => "connections",
            Curve::Queues => "queues",
            Curve::Depth => "depth",
            Curve::Polls => "polls",
            Curve::Recovery => "recovery",
            Curve::Start => "start",
            Curve::Fairness => "fairness",
        }
    }

    /// Takes it.
    pub fn run(self, quick: bool) -> Vec<Table> {
        match self {
            Curve::Connections => vec![connections::curve(quick)],
            Curve::Queues => vec![queues::curve(quick)],
            Curve::Depth => vec![depth::curve(quick)],
            Curve::Polls => polls::curves(quick),
            Curve::Recovery => vec![store::recovery(quick)],
            Curve::Start => vec![store::start(quick)],
            Curve::Fairness => vec![fairness::curve(quick)],
        }
    }
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub struct Plan {
    pub curves: Vec<Curve>,
    pub quick: bool,
}

impl Plan {
    /// Reads the words behind the program's name.
    pub fn read(words: impl IntoIterator<Item = String>) -> Result<Plan, String> {
        let mut plan = Plan { curves: Vec::new(), quick: false };
        for word in words {
            if word == "--quick" {
                plan.quick = true;
                continue;
            }
            let known = Curve::ALL.into_iter().find(|curve| curve.name() == word);
            plan.curves.push(known.ok_or_else(|| format!("{word:?} is no curve"))?);
        }
        if plan.curves.is_empty() {
            plan.curves.extend(Curve::ALL);
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<Plan, String> {
        Plan::read(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn without_words_every_curve_is_taken() {
        assert_eq!(read("").unwrap(), Plan { curves: Curve::ALL.to_vec(), quick: false });
    }

    #[test]
    fn curves_are_taken_in_the_order_given() {
        let plan = read("start --quick polls").unwrap();
        assert_eq!((plan.curves, plan.quick), (vec![Curve::Start, Curve::Polls], true));
        assert!(read("everything").unwrap_err().contains("\"everything\""));
    }
}
