//! A table that is filled row by row.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::progress;

/// One curve.
#[derive(Debug)]
pub struct Table {
    title: String,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty one.
    pub fn new(title: impl Into<String>, columns: &[&'static str]) -> Table {
        Table { title: title.into(), columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, and shows it at once. A row that ends early has empty cells.
    pub fn row(&mut self, cells: Vec<String>) {
        let named = self.columns.iter().zip(&cells).map(|(column, cell)| format!("{column} {cell}"));
        progress(&format!("  {}", named.collect::<Vec<_>>().join("; ")));
        self.rows.push(cells);
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "**{}**\n", self.title)?;
        writeln!(f, "| {} |", self.columns.join(" | "))?;
        writeln!(f, "|{}", "---|".repeat(self.columns.len()))?;
        for row in &self.rows {
            let empty = self.columns.len().saturating_sub(row.len());
            writeln!(f, "| {} |{}", row.join(" | "), "  |".repeat(empty))?;
        }
        Ok(())
    }
}

/// Two or three digits that count; a whole number above.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size < 0.1 => format!("{value:.3}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => count(value.round() as i64),
    }
}

/// With a comma between thousands.
pub fn count(value: impl TryInto<i64>) -> String {
    let value = value.try_into().unwrap_or(i64::MAX);
    let digits = value.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0 { format!("-{text}") } else { text }
}

/// Milliseconds.
pub fn ms(time: Duration) -> String {
    number(time.as_secs_f64() * 1e3)
}

/// Microseconds.
pub fn us(time: Duration) -> String {
    number(time.as_secs_f64() * 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_row_is_filled_up() {
        let mut table = Table::new("T", &["a", "b"]);
        table.row(vec!["1".to_owned()]);
        assert_eq!(table.to_string(), "**T**\n\n| a | b |\n|---|---|\n| 1 |  |\n");
    }

    #[test]
    fn numbers_are_as_long_as_they_say_something() {
        let numbers = [0.0451, 9.876, 98.76, 1234.5, -2345.0].map(number);
        assert_eq!(numbers, ["0.045", "9.88", "98.8", "1,235", "-2,345"]);
        assert_eq!([count(0), count(999), count(1_000_000)], ["0", "999", "1,000,000"]);
    }
}
