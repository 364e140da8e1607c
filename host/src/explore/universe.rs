//! Universes: no script, only bounds. The explorer chooses operations and interleavings.
//!
//! Plain data: who there is, what each may do and how often. Knows no machine.

use crate::scenario::{
    MapSpec, MemorySpec, MigrateOrder, PAGEVEC_SIZE, ProcessSpec, Scenario, SwapSpec,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// How often something may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub enum Times {
    /// So often.
    Most(u8),
    /// For ever.
    Always,
}

/// What one transition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// A hold of a lock: one stage.
    Stage,
    /// An operation, up to its end or to where it has to wait.
    Operation,
}

/// What a process may do. Each verb is one of scenarios; stores are to the upper sector of
/// a page and device transfers to the lower one, so that both can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// `load P`
    Load,
    /// `store P.hi`
    Store,
    /// `fork B`
    Fork,
    /// `exit`
    Exit,
    /// `direct_read P.lo as io`
    DirectRead,
    /// `direct_write P.lo as io`
    DirectWrite,
    /// `get_user_pages P read as pin`
    GupRead,
    /// `get_user_pages P write as pin`
    GupWrite,
    /// `vmsplice P as pipe`
    Vmsplice,
    /// `madvise_pageout P`
    MadvisePageout,
    /// `madvise_dontneed P`
    MadviseDontneed,
    /// `mprotect P read`
    MprotectRead,
    /// `mprotect P write`
    MprotectWrite,
    /// `munmap P`
    Munmap,
}

/// Failures that may happen, each so often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct Failures {
    /// A page allocation finds no page.
    pub no_memory: u8,
    /// `get_swap_page` finds no slot.
    pub no_swap: u8,
    /// A request of direct IO fails.
    pub io: u8,
}

/// A universe: bounds, and what may be done in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Universe {
    /// Its name.
    pub name: String,
    /// One line: what it is for.
    pub title: String,
    /// Processes at the start, unrelated.
    pub processes: u8,
    /// Address spaces at a time, with those of children.
    pub spaces: u8,
    /// Pages of each process's one anonymous mapping.
    pub pages: u8,
    /// Page frames, `ZERO_PAGE` not counted.
    pub frames: u8,
    /// Swap slots.
    pub slots: u8,
    /// Requests and long-lived references at a time.
    pub requests: u8,
    /// Whether a process may fork or exit while a direct read or write of its own is in
    /// flight: undefined for fork, says open(2).
    pub fork_during_io: bool,
    /// Operations of each process that is there at the start.
    pub operations: Times,
    /// Operations of each child.
    pub child_operations: Times,
    /// What those of the start may do.
    pub verbs: Vec<Verb>,
    /// What children may do.
    pub child_verbs: Vec<Verb>,
    /// Scans of a page by reclaim.
    pub reclaim: Times,
    /// Reclaim takes pages whether they were used or not, as in `shrink_page_list` with
    /// `ignore_references`: memory is so tight that the scans before have cleared what said
    /// so.
    pub ignore_references: bool,
    /// Migrations of a page.
    pub migrate: Times,
    /// Their order of operations.
    #[serde(skip)]
    pub order: MigrateOrder,
    /// Whether swap may be turned off.
    pub swapoff: bool,
    /// Whether swap IO is complete as soon as it is submitted: swap is on a RAM disk.
    pub synchronous_swap: bool,
    /// Pages that the LRU-add pagevecs take before they go onto the LRU: `PAGEVEC_SIZE`, 14
    /// in 2.6.11; 1: at once, so that no reference of a pagevec's is ever counted.
    pub pagevec: u8,
    /// Failures.
    pub failures: Failures,
    /// What process A has done before, in this order, undisturbed.
    pub setup: Vec<Verb>,
    /// What one transition is.
    pub grain: Grain,
}

impl Times {
    /// Never.
    pub const NEVER: Self = Self::Most(0);

