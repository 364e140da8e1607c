//! `mm/memory.c:do_anonymous_page`, 2.6.11: a zeroed page of one's own, for a write, and
//! for a read in kernels without `ZERO_PAGE` (2.6.24 to 2.6.31).

use super::{Cx, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{Memory, PG_REFERENCED, Pfn, Pte, VmaId};
use crate::rename::renames;
use crate::task::{Ret, Task};

stages! { Stage {
    Alloc = "do_anonymous_page.alloc",
    Map = "do_anonymous_page.map",
}}

/// First touch of an anonymous page; page_table_lock was dropped.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct DoAnonymousPage {
    stage: Stage,
    vma: VmaId,
    address: u32,
    page: Pfn,
}

renames!(DoAnonymousPage { vma, page; stage, address });

impl DoAnonymousPage {
    /// For an address whose pte is none.
    #[must_use]
    pub const fn new(vma: VmaId, address: u32) -> Self {
        Self { stage: Stage::Alloc, vma, address, page: Pfn::NONE }
    }
}

impl Stages for DoAnonymousPage {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, mem: &Memory, _: &Task) -> Wants {
        match self.stage {
            Stage::Alloc => Wants::NOTHING,
            Stage::Map => Wants::take(Lock::Ptl(mem.vmas[self.vma.index()].mm)),
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        let Self { vma, address, page, .. } = *self;
        if self.stage == Stage::Alloc {
            cx.mem.anon_vma_prepare(vma);
            let Some(page) = cx.alloc_zeroed_page() else {
                return Flow::Return(Ret::VmFaultOom);
            };
            self.page = page;
            self.stage = Stage::Map;
            return Flow::Next;
        }
        let v = cx.mem.vmas[vma.index()];
        if cx.mem.pte(vma, address).none() {
            cx.mem.mms[v.mm.index()].rss += 1;
            cx.mem.lru_cache_add_active(page);
            cx.mem.page_mut(page).flags |= PG_REFERENCED;
            cx.page_add_anon_rmap(page, vma, address);
            cx.set_exclusive(page);
            cx.mem.set_pte(vma, address, Pte::mk(page).mkdirty().maybe_mkwrite(v.vm_write()));
        } else {
            cx.put_page(page);
        }
        cx.unlock(Lock::Ptl(v.mm));
        Flow::Return(Ret::VmFaultMinor)
    }
}
