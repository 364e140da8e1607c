//! `cowpath history`.

use super::output::print_bytes;
use super::{Error, Exit, inputs};
use crate::matrix::{columns, matrix};
use crate::policy::generations;
use crate::report;
use crate::run::Options;

/// Prints the history of all bundled policies over all built-in scenarios.
pub(super) fn execute() -> Result<Exit, Error> {
    let scenarios = inputs::scenarios(&[])?;
    let all = generations()?;
    let specs: Vec<String> = all.iter().map(|one| one.manifest.id.clone()).collect();
    let results = inputs::compare(&scenarios, &specs, Options::default())?;
    let matrix = matrix(columns(&all), &results.comparisons);
    print_bytes(report::history(&matrix).as_bytes())?;
    Ok(results.exit(false))
}
