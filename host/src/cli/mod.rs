//! The command line: parses arguments, calls the library, prints, and picks the exit code.
//!
//! This part decides nothing about scenarios or policies.

mod bisect;
mod bounds;
mod compare;
mod error;
mod exit;
mod explore;
mod generate;
mod generations;
mod guests;
mod history;
mod inputs;
mod matrix;
mod output;
mod policy;
mod progress;
mod record;
mod run;
mod scenario;
mod validate;
mod workload;

use std::process::ExitCode;

use clap::{ColorChoice, Parser, Subcommand};

pub use error::Error;
pub use exit::Exit;

/// Decide discussions of copy-on-write patches on a model of Linux 2.6.11 memory.
///
/// Runs scenarios under several policies (the copy-on-write rules of a kernel or
/// patch) and shows where they part, by which kernel function, and what comes of it.
#[derive(Debug, Parser)]
#[command(name = "cowpath", version, max_term_width = 80, after_help = exit::EXIT_CODES)]
pub struct Cli {
    /// When to use colours; `auto`: on a terminal, unless NO_COLOR is set.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenarios under several policies and compare the outcomes
    #[command(after_help = exit::EXIT_CODES)]
    Compare(compare::Arguments),
    /// Run one scenario and show every step: what was asked, what changed
    #[command(after_help = exit::EXIT_CODES)]
    Run(run::Arguments),
    /// Try all interleavings of a scenario's actors, stage by stage
    #[command(after_help = explore::HELP)]
    Explore(explore::Arguments),
    /// Show what scenarios come to under every policy, generation by generation
    #[command(after_help = matrix::HELP)]
    Matrix(matrix::Arguments),
    /// Find the generations that change the outcome of a scenario, and the hunk that does
    #[command(after_help = bisect::HELP)]
    Bisect(bisect::Arguments),
    /// List, show, check and explain scenarios
    #[command(subcommand)]
    Scenario(scenario::Command),
    /// List and show policies
    #[command(subcommand)]
    Policy(policy::Command),
    /// Generate many pages and see what becomes of them under each policy
    #[command(subcommand)]
    Workload(workload::Command),
    /// Hold the model against what real kernels showed
    #[command(after_help = exit::EXIT_CODES)]
    Validate(validate::Arguments),
    /// Print completions for a shell
    Completions(generate::Completions),
    /// Print the manual page, or write one for each command into a folder
    Man(generate::Man),
    /// Print the history of the rule, policies/HISTORY.md
    #[command(hide = true)]
    History,
    /// Run a policy on behalf of another cowpath
    #[command(hide = true)]
    Worker,
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    // --help ends with 0, a wrong command line with 2.
    let cli = Cli::parse();
    output::choose_color(cli.color);
    if matches!(cli.command, Command::Worker) {
        return crate::worker::serve();
    }
    let exit = cli.command.execute().unwrap_or_else(|error| {
        if !error.is_quiet() {
            output::complain(&error);
        }
        error.exit()
    });
    exit.into()
}

impl Command {
    fn execute(&self) -> Result<Exit, Error> {
        match self {
            Self::Compare(arguments) => compare::execute(arguments),
            Self::Run(arguments) => run::execute(arguments),
            Self::Explore(arguments) => explore::execute(arguments),
            Self::Matrix(arguments) => matrix::execute(arguments),
            Self::Bisect(arguments) => bisect::execute(arguments),
            Self::Scenario(command) => scenario::execute(command),
            Self::Policy(command) => policy::execute(command),
            Self::Workload(command) => workload::execute(command),
            Self::Validate(arguments) => validate::execute(arguments),
            Self::Completions(arguments) => generate::completions(arguments),
            Self::Man(arguments) => generate::man(arguments),
            Self::History => history::execute(),
            Self::Worker => unreachable!("main has served it"),
        }
    }
}
