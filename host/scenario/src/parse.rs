//! The scenario language: a TOML file in, a [`Scenario`] or everything that is wrong with it out.
//!
//! Knows the file format and the names in it. Does not know the machine: whether a step can run, and
//! what comes of it, is not decided here.

mod args;
mod cast;
mod error;
mod fact;
mod memory;
mod pages;
mod process;
mod step;
mod table;
mod verbs;
mod words;

use std::ops::Range;

use toml::de::DeTable;

pub(crate) use error::nearest;
pub use error::{Problem, ScenarioError};

use self::cast::Cast;
use self::error::Problems;
use self::memory::LARGEST;
use self::step::Steps;
use self::words::Word;
use super::{MemorySpec, PAGEVEC_SIZE, Scenario, Step};

/// Reads a scenario, taking any `function.stage` for a stage. `name` is a bare name or a path ending in `.toml`.
pub fn parse(name: &str, source: &str) -> Result<Scenario, ScenarioError> {
    parse_with_stages(name, source, &[])
}

/// Reads a scenario whose `until` may name these stages; an empty list lets every name pass.
pub fn parse_with_stages(
    name: &str,
    source: &str,
    stages: &[&str],
) -> Result<Scenario, ScenarioError> {
    let stem = name.rsplit('/').next().unwrap_or(name);
    let stem = stem.strip_suffix(".toml").unwrap_or(stem);
    let file = if name.ends_with(".toml") { name.to_owned() } else { format!("{name}.toml") };
    let mut problems = Problems::new(source);
    let scenario = scenario(stem, source, stages, &mut problems);
    match problems.into_error(&file) {
        Some(error) => Err(error),
        None => Ok(scenario.expect("a scenario without problems was read to the end")),
    }
}

fn scenario(
    name: &str,
    source: &str,
    stages: &[&str],
    problems: &mut Problems,
) -> Option<Scenario> {
    let (document, errors) = DeTable::parse_recoverable(source);
    if !errors.is_empty() {
        syntax_errors(&errors, source, problems);
        return None;
    }
    let root = document.get_ref();
    let keys = ["title", "memory", "file", "process", "run"];
    table::only_keys(root, &keys, problems);

    let (claim, body) = claim(source);
    if claim.is_empty() {
        problems
            .add(0..0, "the file does not open with its claim")
            .expected("comment lines: what is shown, and why it matters");
    }
    let title = require(root, "title", "`title = \"...\"`", &body, problems)
        .and_then(|value| table::as_text(value, "a line of text", problems));
    let memory = require(root, "memory", "`memory = { pages = 8, swap = [8] }`", &body, problems)
        .and_then(|value| memory::memory(value, problems));
    let unlimited = MemorySpec {
        pages: LARGEST,
        section: 0,
        movable: 0,
        swap: Vec::new(),
        page_cluster: 0,
        pagevec: PAGEVEC_SIZE,
    };
    let mut cast = Cast::new(memory.as_ref().unwrap_or(&unlimited));
    let files =
        table::get(root, "file").map(|value| memory::files(value, problems)).unwrap_or_default();
    let processes = require(root, "process", "a table `[process.A]`", &body, problems)
        .map(|value| process::processes(value, &files, &mut cast, problems));
    let steps = require(root, "run", "a table `[run]` with `steps`", &body, problems)
        .and_then(|value| steps(value, Steps { cast, stages, problems, source }));
    Some(Scenario {
        name: name.to_owned(),
        title: title?.to_owned(),
        claim,
        memory: memory?,
        files,
        processes: processes?,
        steps: steps?,
    })
}

/// The first errors of TOML's own syntax, one for each line: behind an open bracket most are no errors.
fn syntax_errors(errors: &[toml::de::Error], source: &str, problems: &mut Problems) {
    let mut spans: Vec<_> =
        errors.iter().map(|error| (error.span().unwrap_or(0..0), error.message())).collect();
    spans.sort_by_key(|(span, _)| span.start);
    let mut lines = Vec::new();
    for (span, message) in spans {
        let end = span.end.min(source.len());
        let start = span.start.min(end);
        let (line, _) = error::position(source, start);
        if !lines.contains(&line) && lines.len() < 2 {
            lines.push(line);
            problems.add(start..end, message);
        }
    }
}

fn steps<'s>(run: &'s table::Value<'_>, mut reader: Steps<'_, 's>) -> Option<Vec<Step>> {
    let run_form = "a table `[run]` with `steps`";
    let table = table::as_table(run, run_form, reader.problems)?;
    table::only_keys(table, &["steps"], reader.problems);
    let form = "an array of strings like `\"A: store P.hi\"`";
    let Some(value) = table::get(table, "steps") else {
        reader.problems.add(run.span(), "nothing happens").expected(run_form);
        return None;
    };
    let values = table::as_array(value, form, reader.problems);
    if values.is_empty() || values.len() > LARGEST as usize {
        let message = format!("{} steps", values.len());
        reader
            .problems
            .add(value.span(), message)
            .expected(format!("at least 1 and at most {LARGEST}"));
    }
    let mut steps = Vec::new();
    for value in values {
        if let Some(text) = table::as_text(value, form, reader.problems) {
            steps.extend(reader.read(&Word::of_string(text, value.span(), reader.source)));
        }
    }
    Some(steps)
}

/// The value of a key that has to be there.
fn require<'t, 'i>(
    root: &'t DeTable<'i>,
    key: &str,
    form: &str,
    body: &Range<usize>,
    problems: &mut Problems,
) -> Option<&'t table::Value<'i>> {
    let value = table::get(root, key);
    if value.is_none() {
        problems.add(body.clone(), format!("`{key}` is missing")).expected(form);
    }
    value
}

/// The leading comment, lines joined by blanks, and the place where the rest begins.
fn claim(source: &str) -> (String, Range<usize>) {
    let mut claim: Vec<&str> = Vec::new();
    let mut start = 0;
    for line in source.split_inclusive('\n') {
        let Some(text) = line.strip_prefix('#') else {
            break;
        };
        claim.extend(Some(text.trim()).filter(|text| !text.is_empty()));
        start += line.len();
    }
    (claim.join(" "), start..start)
}
