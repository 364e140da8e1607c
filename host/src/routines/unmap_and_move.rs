//! `mm/migrate.c:unmap_and_move`, 2.6.18 and later: migration of one anonymous page by
//! migration entries.
//!
//! Each pte of the page becomes a migration entry, at which faults wait for the page
//! lock; the page is moved if nobody but us (and the swap cache) holds it then; the
//! entries become ptes again, of the new page or of the old one. Read in 2.6.29, 5.10 and
//! 6.12; the expected count is 1, and 1 more in the swap cache, in all of them.
//!
//! Simplified: only anonymous pages without buffers; locks and writeback are slept for in
//! every pass; the repeated passes are the caller's; the new page goes to the LRU without a
//! pagevec between (as since 5.18, where it is drained at once).

use super::{Cx, Flow, Stages, TryToUnmap, stages};
use crate::lock::{Lock, Until, Wants};
use crate::mm::{
    AnonVmaId, Memory, NO_MAPPING, PG_ACTIVE, PG_ANON, PG_DIRTY, PG_ERROR, PG_PRIVATE,
    PG_REFERENCED, PG_REPLACED, PG_SWAPCACHE, PG_UPTODATE, Pfn, Pte, SwpEntry, VmaId,
};
use crate::rename::renames;
use crate::task::{Ret, Task};

stages! { Stage {
    Isolate = "unmap_and_move.isolate_lru_page",
    LockPage = "unmap_and_move.lock_page",
    WaitWriteback = "unmap_and_move.wait_on_page_writeback",
    Unmapped = "unmap_and_move.unmapped",
    MoveMapping = "migrate_page_move_mapping.check_and_replace",
    Copy = "migrate_page.copy",
    LockAnonVma = "remove_migration_ptes.lock_anon_vma",
    Restore = "remove_migration_pte.restore",
    UnlockAnonVma = "remove_migration_ptes.unlock_anon_vma",
    Unlock = "unmap_and_move.unlock_page",
}}

/// Moves one anonymous page to another frame. Returns `Done`, `Again` (busy) or
/// `NoMemory`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct UnmapAndMove {
    stage: Stage,
    ret: Ret,
    old: Pfn,
    new: Pfn,
    vma: VmaId,
    /// Only a frame outside `ZONE_MOVABLE` will do.
    unmovable: bool,
}

renames!(UnmapAndMove { ret, old, new, vma; stage, unmovable });

impl UnmapAndMove {
    /// For a page.
    #[must_use]
    pub const fn new(page: Pfn) -> Self {
        let (new, vma) = (Pfn::NONE, VmaId::NONE);
        Self { stage: Stage::Isolate, ret: Ret::Again, old: page, new, vma, unmovable: false }
    }

    /// For a page that has to leave `ZONE_MOVABLE`.
    #[must_use]
    pub const fn out_of_movable(page: Pfn) -> Self {
        Self { unmovable: true, ..Self::new(page) }
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
        if cx.mem.page_count(self.old) == 1 {
            // Freed from under us: only our own reference is left.
            self.ret = Ret::Done;
            return self.goto(Stage::Unlock);
        }
        let page = cx.mem.page(self.old);
        if page.has(PG_PRIVATE) || !page.has(PG_ANON) {
            return self.goto(Stage::Unlock);
        }
        let new = if self.unmovable { cx.alloc_unmovable_page() } else { cx.alloc_page() };
        let Some(new) = new else {
            self.ret = Ret::NoMemory;
            return self.goto(Stage::Unlock);
        };
        self.new = new;
        assert!(cx.trylock(Lock::Page(new)), "a new page is not locked");
        if cx.mem.page_mapcount(self.old) == 0 {
            return self.goto(Stage::MoveMapping);
        }
        self.stage = Stage::Unmapped;
        Flow::Call(TryToUnmap::migrate(self.old).into())
    }

    /// Nobody but the swap cache and us holds the page: the new one takes its place.
    fn move_mapping(&mut self, cx: &mut Cx<'_>) -> Flow {
        let cached = cx.mem.page(self.old).has(PG_SWAPCACHE);
        if cx.mem.page_count(self.old) != 1 + u32::from(cached) {
            return self.goto(Stage::LockAnonVma);
        }
        if cached {
            cx.mem.page_mut(self.old).flags |= PG_REPLACED;
            cx.mem.replace_in_swap_cache(self.old, self.new);
        }
        self.goto(Stage::Copy)
    }

    fn copy(&mut self, cx: &mut Cx<'_>) -> Flow {
        const KEPT: u32 = PG_REFERENCED | PG_ACTIVE | PG_DIRTY | PG_UPTODATE | PG_ERROR | PG_ANON;
        let old = *cx.mem.page(self.old);
        let page = cx.mem.page_mut(self.new);
        page.data = old.data;
        page.flags |= old.flags & KEPT;
        page.mapping = old.mapping;
        page.index = old.index;
        if old.has(PG_SWAPCACHE) {
            // The cache's reference to the old page is ours to put.
            let page = cx.mem.page_mut(self.old);
            page.flags &= !(PG_SWAPCACHE | PG_REPLACED);
            page.private = SwpEntry::NONE;
            page.tasks += 1;
            cx.task.note_page(self.old);
            cx.put_page(self.old);
        }
        self.ret = Ret::Done;
        self.goto(Stage::LockAnonVma)
    }

