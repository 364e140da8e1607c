//! All interleavings of a scenario's actors, under one policy after the other.
//!
//! Each actor has the scenario's steps in their order; steps of different actors
//! interleave freely, stage by stage, and swap IO completes at any time. An actor that a
//! step introduces (a forked child, a request) acts once that step has come far enough.
//! `until`, `continue` and the timing of swap IO fix a schedule and are ignored; `check`
//! states a fact of one schedule and is left out.
//!
//! A state is the machine, how far each actor is, and whether anything undefined was
//! seen. It ends where an error is found, or where nobody can move; there everything is
//! looked at once more, as at the end of a run. This part knows neither stages nor
//! policies: `crate::run` makes the moves.

mod actor;
mod apart;
mod block;
mod blocks;
mod breadth;
mod canonical;
mod checkpoint;
mod chunk;
mod fair;
mod huge;
mod interleave;
mod intern;
mod keep;
mod line;
mod model;
mod naming;
mod narrate;
mod over;
mod pairs;
mod parents;
mod replay;
mod rows;
mod sample;
mod saved;
mod scripted;
mod spill;
pub mod symmetry;
mod system;
mod universe;
mod visited;
mod world;
mod worlds;
mod write;

use crate::mm::Counters;
use crate::policy::Policy;
use crate::run::{End, Move, Moved, Script};
use crate::scenario::Scenario;
use schemars::JsonSchema;
use serde::Serialize;
use std::borrow::Cow;
use std::time::Duration;

pub use interleave::{MOST_ACTORS, actors, explore, explore_until};
pub use keep::{Disk, Keep, KeepError};
pub use model::Model;
pub use over::{Kept, Question, explore_and_keep, explore_universe};
pub use system::{Choice, Reductions, Scratch, State, Successor, System, flag};
pub use universe::{Failures, Grain, Times, Universe, Verb};
pub use write::Written;

/// How much to explore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Most states.
    pub states: Option<u64>,
    /// Longest schedule, in transitions.
    pub depth: Option<u32>,
    /// Longest time for one policy.
    pub time: Option<Duration>,
    /// Most memory, in bytes: for universes.
    pub memory: Option<u64>,
    /// Threads; they change nothing but the time it takes.
    pub threads: usize,
    /// Not all states, but so many random walks, chosen by a seed: for universes.
    pub sample: Option<(u64, u64)>,
}

/// Whether everything was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every state that can be reached.
    Exhaustive,
    /// The budget of states ran out.
    BoundedStates,
    /// There are longer schedules.
    BoundedDepth,
    /// The time ran out.
    BoundedTime,
    /// The memory ran out.
    BoundedMemory,
    /// Somebody ended it.
    Interrupted,
    /// Every state that can be reached, and in none was the policy asked anything.
    Vacuous,
    /// So many random walks were taken, fewer if the time ran out.
    Sampled {
        /// Walks.
        walks: u64,
        /// What the walks were chosen by.
        seed: u64,
    },
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    /// Distinct states.
    pub states: u64,
    /// Transitions between them.
    pub transitions: u64,
    /// The largest distance of a state from the start, in transitions.
    pub depth: u32,
    /// States in which a schedule ends.
    pub ends: u64,
}

/// How schedules end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ending {
    /// The outcome's word, as a run's.
    pub word: &'static str,
    /// States that end so.
    pub states: u64,
}

/// How far an exploration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// States so far.
    pub states: u64,
    /// The level that is being expanded.
    pub depth: u32,
    /// States of the next level so far.
    pub frontier: u64,
    /// Bytes of memory.
    pub bytes: u64,
}

/// Consecutive stages of one actor in one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Turn {
    /// Who.
    pub actor: String,
    /// The step, as written; what completes, for swap IO.
    pub text: String,
    /// Its number in the scenario, from 1; absent for swap IO.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// It had begun in an earlier turn.
    pub continued: bool,
    /// It was over in this one.
    pub ended: bool,
    /// Stages that ran.
    pub stages: Vec<&'static str>,
}

/// What a schedule comes to under another policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Elsewhere {
    /// The policy.
    pub policy: String,
    /// The outcome's word; absent if the schedule cannot be followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word: Option<&'static str>,
    /// What happened, or why it cannot be followed.
    pub line: String,
    /// The transition, from 1, that is another stage or impossible; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts_at: Option<u32>,
}

/// An error, and the shortest schedule that leads to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// The outcome's word.
    pub word: &'static str,
    /// What happened.
    pub line: String,
    /// Transitions of the schedule.
    pub transitions: u32,
    /// The schedule.
    pub schedule: Vec<Turn>,
    /// The same schedule under the other policies.
    pub elsewhere: Vec<Elsewhere>,
    /// The end of the schedule can be repeated for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Repeats>,
    /// A scenario that reproduces it.
    #[serde(skip)]
    pub written: Written,
}

/// The part of a schedule that can be repeated for ever: up to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Repeats {
    /// The turn, from 1, with which it begins.
    pub from: u32,
    /// Its transitions.
    pub transitions: u32,
    /// Who begins something in it.
    pub begin: Vec<&'static str>,
}

/// What was asked of the states that fair cycles go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fair {
    /// The outcome's word.
    pub word: &'static str,
    /// States among which there is such a cycle, 0: there is none; absent: there are too
    /// many states to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub states: Option<u64>,
}

