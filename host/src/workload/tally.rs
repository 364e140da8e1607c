//! What a hot-remove came to, in numbers.

use super::hot_remove::{HotRemove, Seen};
use super::progress::Phase;
use super::state::StateBytes;
use crate::machine::Machine;
use crate::mm::Costs;
use crate::mm::audit::Violation;
use crate::oracle::Finding;
use crate::policy::PolicyFault;

/// Stages of one phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhaseTally {
    /// The phase.
    pub phase: Phase,
    /// Stages that it took.
    pub stages: u64,
}

/// The result of a [`HotRemove`] under one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// What was run.
    pub workload: HotRemove,
    /// Under which policy.
    pub policy: String,
    /// Stages in all.
    pub stages: u64,
    /// Stages by phase, as far as the run came.
    pub phases: Vec<PhaseTally>,
    /// Pages held by direct reads before reclaim began.
    pub held: u32,
    /// Pages freed by reclaim.
    pub reclaimed: u32,
    /// Accesses that faulted pages back in.
    pub faulted_in: u32,
    /// Sections.
    pub sections: u32,
    /// Sections that went offline at the first attempt.
    pub first_attempt: u32,
    /// Sections that went offline at the second attempt, once their direct reads were complete.
    pub second_attempt: u32,
    /// Copies, faults, scans and swap IO.
    pub costs: Costs,
    /// What somebody saw and should not have.
    pub findings: Vec<Finding>,
    /// What the audit of a stage, or the recount at the end, found wrong.
    pub violation: Option<Violation>,
    /// What the policy did that no policy may do.
    pub fault: Option<PolicyFault>,
    /// Memory that the state takes at the end.
    pub state: StateBytes,
}

impl Tally {
    pub(super) fn new(
        workload: HotRemove,
        policy: &str,
        machine: &Machine,
        phases: Vec<PhaseTally>,
        seen: Seen,
    ) -> Self {
        Self {
            workload,
            policy: policy.to_string(),
            stages: machine.stages,
            phases,
            held: seen.held,
            reclaimed: seen.reclaimed,
            faulted_in: seen.faulted_in,
            sections: seen.sections.all,
            first_attempt: seen.sections.first_attempt,
            second_attempt: seen.sections.second_attempt,
            costs: machine.mem.costs,
            findings: machine.oracle.findings.clone(),
            violation: machine.mem.violation,
            fault: machine.fault,
            state: StateBytes::of(machine),
        }
    }

    /// Whether everything was found as it must be.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.findings.is_empty() && self.violation.is_none() && self.fault.is_none()
    }
}
