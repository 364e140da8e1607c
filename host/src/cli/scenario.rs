//! `cowpath scenario`.

use clap::Subcommand;

use super::inputs;
use super::output::{print, print_bytes};
use super::{Error, Exit};
use crate::report;
use crate::routines::stage_names;
use crate::scenario::{LoadError, builtin, explain, kernels};

/// What can be done with scenarios.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the built-in scenarios
    List {
        /// The family that is made for real kernels instead: each hold, each way through swap
        #[arg(long)]
        kernels: bool,
    },
    /// Print a scenario's TOML
    Show {
        /// A built-in scenario, or a path that ends in .toml
        name: String,
    },
    /// Check scenario files; a wrong one is explained, and the exit code is 2
    Check {
        /// Paths that end in .toml, or names of built-in scenarios
        #[arg(required = true)]
        files: Vec<String>,
    },
    /// Say in plain words what happens in a scenario
    Explain {
        /// A built-in scenario, or a path that ends in .toml
        name: String,
    },
    /// List the stages that `until` can name
    Stages,
}

/// Runs the command.
pub(super) fn execute(command: &Command) -> Result<Exit, Error> {
    match command {
        Command::List { kernels: false } => print(&list(builtin().iter().map(|one| one.0))?)?,
        Command::List { kernels: true } => {
            let family = kernels();
            print(&list(family.iter().map(|one| one.0.as_str()))?)?;
        }
        Command::Show { name } => print_bytes(source(name)?.as_bytes())?,
        Command::Check { files } => check(files)?,
        Command::Explain { name } => print(&explain(&inputs::scenario(name)?))?,
        Command::Stages => print(&(stage_names().join("\n") + "\n"))?,
    }
    Ok(Exit::Done)
}

/// Name and title; a long name has a line to itself.
fn list<'n>(names: impl Iterator<Item = &'n str>) -> Result<String, Error> {
    const TITLE: usize = 34;
    let mut text = String::new();
    for name in names {
        let title = inputs::scenario(name)?.title;
        if name.len() + 2 > TITLE || TITLE + title.len() > 80 {
            text.push_str(&format!("{name}\n"));
            report::hanging(&mut text, "    ", 4, &title);
        } else {
            text.push_str(&format!("{name:TITLE$}{title}\n"));
        }
    }
    Ok(text)
}

fn source(name: &str) -> Result<String, Error> {
    if let Some((_, source)) = builtin().iter().find(|(other, _)| *other == name) {
        return Ok((*source).to_string());
    }
    if let Some((_, source)) = kernels().into_iter().find(|(other, _)| other == name) {
        return Ok(source);
    }
    if !name.ends_with(".toml") {
        inputs::scenario(name)?;
    }
    std::fs::read_to_string(name).map_err(|error| {
        let path = name.to_string();
        LoadError::Unreadable { path, error }.into()
    })
}

fn check(files: &[String]) -> Result<(), Error> {
    let mut broken = Vec::new();
    for file in files {
        match inputs::scenario(file) {
            Ok(scenario) => print(&format!("{file}: ok, {} steps\n", scenario.steps.len()))?,
            Err(Error::Scenario(error)) => broken.push(error),
            Err(other) => return Err(other),
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(Error::Broken(broken)) }
}
