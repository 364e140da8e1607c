//! A bisection as text: what each generation came to, then each change with its reason,
//! its source, and the hunk that does it.

use super::matrix::place;
use super::parting::{list, pair};
use super::style::{BAD, GOOD, ODD, STRONG, of_outcome, paint};
use super::trace::heading;
use super::wrap::{hanging, length, paragraph};
use crate::bisect::{Bisection, Explained, Trial};
use crate::matrix::{Change, Column, Direction};
use crate::trace::Outcome;

/// Columns of keys such as `commit`.
const KEY: usize = 11;

/// The whole of it.
#[must_use]
pub fn bisection(bisection: &Bisection) -> String {
    let Bisection { scenario, title, claim, changes, .. } = bisection;
    let mut text = heading(scenario, title, claim);
    text.push('\n');
    outcomes(&mut text, bisection);
    if changes.is_empty() {
        text.push('\n');
        paragraph(&mut text, &never(bisection));
    }
    for explained in changes {
        text.push('\n');
        explain(&mut text, bisection, explained);
    }
    text
}

fn outcomes(text: &mut String, bisection: &Bisection) {
    let long = |names: &mut dyn Iterator<Item = &str>| {
        names.map(length).filter(|length| *length <= 24).max().unwrap_or(0)
    };
    let name = long(&mut bisection.policies.iter().map(|one| one.policy.as_str()));
    let word = long(&mut bisection.outcomes.iter().map(|one| one.word.as_str()));
    for (column, outcome) in bisection.policies.iter().zip(&bisection.outcomes) {
        let policy = &column.policy;
        let painted = paint(STRONG, policy);
        let lead = if length(policy) > name {
            text.push_str(&format!("  {painted}\n"));
            " ".repeat(name + 2)
        } else {
            format!("  {painted}{}", " ".repeat(name - length(policy)))
        };
        let head = format!("{lead}  {}", paint(of_outcome(outcome), &outcome.word));
        hanging(text, &head, name + word + 6, &line(column, outcome));
    }
}

fn line(column: &Column, outcome: &Outcome) -> String {
    let what = if outcome.word == "ok" { "" } else { &outcome.line };
    let told = [place(column), what.to_string()];
    told.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join(": ")
}

fn never(bisection: &Bisection) -> String {
    match &bisection.outcomes[..] {
        [one] => format!("One policy, nothing to hold it against: {}.", one.word),
        many => {
            let word = &many[0].word;
            let same = many.iter().all(|outcome| outcome.word == *word);
            let policies = many.len();
            if same {
                format!("The outcome never changes: {word} under all {policies} policies.")
            } else {
                "No policy's outcome differs from that of the one it follows.".to_string()
            }
        }
    }
}

fn explain(text: &mut String, bisection: &Bisection, explained: &Explained) {
    let Explained { change, alone, taken_back } = explained;
    let Change { policy, base, before, after, direction, parting } = change;
    let (style, verb) = match direction {
        Direction::Fixed => (GOOD, "fixes"),
        Direction::Eased => (ODD, "eases"),
        Direction::Opened => (BAD, "opens"),
        Direction::Worsened => (BAD, "worsens"),
        Direction::OtherKind => (ODD, "changes"),
    };
    let head = format!("{} {verb} it: {before} under {base}, {after} here", paint(style, policy));
    paragraph(text, &head);
    source(text, bisection, policy);
    hunks(text, explained, alone.as_deref(), taken_back.as_deref());
    text.push('\n');
    let trace = |name: &str| bisection.traces.iter().find(|trace| trace.policy == name);
    if let (Some(base), Some(other), Some(parting)) = (trace(base), trace(policy), parting) {
        pair(text, base, other, parting);
    }
}

fn source(text: &mut String, bisection: &Bisection, policy: &str) {
    let column = bisection.policies.iter().find(|column| column.policy == policy);
    let Some(from) = column.and_then(|column| column.provenance.as_ref()) else { return };
    let mut line = |key: &str, value: &str| hanging(text, &format!("  {key}"), KEY, value);
    line("title", &from.title);
    line("kernels", &from.kernels);
    line("source", &format!("{}, {}", from.source, from.date));
    for (key, value) in [("commit", &from.commit), ("url", &from.url)] {
        if let Some(value) = value {
            line(key, value);
        }
    }
}

/// Which hunk does it by itself, and which undoes it by itself.
fn hunks(
    text: &mut String,
    explained: &Explained,
    alone: Option<&[Trial]>,
    taken_back: Option<&[Trial]>,
) {
    let Change { policy, base, before, after, .. } = &explained.change;
    let does = |trials: &[Trial]| match &enough(trials)[..] {
        [] => format!("no hunk of {policy} alone brings {after} to {base}"),
        hunks => format!("{} of {policy} on {base} {} enough for {after}", list(hunks), is(hunks)),
    };
    let undoes = |trials: &[Trial]| match &enough(trials)[..] {
        [] => format!("no hunk of {base} alone brings {before} back to {policy}"),
        hunks => format!("{} of {base} on {policy} {} enough for {before}", list(hunks), is(hunks)),
    };
    let from_graft = |name: &str| format!("not known: {name} is a graft, nothing is taken from it");
    let told = alone.map_or_else(|| from_graft(policy), does);
    hanging(text, "  alone", KEY, &told);
    let told = taken_back.map_or_else(|| from_graft(base), undoes);
    hanging(text, "  undone", KEY, &told);
}

fn enough(trials: &[Trial]) -> Vec<&str> {
    trials.iter().filter(|trial| trial.suffices).map(|trial| trial.hunk.as_str()).collect()
}

fn is(hunks: &[&str]) -> &'static str {
    if hunks.len() == 1 { "is" } else { "are each" }
}
