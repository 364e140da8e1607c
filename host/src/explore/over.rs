//! Universes, explored under one policy after the other.

use super::breadth::{Breadth, Limits};
use super::checkpoint::{self, Identity, Reader};
use super::keep::{Keep, KeepError};
use super::narrate::narrate;
use super::spill::Folder;
use super::system::{Reductions, System, asked_and_answered};
use super::universe::Universe;
use super::{Budget, Ending, Exploration, Explored, Finding, Progress, Subject, Verdict};
use crate::mm::Counters;
use crate::policy::Policy;
use crate::run::Script;
use std::sync::Arc;
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
    let keep = Keep::default();
    let kept = explore_and_keep(universe, policies, reductions, budget, &keep, stop, tell);
    kept.expect("nothing is kept").explored
}

/// What an exploration found, and why the last of it could not be saved.
#[derive(Debug)]
pub struct Kept {
    /// What was found.
    pub explored: Explored,
    /// Why there is no checkpoint of it.
    pub unsaved: Option<KeepError>,
}

/// Explores a universe as [`explore_universe`] does, from a checkpoint or to one, or with
/// visited states on disk.
///
/// # Errors
/// A checkpoint cannot be used, the folder on disk cannot.
///
/// # Panics
/// A finding that a replay does not reach again: a mistake of this program.
pub fn explore_and_keep(
    universe: &Universe,
    policies: &[Policy],
    reductions: Reductions,
    budget: &Budget,
    keep: &Keep,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(&str, Progress),
) -> Result<Kept, KeepError> {
    if policies.len() > 1 && (keep.resume.is_some() || keep.checkpoint.is_some()) {
        return Err(KeepError::SeveralPolicies { policies: policies.len() });
    }
    if let Some(path) = &keep.checkpoint {
        checkpoint::check(path)?;
    }
    let disk = keep.disk.as_ref().map(|disk| Folder::open(&disk.folder)).transpose()?;
    let mut explorations = Vec::new();
    let mut unsaved = None;
    for policy in policies {
        let disk = disk.clone();
        let job = Job { universe, policy, policies, reductions, budget, keep, disk, stop };
        let (exploration, failed) = match universe.actors() {
            few if few <= NARROW[0] => job.run::<2>(tell),
            some if some <= NARROW[1] => job.run::<3>(tell),
            _ => job.run::<4>(tell),
        }?;
        explorations.push(exploration);
        unsaved = unsaved.or(failed);
    }
    let explored = Explored {
        scenario: universe.name.clone(),
        title: universe.title.clone(),
        explorations,
        actors: Vec::new(),
        left_out: Vec::new(),
        universe: Some(universe.clone()),
    };
    Ok(Kept { explored, unsaved })
}

/// One policy's part.
struct Job<'a> {
    universe: &'a Universe,
    policy: &'a Policy,
    policies: &'a [Policy],
    reductions: Reductions,
    budget: &'a Budget,
    keep: &'a Keep,
    disk: Option<Arc<Folder>>,
    stop: &'a AtomicBool,
}

impl Job<'_> {
    fn run<const W: usize>(
        &self,
        tell: &mut dyn FnMut(&str, Progress),
    ) -> Result<(Exploration, Option<KeepError>), KeepError> {
        let Self { universe, policy, reductions, budget, keep, .. } = *self;
        let system = System::<W>::new(universe, policy, reductions, MEMO);
        let identity = Identity::new(universe, policy, reductions, W);
        let limits = Limits {
            states: budget.states,
            depth: budget.depth,
            time: budget.time,
            memory: budget.memory,
            threads: budget.threads,
            tables: keep.disk.as_ref().map_or(u64::MAX, |disk| disk.tables),
            every: keep.checkpoint.as_ref().map(|_| keep.every),
            stop: self.stop,
        };
        let tell = &mut |at| tell(policy.name(), at);
        let mut search = match &keep.resume {
            None => Breadth::new(&system, budget.threads, self.disk.clone()),
            Some(path) => {
                let mut from = Reader::open(path, &identity)?;
                Breadth::restore(&system, &mut from, self.disk.clone(), &limits, tell)?
            }
        };
        let mut unsaved = None;
        let mut save = |search: &Breadth<'_, W>| {
            if let Some(path) = &keep.checkpoint {
                unsaved = search.save(path, &identity).err();
            }
        };
        let verdict = search.run(&limits, tell, &mut save).map_err(|error| self.failed(error))?;
        if verdict != Verdict::Exhaustive {
            save(&search);
        }
        let errors = search.ends.iter().filter(|end| end.word != "ok");
        let findings = errors.map(|end| {
            let schedule = search.schedule(end.first).map_err(|error| self.failed(error))?;
            Ok(self.finding(&system, end.word, &schedule))
        });
        let exploration = Exploration {
            findings: findings.collect::<Result<_, KeepError>>()?,
            policy: policy.name().to_string(),
            verdict,
            counts: search.counts,
            endings: search
                .ends
                .iter()
                .map(|end| Ending { word: end.word, states: end.states })
                .collect(),
            coverage: asked_and_answered(system.coverage()),
            undefined: search.undefined,
        };
        Ok((exploration, unsaved))
    }

    /// Only what is on disk can fail.
    fn failed(&self, error: std::io::Error) -> KeepError {
        let folder = self.disk.as_ref().map(|disk| disk.path().to_owned());
        KeepError::Disk { folder: folder.unwrap_or_default(), error }
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
