//! `cowpath matrix`.

use clap::{Args, value_parser};

use super::generations::{self, Choice};
use super::inputs;
use super::output::{Format, print, print_json, terminal_width};
use super::{Error, Exit};
use crate::report;

/// The narrowest that reports are made for.
const NARROW: u16 = 80;

/// What follows the options in `--help`.
pub(super) const HELP: &str = "\
Rows whose outcomes change at the same policies, by the same hunks, are together:
`a or b` is two hunks of which each alone is enough on the policy before, `a and b`
are enough together only, `without a` is a hunk that the policy before had. From a
graft no hunk can be taken: `parting in f` is where it did otherwise first. A proposal that never was in mainline is held against the kernel that
it was made for, and no later policy is held against it. Costs have a line where
they differ.

Examples:
  cowpath matrix
  cowpath matrix vmsplice_fork fork_during_direct_read
  cowpath matrix --since 2.6.11 --until 2.6.13
  cowpath matrix -p vanilla -p vanilla+hugh:try_to_unmap_one -p hugh

Exit codes are those of `cowpath --help`.";

/// What `matrix` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Built-in scenarios, or paths that end in .toml; default: all built-in ones
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<String>,
    #[command(flatten)]
    choice: Choice,
    /// How to print: for people or for programs
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Columns of text, 80 or more; default: the terminal's, or 80
    #[arg(long, value_name = "COLUMNS", value_parser = value_parser!(u16).range(i64::from(NARROW)..))]
    width: Option<u16>,
    /// End with 1 if outcomes differ
    #[arg(long)]
    exit_code: bool,
}

/// Runs the command.
pub(super) fn execute(arguments: &Arguments) -> Result<Exit, Error> {
    let scenarios = inputs::scenarios(&arguments.scenarios)?;
    let lined = generations::run(&scenarios, &arguments.choice)?;
    let exit = lined.results.exit(arguments.exit_code);
    let matrix = lined.matrix(&scenarios, arguments.choice.options.into())?;
    let width = arguments.width.or_else(terminal_width).map_or(NARROW, |width| width.max(NARROW));
    match arguments.format {
        Format::Text => print(&report::matrix(&matrix, width.into()))?,
        Format::Json => print_json(&report::MatrixDocument::new(&matrix))?,
    }
    Ok(exit)
}
