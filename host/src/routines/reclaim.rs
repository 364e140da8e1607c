//! `mm/vmscan.c:shrink_cache` and `refill_inactive_zone`, 2.6.11.
//!
//! Simplified: pages are taken and put back one at a time, without batches of
//! `SWAP_CLUSTER_MAX`; `reclaim_mapped` is always set (memory is tight); a file's page
//! is looked at without trying its lock. The lists are those of 2.6.11 under every policy:
//! later kernels keep anonymous pages on lists of their own (2.6.28), and put new pages on
//! the inactive list (5.9).

use super::{Cx, Flow, PageReferenced, ShrinkList, Stages, stages};
use crate::lock::{Until, Wants};
use crate::mm::{Memory, PG_ACTIVE, PG_ANON, Pfn};
use crate::rename::renames;
use crate::task::{Ret, Task};

stages! { PageStage {
    WaitWriteback = "shrink_cache.wait_on_page_writeback",
    Isolate = "shrink_cache.isolate_page",
    Done = "shrink_cache.done_page",
}}

/// Reclaims one chosen page, as if `refill_inactive_zone` and `shrink_cache` had
/// come to it. Returns what `shrink_list` says, or `Again` if the page is not on
/// the LRU.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct ShrinkPage {
    stage: PageStage,
    page: Pfn,
    used_or_not: bool,
}

renames!(ShrinkPage { page; stage, used_or_not });

impl ShrinkPage {
    /// For a page.
    #[must_use]
    pub const fn new(page: Pfn) -> Self {
        Self { stage: PageStage::Isolate, page, used_or_not: false }
    }

    /// The same once more, when what it wrote is written: now the page can be freed.
    #[must_use]
    pub const fn once_written(page: Pfn) -> Self {
        Self { stage: PageStage::WaitWriteback, ..Self::whether_used_or_not(page) }
    }

    /// For a page that is to go whether it was used lately or not: MADV_PAGEOUT, and a
    /// memory control group that is to shrink to nothing (after as many scans as it takes).
    #[must_use]
    pub const fn whether_used_or_not(page: Pfn) -> Self {
        Self { used_or_not: true, ..Self::new(page) }
    }
}

impl Stages for ShrinkPage {
    const STAGES: &'static [&'static str] = PageStage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    fn wants(&self, _: &Memory, _: &Task) -> Wants {
        match self.stage {
            PageStage::WaitWriteback => Wants::until(Until::NotWriteback(self.page)),
            PageStage::Isolate | PageStage::Done => Wants::NOTHING,
        }
    }

    #[inline]
    fn moves_left(&self, _: &Memory, _: &Task) -> bool {
        self.stage == PageStage::Done
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            PageStage::WaitWriteback => {
                self.stage = PageStage::Isolate;
                return Flow::Next;
            }
            PageStage::Done => return Flow::Return(cx.ret()),
            PageStage::Isolate => {}
        }
        cx.mem.lru_add_drain();
        if !cx.mem.isolate_lru_page(self.page) {
            return Flow::Return(Ret::Again);
        }
        cx.mem.page_mut(self.page).flags &= !PG_ACTIVE;
        self.stage = PageStage::Done;
        let shrink = ShrinkList::new(self.page);
        Flow::Call(if self.used_or_not { shrink.whether_used_or_not() } else { shrink }.into())
    }
}

stages! { CacheStage {
    Drain = "shrink_cache.lru_add_drain",
    Isolate = "shrink_cache.isolate",
}}

/// Reclaims from the inactive list, oldest first. Returns `Pages(freed)`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct ShrinkCache {
    stage: CacheStage,
    left: u32,
    freed: u32,
}

renames!(ShrinkCache { ; stage, left, freed });

impl ShrinkCache {
    /// Scans `nr` pages.
    #[must_use]
    pub const fn new(nr: u32) -> Self {
        Self { stage: CacheStage::Drain, left: nr, freed: 0 }
    }
}

impl Stages for ShrinkCache {
    const STAGES: &'static [&'static str] = CacheStage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, _: &Task) -> Wants {
        Wants::NOTHING
    }

    #[inline]
    fn moves_left(&self, _: &Memory, _: &Task) -> bool {
        self.stage == CacheStage::Isolate && self.left == 0
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        if self.stage == CacheStage::Drain {
            cx.mem.lru_add_drain();
            cx.task.ret = Ret::Done;
            self.stage = CacheStage::Isolate;
            return Flow::Next;
        }
        self.freed += u32::from(cx.ret() == Ret::Freed);
        let page = cx.mem.inactive.tail;
        if self.left == 0 || !page.is_some() {
            return Flow::Return(Ret::Pages(self.freed));
        }
        self.left -= 1;
        cx.mem.isolate_lru_page(page);
        Flow::Call(ShrinkList::new(page).into())
    }
}

stages! { RefillStage {
    Drain = "refill_inactive_zone.lru_add_drain",
    Isolate = "refill_inactive_zone.isolate",
    Referenced = "refill_inactive_zone.referenced",
}}

/// Moves pages that were not referenced from the active to the inactive list.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct RefillInactive {
    stage: RefillStage,
    left: u32,
    page: Pfn,
}

renames!(RefillInactive { page; stage, left });

impl RefillInactive {
    /// Scans `nr` pages.
    #[must_use]
    pub const fn new(nr: u32) -> Self {
        Self { stage: RefillStage::Drain, left: nr, page: Pfn::NONE }
    }

    fn isolate(&mut self, cx: &mut Cx<'_>) -> Flow {
        let page = cx.mem.active.tail;
        if self.left == 0 || !page.is_some() {
            return Flow::Return(Ret::Done);
        }
        self.left -= 1;
        self.page = page;
        cx.mem.isolate_lru_page(page);
        self.stage = RefillStage::Referenced;
        if cx.mem.page_mapcount(page) > 0 {
            if cx.mem.total_swap_pages == 0 && cx.mem.page(page).has(PG_ANON) {
                cx.task.ret = Ret::Yes;
                return Flow::Next;
            }
            return Flow::Call(PageReferenced::new(page).into());
        }
        cx.task.ret = Ret::No;
        Flow::Next
    }
}

impl Stages for RefillInactive {
    const STAGES: &'static [&'static str] = RefillStage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, _: &Task) -> Wants {
        Wants::NOTHING
    }

    #[inline]
    fn moves_left(&self, _: &Memory, _: &Task) -> bool {
        self.stage == RefillStage::Isolate && self.left == 0
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            RefillStage::Drain => {
                cx.mem.lru_add_drain();
                self.stage = RefillStage::Isolate;
                Flow::Next
            }
            RefillStage::Isolate => self.isolate(cx),
            RefillStage::Referenced => {
                if cx.ret() == Ret::No {
                    cx.mem.page_mut(self.page).flags &= !PG_ACTIVE;
                }
                cx.mem.putback_lru(self.page);
                self.stage = RefillStage::Isolate;
                Flow::Next
            }
        }
    }
}
