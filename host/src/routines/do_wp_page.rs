//! `mm/memory.c:do_wp_page`, 2.6.11: a write to a page whose pte is read-only; in later
//! kernels also an unshare fault, which ends with a page of one's own and the pte still
//! read-only.
//!
//! page_table_lock is held on entry. Whether the page is locked, waited for,
//! reused or copied is the policy's; how each is done is here.
//!
//! Simplified: no KSM, no userfaultfd, no soft-dirty bit, no large folios; no swap device
//! wants its pages unchanged while they are written (`SWP_STABLE_WRITES`).

use super::fault::Kind;
use super::{CanShare, Cx, Flow, RemoveExclusive, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{Gup, Memory, PG_ANON, PG_RESERVED, PG_SWAPCACHE, Pfn, Pte, VmaId, ZERO_PAGE};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::{
    COPY_FREES_SWAP, Hook, UNSHARE_FAULT, WP_CAN_SHARE, WP_DRAIN, WP_DRAINED, WP_ENTRY,
    WP_FREE_SWAP, WP_LOCK, WP_LOCKED, WP_REUSE, WP_SWAP_FREED, WP_TRYLOCK, WRITE_FAULT,
};

stages! { Stage {
    Entry = "do_wp_page.entry",
    Drained = "do_wp_page.drained",
    LockWait = "do_wp_page.lock_page",
    Relock = "do_wp_page.relock",
    Locked = "do_wp_page.locked",
    Shared = "do_wp_page.shared",
    SwapFreed = "do_wp_page.swap_freed",
    UnlockReuse = "do_wp_page.unlock_page_reuse",
    UnlockCopy = "do_wp_page.unlock_page_copy",
    Reuse = "do_wp_page.reuse",
    GetOld = "do_wp_page.get_old",
    Copy = "do_wp_page.copy",
    Establish = "do_wp_page.establish",
    FreeSwapCache = "do_wp_page.free_swap_cache",
    UnlockOld = "do_wp_page.unlock_page_old",
    PutOld = "do_wp_page.put_old",
}}

/// A write-protection fault. Returns `VmFault*`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct DoWpPage {
    stage: Stage,
    vma: VmaId,
    address: u32,
    pte: Pte,
    old: Pfn,
    new: Pfn,
    kind: Kind,
    /// What a fault that ends well returns.
    done: Ret,
}

renames!(DoWpPage { vma, pte, old, new, done; stage, address, kind });

impl DoWpPage {
    /// For an address with this present, read-only pte.
    #[must_use]
    pub fn new(vma: VmaId, address: u32, pte: Pte, kind: Kind) -> Self {
        let old = pte.pfn().expect("do_wp_page is called for a present pte");
        let done = Ret::VmFaultMinor;
        Self { stage: Stage::Entry, vma, address, pte, old, new: Pfn::NONE, kind, done }
    }

    /// The same for the write at the end of a fault that has something else to return.
    #[must_use]
    pub fn after(vma: VmaId, address: u32, pte: Pte, done: Ret) -> Self {
        Self { done, ..Self::new(vma, address, pte, Kind::Write) }
    }

    fn ask(self, cx: &mut Cx<'_>, at: u32) -> u8 {
        let flags = cx.mem.vmas[self.vma.index()].flags;
        let env = if self.kind == Kind::Unshare { UNSHARE_FAULT } else { WRITE_FAULT };
        cx.ask(Hook::do_wp_page, at, self.old, flags, env)
    }

    /// Asked with the page unlocked.
    fn decide_unlocked(&mut self, cx: &mut Cx<'_>, at: u32) -> Flow {
        let page = Lock::Page(self.old);
        self.stage = match self.ask(cx, at) {
            WP_REUSE => Stage::Reuse,
            WP_TRYLOCK if cx.trylock(page) => Stage::Locked,
            WP_LOCK if cx.trylock(page) => Stage::Locked,
            WP_LOCK => {
                cx.get_page(self.old);
                let ptl = self.ptl(cx.mem);
                cx.unlock(ptl);
                Stage::LockWait
            }
            WP_DRAIN => {
                cx.mem.lru_add_drain();
                Stage::Drained
            }
            _ => Stage::GetOld,
        };
        Flow::Next
    }

