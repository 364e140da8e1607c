//! Policies that are asked by what runs in this process, one question at a time.
//!
//! A policy that the user brings as a file answers from a process of its own, each question
//! once. Runs of scenarios take whole processes instead, see [`super::inputs`].

use std::sync::Arc;
use std::time::Duration;

use super::inputs::specs;
use super::output::complain;
use super::{Error, Exit};
use crate::policy::{self, Policy, check_distinct, names_file};
use crate::worker::{Limits, Respondent, Worker};

/// How long a hook may take to answer: there may be hundreds of questions on which it hangs.
const ANSWER: Duration = Duration::from_secs(2);

/// Policies, and who answers for those of the user.
pub(super) struct Guests {
    /// All of them, in the order asked for.
    policies: Vec<Policy>,
    respondents: Vec<(String, Arc<Respondent>)>,
}

impl Guests {
    /// Loads the policies that were asked for.
    pub fn load(asked: &[String]) -> Result<Self, Error> {
        let worker =
            Worker { executable: None, limits: Limits { answer: ANSWER, ..Limits::default() } };
        let (mut policies, mut respondents) = (Vec::new(), Vec::new());
        for spec in specs(asked) {
            if names_file(&spec) {
                let (policy, respondent) = worker.policy(&spec)?;
                respondents.push((policy.name().to_string(), respondent));
                policies.push(policy);
            } else {
                policies.push(policy::resolve(&spec)?);
            }
        }
        check_distinct(&policies)?;
        Ok(Self { policies, respondents })
    }

    /// Works with the policies. However that ends, tells afterwards what the user's own
    /// printed, and what they are at fault for as a whole.
    pub fn with(self, work: impl FnOnce(&[Policy]) -> Result<Exit, Error>) -> Result<Exit, Error> {
        let exit = work(&self.policies);
        let impure = self.tell();
        exit.map(|exit| if impure { Exit::PolicyFailed } else { exit })
    }

    fn tell(&self) -> bool {
        let mut impure = false;
        for (name, respondent) in &self.respondents {
            if let Some(impurity) = respondent.impurity() {
                complain(&format!("warning: policy {name}: {impurity}"));
                impure = true;
            }
            let printed = respondent.printed();
            if !printed.is_empty() {
                complain(&format!("policy {name} printed:\n{}", printed.trim_end()));
            }
        }
        impure
    }
}
