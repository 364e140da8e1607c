//! The history of the rule, in Markdown: what each generation fixed, opened and cost,
//! against the one that it follows; then the whole matrix.
//!
//! Every word about a generation is from its manifest or from a trace.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::by::by;
use super::keys::Keys;
use super::matrix::place;
use super::wrap::hanging;
use crate::change::{Change, Direction};
use crate::compare::Parting;
use crate::matrix::{Cell, Column, Matrix, Row};
use crate::policy::Hunk;
use crate::trace::Question;

/// Stands for a blank that no line may end at: a line that began with `+ 2` or `1)` would
/// begin a list.
const GLUE: &str = "\u{1}";

const BEGIN: &str = "\
# The history of the rule

What each generation of the copy-on-write rule fixed, opened and cost, compared with
the one that it follows, over all built-in scenarios. `cowpath history` prints this
file from the manifests of the policies and from what they did in the scenarios;
`cowpath bisect SCENARIO` says more of each. A policy *beside* another is a proposal or a
variant: nothing follows it.

A change is by the hunks of the later policy that make it: *by a or b* is two hunks of
which each alone is enough on the policy before, *by a and b* are enough together only,
and *without a* is a hunk that the policy before had. What the scenarios are is said at
the end.
";

/// The whole of it.
#[must_use]
pub fn history(matrix: &Matrix) -> String {
    let mut text = BEGIN.to_string();
    for (index, column) in matrix.policies.iter().enumerate() {
        generation(&mut text, matrix, index, column);
    }
    table(&mut text, matrix);
    text
}

fn generation(text: &mut String, matrix: &Matrix, index: usize, column: &Column) {
    let Column { policy, base, provenance, .. } = column;
    text.push_str(&format!("\n## {policy}\n\n"));
    if let Some(from) = provenance {
        paragraph(text, &sentence(&from.title));
        text.push('\n');
        item(text, &format!("Kernels: {}", place(column)));
        item(text, &format!("Source: {}, {}", from.source, from.date));
        if let Some(commit) = &from.commit {
            let at = from.url.as_ref().map_or_else(String::new, |url| format!("({url})"));
            let name = if at.is_empty() { format!("`{commit}`") } else { format!("[`{commit}`]") };
            item(text, &format!("Commit: {name}{at}"));
        } else if let Some(url) = &from.url {
            item(text, &format!("To be read at <{url}>"));
        }
    }
    let Some(base) = base else {
        text.push('\n');
        let errors = outcomes_but_ok(matrix, index);
        paragraph(text, &format!("The first of these generations. {errors}"));
        return;
    };
    let changes: Vec<(&Row, &Change)> = (matrix.rows())
        .flat_map(|row| row.changes.iter().map(move |change| (row, change)))
        .filter(|(_, change)| change.policy == *policy)
        .collect();
    mechanisms(text, &changes);
    if changes.is_empty() {
        text.push('\n');
        paragraph(text, &format!("No scenario comes to anything else than under {base}."));
    }
    for group in alike(&changes) {
        told(text, &group);
    }
    costs(text, matrix, index, base);
}

/// What the words for hunks mean that are not kernel functions.
fn mechanisms(text: &mut String, changes: &[(&Row, &Change)]) {
    let hunks = changes.iter().flat_map(|(_, change)| &change.hunks);
    let names: BTreeSet<&str> = hunks.map(|one| one.hunk.as_str()).collect();
    for name in names {
        if let Some(title) = Hunk::from_name(name).ok().and_then(Hunk::title) {
            item(text, &format!("`{name}`: {title}"));
        }
    }
}

type Told<'a> = Vec<(&'a Row, &'a Change)>;

/// Changes for the same cause together.
fn alike<'a>(changes: &[(&'a Row, &'a Change)]) -> Vec<Told<'a>> {
    let mut groups: Vec<Told<'a>> = Vec::new();
    for (row, change) in changes {
        let same = |group: &&mut Told<'_>| group[0].1.cause() == change.cause();
        match groups.iter_mut().find(same) {
            Some(group) => group.push((row, change)),
            None => groups.push(vec![(row, change)]),
        }
    }
    groups
}

fn told(text: &mut String, group: &Told<'_>) {
    let mut answers: Vec<String> = Vec::new();
    for answered in group.iter().filter_map(|(_, change)| answered(change)) {
        if !answers.contains(&answered) {
            answers.push(answered);
        }
    }
    let comma = if answers.is_empty() { "" } else { ", " };
    let by = sentence(&by(&group[0].1.cause(), "`"));
    text.push('\n');
    paragraph(text, &format!("{}{comma}{}:", by.trim_end_matches('.'), answers.join(", or ")));
    text.push('\n');
    let mut outcomes: BTreeMap<(Direction, String), Vec<String>> = BTreeMap::new();
    for (row, change) in group {
        let names = outcomes.entry((change.direction, outcome(change))).or_default();
        names.push(format!("`{}`", row.scenario));
    }
    for ((direction, outcome), names) in outcomes {
        item(text, &format!("**{}** {outcome}: {}", verb(direction), names.join(", ")));
    }
}

const fn verb(direction: Direction) -> &'static str {
    match direction {
        Direction::Fixed => "fixed",
        Direction::Eased => "eased",
        Direction::Opened => "opened",
        Direction::Worsened => "worsened",
        Direction::OtherKind => "changed",
    }
}

/// The outcome that is not ok, or both.
fn outcome(change: &Change) -> String {
    let Change { before, after, direction, .. } = change;
    match direction {
        Direction::Fixed => before.clone(),
        Direction::Opened => after.clone(),
        Direction::Eased | Direction::Worsened | Direction::OtherKind => {
            format!("{before} to {after}")
        }
    }
}

