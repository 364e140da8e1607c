//! `kernel/fork.c:dup_mmap` and `mm/memory.c:copy_page_range`, 2.6.11.
//!
//! Simplified: the ptes of one page table (1024) are copied in one stage, which
//! stands for one hold of the parent's page_table_lock and the swap_device_locks
//! inside it; vma and page table allocations cannot fail. Where the kernel drops its
//! locks to allocate the child's copy of a page, the copy is made here under them.

use super::{Cx, Exit, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{
    AnonVmaId, Memory, MmId, PG_ANON, PG_ANON_EXCLUSIVE, PG_RESERVED, Pfn, Pte, VM_LOCKED,
    VM_MAYWRITE, VM_SHARED, Vma, VmaId,
};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::{FORK_COPY, Hook, LAZY_FORK, MIGRATION_ENTRIES, MM_HAS_PINNED};

stages! { Stage {
    DownWrite = "dup_mmap.down_write",
    Link = "dup_mmap.anon_vma_link",
    Lock = "copy_page_range.lock",
    Copy = "copy_page_range.copy_ptes",
    Unlock = "copy_page_range.unlock",
    UpWrite = "dup_mmap.up_write",
    Fail = "copy_mm.exit_mmap",
    Failed = "copy_mm.fail",
}}

/// Ptes copied under one hold of the parent's page_table_lock.
const PTRS_PER_PTE: u32 = 1024;

/// Copies the task's address space to an empty one.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Fork {
    stage: Stage,
    child: MmId,
    from: VmaId,
    to: VmaId,
    next: u32,
    /// There was no page for a copy.
    no_memory: bool,
}

renames!(Fork { child, from, to; stage, next, no_memory });

impl Fork {
    /// Into `child`, which has no mappings yet.
    #[must_use]
    pub const fn new(child: MmId) -> Self {
        let none = VmaId::NONE;
        Self { stage: Stage::DownWrite, child, from: none, to: none, next: 0, no_memory: false }
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
        if from.anon_vma.is_some() && cx.has(MIGRATION_ENTRIES) {
            // At the tail: whoever puts ptes back in place of migration entries comes to
            // the child after the parent, so that fork copies no entry behind his back.
            cx.mem.anon_vma_link_tail(self.to, from.anon_vma);
        } else if from.anon_vma.is_some() {
            cx.mem.anon_vma_link(self.to, from.anon_vma);
        }
        if cx.has(LAZY_FORK) && !from.anon_vma.is_some() {
            // Only what a fault would bring back: ZERO_PAGE, a file's pages.
            for address in from.start..from.start + from.len {
                let to = cx.mem.vmas[self.to.index()];
                cx.oracle.copy(from.pte_index(address), to.pte_index(address));
            }
            return self.vma_or_end(from.next);
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
            if !self.copy_one_pte(cx, &from, address) {
                self.no_memory = true;
                self.stage = Stage::Unlock;
                return Flow::Next;
            }
        }
        self.next = end;
        if end == from.start + from.len {
            self.stage = Stage::Unlock;
        }
        Flow::Next
    }

    /// False if the child needs a page of its own and there is none.
    #[inline]
    fn copy_one_pte(self, cx: &mut Cx<'_>, from: &Vma, address: u32) -> bool {
        let to = cx.mem.vmas[self.to.index()];
        cx.oracle.copy(from.pte_index(address), to.pte_index(address));
        let mut pte = cx.mem.pte(self.from, address);
        if pte.none() {
            return true;
        }
        if let Some(entry) = pte.entry() {
            cx.mem.swap_duplicate(entry);
            cx.mem.add_to_mmlist_after(self.child, from.mm);
            if pte.marked_exclusive() {
                pte = pte.clear_exclusive();
                cx.mem.set_pte(self.from, address, pte);
            }
            cx.mem.set_pte(self.to, address, pte);
            return true;
        }
        let cow = from.flags & (VM_SHARED | VM_MAYWRITE) == VM_MAYWRITE;
        let Some(pfn) = pte.pfn() else {
            self.copy_migration_entry(cx, pte, address, cow);
            return true;
        };
        if cx.mem.page(pfn).has(PG_RESERVED) {
            cx.mem.set_pte(self.to, address, pte);
            return true;
        }
        if cow && self.copies(cx, from, pfn) {
            return self.copy_page(cx, pfn, address);
        }
        if cow {
            pte = pte.wrprotect();
            cx.mem.set_pte(self.from, address, pte);
        }
        if cx.mem.page(pfn).has(PG_ANON_EXCLUSIVE) {
            cx.mem.page_mut(pfn).flags &= !PG_ANON_EXCLUSIVE;
        }
        cx.mem.get_page(pfn);
        let child = &mut cx.mem.mms[self.child.index()];
        child.rss += 1;
        if cx.mem.page(pfn).has(PG_ANON) {
            cx.mem.mms[self.child.index()].anon_rss += 1;
        }
        cx.mem.set_pte(self.to, address, pte.mkold());
        cx.mem.page_dup_rmap(pfn);
        true
    }

