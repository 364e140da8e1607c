//! `mm/memory.c:handle_pte_fault`, 2.6.11: which kind of fault it is.

use super::{Cx, DoAnonymousPage, DoNoPage, DoSwapPage, DoWpPage, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{Memory, Pte, VmaId, ZERO_PAGE};
use crate::task::{Ret, Task};

stages! { Stage {
    HandlePte = "handle_pte_fault.lock",
}}

/// A page fault; the caller holds mmap_sem. Returns `VmFault*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fault {
    stage: Stage,
    vma: VmaId,
    address: u32,
    write: bool,
}

impl Fault {
    /// A fault at an address of a vma.
    #[must_use]
    pub const fn new(vma: VmaId, address: u32, write: bool) -> Self {
        Self { stage: Stage::HandlePte, vma, address, write }
    }
}

impl Stages for Fault {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, mem: &Memory, _: &Task) -> Wants {
        Wants::take(Lock::Ptl(mem.vmas[self.vma.index()].mm))
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        let Self { vma, address, write, .. } = *self;
        cx.mem.costs.faults += 1;
        let v = cx.mem.vmas[vma.index()];
        let ptl = Lock::Ptl(v.mm);
        let pte = cx.mem.pte(vma, address);
        if let Some(entry) = pte.entry() {
            cx.unlock(ptl);
            return Flow::Become(DoSwapPage::new(vma, address, entry, write).into());
        }
        if pte.none() {
            if v.file.is_some() {
                cx.unlock(ptl);
                return Flow::Become(DoNoPage::new(vma, address, write).into());
            }
            if write {
                cx.unlock(ptl);
                return Flow::Become(DoAnonymousPage::new(vma, address).into());
            }
            // do_anonymous_page, read: ZERO_PAGE, without leaving page_table_lock.
            cx.mem.set_pte(vma, address, Pte::mk(ZERO_PAGE));
            cx.unlock(ptl);
            return Flow::Return(Ret::VmFaultMinor);
        }
        if write && !pte.write() {
            return Flow::Become(DoWpPage::new(vma, address, pte).into());
        }
        let touched = if write { pte.mkyoung().mkdirty() } else { pte.mkyoung() };
        cx.mem.set_pte(vma, address, touched);
        cx.unlock(ptl);
        Flow::Return(Ret::VmFaultMinor)
    }
}