    /// As a counter that falls, 255 standing for ever.
    pub(super) const fn left(self) -> u8 {
        match self {
            Self::Most(n) => n,
            Self::Always => u8::MAX,
        }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Most(n) => n.fmt(f),
            Self::Always => f.write_str("*"),
        }
    }
}

impl Verb {
    /// Every verb with its word.
    pub const ALL: [(Self, &'static str); 14] = [
        (Self::Load, "load"),
        (Self::Store, "store"),
        (Self::Fork, "fork"),
        (Self::Exit, "exit"),
        (Self::DirectRead, "direct_read"),
        (Self::DirectWrite, "direct_write"),
        (Self::GupRead, "gup_read"),
        (Self::GupWrite, "gup_write"),
        (Self::Vmsplice, "vmsplice"),
        (Self::MadvisePageout, "madvise_pageout"),
        (Self::MadviseDontneed, "madvise_dontneed"),
        (Self::MprotectRead, "mprotect_read"),
        (Self::MprotectWrite, "mprotect_write"),
        (Self::Munmap, "munmap"),
    ];

    /// As written on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|one| one.0 == self).map_or("", |one| one.1)
    }
}

/// Processes are A, B, C, ... in the order in which they come to be.
pub(super) fn process_name(number: u8) -> String {
    char::from(b'A' + number).to_string()
}

impl Universe {
    /// How many act in it.
    pub(super) fn actors(&self) -> usize {
        let Failures { no_memory, no_swap, .. } = self.failures;
        let threads = [
            self.reclaim != Times::NEVER,
            self.migrate != Times::NEVER,
            self.swapoff,
            no_memory > 0,
            no_swap > 0,
        ];
        let threads = threads.into_iter().filter(|&there| there).count();
        usize::from(self.spaces) + usize::from(self.requests) + threads
    }

    /// The machine that it begins with, before its setup, as a scenario without steps.
    pub(super) fn scenario(&self) -> Scenario {
        let map = MapSpec {
            name: "P".to_string(),
            pages: self.pages.into(),
            write: true,
            locked: false,
            reserved: false,
            file: None,
        };
        let process = |number: u8| ProcessSpec {
            name: process_name(number),
            threads: Vec::new(),
            maps: vec![map.clone()],
        };
        let swap = SwapSpec { slots: self.slots.into(), priority: -1, bad: Vec::new() };
        Scenario {
            name: self.name.clone(),
            title: self.title.clone(),
            claim: String::new(),
            memory: MemorySpec {
                pages: self.frames.into(),
                section: 0,
                movable: 0,
                swap: if self.slots > 0 { vec![swap] } else { Vec::new() },
                page_cluster: 0,
                pagevec: self.pagevec.into(),
            },
            files: Vec::new(),
            processes: (0..self.processes).map(process).collect(),
            steps: Vec::new(),
        }
    }

