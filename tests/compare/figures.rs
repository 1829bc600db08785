//! The table.

use std::fmt::{self, Display, Formatter};

use crate::contestant::Contestant;

/// All values of all rounds, in the order in which the figures first came.
#[derive(Default)]
pub struct Figures(Vec<Figure>);

struct Figure {
    name: String,
    values: Vec<(Contestant, f64)>,
}

impl Figures {
    /// Adds the value of one round.
    pub fn add(&mut self, name: &str, contestant: Contestant, value: f64) {
        crate::progress(&format!("  {}: {name} {value:.2}", contestant.name()));
        match self.0.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.values.push((contestant, value)),
            None => self.0.push(Figure { name: name.to_owned(), values: vec![(contestant, value)] }),
        }
    }
}

impl Figure {
    fn sorted(&self, contestant: Contestant) -> Vec<f64> {
        let of = self.values.iter().filter(|(whose, _)| *whose == contestant);
        let mut values: Vec<f64> = of.map(|(_, value)| *value).collect();
        values.sort_by(f64::total_cmp);
        values
    }
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match (sorted.len() % 2, sorted.get(middle.wrapping_sub(1)), sorted.get(middle)) {
        (0, Some(below), Some(above)) => (below + above) / 2.0,
        (_, _, Some(value)) => *value,
        _ => f64::NAN,
    }
}

/// Three digits that count, or all of a large number.
fn number(value: f64) -> String {
    match value {
        v if v < 10.0 => format!("{v:.2}"),
        v if v < 100.0 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

impl Display for Figures {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "| | {} | {} | Java ÷ ours |", Contestant::Java.name(), Contestant::Ours.name())?;
        writeln!(f, "|---|---|---|---|")?;
        for figure in &self.0 {
            let (java, ours) = (figure.sorted(Contestant::Java), figure.sorted(Contestant::Ours));
            let cell = |values: &[f64]| match (values.first(), values.last()) {
                (Some(least), Some(most)) => {
                    format!("**{}** ({} to {})", number(median(values)), number(*least), number(*most))
                }
                _ => String::new(),
            };
            let ratio = median(&java) / median(&ours);
            writeln!(f, "| {} | {} | {} | {} |", figure.name, cell(&java), cell(&ours), number(ratio))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_medians_ranges_and_ratios() {
        let mut figures = Figures::default();
        for (contestant, values) in
            [(Contestant::Java, [30.0, 10.0, 20.0]), (Contestant::Ours, [4.0, 6.0, 5.0])]
        {
            values.into_iter().for_each(|value| figures.add("x, ms", contestant, value));
        }
        let table = figures.to_string();
        assert!(
            table.contains("| x, ms | **20.0** (10.0 to 30.0) | **5.00** (4.00 to 6.00) | 4.00 |"),
            "{table}"
        );
        assert_eq!(median(&[1.0, 2.0, 4.0, 8.0]), 3.0);
    }
}
