//! `mm/memory.c:get_user_pages`, 2.6.11.
//!
//! Simplified: `cond_resched_lock` always yields, so page_table_lock is dropped
//! between pages. There is no `get_user_pages_fast`. After a write fault with `force`, or in
//! an area that is not writable, the page is taken as it is found, in kernels with
//! `PG_anon_exclusive` only if it is that (see `may_follow`); 2.6.29 does so in areas that are
//! not writable only, and 4.19 asks for a dirty pte then. `ZERO_PAGE` is given out where no
//! page table is; 2.6.29 does so for every pte that is none. No reference is `FOLL_LONGTERM`
//! for reading (since 6.2 such a one unshares a file's page and `ZERO_PAGE`).

use super::{Cx, Fault, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{
    Direction, HolderId, IoId, Memory, PG_ANON_EXCLUSIVE, PG_DIRTY, Pfn, VM_MAYWRITE, VM_WRITE,
    VmaId, ZERO_PAGE,
};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::{
    EXCLUSIVE_BIT, GUP_AS_WRITE, GUP_BEGIN, GUP_FAULTS_IN, GUP_FOUND, GUP_PIN, GUP_UNSHARE,
    GUP_WRITE, Hook,
};

stages! { Stage {
    FindVma = "get_user_pages.find_vma",
    Follow = "get_user_pages.follow_page",
    Faulted = "get_user_pages.faulted",
    Unshared = "get_user_pages.unshared",
}}

/// Takes references to consecutive pages of a request; the caller holds mmap_sem.
/// Returns `Pages(n)`: how many it got.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct GetUserPages {
    stage: Stage,
    io: IoId,
    vma: VmaId,
    /// Next page of the request.
    next: u32,
    /// One past the last page of this slice.
    end: u32,
    write: bool,
    force: bool,
    /// Whether a present pte has to be writable.
    lookup_write: bool,
    /// Whether a fault is to be a write fault.
    fault_write: bool,
}

renames!(GetUserPages { vma; io; stage, next, end, write, force, lookup_write, fault_write });

/// Ptes in a page table page (i386 without PAE).
const PTRS_PER_PTE: u32 = 1024;

impl GetUserPages {
    /// For pages `next..end` of a request.
    #[must_use]
    pub fn new(mem: &Memory, io: IoId, next: u32, end: u32, force: bool) -> Self {
        let write = mem.ios[io as usize].kind.direction() == Direction::Write;
        let (stage, vma) = (Stage::FindVma, VmaId::NONE);
        Self { stage, io, vma, next, end, write, force, lookup_write: write, fault_write: write }
    }

    fn address(&self, mem: &Memory) -> u32 {
        mem.ios[self.io as usize].address + self.next
    }

    fn find_vma(&mut self, cx: &mut Cx<'_>) -> Flow {
        let address = self.address(cx.mem);
        let needed = if self.force { VM_WRITE | VM_MAYWRITE } else { VM_WRITE };
        let allowed = |vma: &VmaId| !self.write || cx.mem.vmas[vma.index()].flags & needed != 0;
        let Some(vma) = cx.mem.find_vma(cx.task.mm, address).filter(allowed) else {
            return Flow::Return(Ret::Pages(self.next));
        };
        self.vma = vma;
        self.fault_write = self.write || self.breaks_cow(cx);
        self.lookup_write = self.fault_write;
        if cx.mem.ios[self.io as usize].pinned {
            cx.mem.mms[cx.task.mm.index()].has_pinned = true;
        }
        self.stage = Stage::Follow;
        Flow::Next
    }

    fn env(&self, mem: &Memory) -> u32 {
        let pinned = mem.ios[self.io as usize].pinned;
        (u32::from(self.write) * GUP_WRITE) | (u32::from(pinned) * GUP_PIN)
    }

    /// Whether a read is made as if it were a write.
    fn breaks_cow(&self, cx: &mut Cx<'_>) -> bool {
        let (flags, env) = (cx.mem.vmas[self.vma.index()].flags, self.env(cx.mem));
        cx.policy.defines(Hook::get_user_pages)
            && cx.ask_without_page(Hook::get_user_pages, GUP_BEGIN, flags, env) == GUP_AS_WRITE
    }

    /// Whether a page that was found for reading must become the process's own first.
    fn unshares(&self, cx: &mut Cx<'_>, pfn: Pfn, address: u32) -> bool {
        let (flags, env) = (cx.mem.vmas[self.vma.index()].flags, self.env(cx.mem));
        let writable = cx.mem.pte(self.vma, address).write();
        !self.write
            && !writable
            && cx.policy.defines(Hook::get_user_pages)
            && cx.ask(Hook::get_user_pages, GUP_FOUND, pfn, flags, env) == GUP_UNSHARE
    }

