//! `mm/swapfile.c:sys_swapoff` and `try_to_unuse`, 2.6.11.
//!
//! Simplified: each entry's search starts at the head of the mmlist (`start_mm` is
//! a hint that saves time); no shmem; no signals.

use super::{Cx, Flow, ReadSwapCache, RemoveExclusive, Stages, UnuseByMm, UnuseProcess, stages};
use crate::lock::{Lock, Until, Wants};
use crate::mm::{
    Memory, MmId, PG_DIRTY, PG_SWAPCACHE, PG_WRITEBACK, Pfn, SWAP_MAP_BAD, SWAP_MAP_MAX, SwapIo,
    SwpEntry,
};
use crate::rename::{Rename, Renaming};
use crate::task::{Ret, Task};
use cowpath_abi::SWAPOFF_BY_MM;

stages! { Stage {
    Start = "sys_swapoff.stop_allocation",
    ByMm = "try_to_unuse.by_mm",
    Next = "try_to_unuse.find_next_to_unuse",
    Read = "try_to_unuse.read_swap_cache",
    WaitLocked = "try_to_unuse.wait_on_page_locked",
    WaitWriteback = "try_to_unuse.wait_on_page_writeback",
    LockPage = "try_to_unuse.lock_page",
    WaitLockedWriteback = "try_to_unuse.wait_on_page_writeback_locked",
    NextMm = "try_to_unuse.next_mm",
    Written = "try_to_unuse.swap_writepage",
    Relock = "try_to_unuse.lock_page_after_write",
    WaitWritten = "try_to_unuse.wait_for_write",
    Delete = "try_to_unuse.delete_from_swap_cache",
    SwapFree = "try_to_unuse.swap_free",
    Finish = "try_to_unuse.unlock_page",
    End = "sys_swapoff.end",
    Fail = "sys_swapoff.reinsert",
}}

/// Takes a swap area out of use. Returns `Done`, `NoMemory`, or `Invalid` if it is
/// not in use.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Swapoff {
    stage: Stage,
    area: u8,
    offset: u32,
    page: Pfn,
    /// The mm searched last, which is held; none before the first.
    mm: MmId,
}

impl Rename for Swapoff {
    fn rename(&mut self, by: &Renaming) {
        let Self { stage: _, area, offset, page, mm } = self;
        *offset = by.offset(*area, *offset);
        page.rename(by);
        mm.rename(by);
    }
}

impl Swapoff {
    /// Of an active area.
    #[must_use]
    pub const fn new(area: u8) -> Self {
        Self { stage: Stage::Start, area, offset: 0, page: Pfn::NONE, mm: MmId::NONE }
    }

    const fn entry(self) -> SwpEntry {
        SwpEntry::new(self.area, self.offset)
    }

    const fn goto(&mut self, stage: Stage) -> Flow {
        self.stage = stage;
        Flow::Next
    }

    fn start(&mut self, cx: &mut Cx<'_>) -> Flow {
        let area = self.area;
        if !cx.mem.swap_list.contains(&area) {
            return Flow::Return(Ret::Invalid);
        }
        cx.mem.swap_list.retain(|&a| a != area);
        if cx.mem.swap_next == area {
            cx.mem.swap_next = cx.mem.swap_list.first().copied().unwrap_or(0);
        }
        let pages = cx.mem.areas[area as usize].pages as i32;
        cx.mem.nr_swap_pages -= pages;
        cx.mem.total_swap_pages -= pages;
        cx.mem.areas[area as usize].writeok = false;
        if cx.has(SWAPOFF_BY_MM) {
            self.stage = Stage::ByMm;
            return Flow::Call(UnuseByMm::new(area).into());
        }
        self.goto(Stage::Next)
    }

    /// `find_next_to_unuse`: the next entry in use after this one, round the end.
    fn find_next(&mut self, cx: &mut Cx<'_>) -> Flow {
        let swap_map = &cx.mem.areas[self.area as usize].swap_map;
        let used = |offset: &usize| swap_map[*offset] != 0 && swap_map[*offset] != SWAP_MAP_BAD;
        let from = self.offset as usize + 1;
        let next = (from..swap_map.len()).find(used).or_else(|| (1..from).find(used));
        let Some(next) = next else {
            return self.goto(Stage::End);
        };
        self.offset = next as u32;
        cx.mem.costs.unuse += 1;
        self.stage = Stage::Read;
        Flow::Call(ReadSwapCache::new(self.entry()).into())
    }