/// One policy, explored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Exploration {
    /// The policy.
    pub policy: String,
    /// Whether everything was seen.
    pub verdict: Verdict,
    /// What was counted.
    pub counts: Counts,
    /// Each distinct outcome, with the number of states that end so.
    pub endings: Vec<Ending>,
    /// What can go on for ever, where that was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fair: Vec<Fair>,
    /// Questions that the policy was asked and answers that it gave: `hook answer`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coverage: Vec<String>,
    /// Transitions in which something undefined was seen.
    pub undefined: u64,
    /// Errors, the shortest schedule first.
    pub findings: Vec<Finding>,
}

/// For two policies in this order: the shortest schedule on which the first goes wrong and
/// the second does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Difference {
    /// Who goes wrong.
    pub wrong: String,
    /// Who does not.
    pub right: String,
    /// Whether everything was seen that had to be.
    pub verdict: Verdict,
    /// States, or pairs of states, that were looked at for this.
    pub states: u64,
    /// The finding; none: there is no such schedule within the bounds, if the verdict says
    /// that everything was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
    /// The first hook that answered differently on it, `hook: answer, answer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parted_by: Option<String>,
}

/// A scenario, explored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Explored {
    /// The scenario's name.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// The actors whose steps interleave.
    pub actors: Vec<String>,
    /// What was left out of the scenario: how many of what.
    pub left_out: Vec<String>,
    /// The bounds, if there was no scenario.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub universe: Option<Universe>,
    /// One entry for each policy, in the order asked for.
    pub explorations: Vec<Exploration>,
    /// For each ordered pair of policies, if asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
}

/// What is explored.
struct Subject<'a> {
    scenario: &'a Scenario,
    script: &'a Script,
    counters: Counters,
}

impl Budget {
    /// Transitions that may follow a replayed schedule: a walk that has not ended by then
    /// goes round in circles.
    const MOST_AFTER: usize = 100_000;
}

impl Default for Budget {
    fn default() -> Self {
        Self { states: None, depth: None, time: None, memory: None, threads: 1, sample: None }
    }
}

impl Verdict {
    /// The verdict, if what was covered is this.
    const fn or_vacuous(self, coverage: u64) -> Self {
        match self {
            Self::Exhaustive if coverage == 0 => Self::Vacuous,
            verdict => verdict,
        }
    }

    /// As printed.
    #[must_use]
    pub fn word(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Exhaustive => "EXHAUSTIVE",
            Self::BoundedStates => "BOUNDED(states)",
            Self::BoundedDepth => "BOUNDED(depth)",
            Self::BoundedTime => "BOUNDED(time)",
            Self::BoundedMemory => "BOUNDED(memory)",
            Self::Interrupted => "BOUNDED(interrupted)",
            Self::Vacuous => "VACUOUS",
            Self::Sampled { walks, seed } => return format!("SAMPLED({walks}, {seed})").into(),
        })
    }
}

impl Subject<'_> {
    fn finding(
        &self,
        policy: &Policy,
        others: &[&Policy],
        word: &'static str,
        schedule: &[Move],
    ) -> Finding {
        let replayed = replay::replay(self, policy, schedule).unwrap_or_else(|refused| {
            panic!("{word} cannot be replayed: turn {}: {}", refused.turn, refused.why)
        });
        let replay::Replayed { moves, end: End { word: again, line } } = replayed;
        // Swap IO may be under way when everybody is idle; it completes then.
        assert!(again == word && moves.len() >= schedule.len(), "{word} is {again} when replayed");
        let elsewhere = others.iter().map(|other| self.elsewhere(other, schedule, &moves));
        Finding {
            word,
            line,
            transitions: moves.len() as u32,
            schedule: self.turns(&moves),
            elsewhere: elsewhere.collect(),
            repeats: None,
            written: write::write(self, policy, &moves, word),
        }
    }

    /// What the schedule comes to under another policy.
    fn elsewhere(&self, policy: &Policy, schedule: &[Move], here: &[Moved]) -> Elsewhere {
        let policy_name = policy.name().to_string();
        match replay::replay(self, policy, schedule) {
            Ok(there) => {
                let apart = here.iter().zip(&there.moves).position(|(a, b)| a != b);
                Elsewhere {
                    policy: policy_name,
                    word: Some(there.end.word),
                    line: there.end.line,
                    parts_at: apart.map(|at| at as u32 + 1),
                }
            }
            Err(replay::Refused { turn, why }) => {
                let parts_at = Some(turn as u32);
                Elsewhere { policy: policy_name, word: None, line: why, parts_at }
            }
        }
    }

    fn turns(&self, moves: &[Moved]) -> Vec<Turn> {
        let mut turns: Vec<Turn> = Vec::new();
        let mut last = None;
        for moved in moves {
            let goes_on = last == Some((moved.by, moved.step)) && moved.step.is_some();
            if !goes_on || moved.began {
                turns.push(self.turn(moved));
            }
            let turn = turns.last_mut().expect("just pushed");
            turn.stages.extend(moved.stage);
            turn.ended |= moved.ended;
            last = Some((moved.by, moved.step));
        }
        turns
    }

    fn turn(&self, moved: &Moved) -> Turn {
        let (actor, text) = match (moved.by, moved.step) {
            (Move::SwapIo(entry), _) => {
                (format!("swap{}", entry.area()), format!("IO of slot {}", entry.offset()))
            }
            (Move::Actor(_), step) => {
                let step = &self.scenario.steps[step.expect("actors have steps")];
                let text = step.text.split_once(':').map_or(step.text.as_str(), |(_, t)| t.trim());
                (step.actor.clone(), text.to_string())
            }
        };
        let (step, continued) = (moved.step.map(|step| step as u32 + 1), !moved.began);
        Turn { actor, text, step, continued, ended: false, stages: Vec::new() }
    }
}
