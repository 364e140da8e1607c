//! Which policies, in order of generation: for `matrix` and `bisect`.

use clap::Args;

use super::Error;
use super::inputs::{self, RunOptions};
use crate::compare::Comparison;
use crate::matrix::{Column, columns, columns_in_turn};
use crate::policy::{Manifest, generations, manifest_of, span};
use crate::scenario::Scenario;

/// What chooses policies.
#[derive(Debug, Args)]
pub(super) struct Choice {
    /// A policy: bundled, the path of a plugin, or a graft such as
    /// vanilla+iwamoto:try_to_unmap_one; if repeated, each is held against the one
    /// before; default: all bundled ones, in order of generation
    #[arg(short, long = "policy", value_name = "POLICY")]
    policies: Vec<String>,
    /// Begin with this policy, with the one whose kernels this version is among, or
    /// with the first one since this day, YYYY-MM-DD
    #[arg(long, value_name = "BOUND", conflicts_with = "policies")]
    since: Option<String>,
    /// End with this policy, with the one whose kernels this version is among, or with
    /// the last one until this day
    #[arg(long, value_name = "BOUND", conflicts_with = "policies")]
    until: Option<String>,
    #[command(flatten)]
    pub options: RunOptions,
}

/// Policies that were run.
pub(super) struct Lined {
    /// The policies in order.
    pub columns: Vec<Column>,
    /// The specification of each.
    pub specs: Vec<String>,
    /// What they came to, in the same order.
    pub results: inputs::Results,
}

/// Runs scenarios under the policies chosen.
pub(super) fn run(scenarios: &[Scenario], choice: &Choice) -> Result<Lined, Error> {
    let compare = |specs: &[String]| inputs::compare(scenarios, specs, choice.options.into());
    if choice.policies.is_empty() {
        let all = span(generations()?, choice.since.as_deref(), choice.until.as_deref())?;
        let specs: Vec<String> = all.iter().map(|one| one.manifest.id.clone()).collect();
        return Ok(Lined { columns: columns(&all), results: compare(&specs)?, specs });
    }
    let specs = inputs::specs(&choice.policies);
    let manifests = specs.iter().map(|spec| manifest_of(spec)).collect::<Result<Vec<_>, _>>()?;
    let results = compare(&specs)?;
    let columns = in_turn(&results.comparisons, manifests);
    Ok(Lined { columns, specs, results })
}

/// What a policy is called is known once it has been run.
fn in_turn(comparisons: &[Comparison], manifests: Vec<Option<Manifest>>) -> Vec<Column> {
    let traces = comparisons.iter().take(1).flat_map(|one| &one.traces);
    let named: Vec<_> = traces.map(|trace| trace.policy.clone()).zip(manifests).collect();
    columns_in_turn(&named)
}
