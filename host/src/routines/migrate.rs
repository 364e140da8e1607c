//! Migration of one page for memory hot-remove, in two orders.
//!
//! `ReplaceFirst` is the memory-hotplug tree of 2004-2005, reconstructed from
//! fragments: the new page takes the old one's place in the swap cache, locked and
//! not up to date; the old one is unmapped and its count waited for; a failure
//! rewinds. `UnmapFirst` is mainline from 2.6.16: unmap, check the count, and only
//! then replace; no wait.
//!
//! Simplified: only anonymous pages are migrated; the bounded wait is a number of
//! rounds in each of which the page lock is dropped; mainline's lists of pages and
//! its retries are the caller's passes.

use super::referenced::Walk;
use super::{AddToSwap, Cx, Fault, Flow, RemoveExclusive, Stages, TryToUnmap, stages};
use crate::lock::{Lock, Until, Wants};
use crate::mm::{
    LOCKED_BY_IO, Memory, NO_MAPPING, PG_ACTIVE, PG_AGAIN, PG_ANON, PG_DIRTY, PG_LOCKED,
    PG_PRIVATE, PG_REFERENCED, PG_REPLACED, PG_SWAPCACHE, PG_UPTODATE, Pfn, SwpEntry, VmaId,
};
use crate::task::{Ret, Task};

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
    UnlockOld = "migrate_page.unlock_old",
    UnlockNew = "migrate_page.unlock_new",
    Touch = "migrate_page.touch",
    TouchDone = "migrate_page.touched",
    LockNew = "migrate_page.lock_new",
    GiveUpSlot = "migrate_page.give_up_slot",
}}

/// The order of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    /// Replace, unmap, wait.
    ReplaceFirst,
    /// Unmap, check, replace.
    UnmapFirst,
}

/// Rounds that `ReplaceFirst` waits for the count.
const ROUNDS: u8 = 5;

/// Moves one anonymous page to another frame. Returns `Done`, `Again` (busy) or
/// `NoMemory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Migrate {
    stage: Stage,
    order: Order,
    old: Pfn,
    new: Pfn,
    entry: SwpEntry,
    vma: VmaId,
    rounds: u8,
    ok: bool,
}

impl Migrate {
    /// For a page.
    #[must_use]
    pub const fn new(page: Pfn, order: Order) -> Self {
        Self {
            stage: Stage::Isolate,
            order,
            old: page,
            new: Pfn::NONE,
            entry: SwpEntry::NONE,
            vma: VmaId::NONE,
            rounds: 0,
            ok: false,
        }
    }

    const fn goto(&mut self, stage: Stage) -> Flow {
        self.stage = stage;
        Flow::Next
    }

    fn isolate(&mut self, cx: &mut Cx<'_>) -> Flow {
        cx.mem.costs.migrations += 1;
        cx.mem.lru_add_drain();
        if !cx.mem.isolate_lru_page(self.old) {
            return Flow::Return(Ret::Again);
        }
        self.goto(Stage::LockPage)
    }

    fn locked(&mut self, cx: &mut Cx<'_>) -> Flow {
        let page = *cx.mem.page(self.old);
        self.stage = Stage::Alloc;
        if page.has(PG_ANON) && !page.has(PG_SWAPCACHE) {
            return Flow::Call(AddToSwap::new(self.old).into());
        }
        cx.task.ret = Ret::Yes;
        Flow::Next
    }

    fn alloc(&mut self, cx: &mut Cx<'_>) -> Flow {
        if cx.ret() != Ret::Yes || !cx.mem.page(self.old).has(PG_SWAPCACHE) {
            return self.goto(Stage::UnlockOld);
        }
        self.entry = cx.mem.page(self.old).private;
        let Some(new) = cx.alloc_page() else {
            return self.goto(Stage::UnlockOld);
        };
        self.new = new;
        assert!(cx.trylock(Lock::Page(new)), "a new page is not locked");
        if self.order == Order::ReplaceFirst {
            return self.goto(Stage::Replace);
        }
        self.unmap()
    }

    fn unmap(&mut self) -> Flow {
        self.stage = Stage::Unmapped;
        Flow::Call(TryToUnmap::new(self.old).into())
    }

    fn unmapped(&mut self, cx: &Cx<'_>) -> Flow {
        let unmapped = cx.ret() == Ret::SwapSuccess;
        match self.order {
            Order::ReplaceFirst if unmapped => self.goto(Stage::CheckCount),
            Order::ReplaceFirst => self.goto(Stage::Rewind),
            Order::UnmapFirst if unmapped => self.goto(Stage::ReplaceNow),
            Order::UnmapFirst => self.goto(Stage::UnlockOld),
        }
    }

    /// Nobody but the cache (as kept) and us, apart from buffers.
    fn at_base(self, mem: &Memory) -> bool {
        let private = u32::from(mem.page(self.old).has(PG_PRIVATE));
        mem.page_count(self.old) - private == 2
    }

    fn check_count(&mut self, cx: &Cx<'_>) -> Flow {
        if cx.mem.page_mapcount(self.old) > 0 {
            return self.unmap();
        }
        if self.at_base(cx.mem) {
            return self.goto(Stage::Copy);
        }
        if self.rounds == ROUNDS {
            return self.goto(Stage::Rewind);
        }
        self.rounds += 1;
        self.goto(Stage::Wait)
    }

