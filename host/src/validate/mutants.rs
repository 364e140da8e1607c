//! Would a wrong policy be noticed? Each answer that a policy gave in the scenarios of a
//! transcript is replaced by each other legal one, and the transcript looked at again.
//!
//! A mutant that survives gives an answer that these scenarios do not tell from the right
//! one. Does not know whether another scenario would.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::LOOKED_AT;
use super::compare::Comparing;
use super::difference::Difference;
use super::transcript::{Recorded, Transcript};
use crate::policy::{Alteration, Hook, Policy};
use crate::run::{Observed, observe};
use crate::trace::Trace;

/// A policy with one wrong answer, and who noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Mutant {
    /// The hook.
    pub hook: String,
    /// Which of the hook's questions.
    pub at: u32,
    /// The policy's answer.
    pub answer: String,
    /// The one that was taken instead.
    pub other: String,
    /// Scenarios in which the policy gave that answer.
    pub scenarios: u32,
    /// Those of them in which the mutant shows something else than the policy.
    pub caught_in: u32,
    /// Differences that the policy does not have.
    pub differences: u32,
    /// Whether memory was never another than under the policy.
    pub same_memory: bool,
}

/// One scenario under the policy itself.
struct Baseline<'a> {
    recorded: &'a Recorded,
    observed: Observed,
    differences: Vec<Difference>,
}

impl Mutant {
    /// Whether nobody noticed.
    #[must_use]
    pub const fn survives(&self) -> bool {
        self.differences == 0
    }
}

/// Every mutant of a policy that the scenarios of a transcript reach, in the order of the
/// hooks; `only` these scenarios, or all if empty.
#[must_use]
pub fn mutants(transcript: &Transcript, policy: &Policy, only: &[String]) -> Vec<Mutant> {
    let wanted = |one: &&Recorded| only.is_empty() || only.contains(&one.scenario.name);
    let baselines: Vec<Baseline<'_>> = (transcript.scenarios.iter().filter(wanted))
        .map(|recorded| {
            let observed = observe(&recorded.scenario, policy, LOOKED_AT);
            let differences = differences(transcript, recorded, &observed);
            Baseline { recorded, observed, differences }
        })
        .collect();
    let mut answers: BTreeMap<(Hook, u32, u8), Vec<&Baseline<'_>>> = BTreeMap::new();
    for baseline in &baselines {
        for answer in given(&baseline.observed.trace) {
            let scenarios = answers.entry(answer).or_default();
            if scenarios.last().is_none_or(|last| !std::ptr::eq(*last, baseline)) {
                scenarios.push(baseline);
            }
        }
    }
    let all = answers.into_iter().flat_map(|((hook, at, answer), scenarios)| {
        Alteration::of(hook, at, answer).map(move |alteration| (alteration, scenarios.clone()))
    });
    all.map(|(alteration, scenarios)| mutant(transcript, policy, alteration, &scenarios)).collect()
}

/// Hook, point and code of each answer in a trace.
fn given(trace: &Trace) -> impl Iterator<Item = (Hook, u32, u8)> {
    let questions = (0..trace.steps.len()).flat_map(|step| trace.questions(step));
    questions.map(|question| {
        let hook = Hook::from_name(&question.hook).expect("a trace names hooks");
        let mut answers = hook.answers(question.at).iter();
        let code = answers.find(|answer| answer.1 == question.answer).expect("it was legal").0;
        (hook, question.at, code)
    })
}

fn differences(
    transcript: &Transcript,
    recorded: &Recorded,
    observed: &Observed,
) -> Vec<Difference> {
    let mut comparing = Comparing::new(transcript);
    comparing.scenario(recorded, observed);
    comparing.differences
}

fn mutant(
    transcript: &Transcript,
    policy: &Policy,
    alteration: Alteration,
    scenarios: &[&Baseline<'_>],
) -> Mutant {
    let policy = policy.altered(alteration);
    let [answer, other] = alteration.words().map(str::to_string);
    let mut mutant = Mutant {
        hook: alteration.hook.name().to_string(),
        at: alteration.at,
        answer,
        other,
        scenarios: scenarios.len() as u32,
        caught_in: 0,
        differences: 0,
        same_memory: true,
    };
    for baseline in scenarios {
        let observed = observe(&baseline.recorded.scenario, &policy, LOOKED_AT);
        let new = differences(transcript, baseline.recorded, &observed);
        let new = new.iter().filter(|difference| !baseline.differences.contains(difference));
        let new = new.count() as u32;
        mutant.differences += new;
        mutant.caught_in += u32::from(new > 0);
        mutant.same_memory &= states(&observed.trace).eq(states(&baseline.observed.trace));
    }
    mutant
}

fn states(trace: &Trace) -> impl Iterator<Item = &str> {
    trace.steps.iter().map(|step| step.state.as_str())
}