    /// What the entries become: the new page if it was moved, else the old one again.
    fn target(self) -> Pfn {
        if self.ret == Ret::Done { self.new } else { self.old }
    }

    fn anon_vma(self, mem: &Memory) -> Option<AnonVmaId> {
        let page = mem.page(self.old);
        let anon = page.has(PG_ANON) && page.mapping != NO_MAPPING;
        anon.then_some(AnonVmaId(page.mapping as u16))
    }

    fn walk_to(&mut self, vma: VmaId) -> Flow {
        self.vma = vma;
        self.goto(if vma.is_some() { Stage::Restore } else { Stage::UnlockAnonVma })
    }

    /// `remove_migration_pte`, under page_table_lock.
    fn restore(&mut self, cx: &mut Cx<'_>) -> Flow {
        let v = cx.mem.vmas[self.vma.index()];
        let address = v.address_of_index(cx.mem.page(self.old).index);
        if let Some(address) = address
            && cx.mem.pte(self.vma, address).migrating() == Some(self.old)
        {
            let entry = cx.mem.pte(self.vma, address);
            let target = self.target();
            cx.get_page(target);
            let writable = entry.write() && v.vm_write();
            let young = entry.migrating_young();
            let pte = if young { Pte::mk(target) } else { Pte::mk(target).mkold() };
            let dirty = entry.dirty() && cx.mem.page(target).has(PG_DIRTY);
            let pte = if dirty { pte.mkdirty() } else { pte };
            cx.mem.set_pte(self.vma, address, pte.maybe_mkwrite(writable));
            // The entry was counted already.
            cx.mem.mms[v.mm.index()].anon_rss -= 1;
            cx.page_add_anon_rmap(target, self.vma, address);
            if entry.migrating_exclusive() {
                cx.set_exclusive(target);
            }
        }
        self.walk_to(v.anon_next)
    }

    fn unlock(self, cx: &mut Cx<'_>) -> Flow {
        let moved = self.ret == Ret::Done;
        if self.new.is_some() {
            if moved {
                cx.mem.add_page_to_lru(self.new);
            }
            cx.unlock(Lock::Page(self.new));
            cx.put_page(self.new);
        }
        cx.unlock(Lock::Page(self.old));
        if moved {
            cx.mem.put_isolated(self.old);
        } else {
            cx.mem.putback_lru(self.old);
        }
        Flow::Return(self.ret)
    }
}

impl Stages for UnmapAndMove {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, mem: &Memory, _: &Task) -> Wants {
        match self.stage {
            Stage::LockPage => Wants::take(Lock::Page(self.old)),
            Stage::WaitWriteback => Wants::until(Until::NotWriteback(self.old)),
            Stage::MoveMapping => Wants::free(Lock::Tree),
            Stage::LockAnonVma => match self.anon_vma(mem) {
                Some(anon_vma) => Wants::take(Lock::AnonVma(anon_vma)),
                None => Wants::NOTHING,
            },
            Stage::Restore => Wants::free(Lock::Ptl(mem.vmas[self.vma.index()].mm)),
            Stage::Isolate
            | Stage::Unmapped
            | Stage::Copy
            | Stage::UnlockAnonVma
            | Stage::Unlock => Wants::NOTHING,
        }
    }

    #[inline]
    fn moves_left(&self, mem: &Memory, _: &Task) -> bool {
        match self.stage {
            Stage::Unmapped => mem.stays_unmapped(self.old),
            // Nobody can find either page but by a migration entry, where he waits.
            Stage::Copy => !mem.page(self.old).has(PG_SWAPCACHE),
            Stage::UnlockAnonVma => true,
            _ => false,
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::Isolate => self.isolate(cx),
            Stage::LockPage => self.goto(Stage::WaitWriteback),
            Stage::WaitWriteback => self.locked(cx),
            Stage::Unmapped => {
                let unmapped = cx.mem.page_mapcount(self.old) == 0;
                self.goto(if unmapped { Stage::MoveMapping } else { Stage::LockAnonVma })
            }
            Stage::MoveMapping => self.move_mapping(cx),
            Stage::Copy => self.copy(cx),
            Stage::LockAnonVma => match self.anon_vma(cx.mem) {
                Some(anon_vma) => self.walk_to(cx.mem.anon_vmas[anon_vma.index()].head),
                None => self.goto(Stage::Unlock),
            },
            Stage::Restore => self.restore(cx),
            Stage::UnlockAnonVma => {
                if let Some(anon_vma) = self.anon_vma(cx.mem) {
                    cx.unlock(Lock::AnonVma(anon_vma));
                }
                self.goto(Stage::Unlock)
            }
            Stage::Unlock => self.unlock(cx),
        }
    }
}