    /// Contents and flags go over; the old page leaves the swap cache.
    fn copy(&mut self, cx: &mut Cx<'_>) -> Flow {
        let old = *cx.mem.page(self.old);
        let kept = old.flags & (PG_REFERENCED | PG_ACTIVE);
        let page = cx.mem.page_mut(self.new);
        page.data = old.data;
        page.flags |= PG_UPTODATE | PG_DIRTY | PG_ANON | kept;
        page.mapping = old.mapping;
        page.index = old.index;
        let page = cx.mem.page_mut(self.old);
        page.flags &= !(PG_SWAPCACHE | PG_REPLACED | PG_ANON);
        page.private = SwpEntry::NONE;
        page.mapping = NO_MAPPING;
        page.tasks += 1;
        cx.task.note_page(self.old);
        cx.put_page(self.old);
        self.ok = true;
        self.goto(Stage::UnlockOld)
    }

    /// The old page's slot is its own again; who waits for the new one looks again.
    fn rewind(&mut self, cx: &mut Cx<'_>) -> Flow {
        cx.mem.replace_in_swap_cache(self.new, self.old);
        cx.mem.page_mut(self.old).flags &= !PG_REPLACED;
        cx.mem.page_mut(self.new).flags |= PG_AGAIN;
        self.goto(Stage::UnlockOld)
    }

    /// 2.6.16: under tree_lock, replace if nobody else holds the page.
    fn check_and_replace(&mut self, cx: &mut Cx<'_>) -> Flow {
        if cx.mem.page_mapcount(self.old) > 0 || !self.at_base(cx.mem) {
            return self.goto(Stage::UnlockOld);
        }
        cx.mem.page_mut(self.old).flags |= PG_REPLACED;
        cx.mem.replace_in_swap_cache(self.old, self.new);
        self.goto(Stage::Copy)
    }

    fn unlock_old(&mut self, cx: &mut Cx<'_>) -> Flow {
        cx.unlock(Lock::Page(self.old));
        if self.ok {
            cx.mem.put_isolated(self.old);
            cx.mem.add_new_to_lru(self.new);
        } else {
            cx.mem.putback_lru(self.old);
        }
        if !self.new.is_some() {
            return Flow::Return(Ret::Again);
        }
        self.goto(Stage::UnlockNew)
    }

    fn unlock_new(&mut self, cx: &mut Cx<'_>) -> Flow {
        cx.unlock(Lock::Page(self.new));
        if !self.ok {
            cx.put_page(self.new);
            return Flow::Return(Ret::Again);
        }
        self.vma = VmaId::NONE;
        self.goto(Stage::Touch)
    }

    /// The next vma of the page's anon_vma that still has the swap pte.
    fn next_to_touch(self, mem: &Memory) -> Option<(VmaId, u32)> {
        let page = mem.page(self.new);
        if page.mapping == NO_MAPPING {
            return None;
        }
        let mut walk = Walk::NONE;
        walk.anon_vma = crate::mm::AnonVmaId(page.mapping as u16);
        walk.begin(mem);
        let mut passed = !self.vma.is_some();
        while walk.vma.is_some() {
            let vma = &mem.vmas[walk.vma.index()];
            let address = vma.address_of_index(page.index);
            if passed
                && let Some(address) = address
                && mem.pte(walk.vma, address).entry() == Some(self.entry)
            {
                return Some((walk.vma, address));
            }
            passed |= walk.vma == self.vma;
            walk.advance(mem);
        }
        None
    }

    /// Touches the addresses that were unmapped, so that their ptes come back.
    fn touch(&mut self, cx: &mut Cx<'_>) -> Flow {
        let found = self.next_to_touch(cx.mem);
        let Some((vma, address)) = found else {
            return self.goto(Stage::LockNew);
        };
        self.vma = vma;
        let mm = cx.mem.vmas[vma.index()].mm;
        if !cx.trylock(Lock::MmapRead(mm)) {
            return Flow::Next;
        }
        self.stage = Stage::TouchDone;
        Flow::Call(Fault::new(vma, address, false).into())
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
            Stage::WaitLock => {
                Wants { until: Until::Tick, ..Wants::take(Lock::Page(self.old)) }
            }
            Stage::WaitWriteback => Wants::until(Until::NotWriteback(self.old)),
            Stage::Replace | Stage::Rewind | Stage::ReplaceNow => Wants::free(Lock::Tree),
            Stage::LockNew => Wants::take(Lock::Page(self.new)),
            _ => Wants::NOTHING,
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
            Stage::UnlockOld => self.unlock_old(cx),
            Stage::UnlockNew => self.unlock_new(cx),
            Stage::Touch => self.touch(cx),
            Stage::TouchDone => {
                let mm = cx.mem.vmas[self.vma.index()].mm;
                cx.unlock(Lock::MmapRead(mm));
                self.goto(Stage::Touch)
            }
            Stage::LockNew => {
                self.stage = Stage::GiveUpSlot;
                Flow::Call(RemoveExclusive::new(self.new).into())
            }
            Stage::GiveUpSlot => {
                cx.unlock(Lock::Page(self.new));
                cx.put_page(self.new);
                Flow::Return(Ret::Done)
            }
        }
    }
}

impl Memory {
    /// `radix_tree_replace_slot`: `to` takes the place of `from` in the swap cache.
    /// `from` keeps its flag and reference only if it carries `PG_REPLACED`.
    fn replace_in_swap_cache(&mut self, from: Pfn, to: Pfn) {
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

    fn add_new_to_lru(&mut self, pfn: Pfn) {
        debug_assert!(self.page(pfn).locker != LOCKED_BY_IO && self.page(pfn).has(PG_LOCKED));
        self.lru_cache_add_active_drained(pfn);
    }
}
