//! Traces: everything that happened in one run, as text and numbers.
//!
//! A trace is complete and stands alone: printers, comparisons and snapshots read
//! it and nothing else. It holds no pfns of a real machine, no addresses, no paths
//! and no times, so the same scenario and policy give the same bytes everywhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One run of a scenario under one policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trace {
    /// The scenario's name.
    pub scenario: String,
    /// The policy's name.
    pub policy: String,
    /// The steps, in order.
    pub steps: Vec<StepTrace>,
    /// What the run came to.
    pub outcome: Outcome,
    /// What it cost.
    pub costs: Costs,
}

/// What one step of a scenario did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepTrace {
    /// From 1; the last, whose actor is `end`, is what is left to happen when the steps are over.
    pub number: u32,
    /// Who.
    pub actor: String,
    /// The step as the scenario has it, without the actor.
    pub text: String,
    /// What came of it, in a few words.
    pub result: String,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// A hash of the memory after the step, in hexadecimal: two policies are apart once
    /// it differs.
    pub state: String,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A task ran a stage.
    Stage {
        /// The task.
        task: String,
        /// The stage, `function.stage`.
        stage: String,
    },
    /// A stage asked the policy.
    Asked(Box<Question>),
    /// A pte changed.
    Pte {
        /// Process and page of the mapping: `A.P[2]`.
        place: String,
        /// Before.
        old: String,
        /// After.
        new: String,
    },
    /// A page's counts or state changed.
    Page {
        /// Which.
        page: u32,
        /// Before.
        old: String,
        /// After.
        new: String,
    },
    /// A task sleeps.
    Waits {
        /// The task.
        task: String,
        /// For what.
        on: String,
    },
    /// A task stopped where the scenario told it to.
    Stopped {
        /// The task.
        task: String,
        /// The stage that it has run.
        stage: String,
    },
    /// A swap read or write was completed.
    SwapIo {
        /// Which page.
        page: u32,
        /// The swap entry.
        entry: String,
        /// A write; else a read.
        write: bool,
        /// Whether it succeeded.
        ok: bool,
    },
    /// Somebody saw what he must not see, or did not see what he must.
    Finding(FindingText),
    /// A fact that had to hold did not.
    FactFails {
        /// The fact, and what there was instead.
        text: String,
    },
    /// A kernel BUG_ON, or a count that does not add up. The run ends here.
    Violation {
        /// What.
        text: String,
    },
    /// The policy did what no policy may do. The run ends here.
    PolicyFault {
        /// What.
        text: String,
    },
    /// Something worth a line.
    Note {
        /// The line.
        text: String,
    },
}

/// A question that a stage asked the policy, with what it saw and answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Question {
    /// The hook, a kernel function.
    pub hook: String,
    /// Which of the hook's questions.
    pub at: u32,
    /// The page.
    pub page: u32,
    /// page_count.
    pub count: u32,
    /// Who holds the references: `pte A.P + swap cache + direct read io`.
    pub holders: String,
    /// page_mapcount.
    pub mapcount: u32,
    /// swap_map of its entry.
    pub swap_map: u32,
    /// The answer's word.
    pub answer: String,
    /// The policy's reason, if it gave one.
    pub reason: String,
}

/// A finding of the reference memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingText {
    /// The outcome's word, such as `LOST IO`.
    pub word: String,
    /// Whether it is an error, or undefined behaviour that is only reported.
    pub error: bool,
    /// Where: `A.P.lo`.
    pub place: String,
    /// What was seen.
    pub seen: String,
    /// What should have been.
    pub expected: String,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// `ok`, or what went wrong in at most 11 characters; capitals mean an error.
    pub word: String,
    /// One line: what happened to whom, at which step.
    pub line: String,
    /// Whether it is an error.
    pub error: bool,
    /// Whether the policy itself is at fault (panic, answer out of range).
    pub policy_fault: bool,
}

/// What a run cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Costs {
    /// Pages copied by `do_wp_page`.
    pub copies: u64,
    /// Of those, copies although no other process could see the page.
    pub needless_copies: u64,
    /// Page faults.
    pub faults: u64,
    /// Pages that `shrink_list` looked at.
    pub scans: u64,
    /// Pages written to swap.
    pub swap_writes: u64,
    /// Pages read from swap.
    pub swap_reads: u64,
    /// Attempts to migrate a page.
    pub migrations: u64,
    /// Entries that swapoff looked at.
    pub unuse: u64,
}

impl Trace {
    /// The questions of a step, in order.
    #[must_use]
    pub fn questions(&self, step: usize) -> Vec<&Question> {
        let events = self.steps.get(step).map_or(&[][..], |s| &s.events);
        (events.iter())
            .filter_map(|event| match event {
                Event::Asked(question) => Some(&**question),
                _ => None,
            })
            .collect()
    }
}
