//! Migration of one page for memory hot-remove, in two orders.
//!
//! `ReplaceFirst` is the memory-hotplug tree of 2004-2005, reconstructed from
//! fragments: the new page takes the old one's place in the swap cache, locked and
//! not up to date; the old one is unmapped and its count waited for; a failure
//! rewinds. `UnmapFirst` is mainline from 2.6.16: check the count, unmap, check
//! again under tree_lock, and only then replace; no wait. Kernels with migration entries
//! do the latter another way (`super::unmap_and_move`).
//!
//! Simplified: only anonymous pages are migrated; the bounded wait is a number of
//! rounds in each of which the page lock is dropped for a while; locks and writeback
//! are slept for in every pass; mainline's lists of pages and its retries are the
//! caller's passes.

use super::{AddToSwap, Cx, Fault, Flow, Stages, TryToUnmap, UnmapAndMove, stages};
use crate::lock::{Lock, Until, Wants};
use crate::mm::{
    AnonVmaId, Memory, MmId, NO_MAPPING, PG_ACTIVE, PG_AGAIN, PG_ANON, PG_ANON_EXCLUSIVE, PG_DIRTY,
    PG_ERROR, PG_PRIVATE, PG_REFERENCED, PG_REPLACED, PG_SWAPCACHE, PG_UPTODATE, PG_WRITEBACK, Pfn,
    Pte, SwpEntry, VmaId,
};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::MIGRATION_ENTRIES;

stages! { Stage {
    Isolate = "migrate_page.isolate",
    LockPage = "migrate_page.lock_page",
    WaitWriteback = "migrate_page.wait_on_page_writeback",
    Alloc = "migrate_page.alloc",
    Replace = "migrate_page.replace",
    Unmapped = "migrate_page.unmapped",
    CheckCount = "migrate_page.check_count",
    Wait = "migrate_page.wait",
    WaitLock = "migrate_page.wait_lock_page",
    ReplaceNow = "migrate_page.check_and_replace",
    Copy = "migrate_page.copy",
    Rewind = "migrate_page.rewind",
    UnlockNew = "migrate_page.unlock_new",
    UnlockOld = "migrate_page.unlock_old",
    Touch = "migrate_page.touch",
    TouchDone = "migrate_page.touched",
    LockStaying = "migrate_page.lock_to_free_slot",
    CheckSlot = "migrate_page.check_slot",
    Delete = "migrate_page.delete_from_swap_cache",
    SwapFree = "migrate_page.swap_free",
    End = "migrate_page.end",
}}

/// The order of operations.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Order {
    /// Replace, unmap, wait.
    ReplaceFirst,
    /// Check, unmap, check, replace.
    UnmapFirst,
}

/// Rounds that `ReplaceFirst` waits for the count.
const ROUNDS: u8 = 5;

/// Moves one anonymous page to another frame. Returns `Done`, `Again` (busy) or
/// `NoMemory` (no frame or no swap slot).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Migrate {
    stage: Stage,
    order: Order,
    ret: Ret,
    old: Pfn,
    new: Pfn,
    entry: SwpEntry,
    /// Where the touching of addresses has got to.
    vma: VmaId,
    mm: MmId,
    rounds: u8,
}

renames!(Migrate { ret, old, new, entry, vma, mm; stage, order, rounds });

impl Migrate {
    /// For a page.
    #[must_use]
    pub const fn new(page: Pfn, order: Order) -> Self {
        Self {
            stage: Stage::Isolate,
            order,
            ret: Ret::Again,
            old: page,
            new: Pfn::NONE,
            entry: SwpEntry::NONE,
            vma: VmaId::NONE,
            mm: MmId::NONE,
            rounds: 0,
        }
    }

    const fn goto(&mut self, stage: Stage) -> Flow {
        self.stage = stage;
        Flow::Next
    }

    fn isolate(&mut self, cx: &mut Cx<'_>) -> Flow {
        if self.order == Order::UnmapFirst && cx.has(MIGRATION_ENTRIES) {
            return Flow::Become(UnmapAndMove::new(self.old).into());
        }
        cx.mem.costs.migrations += 1;
        cx.mem.lru_add_drain();
        if !cx.mem.isolate_lru_page(self.old) {
            return Flow::Return(Ret::Again);
        }
        self.goto(Stage::LockPage)
    }

