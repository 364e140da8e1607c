//! One trace, a step at a time: what was asked, what changed, and how it ended.
//!
//! The text does not name the policy, so that two of them can be compared with
//! `git diff --no-index` and differ in behaviour only.

use super::cause::cause;
use super::net::net_changes;
use super::question::{answered, asked, counts, settled};
use super::style::{FAINT, ODD, STRONG, of_outcome, of_step, paint};
use super::wrap::{hanging, length, paragraph};
use crate::trace::{Event, FindingText, StepTrace, Trace};

/// How much of a trace to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Questions, net changes, waits and what went wrong.
    Net,
    /// Every event: also each stage and each change as it happened.
    Full,
}

/// Column of a step's result.
const RESULT: usize = 48;
/// Column of what a line under a step says.
const SAYS: usize = 16;

/// The scenario's name, title and claim.
#[must_use]
pub fn heading(name: &str, title: &str, claim: &str) -> String {
    let mut text = String::new();
    let head = format!("{}: ", paint(STRONG, name));
    hanging(&mut text, &head, 2, title);
    if !claim.is_empty() {
        text.push('\n');
        paragraph(&mut text, claim);
    }
    text
}

/// The steps of a trace, and its outcome with what led to it.
#[must_use]
pub fn trace(trace: &Trace, detail: Detail) -> String {
    let mut text = String::new();
    let mut stages = 0;
    for step in &trace.steps {
        head(&mut text, step);
        for event in &step.events {
            stages += usize::from(matches!(event, Event::Stage { .. }));
            one(&mut text, event, detail);
        }
        if detail == Detail::Net {
            for change in net_changes(step) {
                says(&mut text, &change.what, &format!("{} -> {}", change.old, change.new));
            }
        }
    }
    text.push('\n');
    if detail == Detail::Net {
        let left_out = format!("{stages} stages are left out, --full shows them\n");
        text.push_str(&paint(FAINT, &left_out));
    }
    ending(&mut text, "", trace);
    text
}

/// The step as the scenario has it.
pub(super) fn line(step: &StepTrace) -> String {
    let StepTrace { actor, text, .. } = step;
    if text.is_empty() { format!("at the {actor}") } else { format!("{actor}: {text}") }
}

fn head(text: &mut String, step: &StepTrace) {
    let head = format!("{:2}  {}", step.number, line(step));
    let wide = length(&head);
    text.push_str(&paint(STRONG, &head));
    let result = paint(of_step(step), &step.result);
    if wide + 2 > RESULT {
        text.push('\n');
        text.push_str(&" ".repeat(RESULT));
    } else {
        text.push_str(&" ".repeat(RESULT - wide));
    }
    text.push_str(&result);
    text.push('\n');
}

/// A line under a step: a label, and what it says in a column of its own.
fn says(text: &mut String, label: &str, words: &str) {
    let head = format!("    {label}  ");
    hanging(text, &paint(FAINT, &head), SAYS, words);
}

fn one(text: &mut String, event: &Event, detail: Detail) {
    let full = detail == Detail::Full;
    match event {
        Event::Stage { task, stage } if full => says(text, "stage", &format!("{task}: {stage}")),
        Event::Pte { place, old, new } if full => {
            says(text, &format!("pte {place}"), &format!("{old} -> {new}"));
        }
        Event::Page { page, old, new } if full => {
            says(text, &format!("page {page}"), &format!("{old} -> {new}"));
        }
        Event::Stage { .. } | Event::Pte { .. } | Event::Page { .. } => {}
        Event::Asked(question) => {
            says(text, "asked", &asked(question));
            says(text, "saw", &counts(question));
            says(text, "answered", &answered(question));
        }
        Event::Waits { task, on } => says(text, "waits", &format!("{task} for {on}")),
        Event::Stopped { task, stage } => says(text, "stopped", &format!("{task} after {stage}")),
        Event::SwapIo { page, entry, write, ok } => {
            let (what, end) =
                (if *write { "write" } else { "read" }, if *ok { "" } else { ", failed" });
            says(text, "swap io", &format!("{what} of page {page} at {entry}{end}"));
        }
        Event::Finding(FindingText { word, place, seen, expected, .. }) => {
            let words = format!("{word}: {place} holds {seen}, not {expected}");
            says(text, "finding", &words);
        }
        Event::FactFails { text: fact } => says(text, "fact fails", fact),
        Event::Violation { text: what } => says(text, "BUG", what),
        Event::PolicyFault { text: what } => says(text, "policy", what),
        Event::Note { text: note } => says(text, "note", note),
    }
}

/// The outcome, after whose it is if that must be said, and what led to it.
pub(super) fn ending(text: &mut String, whose: &str, trace: &Trace) {
    let outcome = &trace.outcome;
    let word = paint(of_outcome(outcome), &outcome.word);
    text.push_str(&format!("{whose}{word}\n"));
    hanging(text, "  ", 2, &outcome.line);
    let Some(cause) = cause(trace) else {
        if outcome.word != "ok" && !outcome.policy_fault {
            text.push_str("  no answer of the policy led to it\n");
        }
        return;
    };
    let step = format!("step {}, {}: ", cause.step.number, line(cause.step));
    let head = format!("  {}", paint(ODD, "led to it by "));
    hanging(text, &head, 4, &format!("{step}{}", asked(cause.question)));
    hanging(text, "    ", 4, &counts(cause.question));
    hanging(text, "    ", 4, &settled(cause.question, cause.step));
}
