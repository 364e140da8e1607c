//! The matrix as text: a column for each policy, rows in groups.
//!
//! If names and outcomes fit into the width, they stand in full; else columns have
//! letters, and if that is not enough, outcomes have keys of two characters. Only rows are wider
//! than 80 columns, and only if the width is.

use std::collections::BTreeMap;

use super::by::by;
use super::columns::{Cell as Styled, Columns};
use super::keys::{Keys, letter};
use super::style::{FAINT, NORMAL, ODD, STRONG, of_outcome, paint};
use super::wrap::{WIDTH, hanging, length, paragraph};
use crate::matrix::{Cell, Column, Group, Matrix, Row};

/// The narrowest column of scenarios.
const MIN_LEAD: usize = 24;
/// Columns before the name of a cost.
const INDENT: usize = 4;

/// The matrix within a number of columns, 80 or more.
#[must_use]
pub fn matrix(matrix: &Matrix, width: usize) -> String {
    let shape = Shape::new(matrix, width);
    let mut text = shape.legend(matrix);
    for group in &matrix.groups {
        text.push('\n');
        paragraph(&mut text, &paint(STRONG, &heading(group)));
        shape.rows(&mut text, &group.rows);
    }
    if !matrix.other_costs.is_empty() {
        text.push('\n');
        paragraph(&mut text, &paint(STRONG, "one outcome throughout, at different costs"));
        shape.rows(&mut text, &matrix.other_costs);
    }
    text.push('\n');
    alike(&mut text, matrix);
    totals(&mut text, matrix, &shape);
    text
}

/// How wide a table's columns are, and what stands in them.
struct Shape {
    columns: Columns,
    /// What stands for each policy.
    names: Vec<String>,
    /// Keys of outcomes; none if words stand in full.
    keys: Option<Keys>,
}

impl Shape {
    fn new(matrix: &Matrix, width: usize) -> Self {
        let ids: Vec<String> = matrix.policies.iter().map(|one| one.policy.clone()).collect();
        let words = || matrix.rows().flat_map(|row| &row.cells).map(|cell| &*cell.outcome.word);
        let longest = |of: &mut dyn Iterator<Item = &str>| of.map(length).max().unwrap_or(0);
        let name = longest(&mut ids.iter().map(String::as_str));
        let word = longest(&mut words());
        let fits = |cell: usize| MIN_LEAD + ids.len() * (cell + 1) <= width;
        if fits(name.max(word)) {
            return Self::of(matrix, width, ids, None, name.max(word));
        }
        let letters: Vec<String> = (0..ids.len()).map(letter).collect();
        if fits(word) {
            return Self::of(matrix, width, letters, None, word);
        }
        let keys = Keys::new(words());
        let costs = matrix.rows().flat_map(|row| &row.cells).map(|cell| cell.copies);
        let digits = costs.max().unwrap_or(0).to_string().len();
        Self::of(matrix, width, letters, Some(keys), digits.max(2))
    }

    fn of(
        matrix: &Matrix,
        width: usize,
        names: Vec<String>,
        keys: Option<Keys>,
        cell: usize,
    ) -> Self {
        let longest = matrix.rows().map(|row| length(&row.scenario)).max().unwrap_or(0);
        let room = width.saturating_sub(names.len() * (cell + 1));
        let columns = Columns::shaped(&names, room.min(longest.max(MIN_LEAD)), cell);
        Self { columns, names, keys }
    }

    /// What the columns are, and what the keys stand for.
    fn legend(&self, matrix: &Matrix) -> String {
        let mut text = String::new();
        let names = self.names.iter().zip(&matrix.policies);
        let short = |(name, one): (&String, &Column)| match *name == one.policy {
            true => name.clone(),
            false => format!("{name}  {}", one.policy),
        };
        let heads: Vec<String> = names.map(short).collect();
        // A graft's name may be as long as it likes.
        let indent = heads.iter().map(|head| length(head)).filter(|l| *l < 24).max();
        let indent = indent.unwrap_or(0) + 2;
        for (head, one) in heads.iter().zip(&matrix.policies) {
            hanging(&mut text, &paint(STRONG, head), indent, &place(one));
        }
        if let Some(keys) = &self.keys {
            text.push('\n');
            key_lines(&mut text, keys);
        }
        text
    }

    fn rows(&self, text: &mut String, rows: &[Row]) {
        self.columns.header(text, "");
        for row in rows {
            let cells = row.cells.iter().map(|cell| self.cell(cell)).collect::<Vec<_>>();
            self.columns.row(text, &row.scenario, &cells);
            self.cost(text, "copies", row, |cell| cell.copies);
            self.cost(text, "needless copies", row, |cell| cell.needless_copies);
        }
    }

