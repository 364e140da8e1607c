//! The history of the rule, in Markdown: what each generation fixed, opened and cost,
//! against the one that it follows; then the whole matrix.
//!
//! Every word about a generation is from its manifest or from a trace.

use super::by::by;
use super::keys::Keys;
use super::matrix::place;
use super::wrap::hanging;
use crate::compare::Parting;
use crate::change::{Change, Direction};
use crate::matrix::{Cell, Column, Matrix, Row};
use crate::trace::Question;

/// Stands for a blank that no line may end at: a line that began with `+ 2` or `1)` would
/// begin a list.
const GLUE: &str = "\u{1}";

const BEGIN: &str = "\
# The history of the rule

What each generation of the copy-on-write rule fixed, opened and cost, compared with
the one that it follows, over all built-in scenarios. `cowpath history` prints this
file from the manifests of the policies and from what they did in the scenarios;
`cowpath bisect SCENARIO` says more of each line. A policy *beside* another is a proposal
or a variant: nothing follows it.
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
    if changes.is_empty() {
        text.push('\n');
        paragraph(text, &format!("No scenario comes to anything else than under {base}."));
    }
    for (direction, verb) in [
        (Direction::Fixed, "Fixed"),
        (Direction::Eased, "Eased"),
        (Direction::Opened, "Opened"),
        (Direction::Worsened, "Worsened"),
        (Direction::OtherKind, "Changed in kind"),
    ] {
        let changes = changes.iter().copied().filter(|(_, change)| change.direction == direction);
        for group in alike(changes) {
            told(text, verb, &group);
        }
    }
    costs(text, matrix, index, base);
}

type Told<'a> = Vec<(&'a Row, &'a Change)>;

/// Changes with the same outcomes for the same reason together.
fn alike<'a>(changes: impl Iterator<Item = (&'a Row, &'a Change)>) -> Vec<Told<'a>> {
    let mut groups: Vec<Told<'a>> = Vec::new();
    for (row, change) in changes {
        let same = |(_, other): &(&Row, &Change)| {
            (&other.before, &other.after, because(other))
                == (&change.before, &change.after, because(change))
        };
        match groups.iter_mut().find(|group| same(&group[0])) {
            Some(group) => group.push((row, change)),
            None => groups.push(vec![(row, change)]),
        }
    }
    groups
}

fn told(text: &mut String, verb: &str, group: &Told<'_>) {
    let (_, change) = group[0];
    let Change { before, after, .. } = change;
    text.push('\n');
    let words = format!("**{verb}** from {before} to {after}, {}:", because(change));
    paragraph(text, &words);
    text.push('\n');
    for (row, _) in group {
        item(text, &scenario(row));
    }
}

/// Through which function, and what it answered.
fn because(change: &Change) -> String {
    let by = by(&change.cause(), "`");
    match &change.parting {
        Some(Parting { base: Some(base), other: Some(other), .. }) => {
            format!("{by}, where {} became {}", answer(base), answer(other))
        }
        _ => by,
    }
}

fn answer(question: &Question) -> String {
    match question.reason.as_str() {
        "" => format!("*{}*", question.answer),
        reason => format!("*{}* ({})", question.answer, reason.replace(' ', GLUE)),
    }
}

fn scenario(row: &Row) -> String {
    format!("{} (`{}`)", row.title, row.scenario)
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

/// A cost, and how to read it.
type CostOf = (&'static str, fn(&Cell) -> u64);

const COSTS: [CostOf; 2] =
    [("copies", |cell| cell.copies), ("needless copies", |cell| cell.needless_copies)];

fn costs(text: &mut String, matrix: &Matrix, index: usize, base: &str) {
    let Some(base) = matrix.policies.iter().position(|one| one.policy == base) else { return };
    for (name, of) in COSTS {
        let pair = |row: &Row| [base, index].map(|index| of(&row.cells[index]));
        let total = matrix.rows().map(pair).fold([0, 0], |[a, b], [x, y]| [a + x, b + y]);
        let list = |wanted: std::cmp::Ordering| {
            let rows = matrix.rows().filter(|row| {
                let [before, after] = pair(row);
                after.cmp(&before) == wanted
            });
            rows.map(|row| format!("`{}`", row.scenario)).collect::<Vec<_>>().join(", ")
        };
        let (more, fewer) = (list(std::cmp::Ordering::Greater), list(std::cmp::Ordering::Less));
        if more.is_empty() && fewer.is_empty() {
            continue;
        }
        let [before, after] = total;
        text.push('\n');
        let mut words = format!("Costs: {after} {name} in all scenarios together, were {before}");
        for (what, names) in [("more", more), ("fewer", fewer)] {
            if !names.is_empty() {
                words += &format!("; {what} in {names}");
            }
        }
        paragraph(text, &(words + "."));
    }
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

/// A title as a sentence.
fn sentence(title: &str) -> String {
    let mut letters = title.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
