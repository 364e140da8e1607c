//! Text of explorations: verdict, counts, how schedules end, and the shortest schedule of
//! each error.

use super::wrap::{hanging, paragraph};
use crate::explore::{
    Difference, Elsewhere, Exploration, Explored, Failures, Fair, Finding, Grain, Times, Turn,
    Universe, Verb, Verdict, Written,
};
use crate::scenario::PAGEVEC_SIZE;
use std::fmt::Write as _;

/// Columns before the stages of a turn.
const INDENT: usize = 8;

/// What exploring a scenario came to.
#[must_use]
pub fn explored(explored: &Explored) -> String {
    let mut text = format!("{}: {}\n", explored.scenario, explored.title);
    let scope = match &explored.universe {
        Some(universe) => bounds(universe),
        None => script(explored),
    };
    paragraph(&mut text, &scope);
    for one in &explored.explorations {
        exploration(&mut text, &explored.scenario, one);
    }
    for one in &explored.differences {
        difference(&mut text, one);
    }
    text
}

fn script(explored: &Explored) -> String {
    let mut scope = format!("All interleavings of {}.", explored.actors.join(", "));
    if !explored.left_out.is_empty() {
        let _ = write!(scope, " Left out of the scenario: {}.", explored.left_out.join(", "));
    }
    scope
}

/// What a universe is bounded by.
fn bounds(universe: &Universe) -> String {
    let Universe { processes, spaces, pages, frames, slots, requests, .. } = universe;
    let words = |verbs: &[Verb]| {
        let words: Vec<_> = verbs.iter().map(|verb| verb.word()).collect();
        words.join(", ")
    };
    let mut text = format!(
        "{processes} process{}, {spaces} address space{} at a time, {pages} page{} each, \
         {frames} frames, {slots} swap slots, {requests} request{} at a time.",
        if *processes == 1 { "" } else { "es" },
        plural(*spaces),
        plural(*pages),
        plural(*requests)
    );
    if !universe.setup.is_empty() {
        let _ = write!(text, " Before: A does {}.", words(&universe.setup));
    }
    let _ = write!(text, " A process does {} of {}", universe.operations, words(&universe.verbs));
    if spaces > processes {
        let (times, verbs) = (universe.child_operations, words(&universe.child_verbs));
        let _ = write!(text, "; a child {times} of {verbs}");
    }
    let scans = match universe.ignore_references {
        true => "scans by reclaim that ignore references",
        false => "scans by reclaim",
    };
    for (what, times) in [(scans, universe.reclaim), ("migrations", universe.migrate)] {
        if times != Times::NEVER {
            let _ = write!(text, "; {times} {what}");
        }
    }
    text.push_str(if universe.swapoff { "; swapoff" } else { "" });
    text.push_str(if universe.synchronous_swap { "; swap IO takes no time" } else { "" });
    match universe.pagevec.into() {
        PAGEVEC_SIZE => {}
        1 => text.push_str("; pages go onto the LRU at once"),
        size => {
            let _ = write!(text, "; pagevecs of {size}");
        }
    }
    if !universe.fork_during_io && universe.requests > 0 {
        text.push_str("; no fork or exit during direct IO");
    }
    let Failures { no_memory, no_swap, io } = universe.failures;
    for (what, times) in [("page", no_memory), ("swap slot", no_swap), ("request", io)] {
        if times > 0 {
            let _ = write!(text, "; {times} failure{} of a {what}", plural(times));
        }
    }
    let grain = match universe.grain {
        Grain::Stage => "a hold of a lock",
        Grain::Operation => "an operation",
    };
    let _ = write!(text, ". A transition is {grain}.");
    text
}

/// Each universe with its bounds.
#[must_use]
pub fn universes(all: &[Universe]) -> String {
    let mut text = String::new();
    for universe in all {
        let _ = writeln!(text, "{}: {}", universe.name, universe.title);
        hanging(&mut text, "  ", 2, &bounds(universe));
    }
    text
}

const fn plural(number: u8) -> &'static str {
    if number == 1 { "" } else { "s" }
}

fn difference(text: &mut String, one: &Difference) {
    let Difference { wrong, right, verdict, states, finding: found, parted_by } = one;
    let _ = writeln!(text);
    let Some(found) = found else {
        let verdict = verdict.word();
        let told = format!(
            "{wrong} against {right}: {verdict}, {states} states: {wrong} never goes wrong alone"
        );
        return hanging(text, "", 2, &told);
    };
    let parted = parted_by.as_ref().map(|by| format!(", parted by {by}")).unwrap_or_default();
    let (word, transitions) = (found.word, found.transitions);
    let told = format!(
        "{wrong} against {right}: {word} after {transitions} transitions, replayed{parted}"
    );
    hanging(text, "", 2, &told);
    steps(text, found);
}

