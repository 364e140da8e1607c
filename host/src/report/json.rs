//! JSON documents, each with the name and version of its schema.
//!
//! A change that breaks readers raises [`VERSION`]; a new key does not.

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::Serialize;

use crate::bisect::Bisection;
use crate::compare::{Comparison, Parting};
use crate::explore::Explored;
use crate::matrix::Matrix;
use crate::trace::{Costs, Outcome, Trace};
use crate::validate::{Mutant, Validated};

/// The version of every document.
pub const VERSION: u32 = 1;

/// What `cowpath compare --format json` prints.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CompareDocument<'a> {
    /// `cowpath-compare`.
    #[schemars(extend("const" = "cowpath-compare"))]
    pub schema: &'static str,
    /// The version of the document.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The policies, in the order asked for.
    pub policies: Vec<&'a str>,
    /// One entry for each scenario, in the order asked for.
    pub scenarios: Vec<Compared<'a>>,
}

/// One scenario under several policies.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Compared<'a> {
    /// The scenario's name.
    pub scenario: &'a str,
    /// Its title.
    pub title: &'a str,
    /// Its claim.
    pub claim: &'a str,
    /// Whether the outcomes differ.
    pub differs: bool,
    /// The kernel functions that part the policies.
    pub parted_by: Vec<&'a str>,
    /// What each policy came to.
    pub results: Vec<ResultOf<'a>>,
    /// Every trace, with `--full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traces: Option<&'a [Trace]>,
}

/// What one policy came to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ResultOf<'a> {
    /// The policy.
    pub policy: &'a str,
    /// What the run came to.
    pub outcome: &'a Outcome,
    /// What it cost.
    pub costs: &'a Costs,
    /// Where the policy parts from the first; null if it does not.
    pub parting: Option<&'a Parting>,
}

/// What `cowpath run --format json` prints.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RunDocument<'a> {
    /// `cowpath-run`.
    #[schemars(extend("const" = "cowpath-run"))]
    pub schema: &'static str,
    /// The version of the document.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The traces, and where they part.
    pub comparison: &'a Comparison,
}

/// What `cowpath matrix --format json` prints.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MatrixDocument<'a> {
    /// `cowpath-matrix`.
    #[schemars(extend("const" = "cowpath-matrix"))]
    pub schema: &'static str,
    /// The version of the document.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The outcomes, and where they change.
    pub matrix: &'a Matrix,
}

/// What `cowpath bisect --format json` prints.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BisectDocument<'a> {
    /// `cowpath-bisect`.
    #[schemars(extend("const" = "cowpath-bisect"))]
    pub schema: &'static str,
    /// The version of the document.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The outcomes, and which change of the rule changes them.
    pub bisection: &'a Bisection,
}

/// What `cowpath explore --format json` prints.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ExploreDocument<'a> {
    /// `cowpath-explore`.
    #[schemars(extend("const" = "cowpath-explore"))]
    pub schema: &'static str,
    /// The version of the document.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// What was found under each policy, for each scenario or universe.
    pub explored: &'a [Explored],
}

impl<'a> ExploreDocument<'a> {
    /// The document.
    #[must_use]
    pub const fn new(explored: &'a [Explored]) -> Self {
        Self { schema: "cowpath-explore", version: VERSION, explored }
    }
}

impl<'a> MatrixDocument<'a> {
    /// The document.
    #[must_use]
    pub const fn new(matrix: &'a Matrix) -> Self {
        Self { schema: "cowpath-matrix", version: VERSION, matrix }
    }
}

impl<'a> BisectDocument<'a> {
    /// The document.
    #[must_use]
    pub const fn new(bisection: &'a Bisection) -> Self {
        Self { schema: "cowpath-bisect", version: VERSION, bisection }
    }
}

/// What `cowpath validate --format json` prints.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ValidateDocument<'a> {
    /// `cowpath-validate`.
    #[schemars(extend("const" = "cowpath-validate"))]
    pub schema: &'static str,
    /// The version of the document.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// One entry for each transcript, in the order asked for.
    pub transcripts: &'a [Validated],
    /// Entries of the list of explained differences that match none.
    pub no_longer_needed: &'a [String],
}

/// What `cowpath validate --mutants --format json` prints.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MutantsDocument<'a> {
    /// `cowpath-mutants`.
    #[schemars(extend("const" = "cowpath-mutants"))]
    pub schema: &'static str,
    /// The version of the document.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// One entry for each transcript, in the order asked for.
    pub transcripts: &'a [MutantsOf],
}

/// Wrong policies held against one transcript.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MutantsOf {
    /// The transcript: its file's name without `.jsonl`.
    pub name: String,
    /// The policy that they were made of.
    pub policy: String,
    /// Each with who noticed.
    pub mutants: Vec<Mutant>,
}

impl<'a> ValidateDocument<'a> {
    /// The document.
    #[must_use]
    pub const fn new(transcripts: &'a [Validated], no_longer_needed: &'a [String]) -> Self {
        Self { schema: "cowpath-validate", version: VERSION, transcripts, no_longer_needed }
    }
}

impl<'a> MutantsDocument<'a> {
    /// The document.
    #[must_use]
    pub const fn new(transcripts: &'a [MutantsOf]) -> Self {
        Self { schema: "cowpath-mutants", version: VERSION, transcripts }
    }
}

impl<'a> CompareDocument<'a> {
    /// The document; with every trace if `full`.
    #[must_use]
    pub fn new(comparisons: &'a [Comparison], full: bool) -> Self {
        let first = comparisons.iter().take(1).flat_map(|one| &one.traces);
        Self {
            schema: "cowpath-compare",
            version: VERSION,
            policies: first.map(|trace| trace.policy.as_str()).collect(),
            scenarios: comparisons.iter().map(|one| compared(one, full)).collect(),
        }
    }
}

impl<'a> RunDocument<'a> {
    /// The document.
    #[must_use]
    pub const fn new(comparison: &'a Comparison) -> Self {
        Self { schema: "cowpath-run", version: VERSION, comparison }
    }
}

fn compared(one: &Comparison, full: bool) -> Compared<'_> {
    let partings = std::iter::once(None).chain(one.partings.iter().map(Option::as_ref));
    let results = one.traces.iter().zip(partings);
    Compared {
        scenario: &one.scenario,
        title: &one.title,
        claim: &one.claim,
        differs: one.differs(),
        parted_by: one.functions(),
        results: results
            .map(|(trace, parting)| ResultOf {
                policy: &trace.policy,
                outcome: &trace.outcome,
                costs: &trace.costs,
                parting,
            })
            .collect(),
        traces: full.then_some(&one.traces[..]),
    }
}

/// The schema of each document by its name, as JSON text.
#[must_use]
pub fn schemas() -> BTreeMap<&'static str, String> {
    let text = |schema: schemars::Schema| {
        let mut text = format!("{:#}", schema.to_value());
        text.push('\n');
        text
    };
    BTreeMap::from([
        ("cowpath-bisect", text(schema_for!(BisectDocument<'_>))),
        ("cowpath-compare", text(schema_for!(CompareDocument<'_>))),
        ("cowpath-explore", text(schema_for!(ExploreDocument<'_>))),
        ("cowpath-matrix", text(schema_for!(MatrixDocument<'_>))),
        ("cowpath-mutants", text(schema_for!(MutantsDocument<'_>))),
        ("cowpath-run", text(schema_for!(RunDocument<'_>))),
        ("cowpath-validate", text(schema_for!(ValidateDocument<'_>))),
    ])
}
