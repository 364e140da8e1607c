//! `mm/memory.c:do_swap_page`, 2.6.11: a fault on a swap pte.
//!
//! What is done between the pte check and the end, and in which order, is the
//! policy's (`SwapInStep`); each step is one stage, all under page_table_lock.
//!
//! Beside 2.6.11: a page that migration took back (`PG_AGAIN`) is looked up again,
//! as the memory-hotplug tree does; without migration there is no such page.
//!
//! Simplified: every swap device is asynchronous, so a page always comes through the swap
//! cache (by 4.19 a fault may bypass it); the page is marked accessed as in 2.6.11, where
//! 4.19 to 5.8 activate it and 5.9 and later leave it alone; what do_wp_page leaves out is
//! left out here too.

use super::{
    CanShare, Cx, DoWpPage, Flow, ReadSwapCache, Readahead, RemoveExclusive, Stages, stages,
};
use crate::lock::{Lock, Wants};
use crate::mm::{Memory, PG_AGAIN, PG_LRU, Pfn, Pte, SwpEntry, VmaId};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::{
    BACKOUT_FREES_SWAP, EXCLUSIVE_ENTRY, Hook, MAP_EXCLUSIVE, MAP_EXCLUSIVE_WRITABLE,
    MAP_IF_SHARED, MAP_WRITABLE, SWAPIN_DECIDE, SWAPIN_DRAIN, SWAPIN_FREE_SWAP, SWAPIN_RECHECK,
    SwapInStep, WRITE_FAULT, YES,
};

stages! { Stage {
    Lookup = "do_swap_page.lookup_swap_cache",
    Readahead = "do_swap_page.readahead",
    Read = "do_swap_page.read_swap_cache",
    Backout = "do_swap_page.backout",
    BackoutUnlock = "do_swap_page.unlock_page_backout",
    LockPage = "do_swap_page.lock_page",
    Check = "do_swap_page.pte_same",
    SwapFree = "do_swap_page.swap_free",
    FreeSwap = "do_swap_page.remove_exclusive",
    Rss = "do_swap_page.rss",
    Decide = "do_swap_page.decide",
    Shared = "do_swap_page.can_share",
    UnlockPage = "do_swap_page.unlock_page",
    SetPte = "do_swap_page.set_pte",
    AddRmap = "do_swap_page.page_add_anon_rmap",
    WpPage = "do_swap_page.do_wp_page",
}}

/// A fault on a swap pte; page_table_lock was dropped. Returns `VmFault*`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct DoSwapPage {
    stage: Stage,
    vma: VmaId,
    address: u32,
    entry: SwpEntry,
    page: Pfn,
    pte: Pte,
    /// The swap pte carried the exclusive mark.
    marked: bool,
    /// To be mapped as its mapping's own.
    exclusive: bool,
    /// Next of the policy's steps.
    step: u8,
    write: bool,
    major: bool,
}

renames!(DoSwapPage { vma, entry, page, pte; stage, address, marked, exclusive, step, write, major });

impl DoSwapPage {
    /// For an address whose pte is this entry.
    #[must_use]
    pub const fn new(vma: VmaId, address: u32, entry: SwpEntry, write: bool) -> Self {
        Self {
            stage: Stage::Lookup,
            vma,
            address,
            entry,
            page: Pfn::NONE,
            pte: Pte::NONE,
            marked: false,
            exclusive: false,
            step: 0,
            write,
            major: false,
        }
    }

    fn ptl(&self, mem: &Memory) -> Lock {
        Lock::Ptl(mem.vmas[self.vma.index()].mm)
    }

    fn ret(&self) -> Ret {
        if self.major { Ret::VmFaultMajor } else { Ret::VmFaultMinor }
    }

    fn pte_same(&self, mem: &Memory) -> bool {
        mem.pte(self.vma, self.address).entry() == Some(self.entry)
    }

    fn found(&mut self, cx: &mut Cx<'_>, page: Pfn) -> Flow {
        cx.mem.mark_page_accessed(page);
        self.page = page;
        self.stage = Stage::LockPage;
        Flow::Next
    }

    /// The page is locked, page_table_lock held: is this still the page and the pte?
    fn check(&mut self, cx: &mut Cx<'_>) -> Flow {
        let again = cx.mem.page(self.page).has(PG_AGAIN);
        if self.pte_same(cx.mem) && !again {
            self.marked = cx.mem.pte(self.vma, self.address).marked_exclusive();
            return self.next_step(cx);
        }
        let ptl = self.ptl(cx.mem);
        cx.unlock(ptl);
        self.back_out(cx)
    }

    /// The page is locked and not the one to map, or no longer.
    fn back_out(&mut self, cx: &mut Cx<'_>) -> Flow {
        self.stage = Stage::BackoutUnlock;
        if cx.has(BACKOUT_FREES_SWAP) {
            return Flow::Call(RemoveExclusive::new(self.page).into());
        }
        self.run(cx)
    }

    /// Goes on to the next of the policy's steps.
    fn next_step(&mut self, cx: &mut Cx<'_>) -> Flow {
        let step = cx.policy.swap_in_order()[self.step as usize];
        self.step += 1;
        self.stage = match step {
            SwapInStep::SwapFree => Stage::SwapFree,
            SwapInStep::FreeSwap => Stage::FreeSwap,
            SwapInStep::Rss => Stage::Rss,
            SwapInStep::Decide => Stage::Decide,
            SwapInStep::UnlockPage => Stage::UnlockPage,
            SwapInStep::SetPte => Stage::SetPte,
            SwapInStep::AddRmap => Stage::AddRmap,
            SwapInStep::WpPage => Stage::WpPage,
        };
        Flow::Next
    }