fn steps(text: &mut String, finding: &Finding) {
    hanging(text, "  ", 2, &finding.line);
    let from = finding.repeats.as_ref().map(|repeats| (repeats.from, repeats.transitions));
    for (number, one) in (1..).zip(&finding.schedule) {
        if let Some((_, transitions)) = from.filter(|from| from.0 == number) {
            let _ = writeln!(text, "  for ever, every {transitions} transitions:");
        }
        turn(text, one);
    }
    for one in &finding.elsewhere {
        other(text, one);
    }
    if let Written::CannotBe(why) = &finding.written {
        hanging(text, "  ", 2, &format!("not as a scenario with `until` stops: {why}"));
    }
}

/// For each ordered pair of policies the shortest of what several universes have.
#[must_use]
pub fn differences(explored: &[Explored]) -> String {
    let mut text = String::from(
        "Wrong in the row's policy and not in the column's: transitions of the shortest\n\
         schedule; -: none, EXHAUSTIVE; ?: none found, not everything was seen.\n\n",
    );
    let Some(first) = explored.first() else { return text };
    let names: Vec<_> = first.explorations.iter().map(|one| one.policy.as_str()).collect();
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
    let cell = |wrong: &str, right: &str| {
        let of = |one: &&Difference| one.wrong == wrong && one.right == right;
        let all: Vec<_> = explored.iter().flat_map(|one| &one.differences).filter(of).collect();
        let shortest = all.iter().filter_map(|one| one.finding.as_ref());
        match shortest.map(|finding| finding.transitions).min() {
            Some(transitions) => transitions.to_string(),
            None if all.iter().all(|one| one.verdict == Verdict::Exhaustive) => "-".to_string(),
            None => "?".to_string(),
        }
    };
    let _ = write!(text, "{:width$}", "");
    for name in &names {
        let _ = write!(text, "  {name:>5}");
    }
    text.push('\n');
    for wrong in &names {
        let _ = write!(text, "{wrong:width$}");
        for right in &names {
            let told = if wrong == right { ".".to_string() } else { cell(wrong, right) };
            let _ = write!(text, "  {told:>0$}", right.len().max(5));
        }
        text.push('\n');
    }
    text
}

fn exploration(text: &mut String, scenario: &str, one: &Exploration) {
    let counts = &one.counts;
    let _ = writeln!(
        text,
        "\n{}: {}, {} states, {} transitions, depth {}",
        one.policy,
        one.verdict.word(),
        counts.states,
        counts.transitions,
        counts.depth
    );
    for ending in &one.endings {
        let others = counts.ends - ending.states;
        let how = match one.verdict {
            Verdict::Exhaustive if others == 0 => "Always",
            Verdict::Exhaustive => "Sometimes",
            _ => "Seen",
        };
        let (policy, word, states) = (&one.policy, ending.word, ending.states);
        let _ =
            writeln!(text, "Observation {scenario} {policy} \"{word}\" {how} {states} {others}");
    }
    for Fair { word, states } in &one.fair {
        let told = match states {
            Some(0) => format!("{word} for ever: no fair cycle."),
            Some(states) => format!("{word} for ever: fair cycles among {states} states."),
            None => format!("{word} for ever: not asked, there are too many states."),
        };
        let _ = writeln!(text, "{told}");
    }
    if one.undefined > 0 {
        let _ = writeln!(text, "Undefined things were seen in {} transitions.", one.undefined);
    }
    if !one.coverage.is_empty() {
        hanging(text, "Asked and answered: ", 2, &format!("{}.", one.coverage.join(", ")));
    }
    for found in &one.findings {
        finding(text, found);
    }
}

fn finding(text: &mut String, finding: &Finding) {
    let Finding { word, transitions, .. } = finding;
    let _ = writeln!(text, "\n{word} after {transitions} transitions, replayed:");
    steps(text, finding);
}

fn turn(text: &mut String, turn: &Turn) {
    let number = turn.step.map_or_else(|| "-".to_string(), |step| step.to_string());
    let begun = if turn.continued { " (goes on)" } else { "" };
    let stops = if turn.ended { "" } else { " ..." };
    let _ = writeln!(text, "{number:>4}  {}: {}{begun}{stops}", turn.actor, turn.text);
    if !turn.stages.is_empty() {
        hanging(text, &" ".repeat(INDENT), INDENT, &turn.stages.join(" "));
    }
}

fn other(text: &mut String, one: &Elsewhere) {
    let Elsewhere { policy, word, line, parts_at } = one;
    let parts = match (word, parts_at) {
        (Some(_), Some(at)) => format!(" (other stages from transition {at})"),
        _ => String::new(),
    };
    let told = match word {
        Some(word) => format!("the same moves under {policy}: {word}{parts}: {line}"),
        None => {
            let at = parts_at.unwrap_or_default();
            format!("{policy} cannot follow at transition {at}: {line}")
        }
    };
    hanging(text, "  ", 2, &told);
}
