//! `cowpath bisect`.

use clap::Args;

use super::generations::{self, Choice, Lined};
use super::inputs;
use super::output::{Format, print, print_json};
use super::{Error, Exit};
use crate::bisect::bisect;
use crate::report;

/// What follows the options in `--help`.
pub(super) const HELP: &str = "\
Every generation is run. For each change of outcome: the policy and its source, the
question that was answered otherwise, and the hunks that make the same difference
when grafted onto the policy before: each alone, or else together.

Examples:
  cowpath bisect vmsplice_fork
  cowpath bisect overlapping_direct_reads_offline --since 2.6.11 --until 2.6.13
  cowpath bisect swap_in_race_unlocked -p vanilla -p iwamoto -p hugh

Exit codes are those of `cowpath --help`.";

/// What `bisect` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A built-in scenario, or a path that ends in .toml
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    #[command(flatten)]
    choice: Choice,
    /// How to print: for people or for programs
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// End with 1 if outcomes differ
    #[arg(long)]
    exit_code: bool,
}

/// Runs the command.
pub(super) fn execute(arguments: &Arguments) -> Result<Exit, Error> {
    let scenarios = [inputs::scenario(&arguments.scenario)?];
    let lined = generations::run(&scenarios, &arguments.choice)?;
    let exit = lined.results.exit(arguments.exit_code);
    let attributed = lined.attribute(&scenarios, arguments.choice.options.into())?;
    let Lined { columns, results, specs: _ } = lined;
    let one = results.comparisons.into_iter().zip(attributed).next();
    let (comparison, changes) = one.expect("one scenario was run");
    let bisection = bisect(comparison, columns, changes);
    match arguments.format {
        Format::Text => print(&report::bisection(&bisection))?,
        Format::Json => print_json(&report::BisectDocument::new(&bisection))?,
    }
    Ok(exit)
}
