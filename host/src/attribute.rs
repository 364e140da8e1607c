//! Attribution: which hunks of the later of two policies make an outcome another one.
//!
//! A graft is a policy, so this is found by running grafts: each hunk alone on the
//! earlier policy, each put back alone in the later one, and, where no hunk alone is
//! enough, a set of which none can be left out. This module does not know how a policy
//! is run.

use std::collections::BTreeMap;

use cowpath_abi::HOOKS_1_0;
use schemars::JsonSchema;
use serde::Serialize;

use crate::change::{CausingHunk, Change, Role};
use crate::compare::{Comparison, parting};
use crate::matrix::{Column, changes};
use crate::policy::{Differing, Hunk, LoadError, Loader, differing, grafted};
use crate::trace::{Event, Trace};

/// A change of outcome, and what grafts say of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Attributed {
    /// The change, with the hunks that make it.
    pub change: Change,
    /// The hunks of the later policy, each alone on the earlier one; null if the later
    /// one is a graft itself, from which nothing can be taken.
    pub alone: Option<Vec<Trial>>,
    /// The hunks of the earlier policy, each alone put back into the later one; null if
    /// the earlier one is a graft itself.
    pub undone: Option<Vec<Trial>>,
}

/// One hunk on another policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Trial {
    /// The hunk.
    pub hunk: String,
    /// Whether it is something to do without.
    pub absent: bool,
    /// The policy with it, as a specification.
    pub policy: String,
    /// The word of the outcome.
    pub outcome: String,
    /// Whether that is the outcome of the policy that the hunk is from.
    pub suffices: bool,
    /// Whether the run was in anything another one for the hunk.
    #[serde(skip)]
    matters: bool,
}

/// Attributes the changes of outcome of each comparison, whose traces are those of
/// `columns`, which `specs` made. `run` makes traces of some of the scenarios, by their
/// place among the comparisons, under another specification.
///
/// # Errors
/// What `run` fails with, and policies that cannot be loaded.
pub fn attribute<E: From<LoadError>>(
    columns: &[Column],
    specs: &[String],
    comparisons: &[Comparison],
    run: impl FnMut(&str, &[usize]) -> Result<Vec<Trace>, E>,
) -> Result<Vec<Vec<Attributed>>, E> {
    let unexplained = |change| Attributed { change, alone: None, undone: None };
    let mut all: Vec<Vec<Attributed>> = (comparisons.iter())
        .map(|one| changes(columns, &one.traces).into_iter().map(unexplained).collect())
        .collect();
    let place = |policy: &str| columns.iter().position(|column| column.policy == policy);
    let mut lab = Lab { run, loader: Loader::default() };
    for (later, column) in columns.iter().enumerate() {
        let Some(earlier) = column.base.as_deref().and_then(place) else { continue };
        let cases =
            all.iter_mut().zip(comparisons).enumerate().filter_map(|(scenario, (one, c))| {
                let attributed = one.iter_mut().find(|one| one.change.policy == column.policy)?;
                let [earlier, later] = [earlier, later].map(|place| &c.traces[place]);
                Some(Case { scenario, earlier, later, attributed })
            });
        let mut cases: Vec<Case<'_>> = cases.collect();
        if !cases.is_empty() {
            lab.explain(&specs[earlier], &specs[later], &mut cases)?;
        }
    }
    Ok(all)
}

/// A scenario whose outcome changes between two policies.
struct Case<'a> {
    /// Its place among all scenarios.
    scenario: usize,
    earlier: &'a Trace,
    later: &'a Trace,
    attributed: &'a mut Attributed,
}

/// What runs grafts.
struct Lab<R> {
    run: R,
    loader: Loader,
}

