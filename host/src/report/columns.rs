//! A table with a text column and one narrow column for each policy.
//!
//! Widths are fixed, so one long text does not move the others: a text that is too
//! long has a line to itself, a cell that is too long is wrapped in its place.

use anstyle::Style;

use super::style::{FAINT, STRONG, paint};
use super::wrap::{WIDTH, hanging, length, lines};

/// The narrowest text column.
const MIN_LEAD: usize = 24;
/// The widest text column, so that few policies stand near what they are about.
const MAX_LEAD: usize = 50;

/// One cell: a text and its style.
pub(super) type Cell = (String, Style);

/// The shape of a table.
pub(super) struct Columns {
    lead: usize,
    cell: usize,
    names: Vec<String>,
    legend: Vec<String>,
}

impl Columns {
    /// A column of `cell` characters for each policy; names that do not fit are numbered.
    pub fn new(policies: &[&str], cell: usize) -> Self {
        let taken = policies.len() * (cell + 1);
        let fit = policies.iter().all(|name| length(name) <= cell);
        let number = |i: usize| format!("[{}]", i + 1);
        let names = (policies.iter().enumerate())
            .map(|(i, name)| if fit { (*name).to_string() } else { number(i) })
            .collect();
        let legend = if fit { &[][..] } else { policies };
        Self {
            lead: WIDTH.saturating_sub(taken).clamp(MIN_LEAD, MAX_LEAD),
            cell,
            names,
            legend: legend.iter().map(|name| (*name).to_string()).collect(),
        }
    }

    /// Columns of `cell` characters under these names, behind a text column of `lead`.
    pub fn shaped(names: &[String], lead: usize, cell: usize) -> Self {
        Self { lead, cell, names: names.to_vec(), legend: Vec::new() }
    }

    /// Appends what the numbers stand for, if there are any.
    pub fn legend(&self, text: &mut String) {
        for (i, name) in self.legend.iter().enumerate() {
            let head = format!("[{}] ", i + 1);
            hanging(text, &head, length(&head), name);
        }
        if !self.legend.is_empty() {
            text.push('\n');
        }
    }

    /// Appends the row of names.
    pub fn header(&self, text: &mut String, lead: &str) {
        let cells: Vec<Cell> = self.names.iter().map(|name| (name.clone(), STRONG)).collect();
        self.row(text, &paint(FAINT, lead), &cells);
    }

    /// Appends a row. The lead may be styled.
    pub fn row(&self, text: &mut String, lead: &str, cells: &[Cell]) {
        let wide = length(&super::plain(lead));
        text.push_str(lead);
        let mut at = wide;
        if wide > self.lead {
            text.push('\n');
            at = 0;
        }
        let wrapped: Vec<Vec<String>> =
            cells.iter().map(|(word, _)| lines(word, self.cell)).collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(0).max(1);
        for line in 0..height {
            for (column, words) in wrapped.iter().enumerate() {
                let Some(word) = words.get(line) else { continue };
                let start = self.lead + column * (self.cell + 1) + 1;
                text.push_str(&" ".repeat(start.saturating_sub(at)));
                text.push_str(&paint(cells[column].1, word));
                at = start.max(at) + length(word);
            }
            text.push('\n');
            at = 0;
        }
    }
}
