//! What is wrong with a configuration, in words that say what to change.

use std::fmt;
use std::path::PathBuf;

use crate::error::{Error, ErrorKind};

use super::table::{self, Row};

/// Who gave a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An entry of a properties file.
    Line {
        /// The file as it was named.
        path: PathBuf,
        /// The line on which the entry begins, from 1.
        line: usize,
    },
    /// A property given through the API, by a flag or by a remote update.
    Property,
    /// An environment variable.
    Environment,
    /// The combination of several keys.
    Combination,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Line { path, line } => write!(f, "{}:{line}: ", path.display()),
            Origin::Environment => f.write_str("environment: "),
            Origin::Property | Origin::Combination => Ok(()),
        }
    }
}

/// One value that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Who gave it.
    pub origin: Origin,
    /// The key.
    pub key: String,
    /// The value; hidden when the key is secret.
    pub value: String,
    /// What would be taken.
    pub allowed: String,
}

impl Rejection {
    pub(super) fn new(origin: Origin, key: &str, value: &str, allowed: impl Into<String>) -> Self {
        let secret = table::rows_of(key).any(|row| row.is_secret());
        let value = if secret { "(hidden)" } else { value };
        Self { origin, key: key.to_owned(), value: value.to_owned(), allowed: allowed.into() }
    }

    /// A value that the row of `key` does not take; `allowed` is what the row says.
    pub(super) fn not_taken(origin: Origin, key: &str, value: &str, allowed: &str) -> Self {
        let allowed =
            if allowed.starts_with("only ") { allowed.to_owned() } else { format!("expected {allowed}") };
        Self::new(origin, key, value.trim(), allowed)
    }

    /// An unknown key: names the nearest known one, or what Java's system property is called here.
    pub(super) fn unknown(origin: Origin, key: &str, value: &str) -> Self {
        if let Some(elsewhere) = super::ELSEWHERE.iter().find(|elsewhere| elsewhere.key == key) {
            let allowed = format!("a system property of Java, not a key here; use {}", elsewhere.instead);
            return Self::new(origin, key, value, allowed);
        }
        let nearest = nearest(key);
        let allowed = match nearest {
            Some(known) => format!("unknown key; did you mean {}?", known.key()),
            None => "unknown key; `-p` prints every key".to_owned(),
        };
        // The value of an unknown key may be that of a misspelt secret.
        let hide = looks_secret(key) || nearest.is_some_and(Row::is_secret);
        Self::new(origin, key, if hide { "(hidden)" } else { value }, allowed)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}={}: {}", self.origin, self.key, self.value, self.allowed)
    }
}

/// All rejections as one error, one line each.
pub(super) fn into_error(rejections: &[Rejection]) -> Error {
    let lines: Vec<String> = rejections.iter().map(Rejection::to_string).collect();
    Error::new(ErrorKind::Config, lines.join("\n"))
}

fn looks_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["passw", "secret", "accesskey"].iter().any(|word| key.contains(word))
}

/// The known key that differs least from `key`, if it differs little.
fn nearest(key: &str) -> Option<&'static Row> {
    const LENGTH_MAX: usize = 64;
    if key.len() > LENGTH_MAX {
        return None;
    }
    let lower = key.to_lowercase();
    let (distance, known) = table::all()
        .map(|row| (edit_distance(&lower, &row.key().to_lowercase()), row))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + key.len() / 6).then_some(known)
}

/// Insertions, deletions and replacements between `from` and `to` (Levenshtein).
fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (b, above) in to.iter().zip(row.iter().skip(1)) {
            let replaced = diagonal + usize::from(a != *b);
            left = replaced.min(above + 1).min(left + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
