//! One scenario under several policies: steps, outcomes and costs in columns, then
//! where the policies part and what led to each outcome.

use super::columns::{Cell, Columns};
use super::parting::{list, partings};
use super::style::{FAINT, NORMAL, ODD, STRONG, of_outcome, of_step, paint};
use super::trace::{ending, heading, line};
use crate::compare::Comparison;
use crate::trace::{Costs, StepTrace, Trace};

/// Columns of a result: `swapin reuse`.
const RESULT: usize = 12;

/// A line of a table of costs: what it is called, and which cost it is.
type CostRow = (&'static str, fn(&Costs) -> u64);

/// The costs that reports always show.
const COSTS: [CostRow; 5] = [
    ("copies", |costs| costs.copies),
    ("needless copies", |costs| costs.needless_copies),
    ("faults", |costs| costs.faults),
    ("scans", |costs| costs.scans),
    ("swap writes", |costs| costs.swap_writes),
];

/// The costs that reports show where there are any.
const RARE_COSTS: [CostRow; 3] = [
    ("swap reads", |costs| costs.swap_reads),
    ("migrations tried", |costs| costs.migrations),
    ("swapoff lookups", |costs| costs.unuse),
];

/// Everything that a reviewer needs to judge one scenario.
#[must_use]
pub fn side_by_side(comparison: &Comparison) -> String {
    let Comparison { scenario, title, claim, traces, .. } = comparison;
    let mut text = heading(scenario, title, claim);
    text.push('\n');
    table(&mut text, traces);
    let apart = partings(comparison);
    if !apart.is_empty() {
        text.push('\n');
        text.push_str(&apart);
    }
    text.push('\n');
    endings(&mut text, traces);
    text
}

fn table(text: &mut String, traces: &[Trace]) {
    let names: Vec<&str> = traces.iter().map(|trace| trace.policy.as_str()).collect();
    let columns = Columns::new(&names, RESULT);
    columns.legend(text);
    columns.header(text, "    step");
    let ended = |trace: &Trace| trace.steps.len().saturating_sub(1);
    let steps = traces.iter().map(ended).max().unwrap_or_default();
    for index in 0..steps {
        let at = |trace: &Trace| index < ended(trace);
        let Some(long) = traces.iter().find(|trace| at(trace)) else { continue };
        let step = &long.steps[index];
        let cells = traces.iter().map(|trace| at(trace).then(|| &trace.steps[index]));
        let lead = format!("{:2}  {}", step.number, line(step));
        columns.row(text, &lead, &results(cells));
    }
    let ends = traces.iter().map(|trace| trace.steps.last());
    columns.row(text, "    at the end", &results(ends));
    let outcomes: Vec<Cell> = (traces.iter())
        .map(|trace| (trace.outcome.word.clone(), of_outcome(&trace.outcome)))
        .collect();
    columns.row(text, &format!("    {}", paint(STRONG, "outcome")), &outcomes);
    let costs: Vec<Costs> = traces.iter().map(|trace| trace.costs).collect();
    cost_rows(text, &columns, &costs);
}

/// The results of one step; what differs from the first stands out.
fn results<'a>(steps: impl Iterator<Item = Option<&'a StepTrace>>) -> Vec<Cell> {
    let mut first: Option<&str> = None;
    let cell = |step: Option<&'a StepTrace>| {
        let Some(step) = step else { return ("not run".to_string(), FAINT) };
        let differs = *first.get_or_insert(&step.result) != step.result;
        let style = of_step(step);
        let style = if differs && style == NORMAL { ODD } else { style };
        (step.result.clone(), style)
    };
    steps.map(cell).collect()
}

/// A row for each cost.
pub(super) fn cost_rows(text: &mut String, columns: &Columns, costs: &[Costs]) {
    let any = |(_, cost): &CostRow| costs.iter().any(|costs| cost(costs) != 0);
    for (name, cost) in COSTS.into_iter().chain(RARE_COSTS.into_iter().filter(any)) {
        let values: Vec<u64> = costs.iter().map(cost).collect();
        let style = |value: u64| if value == values[0] { NORMAL } else { ODD };
        let cells: Vec<Cell> =
            values.iter().map(|value| (value.to_string(), style(*value))).collect();
        columns.row(text, &format!("    {name}"), &cells);
    }
}

/// What each policy came to, those that came to the same in the same way together.
fn endings(text: &mut String, traces: &[Trace]) {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for trace in traces {
        let mut end = String::new();
        ending(&mut end, "", trace);
        match groups.iter_mut().find(|(other, _)| *other == end) {
            Some((_, names)) => names.push(&trace.policy),
            None => groups.push((end, vec![&trace.policy])),
        }
    }
    for (_, names) in groups {
        let same = traces.iter().find(|trace| trace.policy == names[0]);
        let trace = same.expect("the group was made from a trace");
        ending(text, &format!("{}: ", list(&names)), trace);
    }
}
