//! A bisection as text: what each generation came to, then each change with its reason,
//! its source, and the hunk that does it.

use super::matrix::place;
use super::parting::{list, pair};
use super::style::{BAD, GOOD, ODD, STRONG, of_outcome, paint};
use super::trace::heading;
use super::wrap::{hanging, length, paragraph};
use crate::attribute::{Attributed, Trial};
use crate::bisect::Bisection;
use crate::change::{CausingHunk, Change, Direction, Role};
use crate::matrix::Column;
use crate::policy::Hunk;
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
    for attributed in changes {
        text.push('\n');
        explain(&mut text, bisection, attributed);
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

fn explain(text: &mut String, bisection: &Bisection, attributed: &Attributed) {
    let Change { policy, base, before, after, direction, parting, .. } = &attributed.change;
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
    hunks(text, attributed);
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

/// Which hunks do it by themselves, or else together, and which undo it by themselves.
fn hunks(text: &mut String, attributed: &Attributed) {
    let Attributed { change, alone, undone } = attributed;
    let Change { policy, base, before, after, hunks, .. } = change;
    let mut line = |key: &str, value: &str| hanging(text, &format!("  {key}"), KEY, value);
    let told = |from: &str, on: &str, word: &str, trials: &Option<Vec<Trial>>| match trials {
        Some(trials) => each(from, on, word, trials),
        None => format!("not known: {from} is a graft, nothing is taken from it"),
    };
    line("alone", &told(policy, base, after, alone));
    let together: Vec<&CausingHunk> =
        hunks.iter().filter(|one| one.role == Role::Together).collect();
    if !together.is_empty() {
        let names = |absent: bool| -> Vec<&str> {
            let hunks = together.iter().filter(|one| one.absent == absent);
            hunks.map(|one| one.hunk.as_str()).collect()
        };
        let present = match &names(false)[..] {
            [] => base.clone(),
            names => format!("{} of {policy} on {base}", list(names)),
        };
        let absent = match &names(true)[..] {
            [] => String::new(),
            names => format!(" without {}", list(names)),
        };
        line("together", &format!("{present}{absent}: {after}, and not with one left out"));
    }
    line("undone", &told(base, policy, before, undone));
    for one in hunks {
        if let Some(title) = Hunk::from_name(&one.hunk).ok().and_then(Hunk::title) {
            let key = if one.absent { "without" } else { "with" };
            line(key, &format!("{}: {title}", one.hunk));
        }
    }
}

/// What each hunk that is enough alone is enough for.
fn each(from: &str, on: &str, word: &str, trials: &[Trial]) -> String {
    let enough = |absent: bool| -> Vec<&str> {
        let trials = trials.iter().filter(|trial| trial.suffices && trial.absent == absent);
        trials.map(|trial| trial.hunk.as_str()).collect()
    };
    let is = |hunks: &[&str]| if hunks.len() == 1 { "is" } else { "are each" };
    let present = match &enough(false)[..] {
        [] => None,
        hunks => Some(format!("{} of {from} on {on} {} enough for {word}", list(hunks), is(hunks))),
    };
    let absent = match &enough(true)[..] {
        [] => None,
        [hunk] => Some(format!("{on} without {hunk} comes to {word}")),
        hunks => Some(format!("{on} without {}, comes to {word}", hunks.join(", or without "))),
    };
    let told: Vec<String> = present.into_iter().chain(absent).collect();
    match &told[..] {
        [] => format!("no hunk of {from} alone brings {word} to {on}"),
        told => told.join("; "),
    }
}
