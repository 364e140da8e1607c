//! Changes of an outcome from one policy to the next, and what makes them.
//!
//! This module does not know how a cause is found; without one, all that can be said is
//! where the two policies part.

use schemars::JsonSchema;
use serde::Serialize;

use crate::compare::{Parting, parting};
use crate::trace::{Outcome, Trace};

/// Two neighbouring policies whose outcomes differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    /// The later policy.
    pub policy: String,
    /// The policy that it is held against.
    pub base: String,
    /// The outcome's word under that.
    pub before: String,
    /// The outcome's word under the later one.
    pub after: String,
    /// For better or for worse.
    pub direction: Direction,
    /// The hunks that make it; empty if grafts cannot say.
    pub hunks: Vec<CausingHunk>,
    /// Where the two part.
    pub parting: Option<Parting>,
}

/// What a change of outcome is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// All is well that was not.
    Fixed,
    /// Undefined behaviour is left of an error.
    Eased,
    /// All was well, and is not.
    Opened,
    /// Undefined behaviour has become an error.
    Worsened,
    /// What is wrong is of another kind.
    OtherKind,
}

/// A hunk that makes a change of outcome, or has a part in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct CausingHunk {
    /// The hunk, by its name in a graft.
    pub hunk: String,
    /// Whether the later policy does without it: what it takes back of the earlier one.
    pub absent: bool,
    /// Its part.
    pub role: Role,
}

/// What part a hunk has in a change of outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Alone on the earlier policy it brings the later outcome; so does each other one
    /// of this role.
    Alone,
    /// Together with the others of this role, and with none of them left out, it does.
    Together,
    /// Undone in the later policy, the earlier outcome is back.
    Needed,
}

/// Where an outcome changes, and by what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Cause {
    /// The policy whose outcome differs from that of the policy before it.
    pub policy: String,
    /// The hunks that make it.
    pub hunks: Vec<CausingHunk>,
    /// Without hunks: the kernel function in which the two policies part.
    pub function: Option<String>,
}

/// What changes from one policy to the next, without its hunks; none if the outcome does
/// not.
#[must_use]
pub fn change(base: &Trace, trace: &Trace) -> Option<Change> {
    let (before, after) = (&base.outcome, &trace.outcome);
    (before.word != after.word).then(|| Change {
        policy: trace.policy.clone(),
        base: base.policy.clone(),
        before: before.word.clone(),
        after: after.word.clone(),
        direction: direction(before, after),
        hunks: Vec::new(),
        parting: parting(base, trace),
    })
}

fn direction(before: &Outcome, after: &Outcome) -> Direction {
    match (before.error, after.error) {
        _ if after.word == "ok" => Direction::Fixed,
        _ if before.word == "ok" => Direction::Opened,
        (true, false) => Direction::Eased,
        (false, true) => Direction::Worsened,
        (true, true) | (false, false) => Direction::OtherKind,
    }
}

impl Change {
    /// Where it is, and what makes it.
    #[must_use]
    pub fn cause(&self) -> Cause {
        let function = || match &self.parting {
            Some(parting) => parting.function.clone(),
            None => "the end of the run".to_owned(),
        };
        Cause {
            policy: self.policy.clone(),
            hunks: self.hunks.clone(),
            function: self.hunks.is_empty().then(function),
        }
    }
}