    /// Asked with the page locked.
    fn decide_locked(&mut self, cx: &mut Cx<'_>, at: u32) -> Flow {
        self.stage = match self.ask(cx, at) {
            WP_REUSE => Stage::UnlockReuse,
            WP_CAN_SHARE => {
                self.stage = Stage::Shared;
                return Flow::Call(CanShare::new(self.old).into());
            }
            WP_FREE_SWAP => {
                self.stage = Stage::SwapFreed;
                return Flow::Call(RemoveExclusive::new(self.old).into());
            }
            _ => Stage::UnlockCopy,
        };
        Flow::Next
    }

    /// After the sleep for the page lock: has the pte changed?
    fn relock(&mut self, cx: &mut Cx<'_>) -> Flow {
        let same = cx.mem.pte(self.vma, self.address) == self.pte;
        if same {
            cx.put_page(self.old);
            self.stage = Stage::Locked;
            return Flow::Next;
        }
        cx.unlock(Lock::Page(self.old));
        let ptl = self.ptl(cx.mem);
        cx.unlock(ptl);
        cx.put_page(self.old);
        Flow::Return(self.done)
    }

    fn reuse(self, cx: &mut Cx<'_>) -> Flow {
        if cx.mem.page(self.old).has(PG_ANON) {
            cx.set_exclusive(self.old);
        }
        if self.kind == Kind::Write {
            let write = cx.mem.vmas[self.vma.index()].vm_write();
            let pte = self.pte.mkyoung().mkdirty().maybe_mkwrite(write);
            cx.mem.set_pte(self.vma, self.address, pte);
        }
        let ptl = self.ptl(cx.mem);
        cx.unlock(ptl);
        Flow::Return(self.done)
    }

    fn copy(&mut self, cx: &mut Cx<'_>) -> Flow {
        cx.mem.anon_vma_prepare(self.vma);
        let new = if self.old == ZERO_PAGE { cx.alloc_zeroed_page() } else { cx.alloc_page() };
        let Some(new) = new else {
            cx.put_page(self.old);
            return Flow::Return(Ret::VmFaultOom);
        };
        if self.old != ZERO_PAGE {
            cx.mem.page_mut(new).data = cx.mem.page(self.old).data;
        }
        self.new = new;
        self.stage = Stage::Establish;
        Flow::Next
    }

    fn establish(&mut self, cx: &mut Cx<'_>) -> Flow {
        let Self { vma, address, old, new, .. } = *self;
        let v = cx.mem.vmas[vma.index()];
        if cx.mem.pte(vma, address) != self.pte {
            cx.put_page(new);
            cx.put_page(old);
            cx.unlock(Lock::Ptl(v.mm));
            return Flow::Return(self.done);
        }
        let old_page = *cx.mem.page(old);
        if old_page.has(PG_ANON) {
            cx.mem.mms[v.mm.index()].anon_rss -= 1;
            cx.mem.costs.needless_copies += u64::from(only_mine(cx.mem, old));
        }
        cx.mem.costs.copies += u64::from(old != ZERO_PAGE);
        if old_page.has(PG_RESERVED) {
            cx.mem.mms[v.mm.index()].rss += 1;
        } else {
            cx.page_remove_rmap(old);
        }
        let pte = Pte::mk(new);
        let writable = pte.mkdirty().maybe_mkwrite(v.vm_write());
        let unshared = self.kind == Kind::Unshare;
        cx.mem.set_pte(vma, address, if unshared { pte } else { writable });
        cx.mem.lru_cache_add_active(new);
        cx.page_add_anon_rmap(new, vma, address);
        cx.set_exclusive(new);
        // The pte's reference and our own.
        cx.put_page(old);
        if cx.has(COPY_FREES_SWAP) && cx.mem.page(old).has(PG_SWAPCACHE) {
            cx.unlock(Lock::Ptl(v.mm));
            self.stage = Stage::FreeSwapCache;
            return Flow::Next;
        }
        cx.put_page(old);
        cx.unlock(Lock::Ptl(v.mm));
        Flow::Return(self.done)
    }