    fn read(&mut self, cx: &Cx<'_>) -> Flow {
        if let Ret::Page(page) = cx.ret() {
            self.page = page;
            return self.goto(Stage::WaitLocked);
        }
        // The entry was freed meanwhile, or there is no memory.
        let freed = cx.mem.swap_map(self.entry()) == 0;
        self.goto(if freed { Stage::Next } else { Stage::Fail })
    }

    /// The next mm of the mmlist that has not begun to exit.
    fn next_on_mmlist(self, mem: &Memory) -> Option<MmId> {
        let list = &mem.mmlist;
        let after = list.iter().position(|&mm| mm == self.mm).map_or(0, |place| place + 1);
        list[after..].iter().copied().find(|mm| !mem.mms[mm.index()].exiting)
    }

    /// Holds another mm (`mm_users`) in place of the last.
    fn hold_mm(&mut self, mem: &mut Memory, mm: MmId) {
        if self.mm.is_some() {
            mem.mms[self.mm.index()].users -= 1;
        }
        if mm.is_some() {
            mem.mms[mm.index()].users += 1;
        }
        self.mm = mm;
    }

    /// Goes through the mmlist while the entry has ptes.
    fn next_mm(&mut self, cx: &mut Cx<'_>) -> Flow {
        if cx.mem.taken_by_migration(self.page) {
            return self.look_again(cx);
        }
        let swap_map = cx.mem.swap_map(self.entry());
        if swap_map > 1
            && let Some(mm) = self.next_on_mmlist(cx.mem)
        {
            self.hold_mm(cx.mem, mm);
            return Flow::Call(UnuseProcess::new(mm, self.entry(), self.page).into());
        }
        self.hold_mm(cx.mem, MmId::NONE);
        if swap_map == SWAP_MAP_MAX {
            cx.mem.reset_overflow(self.entry());
        }
        let page = *cx.mem.page(self.page);
        let more = cx.mem.swap_map(self.entry()) > 1;
        if more && page.has(PG_DIRTY | PG_SWAPCACHE) {
            self.stage = Stage::Written;
            return Flow::Call(RemoveExclusive::new(self.page).into());
        }
        self.delete_or_finish(cx.mem)
    }

    /// Migration has the page: give it up, and look the same entry up again.
    fn look_again(&mut self, cx: &mut Cx<'_>) -> Flow {
        self.hold_mm(cx.mem, MmId::NONE);
        cx.unlock(Lock::Page(self.page));
        cx.put_page(self.page);
        self.page = Pfn::NONE;
        self.offset -= 1;
        self.goto(Stage::Next)
    }

    /// `swap_writepage` after `remove_exclusive_swap_page`: a reference remains, so
    /// the data has to be on disk.
    fn written(&mut self, cx: &mut Cx<'_>) -> Flow {
        if cx.ret() == Ret::No {
            cx.mem.page_mut(self.page).flags |= PG_WRITEBACK;
            cx.mem.costs.swap_writes += 1;
            let io = SwapIo { pfn: self.page, entry: self.entry(), write: true };
            cx.mem.swap_io.push(io);
        }
        cx.unlock(Lock::Page(self.page));
        self.goto(Stage::Relock)
    }

    /// The page may have left the swap cache while it was not locked, and may even be back
    /// on another area, not written out yet (mm/swapfile.c:try_to_unuse, 2.6.29; before,
    /// our reference to it keeps it where it is).
    fn delete_or_finish(&mut self, mem: &Memory) -> Flow {
        let page = mem.page(self.page);
        let cached = page.has(PG_SWAPCACHE) && page.private == self.entry();
        self.goto(if cached { Stage::Delete } else { Stage::Finish })
    }

