//! `cowpath history`.

use super::output::print_bytes;
use super::{Error, Exit, generations, inputs};
use crate::policy;
use crate::report;
use crate::run::Options;

/// Prints the history of all bundled policies over all built-in scenarios.
pub(super) fn execute() -> Result<Exit, Error> {
    let (scenarios, options) = (inputs::scenarios(&[])?, Options::default());
    let lined = generations::line_up(&scenarios, &policy::generations()?, options)?;
    let exit = lined.results.exit(false);
    print_bytes(report::history(&lined.matrix(&scenarios, options)?).as_bytes())?;
    Ok(exit)
}
