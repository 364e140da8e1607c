//! What every child does, whatever its work is: it says hello, loads the policy, and may
//! audit it.

use std::path::Path;
use std::time::Instant;

use super::process::{Child, Heard};
use super::report::{Report, VERSION};
use super::{Limits, WorkerError};
use crate::policy::{Description, Ending};

/// Waits until the policy is loaded.
pub(super) fn loaded(
    child: &mut Child,
    spec: &str,
    executable: &Path,
    limits: &Limits,
) -> Result<Description, WorkerError> {
    hello(child, limits)
        .map_err(|why| WorkerError::NotWorker { executable: executable.to_owned(), why })?;
    let ending = match child.next(Instant::now() + limits.loading) {
        Heard::Report(Report::Loaded(description)) => return Ok(description),
        Heard::Report(Report::Refused { message }) => {
            return Err(WorkerError::Refused { message });
        }
        Heard::Report(_) => Ending::Garbled,
        Heard::Nothing => Ending::NoAnswer(limits.loading),
        Heard::End(ending) => ending,
    };
    let (spec, why) = (spec.to_owned(), ending.to_string());
    let printed = String::new();
    Err(WorkerError::EndedInLoading { spec, why, printed })
}

/// Whether this is a worker at all; else what it does instead.
fn hello(child: &mut Child, limits: &Limits) -> Result<(), String> {
    let limit = limits.loading;
    match child.next(Instant::now() + limit) {
        Heard::Report(Report::Hello { version: VERSION }) => Ok(()),
        Heard::Report(Report::Hello { version }) => {
            Err(format!("speaks version {version}, expected {VERSION}"))
        }
        Heard::Report(_) | Heard::End(Ending::Garbled) => Err("does not say hello".to_owned()),
        Heard::Nothing => Err(Ending::NoAnswer(limit).to_string()),
        Heard::End(ending) => Err(ending.to_string()),
    }
}

/// Hears the audit; what is wrong with the policy as a whole. `when` it is, for a policy
/// that ends before it is asked anything.
pub(super) fn audit(child: &mut Child, limits: &Limits, when: &str) -> Option<String> {
    let limit = limits.answer;
    let mut last = None;
    let ending = loop {
        match child.next(Instant::now() + limit) {
            Heard::Report(Report::Done { impurity }) => return impurity,
            Heard::Report(Report::Asking(point)) => last = Some(point),
            Heard::Report(_) => break Ending::Garbled,
            Heard::Nothing => break Ending::NoAnswer(limit),
            Heard::End(ending) => break ending,
        }
    };
    Some(match last {
        None => format!("the policy {ending} {when}"),
        Some(point) => format!(
            "the policy {ending} in the audit of its hooks, \
             which had come to {} at point {}",
            point.name(),
            point.at
        ),
    })
}
