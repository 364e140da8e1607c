//! What holding a model against a transcript came to.

use schemars::JsonSchema;
use serde::Serialize;

use super::field::Field;

/// One kernel's transcript against the model under one policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Validated {
    /// The transcript: its file's name without `.jsonl`.
    pub name: String,
    /// `uname -r` of the kernel.
    pub kernel: String,
    /// The package that the kernel came in.
    pub package: String,
    /// The machine that it ran on.
    pub machine: String,
    /// The policy.
    pub policy: String,
    /// Scenarios compared.
    pub scenarios: Vec<String>,
    /// Scenarios that the kernel did not run, each with the reason.
    pub skipped: Vec<String>,
    /// Built-in scenarios that the transcript does not mention.
    pub absent: Vec<String>,
    /// Steps compared.
    pub steps: u64,
    /// Values compared, and those that could not be, for each field.
    pub fields: Vec<FieldCount>,
    /// Every difference, in the order of the transcript.
    pub differences: Vec<Difference>,
}

/// How often a field was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldCount {
    /// The field.
    pub field: Field,
    /// Values compared.
    pub compared: u64,
    /// Values that the kernel did not show.
    pub hidden: u64,
    /// Values that the kernel showed and the model does not have.
    pub not_modelled: u64,
}

/// Something that kernel and model show differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Difference {
    /// The scenario.
    pub scenario: String,
    /// Number of the step, from 1.
    pub step: u32,
    /// The step as written.
    pub text: String,
    /// Where; null: the step as a whole.
    pub place: Option<String>,
    /// What.
    pub field: Field,
    /// What the kernel showed.
    pub kernel: String,
    /// What the model shows.
    pub model: String,
    /// Why it stays, if that is known.
    pub explained: Option<String>,
}

impl FieldCount {
    pub(super) const fn none(field: Field) -> Self {
        Self { field, compared: 0, hidden: 0, not_modelled: 0 }
    }
}

impl Validated {
    /// Differences that nothing explains.
    pub fn unexplained(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.explained.is_none())
    }

    /// For each scenario that differs without explanation, how: the first difference, and
    /// those that follow, often from it.
    #[must_use]
    pub fn by_scenario(&self) -> Vec<Vec<&Difference>> {
        let mut groups: Vec<Vec<&Difference>> = Vec::new();
        for difference in self.unexplained() {
            match groups.last_mut() {
                Some(group) if group[0].scenario == difference.scenario => group.push(difference),
                _ => groups.push(vec![difference]),
            }
        }
        groups
    }

    /// Values compared.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.fields.iter().map(|field| field.compared).sum()
    }
}
