//! `mm/vmscan.c:shrink_list` for one page, `pageout` and `swap_writepage`, 2.6.11.
//!
//! The page was taken off the LRU and carries an isolation reference; it is put
//! back or freed here.
//!
//! Simplified: one page at a time, put back at once rather than with its batch; a
//! page with buffers is kept (`try_to_release_page` fails); a file's page that is not
//! mapped is never in use (`mapping_mapped`); no laptop mode; the
//! caller may enter the file system and do IO; no swap device is congested. Under
//! every policy `PG_referenced` counts as used (not for anonymous pages by 2.6.35), what was
//! used is activated (since 5.9 it is only kept, if once and by one pte), what is under
//! writeback is kept (activated by 4.19), and a page of zeros is written (not by 6.12).

use super::{AddToSwap, Cx, Flow, PageReferenced, RemoveExclusive, Stages, TryToUnmap, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{
    Memory, PG_ACTIVE, PG_ANON, PG_DIRTY, PG_ISOLATED, PG_PAGECACHE, PG_PRIVATE, PG_RECLAIM,
    PG_SWAPCACHE, PG_WRITEBACK, Pfn, SwapIo, SwpEntry, VM_LOCKED, Vma,
};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::{ACTIVATE_FREES_SWAP, Hook, SHRINK_ACTIVATE, SWAP_KEEP, UNEVICTABLE};

stages! { Stage {
    Trylock = "shrink_list.trylock",
    Referenced = "shrink_list.referenced",
    AddToSwap = "shrink_list.add_to_swap",
    Swapped = "shrink_list.swapped",
    Unmapped = "shrink_list.unmapped",
    Pageout = "shrink_list.pageout",
    Written = "shrink_list.swap_writepage",
    Submit = "shrink_list.set_page_writeback",
    Submitted = "shrink_list.submitted",
    Freeable = "shrink_list.freeable",
    Remove = "shrink_list.delete_from_swap_cache",
    SwapFree = "shrink_list.swap_free",
    Free = "shrink_list.free_it",
    Activate = "shrink_list.activate_locked",
    SetActive = "shrink_list.set_page_active",
    KeepLocked = "shrink_list.keep_locked",
    Keep = "shrink_list.keep",
}}

/// Reclaims one isolated page. Returns `Freed`, `Kept` or `Activated`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct ShrinkList {
    stage: Stage,
    page: Pfn,
    entry: SwpEntry,
    referenced: bool,
    used_or_not: bool,
}

renames!(ShrinkList { page, entry; stage, referenced, used_or_not });

impl ShrinkList {
    /// For a page that carries `PG_ISOLATED`.
    #[must_use]
    pub const fn new(page: Pfn) -> Self {
        Self {
            stage: Stage::Trylock,
            page,
            entry: SwpEntry::NONE,
            referenced: false,
            used_or_not: false,
        }
    }

    /// Young ptes and `PG_referenced` are cleared as ever, and not heeded.
    #[must_use]
    pub const fn whether_used_or_not(self) -> Self {
        Self { used_or_not: true, ..self }
    }

    const fn goto(&mut self, stage: Stage) -> Flow {
        self.stage = stage;
        Flow::Next
    }

    fn trylock(&mut self, cx: &mut Cx<'_>) -> Flow {
        if !cx.trylock(Lock::Page(self.page)) {
            return self.goto(Stage::Keep);
        }
        let active = cx.mem.page(self.page).has(PG_ACTIVE);
        cx.mem.bug_on(active, "shrink_list", "PageActive", self.page);
        cx.mem.costs.scans += 1;
        if cx.mem.page(self.page).has(PG_WRITEBACK) {
            return self.goto(Stage::KeepLocked);
        }
        if cx.has(UNEVICTABLE) && cx.mem.mapped_by_mlocked(self.page) {
            return self.goto(Stage::KeepLocked);
        }
        self.stage = Stage::Referenced;
        Flow::Call(PageReferenced::new(self.page).into())
    }

    fn referenced(&mut self, cx: &mut Cx<'_>) -> Flow {
        self.referenced = cx.ret() == Ret::Yes && !self.used_or_not;
        let page = *cx.mem.page(self.page);
        // page_mapping_inuse: mapped, or in the swap cache.
        let in_use = cx.mem.page_mapcount(self.page) > 0 || page.has(PG_SWAPCACHE);
        if self.referenced && in_use {
            return self.goto(Stage::Activate);
        }
        if page.has(PG_ANON) && !page.has(PG_SWAPCACHE) {
            if cx.policy.defines(Hook::add_to_swap)
                && cx.ask(Hook::add_to_swap, 0, self.page, 0, 0) == SWAP_KEEP
            {
                return self.goto(Stage::KeepLocked);
            }
            self.stage = Stage::AddToSwap;
            return Flow::Call(AddToSwap::new(self.page).into());
        }
        self.unmap(cx.mem)
    }

