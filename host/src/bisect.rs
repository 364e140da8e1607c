//! Bisection of one scenario: where in the order of generations the outcome changes, and
//! which hunk of the later policy does it.
//!
//! Every generation is run, so that a fault that comes and goes is seen each time. This
//! module does not know how a policy is run.

use schemars::JsonSchema;
use serde::Serialize;

use crate::compare::Comparison;
use crate::matrix::{Change, Column, changes};
use crate::policy::{LoadError, grafts};
use crate::trace::{Outcome, Trace};

/// One scenario through the generations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Bisection {
    /// The scenario's name.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// Its claim.
    pub claim: String,
    /// The policies, in order of generation.
    pub policies: Vec<Column>,
    /// What each policy came to, in the same order.
    pub outcomes: Vec<Outcome>,
    /// Where the outcome changes; empty if it never does.
    pub changes: Vec<Explained>,
    /// What happened under each policy.
    #[serde(skip)]
    pub traces: Vec<Trace>,
}

/// A change of outcome, and what grafts say of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Explained {
    /// The change.
    pub change: Change,
    /// The hunks of the later policy, each alone on the earlier one; null if the later
    /// one is a graft itself, from which nothing can be taken.
    pub alone: Option<Vec<Trial>>,
    /// The hunks of the earlier policy, each alone put back into the later one; null if
    /// the earlier one is a graft itself.
    pub taken_back: Option<Vec<Trial>>,
}

/// One hunk on another policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Trial {
    /// The hunk.
    pub hunk: String,
    /// The policy with it, as a specification.
    pub policy: String,
    /// The word of the outcome.
    pub outcome: String,
    /// Whether that is the outcome of the policy that the hunk is from.
    pub suffices: bool,
}

/// Bisects a comparison of the policies in the order of `columns`, which `specs` made.
/// `run` makes traces of the same scenario under other specifications, in their order.
///
/// # Errors
/// What `run` fails with, and policies whose manifests cannot be read.
pub fn bisect<E: From<LoadError>>(
    comparison: Comparison,
    columns: Vec<Column>,
    specs: &[String],
    mut run: impl FnMut(&[String]) -> Result<Vec<Trace>, E>,
) -> Result<Bisection, E> {
    let Comparison { scenario, title, claim, traces, .. } = comparison;
    let spec = |policy: &str| {
        let index = traces.iter().position(|trace| trace.policy == policy);
        &specs[index.expect("a change is between policies that were run")]
    };
    let mut explained = Vec::new();
    for change in changes(&columns, &traces) {
        let (base, policy) = (spec(&change.base), spec(&change.policy));
        let alone = trials(base, policy, &change.after, &mut run)?;
        let taken_back = trials(policy, base, &change.before, &mut run)?;
        explained.push(Explained { change, alone, taken_back });
    }
    let outcomes = traces.iter().map(|trace| trace.outcome.clone()).collect();
    Ok(Bisection {
        scenario,
        title,
        claim,
        policies: columns,
        outcomes,
        changes: explained,
        traces,
    })
}

/// Each hunk of `donor` on `base`: does it bring the donor's outcome?
fn trials<E: From<LoadError>>(
    base: &str,
    donor: &str,
    wanted: &str,
    run: &mut impl FnMut(&[String]) -> Result<Vec<Trace>, E>,
) -> Result<Option<Vec<Trial>>, E> {
    let Some(grafts) = grafts(base, donor)? else { return Ok(None) };
    let specs: Vec<String> = grafts.iter().map(|graft| graft.spec.clone()).collect();
    let traces = run(&specs)?;
    let trial = |(graft, trace): (&crate::policy::Graft, Trace)| Trial {
        hunk: graft.hunk.name().to_owned(),
        policy: trace.policy,
        suffices: trace.outcome.word == wanted,
        outcome: trace.outcome.word,
    };
    Ok(Some(grafts.iter().zip(traces).map(trial).collect()))
}
