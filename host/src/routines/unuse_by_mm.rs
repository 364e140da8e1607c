//! `mm/swapfile.c:try_to_unuse` since 5.1: swapoff goes through address spaces, not slots.
//!
//! For each mm of the mmlist, under its mmap_sem, each swap pte of the area gets its page
//! back; the page is locked from before its pte is restored until its slot was tried to be
//! freed. Pages that are left in the swap cache come last; while slots are in use, all
//! begins anew. Read in 5.4 and 6.12.
//!
//! Simplified: no shmem; no signals; no readahead.

use super::{Cx, Flow, ReadSwapCache, RemoveExclusive, Stages, stages};
use crate::lock::{Lock, Until, Wants};
use crate::mm::{Memory, MmId, PG_WRITEBACK, Pfn, Pte, SWAP_MAP_BAD, SwpEntry, VmaId};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::ACTIVATE_AFTER_PTE;

stages! { Stage {
    NextMm = "try_to_unuse.next_mm_of_mmlist",
    DownRead = "unuse_mm.down_read",
    FindPte = "unuse_pte_range.next_pte",
    Read = "unuse_pte_range.swapin",
    LockPage = "unuse_pte_range.lock_page",
    WaitWriteback = "unuse_pte_range.wait_on_page_writeback",
    LockPte = "unuse_pte.lock",
    Restore = "unuse_pte.set_pte",
    Freed = "unuse_pte_range.unlock_page",
    UpRead = "unuse_mm.up_read",
    NextSlot = "try_to_unuse.next_slot",
    LockLeft = "try_to_unuse.lock_left_page",
    WaitLeft = "try_to_unuse.wait_on_left_page",
    FreedLeft = "try_to_unuse.unlock_left_page",
}}

/// Brings everything in an area back to memory. Returns `Done` or `NoMemory`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct UnuseByMm {
    stage: Stage,
    area: u8,
    /// The mm searched now or last, which is held; none before the first.
    mm: MmId,
    /// Where the search has got to.
    vma: VmaId,
    address: u32,
    entry: SwpEntry,
    page: Pfn,
    no_memory: bool,
}

renames!(UnuseByMm { mm, vma, entry, page; stage, area, address, no_memory });

impl UnuseByMm {
    /// For an area from which no slot is given out any more.
    #[must_use]
    pub const fn new(area: u8) -> Self {
        Self {
            stage: Stage::NextMm,
            area,
            mm: MmId::NONE,
            vma: VmaId::NONE,
            address: 0,
            entry: SwpEntry::NONE,
            page: Pfn::NONE,
            no_memory: false,
        }
    }

    const fn goto(&mut self, stage: Stage) -> Flow {
        self.stage = stage;
        Flow::Next
    }

    /// The next slot in use behind an offset; 0: none.
    fn next_slot_in_use(self, mem: &Memory, after: u32) -> u32 {
        let swap_map = &mem.areas[self.area as usize].swap_map;
        let used = |offset: &usize| swap_map[*offset] != 0 && swap_map[*offset] != SWAP_MAP_BAD;
        (after as usize + 1..swap_map.len()).find(used).unwrap_or(0) as u32
    }

    fn hold_mm(&mut self, mem: &mut Memory, mm: MmId) {
        if self.mm.is_some() {
            mem.mms[self.mm.index()].users -= 1;
        }
        if mm.is_some() {
            mem.mms[mm.index()].users += 1;
        }
        self.mm = mm;
    }

    fn next_mm(&mut self, cx: &mut Cx<'_>) -> Flow {
        if !self.mm.is_some() {
            // A round begins, in which each slot in use is looked at.
            let used = |count: &&u16| **count != 0 && **count != SWAP_MAP_BAD;
            let slots = cx.mem.areas[self.area as usize].swap_map.iter().filter(used).count();
            cx.mem.costs.unuse += slots as u64;
        }
        if self.next_slot_in_use(cx.mem, 0) == 0 {
            self.hold_mm(cx.mem, MmId::NONE);
            return Flow::Return(Ret::Done);
        }
        let list = &cx.mem.mmlist;
        let after = list.iter().position(|&mm| mm == self.mm).map_or(0, |place| place + 1);
        let alive = |mm: &MmId| !cx.mem.mms[mm.index()].exiting;
        let next = list[after..].iter().copied().find(alive).unwrap_or(MmId::NONE);
        self.hold_mm(cx.mem, next);
        if next.is_some() {
            return self.goto(Stage::DownRead);
        }
        self.entry = SwpEntry::new(self.area, 0);
        self.goto(Stage::NextSlot)
    }

    /// The swap pte of this area that comes next in the mm, read without a lock.
    fn find_pte(&mut self, cx: &mut Cx<'_>) -> Flow {
        while self.vma.is_some() {
            let vma = cx.mem.vmas[self.vma.index()];
            let here = |address: &u32| {
                let entry = cx.mem.ptes[vma.pte_index(*address)].entry();
                entry.filter(|entry| entry.area() == self.area).is_some()
            };
            let from = self.address.max(vma.start);
            let anonymous = vma.anon_vma.is_some();
            if let Some(address) = (from..vma.start + vma.len).find(|a| anonymous && here(a)) {
                self.address = address;
                self.entry = cx.mem.pte(self.vma, address).entry().expect("found just now");
                self.stage = Stage::Read;
                return Flow::Call(ReadSwapCache::new(self.entry).into());
            }
            self.vma = vma.next;
            self.address = 0;
        }
        self.goto(Stage::UpRead)
    }

