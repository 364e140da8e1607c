//! Which answer of the policy led to the outcome.
//!
//! Read off one trace: the last question, before things went wrong, that was asked
//! about a page of the place concerned and answered in the way that does such harm.
//! This module does not know what another policy would have answered.

use std::collections::BTreeSet;

use crate::trace::{Event, FindingText, Question, StepTrace, Trace};

/// The question that most directly led to an outcome, and the step that asked it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause<'a> {
    /// The step.
    pub step: &'a StepTrace,
    /// The question.
    pub question: &'a Question,
}

/// What led to the outcome; none if all is well, or if no answer had a part in it.
#[must_use]
pub fn cause(trace: &Trace) -> Option<Cause<'_>> {
    if trace.outcome.word == "ok" {
        return None;
    }
    let end = moment(trace);
    let pages = pages(trace, end, &places(trace));
    let asked: Vec<Cause<'_>> = questions(trace, end)
        .filter(|cause| pages.is_empty() || pages.contains(&cause.question.page))
        .collect();
    let last = |harm: Harm| asked.iter().rev().find(|cause| harm.done_by(cause.question));
    harms(&trace.outcome.word).iter().find_map(|harm| last(*harm)).copied()
}

/// What an answer can do that leads to trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    /// The page stays shared and becomes writable.
    Reuse,
    /// Whoever stores gets another page than the one that is held.
    Copy,
    /// The pte loses the page.
    Unmap,
    /// The pte keeps the page.
    Veto,
    /// Anything.
    Any,
}

/// The harm behind an outcome, the most likely first.
fn harms(word: &str) -> &'static [Harm] {
    // Undefined behaviour has its word in lower case, the same as an error in capitals.
    match word.to_uppercase().as_str() {
        "MISSED COW" => &[Harm::Reuse],
        "LOST IO" | "PIN APART" => &[Harm::Copy, Harm::Unmap],
        "STUCK" => &[Harm::Veto],
        "CHILD SAW" | "IO TO CHILD" => &[Harm::Reuse, Harm::Copy],
        "NO PROGRESS" => &[Harm::Unmap],
        "DEADLOCK" | "POLICY" => &[],
        _ => &[Harm::Any],
    }
}

impl Harm {
    fn done_by(self, question: &Question) -> bool {
        let answer = (question.hook.as_str(), question.answer.as_str());
        match self {
            Self::Reuse => matches!(
                answer,
                ("do_wp_page", "reuse")
                    | ("do_swap_page", "writable")
                    | ("can_share_swap_page", "yes" | "yes, delete from cache" | "if exclusive")
            ),
            Self::Copy => matches!(
                answer,
                ("do_wp_page", "copy") | ("can_share_swap_page", "no" | "if exclusive")
            ),
            Self::Unmap => answer == ("try_to_unmap_one", "unmap"),
            Self::Veto => answer == ("try_to_unmap_one", "SWAP_FAIL"),
            Self::Any => true,
        }
    }
}

/// When things went wrong: step and event, each as an index.
fn moment(trace: &Trace) -> (usize, usize) {
    let wrong = |event: &Event| match event {
        Event::Finding(finding) => finding.word == trace.outcome.word,
        Event::FactFails { .. } => trace.outcome.word == "FACT FAILS",
        Event::Stage { .. }
        | Event::Asked(_)
        | Event::Pte { .. }
        | Event::Page { .. }
        | Event::Waits { .. }
        | Event::Stopped { .. }
        | Event::SwapIo { .. }
        | Event::Violation { .. }
        | Event::PolicyFault { .. }
        | Event::Note { .. } => false,
    };
    let place =
        trace.steps.iter().enumerate().find_map(|(step, trace)| {
            trace.events.iter().position(wrong).map(|event| (step, event))
        });
    place.unwrap_or((trace.steps.len(), 0))
}

/// The events before a moment, each with its step.
fn before(trace: &Trace, end: (usize, usize)) -> impl Iterator<Item = (&StepTrace, &Event)> {
    trace.steps.iter().enumerate().flat_map(move |(index, step)| {
        let events = if index < end.0 {
            &step.events[..]
        } else if index == end.0 {
            &step.events[..end.1]
        } else {
            &[]
        };
        events.iter().map(move |event| (step, event))
    })
}

fn questions(trace: &Trace, end: (usize, usize)) -> impl Iterator<Item = Cause<'_>> {
    before(trace, end).filter_map(|(step, event)| match event {
        Event::Asked(question) => Some(Cause { step, question }),
        _ => None,
    })
}

/// The ptes concerned, such as `A.P[2]`: where the finding is, or what the outcome names.
fn places(trace: &Trace) -> BTreeSet<String> {
    let found = trace.steps.iter().flat_map(|step| &step.events).find_map(|event| match event {
        Event::Finding(finding) if finding.word == trace.outcome.word => Some(pte_of(finding)),
        _ => None,
    });
    let named = || {
        let words = trace.outcome.line.split([' ', ',', ':']);
        words.filter(|word| word.contains('.')).map(str::to_string).collect()
    };
    found.map_or_else(named, |place| BTreeSet::from([place]))
}

fn pte_of(finding: &FindingText) -> String {
    let place = finding.place.as_str();
    let sector = place.strip_suffix(".lo").or_else(|| place.strip_suffix(".hi"));
    sector.unwrap_or(place).to_string()
}

/// The pages that those ptes mapped before the moment.
fn pages(trace: &Trace, end: (usize, usize), places: &BTreeSet<String>) -> BTreeSet<u32> {
    let mapped = before(trace, end).filter_map(|(_, event)| match event {
        Event::Pte { place, old, new } if places.contains(place) => Some([old, new]),
        _ => None,
    });
    mapped.flatten().filter_map(|pte| page_in(pte)).collect()
}

/// The page that a pte maps: `page 1 ro young`.
fn page_in(pte: &str) -> Option<u32> {
    let (word, rest) = pte.split_once(' ')?;
    let number = rest.split(' ').next()?;
    (word == "page").then(|| number.parse().ok())?
}