/// What a hunk that makes the change answered, where that is also where the two part.
fn answered(change: &Change) -> Option<String> {
    let Parting { base, other, function, .. } = change.parting.as_ref()?;
    change.hunks.iter().find(|one| one.hunk == *function)?;
    // Of one hunk, or of which one?
    let (inside, who) = match &change.hunks[..] {
        [_] => (String::new(), "which".to_string()),
        _ => (format!("in `{function}` "), format!("where `{function}`")),
    };
    match (base, other) {
        (Some(base), Some(other)) => {
            Some(format!("where {inside}{} became {}", answer(base), answer(other)))
        }
        (None, Some(other)) => Some(format!("{who} answers {}", answer(other))),
        (Some(base), None) => Some(format!("{who} answered {}", answer(base))),
        (None, None) => None,
    }
}

fn answer(question: &Question) -> String {
    match question.reason.as_str() {
        "" => format!("*{}*", question.answer),
        reason => format!("*{}* ({})", question.answer, reason.replace(' ', GLUE)),
    }
}

fn outcomes_but_ok(matrix: &Matrix, index: usize) -> String {
    let mut words: Vec<(&str, usize)> = Vec::new();
    let outcomes = matrix.rows().map(|row| row.cells[index].outcome.word.as_str());
    for word in outcomes.filter(|word| *word != "ok") {
        match words.iter_mut().find(|(other, _)| *other == word) {
            Some((_, count)) => *count += 1,
            None => words.push((word, 1)),
        }
    }
    words.sort_unstable();
    let words: Vec<String> = words.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let all = matrix.rows().count();
    match &words[..] {
        [] => format!("All {all} scenarios are ok."),
        words => {
            format!("Of {all} scenarios, the outcome of some is not ok: {}.", words.join(", "))
        }
    }
}

/// All copies, and where there are more or fewer of them to the same outcome.
fn costs(text: &mut String, matrix: &Matrix, index: usize, base: &str) {
    let Some(base) = matrix.policies.iter().position(|one| one.policy == base) else { return };
    let total = |of: fn(&Cell) -> u64| {
        [base, index].map(|index| matrix.rows().map(|row| of(&row.cells[index])).sum::<u64>())
    };
    let ([before, after], [needless_before, needless]) =
        (total(|cell| cell.copies), total(|cell| cell.needless_copies));
    if (before, needless_before) == (after, needless) {
        return;
    }
    let same = |row: &&Row| row.cells[base].outcome.word == row.cells[index].outcome.word;
    let list = |wanted: Ordering| {
        let rows = matrix
            .rows()
            .filter(same)
            .filter(|row| row.cells[index].copies.cmp(&row.cells[base].copies) == wanted);
        rows.map(|row| format!("`{}`", row.scenario)).collect::<Vec<_>>().join(", ")
    };
    let mut words = format!(
        "Costs: {after} pages copied in all scenarios together, {needless} of them needlessly; \
         were {before} and {needless_before}."
    );
    let (more, fewer) = (list(Ordering::Greater), list(Ordering::Less));
    let told: Vec<String> = [("more", more), ("fewer", fewer)]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{what} in {names}"))
        .collect();
    if !told.is_empty() {
        words += &format!(" To the same outcome, {}.", told.join("; "));
    }
    text.push('\n');
    paragraph(text, &words);
}

/// A row for each scenario whose outcome is not the same throughout, or not ok.
fn table(text: &mut String, matrix: &Matrix) {
    let bad = |row: &&Row| row.cells.iter().any(|cell| cell.outcome.word != "ok");
    let rows: Vec<&Row> = matrix.rows().filter(bad).collect();
    let words = rows.iter().flat_map(|row| &row.cells).map(|cell| cell.outcome.word.as_str());
    let keys = Keys::new(words);
    text.push_str("\n## The matrix\n\n");
    let legend = keys.legend();
    let legend: Vec<String> = legend.iter().map(|(key, word)| format!("`{key}` {word}")).collect();
    paragraph(text, &format!("{}.", legend.join(", ")));
    let ids: Vec<&str> = matrix.policies.iter().map(|one| one.policy.as_str()).collect();
    text.push_str(&format!("\n| scenario | {} |\n", ids.join(" | ")));
    text.push_str(&format!("|---|{}\n", ":-:|".repeat(ids.len())));
    for row in &rows {
        let cells: Vec<&str> = row.cells.iter().map(|cell| keys.of(&cell.outcome.word)).collect();
        text.push_str(&format!("| {} | {} |\n", row.scenario, cells.join(" | ")));
    }
    text.push('\n');
    for row in &rows {
        item(text, &format!("`{}`: {}", row.scenario, row.title));
    }
    let fine: Vec<&str> =
        matrix.rows().filter(|row| !bad(row)).map(|row| row.scenario.as_str()).collect();
    text.push('\n');
    let fine = format!("Ok under every policy, {} more: {}.", fine.len(), fine.join(", "));
    paragraph(text, &fine);
}

fn item(text: &mut String, words: &str) {
    hanging(text, "- ", 2, words);
}

/// A paragraph, in which what is glued stays on one line.
fn paragraph(text: &mut String, words: &str) {
    let mut wrapped = String::new();
    hanging(&mut wrapped, "", 0, words);
    text.push_str(&wrapped.replace(GLUE, " "));
}

/// A title as a sentence; a kernel function at its beginning stays as it is.
fn sentence(title: &str) -> String {
    if title.split(' ').next().is_some_and(|word| word.contains('_')) {
        return format!("{title}.");
    }
    let mut letters = title.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
