//! `cowpath compare`.

use clap::Args;

use super::inputs::{self, RunOptions};
use super::output::{Format, print, print_json};
use super::{Error, Exit};
use crate::compare::Comparison;
use crate::report::{CompareDocument, overview, side_by_side};

/// What `compare` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Built-in scenarios, or paths that end in .toml; default: all built-in ones
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<String>,
    /// A policy: bundled, the path of a plugin, or a graft such as
    /// vanilla+iwamoto:try_to_unmap_one, or `all` for every bundled one; may be
    /// repeated, the others are held against the first; default: those of the
    /// discussion of 2005
    #[arg(short, long = "policy", value_name = "POLICY")]
    policies: Vec<String>,
    /// How to print: for people or for programs
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Show each scenario side by side; in JSON: with all traces
    #[arg(long)]
    full: bool,
    /// End with 1 if outcomes differ
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    options: RunOptions,
}

/// Runs the command.
pub(super) fn execute(arguments: &Arguments) -> Result<Exit, Error> {
    let scenarios = inputs::scenarios(&arguments.scenarios)?;
    let policies = inputs::specs(&arguments.policies);
    let results = inputs::compare(&scenarios, &policies, arguments.options.into())?;
    let comparisons = &results.comparisons;
    match arguments.format {
        Format::Text => print(&text(comparisons, arguments.full))?,
        Format::Json => print_json(&CompareDocument::new(comparisons, arguments.full))?,
    }
    Ok(results.exit(arguments.exit_code))
}

fn text(comparisons: &[Comparison], full: bool) -> String {
    match comparisons {
        [one] => side_by_side(one),
        many if full => many.iter().map(side_by_side).collect::<Vec<_>>().join("\n\n"),
        many => overview(many),
    }
}