    fn read(&mut self, cx: &Cx<'_>) -> Flow {
        if let Ret::Page(page) = cx.ret() {
            self.page = page;
            return self.goto(Stage::LockPage);
        }
        if cx.mem.swap_map(self.entry) == 0 {
            // Freed meanwhile.
            self.address += 1;
            return self.goto(Stage::FindPte);
        }
        self.no_memory = true;
        self.goto(Stage::UpRead)
    }

    fn same(self, mem: &Memory) -> bool {
        mem.pte(self.vma, self.address).entry() == Some(self.entry)
    }

    /// The slot is tried to be freed, whether or not the pte was still the same.
    fn try_to_free_swap(&mut self) -> Flow {
        self.stage = Stage::Freed;
        Flow::Call(RemoveExclusive::new(self.page).into())
    }

    fn restore(&mut self, cx: &mut Cx<'_>) -> Flow {
        let exclusive = cx.mem.pte(self.vma, self.address).marked_exclusive();
        cx.mem.mms[self.mm.index()].rss += 1;
        cx.get_page(self.page);
        cx.page_add_anon_rmap(self.page, self.vma, self.address);
        if exclusive {
            cx.set_exclusive(self.page);
        }
        cx.mem.set_pte(self.vma, self.address, Pte::mk(self.page).mkold());
        cx.mem.swap_free(self.entry);
        if cx.policy.rules().unuse_process & ACTIVATE_AFTER_PTE != 0 {
            cx.mem.activate_page(self.page);
        }
        cx.unlock(Lock::Ptl(self.mm));
        self.try_to_free_swap()
    }

    fn unlock_page(&mut self, cx: &mut Cx<'_>) {
        cx.unlock(Lock::Page(self.page));
        cx.put_page(self.page);
        self.page = Pfn::NONE;
    }

    fn up_read(&mut self, cx: &mut Cx<'_>) -> Flow {
        cx.unlock(Lock::MmapRead(self.mm));
        if self.no_memory {
            self.hold_mm(cx.mem, MmId::NONE);
            return Flow::Return(Ret::NoMemory);
        }
        self.goto(Stage::NextMm)
    }

    /// What is left in the swap cache without a pte that anybody searched.
    fn next_slot(&mut self, cx: &mut Cx<'_>) -> Flow {
        let offset = self.next_slot_in_use(cx.mem, self.entry.offset() as u32);
        if offset == 0 {
            return self.goto(Stage::NextMm);
        }
        self.entry = SwpEntry::new(self.area, offset);
        let Some(page) = cx.mem.swap_cache(self.entry) else {
            return Flow::Next;
        };
        cx.get_page(page);
        self.page = page;
        self.goto(Stage::LockLeft)
    }
}

impl Stages for UnuseByMm {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, _: &Task) -> Wants {
        match self.stage {
            Stage::DownRead => Wants::take(Lock::MmapRead(self.mm)),
            Stage::LockPage | Stage::LockLeft => Wants::take(Lock::Page(self.page)),
            Stage::WaitWriteback | Stage::WaitLeft => Wants::until(Until::NotWriteback(self.page)),
            Stage::LockPte => Wants::take(Lock::Ptl(self.mm)),
            Stage::Restore => Wants::free(Lock::SwapDevice(self.area)),
            Stage::NextSlot => Wants::free(Lock::Tree),
            Stage::NextMm
            | Stage::FindPte
            | Stage::Read
            | Stage::Freed
            | Stage::UpRead
            | Stage::FreedLeft => Wants::NOTHING,
        }
    }

    #[inline]
    fn moves_left(&self, mem: &Memory, task: &Task) -> bool {
        match self.stage {
            Stage::FindPte => !self.vma.is_some(),
            Stage::Read => matches!(task.ret, Ret::Page(_)),
            // We have it locked: no writeback begins, and migration leaves it alone.
            Stage::WaitWriteback | Stage::WaitLeft => {
                let written = !mem.page(self.page).has(PG_WRITEBACK);
                written && !mem.taken_by_migration(self.page)
            }
            Stage::UpRead => true,
            _ => false,
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::NextMm => self.next_mm(cx),
            Stage::DownRead => {
                self.vma = cx.mem.mms[self.mm.index()].mmap;
                self.address = 0;
                self.goto(Stage::FindPte)
            }
            Stage::FindPte => self.find_pte(cx),
            Stage::Read => self.read(cx),
            Stage::LockPage => self.goto(Stage::WaitWriteback),
            Stage::WaitWriteback if cx.mem.taken_by_migration(self.page) => {
                self.unlock_page(cx);
                self.goto(Stage::FindPte)
            }
            Stage::WaitWriteback => self.goto(Stage::LockPte),
            Stage::LockPte if self.same(cx.mem) => self.goto(Stage::Restore),
            Stage::LockPte => {
                cx.unlock(Lock::Ptl(self.mm));
                self.try_to_free_swap()
            }
            Stage::Restore => self.restore(cx),
            Stage::Freed => {
                self.unlock_page(cx);
                self.address += 1;
                self.goto(Stage::FindPte)
            }
            Stage::UpRead => self.up_read(cx),
            Stage::NextSlot => self.next_slot(cx),
            Stage::LockLeft => self.goto(Stage::WaitLeft),
            Stage::WaitLeft if cx.mem.taken_by_migration(self.page) => {
                self.unlock_page(cx);
                self.goto(Stage::NextSlot)
            }
            Stage::WaitLeft => {
                self.stage = Stage::FreedLeft;
                Flow::Call(RemoveExclusive::new(self.page).into())
            }
            Stage::FreedLeft => {
                self.unlock_page(cx);
                self.goto(Stage::NextSlot)
            }
        }
    }
}