    fn unmap(&mut self, mem: &Memory) -> Flow {
        if mem.page_mapcount(self.page) > 0 && mem.page_mapping(self.page) {
            self.stage = Stage::Unmapped;
            return Flow::Call(TryToUnmap::new(self.page).into());
        }
        self.goto(Stage::Pageout)
    }

    /// `pageout`, up to `swap_writepage`.
    fn pageout(&mut self, cx: &mut Cx<'_>) -> Flow {
        let page = *cx.mem.page(self.page);
        if !page.has(PG_DIRTY) {
            return self.try_to_release(cx.mem);
        }
        let private = u32::from(page.has(PG_PRIVATE));
        let freeable = cx.mem.page_count(self.page) - private == 2;
        if self.referenced || !freeable || !page.has(PG_SWAPCACHE) {
            return self.goto(Stage::KeepLocked);
        }
        // clear_page_dirty_for_io, SetPageReclaim.
        let page = cx.mem.page_mut(self.page);
        page.flags = page.flags & !PG_DIRTY | PG_RECLAIM;
        self.stage = Stage::Written;
        Flow::Call(RemoveExclusive::new(self.page).into())
    }

    /// `swap_writepage` after `remove_exclusive_swap_page`.
    fn written(&mut self, cx: &mut Cx<'_>) -> Flow {
        if cx.ret() == Ret::Yes {
            // Nothing to write: nobody needs the slot. The page is dirty again.
            cx.unlock(Lock::Page(self.page));
            cx.mem.page_mut(self.page).flags &= !PG_RECLAIM;
            return self.goto(Stage::Submitted);
        }
        cx.mem.page_mut(self.page).flags |= PG_WRITEBACK;
        cx.unlock(Lock::Page(self.page));
        self.goto(Stage::Submit)
    }

    fn submit(&mut self, cx: &mut Cx<'_>) -> Flow {
        let entry = cx.mem.page(self.page).private;
        cx.mem.costs.swap_writes += 1;
        cx.mem.swap_io.push(SwapIo { pfn: self.page, entry, write: true });
        self.goto(Stage::Submitted)
    }

    /// `PAGE_SUCCESS`: freed at once only if the write is over already.
    fn submitted(&mut self, cx: &mut Cx<'_>) -> Flow {
        let busy = |cx: &Cx<'_>| cx.mem.page(self.page).flags & (PG_WRITEBACK | PG_DIRTY) != 0;
        if busy(cx) || !cx.trylock(Lock::Page(self.page)) {
            return self.goto(Stage::Keep);
        }
        let keep = busy(cx);
        if keep { self.goto(Stage::KeepLocked) } else { self.try_to_release(cx.mem) }
    }

    /// `try_to_release_page` fails, so a page with buffers stays.
    fn try_to_release(&mut self, mem: &Memory) -> Flow {
        let private = mem.page(self.page).has(PG_PRIVATE);
        self.goto(if private { Stage::Activate } else { Stage::Freeable })
    }

    /// Under tree_lock: nobody but the cache and us, and clean?
    fn freeable(&mut self, cx: &mut Cx<'_>) -> Flow {
        let page = *cx.mem.page(self.page);
        let in_cache = page.flags & (PG_SWAPCACHE | PG_PAGECACHE) != 0;
        let busy = cx.mem.page_count(self.page) != 2 || page.has(PG_DIRTY);
        if !in_cache || busy {
            cx.unlock(Lock::Tree);
            return self.goto(Stage::KeepLocked);
        }
        self.goto(Stage::Remove)
    }

    fn remove(&mut self, cx: &mut Cx<'_>) -> Flow {
        if cx.mem.page(self.page).has(PG_SWAPCACHE) {
            self.entry = cx.delete_from_swap_cache(self.page);
            cx.unlock(Lock::Tree);
            return self.goto(Stage::SwapFree);
        }
        cx.mem.remove_from_page_cache(self.page);
        cx.task.note_page(self.page);
        cx.unlock(Lock::Tree);
        cx.put_page(self.page);
        self.goto(Stage::Free)
    }

    fn free_it(self, cx: &mut Cx<'_>) -> Flow {
        cx.unlock(Lock::Page(self.page));
        cx.mem.put_isolated(self.page);
        Flow::Return(Ret::Freed)
    }

    fn keep(self, cx: &mut Cx<'_>) -> Flow {
        let activated = cx.mem.page(self.page).has(PG_ACTIVE);
        cx.mem.putback_lru(self.page);
        Flow::Return(if activated { Ret::Activated } else { Ret::Kept })
    }
}

