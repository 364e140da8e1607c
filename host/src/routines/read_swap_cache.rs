//! `mm/swap_state.c:read_swap_cache_async` and `mm/memory.c:swapin_readahead`, 2.6.11.

use super::{Cx, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{
    LOCKED_BY_IO, Memory, PG_LOCKED, PG_UPTODATE, Pfn, SWAP_MAP_BAD, SwapIo, SwpEntry,
};
use crate::rename::{Rename, Renaming, renames};
use crate::task::{Ret, Task};

stages! { Stage {
    Lookup = "read_swap_cache_async.lookup",
    Alloc = "read_swap_cache_async.alloc",
    Duplicate = "read_swap_cache_async.swap_duplicate",
    Insert = "read_swap_cache_async.insert",
    SwapFree = "read_swap_cache_async.swap_free",
}}

/// Finds or starts to read the page of an entry. Returns `Page`, or `No` if there
/// is no memory or the entry is not in use.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct ReadSwapCache {
    stage: Stage,
    entry: SwpEntry,
    new: Pfn,
}

renames!(ReadSwapCache { entry, new; stage });

impl ReadSwapCache {
    /// For an entry.
    #[must_use]
    pub const fn new(entry: SwpEntry) -> Self {
        Self { stage: Stage::Lookup, entry, new: Pfn::NONE }
    }

    fn put_new(self, cx: &mut Cx<'_>) {
        if self.new.is_some() {
            cx.put_page(self.new);
        }
    }

    /// `__add_to_swap_cache`, then `lru_cache_add_active` and `swap_readpage`.
    fn insert(&mut self, cx: &mut Cx<'_>) -> Flow {
        let Self { entry, new, .. } = *self;
        cx.task.forget_entry(entry);
        if !cx.mem.add_to_swap_cache(new, entry) {
            cx.task.note_entry(entry);
            self.stage = Stage::SwapFree;
            return Flow::Next;
        }
        let page = cx.mem.page_mut(new);
        page.flags = (page.flags | PG_LOCKED) & !PG_UPTODATE;
        page.locker = LOCKED_BY_IO;
        cx.mem.lru_cache_add_active(new);
        cx.mem.costs.swap_reads += 1;
        cx.mem.swap_io.push(SwapIo { pfn: new, entry, write: false });
        Flow::Return(Ret::Page(new))
    }
}

impl Stages for ReadSwapCache {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, _: &Task) -> Wants {
        match self.stage {
            Stage::Lookup | Stage::Insert => Wants::free(Lock::Tree),
            Stage::Alloc => Wants::NOTHING,
            Stage::Duplicate | Stage::SwapFree => Wants::free(Lock::SwapDevice(self.entry.area())),
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        let entry = self.entry;
        match self.stage {
            Stage::Lookup => {
                if let Some(page) = cx.mem.swap_cache(entry) {
                    cx.get_page(page);
                    self.put_new(cx);
                    return Flow::Return(Ret::Page(page));
                }
                let have = self.new.is_some();
                self.stage = if have { Stage::Duplicate } else { Stage::Alloc };
                Flow::Next
            }
            Stage::Alloc => match cx.alloc_page() {
                Some(new) => {
                    self.new = new;
                    self.stage = Stage::Duplicate;
                    Flow::Next
                }
                None => Flow::Return(Ret::No),
            },
            Stage::Duplicate => {
                if !cx.mem.swap_duplicate(entry) {
                    self.put_new(cx);
                    return Flow::Return(Ret::No);
                }
                cx.hold_entry(entry);
                self.stage = Stage::Insert;
                Flow::Next
            }
            Stage::Insert => self.insert(cx),
            Stage::SwapFree => {
                cx.free_entry(entry);
                self.stage = Stage::Lookup;
                Flow::Next
            }
        }
    }
}

stages! { AheadStage {
    Valid = "swapin_readahead.valid_swaphandles",
    Read = "swapin_readahead.read",
    Put = "swapin_readahead.put",
    Drain = "swapin_readahead.lru_add_drain",
}}

/// Reads the cluster of `1 << page_cluster` slots around an entry, then drains the
/// LRU-add pagevec.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Readahead {
    stage: AheadStage,
    entry: SwpEntry,
    next: u32,
    left: u32,
}

impl Rename for Readahead {
    fn rename(&mut self, by: &Renaming) {
        let Self { stage: _, entry, next, left: _ } = self;
        *next = by.offset(entry.area(), *next);
        entry.rename(by);
    }
}

impl Readahead {
    /// Around an entry.
    #[must_use]
    pub const fn new(entry: SwpEntry) -> Self {
        Self { stage: AheadStage::Valid, entry, next: 0, left: 0 }
    }

    /// `valid_swaphandles`: first slot of the cluster and how many in a row are in use.
    fn valid_swaphandles(&mut self, mem: &Memory) {
        let cluster = 1 << mem.page_cluster;
        if mem.page_cluster == 0 {
            return;
        }
        let first = self.entry.offset() as u32 / cluster * cluster;
        let (first, end) = (first.max(1), first + cluster);
        let swap_map = &mem.areas[self.entry.area() as usize].swap_map;
        let in_use = |offset: &u32| {
            let count = swap_map.get(*offset as usize);
            count.is_some_and(|&count| count != 0 && count != SWAP_MAP_BAD)
        };
        self.next = first;
        self.left = (first..end).take_while(in_use).count() as u32;
    }
}

impl Stages for Readahead {
    const STAGES: &'static [&'static str] = AheadStage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, _: &Task) -> Wants {
        match self.stage {
            AheadStage::Valid => Wants::free(Lock::SwapDevice(self.entry.area())),
            AheadStage::Read | AheadStage::Put | AheadStage::Drain => Wants::NOTHING,
        }
    }

    #[inline]
    fn moves_left(&self, _: &Memory, task: &Task) -> bool {
        match self.stage {
            AheadStage::Read => true,
            AheadStage::Put => !matches!(task.ret, Ret::Page(_)),
            AheadStage::Valid | AheadStage::Drain => false,
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            AheadStage::Valid => {
                self.valid_swaphandles(cx.mem);
                self.stage = if self.left > 0 { AheadStage::Read } else { AheadStage::Drain };
                Flow::Next
            }
            AheadStage::Read => {
                self.stage = AheadStage::Put;
                let entry = SwpEntry::new(self.entry.area(), self.next);
                Flow::Call(ReadSwapCache::new(entry).into())
            }
            AheadStage::Put => {
                self.stage = AheadStage::Drain;
                if let Ret::Page(page) = cx.ret() {
                    cx.put_page(page);
                    self.next += 1;
                    self.left -= 1;
                    if self.left > 0 {
                        self.stage = AheadStage::Read;
                    }
                }
                Flow::Next
            }
            AheadStage::Drain => {
                cx.mem.lru_add_drain();
                Flow::Return(Ret::Done)
            }
        }
    }
}
