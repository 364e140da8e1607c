//! `mm/memory.c:zap_pte_range` with `mm/swap_state.c:free_page_and_swap_cache`, 2.6.11.
//!
//! The caller holds page_table_lock.
//!
//! Simplified: pages are freed one at a time, as the mmu_gather of a uniprocessor
//! does, so they are held for a shorter while than SMP kernels hold them; a swap pte is
//! cleared just before its entry is freed, not just after.

use super::{Cx, Flow, FreeSwapAndCache, RemoveExclusive, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{Memory, PG_ANON, PG_DIRTY, PG_RESERVED, PG_SWAPCACHE, Pfn, Pte, VmaId};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::ZAP_UNMAPPED;

stages! { Stage {
    Pte = "zap_pte_range.clear_pte",
    FreeSwapCache = "free_page_and_swap_cache.trylock",
    Unlock = "free_page_and_swap_cache.unlock_page",
    Put = "free_page_and_swap_cache.put_page",
}}

/// Takes down the ptes of `next..end` in a vma.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Zap {
    stage: Stage,
    vma: VmaId,
    next: u32,
    end: u32,
    page: Pfn,
}

renames!(Zap { vma, page; stage, next, end });

impl Zap {
    /// For addresses inside a vma.
    #[must_use]
    pub const fn new(vma: VmaId, first: u32, end: u32) -> Self {
        Self { stage: Stage::Pte, vma, next: first, end, page: Pfn::NONE }
    }

    fn pte(&mut self, cx: &mut Cx<'_>) -> Flow {
        let v = cx.mem.vmas[self.vma.index()];
        let mapped = |address: &u32| !cx.mem.ptes[v.pte_index(*address)].none();
        let Some(address) = (self.next..self.end).find(mapped) else {
            return Flow::Return(Ret::Done);
        };
        self.next = address + 1;
        let pte = cx.mem.pte(self.vma, address);
        cx.mem.set_pte(self.vma, address, Pte::NONE);
        cx.oracle.discard(cx.mem, &v, address);
        if let Some(entry) = pte.entry() {
            cx.task.note_entry(entry);
            return Flow::Call(FreeSwapAndCache::new(entry).into());
        }
        if pte.migrating().is_some() {
            // Migration finds no entry to restore here, and the page loses a mapping.
            let mm = &mut cx.mem.mms[v.mm.index()];
            mm.rss -= 1;
            mm.anon_rss -= 1;
            return Flow::Next;
        }
        let page = pte.pfn().expect("not none, not swap");
        if cx.mem.page(page).has(PG_RESERVED) {
            return Flow::Next;
        }
        if pte.dirty() {
            cx.mem.page_mut(page).flags |= PG_DIRTY;
        }
        let mm = &mut cx.mem.mms[v.mm.index()];
        mm.rss -= 1;
        if cx.mem.page(page).has(PG_ANON) {
            cx.mem.mms[v.mm.index()].anon_rss -= 1;
        } else if pte.young() {
            cx.mem.mark_page_accessed(page);
        }
        cx.page_remove_rmap(page);
        self.page = page;
        self.stage = Stage::FreeSwapCache;
        Flow::Next
    }
}

impl Stages for Zap {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, _: &Task) -> Wants {
        Wants::NOTHING
    }

    #[inline]
    fn moves_left(&self, mem: &Memory, _: &Task) -> bool {
        // Nothing is left: without page_table_lock, no pte that is none becomes anything.
        let v = &mem.vmas[self.vma.index()];
        let none = |address: u32| mem.ptes[v.pte_index(address)].none();
        self.stage == Stage::Pte && (self.next..self.end).all(none)
    }

    #[inline]
    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        let page = self.page;
        match self.stage {
            Stage::Pte => self.pte(cx),
            Stage::FreeSwapCache => {
                let cached = cx.mem.page(page).has(PG_SWAPCACHE);
                let tries = !cx.has(ZAP_UNMAPPED) || cx.mem.page_mapcount(page) == 0;
                if cached && tries && cx.trylock(Lock::Page(page)) {
                    self.stage = Stage::Unlock;
                    return Flow::Call(RemoveExclusive::new(page).into());
                }
                self.stage = Stage::Put;
                self.run(cx)
            }
            Stage::Unlock => {
                cx.unlock(Lock::Page(page));
                self.stage = Stage::Put;
                Flow::Next
            }
            Stage::Put => {
                cx.put_page(page);
                self.stage = Stage::Pte;
                Flow::Next
            }
        }
    }
}