    fn finish(&mut self, cx: &mut Cx<'_>) -> Flow {
        cx.mem.page_mut(self.page).flags |= PG_DIRTY;
        cx.unlock(Lock::Page(self.page));
        cx.put_page(self.page);
        self.page = Pfn::NONE;
        self.goto(Stage::Next)
    }

    fn end(self, cx: &mut Cx<'_>) -> Flow {
        cx.mem.areas[self.area as usize].used = false;
        // drain_mmlist: only if no area has an entry in use.
        let used = |count: &u16| *count != 0 && *count != SWAP_MAP_BAD;
        if !cx.mem.areas.iter().any(|area| area.swap_map.iter().any(used)) {
            cx.mem.mmlist.clear();
        }
        Flow::Return(Ret::Done)
    }

    /// Out of memory: the area goes back into use.
    fn fail(self, cx: &mut Cx<'_>) -> Flow {
        let (mem, area) = (&mut *cx.mem, self.area);
        let priority = mem.areas[area as usize].priority;
        let place = mem.swap_list.iter().position(|&a| mem.areas[a as usize].priority <= priority);
        mem.swap_list.insert(place.unwrap_or(mem.swap_list.len()), area);
        if mem.swap_list[0] == area {
            mem.swap_next = area;
        }
        let pages = mem.areas[area as usize].pages as i32;
        mem.nr_swap_pages += pages;
        mem.total_swap_pages += pages;
        mem.areas[area as usize].writeok = true;
        Flow::Return(Ret::NoMemory)
    }
}

impl Stages for Swapoff {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, _: &Task) -> Wants {
        match self.stage {
            Stage::Start | Stage::End | Stage::SwapFree => Wants::free(Lock::SwapDevice(self.area)),
            Stage::WaitLocked => Wants::until(Until::Unlocked(self.page)),
            Stage::WaitWriteback | Stage::WaitLockedWriteback | Stage::WaitWritten => {
                Wants::until(Until::NotWriteback(self.page))
            }
            Stage::LockPage | Stage::Relock => Wants::take(Lock::Page(self.page)),
            Stage::Delete => Wants::free(Lock::Tree),
            _ => Wants::NOTHING,
        }
    }

    #[inline]
    fn moves_left(&self, mem: &Memory, task: &Task) -> bool {
        match self.stage {
            Stage::ByMm => true,
            Stage::Read => matches!(task.ret, Ret::Page(_)),
            // We have it locked: no writeback begins, and it stays in the swap cache or out.
            Stage::WaitLockedWriteback | Stage::WaitWritten => {
                !mem.page(self.page).has(PG_WRITEBACK)
            }
            _ => false,
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::Start => self.start(cx),
            Stage::ByMm => {
                let failed = cx.ret() == Ret::NoMemory;
                self.goto(if failed { Stage::Fail } else { Stage::End })
            }
            Stage::Next => self.find_next(cx),
            Stage::Read => self.read(cx),
            Stage::WaitLocked => self.goto(Stage::WaitWriteback),
            Stage::WaitWriteback => self.goto(Stage::LockPage),
            Stage::LockPage => self.goto(Stage::WaitLockedWriteback),
            Stage::WaitLockedWriteback => self.goto(Stage::NextMm),
            Stage::NextMm => self.next_mm(cx),
            Stage::Written => self.written(cx),
            Stage::Relock => self.goto(Stage::WaitWritten),
            Stage::WaitWritten => self.delete_or_finish(cx.mem),
            Stage::Delete => {
                cx.delete_from_swap_cache(self.page);
                self.goto(Stage::SwapFree)
            }
            Stage::SwapFree => {
                cx.free_entry(self.entry());
                cx.put_page(self.page);
                self.goto(Stage::Finish)
            }
            Stage::Finish => self.finish(cx),
            Stage::End => self.end(cx),
            Stage::Fail => self.fail(cx),
        }
    }
}

impl Memory {
    /// try_to_unuse: a saturated count is set to 1 once every mm was searched.
    fn reset_overflow(&mut self, entry: SwpEntry) {
        self.areas[entry.area() as usize].swap_map[entry.offset()] = 1;
        self.touch_slot(entry);
    }
}
