//! Scenarios: what is mapped where, and who does what in which order.
//!
//! Plain data, in a crate of its own: the model and the guest program on a real kernel
//! read the same files. A scenario does not know policies, outcomes or the machine; it
//! names processes, mappings and stages, and whoever runs it gives them meaning.

mod corpus;
mod explain;
mod held;
mod parse;
mod realisable;
pub mod transcript;

pub use corpus::{LoadError, builtin, load, load_with_stages};
pub use explain::explain;
pub use held::kernels;
pub use parse::{Problem, ScenarioError, parse, parse_with_stages};
pub use realisable::realisable;

use serde::{Deserialize, Serialize};
use std::fmt;

/// One scenario: a memory, processes with mappings, and steps by named actors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// snake_case name: the file's stem, the test, the snapshot, the command-line argument.
    pub name: String,
    /// One line: what happens.
    pub title: String,
    /// The claim that the file opens with (its leading comment), one string, lines joined.
    pub claim: String,
    /// Memory, sections and swap areas.
    pub memory: MemorySpec,
    /// Files in the page cache.
    pub files: Vec<FileSpec>,
    /// Processes that exist at the start; `fork` makes more.
    pub processes: Vec<ProcessSpec>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// `PAGEVEC_SIZE` (2.6.11).
pub const PAGEVEC_SIZE: u32 = 14;

/// Page frames and swap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemorySpec {
    /// Page frames, ZERO_PAGE not counted.
    pub pages: u32,
    /// Frames in a memory section; 0: one section.
    pub section: u32,
    /// Sections, from 0, that are `ZONE_MOVABLE`: what is to be taken offline some day.
    pub movable: u32,
    /// Swap areas, in order: `swap0`, `swap1`, ...
    pub swap: Vec<SwapSpec>,
    /// `vm.page-cluster`: swap readahead of `1 << page_cluster` slots; 0: none.
    pub page_cluster: u32,
    /// Pages that the LRU-add pagevecs take before they go onto the LRU: `PAGEVEC_SIZE`, 14
    /// in 2.6.11; 1: at once.
    pub pagevec: u32,
}

/// One swap area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapSpec {
    /// Usable slots, numbered from 1 (slot 0 is the header).
    pub slots: u32,
    /// Priority; higher is used first, equal ones in turn.
    pub priority: i16,
    /// Slots that are `SWAP_MAP_BAD`.
    pub bad: Vec<u32>,
}

/// A file whose pages are in the page cache from the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSpec {
    /// Its name.
    pub name: String,
    /// Its length in pages.
    pub pages: u32,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSpec {
    /// Its name; also its first thread's name as an actor.
    pub name: String,
    /// Further threads, actors of their own.
    pub threads: Vec<String>,
    /// Its mappings.
    pub maps: Vec<MapSpec>,
}

/// A private mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapSpec {
    /// Its name.
    pub name: String,
    /// Its length in pages.
    pub pages: u32,
    /// Whether it is `VM_WRITE` (every mapping is `VM_READ | VM_MAYWRITE`).
    pub write: bool,
    /// `VM_LOCKED`.
    pub locked: bool,
    /// `VM_RESERVED`.
    pub reserved: bool,
    /// The file and its first page, for a private file mapping.
    pub file: Option<(String, u32)>,
}

/// One step: an actor does something, or goes on with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The step as written, without `until`.
    pub text: String,
    /// Line in the file, from 1.
    pub line: u32,
    /// Who: a process, one of its threads, a kernel thread, an IO, a pin, a swap area or `inject` or `check`.
    pub actor: String,
    /// What.
    pub act: Act,
    /// Stop when this stage has run (`do_swap_page.unlock_page`).
    pub until: Option<String>,
}