    /// `can_follow_write_pte`: by force, a read-only pte will do for writing. Kernels with
    /// `PG_anon_exclusive` take no page by it that a fork or a file may share, whatever
    /// has become of the page since the fault.
    ///
    /// Simplified: so for 5.19, which has `FOLL_COW` and the dirty bit for that; kernels from
    /// 4.8 to 5.18 do as 2.6.11, which takes whatever is there after the fault.
    fn may_follow(&self, cx: &Cx<'_>, address: u32) -> bool {
        let pte = cx.mem.pte(self.vma, address);
        let by_force = self.write && !self.lookup_write && !pte.write();
        let own = |pfn: Pfn| cx.mem.page(pfn).has(PG_ANON_EXCLUSIVE);
        !by_force || !cx.has(EXCLUSIVE_BIT) || pte.pfn().is_none_or(own)
    }

    fn follow(&mut self, cx: &mut Cx<'_>) -> Flow {
        let address = self.address(cx.mem);
        let ptl = Lock::Ptl(cx.task.mm);
        let untouched = !self.lookup_write
            && !cx.has(GUP_FAULTS_IN)
            && cx.mem.untouched_anonymous_page(self.vma, address);
        let found = if self.may_follow(cx, address) {
            cx.mem.follow_page(self.vma, address, self.lookup_write)
        } else {
            None
        };
        let Some(pfn) = found.or(untouched.then_some(ZERO_PAGE)) else {
            cx.unlock(ptl);
            self.stage = Stage::Faulted;
            return Flow::Call(Fault::new(self.vma, address, self.fault_write).into());
        };
        if found.is_some() && self.unshares(cx, pfn, address) {
            cx.unlock(ptl);
            self.stage = Stage::Unshared;
            return Flow::Call(Fault::unshare(self.vma, address).into());
        }
        cx.get_page(pfn);
        cx.unlock(ptl);
        self.hold(cx, pfn);
        self.next += 1;
        if self.next == self.end {
            return Flow::Return(Ret::Pages(self.next));
        }
        self.stage = Stage::FindVma;
        Flow::Next
    }

    /// The task's reference becomes the request's.
    fn hold(&self, cx: &mut Cx<'_>, pfn: Pfn) {
        let holder = HolderId(cx.mem.ios[self.io as usize].first + self.next);
        cx.mem.holders[holder.index()].pfn = pfn;
        cx.oracle.held(cx.mem, self.io, holder);
        if pfn == ZERO_PAGE {
            return;
        }
        cx.task.forget_page(pfn);
        let pinned = cx.mem.ios[self.io as usize].pinned;
        cx.mem.task_ref_to_gup(pfn, pinned);
    }
}

impl Stages for GetUserPages {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, task: &Task) -> Wants {
        match self.stage {
            Stage::Follow => Wants::take(Lock::Ptl(task.mm)),
            Stage::FindVma | Stage::Faulted | Stage::Unshared => Wants::NOTHING,
        }
    }

    #[inline]
    fn moves_left(&self, _: &Memory, _: &Task) -> bool {
        match self.stage {
            // The question is about the area. `has_pinned` is read under mmap_sem for writing.
            Stage::FindVma | Stage::Faulted | Stage::Unshared => true,
            Stage::Follow => false,
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::FindVma => self.find_vma(cx),
            Stage::Follow => self.follow(cx),
            Stage::Faulted => {
                if cx.ret() == Ret::VmFaultOom {
                    return Flow::Return(Ret::Pages(self.next));
                }
                // An area that nobody may write to never gets a writable pte.
                let vm_write = cx.mem.vmas[self.vma.index()].vm_write();
                self.lookup_write = self.fault_write && vm_write && !self.force;
                self.stage = Stage::Follow;
                Flow::Next
            }
            Stage::Unshared => {
                if cx.ret() == Ret::VmFaultOom {
                    return Flow::Return(Ret::Pages(self.next));
                }
                self.stage = Stage::Follow;
                Flow::Next
            }
        }
    }
}

impl Memory {
    /// `follow_page`: the page of a present pte that is writable if asked.
    pub(super) fn follow_page(&mut self, vma: VmaId, address: u32, write: bool) -> Option<Pfn> {
        let pte = self.pte(vma, address);
        let pfn = pte.pfn().filter(|_| !write || pte.write())?;
        if write && !pte.dirty() && !self.page(pfn).has(PG_DIRTY) {
            self.page_mut(pfn).flags |= PG_DIRTY;
        }
        self.mark_page_accessed(pfn);
        Some(pfn)
    }

    /// `untouched_anonymous_page`: no page table has been made for the address.
    ///
    /// Simplified: there is a page table exactly if one of the 1024 ptes that it
    /// would hold is not none.
    pub(super) fn untouched_anonymous_page(&self, vma: VmaId, address: u32) -> bool {
        let vma = &self.vmas[vma.index()];
        let table = address / PTRS_PER_PTE * PTRS_PER_PTE;
        let first = table.max(vma.start);
        let end = (table + PTRS_PER_PTE).min(vma.start + vma.len);
        !vma.file.is_some() && (first..end).all(|a| self.ptes[vma.pte_index(a)].none())
    }
}