    /// The page will have a mapping more when migration restores its ptes.
    fn copy_migration_entry(self, cx: &mut Cx<'_>, pte: Pte, address: u32, cow: bool) {
        let shared = if cow { pte.migration_shared() } else { pte };
        cx.mem.set_pte(self.from, address, shared);
        cx.mem.set_pte(self.to, address, shared);
        let child = &mut cx.mem.mms[self.child.index()];
        child.rss += 1;
        child.anon_rss += 1;
    }

    /// Whether the child gets a copy of the page now (`page_needs_cow_for_dma`).
    fn copies(self, cx: &mut Cx<'_>, from: &Vma, pfn: Pfn) -> bool {
        let pinned = cx.mem.mms[from.mm.index()].has_pinned;
        let env = u32::from(pinned) * MM_HAS_PINNED;
        cx.policy.defines(Hook::copy_one_pte)
            && cx.ask(Hook::copy_one_pte, 0, pfn, from.flags, env) == FORK_COPY
    }

    /// `copy_present_page`: the child's own page, writable if its area is.
    fn copy_page(self, cx: &mut Cx<'_>, pfn: Pfn, address: u32) -> bool {
        cx.mem.anon_vma_prepare(self.to);
        let Some(new) = cx.alloc_page() else {
            return false;
        };
        cx.mem.page_mut(new).data = cx.mem.page(pfn).data;
        cx.mem.costs.copies += 1;
        cx.mem.mms[self.child.index()].rss += 1;
        cx.mem.lru_cache_add_active(new);
        cx.page_add_anon_rmap(new, self.to, address);
        cx.set_exclusive(new);
        let write = cx.mem.vmas[self.to.index()].vm_write();
        cx.mem.set_pte(self.to, address, Pte::mk(new).mkdirty().maybe_mkwrite(write));
        true
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
            Stage::Unlock | Stage::UpWrite | Stage::Fail | Stage::Failed => Wants::NOTHING,
        }
    }

    #[inline]
    fn moves_left(&self, _: &Memory, _: &Task) -> bool {
        match self.stage {
            // Of a child that failed, only its exit waits for users to go.
            Stage::Unlock | Stage::Fail | Stage::Failed => true,
            Stage::DownWrite | Stage::Link | Stage::Lock | Stage::Copy | Stage::UpWrite => false,
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
                if self.no_memory {
                    self.stage = Stage::UpWrite;
                    return Flow::Next;
                }
                self.vma_or_end(cx.mem.vmas[self.from.index()].next)
            }
            Stage::UpWrite => {
                cx.mem.mms[self.child.index()].born = cx.mem.seq;
                cx.unlock(Lock::MmapWrite(cx.task.mm));
                if self.no_memory {
                    self.stage = Stage::Fail;
                    return Flow::Next;
                }
                Flow::Return(Ret::Done)
            }
            Stage::Fail => {
                // mmput of the child: swapoff may have found it on the mmlist.
                cx.mem.mms[self.child.index()].users += 1;
                self.stage = Stage::Failed;
                Flow::Call(Exit::new(self.child).into())
            }
            Stage::Failed => {
                cx.mem.mms[self.child.index()].users -= 1;
                Flow::Return(Ret::NoMemory)
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
