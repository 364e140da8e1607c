//! A scenario under one policy after the other: all interleavings, or random ones, and where
//! two policies come apart.

use super::apart::Apart;
use super::breadth::{self, Breadth, Limits};
use super::model::Model as _;
use super::narrate::Narrated;
use super::sample;
use super::scripted::Scripted;
use super::system::{Choice, Reductions, asked_and_answered};
use super::{Budget, Exploration, Explored, Progress, Question, Subject, Verdict};
use crate::mm::Counters;
use crate::policy::Policy;
use crate::run::{Options, Script, Walk, is_error};
use crate::scenario::Scenario;
use std::sync::atomic::AtomicBool;

/// Most actors of a scenario that is explored.
pub const MOST_ACTORS: usize = 30;

/// Actors of a scenario, as far as explorations go: those whose steps interleave.
#[must_use]
pub fn actors(scenario: &Scenario) -> usize {
    Script::of(scenario).actors.len()
}

/// Explores a scenario under each policy; `tell` hears how far it is.
///
/// # Panics
/// More than [`MOST_ACTORS`]; or a finding that a replay does not reach again: a mistake of
/// this program.
#[must_use]
pub fn explore(
    scenario: &Scenario,
    policies: &[Policy],
    counters: Counters,
    budget: &Budget,
    tell: &mut dyn FnMut(&str, Progress),
) -> Explored {
    let asked = (Question::Each, Reductions::ALL, budget);
    explore_until(scenario, policies, counters, asked, &AtomicBool::new(false), tell)
}

/// The same; `stop` ends it.
///
/// # Panics
/// More than [`MOST_ACTORS`]; or a finding that a replay does not reach again: a mistake of
/// this program.
#[must_use]
pub fn explore_until(
    scenario: &Scenario,
    policies: &[Policy],
    counters: Counters,
    asked: (Question, Reductions, &Budget),
    stop: &AtomicBool,
    tell: &mut dyn FnMut(&str, Progress),
) -> Explored {
    let script = Script::of(scenario);
    let subject = Subject { scenario, script: &script, counters };
    // 24 bits for the number of each actor: there are as many values as memory has room for.
    match script.actors.len() {
        0..=4 => subject.explore::<2>(policies, asked, stop, tell),
        5..=6 => subject.explore::<3>(policies, asked, stop, tell),
        7..=9 => subject.explore::<4>(policies, asked, stop, tell),
        10..=14 => subject.explore::<6>(policies, asked, stop, tell),
        15..=MOST_ACTORS => subject.explore::<12>(policies, asked, stop, tell),
        many => panic!("{many} actors, at most {MOST_ACTORS}"),
    }
}

impl Subject<'_> {
    fn explore<const W: usize>(
        &self,
        policies: &[Policy],
        (question, reductions, budget): (Question, Reductions, &Budget),
        stop: &AtomicBool,
        tell: &mut dyn FnMut(&str, Progress),
    ) -> Explored {
        let limits = Limits::new(budget, stop);
        let one = |policy: &Policy| {
            let mut tell = |at| tell(policy.name(), at);
            self.under::<W>(policy, policies, (reductions, budget.sample), &limits, &mut tell)
        };
        let explorations: Vec<_> = policies.iter().map(one).collect();
        let apart = Apart { question, limits: &limits, counters: self.counters };
        let scripted = |policy| self.scripted::<W>(policy, Reductions::NONE);
        let told = |scripted: &Scripted<'_, W>, schedule: &[Choice]| Narrated {
            scenario: self.scenario.clone(),
            moves: scripted.moves(schedule),
        };
        Explored {
            scenario: self.scenario.name.clone(),
            title: self.scenario.title.clone(),
            differences: apart.all(&explorations, policies, &scripted, &told),
            explorations,
            actors: self.script.actors.iter().map(|actor| actor.name.clone()).collect(),
            left_out: self.script.left_out(),
            universe: None,
        }
    }

    fn scripted<'p, const W: usize>(
        &'p self,
        policy: &'p Policy,
        reductions: Reductions,
    ) -> Scripted<'p, W> {
        let options = Options { counters: self.counters, ..Options::default() };
        let start = Walk::new(self.scenario, self.script, policy, options, false);
        Scripted::new(start, self.script.actors.len(), reductions.movers)
    }

    fn under<const W: usize>(
        &self,
        policy: &Policy,
        policies: &[Policy],
        (reductions, sample): (Reductions, Option<(u64, u64)>),
        limits: &Limits<'_>,
        tell: &mut dyn FnMut(Progress),
    ) -> Exploration {
        let scripted = self.scripted::<W>(policy, reductions);
        let others: Vec<_> = policies.iter().filter(|p| p.name() != policy.name()).collect();
        let finding = |word, schedule: &[Choice]| {
            self.finding(policy, &others, word, &scripted.moves(schedule))
        };
        let exploration = |verdict: Verdict, counts, endings, findings| {
            let coverage = scripted.coverage();
            Exploration {
                policy: policy.name().to_string(),
                verdict: verdict.or_vacuous(coverage),
                counts,
                endings,
                fair: Vec::new(),
                coverage: asked_and_answered(coverage),
                undefined: 0,
                findings,
            }
        };
        if let Some(sample) = sample {
            let found = sample::sample(&scripted, sample, limits);
            let errors = found.ends.iter().filter(|end| is_error(end.word));
            let findings = errors.map(|end| finding(end.word, &end.shortest)).collect();
            let endings = found.ends.iter().map(sample::End::ending).collect();
            return exploration(found.verdict, found.counts, endings, findings);
        }
        let mut search = Breadth::new(&scripted, limits.threads, None);
        let verdict = search.run(limits, tell, &mut |_| {}).expect("nothing is on disk");
        let errors = search.ends.iter().filter(|end| is_error(end.word));
        let findings = errors.map(|end| {
            let schedule = search.schedule(end.first).expect("nothing is on disk");
            finding(end.word, &schedule)
        });
        let findings = findings.collect();
        let endings = search.ends.iter().map(breadth::End::ending).collect();
        exploration(verdict, search.counts, endings, findings)
    }
}
