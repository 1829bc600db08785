//! Rows without number: aligned in groups, so that neither memory nor patience has to hold all of them.

use libbroker::Error;
use serde::Serialize;

use crate::terminal::{Output, Table};

/// Rows that are aligned together.
const GROUP_ROWS: usize = 500;

/// A table that may be long, or JSON objects, up to a limit.
pub struct Listing<'a> {
    output: &'a mut Output,
    head: &'static [&'static str],
    table: Table,
    rows: usize,
    has_head: bool,
    is_json: bool,
    left: u64,
}

impl<'a> Listing<'a> {
    pub fn new(
        output: &'a mut Output,
        head: &'static [&'static str],
        is_json: bool,
        limit: Option<u64>,
    ) -> Self {
        let left = limit.unwrap_or(u64::MAX);
        Self { output, head, table: Table::new(head), rows: 0, has_head: false, is_json, left }
    }

    /// Whether more rows are wanted.
    pub fn wants_more(&self) -> bool {
        self.left > 0 && !self.output.is_closed()
    }

    /// Adds a row: its cells, or what they are made of.
    pub fn row(&mut self, cells: impl FnOnce() -> Vec<String>, value: &impl Serialize) -> Result<(), Error> {
        if !self.wants_more() {
            return Ok(());
        }
        self.left -= 1;
        if self.is_json {
            return self.output.json(value);
        }
        self.table.row(cells());
        self.rows += 1;
        if self.rows == GROUP_ROWS { self.print_group() } else { Ok(()) }
    }

    /// Prints what is left.
    pub fn end(mut self) -> Result<(), Error> {
        self.print_group()
    }

    fn print_group(&mut self) -> Result<(), Error> {
        if self.is_json || (self.rows == 0 && self.has_head) {
            return Ok(());
        }
        let table = std::mem::replace(&mut self.table, Table::new(self.head));
        let skipped = usize::from(self.has_head);
        (self.has_head, self.rows) = (true, 0);
        table.lines().iter().skip(skipped).try_for_each(|line| self.output.line(line))
    }
}
