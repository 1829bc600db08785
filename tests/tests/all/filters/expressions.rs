//! Random expressions and property sets: mostly well-formed, with the values at which types change, and sometimes broken.

use fastrand::Rng;

/// Names and values.
pub(super) type PropertySet = Vec<(&'static str, String)>;

/// Names of properties, in expressions and messages.
const NAMES: [&str; 6] = ["a", "b", "c", "_d", "$e", "A"];

const VALUES: [&str; 45] = [
    "0",
    "1",
    "-1",
    "7",
    "+7",
    "10",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "1.5",
    "-1.5",
    "10.0",
    ".5",
    "5.",
    "1e3",
    "1E-3",
    "1e999",
    "-0",
    "-0.0",
    "0.0",
    "NaN",
    "Infinity",
    "-Infinity",
    "nan",
    "1d",
    "2F",
    "0x1p3",
    "0x1.8P-1",
    "0x10",
    " 7",
    "7 ",
    "٣",
    "７",
    "true",
    "TRUE",
    "false",
    "x",
    "it's",
    "xyz",
    "1_000",
    "é",
];

const NUMBERS: [&str; 26] = [
    "0",
    "1",
    "7",
    "10",
    "2147483647",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "7L",
    "8l",
    "0L",
    "007",
    "1.5",
    "10.0",
    "0.0",
    ".5",
    "5.",
    "1e1",
    "1e0",
    "1E+1",
    "1e-400",
    "1e400",
    "5.e1",
    "05.5",
    "9223372036854775807.0",
    "1.5L",
];

const TEXTS: [&str; 12] =
    ["'x'", "'xyz'", "'it''s'", "''", "''''", "'7'", "'true'", "'1.5'", "'AND'", "'--'", "'é'", "'0x1p3'"];

const BLANKS: [&str; 8] = [" ", " ", " ", "\n", "\t ", " /* skipped */ ", " /* * / ** */", " -- skipped\n"];

const BROKEN: [&str; 22] = [
    "#", "!", "'", "/*", "--", ".", "(", ")", ",", "AND", "OR", "NOT", "IN", "IS", "BETWEEN", "LIKE 'x'",
    "a + 1", "a != 1", "IS NOT", "NULL = a", "garbage", "> 1",
];

pub(super) struct Generator {
    rng: Rng,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed) }
    }

    fn pick(&mut self, choices: &[&'static str]) -> &'static str {
        choices[self.rng.usize(..choices.len())]
    }

    /// 24 of them; the first is empty but for what every message has.
    pub(super) fn property_sets(&mut self) -> Vec<PropertySet> {
        let mut sets = vec![Vec::new()];
        while sets.len() < 24 {
            let mut set = Vec::new();
            for name in NAMES {
                if self.rng.u8(..4) > 0 {
                    set.push((name, self.pick(&VALUES).to_owned()));
                }
            }
            sets.push(set);
        }
        sets
    }

    /// An expression, its negation, and whether it is unknown.
    pub(super) fn with_negations(&mut self) -> [String; 3] {
        let depth = self.rng.usize(..4);
        let mut expression = self.condition(depth);
        if self.rng.u8(..8) == 0 {
            expression = self.damaged(&expression);
        }
        let negated = format!("NOT ({expression})");
        let unknown = format!("({expression}) IS NULL");
        [expression, negated, unknown]
    }

    fn damaged(&mut self, expression: &str) -> String {
        let broken = self.pick(&BROKEN);
        let words: Vec<&str> = expression.split(' ').collect();
        match self.rng.u8(..4) {
            0 => format!("{expression} {broken}"),
            1 => format!("{broken} {expression}"),
            2 => words[..self.rng.usize(..words.len())].join(" "),
            _ => {
                let at = self.rng.usize(..=words.len());
                [&words[..at], &[broken], &words[at..]].concat().join(" ")
            }
        }
    }

    fn word(&mut self, word: &str) -> String {
        match self.rng.u8(..4) {
            0 => word.to_lowercase(),
            1 => word.chars().map(|c| if self.rng.bool() { c.to_ascii_lowercase() } else { c }).collect(),
            _ => word.to_owned(),
        }
    }

    fn maybe_not(&mut self) -> String {
        if self.rng.u8(..3) == 0 { self.word("NOT") } else { String::new() }
    }

    fn blank(&mut self) -> &'static str {
        self.pick(&BLANKS)
    }

    fn condition(&mut self, depth: usize) -> String {
        let kind = if depth == 0 { 0 } else { self.rng.u8(..7) };
        match kind {
            0 | 1 => self.simple(depth),
            2 | 3 => {
                let word = self.word(if kind == 2 { "AND" } else { "OR" });
                let (left, right) = (self.condition(depth - 1), self.condition(depth - 1));
                let (before, after) = (self.blank(), self.blank());
                if self.rng.bool() {
                    format!("({left}){before}{word}{after}({right})")
                } else {
                    format!("{left}{before}{word}{after}{right}")
                }
            }
            4 => {
                let (word, inner) = (self.word("NOT"), self.condition(depth - 1));
                if self.rng.bool() { format!("{word} ({inner})") } else { format!("{word} {inner}") }
            }
            5 => format!("({})", self.condition(depth - 1)),
            _ => {
                let (left, right) = (self.condition(depth - 1), self.condition(depth - 1));
                let sign = self.pick(&["=", "<>"]);
                format!("({left}) {sign} ({right})")
            }
        }
    }

    fn simple(&mut self, depth: usize) -> String {
        let blank = self.blank();
        match self.rng.u8(..14) {
            0..=3 => {
                let (left, right) = (self.value(depth), self.value(depth));
                let sign = self.pick(&["=", "<>"]);
                format!("{left} {sign}{blank}{right}")
            }
            4..=6 => {
                let (left, right) = (self.ordered(depth), self.ordered(depth));
                let sign = self.pick(&[">", ">=", "<", "<="]);
                format!("{left}{sign}{blank}{right}")
            }
            7 | 8 => {
                let (value, not) = (self.ordered(depth), self.maybe_not());
                let (low, high) = (self.ordered(depth), self.ordered(depth));
                let (between, and) = (self.word("BETWEEN"), self.word("AND"));
                format!("{value} {not} {between} {low}{blank}{and} {high}")
            }
            9 | 10 => {
                let texts: Vec<&str> = (0..self.rng.usize(1..8)).map(|_| self.pick(&TEXTS)).collect();
                let (name, not, word) = (self.pick(&NAMES), self.maybe_not(), self.word("IN"));
                format!("{name} {not} {word}{blank}({})", texts.join(", "))
            }
            11 | 12 => {
                let (value, is, null) = (self.value(depth), self.word("IS"), self.word("NULL"));
                format!("{value} {is} {}{blank}{null}", self.maybe_not())
            }
            _ => self.pick(&["TRUE", "FALSE", "NULL", "a", "b", "c"]).to_owned(),
        }
    }

    fn value(&mut self, depth: usize) -> String {
        match self.rng.u8(..12) {
            0..=4 => self.pick(&NAMES).to_owned(),
            5 | 6 => self.number(),
            7 | 8 => self.pick(&TEXTS).to_owned(),
            9 => self.pick(&["TRUE", "FALSE", "false", "NULL"]).to_owned(),
            10 => format!("-{}", self.pick(&NAMES)),
            _ if depth > 0 => format!("({})", self.condition(depth - 1)),
            _ => self.pick(&NAMES).to_owned(),
        }
    }

    /// Mostly what may be compared by order.
    fn ordered(&mut self, depth: usize) -> String {
        match self.rng.u8(..20) {
            0..=10 => self.pick(&NAMES).to_owned(),
            11..=18 => self.number(),
            _ => self.value(depth),
        }
    }

    fn number(&mut self) -> String {
        let sign = self.pick(&["", "", "", "-", "+", "- ", "-+-"]);
        format!("{sign}{}", self.pick(&NUMBERS))
    }
}
