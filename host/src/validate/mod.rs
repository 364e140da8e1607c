//! The model against real kernels: runs the scenarios of a transcript, and compares what
//! the model shows with what the kernel showed, step by step and field by field.
//!
//! A difference says that model, policy or the idea of what a kernel shows is wrong, not
//! which. Only [`record`], which makes transcripts, runs kernels.

mod committed;
mod compare;
mod difference;
mod error;
mod explained;
mod field;
mod mutants;
pub mod record;
mod transcript;

pub use committed::{committed, committed_explained, committed_transcripts, policy_for};
pub use difference::{Difference, FieldCount, Validated};
pub use error::InputError;
pub use explained::Explained;
pub use field::Field;
pub use mutants::{Mutant, mutants};
pub use transcript::{Recorded, Transcript, name_of};

use crate::mm::Counters;
use crate::policy::Policy;
use crate::run::{Options, observe};
use compare::Comparing;

/// How the model is run: as a kernel that somebody looks at after each step.
pub const LOOKED_AT: Options = Options { counters: Counters::Two, drain: true, max_stages: 20_000 };

/// Holds the model under a policy against a transcript; `only` these scenarios, or all if
/// empty.
#[must_use]
pub fn validate(
    transcript: &Transcript,
    policy: &Policy,
    only: &[String],
    explained: &Explained,
) -> Validated {
    let mut comparing = Comparing::new(transcript);
    let mut scenarios = Vec::new();
    for recorded in &transcript.scenarios {
        let name = &recorded.scenario.name;
        if only.is_empty() || only.contains(name) {
            comparing.scenario(recorded, &observe(&recorded.scenario, policy, LOOKED_AT));
            scenarios.push(name.clone());
        }
    }
    let Comparing { fields, steps, mut differences, .. } = comparing;
    for difference in &mut differences {
        let reason = explained.reason(&transcript.name, difference).map(str::to_string);
        difference.explained = reason;
    }
    let absent = if only.is_empty() { transcript.absent() } else { Vec::new() };
    Validated {
        name: transcript.name.clone(),
        kernel: transcript.header.kernel.clone(),
        package: transcript.header.package.clone(),
        machine: transcript.header.machine.clone(),
        policy: policy.name().to_string(),
        scenarios,
        skipped: transcript.header.skipped.clone(),
        absent,
        steps,
        fields: fields.to_vec(),
        differences,
    }
}
