//! `cowpath completions` and `cowpath man`.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::output::print_bytes;
use super::{Cli, Error, Exit};

/// What `completions` takes.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

/// What `man` takes.
#[derive(Debug, Args)]
pub(super) struct Man {
    /// The folder, made if it is missing; default: cowpath(1) to stdout
    dir: Option<PathBuf>,
}

/// Prints completions.
pub(super) fn completions(arguments: &Completions) -> Result<Exit, Error> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "cowpath", &mut script);
    print_bytes(&script)?;
    Ok(Exit::Done)
}

/// Prints or writes manual pages.
pub(super) fn man(arguments: &Man) -> Result<Exit, Error> {
    if let Some(dir) = &arguments.dir {
        let unwritable = |error| Error::Unwritable { path: dir.clone(), error };
        fs::create_dir_all(dir).map_err(unwritable)?;
        clap_mangen::generate_to(Cli::command(), dir).map_err(unwritable)?;
    } else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        print_bytes(&page)?;
    }
    Ok(Exit::Done)
}
