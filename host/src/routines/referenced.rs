//! `mm/rmap.c:page_referenced`, 2.6.11: collects and clears the young bits.
//!
//! Simplified: no swap token; a file's mappings are walked without `i_mmap_lock`,
//! which nothing else here takes.

use super::{Cx, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{AnonVmaId, FileId, Memory, PG_ANON, PG_PAGECACHE, PG_REFERENCED, Pfn, VmaId};
use crate::rename::renames;
use crate::task::{Ret, Task};

stages! { Stage {
    Begin = "page_referenced.test_and_clear",
    Lock = "page_referenced.lock_anon_vma",
    One = "page_referenced_one.clear_young",
    Unlock = "page_referenced.unlock_anon_vma",
}}

/// Was the page used since the last time? Returns `Yes` or `No`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct PageReferenced {
    stage: Stage,
    page: Pfn,
    walk: Walk,
    mapcount: u32,
    referenced: bool,
}

renames!(PageReferenced { page, walk; stage, mapcount, referenced });

/// The vmas in which a page may be mapped: an anon_vma's, or those of a file.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Walk {
    /// The anon_vma, whose lock the walk holds; none for a file page.
    pub anon_vma: AnonVmaId,
    /// The vma that comes next.
    pub vma: VmaId,
    file: FileId,
}

renames!(Walk { anon_vma, vma; file });

impl Walk {
    /// No vma.
    pub const NONE: Self = Self { anon_vma: AnonVmaId::NONE, vma: VmaId::NONE, file: FileId::NONE };

    /// Which anon_vma to lock for a mapped page, before the walk begins.
    #[must_use]
    pub fn of(mem: &Memory, pfn: Pfn) -> Option<Self> {
        let page = mem.page(pfn);
        if page.has(PG_ANON) {
            return Some(Self { anon_vma: mem.anon_vma_of(pfn)?, ..Self::NONE });
        }
        let mapped = page.has(PG_PAGECACHE) && mem.page_mapcount(pfn) > 0;
        mapped.then_some(Self { file: FileId(page.mapping as u16), ..Self::NONE })
    }

    /// The lock that the walk takes.
    #[must_use]
    pub const fn lock(self) -> Lock {
        if self.anon_vma.is_some() { Lock::AnonVma(self.anon_vma) } else { Lock::None }
    }

    /// The first vma, once the lock is held.
    pub fn begin(&mut self, mem: &Memory) {
        self.vma = if self.anon_vma.is_some() {
            mem.anon_vmas[self.anon_vma.index()].head
        } else {
            self.file_vma_from(mem, 0)
        };
    }

    /// The vma after this one.
    pub fn advance(&mut self, mem: &Memory) {
        self.vma = if self.anon_vma.is_some() {
            mem.vmas[self.vma.index()].anon_next
        } else {
            self.file_vma_from(mem, self.vma.index() + 1)
        };
    }

    fn file_vma_from(self, mem: &Memory, first: usize) -> VmaId {
        let mapping = |i: &usize| mem.vmas[*i].len > 0 && mem.vmas[*i].file == self.file;
        (first..mem.vmas.len()).find(mapping).map_or(VmaId::NONE, |i| VmaId(i as u16))
    }
}

/// Where a page is expected in a vma whose mm has anything mapped
/// (`mm->rss`, `vma_address`).
pub(super) fn expected_at(mem: &Memory, vma: VmaId, pfn: Pfn) -> Option<u32> {
    let v = &mem.vmas[vma.index()];
    if mem.mms[v.mm.index()].rss == 0 {
        return None;
    }
    v.address_of_index(mem.page(pfn).index)
}

impl PageReferenced {
    /// For a page that the caller has locked or isolated.
    #[must_use]
    pub const fn new(page: Pfn) -> Self {
        Self { stage: Stage::Begin, page, walk: Walk::NONE, mapcount: 0, referenced: false }
    }

    fn one(&mut self, cx: &mut Cx<'_>) -> Flow {
        let vma = self.walk.vma;
        if let Some(address) = expected_at(cx.mem, vma, self.page) {
            let pte = cx.mem.pte(vma, address);
            if pte.maps(self.page) {
                if pte.young() {
                    self.referenced = true;
                    cx.mem.set_pte(vma, address, pte.mkold());
                }
                self.mapcount -= 1;
            }
        }
        self.walk.advance(cx.mem);
        if self.mapcount == 0 || !self.walk.vma.is_some() {
            self.stage = Stage::Unlock;
        }
        Flow::Next
    }

    const fn answer(self) -> Flow {
        Flow::Return(if self.referenced { Ret::Yes } else { Ret::No })
    }
}

impl Stages for PageReferenced {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, mem: &Memory, _: &Task) -> Wants {
        match self.stage {
            Stage::Begin | Stage::Unlock => Wants::NOTHING,
            Stage::Lock => Wants::take(self.walk.lock()),
            Stage::One => match expected_at(mem, self.walk.vma, self.page) {
                Some(_) => Wants::free(Lock::Ptl(mem.vmas[self.walk.vma.index()].mm)),
                None => Wants::NOTHING,
            },
        }
    }

    #[inline]
    fn moves_left(&self, _: &Memory, _: &Task) -> bool {
        self.stage == Stage::Unlock
    }

    #[inline]
    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::Begin => {
                if cx.mem.page(self.page).has(PG_REFERENCED) {
                    cx.mem.page_mut(self.page).flags &= !PG_REFERENCED;
                    self.referenced = true;
                }
                let Some(walk) = Walk::of(cx.mem, self.page) else {
                    return self.answer();
                };
                self.walk = walk;
                self.stage = Stage::Lock;
                Flow::Next
            }
            Stage::Lock => {
                self.mapcount = cx.mem.page_mapcount(self.page);
                self.walk.begin(cx.mem);
                let any = self.mapcount > 0 && self.walk.vma.is_some();
                self.stage = if any { Stage::One } else { Stage::Unlock };
                Flow::Next
            }
            Stage::One => self.one(cx),
            Stage::Unlock => {
                if self.walk.lock() != Lock::None {
                    cx.unlock(self.walk.lock());
                }
                self.answer()
            }
        }
    }
}
