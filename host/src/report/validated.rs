//! The model against kernels: a table with a row for each transcript, then what differs;
//! and wrong policies, with who noticed.

use super::style::{BAD, FAINT, GOOD, ODD, STRONG, paint};
use super::wrap::{WIDTH, hanging, length};
use crate::validate::{Difference, FieldCount, Mutant, Validated};

/// Columns of the transcript's and the policy's name.
const NAME: usize = 14;

/// What comparing transcripts came to; of each scenario that differs the first difference,
/// or all. `stale`: entries of the list of explained differences that match none.
#[must_use]
pub fn validated(all: &[Validated], stale: &[String], every: bool) -> String {
    let mut text = paint(FAINT, &row(["kernel", "policy"], ["scenarios", "steps", "values"]));
    text.push_str(&paint(FAINT, "  differences\n"));
    for one in all {
        let numbers = [one.scenarios.len() as u64, one.steps, one.compared()];
        text.push_str(&row([&one.name, &one.policy], numbers.map(|n| n.to_string()).each_ref()));
        let differences = one.unexplained().count();
        let style = if differences == 0 { GOOD } else { BAD };
        text.push_str(&paint(style, &format!("{differences:>13}")));
        text.push('\n');
        notes(&mut text, one);
    }
    for one in all.iter().filter(|one| one.unexplained().next().is_some()) {
        text.push('\n');
        differences(&mut text, one, every);
    }
    if !stale.is_empty() {
        text.push('\n');
        let words = "explained differences that are no longer needed, delete them:";
        hanging(&mut text, "", 0, words);
        for entry in stale {
            hanging(&mut text, "   ", 4, entry);
        }
    }
    text
}

fn row<S: AsRef<str>>(names: [&str; 2], numbers: [S; 3]) -> String {
    let [scenarios, steps, values] = &numbers;
    format!(
        "{:NAME$} {:NAME$} {:>9} {:>7} {:>8}",
        names[0],
        names[1],
        scenarios.as_ref(),
        steps.as_ref(),
        values.as_ref()
    )
}

/// What was not compared, and what differs and is explained.
fn notes(text: &mut String, one: &Validated) {
    let list = |number: fn(&FieldCount) -> u64| {
        let fields = one.fields.iter().filter(|field| number(field) > 0);
        let words = fields.map(|field| format!("{} {}", field.field, number(field)));
        words.collect::<Vec<_>>().join(", ")
    };
    let mut note = |what: &str, words: &str| {
        if !words.is_empty() {
            hanging(text, "   ", 4, &format!("{what}: {words}"));
        }
    };
    note("ran on", &[&one.kernel, &one.package, &one.machine].map(String::as_str).join(", "));
    note("the kernel does not show", &list(|field| field.hidden));
    note("the model does not have", &list(|field| field.not_modelled));
    note("not in the transcript", &one.absent.join(", "));
    let skipped = one.skipped.len();
    if skipped > 0 {
        note("not run on the kernel", &format!("{skipped} scenarios"));
    }
    let mut reasons: Vec<(&str, u32)> = Vec::new();
    for reason in one.differences.iter().filter_map(|one| one.explained.as_deref()) {
        match reasons.iter_mut().find(|known| known.0 == reason) {
            Some(known) => known.1 += 1,
            None => reasons.push((reason, 1)),
        }
    }
    for (reason, number) in reasons {
        note(&format!("explained, {number}"), reason);
    }
}

fn differences(text: &mut String, one: &Validated, every: bool) {
    let title = format!("{} against {}", one.name, one.policy);
    text.push_str(&paint(STRONG, &title));
    text.push('\n');
    for group in one.by_scenario() {
        let shown = if every { group.len() } else { 1 };
        let mut step = 0;
        for difference in &group[..shown] {
            if difference.step != step {
                step = difference.step;
                let head = format!("  {}, step {step}: ", difference.scenario);
                hanging(text, &head, 0, &difference.text);
            }
            shown_apart(text, difference);
        }
        let later = group.len() - shown;
        if later > 0 {
            let line = format!("      {later} more in this scenario\n");
            text.push_str(&paint(FAINT, &line));
        }
    }
}

fn shown_apart(text: &mut String, difference: &Difference) {
    let Difference { place, field, kernel, model, .. } = difference;
    let place = place.as_ref().map(|place| format!("{place} ")).unwrap_or_default();
    let head = format!("{place}{field}");
    let (kernel, model) = (format!("kernel {kernel}"), format!("model {model}"));
    let line = format!("      {head:20} {kernel:24} {model}");
    if length(&line) <= WIDTH {
        text.push_str(&format!(
            "      {head:20} {} {model}\n",
            paint(ODD, &format!("{kernel:24}"))
        ));
        return;
    }
    text.push_str(&format!("      {head}\n"));
    hanging(text, "         ", 12, &kernel);
    hanging(text, "         ", 12, &model);
}

/// Wrong policies made of one, and who noticed.
#[must_use]
pub fn mutants(transcript: &str, policy: &str, mutants: &[Mutant]) -> String {
    let survivors = mutants.iter().filter(|mutant| mutant.survives()).count();
    let line = format!(
        "{transcript}, wrong answers of {policy}: {} of {} caught",
        mutants.len() - survivors,
        mutants.len()
    );
    let mut text = format!("{}\n", paint(STRONG, &line));
    for mutant in mutants {
        let Mutant { hook, at, answer, other, scenarios, caught_in, differences, .. } = mutant;
        let head = format!("{hook} at {at}: {other} for {answer}");
        let word = match (mutant.survives(), mutant.same_memory) {
            (true, true) => paint(ODD, &format!("survives in {scenarios}, memory stays the same")),
            (true, false) => paint(ODD, &format!("survives in {scenarios}, it does not show")),
            (false, _) => format!("{differences} in {caught_in} of {scenarios} scenarios"),
        };
        if length(&head) < 48 {
            text.push_str(&format!("  {head:46} {word}\n"));
        } else {
            text.push_str(&format!("  {head}\n{:49}{word}\n", ""));
        }
    }
    text
}
