//! The table.

use std::fmt::{self, Display, Formatter};

use crate::contestant::Contestant;

/// Which of two values is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Costs and times.
    Less,
    /// Rates.
    More,
}

/// All values of all rounds, in the order in which the figures first came.
#[derive(Default)]
pub struct Figures(Vec<Figure>);

struct Figure {
    name: String,
    better: Better,
    /// Of each round, in order.
    java: Vec<f64>,
    ours: Vec<f64>,
}

impl Figures {
    /// Adds the value of one round.
    pub fn add(&mut self, name: &str, better: Better, contestant: Contestant, value: f64) {
        crate::progress(&format!("  {}: {name} {value:.2}", contestant.name()));
        let place = self.0.iter().position(|figure| figure.name == name).unwrap_or_else(|| {
            self.0.push(Figure { name: name.to_owned(), better, java: Vec::new(), ours: Vec::new() });
            self.0.len() - 1
        });
        match contestant {
            Contestant::Java => self.0[place].java.push(value),
            Contestant::Ours => self.0[place].ours.push(value),
        }
    }
}

impl Figure {
    /// How many times ours is better, round by round: what disturbs the machine for longer than a round disturbs both.
    fn ratios(&self) -> Vec<f64> {
        let pairs = self.java.iter().zip(&self.ours);
        pairs
            .map(|(java, ours)| if self.better == Better::Less { java / ours } else { ours / java })
            .collect()
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.len() % 2, sorted.get(middle.wrapping_sub(1)), sorted.get(middle)) {
        (0, Some(below), Some(above)) => (below + above) / 2.0,
        (_, _, Some(value)) => *value,
        _ => f64::NAN,
    }
}

/// Two or three digits that count, or all of a large number.
fn number(value: f64) -> String {
    match value {
        v if v < 0.1 => format!("{v:.4}"),
        v if v < 10.0 => format!("{v:.2}"),
        v if v < 100.0 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

/// Median and range.
fn cell(values: &[f64]) -> String {
    let least = values.iter().copied().min_by(f64::total_cmp);
    let most = values.iter().copied().max_by(f64::total_cmp);
    match (least, most) {
        (Some(least), Some(most)) => {
            format!("**{}** ({} to {})", number(median(values)), number(least), number(most))
        }
        _ => String::new(),
    }
}

impl Display for Figures {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "| | {} | {} | times better |", Contestant::Java.name(), Contestant::Ours.name())?;
        writeln!(f, "|---|---|---|---|")?;
        for figure in &self.0 {
            let (java, ours, ratios) = (cell(&figure.java), cell(&figure.ours), cell(&figure.ratios()));
            writeln!(f, "| {} | {java} | {ours} | {ratios} |", figure.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(better: Better, java: [f64; 3], ours: [f64; 3]) -> String {
        let mut figures = Figures::default();
        for (java, ours) in java.into_iter().zip(ours) {
            figures.add("x", better, Contestant::Java, java);
            figures.add("x", better, Contestant::Ours, ours);
        }
        figures.to_string()
    }

    #[test]
    fn the_ratio_is_the_median_of_those_of_the_rounds() {
        // The second round was slow for both: the medians alone would say 4.
        let table = table(Better::Less, [20.0, 90.0, 10.0], [5.0, 30.0, 5.0]);
        let row = "| x | **20.0** (10.0 to 90.0) | **5.00** (5.00 to 30.0) | **3.00** (2.00 to 4.00) |";
        assert!(table.contains(row), "{table}");
    }

    #[test]
    fn of_rates_more_is_better() {
        let table = table(Better::More, [100.0, 100.0, 100.0], [150.0, 200.0, 250.0]);
        assert!(table.contains("| **2.00** (1.50 to 2.50) |"), "{table}");
    }

    #[test]
    fn numbers_are_as_long_as_they_say_something() {
        let numbers = [0.00451, 0.5, 9.876, 98.76, 987.6].map(number);
        assert_eq!(numbers, ["0.0045", "0.50", "9.88", "98.8", "988"]);
    }

    #[test]
    fn an_even_number_of_values_has_its_median_between_two() {
        assert_eq!(median(&[8.0, 1.0, 4.0, 2.0]), 3.0);
        assert!(median(&[]).is_nan());
    }
}
