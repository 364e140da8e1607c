//! What parent and child say to each other: a job and questions down, reports up, each a
//! line of JSON.
//!
//! A job holds its scenarios as they were parsed, so a file that changes meanwhile
//! does not matter. Nothing here knows pipes.

use cowpath_abi::{HOOKS, Hook, PageView};
use serde::{Deserialize, Serialize};

use crate::mm::Counters;
use crate::policy::Description;
use crate::run::Options;
use crate::scenario::Scenario;
use crate::trace::Trace;

/// Changes with [`Job`] and [`Report`].
pub(super) const VERSION: u32 = 2;

/// What the child is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job<'a> {
    /// The parent's process id.
    pub parent: u32,
    /// The policy as the user calls it.
    pub spec: String,
    /// What to do once it is loaded.
    pub work: Work<'a>,
}

/// What to do with the policy.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Work<'a> {
    /// Scenarios under it.
    Run {
        #[serde(with = "OptionsCopy")]
        options: Options,
        /// Answers to give in the first scenario instead of the policy's own.
        replay: Option<Vec<u32>>,
        /// What to run, in order.
        scenarios: std::borrow::Cow<'a, [Scenario]>,
        /// Whether to audit the policy afterwards.
        audit: bool,
    },
    /// Ask it what is asked, one line after the other.
    Answer,
}

/// What a child that answers is asked.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Inquiry {
    /// What the policy says.
    Ask(Question),
    /// Whether it is pure.
    Audit,
}

/// A hook and what it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Question {
    /// The hook's number.
    hook: u8,
    /// The fields of the view, in their order.
    view: [u32; 8],
}

impl Question {
    pub const fn new(hook: Hook, view: &PageView) -> Self {
        let PageView { count, mapcount, swap_map, flags, vm_flags, env, at, pins } = *view;
        Self { hook: hook as u8, view: [count, mapcount, swap_map, flags, vm_flags, env, at, pins] }
    }

    /// None: there is no such hook.
    pub fn hook(&self) -> Option<Hook> {
        HOOKS.get(usize::from(self.hook)).copied()
    }

    pub const fn view(&self) -> PageView {
        let [count, mapcount, swap_map, flags, vm_flags, env, at, pins] = self.view;
        PageView { count, mapcount, swap_map, flags, vm_flags, env, at, pins }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Options")]
struct OptionsCopy {
    #[serde(with = "CountersCopy")]
    counters: Counters,
    drain: bool,
    max_stages: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Counters")]
enum CountersCopy {
    Two,
    Packed,
}

/// What the child says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// Always the first.
    Hello {
        /// The child's [`VERSION`].
        version: u32,
    },
    /// The policy cannot be loaded. The last.
    Refused {
        /// The loader's message.
        message: String,
    },
    /// The policy is loaded; the first scenario begins.
    Loaded(Description),
    /// The policy is asked now. In the audit: is asked for the first time at this point.
    Asking(Point),
    /// It has answered.
    Answered(u32),
    /// A scenario was run; the next begins.
    Ran(Trace),
    /// The model panicked. The last.
    Broke {
        /// The panic's message.
        message: String,
    },
    /// All is done. The last: without it, something has ended the child.
    Done {
        /// What the audit found.
        impurity: Option<String>,
    },
}

/// A hook's question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Point {
    /// The hook's number.
    hook: u8,
    /// `view.at`.
    pub at: u32,
}

impl Point {
    pub const fn new(hook: Hook, at: u32) -> Self {
        Self { hook: hook as u8, at }
    }

    /// The hook's name.
    pub fn name(self) -> &'static str {
        HOOKS.get(usize::from(self.hook)).map_or("an unknown hook", |hook| hook.name())
    }
}
