//! Where policies part from the first, and why.
//!
//! This module does not know how a parting is found.

use super::question::{asked, counts, has_page, settled};
use super::style::{ODD, paint};
use super::wrap::{hanging, paragraph};
use crate::compare::{Comparison, Parting};
use crate::trace::{Question, StepTrace, Trace};

/// Columns of the names before what each policy answered.
const INDENT: usize = 13;

/// Every parting, those at one place together; empty if no policy parts.
#[must_use]
pub fn partings(comparison: &Comparison) -> String {
    let mut text = String::new();
    for group in groups(comparison) {
        if !text.is_empty() {
            text.push('\n');
        }
        one(&mut text, &comparison.traces[0], &group);
    }
    text
}

/// Appends where one policy parts from another.
pub(super) fn pair(text: &mut String, base: &Trace, other: &Trace, parting: &Parting) {
    one(text, base, &[(other, parting)]);
}

type Group<'a> = Vec<(&'a Trace, &'a Parting)>;

/// Partings at one step and function, where the first policy was asked the same.
fn groups(comparison: &Comparison) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let others = comparison.traces.iter().skip(1).zip(&comparison.partings);
    for (trace, parting) in others {
        let Some(parting) = parting else { continue };
        match groups.iter_mut().find(|group| one_place(group[0].1, parting)) {
            Some(group) => group.push((trace, parting)),
            None => groups.push(vec![(trace, parting)]),
        }
    }
    groups
}

fn one_place(a: &Parting, b: &Parting) -> bool {
    let asked = |parting: &Parting| parting.base.is_some() || parting.other.is_some();
    (a.step, &a.function, &a.base, asked(a)) == (b.step, &b.function, &b.base, asked(b))
}

fn one(text: &mut String, base: &Trace, group: &[(&Trace, &Parting)]) {
    let first = group[0].1;
    let names = list(&group.iter().map(|(trace, _)| trace.policy.as_str()).collect::<Vec<_>>());
    let verb = if group.len() == 1 { "parts" } else { "part" };
    let step = step_of(base, first);
    let step = step.map_or_else(String::new, |step| format!(", {}", super::trace::line(step)));
    let place = match first.base.as_ref().or(first.other.as_ref()) {
        Some(question) => asked(question),
        None => first.function.clone(),
    };
    let from = &base.policy;
    let title = format!("{names} {verb} from {from} at step {}{step}, in {place}:", first.step);
    paragraph(text, &title);
    if first.base.is_none() && first.other.is_none() {
        let why = "no question was answered differently; what was done, or its order, differs";
        return hanging(text, "  ", 2, why);
    }
    let mut seen: Option<&Question> = None;
    let others = group.iter().map(|(trace, parting)| (*trace, *parting, &parting.other));
    for (trace, parting, question) in [(base, first, &first.base)].into_iter().chain(others) {
        let head = format!("  {}", paint(ODD, &trace.policy));
        let (Some(question), Some(step)) = (question, step_of(trace, parting)) else {
            hanging(text, &head, INDENT, "is not asked");
            continue;
        };
        if has_page(question) && seen.is_none_or(|other| !same_view(other, question)) {
            view(text, question);
            seen = Some(question);
        }
        hanging(text, &head, INDENT, &settled(question, step));
    }
}

fn step_of<'a>(trace: &'a Trace, parting: &Parting) -> Option<&'a StepTrace> {
    trace.steps.iter().find(|step| step.number == parting.step)
}

fn view(text: &mut String, question: &Question) {
    hanging(text, "  seen", INDENT, &counts(question));
}

fn same_view(a: &Question, b: &Question) -> bool {
    let view = |q: &Question| (q.page, q.count, q.mapcount, q.swap_map, q.holders.clone());
    view(a) == view(b)
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_string(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