/// Pages of one mapping: `P`, `P[2]`, `P[0..8]`, `A.P`, `A.P[2]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The process, where the actor does not give it.
    pub process: Option<String>,
    /// The mapping.
    pub map: String,
    /// First page.
    pub first: u32,
    /// Number of pages; 0: all of the mapping from `first`.
    pub pages: u32,
    /// Which sectors of each page.
    pub sectors: Sectors,
}

/// The two sectors of a page that scenarios tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sectors {
    /// `.lo`
    Lo,
    /// `.hi`
    Hi,
    /// Neither named: both.
    All,
}

/// Whose direct IO path takes the references of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Over {
    /// A block device: `fs/direct-io.c`, later `block/bio.c` and iomap.
    Block,
    /// FUSE: `fs/fuse/file.c`.
    Fuse,
    /// NFS: `fs/nfs/direct.c`.
    Nfs,
}

/// The order of hot-remove migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MigrateOrder {
    /// 2004-2005 memory hotplug tree: replace in the swap cache, unmap, wait for the count.
    ReplaceFirst,
    /// Mainline from 2.6.16: unmap, check the count, then replace.
    UnmapFirst,
}

/// What an actor does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// A process: `store P.hi`.
    Store(Range),
    /// A process: `load P`.
    Load(Range),
    /// A process: `direct_read P.lo as io` (or `direct_read P.lo over fuse as io`): GUP for write, submit.
    DirectRead(Range, Over, String),
    /// A process: `direct_write P.lo as io`: GUP for read, submit.
    DirectWrite(Range, Over, String),
    /// A process: `get_user_pages P read as pin` (or `write`, `write force`): a long-lived reference.
    GetUserPages {
        /// Which pages.
        range: Range,
        /// For writing.
        write: bool,
        /// With `force`.
        force: bool,
        /// The pin's name.
        name: String,
    },
    /// A process: `pin_user_pages P read as pin` (or `write`): as `get_user_pages`, with `FOLL_PIN`
    /// where the kernel has it.
    PinUserPages {
        /// Which pages.
        range: Range,
        /// For writing.
        write: bool,
        /// The pin's name.
        name: String,
    },
    /// A process: `vmsplice P as pipe`: a read reference in a pipe.
    Vmsplice(Range, String),
    /// A process: `io_uring_register P as ring`: a fixed buffer, held for writing.
    IoUringRegister(Range, String),
    /// A process: `fork B`.
    Fork(String),
    /// A process: `exit`.
    Exit,
    /// A process: `munmap P` (a whole mapping).
    Munmap(Range),
    /// A process: `madvise_dontneed P[0..2]`.
    MadviseDontneed(Range),
    /// A process: `madvise_pageout P[0..2]`: reclaim what it alone maps.
    MadvisePageout(Range),
    /// A process: `mprotect P read` or `mprotect P write`.
    Mprotect(Range, bool),
    /// A process: `mlock P`.
    Mlock(Range),
    /// A process: `munlock P`.
    Munlock(Range),
    /// A kernel thread: `shrink A.P`: isolate the page from the LRU and run `shrink_list` on
    /// it; `shrink A.P ignore_references`: young ptes and `PG_referenced` do not save it.
    Shrink {
        /// The page.
        range: Range,
        /// Whether it was used does not matter.
        ignore_references: bool,
    },
    /// A kernel thread: `shrink_cache 8`: reclaim from the inactive list.
    ShrinkCache(u32),
    /// A kernel thread: `memory_reclaim`: reclaim whatever processes map, used or not, as a
    /// memory control group does that is to shrink to nothing.
    MemoryReclaim,
    /// A kernel thread: `refill_inactive_zone 8`.
    RefillInactive(u32),
    /// A kernel thread: `lru_add_drain`.
    LruAddDrain,
    /// A kernel thread: `swapoff swap0`.
    Swapoff(u32),
    /// A kernel thread: `migrate A.P replace_first`.
    Migrate(Range, MigrateOrder),
    /// A kernel thread: `move_pages A.P`: migrate what is present, as the system call does.
    MovePages(Range),
    /// A kernel thread: `offline 0 unmap_first`: a section.
    Offline(u32, MigrateOrder),
    /// A kernel thread: `interrupt`: a signal ends its `offline`, if that still tries.
    Interrupt,
    /// A kernel thread: `online 0`.
    Online(u32),
    /// An IO: `transfer`: the device moves the data now.
    Transfer,
    /// An IO: `complete`: transfer if that has not happened, then completion.
    /// A swap area: `complete`: finish its oldest request.
    Complete,
    /// An IO or a swap area: `fail`: complete with an IO error, nothing more transferred.
    Fail,
    /// A pin: `read lo`: look at the frame through the reference.
    PinRead(Sectors),
    /// A pin: `write lo`: change the frame through the reference.
    PinWrite(Sectors),
    /// A pin: `put`: drop the reference.
    PinPut,
    /// A swap area: `hold`: requests complete only when told.
    Hold,
    /// A swap area: `release`: requests complete by themselves again.
    Release,
    /// `inject: no_memory 1`: the next n page allocations fail.
    NoMemory(u32),
    /// `inject: no_swap 1`: the next n `get_swap_page` calls find none.
    NoSwap(u32),
    /// `inject: lock A.P`: somebody holds the page lock until `unlock`.
    Lock(Range),
    /// `inject: unlock A.P`.
    Unlock(Range),
    /// `inject: mmap_sem A`: somebody holds the process's mmap_sem for writing.
    MmapSem(String),
    /// `inject: up_write A`: and drops it.
    UpWrite(String),
    /// Any actor that stopped or waits: `continue`.
    Continue,
    /// `check: ...`: a fact that must hold under every policy.
    Check(Fact),
}