    /// The built-in universes, from tiny to large.
    #[must_use]
    pub fn builtin() -> Vec<Self> {
        use Verb::{DirectRead, Exit, Fork, GupWrite, Load, Munmap, Store, Vmsplice};
        let most = Times::Most;
        let everything = vec![Store, Load, DirectRead, Fork, Exit];
        let named = |name: &str, title: &str| Self {
            name: name.to_string(),
            title: title.to_string(),
            ..Self::tiny()
        };
        vec![
            Self::tiny(),
            Self {
                operations: most(3),
                child_operations: most(2),
                verbs: vec![Store, Fork, Load],
                ..named("small", "the same, and more of it")
            },
            Self {
                spaces: 1,
                requests: 1,
                operations: most(3),
                verbs: vec![Store, Load, DirectRead],
                reclaim: most(3),
                ..named("direct_io", "a process, direct IO reads, one page, reclaim")
            },
            Self {
                requests: 1,
                verbs: vec![Store, Fork],
                child_operations: most(2),
                child_verbs: vec![Vmsplice, Munmap],
                reclaim: most(1),
                ..named("pipe", "a process, its child, which puts a page in a pipe, reclaim")
            },
            Self {
                requests: 1,
                verbs: vec![Store, Fork, DirectRead],
                operations: most(3),
                child_verbs: vec![Load, Exit],
                reclaim: Times::NEVER,
                ..named("fork_io", "direct IO into a page of a process that forks")
            },
            Self {
                spaces: 1,
                requests: 1,
                operations: most(3),
                verbs: vec![Store, GupWrite],
                reclaim: most(2),
                ..named("pin", "a process, a long-lived reference to its page, reclaim")
            },
            Self {
                operations: most(1),
                swapoff: true,
                setup: vec![Store, Verb::MadvisePageout],
                verbs: vec![Store, Fork, Load],
                reclaim: most(1),
                ..named("swapoff", "a page in swap, a process, its child, reclaim, swapoff")
            },
            Self {
                spaces: 3,
                slots: 1,
                operations: Times::Always,
                child_operations: Times::Always,
                swapoff: true,
                setup: vec![Store, Verb::MadvisePageout, Fork, Fork],
                verbs: vec![Verb::MprotectWrite],
                child_verbs: vec![Verb::MprotectWrite],
                reclaim: Times::Always,
                ..named("swapoff_passes", "swapoff of a page of three processes, reclaim for ever")
            },
            Self {
                spaces: 1,
                slots: 1,
                requests: 2,
                operations: Times::Always,
                verbs: vec![DirectRead],
                reclaim: Times::NEVER,
                migrate: Times::Always,
                ..named("hot_remove", "overlapping direct IO for ever, and migration of the page")
            },
            Self {
                processes: 3,
                spaces: 3,
                frames: 4,
                operations: most(1),
                verbs: vec![Store],
                setup: vec![],
                reclaim: most(2),
                ..named("three", "three processes that store, reclaim")
            },
            Self {
                slots: 1,
                requests: 1,
                fork_during_io: false,
                operations: Times::Always,
                child_operations: Times::Always,
                verbs: everything.clone(),
                child_verbs: everything,
                reclaim: Times::Always,
                ignore_references: true,
                migrate: Times::Always,
                order: MigrateOrder::UnmapFirst,
                swapoff: true,
                synchronous_swap: true,
                setup: Vec::new(),
                grain: Grain::Operation,
                ..named("endless", "a process and its child, one page, everything for ever")
            },
            Self {
                spaces: 3,
                frames: 4,
                operations: most(3),
                child_operations: most(2),
                verbs: vec![Store, Fork, Load],
                child_verbs: vec![Store, Load, Exit],
                ..named("medium", "a process, two children that exit, one page, reclaim")
            },
            Self {
                spaces: 3,
                frames: 5,
                requests: 1,
                operations: most(4),
                child_operations: most(2),
                verbs: vec![Store, Fork, Load, DirectRead],
                child_verbs: vec![Store, Load, Exit],
                swapoff: true,
                ..named("large", "a process, two children, direct IO, reclaim, swapoff")
            },
        ]
    }

    /// The smallest: what every other one differs from.
    #[must_use]
    pub fn tiny() -> Self {
        Self {
            name: "tiny".to_string(),
            title: "a process, its child, one page, reclaim".to_string(),
            processes: 1,
            spaces: 2,
            pages: 1,
            frames: 3,
            slots: 2,
            requests: 0,
            fork_during_io: true,
            operations: Times::Most(2),
            child_operations: Times::Most(1),
            verbs: vec![Verb::Store, Verb::Fork],
            child_verbs: vec![Verb::Store, Verb::Load],
            reclaim: Times::Most(2),
            ignore_references: false,
            migrate: Times::NEVER,
            order: MigrateOrder::ReplaceFirst,
            swapoff: false,
            synchronous_swap: false,
            pagevec: PAGEVEC_SIZE as u8,
            failures: Failures::default(),
            setup: vec![Verb::Store],
            grain: Grain::Stage,
        }
    }
}
