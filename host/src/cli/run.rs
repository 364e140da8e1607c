//! `cowpath run`.

use clap::Args;

use super::inputs::{self, RunOptions};
use super::output::{Format, print, print_json};
use super::{Error, Exit};
use crate::compare::Comparison;
use crate::report::{Detail, RunDocument, heading, partings, trace};

/// What `run` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A built-in scenario, or a path that ends in .toml
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    /// A policy: bundled, the path of a plugin, or a graft such as
    /// vanilla+iwamoto:try_to_unmap_one, or `all` for every bundled one; if there
    /// are two or more: also where they part
    #[arg(short, long = "policy", value_name = "POLICY", required = true)]
    policies: Vec<String>,
    /// Show every stage and every change
    #[arg(long)]
    full: bool,
    /// How to print: for people or for programs
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    options: RunOptions,
}

/// Runs the command.
pub(super) fn execute(arguments: &Arguments) -> Result<Exit, Error> {
    let scenarios = [inputs::scenario(&arguments.scenario)?];
    let options = arguments.options.into();
    let results = inputs::compare(&scenarios, &inputs::specs(&arguments.policies), options)?;
    let comparison = &results.comparisons[0];
    let detail = if arguments.full { Detail::Full } else { Detail::Net };
    match arguments.format {
        Format::Text => print(&text(comparison, detail))?,
        Format::Json => print_json(&RunDocument::new(comparison))?,
    }
    Ok(results.exit(false))
}

fn text(comparison: &Comparison, detail: Detail) -> String {
    let Comparison { scenario, title, claim, traces, .. } = comparison;
    let mut text = heading(scenario, title, claim);
    for one in traces {
        text.push('\n');
        // A lone trace does not name its policy, so that `git diff --no-index`
        // of two of them shows behaviour only.
        if traces.len() > 1 {
            text.push_str(&format!("== {} ==\n", one.policy));
        }
        text.push_str(&trace(one, detail));
    }
    if traces.len() > 1 {
        text.push('\n');
        let apart = partings(comparison);
        text.push_str(if apart.is_empty() { "The policies do not part.\n" } else { &apart });
    }
    text
}
