//! `mm/memory.c:handle_pte_fault`, 2.6.11: which kind of fault it is.

use super::{Cx, DoAnonymousPage, DoNoPage, DoSwapPage, DoWpPage, Flow, Stages, stages};
use crate::lock::{Lock, Until, Wants};
use crate::mm::{Memory, Pte, VmaId, ZERO_PAGE};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::NO_ZERO_PAGE;

stages! { Stage {
    HandlePte = "handle_pte_fault.lock",
    Migrating = "migration_entry_wait.wait_on_page_locked",
}}

/// A page fault; the caller holds mmap_sem. Returns `VmFault*`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Fault {
    stage: Stage,
    vma: VmaId,
    address: u32,
    kind: Kind,
}

renames!(Fault { vma; stage, address, kind });

/// What the access that faults wants.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Kind {
    /// To read.
    Read,
    /// To write.
    Write,
    /// `FAULT_FLAG_UNSHARE`: to read, for long, a page that no fork shares.
    Unshare,
}

impl Fault {
    /// A fault at an address of a vma.
    #[must_use]
    pub const fn new(vma: VmaId, address: u32, write: bool) -> Self {
        let kind = if write { Kind::Write } else { Kind::Read };
        Self { stage: Stage::HandlePte, vma, address, kind }
    }

    /// An unshare fault at an address of a vma.
    #[must_use]
    pub const fn unshare(vma: VmaId, address: u32) -> Self {
        Self { stage: Stage::HandlePte, vma, address, kind: Kind::Unshare }
    }
}

impl Stages for Fault {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, mem: &Memory, _: &Task) -> Wants {
        let v = &mem.vmas[self.vma.index()];
        match self.stage {
            Stage::HandlePte => Wants::take(Lock::Ptl(v.mm)),
            Stage::Migrating => match mem.pte(self.vma, self.address).migrating() {
                Some(page) => Wants::until(Until::Unlocked(page)),
                None => Wants::NOTHING,
            },
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        let Self { stage, vma, address, kind } = *self;
        if stage == Stage::Migrating {
            // The access, or get_user_pages, finds out for itself what there is now.
            return Flow::Return(Ret::VmFaultMinor);
        }
        let write = kind == Kind::Write;
        cx.mem.costs.faults += 1;
        let v = cx.mem.vmas[vma.index()];
        let ptl = Lock::Ptl(v.mm);
        let pte = cx.mem.pte(vma, address);
        if let Some(entry) = pte.entry() {
            cx.unlock(ptl);
            return Flow::Become(DoSwapPage::new(vma, address, entry, write).into());
        }
        if pte.migrating().is_some() {
            // The wait takes no reference that could be in migration's way (since 5.0;
            // before, it had one, and migration tried again).
            cx.unlock(ptl);
            self.stage = Stage::Migrating;
            return Flow::Next;
        }
        if pte.none() {
            if v.file.is_some() {
                cx.unlock(ptl);
                return Flow::Become(DoNoPage::new(vma, address, write).into());
            }
            if write || cx.has(NO_ZERO_PAGE) {
                cx.unlock(ptl);
                return Flow::Become(DoAnonymousPage::new(vma, address).into());
            }
            // do_anonymous_page, read: ZERO_PAGE, without leaving page_table_lock.
            cx.mem.set_pte(vma, address, Pte::mk(ZERO_PAGE));
            cx.unlock(ptl);
            return Flow::Return(Ret::VmFaultMinor);
        }
        if kind != Kind::Read && !pte.write() {
            return Flow::Become(DoWpPage::new(vma, address, pte, kind).into());
        }
        let touched = if write { pte.mkyoung().mkdirty() } else { pte.mkyoung() };
        cx.mem.set_pte(vma, address, touched);
        cx.unlock(ptl);
        Flow::Return(Ret::VmFaultMinor)
    }
}
