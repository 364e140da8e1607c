//! `mm/rmap.c:try_to_unmap` and `try_to_unmap_one`, 2.6.11.
//!
//! The page is locked. The tests before the veto (VM_LOCKED, VM_RESERVED, young) are the
//! kernel's; the veto is the policy's. Kernels with `PG_anon_exclusive` ask again once the
//! pte is cleared, and put it back if the page must stay.

use super::referenced::{Walk, expected_at};
use super::{Cx, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{
    Memory, PG_ANON, PG_ANON_EXCLUSIVE, PG_DIRTY, PG_LOCKED, PG_SWAPCACHE, Pfn, Pte, VM_LOCKED,
    VM_RESERVED,
};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::{
    EXCLUSIVE_BIT, EXCLUSIVE_MARK, FOR_MIGRATION, Hook, MIGRATION_YOUNG_DIRTY, UNMAP_CLEARED,
    UNMAP_ENTRY, UNMAP_FAIL, UNMAP_YOUNG,
};

stages! { Stage {
    Begin = "try_to_unmap.begin",
    Lock = "try_to_unmap.lock_anon_vma",
    Check = "try_to_unmap_one.check",
    Clear = "try_to_unmap_one.clear_pte",
    Cleared = "try_to_unmap_one.share_or_restore",
    Unlock = "try_to_unmap.unlock_anon_vma",
}}

/// Takes down all ptes of a page. Returns `SwapSuccess`, `SwapAgain` or `SwapFail`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct TryToUnmap {
    stage: Stage,
    page: Pfn,
    walk: Walk,
    ret: Ret,
    mode: Mode,
    /// What was cleared.
    pte: Pte,
}

renames!(TryToUnmap { page, walk, ret, pte; stage, mode });

/// Who unmaps.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
enum Mode {
    /// Reclaim: a young pte or a `VM_LOCKED` vma is left alone.
    Reclaim,
    /// Migration of 2.6.16 (`ignore_refs`): young does not matter.
    IgnoreYoung,
    /// Migration with migration entries (2.6.18 on; `try_to_migrate` from 5.14): neither
    /// matters.
    Migrate,
    /// The memory-hotplug tree (`force`): neither matters, but such a swap pte is
    /// marked young, so that migration touches the address back in.
    Force,
}

impl TryToUnmap {
    /// For a locked page.
    #[must_use]
    pub const fn new(page: Pfn) -> Self {
        let (walk, ret) = (Walk::NONE, Ret::SwapAgain);
        Self { stage: Stage::Begin, page, walk, ret, mode: Mode::Reclaim, pte: Pte::NONE }
    }

    /// For migration of 2.6.16: whether the page was used lately does not matter.
    #[must_use]
    pub const fn ignoring_young(page: Pfn) -> Self {
        Self { mode: Mode::IgnoreYoung, ..Self::new(page) }
    }

    /// For migration that leaves migration entries.
    #[must_use]
    pub const fn migrate(page: Pfn) -> Self {
        Self { mode: Mode::Migrate, ..Self::new(page) }
    }

    /// For migration of the memory-hotplug tree: nor does `VM_LOCKED`.
    #[must_use]
    pub const fn force(page: Pfn) -> Self {
        Self { mode: Mode::Force, ..Self::new(page) }
    }

    fn begin(&mut self, cx: &mut Cx<'_>) -> Flow {
        let unlocked = !cx.mem.page(self.page).has(PG_LOCKED);
        cx.mem.bug_on(unlocked, "try_to_unmap", "!PageLocked", self.page);
        let Some(walk) = Walk::of(cx.mem, self.page) else {
            return self.answer(cx.mem);
        };
        self.walk = walk;
        self.stage = Stage::Lock;
        Flow::Next
    }

