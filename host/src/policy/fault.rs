//! What can go wrong when a policy is asked.

use std::fmt;

use cowpath_abi::{Hook, RawAnswer};

use super::Ending;

/// A policy that broke the contract when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyFault {
    /// The hook panicked.
    Panicked {
        /// The hook that was asked.
        hook: Hook,
        /// `view.at` of the question.
        at: u32,
    },
    /// The policy does not define the hook, and another hook relies on it.
    Undefined {
        /// The hook that was asked.
        hook: Hook,
        /// `view.at` of the question.
        at: u32,
    },
    /// The answer is none that the hook may give there.
    OutOfRange {
        /// The hook that was asked.
        hook: Hook,
        /// `view.at` of the question.
        at: u32,
        /// The answer as it came.
        raw: RawAnswer,
    },
    /// The hook ended the process that it was asked in.
    Ended {
        /// The hook that was asked.
        hook: Hook,
        /// `view.at` of the question.
        at: u32,
        /// How it did.
        ending: Ending,
    },
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked { hook, at } => write!(
                f,
                "hook {} panicked at point {at}; a hook must answer whatever the view holds",
                hook.name()
            ),
            Self::Undefined { hook, at } => write!(
                f,
                "hook {0} is asked at point {at}, but the policy does not define it; \
                 graft one with +POLICY:{0}",
                hook.name()
            ),
            Self::Ended { hook, ending, .. } => {
                write!(f, "{ending} while asked {}", hook.name())
            }
            Self::OutOfRange { hook, at, raw } => {
                write!(f, "hook {} answered {raw:#x} at point {at}, expected ", hook.name())?;
                for (index, (code, word)) in hook.answers(*at).iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{code} ({word})")?;
                }
                f.write_str(", with a reason number of its own list above the low byte")
            }
        }
    }
}

impl std::error::Error for PolicyFault {}
