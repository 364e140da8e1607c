//! Which policies, in order of generation, and what changes from one to the next: for
//! `matrix`, `bisect` and `history`.

use clap::Args;

use super::Error;
use super::inputs::{self, RunOptions};
use crate::attribute::{Attributed, attribute};
use crate::compare::Comparison;
use crate::matrix::{Column, Matrix, columns, columns_in_turn, matrix};
use crate::policy::{Generation, Manifest, generations, manifest_of, span};
use crate::run::Options;
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

impl Lined {
    /// Attributes the changes of outcome, scenario by scenario.
    pub fn attribute(
        &self,
        scenarios: &[Scenario],
        options: Options,
    ) -> Result<Vec<Vec<Attributed>>, Error> {
        let run = inputs::runner(scenarios, options);
        attribute(&self.columns, &self.specs, &self.results.comparisons, run)
    }

    /// The matrix of all of it.
    pub fn matrix(self, scenarios: &[Scenario], options: Options) -> Result<Matrix, Error> {
        let attributed = self.attribute(scenarios, options)?;
        let changes = |of: Vec<Attributed>| of.into_iter().map(|one| one.change).collect();
        let changes = attributed.into_iter().map(changes).collect();
        Ok(matrix(self.columns, &self.results.comparisons, changes))
    }
}

/// Runs scenarios under the policies chosen.
pub(super) fn run(scenarios: &[Scenario], choice: &Choice) -> Result<Lined, Error> {
    let options = choice.options.into();
    if choice.policies.is_empty() {
        let all = span(generations()?, choice.since.as_deref(), choice.until.as_deref())?;
        return line_up(scenarios, &all, options);
    }
    let specs = inputs::specs(&choice.policies);
    let manifests = specs.iter().map(|spec| manifest_of(spec)).collect::<Result<Vec<_>, _>>()?;
    let results = inputs::compare(scenarios, &specs, options)?;
    let columns = in_turn(&results.comparisons, manifests);
    Ok(Lined { columns, specs, results })
}

/// Runs scenarios under generations.
pub(super) fn line_up(
    scenarios: &[Scenario],
    all: &[Generation],
    options: Options,
) -> Result<Lined, Error> {
    let specs: Vec<String> = all.iter().map(|one| one.manifest.id.clone()).collect();
    let results = inputs::compare(scenarios, &specs, options)?;
    Ok(Lined { columns: columns(all), results, specs })
}

/// What a policy is called is known once it has been run.
fn in_turn(comparisons: &[Comparison], manifests: Vec<Option<Manifest>>) -> Vec<Column> {
    let traces = comparisons.iter().take(1).flat_map(|one| &one.traces);
    let named: Vec<_> = traces.map(|trace| trace.policy.clone()).zip(manifests).collect();
    columns_in_turn(&named)
}
