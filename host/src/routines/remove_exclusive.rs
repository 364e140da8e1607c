//! `mm/swapfile.c:remove_exclusive_swap_page`, 2.6.11 (later `try_to_free_swap`).
//!
//! The page is locked. Only what the policy's tests need is asked; deleting the
//! page from the swap cache, dirtying it and dropping the cache's references is here.

use super::{Cx, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{
    Memory, PG_DIRTY, PG_LOCKED, PG_PRIVATE, PG_REPLACED, PG_SWAPCACHE, Pfn, SwpEntry,
};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::{AT_ENTRY, AT_RECHECK, AT_SWAP_MAP, Hook, YES};

stages! { Stage {
    Entry = "remove_exclusive_swap_page.entry",
    SwapMap = "remove_exclusive_swap_page.swap_map",
    Recheck = "remove_exclusive_swap_page.recheck",
    Delete = "remove_exclusive_swap_page.delete",
    SwapFree = "remove_exclusive_swap_page.swap_free",
}}

/// Takes a page out of the swap cache if nobody else uses it. Returns `Yes` or `No`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct RemoveExclusive {
    stage: Stage,
    page: Pfn,
    entry: SwpEntry,
}

renames!(RemoveExclusive { page, entry; stage });

impl RemoveExclusive {
    /// For a locked page.
    #[must_use]
    pub const fn new(page: Pfn) -> Self {
        Self { stage: Stage::Entry, page, entry: SwpEntry::NONE }
    }

    fn entry(&mut self, cx: &mut Cx<'_>) -> Flow {
        let page = *cx.mem.page(self.page);
        let function = "remove_exclusive_swap_page";
        cx.mem.bug_on(page.has(PG_PRIVATE), function, "PagePrivate", self.page);
        cx.mem.bug_on(!page.has(PG_LOCKED), function, "!PageLocked", self.page);
        // A page that migration keeps aside: its slot is another page's for now.
        let cached = page.has(PG_SWAPCACHE) && !page.has(PG_REPLACED);
        if !cached || !self.ask(cx, AT_ENTRY) {
            return Flow::Return(Ret::No);
        }
        self.entry = page.private;
        self.stage = Stage::SwapMap;
        Flow::Next
    }

    fn ask(self, cx: &mut Cx<'_>, at: u32) -> bool {
        cx.ask(Hook::remove_exclusive_swap_page, at, self.page, 0, 0) == YES
    }
}

impl Stages for RemoveExclusive {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, _: &Task) -> Wants {
        let device = Lock::SwapDevice(self.entry.area());
        match self.stage {
            Stage::Entry | Stage::Delete => Wants::NOTHING,
            Stage::SwapMap => Wants::take(device),
            Stage::Recheck => Wants::take(Lock::Tree),
            Stage::SwapFree => Wants::free(device),
        }
    }

    #[inline]
    fn moves_left(&self, mem: &Memory, task: &Task) -> bool {
        // While we have it locked, nobody else puts it into the swap cache.
        let page = mem.page(self.page);
        let cached = page.has(PG_SWAPCACHE) && !page.has(PG_REPLACED);
        let ours = || task.locks().contains(&Lock::Page(self.page));
        self.stage == Stage::Entry && !cached && ours()
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        let device = Lock::SwapDevice(self.entry.area());
        match self.stage {
            Stage::Entry => self.entry(cx),
            Stage::SwapMap => {
                cx.mem.swap_info_get(self.entry);
                if !self.ask(cx, AT_SWAP_MAP) {
                    cx.unlock(device);
                    return Flow::Return(Ret::No);
                }
                self.stage = Stage::Recheck;
                Flow::Next
            }
            Stage::Recheck => {
                if !self.ask(cx, AT_RECHECK) {
                    cx.unlock(Lock::Tree);
                    cx.unlock(device);
                    return Flow::Return(Ret::No);
                }
                self.stage = Stage::Delete;
                Flow::Next
            }
            Stage::Delete => {
                cx.delete_from_swap_cache(self.page);
                cx.mem.page_mut(self.page).flags |= PG_DIRTY;
                cx.unlock(Lock::Tree);
                cx.unlock(device);
                self.stage = Stage::SwapFree;
                Flow::Next
            }
            Stage::SwapFree => {
                cx.free_entry(self.entry);
                cx.put_page(self.page);
                Flow::Return(Ret::Yes)
            }
        }
    }
}
