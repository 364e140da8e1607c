//! `mm/swapfile.c:free_swap_and_cache`, 2.6.11: a swap pte goes away.
//!
//! The caller holds page_table_lock and has cleared the pte; its reference to the
//! entry is the task's until the first stage frees it.

use super::{Cx, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{Memory, PG_DIRTY, PG_PRIVATE, Pfn, SwpEntry};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::{Hook, YES};

stages! { Stage {
    SwapFree = "free_swap_and_cache.swap_entry_free",
    Lookup = "free_swap_and_cache.lookup",
    Decide = "free_swap_and_cache.decide",
    Delete = "free_swap_and_cache.delete_from_swap_cache",
    FreeEntry = "free_swap_and_cache.swap_free",
    Unlock = "free_swap_and_cache.unlock_page",
}}

/// Frees a swap pte's reference, and the swap cache's page if that is left alone.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct FreeSwapAndCache {
    stage: Stage,
    entry: SwpEntry,
    page: Pfn,
}

renames!(FreeSwapAndCache { entry, page; stage });

impl FreeSwapAndCache {
    /// For an entry that the task holds a reference to.
    #[must_use]
    pub const fn new(entry: SwpEntry) -> Self {
        Self { stage: Stage::SwapFree, entry, page: Pfn::NONE }
    }
}

impl Stages for FreeSwapAndCache {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, _: &Task) -> Wants {
        let device = Lock::SwapDevice(self.entry.area());
        match self.stage {
            Stage::SwapFree => Wants::take(device),
            Stage::Lookup | Stage::Delete => Wants::free(Lock::Tree),
            Stage::FreeEntry => Wants::free(device),
            Stage::Decide | Stage::Unlock => Wants::NOTHING,
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        let Self { entry, page, .. } = *self;
        let device = Lock::SwapDevice(entry.area());
        match self.stage {
            Stage::SwapFree => {
                if cx.free_entry(entry) == 1 {
                    self.stage = Stage::Lookup;
                    return Flow::Next;
                }
                cx.unlock(device);
                Flow::Return(Ret::Done)
            }
            Stage::Lookup => {
                let found = cx.mem.swap_cache(entry).filter(|&pfn| cx.trylock(Lock::Page(pfn)));
                cx.unlock(device);
                let Some(pfn) = found else {
                    return Flow::Return(Ret::Done);
                };
                self.page = pfn;
                self.stage = Stage::Decide;
                Flow::Next
            }
            Stage::Decide => {
                let private = cx.mem.page(page).has(PG_PRIVATE);
                cx.mem.bug_on(private, "free_swap_and_cache", "PagePrivate", page);
                cx.get_page(page);
                let delete = cx.ask(Hook::free_swap_and_cache, 0, page, 0, 0) == YES;
                self.stage = if delete { Stage::Delete } else { Stage::Unlock };
                Flow::Next
            }
            Stage::Delete => {
                cx.delete_from_swap_cache(page);
                self.stage = Stage::FreeEntry;
                Flow::Next
            }
            Stage::FreeEntry => {
                cx.free_entry(entry);
                cx.put_page(page);
                cx.mem.page_mut(page).flags |= PG_DIRTY;
                self.stage = Stage::Unlock;
                Flow::Next
            }
            Stage::Unlock => {
                cx.unlock(Lock::Page(page));
                cx.put_page(page);
                Flow::Return(Ret::Done)
            }
        }
    }
}
