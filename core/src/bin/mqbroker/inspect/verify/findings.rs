//! What a verification found: faults, and what the next start of the broker repairs by itself.

use std::collections::BTreeMap;

use libbroker::Error;
use serde::Serialize;

use crate::terminal::{Output, bad, faint, printable};

/// As many faults of one place are listed; the rest is counted.
const LISTED_MAX: u64 = 20;

/// Findings, printed as they come.
pub struct Findings<'a> {
    output: &'a mut Output,
    is_json: bool,
    faults: u64,
    notes: u64,
    by_place: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    finding: &'static str,
    place: &'a str,
    text: &'a str,
}

impl<'a> Findings<'a> {
    pub fn new(output: &'a mut Output, is_json: bool) -> Self {
        Self { output, is_json, faults: 0, notes: 0, by_place: BTreeMap::new() }
    }

    /// Something is wrong in a place.
    pub fn fault(&mut self, place: &str, text: &str) -> Result<(), Error> {
        self.faults += 1;
        let of_place = self.by_place.entry(place.to_owned()).or_default();
        *of_place += 1;
        if self.is_json || *of_place <= LISTED_MAX {
            self.print("fault", place, text)?;
        }
        Ok(())
    }

    /// Something is not as after a clean stop, and will be put right, or is of no consequence.
    pub fn note(&mut self, place: &str, text: &str) -> Result<(), Error> {
        self.notes += 1;
        self.print("note", place, text)
    }

    fn print(&mut self, finding: &'static str, place: &str, text: &str) -> Result<(), Error> {
        if self.is_json {
            return self.output.json(&Line { finding, place, text });
        }
        let mark = if finding == "fault" { bad(finding) } else { faint(finding) };
        self.output.line(&format!("{mark}  {}: {}", printable(place), printable(text)))
    }

    /// Says how many were not listed, and gives the numbers of faults and notes.
    pub fn end(self) -> Result<(u64, u64), Error> {
        for (place, count) in self.by_place.iter().filter(|(_, count)| **count > LISTED_MAX && !self.is_json)
        {
            let text = format!("{}  {}: {} more", bad("fault"), printable(place), count - LISTED_MAX);
            self.output.line(&text)?;
        }
        Ok((self.faults, self.notes))
    }
}
