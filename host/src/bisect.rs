//! Bisection of one scenario: where in the order of generations the outcome changes, and
//! which hunk of the later policy does it.
//!
//! Every generation is run, so that a fault that comes and goes is seen each time.

use schemars::JsonSchema;
use serde::Serialize;

use crate::attribute::Attributed;
use crate::compare::Comparison;
use crate::matrix::Column;
use crate::trace::{Outcome, Trace};

/// One scenario through the generations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Bisection {
    /// The scenario's name.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// Its claim.
    pub claim: String,
    /// The policies, in order of generation.
    pub policies: Vec<Column>,
    /// What each policy came to, in the same order.
    pub outcomes: Vec<Outcome>,
    /// Where the outcome changes; empty if it never does.
    pub changes: Vec<Attributed>,
    /// What happened under each policy.
    #[serde(skip)]
    pub traces: Vec<Trace>,
}

/// Bisects a comparison of the policies in the order of `columns`, of which the changes are
/// attributed.
#[must_use]
pub fn bisect(comparison: Comparison, columns: Vec<Column>, changes: Vec<Attributed>) -> Bisection {
    let Comparison { scenario, title, claim, traces, .. } = comparison;
    let outcomes = traces.iter().map(|trace| trace.outcome.clone()).collect();
    Bisection { scenario, title, claim, policies: columns, outcomes, changes, traces }
}