    /// Everything up to the veto, under page_table_lock.
    fn check(&mut self, cx: &mut Cx<'_>) -> Flow {
        let vma = self.walk.vma;
        self.ret = Ret::SwapAgain;
        let v = cx.mem.vmas[vma.index()];
        let Some(address) = expected_at(cx.mem, vma, self.page) else {
            return self.next_vma(cx);
        };
        let ptl = Lock::Ptl(v.mm);
        let pte = cx.mem.pte(vma, address);
        if !pte.maps(self.page) {
            cx.unlock(ptl);
            return self.next_vma(cx);
        }
        let kept = match self.mode {
            Mode::Force | Mode::Migrate => VM_RESERVED,
            Mode::Reclaim | Mode::IgnoreYoung => VM_LOCKED | VM_RESERVED,
        };
        let locked = v.flags & kept != 0;
        let heeds_young = self.mode == Mode::Reclaim && !cx.has(UNMAP_YOUNG);
        let young = !locked && heeds_young && pte.young();
        if young {
            cx.mem.set_pte(vma, address, pte.mkold());
        }
        if locked || young || self.vetoed(cx, UNMAP_ENTRY) {
            cx.unlock(ptl);
            self.ret = Ret::SwapFail;
            self.stage = Stage::Unlock;
            return Flow::Next;
        }
        self.stage = Stage::Clear;
        Flow::Next
    }

    fn vetoed(self, cx: &mut Cx<'_>, at: u32) -> bool {
        let flags = cx.mem.vmas[self.walk.vma.index()].flags;
        let migration = self.mode != Mode::Reclaim;
        let env = u32::from(migration) * FOR_MIGRATION;
        cx.ask(Hook::try_to_unmap_one, at, self.page, flags, env) == UNMAP_FAIL
    }

    fn address(self, mem: &Memory) -> u32 {
        let vma = &mem.vmas[self.walk.vma.index()];
        vma.address_of_index(mem.page(self.page).index).expect("checked before")
    }

    /// The pte is cleared; a swap pte's reference to the entry is taken.
    fn clear(&mut self, cx: &mut Cx<'_>) -> Flow {
        let (vma, page, address) = (self.walk.vma, self.page, self.address(cx.mem));
        self.pte = cx.mem.pte(vma, address);
        if self.pte.dirty() {
            cx.mem.page_mut(page).flags |= PG_DIRTY;
        }
        let anon = cx.mem.page(page).has(PG_ANON);
        if anon && self.mode != Mode::Migrate {
            let cached = cx.mem.page(page).has(PG_SWAPCACHE);
            cx.mem.bug_on(!cached, "try_to_unmap_one", "!PageSwapCache", page);
            if !cached {
                cx.unlock(Lock::Ptl(cx.mem.vmas[vma.index()].mm));
                self.stage = Stage::Unlock;
                return Flow::Next;
            }
            let entry = cx.mem.page(page).private;
            cx.mem.swap_duplicate(entry);
            cx.task.note_entry(entry);
            cx.mem.add_to_mmlist(cx.mem.vmas[vma.index()].mm);
        }
        if anon && cx.has(EXCLUSIVE_BIT) {
            cx.mem.set_pte(vma, address, Pte::NONE);
            self.stage = Stage::Cleared;
            return Flow::Next;
        }
        self.replace(cx)
    }

    /// Kernels with `PG_anon_exclusive`: nobody can take a reference by the pte any more,
    /// so what the count says now is true. Share the page, or put the pte back.
    fn share_or_restore(&mut self, cx: &mut Cx<'_>) -> Flow {
        if !self.vetoed(cx, UNMAP_CLEARED) {
            return self.replace(cx);
        }
        let (vma, address) = (self.walk.vma, self.address(cx.mem));
        if self.mode != Mode::Migrate {
            let entry = cx.mem.page(self.page).private;
            cx.free_entry(entry);
        }
        cx.mem.set_pte(vma, address, self.pte);
        cx.unlock(Lock::Ptl(cx.mem.vmas[vma.index()].mm));
        self.ret = Ret::SwapFail;
        self.stage = Stage::Unlock;
        Flow::Next
    }

