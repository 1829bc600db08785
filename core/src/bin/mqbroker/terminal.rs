//! What the tools print: tables for people, JSON for programs, colours for terminals only.
//!
//! Nothing that came from a message reaches a terminal unfiltered: control characters are shown as escapes, so that a body cannot
//! move the cursor. `NO_COLOR` and `CLICOLOR` are honoured.

use std::fmt::Write as _;
use std::io::{self, BufWriter, ErrorKind as IoErrorKind, Write};

use console::Style;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use libbroker::Error;
use serde::Serialize;

/// Standard output, until its reader goes away.
pub struct Output {
    to: BufWriter<Box<dyn Write>>,
    is_closed: bool,
}

impl Output {
    pub fn new() -> Self {
        Self::over(io::stdout())
    }

    /// Writes elsewhere.
    pub fn over(to: impl Write + 'static) -> Self {
        Self { to: BufWriter::new(Box::new(to)), is_closed: false }
    }

    /// Whether the reader went away, as in `mqbroker tail T | head`: no reason to fail, but to stop.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// One line.
    pub fn line(&mut self, text: &str) -> Result<(), Error> {
        let written = self.to.write_all(text.as_bytes()).and_then(|()| self.to.write_all(b"\n"));
        self.noted(written)
    }

    /// One line with a JSON object.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_string(value)
            .map_err(|cause| Error::new(libbroker::ErrorKind::Internal, format!("JSON: {cause}")))?;
        self.line(&text)
    }

    /// A table, if it has rows.
    pub fn table(&mut self, table: &Table) -> Result<(), Error> {
        table.lines().iter().try_for_each(|line| self.line(line))
    }

    /// Lets the reader have what was written.
    pub fn flush(&mut self) -> Result<(), Error> {
        let flushed = self.to.flush();
        self.noted(flushed)
    }

    fn noted(&mut self, outcome: io::Result<()>) -> Result<(), Error> {
        match outcome {
            Err(cause) if cause.kind() == IoErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(())
            }
            other => other.map_err(|cause| Error::io("cannot write to standard output", &cause)),
        }
    }
}

/// Columns under a head. Numbers stand at the right.
#[derive(Debug, Default)]
pub struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(head: &[&'static str]) -> Self {
        Self { head: head.to_vec(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell)).collect());
    }

    /// Head and rows, each with its line.
    pub fn lines(&self) -> Vec<String> {
        let width_of = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).chain(self.head.get(column).map(|name| name.len())).max()
        };
        let widths: Vec<usize> = (0..self.head.len()).map(|column| width_of(column).unwrap_or(0)).collect();
        let is_number = |column: usize| {
            let cells = || self.rows.iter().filter_map(move |row| row.get(column));
            let is_digits = |cell: &String| cell.parse::<i64>().is_ok();
            cells().any(is_digits) && cells().all(|cell| cell == "-" || is_digits(cell))
        };
        let right: Vec<bool> = (0..self.head.len()).map(is_number).collect();
        let names: Vec<String> = self.head.iter().map(|name| (*name).to_owned()).collect();
        let mut lines = vec![strong(&aligned(&names, &widths, &right))];
        lines.extend(self.rows.iter().map(|row| aligned(row, &widths, &right)));
        lines
    }
}

fn aligned(cells: &[String], widths: &[usize], right: &[bool]) -> String {
    let mut line = String::new();
    for ((cell, width), right) in cells.iter().zip(widths).zip(right) {
        let pad = width.saturating_sub(cell.chars().count());
        let (before, behind) = if *right { (pad, 0) } else { (0, pad) };
        let _ = write!(line, "{:before$}{cell}{:behind$}  ", "", "");
    }
    line.truncate(line.trim_end().len());
    line
}

/// A head.
pub fn strong(text: &str) -> String {
    Style::new().bold().apply_to(text).to_string()
}

/// What stands beside the matter.
pub fn faint(text: &str) -> String {
    Style::new().dim().apply_to(text).to_string()
}

/// What is well.
pub fn good(text: &str) -> String {
    Style::new().green().apply_to(text).to_string()
}

/// What is not.
pub fn bad(text: &str) -> String {
    Style::new().red().bold().apply_to(text).to_string()
}

/// The text with control characters as escapes.
pub fn printable(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len() + 8), |mut out, c| {
        if c.is_control() {
            out.extend(c.escape_default())
        } else {
            out.push(c)
        }
        out
    })
}

/// Local time to the millisecond; the number itself where it is no time.
pub fn local_time(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(time) if ms > 0 => time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        _ => ms.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_its_numbers_at_the_right() {
        let mut table = Table::new(&["TOPIC", "MAX"]);
        table.row(["a".to_owned(), "7".to_owned()]);
        table.row(["longer".to_owned(), "1234".to_owned()]);
        console::set_colors_enabled(false);
        assert_eq!(table.lines(), ["TOPIC    MAX", "a          7", "longer  1234"]);
    }

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(printable("a\u{1b}[2Jb\n\u{9b}"), "a\\u{1b}[2Jb\\n\\u{9b}");
        assert_eq!(printable("größer 订单"), "größer 订单");
    }

    #[test]
    fn a_time_that_is_none_is_a_number() {
        assert_eq!((local_time(0), local_time(i64::MAX)), ("0".to_owned(), i64::MAX.to_string()));
        assert!(local_time(1_700_000_000_123).ends_with(".123"));
    }
}