impl<E: From<LoadError>, R: FnMut(&str, &[usize]) -> Result<Vec<Trace>, E>> Lab<R> {
    /// Explains what changes from one policy to the next.
    fn explain(&mut self, earlier: &str, later: &str, cases: &mut [Case<'_>]) -> Result<(), E> {
        let hunks = differing(&mut self.loader, earlier, later)?;
        if let Some(hunks) = &hunks {
            let alone =
                self.each(earlier, later, hunks, cases, |case| [case.earlier, case.later])?;
            for (case, trials) in cases.iter_mut().zip(alone) {
                case.attributed.alone = Some(trials);
            }
        }
        if let Some(hunks) = differing(&mut self.loader, later, earlier)? {
            let undone =
                self.each(later, earlier, &hunks, cases, |case| [case.later, case.earlier])?;
            for (case, trials) in cases.iter_mut().zip(undone) {
                case.attributed.undone = Some(trials);
            }
        }
        let mut together = match &hunks {
            Some(hunks) => self.together(earlier, later, hunks, cases)?,
            None => BTreeMap::new(),
        };
        for (index, case) in cases.iter_mut().enumerate() {
            let hunks = hunks.as_deref().unwrap_or_default();
            case.attributed.change.hunks =
                case.attributed.causing(hunks, together.remove(&index).as_deref());
        }
        Ok(())
    }

    /// Each hunk of `donor` on `base`: does it bring the donor's outcome? `traces` are those
    /// of the base and of the donor.
    fn each(
        &mut self,
        base: &str,
        donor: &str,
        hunks: &[Differing],
        cases: &[Case<'_>],
        traces: impl for<'a> Fn(&Case<'a>) -> [&'a Trace; 2],
    ) -> Result<Vec<Vec<Trial>>, E> {
        let mut trials: Vec<Vec<Trial>> = cases.iter().map(|_| Vec::new()).collect();
        for Differing { hunk, absent } in hunks {
            let spec = grafted(base, donor, &[*hunk]);
            let asked = |case: &&Case<'_>| may_matter(*hunk, traces(case)[0]);
            let scenarios: Vec<usize> =
                cases.iter().filter(asked).map(|case| case.scenario).collect();
            let mut runs = (self.run)(&spec, &scenarios)?.into_iter();
            for (case, trials) in cases.iter().zip(&mut trials) {
                let [base, donor] = traces(case);
                let trace = if asked(&case) { runs.next() } else { None };
                let outcome = &trace.as_ref().unwrap_or(base).outcome.word;
                trials.push(Trial {
                    hunk: hunk.name().to_owned(),
                    absent: *absent,
                    policy: spec.clone(),
                    outcome: outcome.clone(),
                    suffices: *outcome == donor.outcome.word,
                    matters: trace.is_some_and(|trace| parting(base, &trace).is_some()),
                });
            }
        }
        Ok(trials)
    }

    /// Finds the hunks that are enough together, where none is alone, for the case of each
    /// index: begins with those that matter, or else with all, and leaves out one after
    /// the other.
    fn together(
        &mut self,
        earlier: &str,
        later: &str,
        hunks: &[Differing],
        cases: &[Case<'_>],
    ) -> Result<BTreeMap<usize, Vec<Hunk>>, E> {
        let all: Vec<Hunk> = hunks.iter().map(|differing| differing.hunk).collect();
        let open = cases.iter().enumerate().filter(|(_, case)| !case.attributed.has_one_alone());
        let mattering = open.map(|(index, case)| {
            let matters = |hunk: &Hunk| case.attributed.matters(*hunk);
            (index, all.iter().copied().filter(matters).collect())
        });
        let (mut sets, not) = self.split(earlier, later, mattering.collect(), cases)?;
        let not = not.into_iter().map(|(index, _)| (index, all.clone())).collect();
        sets.extend(self.split(earlier, later, not, cases)?.0);
        for hunk in &all {
            let (with, mut rest): (Vec<Set>, Vec<Set>) =
                sets.into_iter().partition(|(_, set)| set.contains(hunk));
            let without = |set: &[Hunk]| set.iter().copied().filter(|one| one != hunk).collect();
            let smaller = with.iter().map(|(index, set)| (*index, without(set))).collect();
            let (smaller, needed) = self.split(earlier, later, smaller, cases)?;
            rest.extend(smaller);
            rest.extend(
                with.into_iter()
                    .filter(|(index, _)| needed.iter().any(|(other, _)| other == index)),
            );
            sets = rest;
        }
        Ok(sets.into_iter().collect())
    }

    /// Tells the sets of hunks that are enough for the later outcome from those that are not.
    fn split(
        &mut self,
        earlier: &str,
        later: &str,
        sets: Vec<Set>,
        cases: &[Case<'_>],
    ) -> Result<(Vec<Set>, Vec<Set>), E> {
        // Cases with the same set are run together.
        let mut runs: BTreeMap<Vec<Hunk>, Vec<usize>> = BTreeMap::new();
        for (index, set) in sets {
            runs.entry(set).or_default().push(index);
        }
        let (mut enough, mut not) = (Vec::new(), Vec::new());
        for (set, indices) in runs {
            if set.is_empty() {
                not.extend(indices.into_iter().map(|index| (index, Vec::new())));
                continue;
            }
            let scenarios: Vec<usize> =
                indices.iter().map(|index| cases[*index].scenario).collect();
            let traces = (self.run)(&grafted(earlier, later, &set), &scenarios)?;
            for (index, trace) in indices.into_iter().zip(traces) {
                let suffices = trace.outcome.word == cases[index].later.outcome.word;
                if suffices { &mut enough } else { &mut not }.push((index, set.clone()));
            }
        }
        Ok((enough, not))
    }
}

/// Hunks for the case of an index.
type Set = (usize, Vec<Hunk>);

/// Whether a run may be another one with another policy's hunk: not if the run never came
/// to where it is asked for.
fn may_matter(hunk: Hunk, base: &Trace) -> bool {
    match hunk {
        // A hook that was appended may be one that the policy of the run does not define.
        Hunk::Hook(hook) if (hook as usize) < HOOKS_1_0 => {
            let of_hook = |event: &Event| match event {
                Event::Asked(question) => question.hook == hook.name(),
                Event::Stage { stage, .. } => stage.split('.').next() == Some(hook.name()),
                _ => false,
            };
            base.steps.iter().flat_map(|step| &step.events).any(of_hook)
        }
        Hunk::Hook(_) | Hunk::UnuseProcess | Hunk::ExclusiveSwapPageLock | Hunk::Mechanism(_) => {
            true
        }
    }
}

impl Attributed {
    fn has_one_alone(&self) -> bool {
        self.alone.iter().flatten().any(|trial| trial.suffices)
    }

    fn matters(&self, hunk: Hunk) -> bool {
        let trials = self.alone.iter().chain(&self.undone).flatten();
        trials.filter(|trial| trial.hunk == hunk.name()).any(|trial| trial.matters)
    }

    /// The hunks that make the change: those that alone are enough, if there are such those
    /// that are needed besides; else those that together are; else those that are needed.
    fn causing(&self, hunks: &[Differing], together: Option<&[Hunk]>) -> Vec<CausingHunk> {
        let enough = |trials: &Option<Vec<Trial>>| -> Vec<String> {
            let trials = trials.iter().flatten().filter(|trial| trial.suffices);
            trials.map(|trial| trial.hunk.clone()).collect()
        };
        let (alone, needed) = (enough(&self.alone), enough(&self.undone));
        let both: Vec<String> =
            alone.iter().filter(|hunk| needed.contains(hunk)).cloned().collect();
        let (role, names) = match together {
            _ if !both.is_empty() => (Role::Alone, both),
            _ if !alone.is_empty() => (Role::Alone, alone),
            Some(together) => {
                (Role::Together, together.iter().map(|hunk| hunk.name().to_owned()).collect())
            }
            None => (Role::Needed, needed),
        };
        let absent = |name: &str| {
            hunks.iter().any(|differing| differing.hunk.name() == name && differing.absent)
        };
        let causing = |hunk: String| CausingHunk { absent: absent(&hunk), hunk, role };
        names.into_iter().map(causing).collect()
    }
}
