//! Runs scenarios under a policy in a process of its own, so that a policy that
//! panics, hangs, crashes or exits is a finding and never the end of the run.
//!
//! One child serves all scenarios of a policy. It reports each question before it
//! asks it and each answer, so it is known what the policy was asked when the child
//! ended. A new child then repeats the scenario from the recorded answers, up to
//! that question and without asking the policy, which gives the trace so far; and it
//! goes on with the next scenario. A child that ends before it said that it is done
//! has failed, whatever its exit status.
//!
//! Where the same few questions are asked millions of times, the child only answers, and
//! the parent remembers: [`Worker::policy`].
//!
//! This part does not know what a scenario does or what an answer means. It guards
//! against mistakes, not against attackers: a plugin runs as the user.

mod ending;
mod error;
mod opening;
mod process;
mod report;
mod respondent;
mod serve;
mod supervise;
mod verdict;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::policy::Policy;
use crate::run::Options;
use crate::scenario::Scenario;
use crate::trace::Trace;

pub use error::WorkerError;
pub use respondent::Respondent;
pub use serve::serve;

/// How long a policy may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the start of a process, and then for being loaded.
    pub loading: Duration,
    /// For one answer.
    pub answer: Duration,
    /// For one scenario, the model's own work included.
    pub scenario: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            loading: Duration::from_secs(10),
            answer: Duration::from_secs(10),
            scenario: Duration::from_secs(120),
        }
    }
}

/// What a policy came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRun {
    /// The policy's name.
    pub policy: String,
    /// One trace for each scenario, in the order asked for.
    pub traces: Vec<Trace>,
    /// What the policy as a whole is at fault for: a hook that gives the same view two
    /// answers, an answer that is not legal, or an end of the process, outside any
    /// scenario. Not looked for once a scenario ended the process.
    pub impurity: Option<String>,
    /// The beginning of what the policy wrote to stdout and stderr; may hold addresses
    /// and paths, so it is for people and not for traces.
    pub printed: String,
}

/// How children are started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worker {
    /// The program, whose argument `worker` must lead to [`serve`]; none: this program.
    pub executable: Option<PathBuf>,
    /// How long the policy may take.
    pub limits: Limits,
}

impl Worker {
    /// Runs the scenarios under the policy that the user calls `spec`.
    ///
    /// # Errors
    /// The policy cannot be loaded, the worker cannot be started, or the model is
    /// broken. What a loaded policy does is never an error, but a trace.
    pub fn run(
        &self,
        scenarios: &[Scenario],
        spec: &str,
        options: Options,
    ) -> Result<PolicyRun, WorkerError> {
        supervise::run(self, scenarios, spec, options)
    }

    /// The policy that the user calls `spec`, loaded in a process of its own: nothing of
    /// it runs here, and each question is asked once. And who answers for it.
    ///
    /// # Errors
    /// The policy cannot be loaded, or the worker cannot be started. What a loaded policy
    /// does is never an error, but a fault of the policy.
    pub fn policy(&self, spec: &str) -> Result<(Policy, Arc<Respondent>), WorkerError> {
        Respondent::open(self, spec)
    }

    fn program(&self) -> PathBuf {
        self.executable.clone().unwrap_or_else(process::this_program)
    }
}

/// [`Worker::run`] with this program as the worker.
///
/// # Errors
/// Those of [`Worker::run`].
pub fn traces(
    scenarios: &[Scenario],
    spec: &str,
    options: Options,
    limits: &Limits,
) -> Result<PolicyRun, WorkerError> {
    let (executable, limits) = (None, *limits);
    Worker { executable, limits }.run(scenarios, spec, options)
}