    fn ask(&self, cx: &mut Cx<'_>, at: u32) -> u8 {
        let flags = cx.mem.vmas[self.vma.index()].flags;
        let env =
            (u32::from(self.write) * WRITE_FAULT) | (u32::from(self.marked) * EXCLUSIVE_ENTRY);
        cx.ask(Hook::do_swap_page, at, self.page, flags, env)
    }

    fn decide(&mut self, cx: &mut Cx<'_>) -> Flow {
        self.pte = Pte::mk(self.page);
        match self.ask(cx, SWAPIN_DECIDE) {
            MAP_WRITABLE => self.map_writable(cx.mem),
            MAP_IF_SHARED => {
                self.stage = Stage::Shared;
                return Flow::Call(CanShare::new(self.page).into());
            }
            MAP_EXCLUSIVE => self.exclusive = true,
            MAP_EXCLUSIVE_WRITABLE => {
                self.exclusive = true;
                self.map_writable(cx.mem);
            }
            _ => {}
        }
        self.next_step(cx)
    }

    /// The page is locked: is it still the one to map? A page on its way to the LRU is
    /// drained for a write, so that its count can be told.
    fn locked(&mut self, cx: &mut Cx<'_>) -> Flow {
        self.stage = Stage::Check;
        let cached = cx.mem.swap_cache(self.entry) == Some(self.page);
        if cx.has(SWAPIN_RECHECK) && !cached {
            return self.back_out(cx);
        }
        if cx.has(SWAPIN_DRAIN) && self.write && !cx.mem.page(self.page).has(PG_LRU) {
            cx.mem.lru_add_drain();
        }
        Flow::Next
    }

    fn map_writable(&mut self, mem: &Memory) {
        let dirty = if self.write { self.pte.mkdirty() } else { self.pte };
        self.pte = dirty.maybe_mkwrite(mem.vmas[self.vma.index()].vm_write());
        self.write = false;
    }

    /// Last step: a write that could not reuse the page goes on in do_wp_page.
    fn wp_page(self, cx: &mut Cx<'_>) -> Flow {
        if self.write {
            return Flow::Become(
                DoWpPage::after(self.vma, self.address, self.pte, self.ret()).into(),
            );
        }
        let ptl = self.ptl(cx.mem);
        cx.unlock(ptl);
        Flow::Return(self.ret())
    }
}

impl Stages for DoSwapPage {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, mem: &Memory, _: &Task) -> Wants {
        match self.stage {
            Stage::Lookup => Wants::free(Lock::Tree),
            Stage::LockPage => Wants::take(Lock::Page(self.page)),
            Stage::Check | Stage::Backout => Wants::take(self.ptl(mem)),
            Stage::SwapFree => Wants::free(Lock::SwapDevice(self.entry.area())),
            _ => Wants::NOTHING,
        }
    }

    #[inline]
    fn moves_left(&self, mem: &Memory, task: &Task) -> bool {
        match self.stage {
            Stage::Readahead | Stage::Shared | Stage::WpPage => true,
            Stage::Read => !matches!(task.ret, Ret::Page(_)),
            // Who does not hold page_table_lock asks only whether it is 0.
            Stage::Rss => mem.mms[mem.vmas[self.vma.index()].mm.index()].rss > 0,
            _ => false,
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::Lookup => match cx.mem.swap_cache(self.entry) {
                Some(page) => {
                    cx.get_page(page);
                    self.found(cx, page)
                }
                None => {
                    self.stage = Stage::Readahead;
                    Flow::Call(Readahead::new(self.entry).into())
                }
            },
            Stage::Readahead => {
                self.stage = Stage::Read;
                Flow::Call(ReadSwapCache::new(self.entry).into())
            }
            Stage::Read => match cx.ret() {
                Ret::Page(page) => {
                    self.major = true;
                    self.found(cx, page)
                }
                _ => {
                    self.stage = Stage::Backout;
                    Flow::Next
                }
            },
            Stage::Backout => {
                let same = self.pte_same(cx.mem);
                let ptl = self.ptl(cx.mem);
                cx.unlock(ptl);
                Flow::Return(if same { Ret::VmFaultOom } else { Ret::VmFaultMinor })
            }
            Stage::BackoutUnlock => {
                cx.unlock(Lock::Page(self.page));
                cx.put_page(self.page);
                Flow::Return(Ret::VmFaultMinor)
            }
            Stage::LockPage => self.locked(cx),
            Stage::Check => self.check(cx),
            Stage::SwapFree => {
                cx.mem.swap_free(self.entry);
                self.next_step(cx)
            }
            Stage::FreeSwap => {
                let free = self.ask(cx, SWAPIN_FREE_SWAP) == YES;
                let flow = self.next_step(cx);
                if free { Flow::Call(RemoveExclusive::new(self.page).into()) } else { flow }
            }
            Stage::Rss => {
                cx.mem.mms[cx.mem.vmas[self.vma.index()].mm.index()].rss += 1;
                self.next_step(cx)
            }
            Stage::Decide => self.decide(cx),
            Stage::Shared => {
                if cx.ret() == Ret::Yes {
                    self.map_writable(cx.mem);
                }
                self.next_step(cx)
            }
            Stage::UnlockPage => {
                cx.unlock(Lock::Page(self.page));
                self.next_step(cx)
            }
            Stage::SetPte => {
                cx.mem.set_pte(self.vma, self.address, self.pte);
                self.next_step(cx)
            }
            Stage::AddRmap => {
                cx.page_add_anon_rmap(self.page, self.vma, self.address);
                if self.exclusive {
                    cx.set_exclusive(self.page);
                }
                self.next_step(cx)
            }
            Stage::WpPage => self.wp_page(cx),
        }
    }
}
