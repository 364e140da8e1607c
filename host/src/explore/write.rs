//! A schedule as a scenario: `until` stops and `continue` steps.
//!
//! Each turn becomes a step that stops where the turn ends. A stage that runs several
//! times in one turn is stopped at each time; swap areas are on hold, and complete when
//! told. Whether that reproduces the finding is not argued but tried, by an ordinary run.

use super::Subject;
use crate::policy::Policy;
use crate::routines::stage_names;
use crate::run::{self, Move, Moved, Options};
use crate::scenario::{
    Act, MapSpec, MemorySpec, PAGEVEC_SIZE, Scenario, Step, SwapSpec, parse_with_stages,
};
use std::fmt::Write as _;

/// A scenario that reproduces a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// Its text: run, it comes to the same.
    Reproduces(String),
    /// It cannot be written, or does not come to the same: why.
    CannotBe(String),
}

/// Writes a schedule as a scenario, and runs that.
pub(super) fn write(
    subject: &Subject<'_>,
    policy: &Policy,
    moves: &[Moved],
    word: &str,
) -> Written {
    let text = match steps(subject.scenario, moves) {
        Ok(steps) => text(subject.scenario, policy, word, &steps),
        Err(why) => return Written::CannotBe(why),
    };
    let written = match parse_with_stages(&subject.scenario.name, &text, &stage_names()) {
        Ok(written) => written,
        Err(error) => return Written::CannotBe(format!("no scenario says this: {error}")),
    };
    let options = Options { counters: subject.counters, ..Options::default() };
    let outcome = run::run(&written, policy, options).outcome;
    if outcome.word == word {
        Written::Reproduces(text)
    } else {
        Written::CannotBe(format!("run as a scenario, it comes to {}", outcome.word))
    }
}

/// A line of steps that is being written.
struct Line<'a> {
    moves: Vec<&'a Moved>,
}

fn steps(scenario: &Scenario, moves: &[Moved]) -> Result<Vec<String>, String> {
    let areas = 0..scenario.memory.swap.len();
    let mut steps: Vec<_> = areas.map(|area| format!("swap{area}: hold")).collect();
    let mut line = Line { moves: Vec::new() };
    for moved in moves {
        let before = line.moves.last();
        let same = before.is_some_and(|b| b.by == moved.by && b.step == moved.step && !b.ended);
        if !same || moved.slept {
            line.finish(scenario, &mut steps);
        }
        match moved.by {
            Move::Actor(_) => line.moves.push(moved),
            Move::SwapIo(entry) => steps.push(format!("swap{}: complete", entry.area())),
        }
    }
    line.finish(scenario, &mut steps);
    Ok(steps)
}

impl Line<'_> {
    /// Writes the moves collected so far: one step, or several if it stops at a stage
    /// that runs more than once.
    fn finish(&mut self, scenario: &Scenario, steps: &mut Vec<String>) {
        let moves = std::mem::take(&mut self.moves);
        let (Some(first), Some(last)) = (moves.first(), moves.last()) else { return };
        let step = &scenario.steps[first.step.expect("only actors' moves are collected")];
        let text = if first.began { said(step) } else { format!("{}: continue", step.actor) };
        if step.act == Act::Complete
            && let Some(text) = completion(&step.actor, first, last)
        {
            steps.push(text);
            return;
        }
        let Some(stop) = last.stage.filter(|_| !last.ended) else {
            steps.push(text);
            return;
        };
        let times = moves.iter().filter(|moved| moved.stage == Some(stop)).count();
        steps.push(format!("{text} until {stop}"));
        let again = format!("{}: continue until {stop}", step.actor);
        steps.extend(std::iter::repeat_n(again, times - 1));
    }
}

/// What a device does in one turn, where that can be said: it has no `until`.
fn completion(io: &str, first: &Moved, last: &Moved) -> Option<String> {
    match (first.began, last.ended, last.stage) {
        (_, true, _) => Some(format!("{io}: complete")),
        (true, false, Some("device.transfer")) => Some(format!("{io}: transfer")),
        _ => None,
    }
}

/// A step's text, with the process of a range that the parser had to find.
fn said(step: &Step) -> String {
    let range = match &step.act {
        Act::Shrink { range, .. }
        | Act::Migrate(range, _)
        | Act::MovePages(range)
        | Act::Lock(range)
        | Act::Unlock(range) => range,
        _ => return step.text.clone(),
    };
    let Some(process) = &range.process else { return step.text.clone() };
    let parts: Vec<_> = step.text.splitn(3, ' ').collect();
    match parts[..] {
        [actor, verb, rest] if !rest.starts_with(&format!("{process}.")) => {
            format!("{actor} {verb} {process}.{rest}")
        }
        _ => step.text.clone(),
    }
}

fn text(scenario: &Scenario, policy: &Policy, word: &str, steps: &[String]) -> String {
    let mut text = format!(
        "# Found by `cowpath explore {}`: {word} under {}.\ntitle = {:?}\n",
        scenario.name,
        policy.name(),
        scenario.title
    );
    text.push_str(&memory_text(&scenario.memory));
    for file in &scenario.files {
        let _ = write!(text, "\n[file.{}]\npages = {}\n", file.name, file.pages);
    }
    for process in &scenario.processes {
        let _ = writeln!(text, "\n[process.{}]", process.name);
        if !process.threads.is_empty() {
            let _ = writeln!(text, "threads = {:?}", process.threads);
        }
        for (key, file) in [("anon", false), ("file", true)] {
            let maps = process.maps.iter().filter(|map| map.file.is_some() == file);
            let maps: Vec<_> = maps.map(map_text).collect();
            if !maps.is_empty() {
                let _ = writeln!(text, "{key} = {{ {} }}", maps.join(", "));
            }
        }
    }
    text.push_str("\n[run]\nsteps = [\n");
    for step in steps {
        let _ = writeln!(text, "  {step:?},");
    }
    text.push_str("]\n");
    text
}

/// `memory` of a scenario, as a line of TOML.
pub(super) fn memory_text(memory: &MemorySpec) -> String {
    let swap: Vec<_> = memory.swap.iter().map(swap_text).collect();
    let mut text = format!("memory = {{ pages = {}", memory.pages);
    for (key, value, otherwise) in [
        ("section", memory.section, 0),
        ("movable", memory.movable, 0),
        ("page_cluster", memory.page_cluster, 0),
        ("pagevec", memory.pagevec, PAGEVEC_SIZE),
    ] {
        if value != otherwise {
            let _ = write!(text, ", {key} = {value}");
        }
    }
    let _ = writeln!(text, ", swap = [{}] }}", swap.join(", "));
    text
}

fn swap_text(swap: &SwapSpec) -> String {
    // Areas without a priority get ones below 0, in their order, and cannot ask for them.
    let priority = (swap.priority >= 0).then(|| format!(", priority = {}", swap.priority));
    let priority = priority.unwrap_or_default();
    format!("{{ slots = {}{priority}, bad = {:?} }}", swap.slots, swap.bad)
}

fn map_text(map: &MapSpec) -> String {
    let file = map.file.as_ref().map(|(file, page)| format!("file = {file:?}, page = {page}, "));
    let mut text = format!("{} = {{ {}pages = {}", map.name, file.unwrap_or_default(), map.pages);
    for (key, on) in [(", write = false", !map.write), (", locked = true", map.locked)] {
        text.push_str(if on { key } else { "" });
    }
    text.push_str(if map.reserved { ", reserved = true }" } else { " }" });
    text
}