/// A fact that must hold under every policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// `A.P present`.
    Present(Range),
    /// `A.P swapped`: the pte is a swap entry.
    Swapped(Range),
    /// `A.P none`: the pte is empty.
    NotMapped(Range),
    /// `A.P same B.P`: both map one frame.
    Same(Range, Range),
    /// `A.P apart B.P`: they do not.
    Apart(Range, Range),
    /// `section 0 offline`.
    SectionOffline(u32),
    /// `all free`: no frame in use, no swap slot in use.
    AllFree,
    /// `A waiting`: the actor is blocked or stopped.
    Waiting(String),
}

impl Scenario {
    /// The mappings that a process begins with: its own, or those of whoever it was forked from.
    #[must_use]
    pub fn maps_of(&self, process: &str) -> &[MapSpec] {
        let mut name = process;
        loop {
            if let Some(spec) = self.processes.iter().find(|spec| spec.name == name) {
                return &spec.maps;
            }
            let forks = |step: &&Step| matches!(&step.act, Act::Fork(child) if child == name);
            match self.steps.iter().find(forks) {
                Some(step) => name = &step.actor,
                None => return &[],
            }
        }
    }

    /// How many pages a range has, given who names it where the range does not say.
    #[must_use]
    pub fn pages_in(&self, actor: &str, range: &Range) -> u32 {
        let process = range.process.as_deref().unwrap_or(actor);
        let map = self.maps_of(process).iter().find(|map| map.name == range.map);
        match range.pages {
            0 => map.map_or(0, |map| map.pages.saturating_sub(range.first)),
            pages => pages,
        }
    }
}

impl Fact {
    /// The pages that it is about.
    #[must_use]
    pub fn ranges(&self) -> Vec<&Range> {
        match self {
            Self::Present(range) | Self::Swapped(range) | Self::NotMapped(range) => vec![range],
            Self::Same(a, b) | Self::Apart(a, b) => vec![a, b],
            Self::SectionOffline(_) | Self::AllFree | Self::Waiting(_) => Vec::new(),
        }
    }
}

impl fmt::Display for Sectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lo => ".lo",
            Self::Hi => ".hi",
            Self::All => "",
        })
    }
}