    fn locked(&mut self, cx: &mut Cx<'_>) -> Flow {
        let page = *cx.mem.page(self.old);
        if page.has(PG_PRIVATE) {
            return self.goto(Stage::UnlockOld);
        }
        if cx.mem.page_count(self.old) == 1 {
            // Freed from under us: only our own reference is left.
            self.ret = Ret::Done;
            return self.goto(Stage::UnlockOld);
        }
        self.stage = Stage::Alloc;
        if page.has(PG_ANON) && !page.has(PG_SWAPCACHE) {
            return Flow::Call(AddToSwap::new(self.old).into());
        }
        cx.task.ret = Ret::Yes;
        Flow::Next
    }

    fn alloc(&mut self, cx: &mut Cx<'_>) -> Flow {
        if cx.ret() != Ret::Yes {
            self.ret = Ret::NoMemory;
            return self.goto(Stage::UnlockOld);
        }
        if !cx.mem.page(self.old).has(PG_SWAPCACHE) {
            return self.goto(Stage::UnlockOld);
        }
        self.entry = cx.mem.page(self.old).private;
        if self.order == Order::UnmapFirst && !self.at_base(cx.mem) {
            return self.goto(Stage::UnlockOld);
        }
        let Some(new) = cx.alloc_page() else {
            self.ret = Ret::NoMemory;
            return self.goto(Stage::UnlockOld);
        };
        self.new = new;
        assert!(cx.trylock(Lock::Page(new)), "a new page is not locked");
        match self.order {
            Order::ReplaceFirst => self.goto(Stage::Replace),
            Order::UnmapFirst => {
                self.stage = Stage::Unmapped;
                Flow::Call(TryToUnmap::ignoring_young(self.old).into())
            }
        }
    }

    fn unmap(&mut self) -> Flow {
        self.stage = Stage::Unmapped;
        Flow::Call(TryToUnmap::force(self.old).into())
    }

    fn unmapped(&mut self, cx: &Cx<'_>) -> Flow {
        let unmapped = cx.ret() == Ret::SwapSuccess;
        let refused = cx.ret() == Ret::SwapFail;
        match self.order {
            Order::ReplaceFirst if refused && self.rounds == 0 => self.goto(Stage::Rewind),
            Order::ReplaceFirst if unmapped => self.goto(Stage::CheckCount),
            Order::ReplaceFirst => self.wait_or_rewind(),
            Order::UnmapFirst if unmapped => self.goto(Stage::ReplaceNow),
            Order::UnmapFirst => self.goto(Stage::UnlockNew),
        }
    }

    /// Nobody but ptes, the cache (as kept) and us holds the old page.
    fn at_base(self, mem: &Memory) -> bool {
        mem.page_count(self.old) == mem.page_mapcount(self.old) + 2
    }

    fn check_count(&mut self, cx: &Cx<'_>) -> Flow {
        if cx.mem.page_mapcount(self.old) > 0 {
            return self.unmap();
        }
        if self.at_base(cx.mem) {
            return self.goto(Stage::Copy);
        }
        self.wait_or_rewind()
    }

    const fn wait_or_rewind(&mut self) -> Flow {
        if self.rounds == ROUNDS {
            return self.goto(Stage::Rewind);
        }
        self.rounds += 1;
        self.goto(Stage::Wait)
    }

    /// Contents and flags go over; the old page leaves the swap cache.
    fn copy(&mut self, cx: &mut Cx<'_>) -> Flow {
        const KEPT: u32 = PG_REFERENCED | PG_ACTIVE | PG_DIRTY | PG_UPTODATE | PG_ERROR | PG_ANON;
        let old = *cx.mem.page(self.old);
        let page = cx.mem.page_mut(self.new);
        page.data = old.data;
        page.flags |= old.flags & KEPT;
        page.mapping = old.mapping;
        page.index = old.index;
        let page = cx.mem.page_mut(self.old);
        page.flags &= !(PG_SWAPCACHE | PG_REPLACED | PG_ANON | PG_ANON_EXCLUSIVE);
        page.private = SwpEntry::NONE;
        page.mapping = NO_MAPPING;
        page.tasks += 1;
        cx.task.note_page(self.old);
        cx.put_page(self.old);
        self.ret = Ret::Done;
        self.goto(Stage::UnlockNew)
    }

