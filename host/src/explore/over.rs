//! Universes, explored under one policy after the other, and two side by side.

use super::apart::Apart;
use super::breadth::{Breadth, End, Limits};
use super::checkpoint::{self, Identity, Reader};
use super::fair;
use super::keep::{Keep, KeepError};
use super::model::Model as _;
use super::narrate::narrate;
use super::sample;
use super::spill::Folder;
use super::system::{Choice, Reductions, System, asked_and_answered};
use super::universe::Universe;
use super::{Budget, Exploration, Explored, Finding, Progress, Subject, Verdict};
use crate::mm::Counters;
use crate::policy::Policy;
use crate::run::{Script, is_error};
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Actors up to which a packed state has two words, three, four: 19 bits and more for the
/// number of each. Fifteen at most have six words.
const NARROW: [usize; 3] = [5, 8, 11];

/// What is asked of a universe or scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// What goes wrong under each policy.
    Each,
    /// Besides, for each ordered pair, the shortest schedule on which the first goes wrong
    /// and the second does not.
    Pairs,
    /// The same, one schedule for each hook that parts them.
    AllPairs,
}

/// Explores a universe under each policy; `tell` hears how far it is, and `stop` ends it.
///
/// # Panics
/// The setup is not possible ([`Universe::problem`]); or a finding that a replay does not
/// reach again: a mistake of this program.
#[must_use]
pub fn explore_universe(
    universe: &Universe,
    policies: &[Policy],
    reductions: Reductions,
    (question, budget): (Question, &Budget),
    stop: &AtomicBool,
    tell: &mut dyn FnMut(&str, Progress),
) -> Explored {
    let keep = Keep::default();
    let asked = (question, budget);
    let kept = explore_and_keep(universe, policies, reductions, asked, &keep, stop, tell);
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
    (question, budget): (Question, &Budget),
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
    let job = Job { universe, policies, reductions, budget, keep, disk, stop, question };
    match universe.actors() {
        few if few <= NARROW[0] => job.run::<2>(tell),
        some if some <= NARROW[1] => job.run::<3>(tell),
        many if many <= NARROW[2] => job.run::<4>(tell),
        _ => job.run::<6>(tell),
    }
}

/// What is asked, of whom.
struct Job<'a> {
    universe: &'a Universe,
    policies: &'a [Policy],
    reductions: Reductions,
    budget: &'a Budget,
    keep: &'a Keep,
    disk: Option<Arc<Folder>>,
    stop: &'a AtomicBool,
    question: Question,
}