impl Stages for ShrinkList {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, _: &Task) -> Wants {
        match self.stage {
            Stage::Freeable => Wants::take(Lock::Tree),
            Stage::SwapFree => Wants::free(Lock::SwapDevice(self.entry.area())),
            _ => Wants::NOTHING,
        }
    }

    #[inline]
    fn moves_left(&self, mem: &Memory, task: &Task) -> bool {
        // While we have the page locked, it stays in the swap cache or out of it, and what
        // is dirty stays so; what is clean, if nobody maps it.
        let page = mem.page(self.page);
        let cached = page.has(PG_SWAPCACHE);
        match self.stage {
            Stage::Referenced => {
                let referenced = task.ret == Ret::Yes && !self.used_or_not;
                cached && (referenced || mem.stays_unmapped(self.page))
            }
            Stage::Swapped => cached && mem.stays_unmapped(self.page),
            Stage::AddToSwap => true,
            // The other answer is followed by a question.
            Stage::Unmapped => task.ret != Ret::SwapSuccess,
            Stage::Pageout if page.has(PG_DIRTY) => self.referenced || !cached,
            Stage::Pageout => mem.stays_unmapped(self.page),
            _ => false,
        }
    }

    #[inline]
    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::Trylock => self.trylock(cx),
            Stage::Referenced => self.referenced(cx),
            Stage::AddToSwap => {
                let added = cx.ret() == Ret::Yes;
                self.goto(if added { Stage::Swapped } else { Stage::Activate })
            }
            Stage::Swapped => self.unmap(cx.mem),
            Stage::Unmapped => match cx.ret() {
                Ret::SwapFail => self.goto(Stage::Activate),
                Ret::SwapSuccess => {
                    let asks = cx.policy.defines(Hook::shrink_list);
                    let activate =
                        asks && cx.ask(Hook::shrink_list, 0, self.page, 0, 0) == SHRINK_ACTIVATE;
                    self.goto(if activate { Stage::Activate } else { Stage::Pageout })
                }
                _ => self.goto(Stage::KeepLocked),
            },
            Stage::Pageout => self.pageout(cx),
            Stage::Written => self.written(cx),
            Stage::Submit => self.submit(cx),
            Stage::Submitted => self.submitted(cx),
            Stage::Freeable => self.freeable(cx),
            Stage::Remove => self.remove(cx),
            Stage::SwapFree => {
                cx.free_entry(self.entry);
                cx.put_page(self.page);
                self.goto(Stage::Free)
            }
            Stage::Free => self.free_it(cx),
            Stage::Activate => {
                self.stage = Stage::SetActive;
                let cached = cx.mem.page(self.page).has(PG_SWAPCACHE);
                if cx.has(ACTIVATE_FREES_SWAP) && cached && cx.mem.vm_swap_full() {
                    return Flow::Call(RemoveExclusive::new(self.page).into());
                }
                self.run(cx)
            }
            Stage::SetActive => {
                cx.mem.page_mut(self.page).flags |= PG_ACTIVE;
                self.goto(Stage::KeepLocked)
            }
            Stage::KeepLocked => {
                cx.unlock(Lock::Page(self.page));
                self.goto(Stage::Keep)
            }
            Stage::Keep => self.keep(cx),
        }
    }
}

impl Memory {
    /// `PG_mlocked`: whether a `VM_LOCKED` area maps the page.
    ///
    /// Simplified: found by the ptes when it is asked, not kept in a flag.
    fn mapped_by_mlocked(&self, pfn: Pfn) -> bool {
        let mlocked = |vma: &&Vma| vma.len > 0 && vma.flags & VM_LOCKED != 0;
        self.vmas.iter().filter(mlocked).any(|vma| {
            let address = vma.address_of_index(self.page(pfn).index);
            address.is_some_and(|address| self.ptes[vma.pte_index(address)].maps(pfn))
        })
    }

    /// Takes a page off the LRU for reclaim or migration: `PG_ISOLATED`, one more
    /// reference. False if it is not on the LRU.
    pub fn isolate_lru_page(&mut self, pfn: Pfn) -> bool {
        if !self.del_page_from_lru(pfn) {
            return false;
        }
        self.get_isolated(pfn);
        true
    }

    /// Puts an isolated page back on the list that `PG_active` names, and its
    /// reference.
    pub fn putback_lru(&mut self, pfn: Pfn) {
        // The last reference may be ours: then the page is freed, off the LRU again.
        self.add_page_to_lru(pfn);
        self.put_isolated(pfn);
    }

    /// Drops the isolation reference.
    pub fn put_isolated(&mut self, pfn: Pfn) {
        assert!(self.page(pfn).has(PG_ISOLATED), "{pfn} is not isolated");
        self.page_mut(pfn).flags &= !PG_ISOLATED;
        self.isolation_put(pfn);
    }
}
