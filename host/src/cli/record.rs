//! `cowpath validate record`.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};
use indicatif::{ProgressBar, ProgressStyle};

use super::output::print;
use super::{Error, Exit};
use crate::scenario::{LoadError, builtin, kernels};
use crate::validate::record::{RecordOptions, record};

/// How often the spinner is drawn.
const TICK: Duration = Duration::from_millis(200);

/// What `record` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A Debian package with a kernel or its modules, may be repeated; or a bzImage, or a
    /// user-mode Linux program
    #[arg(long = "kernel", value_name = "FILE", required = true)]
    kernels: Vec<PathBuf>,
    /// Where modules are, for a kernel that is not a package
    #[arg(long, value_name = "FOLDER")]
    modules: Option<PathBuf>,
    /// The guest program: cowpath-guest, statically linked
    #[arg(long, value_name = "FILE")]
    guest: PathBuf,
    /// Where to write the transcript; default: standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// A scenario: one for kernels, a built-in one, or a path that ends in .toml; may be
    /// repeated; default: all that there are
    #[arg(short, long = "scenario", value_name = "SCENARIO")]
    scenarios: Vec<String>,
    /// How long the kernel may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = value_parser!(u64).range(1..))]
    timeout: u64,
}

impl Arguments {
    /// Runs the command.
    pub(super) fn execute(&self) -> Result<Exit, Error> {
        let options = RecordOptions {
            kernel: self.kernels.clone(),
            modules: self.modules.clone(),
            guest: self.guest.clone(),
            scenarios: sources(&self.scenarios)?,
            timeout: Duration::from_secs(self.timeout),
        };
        let spinner = spinner();
        let transcript = record(&options);
        spinner.finish_and_clear();
        let transcript = transcript?;
        match &self.output {
            Some(path) => fs::write(path, transcript)
                .map_err(|error| Error::Unwritable { path: path.clone(), error })?,
            None => print(&transcript)?,
        }
        Ok(Exit::Done)
    }
}

/// Name and source of scenarios by name; all if there are no names.
fn sources(names: &[String]) -> Result<Vec<(String, String)>, Error> {
    let own = |(name, source): &(&str, &str)| ((*name).to_owned(), (*source).to_owned());
    let all: Vec<_> = kernels().into_iter().chain(builtin().iter().map(own)).collect();
    if names.is_empty() {
        return Ok(all);
    }
    names.iter().map(|name| source(name, &all)).collect::<Result<_, _>>().map_err(Error::Scenario)
}

fn source(name: &str, all: &[(String, String)]) -> Result<(String, String), LoadError> {
    if let Some(found) = all.iter().find(|(other, _)| other == name) {
        return Ok(found.clone());
    }
    // Says what is wrong with a name or a file; the guest program reads the source once more.
    let scenario = crate::scenario::load(name)?;
    match fs::read_to_string(name) {
        Ok(source) => Ok((scenario.name, source)),
        Err(error) => Err(LoadError::Unreadable { path: name.to_owned(), error }),
    }
}

fn spinner() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} the kernel runs, {elapsed}")
        .expect("the template is in order");
    let spinner = ProgressBar::new_spinner().with_style(style);
    spinner.enable_steady_tick(TICK);
    spinner
}