impl Job<'_> {
    fn run<const W: usize>(&self, tell: &mut dyn FnMut(&str, Progress)) -> Result<Kept, KeepError> {
        let mut explorations = Vec::new();
        let mut unsaved = None;
        for policy in self.policies {
            let (exploration, failed) = self.explore::<W>(policy, tell)?;
            explorations.push(exploration);
            unsaved = unsaved.or(failed);
        }
        let limits = self.limits();
        let apart = Apart { question: self.question, limits: &limits, counters: Counters::Two };
        let system = |policy| System::<W>::new(self.universe, policy, Reductions::NONE);
        let differences = apart.all(&explorations, self.policies, &system, &narrate);
        let explored = Explored {
            scenario: self.universe.name.clone(),
            title: self.universe.title.clone(),
            explorations,
            differences,
            actors: Vec::new(),
            left_out: Vec::new(),
            universe: Some(self.universe.clone()),
        };
        Ok(Kept { explored, unsaved })
    }

    fn limits(&self) -> Limits<'_> {
        Limits {
            tables: self.keep.disk.as_ref().map_or(u64::MAX, |disk| disk.tables),
            every: self.keep.checkpoint.as_ref().map(|_| self.keep.every),
            ..Limits::new(self.budget, self.stop)
        }
    }

    fn explore<const W: usize>(
        &self,
        policy: &Policy,
        tell: &mut dyn FnMut(&str, Progress),
    ) -> Result<(Exploration, Option<KeepError>), KeepError> {
        if let Some(sample) = self.budget.sample {
            return Ok((self.sample::<W>(policy, sample), None));
        }
        let (given, since) = (self.reductions, Instant::now());
        let told_apart = Reductions { contents: false, ..given };
        let mut from = None;
        if let Some(path) = &self.keep.resume {
            let open = |by| Reader::open(path, &Identity::new(self.universe, policy, by, W));
            from = match open(given) {
                Ok(from) => Some((from, given)),
                // Of the time after contents had to be told apart.
                Err(error @ KeepError::Mismatch { .. }) if given != told_apart => {
                    Some((open(told_apart).map_err(|_| error)?, told_apart))
                }
                Err(error) => return Err(error),
            };
        }
        let by = from.as_ref().map_or(given, |from| from.1);
        let from = from.map(|from| from.0);
        if let Some(found) = self.explore_by::<W>(policy, by, from, since, tell)? {
            return Ok(found);
        }
        let found = self.explore_by::<W>(policy, told_apart, None, since, tell)?;
        Ok(found.expect("nothing is general if contents are told apart"))
    }

    /// Explores by these reductions, from a checkpoint or the beginning; none if contents
    /// have to be told apart to know what goes wrong.
    fn explore_by<const W: usize>(
        &self,
        policy: &Policy,
        by: Reductions,
        from: Option<Reader>,
        since: Instant,
        tell: &mut dyn FnMut(&str, Progress),
    ) -> Result<Option<(Exploration, Option<KeepError>)>, KeepError> {
        let Self { universe, budget, keep, .. } = *self;
        let system = System::<W>::new(universe, policy, by);
        let mut limits = self.limits();
        limits.time = limits.time.map(|most| most.saturating_sub(since.elapsed()));
        limits.first_error = system.is_general();
        let tell = &mut |at| tell(policy.name(), at);
        let mut search = match from {
            None => Breadth::new(&system, budget.threads, self.disk.clone()),
            Some(mut from) => {
                Breadth::restore(&system, &mut from, self.disk.clone(), &limits, tell)?
            }
        };
        let mut unsaved = None;
        let mut save = |search: &Breadth<'_, _, W>| {
            if let Some(path) = &keep.checkpoint {
                let identity = Identity::new(universe, policy, by, W);
                unsaved = search.save(path, &identity).err();
            }
        };
        let verdict = search.run(&limits, tell, &mut save).map_err(|error| self.failed(error))?;
        if system.is_general() && search.ends.iter().any(|end| is_error(end.word)) {
            return Ok(None);
        }
        if verdict != Verdict::Exhaustive {
            save(&search);
        }
        let others = self.policies.iter().filter(|other| other.name() != policy.name());
        let others: Vec<_> = others.collect();
        let errors = search.ends.iter().filter(|end| is_error(end.word));
        let findings = errors.map(|end| {
            let schedule = search.schedule(end.first).map_err(|error| self.failed(error))?;
            Ok(finding(&system, policy, &others, end.word, &schedule))
        });
        let mut findings = findings.collect::<Result<Vec<_>, KeepError>>()?;
        let (fair, lassos) = match verdict {
            Verdict::Exhaustive => fair::look(&system, search.counts.states),
            _ => Default::default(),
        };
        let for_ever = lassos.iter().map(|lasso| fair::finding(&system, policy, &others, lasso));
        findings.extend(for_ever);
        let exploration = Exploration {
            policy: policy.name().to_string(),
            verdict: verdict.or_vacuous(system.coverage()),
            counts: search.counts,
            findings,
            endings: search.ends.iter().map(End::ending).collect(),
            fair,
            coverage: asked_and_answered(system.coverage()),
            undefined: search.undefined,
        };
        Ok(Some((exploration, unsaved)))
    }

    /// Random walks instead of all states.
    fn sample<const W: usize>(&self, policy: &Policy, sample: (u64, u64)) -> Exploration {
        // Walks prove nothing, and what one finds has to be what it is called.
        let reductions = Reductions { contents: false, ..self.reductions };
        let system = System::<W>::new(self.universe, policy, reductions);
        let sampled = sample::sample(&system, sample, &self.limits());
        let others = self.policies.iter().filter(|other| other.name() != policy.name());
        let others: Vec<_> = others.collect();
        let errors = sampled.ends.iter().filter(|end| is_error(end.word));
        let told =
            errors.map(|end| finding(&system, policy, &others, end.word, &end.shortest)).collect();
        Exploration {
            policy: policy.name().to_string(),
            verdict: sampled.verdict,
            counts: sampled.counts,
            findings: told,
            endings: sampled.ends.iter().map(sample::End::ending).collect(),
            fair: Vec::new(),
            coverage: asked_and_answered(system.coverage()),
            undefined: sampled.undefined,
        }
    }

    /// Only what is on disk can fail.
    fn failed(&self, error: io::Error) -> KeepError {
        let folder = self.disk.as_ref().map(|disk| disk.path().to_owned());
        KeepError::Disk { folder: folder.unwrap_or_default(), error }
    }
}

/// A schedule as a finding: told as a scenario, replayed, written.
fn finding<const W: usize>(
    system: &System<'_, W>,
    policy: &Policy,
    others: &[&Policy],
    word: &'static str,
    schedule: &[Choice],
) -> Finding {
    let told = narrate(system, schedule);
    let script = Script::of(&told.scenario);
    let (scenario, counters) = (&told.scenario, Counters::Two);
    let subject = Subject { scenario, script: &script, counters };
    subject.finding(policy, others, word, &told.moves)
}
