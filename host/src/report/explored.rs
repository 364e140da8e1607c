//! Text of explorations: verdict, counts, how schedules end, and the shortest schedule of
//! each error.

use super::wrap::{hanging, paragraph};
use crate::explore::{Elsewhere, Exploration, Explored, Finding, Turn, Verdict, Written};
use std::fmt::Write as _;

/// Columns before the stages of a turn.
const INDENT: usize = 8;

/// What exploring a scenario came to.
#[must_use]
pub fn explored(explored: &Explored) -> String {
    let mut text = format!("{}: {}\n", explored.scenario, explored.title);
    let mut scope = format!("All interleavings of {}.", explored.actors.join(", "));
    if !explored.left_out.is_empty() {
        let _ = write!(scope, " Left out of the scenario: {}.", explored.left_out.join(", "));
    }
    paragraph(&mut text, &scope);
    for one in &explored.explorations {
        exploration(&mut text, &explored.scenario, one);
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
    for found in &one.findings {
        finding(text, found);
    }
}

fn finding(text: &mut String, finding: &Finding) {
    let Finding { word, line, transitions, schedule, elsewhere, written } = finding;
    let _ = writeln!(text, "\n{word} after {transitions} transitions, replayed:");
    hanging(text, "  ", 2, line);
    for one in schedule {
        turn(text, one);
    }
    for one in elsewhere {
        other(text, one);
    }
    if let Written::CannotBe(why) = written {
        hanging(text, "  ", 2, &format!("not as a scenario with `until` stops: {why}"));
    }
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
