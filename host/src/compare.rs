//! Comparisons: the traces of one scenario under several policies, side by side.
//!
//! The first policy is the one that the others are held against. Two policies part
//! at the first step after which their memories differ or whose results differ, unless
//! all that differs there is a mark that one kernel puts on its pages: then at the first
//! step where something else comes of it. The reason is the first question of that step
//! that they answer differently. A policy that is not asked does what 2.6.11 does
//! ([`Hook::default_answer`]).

use crate::policy::{Hook, Policy};
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
    /// What the first policy was asked and answered, if a question parted them that it was
    /// asked.
    pub base: Option<Question>,
    /// What this policy was asked and answered, if it was.
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
    let mut steps = base.steps.iter().zip(&other.steps).filter(apart).peekable();
    let Some(first) = steps.peek().copied() else {
        // One run ended early, by a violation or a policy's fault.
        let step = base.steps.len().min(other.steps.len()) as u32;
        let ended = base.steps.len() != other.steps.len();
        let function = "the end of the run".to_string();
        return ended.then_some(Parting { step, function, base: None, other: None });
    };
    steps.find_map(|(a, b)| in_step(a, b)).or_else(|| {
        let function = "a rule".to_string();
        Some(Parting { step: first.0.number, function, base: None, other: None })
    })
}

/// What parts two runs of a step; none if they ask and do the same.
fn in_step(a: &StepTrace, b: &StepTrace) -> Option<Parting> {
    let stage = first_other_stage(a, b);
    let answered = first_other_answer(a, b);
    let asked = first_asked_alone(a, b).filter(|asked| {
        // Once other stages are run, other questions are no wonder.
        let stages = asked.stages();
        stage.as_ref().is_none_or(|(place, _)| stages <= place + 1)
            && answered.as_ref().is_none_or(|(x, _)| stages < x.stages)
    });
    let step = a.number;
    if let Some(asked) = asked {
        let (base, other) = asked.sides();
        let hook = base.or(other).map(|question| question.hook.clone()).unwrap_or_default();
        return Some(Parting { step, function: hook, base: base.cloned(), other: other.cloned() });
    }
    if let Some((x, y)) = answered {
        let (base, other) = (Some(x.question.clone()), Some(y.question.clone()));
        return Some(Parting { step, function: x.question.hook.clone(), base, other });
    }
    let function = match stage {
        Some((_, stage)) => stage.split('.').next().unwrap_or_default().to_string(),
        None if a.result != b.result => "a rule".to_string(),
        None => return None,
    };
    Some(Parting { step, function, base: None, other: None })
}

/// A question, and how many stages of its step had begun when it was asked.
#[derive(Clone, Copy)]
struct Asked<'a> {
    stages: usize,
    question: &'a Question,
}

fn questions(step: &StepTrace) -> Vec<Asked<'_>> {
    let mut stages = 0;
    let mut asked = Vec::new();
    for event in &step.events {
        match event {
            Event::Stage { .. } => stages += 1,
            Event::Asked(question) => asked.push(Asked { stages, question }),
            _ => {}
        }
    }
    asked
}

fn same(x: &Question, y: &Question) -> bool {
    x.hook == y.hook && x.at == y.at
}

/// The question of `others` that is asked as often before it as one of `asked` is.
fn counterpart(asked: &[Asked<'_>], index: usize, others: &[Asked<'_>]) -> Option<usize> {
    let one = asked[index].question;
    let nth = asked[..index].iter().filter(|other| same(one, other.question)).count();
    let mut others = others.iter().enumerate().filter(|(_, other)| same(one, other.question));
    others.nth(nth).map(|(index, _)| index)
}

/// The first question of `a` that `b` answers differently, and to another effect: the
/// n-th time that a hook is asked at a point is matched with the n-th time.
fn first_other_answer<'a>(a: &'a StepTrace, b: &'a StepTrace) -> Option<(Asked<'a>, Asked<'a>)> {
    let (a, b) = (questions(a), questions(b));
    (0..a.len()).find_map(|i| {
        let j = counterpart(&a, i, &b)?;
        let differ = a[i].question.answer != b[j].question.answer;
        (differ && effect(&a[i..]) != effect(&b[j..])).then_some((a[i], b[j]))
    })
}

/// A question that only one of two policies is asked, and that it answers in another way
/// than the other one does by not being asked.
enum Alone<'a> {
    First(Asked<'a>),
    Second(Asked<'a>),
}

impl<'a> Alone<'a> {
    const fn stages(&self) -> usize {
        match self {
            Self::First(asked) | Self::Second(asked) => asked.stages,
        }
    }

    const fn sides(&self) -> (Option<&'a Question>, Option<&'a Question>) {
        match self {
            Self::First(asked) => (Some(asked.question), None),
            Self::Second(asked) => (None, Some(asked.question)),
        }
    }
}

fn first_asked_alone<'a>(a: &'a StepTrace, b: &'a StepTrace) -> Option<Alone<'a>> {
    let (a, b) = (questions(a), questions(b));
    let first = |asked: &[Asked<'a>], others: &[Asked<'a>]| {
        let alone = |index: &usize| {
            is_no_default(asked[*index].question) && counterpart(asked, *index, others).is_none()
        };
        (0..asked.len()).find(alone).map(|index| asked[index])
    };
    match (first(&a, &b), first(&b, &a)) {
        (Some(x), Some(y)) if y.stages < x.stages => Some(Alone::Second(y)),
        (Some(x), _) => Some(Alone::First(x)),
        (None, y) => y.map(Alone::Second),
    }
}

/// Whether not to be asked would have come to something else.
fn is_no_default(question: &Question) -> bool {
    let Some(hook) = Hook::from_name(&question.hook) else { return false };
    let word = |code: u8| hook.answers(question.at).iter().find(|(other, _)| *other == code);
    let default = hook.default_answer(question.at).and_then(word);
    default.is_some_and(|(_, word)| question.answer != *word)
}

/// What the first of some questions came to: an answer that passes the question on
/// (`if exclusive`) is worth what the next one is answered.
fn effect<'a>(questions: &[Asked<'a>]) -> &'a str {
    let questions: Vec<&Question> = questions.iter().map(|asked| asked.question).collect();
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

/// The first stage that only one of them runs, or runs in its turn, and its place.
fn first_other_stage(a: &StepTrace, b: &StepTrace) -> Option<(usize, String)> {
    let stages = |step: &StepTrace| -> Vec<String> {
        let stage = |event: &Event| match event {
            Event::Stage { stage, .. } => Some(stage.clone()),
            _ => None,
        };
        step.events.iter().filter_map(stage).collect()
    };
    let (a, b) = (stages(a), stages(b));
    let place = (0..a.len().max(b.len())).find(|place| a.get(*place) != b.get(*place))?;
    a.get(place).or_else(|| b.get(place)).map(|stage| (place, stage.clone()))
}
