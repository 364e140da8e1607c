//! `mm/swap_state.c:add_to_swap`, 2.6.11: gives an anonymous page a swap slot.

use super::{Cx, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{Memory, PG_DIRTY, PG_LOCKED, PG_UPTODATE, Pfn, SwpEntry};
use crate::rename::renames;
use crate::task::{Ret, Task};

stages! { Stage {
    GetSwapPage = "add_to_swap.get_swap_page",
    Insert = "add_to_swap.insert",
    SwapFree = "add_to_swap.swap_free",
}}

/// Puts a locked page into the swap cache, dirty. Returns `Yes`, or `No` if swap is full.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct AddToSwap {
    stage: Stage,
    page: Pfn,
    entry: SwpEntry,
}

renames!(AddToSwap { page, entry; stage });

impl AddToSwap {
    /// For a locked page that is not in the swap cache.
    #[must_use]
    pub const fn new(page: Pfn) -> Self {
        Self { stage: Stage::GetSwapPage, page, entry: SwpEntry::NONE }
    }
}

impl Stages for AddToSwap {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, mem: &Memory, _: &Task) -> Wants {
        match self.stage {
            // swap_list_lock, then the lock of each area that is tried; the first one
            // stands for all, see `mm::swap`.
            Stage::GetSwapPage => match mem.swap_list.contains(&mem.swap_next) {
                true => Wants::free(Lock::SwapDevice(mem.swap_next)),
                false => Wants::NOTHING,
            },
            Stage::Insert => Wants::free(Lock::Tree),
            Stage::SwapFree => Wants::free(Lock::SwapDevice(self.entry.area())),
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        let Self { page, entry, .. } = *self;
        match self.stage {
            Stage::GetSwapPage => {
                let unlocked = !cx.mem.page(page).has(PG_LOCKED);
                cx.mem.bug_on(unlocked, "add_to_swap", "!PageLocked", page);
                let Some(entry) = cx.mem.get_swap_page() else {
                    return Flow::Return(Ret::No);
                };
                cx.hold_entry(entry);
                self.entry = entry;
                self.stage = Stage::Insert;
                Flow::Next
            }
            Stage::Insert => {
                if !cx.mem.add_to_swap_cache(page, entry) {
                    self.stage = Stage::SwapFree;
                    return Flow::Next;
                }
                cx.task.forget_entry(entry);
                cx.mem.page_mut(page).flags |= PG_UPTODATE | PG_DIRTY;
                Flow::Return(Ret::Yes)
            }
            Stage::SwapFree => {
                cx.free_entry(entry);
                self.stage = Stage::GetSwapPage;
                Flow::Next
            }
        }
    }
}