    /// The pte becomes a swap pte or a migration entry (anonymous), or none (file).
    fn replace(&mut self, cx: &mut Cx<'_>) -> Flow {
        let (vma, page, address) = (self.walk.vma, self.page, self.address(cx.mem));
        let v = cx.mem.vmas[vma.index()];
        let mm = v.mm.index();
        let exclusive = cx.mem.page(page).has(PG_ANON_EXCLUSIVE);
        if exclusive {
            cx.mem.page_mut(page).flags &= !PG_ANON_EXCLUSIVE;
        }
        let anon = cx.mem.page(page).has(PG_ANON);
        if self.mode == Mode::Migrate && anon {
            // Stays in rss and anon_rss.
            let entry = Pte::migration(page, self.pte.write(), exclusive);
            let remembers = cx.has(MIGRATION_YOUNG_DIRTY);
            let entry = if remembers { entry.remember_young_dirty(self.pte) } else { entry };
            cx.mem.set_pte(vma, address, entry);
        } else if anon {
            let entry = cx.mem.page(page).private;
            cx.task.forget_entry(entry);
            let used = self.mode == Mode::Force && (self.pte.young() || v.flags & VM_LOCKED != 0);
            let swap = if used { Pte::swap(entry).mkyoung() } else { Pte::swap(entry) };
            let marked = exclusive && cx.has(EXCLUSIVE_MARK);
            cx.mem.set_pte(vma, address, if marked { swap.mkexclusive() } else { swap });
            cx.mem.mms[mm].anon_rss -= 1;
            cx.mem.mms[mm].rss -= 1;
        } else {
            cx.mem.set_pte(vma, address, Pte::NONE);
            cx.mem.mms[mm].rss -= 1;
        }
        cx.page_remove_rmap(page);
        cx.put_page(page);
        cx.unlock(Lock::Ptl(v.mm));
        self.next_vma(cx)
    }

    fn next_vma(&mut self, cx: &mut Cx<'_>) -> Flow {
        self.walk.advance(cx.mem);
        let more = self.walk.vma.is_some() && cx.mem.page_mapcount(self.page) > 0;
        self.stage = if more { Stage::Check } else { Stage::Unlock };
        Flow::Next
    }

    fn answer(self, mem: &Memory) -> Flow {
        let unmapped = mem.page_mapcount(self.page) == 0;
        Flow::Return(if unmapped { Ret::SwapSuccess } else { self.ret })
    }
}

impl Stages for TryToUnmap {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, mem: &Memory, _: &Task) -> Wants {
        match self.stage {
            Stage::Begin | Stage::Unlock => Wants::NOTHING,
            Stage::Lock => Wants::take(self.walk.lock()),
            Stage::Check => match expected_at(mem, self.walk.vma, self.page) {
                Some(_) => Wants::take(Lock::Ptl(mem.vmas[self.walk.vma.index()].mm)),
                None => Wants::NOTHING,
            },
            Stage::Clear | Stage::Cleared => match mem.page(self.page).private {
                entry if mem.page(self.page).has(PG_SWAPCACHE) => {
                    Wants::free(Lock::SwapDevice(entry.area()))
                }
                _ => Wants::NOTHING,
            },
        }
    }

    #[inline]
    fn moves_left(&self, mem: &Memory, _: &Task) -> bool {
        // Both answer by the mapcount.
        matches!(self.stage, Stage::Begin | Stage::Unlock) && mem.stays_unmapped(self.page)
    }

    #[inline]
    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::Begin => self.begin(cx),
            Stage::Lock => {
                self.walk.begin(cx.mem);
                let any = self.walk.vma.is_some();
                self.stage = if any { Stage::Check } else { Stage::Unlock };
                Flow::Next
            }
            Stage::Check => self.check(cx),
            Stage::Clear => self.clear(cx),
            Stage::Cleared => self.share_or_restore(cx),
            Stage::Unlock => {
                if self.walk.lock() != Lock::None {
                    cx.unlock(self.walk.lock());
                }
                self.answer(cx.mem)
            }
        }
    }
}

impl Memory {
    /// Whether nobody can map an anonymous page before it is unlocked: who has unlocked it
    /// and has its rmap still to add holds a reference.
    pub(super) fn stays_unmapped(&self, pfn: Pfn) -> bool {
        let page = self.page(pfn);
        page.has(PG_ANON) && page.tasks == 0 && self.page_mapcount(pfn) == 0
    }

    /// Puts a mm on `init_mm.mmlist` if it is not there.
    pub fn add_to_mmlist(&mut self, mm: crate::mm::MmId) {
        if !self.mmlist.contains(&mm) {
            self.mmlist.insert(0, mm);
        }
    }
}
