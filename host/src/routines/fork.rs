//! `kernel/fork.c:dup_mmap` and `mm/memory.c:copy_page_range`, 2.6.11.
//!
//! Simplified: the ptes of one page table (1024) are copied in one stage, which
//! stands for one hold of the parent's page_table_lock and the swap_device_locks
//! inside it; vma and page table allocations cannot fail.

use super::{Cx, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{
    AnonVmaId, Memory, MmId, PG_ANON, PG_RESERVED, VM_LOCKED, VM_MAYWRITE, VM_SHARED, Vma, VmaId,
};
use crate::task::{Ret, Task};

stages! { Stage {
    DownWrite = "dup_mmap.down_write",
    Link = "dup_mmap.anon_vma_link",
    Lock = "copy_page_range.lock",
    Copy = "copy_page_range.copy_ptes",
    Unlock = "copy_page_range.unlock",
    UpWrite = "dup_mmap.up_write",
}}

/// Ptes copied under one hold of the parent's page_table_lock.
const PTRS_PER_PTE: u32 = 1024;

/// Copies the task's address space to an empty one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fork {
    stage: Stage,
    child: MmId,
    from: VmaId,
    to: VmaId,
    next: u32,
}

impl Fork {
    /// Into `child`, which has no mappings yet.
    #[must_use]
    pub const fn new(child: MmId) -> Self {
        let none = VmaId::NONE;
        Self { stage: Stage::DownWrite, child, from: none, to: none, next: 0 }
    }

    fn vma_or_end(&mut self, vma: VmaId) -> Flow {
        self.from = vma;
        self.stage = if vma.is_some() { Stage::Link } else { Stage::UpWrite };
        Flow::Next
    }

    /// The child's vma, linked to the parent's anon_vma and into its own mm.
    fn link(&mut self, cx: &mut Cx<'_>) -> Flow {
        let from = cx.mem.vmas[self.from.index()];
        self.to = cx.mem.add_vma(Vma {
            mm: self.child,
            flags: from.flags & !VM_LOCKED,
            anon_vma: AnonVmaId::NONE,
            anon_next: VmaId::NONE,
            ..from
        });
        if from.anon_vma.is_some() {
            cx.mem.anon_vma_link(self.to, from.anon_vma);
        }
        self.next = from.start;
        self.stage = Stage::Lock;
        Flow::Next
    }

    /// `copy_one_pte` for the ptes of one page table.
    fn copy_ptes(&mut self, cx: &mut Cx<'_>) -> Flow {
        let from = cx.mem.vmas[self.from.index()];
        let end = (self.next / PTRS_PER_PTE + 1) * PTRS_PER_PTE;
        let end = end.min(from.start + from.len);
        for address in self.next..end {
            self.copy_one_pte(cx, &from, address);
        }
        self.next = end;
        if end == from.start + from.len {
            self.stage = Stage::Unlock;
        }
        Flow::Next
    }

    #[inline]
    fn copy_one_pte(self, cx: &mut Cx<'_>, from: &Vma, address: u32) {
        let to = cx.mem.vmas[self.to.index()];
        cx.oracle.copy(from.pte_index(address), to.pte_index(address));
        let mut pte = cx.mem.pte(self.from, address);
        if pte.none() {
            return;
        }
        if let Some(entry) = pte.entry() {
            cx.mem.swap_duplicate(entry);
            cx.mem.add_to_mmlist_after(self.child, from.mm);
            cx.mem.set_pte(self.to, address, pte);
            return;
        }
        let pfn = pte.pfn().expect("not none, not swap");
        if cx.mem.page(pfn).has(PG_RESERVED) {
            cx.mem.set_pte(self.to, address, pte);
            return;
        }
        if from.flags & (VM_SHARED | VM_MAYWRITE) == VM_MAYWRITE {
            pte = pte.wrprotect();
            cx.mem.set_pte(self.from, address, pte);
        }
        cx.mem.get_page(pfn);
        let child = &mut cx.mem.mms[self.child.index()];
        child.rss += 1;
        if cx.mem.page(pfn).has(PG_ANON) {
            cx.mem.mms[self.child.index()].anon_rss += 1;
        }
        cx.mem.set_pte(self.to, address, pte.mkold());
        cx.mem.page_dup_rmap(pfn);
    }
}

impl Stages for Fork {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, mem: &Memory, task: &Task) -> Wants {
        match self.stage {
            Stage::DownWrite => Wants::take(Lock::MmapWrite(task.mm)),
            Stage::Link => match mem.vmas[self.from.index()].anon_vma {
                anon_vma if anon_vma.is_some() => Wants::free(Lock::AnonVma(anon_vma)),
                _ => Wants::NOTHING,
            },
            Stage::Lock => Wants::take(Lock::Ptl(self.child)),
            Stage::Copy => Wants::free(Lock::Ptl(task.mm)),
            Stage::Unlock | Stage::UpWrite => Wants::NOTHING,
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::DownWrite => {
                cx.oracle.fork(cx.mem, cx.task.mm);
                self.vma_or_end(cx.mem.mms[cx.task.mm.index()].mmap)
            }
            Stage::Link => self.link(cx),
            Stage::Lock => {
                self.stage = Stage::Copy;
                Flow::Next
            }
            Stage::Copy => self.copy_ptes(cx),
            Stage::Unlock => {
                cx.unlock(Lock::Ptl(self.child));
                self.vma_or_end(cx.mem.vmas[self.from.index()].next)
            }
            Stage::UpWrite => {
                cx.mem.mms[self.child.index()].born = cx.mem.seq;
                cx.unlock(Lock::MmapWrite(cx.task.mm));
                Flow::Return(Ret::Done)
            }
        }
    }
}

impl Memory {
    /// `copy_swap_pte`: puts a mm on the mmlist after another, if it is not there.
    fn add_to_mmlist_after(&mut self, mm: MmId, other: MmId) {
        if self.mmlist.contains(&mm) {
            return;
        }
        let place = self.mmlist.iter().position(|&m| m == other);
        self.mmlist.insert(place.map_or(0, |p| p + 1), mm);
    }
}
