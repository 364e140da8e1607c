//! `mm/swapfile.c:can_share_swap_page` and `exclusive_swap_page`, 2.6.11.
//!
//! The page is locked. Reads of counts without a lock, `swap_map` under
//! swap_device_lock and the re-test under tree_lock are stages of their own.

use super::{Cx, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{Memory, PG_DIRTY, PG_LOCKED, PG_REPLACED, PG_SWAPCACHE, Pfn, SwpEntry};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::{AT_RECHECK, AT_SWAP_MAP, Hook, SHARE_AND_DELETE, SHARE_IF_EXCLUSIVE, YES};

stages! { Stage {
    Ask = "can_share_swap_page.counts",
    SwapMap = "exclusive_swap_page.swap_map",
    Recheck = "exclusive_swap_page.recheck",
    RecheckWithoutTreeLock = "exclusive_swap_page.recheck_without_tree_lock",
    Delete = "can_share_swap_page.delete_from_swap_cache",
    SwapFree = "can_share_swap_page.swap_free",
}}

/// May the page be made writable for the one that asks? Returns `Yes` or `No`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct CanShare {
    stage: Stage,
    page: Pfn,
    entry: SwpEntry,
}

renames!(CanShare { page, entry; stage });

impl CanShare {
    /// For a locked page.
    #[must_use]
    pub const fn new(page: Pfn) -> Self {
        Self { stage: Stage::Ask, page, entry: SwpEntry::NONE }
    }

    fn counts(&mut self, cx: &mut Cx<'_>) -> Flow {
        let unlocked = !cx.mem.page(self.page).has(PG_LOCKED);
        cx.mem.bug_on(unlocked, "can_share_swap_page", "!PageLocked", self.page);
        let cached = cx.mem.page(self.page).has(PG_SWAPCACHE);
        let replaced = cx.mem.page(self.page).has(PG_REPLACED);
        self.entry = cx.mem.page(self.page).private;
        self.stage = match cx.ask(Hook::can_share_swap_page, 0, self.page, 0, 0) {
            SHARE_IF_EXCLUSIVE if cached => Stage::SwapMap,
            // Migration keeps the page aside: its slot is another page's for now.
            SHARE_AND_DELETE if cached && replaced => return Flow::Return(Ret::No),
            SHARE_AND_DELETE if cached => Stage::Delete,
            YES | SHARE_AND_DELETE => return Flow::Return(Ret::Yes),
            _ => return Flow::Return(Ret::No),
        };
        Flow::Next
    }

    fn exclusive(&mut self, cx: &mut Cx<'_>, at: u32) -> Flow {
        let yes = cx.ask(Hook::exclusive_swap_page, at, self.page, 0, 0) == YES;
        if yes && at == AT_SWAP_MAP {
            let without = cx.policy.rules().exclusive_without_tree_lock != 0;
            self.stage = if without { Stage::RecheckWithoutTreeLock } else { Stage::Recheck };
            return Flow::Next;
        }
        cx.unlock(Lock::SwapDevice(self.entry.area()));
        Flow::Return(if yes { Ret::Yes } else { Ret::No })
    }
}

impl Stages for CanShare {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, _: &Task) -> Wants {
        let device = Lock::SwapDevice(self.entry.area());
        match self.stage {
            Stage::Ask | Stage::RecheckWithoutTreeLock => Wants::NOTHING,
            Stage::SwapMap => Wants::take(device),
            Stage::Recheck | Stage::Delete => Wants::free(Lock::Tree),
            Stage::SwapFree => Wants::free(device),
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::Ask => self.counts(cx),
            Stage::SwapMap => {
                cx.mem.swap_info_get(self.entry);
                self.exclusive(cx, AT_SWAP_MAP)
            }
            Stage::Recheck | Stage::RecheckWithoutTreeLock => self.exclusive(cx, AT_RECHECK),
            Stage::Delete => {
                self.entry = cx.delete_from_swap_cache(self.page);
                self.stage = Stage::SwapFree;
                Flow::Next
            }
            Stage::SwapFree => {
                cx.free_entry(self.entry);
                cx.put_page(self.page);
                cx.mem.page_mut(self.page).flags |= PG_DIRTY;
                Flow::Return(Ret::Yes)
            }
        }
    }
}