    /// The old page's slot is its own again; who waits for the new one looks again.
    fn rewind(&mut self, cx: &mut Cx<'_>) -> Flow {
        cx.mem.replace_in_swap_cache(self.new, self.old);
        cx.mem.page_mut(self.old).flags &= !PG_REPLACED;
        cx.mem.page_mut(self.new).flags |= PG_AGAIN;
        self.goto(Stage::UnlockNew)
    }

    /// 2.6.16: under tree_lock, replace if nobody else holds the page.
    fn check_and_replace(&mut self, cx: &mut Cx<'_>) -> Flow {
        if cx.mem.page_mapcount(self.old) > 0 || !self.at_base(cx.mem) {
            return self.goto(Stage::UnlockNew);
        }
        cx.mem.page_mut(self.old).flags |= PG_REPLACED;
        cx.mem.replace_in_swap_cache(self.old, self.new);
        self.goto(Stage::Copy)
    }

    /// Blocked faults go on: with the new page if all went well, else they look again.
    fn unlock_new(&mut self, cx: &mut Cx<'_>) -> Flow {
        if self.ret == Ret::Done {
            cx.mem.add_page_to_lru(self.new);
            cx.unlock(Lock::Page(self.new));
        } else {
            cx.unlock(Lock::Page(self.new));
            cx.put_page(self.new);
            self.new = Pfn::NONE;
        }
        self.goto(Stage::UnlockOld)
    }

    fn unlock_old(&mut self, cx: &mut Cx<'_>) -> Flow {
        let replaced_first = self.order == Order::ReplaceFirst && self.entry != SwpEntry::NONE;
        let touch = self.new.is_some() || replaced_first;
        if touch && !self.new.is_some() {
            cx.get_page(self.old);
        }
        cx.unlock(Lock::Page(self.old));
        if self.ret == Ret::Done {
            cx.mem.put_isolated(self.old);
        } else {
            cx.mem.putback_lru(self.old);
        }
        if !touch {
            return Flow::Return(self.ret);
        }
        self.goto(Stage::Touch)
    }

    /// The page that stays, of which a reference is held: new, or old after a rewind.
    const fn staying(self) -> Pfn {
        if self.new.is_some() { self.new } else { self.old }
    }

    /// The next vma of the page's anon_vma that still has the swap pte.
    fn next_to_touch(self, mem: &Memory) -> Option<(VmaId, u32)> {
        let page = mem.page(self.staying());
        if !page.has(PG_ANON) || page.mapping == NO_MAPPING {
            return None;
        }
        let anon_vma = AnonVmaId(page.mapping as u16);
        let mut next = if !self.vma.is_some() {
            mem.anon_vmas[anon_vma.index()].head
        } else if mem.vmas[self.vma.index()].anon_vma == anon_vma {
            mem.vmas[self.vma.index()].anon_next
        } else {
            VmaId::NONE // unlinked meanwhile
        };
        while next.is_some() {
            let vma = &mem.vmas[next.index()];
            let exiting = mem.mms[vma.mm.index()].exiting;
            if let Some(address) = vma.address_of_index(page.index).filter(|_| !exiting)
                && self.was_unmapped(mem.pte(next, address))
            {
                return Some((next, address));
            }
            next = vma.anon_next;
        }
        None
    }

    /// Whether a pte is one that migration took down and brings back: in the hotplug
    /// tree those that were in use; in 2.6.16 (`remove_from_swap`) all.
    fn was_unmapped(self, pte: Pte) -> bool {
        let used = pte.young() || self.order == Order::UnmapFirst;
        used && pte.entry() == Some(self.entry)
    }

    /// Touches the addresses that were unmapped, so that their ptes come back.
    fn touch(&mut self, cx: &mut Cx<'_>) -> Flow {
        let found = self.next_to_touch(cx.mem);
        let Some((vma, address)) = found else {
            return self.goto(Stage::LockStaying);
        };
        self.vma = vma;
        self.mm = cx.mem.vmas[vma.index()].mm;
        if !cx.trylock(Lock::MmapRead(self.mm)) {
            // Somebody changes that address space: its own fault will do.
            return Flow::Next;
        }
        cx.mem.mms[self.mm.index()].users += 1;
        self.stage = Stage::TouchDone;
        Flow::Call(Fault::new(vma, address, false).into())
    }

    fn touch_done(&mut self, cx: &mut Cx<'_>) -> Flow {
        cx.unlock(Lock::MmapRead(self.mm));
        cx.mem.mms[self.mm.index()].users -= 1;
        self.goto(Stage::Touch)
    }

