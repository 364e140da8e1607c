//! Universes, explored under one policy after the other.

use super::breadth::{Breadth, Limits};
use super::narrate::narrate;
use super::system::{Reductions, System, asked_and_answered};
use super::universe::Universe;
use super::{Budget, Ending, Exploration, Explored, Finding, Progress, Subject};
use crate::mm::Counters;
use crate::policy::Policy;
use crate::run::Script;
use std::sync::atomic::AtomicBool;

/// Steps that are remembered: 16 bytes each.
const MEMO: usize = 1 << 22;

/// Actors up to which a packed state has two words, three, four.
const NARROW: [usize; 2] = [5, 8];

/// Explores a universe under each policy; `tell` hears how far it is, and `stop` ends it.
///
/// # Panics
/// A finding that a replay does not reach again: a mistake of this program.
#[must_use]
pub fn explore_universe(
    universe: &Universe,
    policies: &[Policy],
    reductions: Reductions,
    budget: &Budget,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(&str, Progress),
) -> Explored {
    let explorations = policies.iter().map(|policy| {
        let job = Job { universe, policy, policies, reductions, budget, stop };
        match universe.actors() {
            few if few <= NARROW[0] => job.run::<2>(tell),
            some if some <= NARROW[1] => job.run::<3>(tell),
            _ => job.run::<4>(tell),
        }
    });
    Explored {
        scenario: universe.name.clone(),
        title: universe.title.clone(),
        explorations: explorations.collect(),
        actors: Vec::new(),
        left_out: Vec::new(),
        universe: Some(universe.clone()),
    }
}

/// One policy's part.
struct Job<'a> {
    universe: &'a Universe,
    policy: &'a Policy,
    policies: &'a [Policy],
    reductions: Reductions,
    budget: &'a Budget,
    stop: &'a AtomicBool,
}

impl Job<'_> {
    fn run<const W: usize>(&self, tell: &mut dyn FnMut(&str, Progress)) -> Exploration {
        let Self { universe, policy, budget, .. } = *self;
        let system = System::<W>::new(universe, policy, self.reductions, MEMO);
        let mut search = Breadth::new(&system, budget.threads);
        let limits = Limits {
            states: budget.states,
            depth: budget.depth,
            time: budget.time,
            memory: budget.memory,
            threads: budget.threads,
            stop: self.stop,
        };
        let verdict = search.run(&limits, &mut |at| tell(policy.name(), at));
        let errors = search.ends.iter().filter(|end| end.word != "ok");
        let findings = errors.map(|end| self.finding(&system, end.word, &search.schedule(end.first)));
        Exploration {
            policy: policy.name().to_string(),
            verdict,
            counts: search.counts,
            findings: findings.collect(),
            endings: search
                .ends
                .iter()
                .map(|end| Ending { word: end.word, states: end.states })
                .collect(),
            coverage: asked_and_answered(system.coverage()),
            undefined: search.undefined,
        }
    }

    fn finding<const W: usize>(
        &self,
        system: &System<'_, W>,
        word: &'static str,
        schedule: &[super::Choice],
    ) -> Finding {
        let told = narrate(system, schedule);
        let script = Script::of(&told.scenario);
        let (scenario, counters) = (&told.scenario, Counters::Two);
        let subject = Subject { scenario, script: &script, counters };
        let others = self.policies.iter().filter(|other| other.name() != self.policy.name());
        subject.finding(self.policy, &others.collect::<Vec<_>>(), word, &told.moves)
    }
}
