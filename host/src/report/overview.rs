//! Many scenarios under several policies: outcomes, grouped by the function that
//! parts the policies, then totals and costs.
//!
//! Groups come in the order in which their first scenario does, those that part
//! nothing last; scenarios keep their order within a group.

use super::columns::{Cell, Columns};
use super::side_by_side::cost_rows;
use super::style::{FAINT, STRONG, of_outcome, paint};
use super::wrap::hanging;
use crate::compare::Comparison;
use crate::trace::{Costs, Question};

/// Columns of an outcome: `MISSED COW`.
const OUTCOME: usize = 11;

/// The table of outcomes; empty if nothing was compared.
#[must_use]
pub fn overview(comparisons: &[Comparison]) -> String {
    let mut text = String::new();
    let Some(first) = comparisons.first() else { return text };
    let names: Vec<&str> = first.traces.iter().map(|trace| trace.policy.as_str()).collect();
    let columns = Columns::new(&names, OUTCOME);
    columns.legend(&mut text);
    for (by, group) in groups(comparisons) {
        let lead = if by.is_empty() { "not parted".to_string() } else { format!("parted by {by}") };
        columns.header(&mut text, &lead);
        for comparison in group {
            columns.row(&mut text, &comparison.scenario, &outcomes(comparison));
            why(&mut text, comparison);
        }
        text.push('\n');
    }
    totals(&mut text, comparisons);
    text.push('\n');
    columns.header(&mut text, "costs in total");
    let costs: Vec<Costs> = (0..names.len()).map(|policy| total(comparisons, policy)).collect();
    cost_rows(&mut text, &columns, &costs);
    text
}

fn groups(comparisons: &[Comparison]) -> Vec<(String, Vec<&Comparison>)> {
    let mut groups: Vec<(String, Vec<&Comparison>)> = Vec::new();
    for comparison in comparisons {
        let by = comparison.functions().join(", ");
        match groups.iter_mut().find(|(other, _)| *other == by) {
            Some((_, group)) => group.push(comparison),
            None => groups.push((by, vec![comparison])),
        }
    }
    groups.sort_by_key(|(by, _)| by.is_empty());
    groups
}

/// Under a scenario that parts: the first step where policies part, what the first
/// policy answered there, and the costs that differ.
fn why(text: &mut String, comparison: &Comparison) {
    let partings = comparison.partings.iter().flatten();
    let Some(parting) = partings.min_by_key(|parting| parting.step) else { return };
    let step = comparison.traces[0].steps.iter().find(|step| step.number == parting.step);
    let mut words = format!("step {}", parting.step);
    if let Some(step) = step.filter(|step| !step.text.is_empty()) {
        words += &format!(", {}: {}", step.actor, step.text);
    }
    if let Some(base) = &parting.base {
        words += &format!(": {}", answer(base));
    }
    for (name, cost) in COSTS {
        let values: Vec<u64> = comparison.traces.iter().map(|trace| cost(&trace.costs)).collect();
        if values.iter().any(|value| *value != values[0]) {
            let values: Vec<String> = values.iter().map(u64::to_string).collect();
            words += &format!("; {name} {}", values.join("/"));
        }
    }
    hanging(text, "   ", 4, &words);
}

fn answer(question: &Question) -> String {
    match question.reason.as_str() {
        "" => question.answer.clone(),
        reason => format!("{}, {reason}", question.answer),
    }
}

/// A cost's name, and how to read it.
type CostOf = (&'static str, fn(&Costs) -> u64);

const COSTS: [CostOf; 4] = [
    ("copies", |costs| costs.copies),
    ("faults", |costs| costs.faults),
    ("scans", |costs| costs.scans),
    ("swap writes", |costs| costs.swap_writes),
];

fn outcomes(comparison: &Comparison) -> Vec<Cell> {
    let cell =
        |trace: &crate::trace::Trace| (trace.outcome.word.clone(), of_outcome(&trace.outcome));
    comparison.traces.iter().map(cell).collect()
}

fn totals(text: &mut String, comparisons: &[Comparison]) {
    let differ: Vec<&Comparison> = comparisons.iter().filter(|one| one.differs()).collect();
    let parted = comparisons.iter().filter(|one| !one.functions().is_empty()).count();
    let (all, policies) = (comparisons.len(), comparisons[0].traces.len());
    let line = format!(
        "{}, {}: {} alike, {} differ",
        count(all, "scenario"),
        if policies == 1 { "1 policy".to_string() } else { format!("{policies} policies") },
        all - differ.len(),
        differ.len(),
    );
    text.push_str(&paint(STRONG, &line));
    text.push('\n');
    let example = differ.first().copied().unwrap_or(&comparisons[0]);
    text.push_str(&format!("{parted} part on the way, whatever they come to\n"));
    let hint = format!("`cowpath compare {}` shows why\n", example.scenario);
    text.push_str(&paint(FAINT, &hint));
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn total(comparisons: &[Comparison], policy: usize) -> Costs {
    let mut total = Costs::default();
    for comparison in comparisons {
        let Costs {
            copies,
            needless_copies,
            faults,
            scans,
            swap_writes,
            swap_reads,
            migrations,
            unuse,
        } = comparison.traces[policy].costs;
        total.copies += copies;
        total.needless_copies += needless_copies;
        total.faults += faults;
        total.scans += scans;
        total.swap_writes += swap_writes;
        total.swap_reads += swap_reads;
        total.migrations += migrations;
        total.unuse += unuse;
    }
    total
}
