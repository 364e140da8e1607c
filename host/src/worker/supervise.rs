//! The parent: gives scenarios to children until each has its verdict.
//!
//! A child that ends in a scenario costs that scenario and nothing else. What a
//! child is and how it is killed is not known here, nor what a trace holds.

use std::borrow::Cow;
use std::process;
use std::time::Instant;

use super::ending::{Ended, Moment};
use super::process::{Child, Heard};
use super::report::{Job, Report, Work};
use super::{PolicyRun, Worker, WorkerError, opening, verdict};
use crate::policy::Ending;
use crate::run::Options;
use crate::scenario::Scenario;
use crate::trace::Trace;

/// From how many bytes on what further children print is not kept.
const PRINTED: usize = 64 * 1024;

/// Runs the scenarios, each to its verdict.
pub(super) fn run(
    worker: &Worker,
    scenarios: &[Scenario],
    spec: &str,
    options: Options,
) -> Result<PolicyRun, WorkerError> {
    let (policy, printed) = (String::new(), String::new());
    let mut supervisor = Supervisor {
        worker,
        scenarios,
        spec,
        options,
        result: PolicyRun { policy, traces: Vec::new(), impurity: None, printed },
    };
    let mut next = Next::Child(None);
    let mut first = true;
    while let Next::Child(ended) = next {
        next = supervisor.child(ended, first)?;
        first = false;
    }
    Ok(supervisor.result)
}

struct Supervisor<'a> {
    worker: &'a Worker,
    scenarios: &'a [Scenario],
    spec: &'a str,
    options: Options,
    /// What there is so far.
    result: PolicyRun,
}

/// What is to be done once a child ended.
enum Next {
    /// Nothing.
    Over,
    /// Another child, which begins by replaying the next scenario, if it ended one.
    Child(Option<Ended>),
}

/// What came of a scenario in a child.
enum Ran {
    Whole(Trace),
    Ended(Ended),
    /// The model panicked, with this message.
    Broke(String),
}

impl<'a> Supervisor<'a> {
    /// One child, from its start to its end.
    fn child(&mut self, replay: Option<Ended>, first: bool) -> Result<Next, WorkerError> {
        let executable = self.worker.program();
        let job = Job {
            parent: process::id(),
            spec: self.spec.to_owned(),
            work: Work::Run {
                options: self.options,
                replay: replay.as_ref().map(|ended| ended.answers.clone()),
                scenarios: Cow::Borrowed(self.remaining()),
                audit: first,
            },
        };
        let mut child = Child::start(&executable, &job)?;
        let loaded = opening::loaded(&mut child, self.spec, &executable, &self.worker.limits);
        let next = match loaded {
            Ok(description) => {
                self.result.policy = description.name;
                self.go_on(&mut child, replay)
            }
            Err(error) if first => Err(error),
            Err(error) => {
                self.give_up(replay, &error);
                Ok(Next::Over)
            }
        };
        let printed = child.into_printed();
        match next {
            Err(WorkerError::EndedInLoading { spec, why, .. }) => {
                Err(WorkerError::EndedInLoading { spec, why, printed })
            }
            next => {
                if self.result.printed.len() < PRINTED {
                    self.result.printed.push_str(&printed);
                }
                next
            }
        }
    }

    /// The scenarios without verdict.
    fn remaining(&self) -> &'a [Scenario] {
        &self.scenarios[self.result.traces.len()..]
    }

    /// Hears the scenarios that the child has, the replayed one first.
    fn go_on(&mut self, child: &mut Child, mut replay: Option<Ended>) -> Result<Next, WorkerError> {
        while let Some(scenario) = self.remaining().first() {
            let ran = self.scenario(child);
            let trace = match (ran, replay.take()) {
                (Ran::Whole(trace), None) => trace,
                (Ran::Whole(trace), Some(ended)) => verdict::replayed(trace, &ended),
                (Ran::Ended(ended), None) => return Ok(Next::Child(Some(ended))),
                (Ran::Ended(_), Some(ended)) => {
                    // It ends the process even if it is not asked.
                    let policy = &self.result.policy;
                    let trace = verdict::alone(&scenario.name, policy, ended.to_string());
                    self.result.traces.push(trace);
                    return Ok(Next::Child(None));
                }
                (Ran::Broke(message), _) => {
                    let (scenario, spec) = (scenario.name.clone(), self.spec.to_owned());
                    return Err(WorkerError::Model { scenario, spec, message });
                }
            };
            self.result.traces.push(trace);
        }
        self.result.impurity =
            opening::audit(child, &self.worker.limits, "after the last scenario");
        Ok(Next::Over)
    }

    /// Hears one scenario.
    fn scenario(&self, child: &mut Child) -> Ran {
        let limits = self.worker.limits;
        let end = Instant::now() + limits.scenario;
        let mut moment = Moment::Start;
        let mut answers = Vec::new();
        let ending = loop {
            let asked = matches!(moment, Moment::Asked(_));
            let answer = Instant::now() + limits.answer;
            let deadline = if asked { answer.min(end) } else { end };
            match (child.next(deadline), moment) {
                (Heard::Report(Report::Ran(trace)), Moment::Start | Moment::Answered(_)) => {
                    return Ran::Whole(trace);
                }
                (Heard::Report(Report::Broke { message }), _) => return Ran::Broke(message),
                (Heard::Report(Report::Asking(point)), _) => moment = Moment::Asked(point),
                (Heard::Report(Report::Answered(raw)), Moment::Asked(point)) => {
                    answers.push(raw);
                    moment = Moment::Answered(point);
                }
                (Heard::Report(_), _) => break Ending::Garbled,
                (Heard::Nothing, _) if deadline < end => break Ending::NoAnswer(limits.answer),
                (Heard::Nothing, _) => break Ending::TooLong(limits.scenario),
                (Heard::End(ending), _) => break ending,
            }
        };
        Ran::Ended(Ended { ending, moment, answers })
    }

    /// The policy could be loaded before and cannot be now: that is all to be said of
    /// what is left.
    fn give_up(&mut self, mut replay: Option<Ended>, error: &WorkerError) {
        for scenario in self.remaining() {
            let line = match replay.take() {
                Some(ended) => ended.to_string(),
                None => format!("the policy was loaded before, but not again: {error}"),
            };
            let trace = verdict::alone(&scenario.name, &self.result.policy, line);
            self.result.traces.push(trace);
        }
    }
}
