//! What each actor of a scenario has to do, whoever decides when.
//!
//! The steps of each actor in their order, without what only fixes a schedule. Knows no
//! state and no policy.

use crate::scenario::{Act, Scenario};

/// Why a step is not in any actor's script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Left {
    /// `check`: a fact that holds on one schedule need not on another.
    Check,
    /// `continue`: actors go on whenever they can.
    Continue,
    /// `hold`, `release` and `complete` of a swap area: swap IO completes at any time.
    SwapTiming,
    /// `interrupt`: not explored.
    Interrupt,
}

/// One actor, and its steps by their place in the scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Actor {
    /// Its name.
    pub name: String,
    /// Indices into `Scenario::steps`.
    pub steps: Vec<usize>,
}

/// The actors, in the order in which they first appear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// Each with something to do.
    pub actors: Vec<Actor>,
    left: Vec<Left>,
    untils: usize,
}

impl Script {
    /// Takes a scenario apart.
    pub fn of(scenario: &Scenario) -> Self {
        let mut script = Self { actors: Vec::new(), left: Vec::new(), untils: 0 };
        for (index, step) in scenario.steps.iter().enumerate() {
            script.untils += usize::from(step.until.is_some());
            if let Some(left) = left(&step.actor, &step.act) {
                script.left.push(left);
                continue;
            }
            match script.actors.iter_mut().find(|actor| actor.name == step.actor) {
                Some(actor) => actor.steps.push(index),
                None => {
                    script.actors.push(Actor { name: step.actor.clone(), steps: vec![index] });
                }
            }
        }
        script
    }

    /// What was left out of the scenario, for those who read the result.
    pub fn left_out(&self) -> Vec<String> {
        let kinds = [
            (Left::Check, "check"),
            (Left::Continue, "continue"),
            (Left::SwapTiming, "hold, release and complete of swap"),
            (Left::Interrupt, "interrupt"),
        ];
        let count = |kind| self.left.iter().filter(|&&left| left == kind).count();
        let steps = kinds.iter().map(|&(kind, word)| (count(kind), word));
        (steps.chain([(self.untils, "until")]))
            .filter(|&(n, _)| n > 0)
            .map(|(n, word)| format!("{n} {word}"))
            .collect()
    }
}

fn left(actor: &str, act: &Act) -> Option<Left> {
    match act {
        Act::Check(_) => Some(Left::Check),
        Act::Continue => Some(Left::Continue),
        Act::Hold | Act::Release => Some(Left::SwapTiming),
        Act::Complete if actor.starts_with("swap") => Some(Left::SwapTiming),
        Act::Interrupt => Some(Left::Interrupt),
        _ => None,
    }
}