    fn cell(&self, cell: &Cell) -> Styled {
        let word = &cell.outcome.word;
        let word = self.keys.as_ref().map_or(word.as_str(), |keys| keys.of(word));
        (word.to_string(), of_outcome(&cell.outcome))
    }

    /// A line for a cost that differs from policy to policy.
    fn cost(&self, text: &mut String, name: &str, row: &Row, of: fn(&Cell) -> u64) {
        let values: Vec<u64> = row.cells.iter().map(of).collect();
        if values.iter().any(|value| *value != values[0]) {
            self.numbers(text, name, &values);
        }
    }

    fn numbers(&self, text: &mut String, name: &str, values: &[u64]) {
        let style = |value: u64| if value == values[0] { NORMAL } else { ODD };
        let cells: Vec<Styled> =
            values.iter().map(|value| (value.to_string(), style(*value))).collect();
        self.columns.row(text, &format!("{}{name}", " ".repeat(INDENT)), &cells);
    }
}

/// What the keys stand for, as many on a line as fit.
fn key_lines(text: &mut String, keys: &Keys) {
    let mut line = String::new();
    for (key, word) in keys.legend() {
        let entry = format!("{key} {word}");
        if !line.is_empty() && length(&line) + 3 + length(&entry) > WIDTH {
            text.push_str(&format!("{line}\n"));
            line.clear();
        }
        line += if line.is_empty() { "" } else { "   " };
        line += &entry;
    }
    text.push_str(&format!("{line}\n"));
}

/// Where a policy stands among the others.
pub(super) fn place(column: &Column) -> String {
    let kernels = column.provenance.as_ref().map(|one| one.kernels.clone());
    let beside = match (&column.base, column.side) {
        (Some(base), true) => Some(format!("beside {base}")),
        (None, true) => Some("never in mainline".to_string()),
        (_, false) => None,
    };
    let words: Vec<String> = kernels.into_iter().chain(beside).collect();
    words.join(", ")
}

fn heading(group: &Group) -> String {
    // Neighbouring changes by one cause are told once.
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    for cause in &group.causes {
        let by = by(cause, "");
        match told.last_mut() {
            Some((last, policies)) if *last == by => policies.push(&cause.policy),
            _ => told.push((by, vec![&cause.policy])),
        }
    }
    let each =
        told.iter().map(|(by, policies)| format!("at {} {by}", super::parting::list(policies)));
    format!("changes {}", each.collect::<Vec<_>>().join("; "))
}

/// The rows in which nothing differs, by outcome.
fn alike(text: &mut String, matrix: &Matrix) {
    // What is ok comes last.
    let mut names: BTreeMap<(bool, &str), Vec<&str>> = BTreeMap::new();
    for row in &matrix.alike {
        if let Some(cell) = row.cells.first() {
            let word = cell.outcome.word.as_str();
            names.entry((word == "ok", word)).or_default().push(&row.scenario);
        }
    }
    for ((_, word), names) in names {
        let line = format!("{word} under every policy at the same cost: {}", names.len());
        paragraph(text, &paint(STRONG, &line));
        hanging(text, "  ", 2, &names.join(", "));
        text.push('\n');
    }
}

fn totals(text: &mut String, matrix: &Matrix, shape: &Shape) {
    let changed: usize = matrix.groups.iter().map(|group| group.rows.len()).sum();
    let rows: Vec<&Row> = matrix.rows().collect();
    let plural = |number: usize, one: &str, many: &str| {
        if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
    };
    let line = format!(
        "{}, {}: {changed} change, {} at different costs, {} alike",
        plural(rows.len(), "scenario", "scenarios"),
        plural(matrix.policies.len(), "policy", "policies"),
        matrix.other_costs.len(),
        matrix.alike.len(),
    );
    paragraph(text, &paint(STRONG, &line));
    shape.columns.header(text, &paint(FAINT, "in total"));
    let total = |of: fn(&Cell) -> u64| {
        let column = |index: usize| rows.iter().map(|row| of(&row.cells[index])).sum();
        (0..matrix.policies.len()).map(column).collect::<Vec<u64>>()
    };
    let bad = |cell: &Cell| u64::from(cell.outcome.error);
    shape.numbers(text, "errors", &total(bad));
    shape.numbers(text, "copies", &total(|cell| cell.copies));
    shape.numbers(text, "needless copies", &total(|cell| cell.needless_copies));
    let example = matrix.groups.iter().flat_map(|group| &group.rows).next();
    if let Some(row) = example.or_else(|| rows.first().copied()) {
        let hint = format!("`cowpath bisect {}` shows why\n", row.scenario);
        text.push_str(&paint(FAINT, &hint));
    }
}
