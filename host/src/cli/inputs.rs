//! From names on the command line to comparisons.
//!
//! A policy that the user brings as a file runs in a process of its own, so that
//! whatever it does is a finding; the bundled ones run here.

use clap::{Args, ValueEnum};

use super::Error;
use super::exit::Exit;
use super::output::complain;
use crate::compare::{Comparison, of_traces};
use crate::mm::Counters;
use crate::policy::{LoadError, Loader, Policy, bundled, check_distinct, discussed, names_file};
use crate::routines::stage_names;
use crate::run::{self, Options};
use crate::scenario::{Scenario, builtin, load_with_stages};
use crate::trace::Trace;
use crate::worker::{self, Limits, PolicyRun};

/// How to run, on the command line.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct RunOptions {
    /// How page counts are kept: two counters, or packed into one 64-bit word
    #[arg(long, value_enum, value_name = "HOW", default_value = "two")]
    counters: CountersArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CountersArg {
    /// _count and _mapcount, as in 2.6.11
    Two,
    /// 24 bits of count, 40 bits of mapcount, as proposed in 2005
    Packed,
}

impl From<RunOptions> for Options {
    fn from(arguments: RunOptions) -> Self {
        let counters = match arguments.counters {
            CountersArg::Two => Counters::Two,
            CountersArg::Packed => Counters::Packed,
        };
        Self { counters, ..Self::default() }
    }
}

/// Loads one scenario.
pub(super) fn scenario(name: &str) -> Result<Scenario, Error> {
    Ok(load_with_stages(name, &stage_names())?)
}

/// The word that stands for every bundled policy.
const ALL: &str = "all";

/// The policies asked for, `all` taken apart; those of the discussion if none was.
pub(super) fn specs(asked: &[String]) -> Vec<String> {
    if asked.is_empty() {
        return discussed().iter().map(|id| (*id).to_string()).collect();
    }
    let each = |spec: &String| match spec.as_str() {
        ALL => bundled().iter().map(|policy| policy.id.to_string()).collect(),
        _ => vec![spec.clone()],
    };
    asked.iter().flat_map(each).collect()
}

/// Loads the scenarios named; all built-in ones if none is.
pub(super) fn scenarios(names: &[String]) -> Result<Vec<Scenario>, Error> {
    if names.is_empty() {
        return builtin().iter().map(|(name, _)| scenario(name)).collect();
    }
    names.iter().map(|name| scenario(name)).collect()
}

/// What the runs came to.
pub(super) struct Results {
    /// One comparison for each scenario; never empty.
    pub comparisons: Vec<Comparison>,
    /// Whether a policy as a whole was found at fault, outside any scenario.
    impure: bool,
}

/// Runs every scenario under every policy.
pub(super) fn compare(
    scenarios: &[Scenario],
    specs: &[String],
    options: Options,
) -> Result<Results, Error> {
    let policies = load(specs)?;
    let mut impure = false;
    let mut columns = Vec::new();
    for (spec, policy) in specs.iter().zip(&policies) {
        let traces = match policy {
            Some(policy) => scenarios.iter().map(|one| run::run(one, policy, options)).collect(),
            None => {
                let run = in_worker(scenarios, spec, options)?;
                impure |= run.impurity.is_some();
                run.traces
            }
        };
        columns.push(traces.into_iter());
    }
    let comparisons: Vec<_> = (scenarios.iter())
        .map(|scenario| {
            of_traces(scenario, columns.iter_mut().filter_map(Iterator::next).collect())
        })
        .collect();
    check_names(&comparisons)?;
    Ok(Results { comparisons, impure })
}

/// What runs some of the scenarios, by index, under one policy after the other. What a
/// policy of the user's prints, and whether it is pure, was told when it was run first.
pub(super) fn runner(
    scenarios: &[Scenario],
    options: Options,
) -> impl FnMut(&str, &[usize]) -> Result<Vec<Trace>, Error> {
    let mut loader = Loader::default();
    move |spec, which| {
        let chosen = which.iter().map(|index| &scenarios[*index]);
        if names_file(spec) {
            let chosen: Vec<Scenario> = chosen.cloned().collect();
            return Ok(worker::traces(&chosen, spec, options, &Limits::default())?.traces);
        }
        let policy = loader.resolve(spec)?;
        Ok(chosen.map(|one| run::run(one, &policy, options)).collect())
    }
}

/// Loads the policies that run here.
fn load(specs: &[String]) -> Result<Vec<Option<Policy>>, Error> {
    let mut loader = Loader::default();
    let resolve = |spec: &String| -> Result<Option<Policy>, LoadError> {
        (!names_file(spec)).then(|| loader.resolve(spec)).transpose()
    };
    let policies = specs.iter().map(resolve).collect::<Result<Vec<_>, _>>()?;
    let here: Vec<Policy> = policies.iter().flatten().cloned().collect();
    check_distinct(&here)?;
    Ok(policies)
}

fn in_worker(scenarios: &[Scenario], spec: &str, options: Options) -> Result<PolicyRun, Error> {
    let run = worker::traces(scenarios, spec, options, &Limits::default())?;
    if let Some(impurity) = &run.impurity {
        complain(&format!("warning: policy {}: {impurity}", run.policy));
    }
    if !run.printed.is_empty() {
        complain(&format!("policy {} printed:\n{}", run.policy, run.printed.trim_end()));
    }
    Ok(run)
}

/// Policies in workers have told their names only now.
fn check_names(comparisons: &[Comparison]) -> Result<(), LoadError> {
    let traces = comparisons.first().map_or(&[][..], |one| &one.traces);
    for (i, trace) in traces.iter().enumerate() {
        if traces[..i].iter().any(|other| other.policy == trace.policy) {
            return Err(LoadError::SameName { name: trace.policy.clone() });
        }
    }
    Ok(())
}

impl Results {
    /// How a command that ran these ends.
    pub fn exit(&self, differ_counts: bool) -> Exit {
        let failed = |one: &Comparison| one.traces.iter().any(|trace| trace.outcome.policy_fault);
        if self.impure || self.comparisons.iter().any(failed) {
            Exit::PolicyFailed
        } else if differ_counts && self.comparisons.iter().any(Comparison::differs) {
            Exit::Differ
        } else {
            Exit::Done
        }
    }
}