    /// Gives the swap slot up if no swap pte needs it and nobody but ptes, the cache
    /// and us holds the page.
    fn check_slot(&mut self, cx: &Cx<'_>) -> Flow {
        let pfn = self.staying();
        let page = cx.mem.page(pfn);
        let cached = page.has(PG_SWAPCACHE) && page.private == self.entry;
        let alone = cx.mem.page_count(pfn) == cx.mem.page_mapcount(pfn) + 2;
        let free = cached && alone && cx.mem.swap_map(self.entry) == 1;
        let free = free && page.flags & (PG_WRITEBACK | PG_REPLACED) == 0;
        self.goto(if free { Stage::Delete } else { Stage::End })
    }
}

impl Stages for Migrate {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, _: &Task) -> Wants {
        match self.stage {
            Stage::LockPage => Wants::take(Lock::Page(self.old)),
            Stage::WaitLock => Wants { until: Until::Tick, ..Wants::take(Lock::Page(self.old)) },
            Stage::WaitWriteback => Wants::until(Until::NotWriteback(self.old)),
            Stage::Replace | Stage::Rewind | Stage::ReplaceNow | Stage::Delete => {
                Wants::free(Lock::Tree)
            }
            Stage::LockStaying => Wants::take(Lock::Page(self.staying())),
            Stage::CheckSlot | Stage::SwapFree => Wants::free(Lock::SwapDevice(self.entry.area())),
            _ => Wants::NOTHING,
        }
    }

    #[inline]
    fn moves_left(&self, mem: &Memory, task: &Task) -> bool {
        match self.stage {
            // The page is locked.
            Stage::Alloc => task.ret != Ret::Yes || !mem.page(self.old).has(PG_SWAPCACHE),
            Stage::Unmapped | Stage::TouchDone => true,
            _ => false,
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::Isolate => self.isolate(cx),
            Stage::LockPage => self.goto(Stage::WaitWriteback),
            Stage::WaitWriteback => self.locked(cx),
            Stage::Alloc => self.alloc(cx),
            Stage::Replace => {
                cx.mem.page_mut(self.old).flags |= PG_REPLACED;
                cx.mem.replace_in_swap_cache(self.old, self.new);
                self.unmap()
            }
            Stage::Unmapped => self.unmapped(cx),
            Stage::CheckCount => self.check_count(cx),
            Stage::Wait => {
                cx.unlock(Lock::Page(self.old));
                self.goto(Stage::WaitLock)
            }
            Stage::WaitLock => self.goto(Stage::CheckCount),
            Stage::ReplaceNow => self.check_and_replace(cx),
            Stage::Copy => self.copy(cx),
            Stage::Rewind => self.rewind(cx),
            Stage::UnlockNew => self.unlock_new(cx),
            Stage::UnlockOld => self.unlock_old(cx),
            Stage::Touch => self.touch(cx),
            Stage::TouchDone => self.touch_done(cx),
            Stage::LockStaying => self.goto(Stage::CheckSlot),
            Stage::CheckSlot => self.check_slot(cx),
            Stage::Delete => {
                cx.delete_from_swap_cache(self.staying());
                cx.mem.page_mut(self.staying()).flags |= PG_DIRTY;
                self.goto(Stage::SwapFree)
            }
            Stage::SwapFree => {
                cx.free_entry(self.entry);
                cx.put_page(self.staying());
                self.goto(Stage::End)
            }
            Stage::End => {
                cx.unlock(Lock::Page(self.staying()));
                cx.put_page(self.staying());
                Flow::Return(self.ret)
            }
        }
    }
}

impl Memory {
    /// `radix_tree_replace_slot`: `to` takes the place of `from` in the swap cache.
    /// `from` keeps its flag and reference only if it carries `PG_REPLACED`.
    pub(super) fn replace_in_swap_cache(&mut self, from: Pfn, to: Pfn) {
        let entry = self.page(from).private;
        self.areas[entry.area() as usize].cache[entry.offset()] = to;
        if self.page(from).has(PG_REPLACED) {
            self.get_cache(to);
            let page = self.page_mut(to);
            page.flags |= PG_SWAPCACHE;
            page.private = entry;
            return;
        }
        let page = self.page_mut(from);
        page.flags &= !PG_SWAPCACHE;
        page.private = SwpEntry::NONE;
        self.put_cache(from);
    }
}