    /// `free_swap_cache` of the old page, which we still hold.
    fn free_swap_cache(&mut self, cx: &mut Cx<'_>) -> Flow {
        let idle = cx.mem.page(self.old).has(PG_SWAPCACHE) && cx.mem.page_mapcount(self.old) == 0;
        if !idle || !cx.trylock(Lock::Page(self.old)) {
            self.stage = Stage::PutOld;
            return self.run(cx);
        }
        self.stage = Stage::UnlockOld;
        Flow::Call(RemoveExclusive::new(self.old).into())
    }

    fn ptl(self, mem: &Memory) -> Lock {
        Lock::Ptl(mem.vmas[self.vma.index()].mm)
    }
}

/// Whether no other process can see the page: one pte, no swap pte, and no reference
/// of get_user_pages (whoever's it is).
fn only_mine(mem: &Memory, pfn: Pfn) -> bool {
    let page = mem.page(pfn);
    let swap_ptes = if page.has(PG_SWAPCACHE) { mem.swap_map(page.private) - 1 } else { 0 };
    mem.page_mapcount(pfn) == 1 && swap_ptes == 0 && page.gup == Gup::NONE
}

impl Stages for DoWpPage {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, mem: &Memory, _: &Task) -> Wants {
        match self.stage {
            Stage::LockWait => Wants::take(Lock::Page(self.old)),
            Stage::Relock | Stage::Establish => Wants::take(self.ptl(mem)),
            _ => Wants::NOTHING,
        }
    }

    #[inline]
    fn moves_left(&self, mem: &Memory, _: &Task) -> bool {
        // A reserved page has no count.
        self.stage == Stage::GetOld && mem.page(self.old).has(PG_RESERVED)
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::Entry => self.decide_unlocked(cx, WP_ENTRY),
            Stage::Drained => self.decide_unlocked(cx, WP_DRAINED),
            Stage::LockWait => {
                self.stage = Stage::Relock;
                Flow::Next
            }
            Stage::Relock => self.relock(cx),
            Stage::Locked => self.decide_locked(cx, WP_LOCKED),
            Stage::SwapFreed => self.decide_locked(cx, WP_SWAP_FREED),
            Stage::Shared => {
                let reuse = cx.ret() == Ret::Yes;
                self.stage = if reuse { Stage::UnlockReuse } else { Stage::UnlockCopy };
                self.run(cx)
            }
            Stage::UnlockReuse | Stage::UnlockCopy => {
                cx.unlock(Lock::Page(self.old));
                let reuse = self.stage == Stage::UnlockReuse;
                self.stage = if reuse { Stage::Reuse } else { Stage::GetOld };
                Flow::Next
            }
            Stage::Reuse => self.reuse(cx),
            Stage::GetOld => {
                cx.get_page(self.old);
                let ptl = self.ptl(cx.mem);
                cx.unlock(ptl);
                self.stage = Stage::Copy;
                Flow::Next
            }
            Stage::Copy => self.copy(cx),
            Stage::Establish => self.establish(cx),
            Stage::FreeSwapCache => self.free_swap_cache(cx),
            Stage::UnlockOld => {
                cx.unlock(Lock::Page(self.old));
                self.stage = Stage::PutOld;
                Flow::Next
            }
            Stage::PutOld => {
                cx.put_page(self.old);
                Flow::Return(self.done)
            }
        }
    }
}
