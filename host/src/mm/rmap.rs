//! Reverse mapping: the counts that go with ptes.
//!
//! Which ptes map a page is found by walking an anon_vma or a file's mappings;
//! that walk is a routine, since it takes locks. Here is what one step does.

use super::Memory;
use super::audit::Violation;
use super::ids::{AnonVmaId, Pfn, VmaId};
use super::page::{NO_MAPPING, PG_ANON, PG_FREE, PG_PAGECACHE, PG_RESERVED};

impl Memory {
    /// `page_add_anon_rmap`: a task's reference becomes a pte's. The first mapping
    /// gives the page its anon_vma and index.
    pub fn page_add_anon_rmap(&mut self, pfn: Pfn, vma: VmaId, address: u32) {
        let v = self.vmas[vma.index()];
        let reserved = self.page(pfn).has(PG_RESERVED);
        self.bug_on(reserved, "page_add_anon_rmap", "PageReserved", pfn);
        self.bug_on(!v.anon_vma.is_some(), "page_add_anon_rmap", "no anon_vma", pfn);
        self.mms[v.mm.index()].anon_rss += 1;
        if self.page_mapcount(pfn) == 0 {
            let page = self.page_mut(pfn);
            page.index = address - v.start + v.pgoff;
            page.mapping = v.anon_vma.0.into();
            page.flags |= PG_ANON;
        }
        self.map(pfn);
    }

    /// `page_add_file_rmap`.
    pub fn page_add_file_rmap(&mut self, pfn: Pfn) {
        let anon = self.page(pfn).has(PG_ANON);
        self.bug_on(anon, "page_add_file_rmap", "PageAnon", pfn);
        self.map(pfn);
    }

    /// `page_dup_rmap`: fork's, for a reference that the task has just taken.
    pub fn page_dup_rmap(&mut self, pfn: Pfn) {
        self.map(pfn);
    }

    fn map(&mut self, pfn: Pfn) {
        if self.page(pfn).has(PG_FREE) {
            self.violate(Violation::UseAfterFree { pfn });
            return;
        }
        let counters = self.counters;
        let page = self.page_mut(pfn);
        assert!(page.tasks > 0, "{pfn} mapped without a reference");
        page.tasks -= 1;
        counters.add_rmap(&mut page.counts);
    }

    /// `page_remove_rmap`: a pte's reference becomes the task's, which has to put it.
    pub fn page_remove_rmap(&mut self, pfn: Pfn) {
        let reserved = self.page(pfn).has(PG_RESERVED);
        self.bug_on(reserved, "page_remove_rmap", "PageReserved", pfn);
        let counters = self.counters;
        let page = self.page_mut(pfn);
        page.tasks += 1;
        if counters.remove_rmap(&mut page.counts).is_err() {
            self.violate(Violation::CounterOverflow { pfn });
        }
    }

    /// `page_lock_anon_vma`, without the lock: the anon_vma of a mapped anonymous page.
    #[must_use]
    pub fn anon_vma_of(&self, pfn: Pfn) -> Option<AnonVmaId> {
        let page = self.page(pfn);
        let anon = page.has(PG_ANON) && page.mapping != NO_MAPPING;
        (anon && self.page_mapcount(pfn) > 0).then_some(AnonVmaId(page.mapping as u16))
    }

    /// `page_mapping`: whether the page belongs to the swapper space or a file.
    #[must_use]
    pub fn page_mapping(&self, pfn: Pfn) -> bool {
        let page = self.page(pfn);
        page.has(super::page::PG_SWAPCACHE) || page.has(PG_PAGECACHE)
    }
}
