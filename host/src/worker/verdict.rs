//! The trace of a scenario that ended its child.
//!
//! Does not know processes: from what is known of the end it makes what a reader of
//! traces expects, a `POLICY` outcome with the policy at fault.

use super::ending::{Ended, Moment};
use crate::trace::{Costs, Event, Outcome, StepTrace, Trace};

/// The outcome's word; the same as for a fault that the child survives.
const WORD: &str = "POLICY";

/// Puts the end into a trace that was replayed up to it.
pub(super) fn replayed(mut trace: Trace, ended: &Ended) -> Trace {
    let line = match step_of(&trace, ended) {
        Some(step) if step.actor == "end" => format!("{ended} at the end"),
        Some(step) => format!("{ended} at step {}", step.number),
        None => ended.to_string(),
    };
    let events = trace.steps.iter_mut().flat_map(|step| &mut step.events);
    let mut faults = events.filter_map(|event| match event {
        Event::PolicyFault { text } => Some(text),
        _ => None,
    });
    match faults.next() {
        Some(text) => text.clone_from(&line),
        None => {
            let text = line.clone();
            let last = trace.steps.last_mut().expect("a run has the step `end`");
            last.events.push(Event::PolicyFault { text });
        }
    }
    trace.outcome = outcome(line);
    trace
}

/// A trace of nothing but the end, if there is no telling what led to it.
pub(super) fn alone(scenario: &str, policy: &str, line: String) -> Trace {
    let end = StepTrace {
        number: 1,
        actor: "end".to_owned(),
        text: String::new(),
        result: "-".to_owned(),
        events: vec![Event::PolicyFault { text: line.clone() }],
        state: String::new(),
    };
    Trace {
        scenario: scenario.to_owned(),
        policy: policy.to_owned(),
        steps: vec![end],
        outcome: outcome(line),
        costs: Costs::default(),
    }
}

fn outcome(line: String) -> Outcome {
    Outcome { word: WORD.to_owned(), line, error: true, policy_fault: true }
}

/// The step of the last question.
fn step_of<'a>(trace: &'a Trace, ended: &Ended) -> Option<&'a StepTrace> {
    match ended.moment {
        Moment::Start => None,
        // The run halts with the stage that asks it.
        Moment::Asked(_) => {
            let ran = |event: &Event| matches!(event, Event::Stage { .. });
            trace.steps.iter().rfind(|step| step.events.iter().any(ran))
        }
        Moment::Answered(_) => {
            let mut asked = 0;
            trace.steps.iter().find(|step| {
                let questions = step.events.iter();
                asked += questions.filter(|event| matches!(event, Event::Asked(_))).count();
                asked >= ended.answers.len()
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Point;
    use super::*;
    use crate::policy::{Ending, resolve};
    use crate::run::{Options, run};
    use crate::scenario::load;
    use cowpath_abi::Hook;

    #[test]
    fn an_end_between_questions_is_at_the_step_of_the_last_answer() {
        let scenario = load("suspend_the_holder").unwrap();
        let trace = run(&scenario, &resolve("vanilla").unwrap(), Options::default());
        let counts: Vec<_> =
            (0..trace.steps.len()).map(|step| trace.questions(step).len()).collect();
        let step = counts.iter().rposition(|count| *count > 0).unwrap();
        let ended = Ended {
            ending: Ending::Exited(1),
            moment: Moment::Answered(Point::new(Hook::do_wp_page, 0)),
            answers: vec![0; counts.iter().sum()],
        };
        let found = replayed(trace.clone(), &ended);
        let place = match &trace.steps[step] {
            end if end.actor == "end" => "the end".to_owned(),
            step => format!("step {}", step.number),
        };
        let line = format!("the policy called exit(1) after it had answered do_wp_page at {place}");
        assert_eq!(found.outcome.line, line);
        assert!(found.outcome.policy_fault);
        let last = found.steps.last().unwrap().events.last();
        assert_eq!(last, Some(&Event::PolicyFault { text: line }));
    }

    #[test]
    fn a_trace_without_steps_still_names_the_fault() {
        let found = alone("s", "p", "the policy left".to_owned());
        assert_eq!((found.outcome.word.as_str(), found.outcome.error), ("POLICY", true));
        assert_eq!(found.steps.len(), 1);
    }
}
