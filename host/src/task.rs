//! Tasks: a stack of routines, and what they hold.
//!
//! A task does not know whether a scenario or the explorer runs it.

use crate::lock::Lock;
use crate::mm::{MmId, Pfn, SwpEntry};
use crate::rename::{Rename, Renaming};
use crate::routines::Routine;

/// What a routine hands back to the one that called it.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
pub enum Ret {
    /// Nothing to say.
    #[default]
    Done,
    /// `VM_FAULT_MINOR`.
    VmFaultMinor,
    /// `VM_FAULT_MAJOR`.
    VmFaultMajor,
    /// `VM_FAULT_OOM`.
    VmFaultOom,
    /// The access is not allowed: `SIGSEGV`, `-EFAULT`.
    Segv,
    /// `SWAP_SUCCESS`.
    SwapSuccess,
    /// `SWAP_AGAIN`.
    SwapAgain,
    /// `SWAP_FAIL`.
    SwapFail,
    /// Yes.
    Yes,
    /// No.
    No,
    /// A page, with a reference.
    Page(Pfn),
    /// `-EAGAIN`: not now.
    Again,
    /// `-ENOMEM`.
    NoMemory,
    /// `-EINVAL`.
    Invalid,
    /// A number of pages.
    Pages(u32),
    /// Reclaim freed the page.
    Freed,
    /// Reclaim kept the page.
    Kept,
    /// Reclaim put the page on the active list.
    Activated,
}

/// Deepest nesting of routines: an operation, get_user_pages, a fault, its helpers.
const DEPTH: usize = 7;

/// References and locks that one task can hold at once.
const HELD: usize = 8;

/// A task: process thread, kernel thread or IO.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Task {
    /// Its address space; none for a kernel thread.
    pub mm: MmId,
    /// What the last routine that ended handed back.
    pub ret: Ret,
    stack: [Routine; DEPTH],
    depth: u8,
    nr_pages: u8,
    nr_entries: u8,
    nr_locks: u8,
    pages: [Pfn; HELD],
    entries: [SwpEntry; 2],
    locks: [Lock; HELD],
}

impl Task {
    /// A task that does nothing.
    #[must_use]
    pub const fn new(mm: MmId) -> Self {
        Self {
            mm,
            ret: Ret::Done,
            stack: [Routine::Idle; DEPTH],
            depth: 0,
            nr_pages: 0,
            nr_entries: 0,
            nr_locks: 0,
            pages: [Pfn::NONE; HELD],
            entries: [SwpEntry::NONE; 2],
            locks: [Lock::None; HELD],
        }
    }

    /// Whether it has nothing to do.
    #[must_use]
    #[inline]
    pub const fn idle(&self) -> bool {
        self.depth == 0
    }

    /// The routine that runs next.
    #[must_use]
    #[inline]
    pub const fn top(&self) -> &Routine {
        &self.stack[self.depth as usize - 1]
    }

    /// The routines, outermost first.
    #[must_use]
    pub fn stack(&self) -> &[Routine] {
        &self.stack[..self.depth as usize]
    }

    #[inline]
    pub(crate) const fn set_top(&mut self, routine: Routine) {
        self.stack[self.depth as usize - 1] = routine;
    }

    #[inline]
    pub(crate) fn push(&mut self, routine: Routine) {
        assert!((self.depth as usize) < DEPTH, "routines nested too deeply");
        self.stack[self.depth as usize] = routine;
        self.depth += 1;
    }

    #[inline]
    pub(crate) const fn pop(&mut self) {
        self.depth -= 1;
        self.stack[self.depth as usize] = Routine::Idle;
    }

    /// Pages that it holds, once for each reference.
    #[must_use]
    pub fn pages(&self) -> &[Pfn] {
        &self.pages[..self.nr_pages as usize]
    }

    /// Swap entries that it holds a reference to.
    #[must_use]
    pub fn entries(&self) -> &[SwpEntry] {
        &self.entries[..self.nr_entries as usize]
    }

    /// Locks that it holds, outermost first.
    #[must_use]
    pub fn locks(&self) -> &[Lock] {
        &self.locks[..self.nr_locks as usize]
    }

    #[inline]
    pub(crate) fn note_page(&mut self, pfn: Pfn) {
        assert!((self.nr_pages as usize) < HELD, "a task holds too many pages");
        self.pages[self.nr_pages as usize] = pfn;
        self.nr_pages += 1;
    }

    #[inline]
    pub(crate) fn forget_page(&mut self, pfn: Pfn) {
        let place = self.pages().iter().rposition(|&p| p == pfn);
        let place = place.unwrap_or_else(|| panic!("{pfn} is not held by this task"));
        self.nr_pages -= 1;
        self.pages[place] = self.pages[self.nr_pages as usize];
        self.pages[self.nr_pages as usize] = Pfn::NONE;
    }

    pub(crate) fn note_entry(&mut self, entry: SwpEntry) {
        self.entries[self.nr_entries as usize] = entry;
        self.nr_entries += 1;
    }

    pub(crate) fn forget_entry(&mut self, entry: SwpEntry) {
        let place = self.entries().iter().rposition(|&e| e == entry);
        let place = place.unwrap_or_else(|| panic!("{entry} is not held by this task"));
        self.nr_entries -= 1;
        self.entries[place] = self.entries[self.nr_entries as usize];
        self.entries[self.nr_entries as usize] = SwpEntry::NONE;
    }

    #[inline]
    pub(crate) fn note_lock(&mut self, lock: Lock) {
        assert!((self.nr_locks as usize) < HELD, "a task holds too many locks");
        self.locks[self.nr_locks as usize] = lock;
        self.nr_locks += 1;
    }

    #[inline]
    pub(crate) fn forget_lock(&mut self, lock: Lock) {
        let place = self.locks().iter().rposition(|&l| l == lock);
        let place = place.unwrap_or_else(|| panic!("{lock:?} is not held by this task"));
        let last = self.nr_locks as usize - 1;
        self.locks.copy_within(place + 1..=last, place);
        self.locks[last] = Lock::None;
        self.nr_locks -= 1;
    }
}

impl Rename for Ret {
    #[inline]
    fn rename(&mut self, by: &Renaming) {
        if let Self::Page(pfn) = self {
            pfn.rename(by);
        }
    }
}

impl Rename for Task {
    fn rename(&mut self, by: &Renaming) {
        let Self { mm, ret, stack, depth, nr_pages, nr_entries, nr_locks, pages, entries, locks } =
            self;
        mm.rename(by);
        ret.rename(by);
        stack[..usize::from(*depth)].rename(by);
        pages[..usize::from(*nr_pages)].rename(by);
        entries[..usize::from(*nr_entries)].rename(by);
        locks[..usize::from(*nr_locks)].rename(by);
    }
}
