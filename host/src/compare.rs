//! Comparisons: the traces of one scenario under several policies, side by side.
//!
//! The first policy is the one that the others are held against. Two policies part
//! at the first step after which their memories differ or whose results differ; the
//! reason is the first question of that step that they answer differently.

use crate::policy::Policy;
use crate::run::{Options, run};
use crate::scenario::Scenario;
use crate::trace::{Event, Question, StepTrace, Trace};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One scenario under several policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The scenario's name.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// Its claim.
    pub claim: String,
    /// A trace for each policy, in the order asked for.
    pub traces: Vec<Trace>,
    /// Where each policy but the first parts from the first; none if it does not.
    pub partings: Vec<Option<Parting>>,
}

/// The first step where a policy parts from the first policy, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parting {
    /// Number of the step.
    pub step: u32,
    /// The kernel function that parted them.
    pub function: String,
    /// What the first policy was asked and answered, if a question parted them.
    pub base: Option<Question>,
    /// What this policy was asked and answered.
    pub other: Option<Question>,
}

/// Runs a scenario under each policy and compares.
#[must_use]
pub fn compare(scenario: &Scenario, policies: &[Policy], options: Options) -> Comparison {
    let traces = policies.iter().map(|policy| run(scenario, policy, options)).collect();
    of_traces(scenario, traces)
}

/// Compares traces of one scenario.
#[must_use]
pub fn of_traces(scenario: &Scenario, traces: Vec<Trace>) -> Comparison {
    let partings = traces.iter().skip(1).map(|other| parting(&traces[0], other)).collect();
    Comparison {
        scenario: scenario.name.clone(),
        title: scenario.title.clone(),
        claim: scenario.claim.clone(),
        traces,
        partings,
    }
}

impl Comparison {
    /// Whether the outcomes of the policies differ.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.traces.iter().any(|trace| trace.outcome.word != self.traces[0].outcome.word)
    }

    /// The kernel functions that parted the policies, each once, in order of the policies.
    #[must_use]
    pub fn functions(&self) -> Vec<&str> {
        let mut functions = Vec::new();
        for parting in self.partings.iter().flatten() {
            if !functions.contains(&parting.function.as_str()) {
                functions.push(parting.function.as_str());
            }
        }
        functions
    }
}

/// Where `other` parts from `base`.
#[must_use]
pub fn parting(base: &Trace, other: &Trace) -> Option<Parting> {
    let apart = |(a, b): &(&StepTrace, &StepTrace)| a.state != b.state || a.result != b.result;
    let found = base.steps.iter().zip(&other.steps).find(apart);
    let Some((a, b)) = found else {
        // One run ended early, by a violation or a policy's fault.
        let step = base.steps.len().min(other.steps.len()) as u32;
        let ended = base.steps.len() != other.steps.len();
        let function = "the end of the run".to_string();
        return ended.then_some(Parting { step, function, base: None, other: None });
    };
    let (function, base, other) = match first_other_answer(a, b) {
        Some((x, y)) => (x.hook.clone(), Some(x.clone()), Some(y.clone())),
        None => (first_other_stage(a, b), None, None),
    };
    Some(Parting { step: a.number, function, base, other })
}

fn questions(step: &StepTrace) -> Vec<&Question> {
    (step.events.iter())
        .filter_map(|event| match event {
            Event::Asked(question) => Some(&**question),
            _ => None,
        })
        .collect()
}

/// The first question of `a` that `b` answers differently, and to another effect: the
/// n-th time that a hook is asked at a point is matched with the n-th time.
fn first_other_answer<'a>(
    a: &'a StepTrace,
    b: &'a StepTrace,
) -> Option<(&'a Question, &'a Question)> {
    let (a, b) = (questions(a), questions(b));
    let same = |x: &Question, y: &Question| x.hook == y.hook && x.at == y.at;
    a.iter().enumerate().find_map(|(i, x)| {
        let nth = a[..i].iter().filter(|y| same(x, y)).count();
        let (j, y) = b.iter().enumerate().filter(|(_, y)| same(x, y)).nth(nth)?;
        let differ = x.answer != y.answer && effect(&a[i..]) != effect(&b[j..]);
        differ.then_some((*x, *y))
    })
}

/// What the first of some questions came to: an answer that passes the question on
/// (`if exclusive`) is worth what the next one is answered.
fn effect<'a>(questions: &[&'a Question]) -> &'a str {
    let passes_on = |answer: &str| answer.starts_with("if ");
    let mut answers = questions.iter().map(|q| q.answer.as_str()).peekable();
    let mut answer = answers.next().unwrap_or_default();
    while passes_on(answer) {
        let Some(next) = answers.next() else { break };
        answer = next;
    }
    // exclusive_swap_page: yes to the swap_map, then yes or no to the counts.
    let exclusive = |q: &&&Question| q.hook == "exclusive_swap_page";
    if passes_on(&questions[0].answer) {
        let asked = questions[1..].iter().skip_while(|q| !exclusive(q)).take_while(exclusive);
        answer = asked.take(2).last().map_or(answer, |q| &q.answer);
    }
    // The word of a yes differs from hook to hook.
    if answer.starts_with("yes") { "yes" } else { answer }
}

/// The function of the first stage that only one of them runs, or runs in its turn.
fn first_other_stage(a: &StepTrace, b: &StepTrace) -> String {
    let stages = |step: &StepTrace| -> Vec<String> {
        let stage = |event: &Event| match event {
            Event::Stage { stage, .. } => Some(stage.clone()),
            _ => None,
        };
        step.events.iter().filter_map(stage).collect()
    };
    let (a, b) = (stages(a), stages(b));
    let differ = a.iter().zip(&b).find(|(x, y)| x != y).map(|(x, _)| x.clone());
    let longer = || a.get(b.len()).or_else(|| b.get(a.len())).cloned();
    let stage = differ.or_else(longer).unwrap_or_else(|| "a rule".to_string());
    stage.split('.').next().unwrap_or_default().to_string()
}
