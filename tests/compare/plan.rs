//! What the command line asks for.

/// How it is said.
pub const USAGE: &str = "compare [rounds [messages]] [--only GROUP]... [--seconds S] [--cold]
  rounds     how often each figure is taken [5]
  messages   sent in a round by the load of 1 KiB; the other loads are sized after it [300000]
  --only     one group of rows: start, send, small, batch, sync, pull or latency; may be repeated
  --seconds  how long a round of the load at a fixed rate takes, and how long the idle broker is watched [10]
  --cold     do not put memory at hand before a load";

/// Rows that are measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Start,
    Send,
    Small,
    Batch,
    Pull,
    Latency,
    Sync,
}

impl Group {
    const ALL: [Group; 7] =
        [Group::Start, Group::Send, Group::Small, Group::Batch, Group::Pull, Group::Latency, Group::Sync];

    fn name(self) -> &'static str {
        match self {
            Group::Start => "start",
            Group::Send => "send",
            Group::Small => "small",
            Group::Batch => "batch",
            Group::Pull => "pull",
            Group::Latency => "latency",
            Group::Sync => "sync",
        }
    }
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub struct Plan {
    pub rounds: usize,
    pub messages: u64,
    pub seconds: u32,
    pub cold: bool,
    groups: Vec<Group>,
}

impl Plan {
    /// Reads the words behind the program's name.
    pub fn read(words: impl IntoIterator<Item = String>) -> Result<Plan, String> {
        let mut plan = Plan { rounds: 5, messages: 300_000, seconds: 10, cold: false, groups: Vec::new() };
        let mut numbers = 0;
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--cold" => plan.cold = true,
                "--only" => plan.groups.push(group(&words.next().ok_or("--only what?")?)?),
                "--seconds" => plan.seconds = number(&words.next().ok_or("--seconds of what?")?)?,
                _ => {
                    match numbers {
                        0 => plan.rounds = number(&word)?,
                        1 => plan.messages = number(&word)?,
                        _ => return Err(format!("{word:?} is one too many")),
                    }
                    numbers += 1;
                }
            }
        }
        if plan.rounds == 0 || plan.messages < 1000 || plan.seconds == 0 {
            return Err("at least 1 round, 1000 messages and 1 second".to_owned());
        }
        Ok(plan)
    }

    /// Whether these rows are wanted.
    pub fn has(&self, group: Group) -> bool {
        self.groups.is_empty() || self.groups.contains(&group)
    }
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("{word:?} is no number that fits here"))
}

fn group(name: &str) -> Result<Group, String> {
    let known = Group::ALL.into_iter().find(|group| group.name() == name);
    known.ok_or_else(|| format!("{name:?} is no group"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<Plan, String> {
        Plan::read(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn without_words_everything_is_compared() {
        let plan = read("").unwrap();
        assert_eq!((plan.rounds, plan.messages, plan.cold), (5, 300_000, false));
        assert!(Group::ALL.into_iter().all(|group| plan.has(group)));
    }

    #[test]
    fn numbers_and_options_may_be_mixed() {
        let plan = read("2 --only latency --cold 5000 --only sync --seconds 3").unwrap();
        assert_eq!((plan.rounds, plan.messages, plan.seconds, plan.cold), (2, 5000, 3, true));
        assert!(plan.has(Group::Latency) && plan.has(Group::Sync) && !plan.has(Group::Send));
    }

    #[test]
    fn nonsense_is_refused_with_the_word_at_fault() {
        for (words, reason) in [
            ("--only everything", "\"everything\""),
            ("1 2000 3", "\"3\""),
            ("many", "\"many\""),
            ("0", "1 round"),
        ] {
            assert!(read(words).unwrap_err().contains(reason), "{words}");
        }
        assert!(read("--only").is_err());
    }
}
