//! `mm/memory.c:do_no_page`, 2.6.11: first touch of a private file mapping.

use super::{Cx, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{Memory, Pfn, Pte, VmaId};
use crate::rename::renames;
use crate::task::{Ret, Task};

stages! { Stage {
    Nopage = "do_no_page.nopage",
    EarlyCow = "do_no_page.copy",
    Map = "do_no_page.map",
}}

/// First touch of a page of a file; page_table_lock was dropped.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct DoNoPage {
    stage: Stage,
    vma: VmaId,
    address: u32,
    write: bool,
    page: Pfn,
}

renames!(DoNoPage { vma, page; stage, address, write });

impl DoNoPage {
    /// For an address whose pte is none.
    #[must_use]
    pub const fn new(vma: VmaId, address: u32, write: bool) -> Self {
        Self { stage: Stage::Nopage, vma, address, write, page: Pfn::NONE }
    }

    fn nopage(&mut self, cx: &mut Cx<'_>) -> Flow {
        let v = cx.mem.vmas[self.vma.index()];
        let index = self.address - v.start + v.pgoff;
        let Some(page) = cx.mem.filemap_nopage(v.file, index) else {
            return Flow::Return(Ret::VmFaultOom);
        };
        cx.task.note_page(page);
        self.page = page;
        self.stage = if self.write { Stage::EarlyCow } else { Stage::Map };
        Flow::Next
    }

    fn early_cow(&mut self, cx: &mut Cx<'_>) -> Flow {
        let file_page = self.page;
        cx.mem.anon_vma_prepare(self.vma);
        let Some(page) = cx.alloc_page() else {
            cx.put_page(file_page);
            return Flow::Return(Ret::VmFaultOom);
        };
        cx.mem.page_mut(page).data = cx.mem.page(file_page).data;
        cx.put_page(file_page);
        self.page = page;
        self.stage = Stage::Map;
        Flow::Next
    }

    fn map(self, cx: &mut Cx<'_>) -> Flow {
        let Self { vma, address, write, page, .. } = self;
        let v = cx.mem.vmas[vma.index()];
        if !cx.mem.pte(vma, address).none() {
            cx.put_page(page);
        } else if write {
            cx.mem.mms[v.mm.index()].rss += 1;
            cx.mem.set_pte(vma, address, Pte::mk(page).mkdirty().maybe_mkwrite(v.vm_write()));
            cx.mem.lru_cache_add_active(page);
            cx.page_add_anon_rmap(page, vma, address);
            cx.set_exclusive(page);
        } else {
            cx.mem.mms[v.mm.index()].rss += 1;
            cx.mem.set_pte(vma, address, Pte::mk(page));
            cx.task.forget_page(page);
            cx.mem.page_add_file_rmap(page);
        }
        cx.unlock(Lock::Ptl(v.mm));
        Flow::Return(Ret::VmFaultMinor)
    }
}

impl Stages for DoNoPage {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, mem: &Memory, _: &Task) -> Wants {
        match self.stage {
            // find_get_page: reclaim that has found nobody to hold the page keeps it so.
            Stage::Nopage => Wants::free(Lock::Tree),
            Stage::EarlyCow => Wants::NOTHING,
            Stage::Map => Wants::take(Lock::Ptl(mem.vmas[self.vma.index()].mm)),
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::Nopage => self.nopage(cx),
            Stage::EarlyCow => self.early_cow(cx),
            Stage::Map => self.map(cx),
        }
    }
}
