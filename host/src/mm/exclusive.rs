//! The whole audit, continued: exclusive pages, and the swap ptes and migration entries
//! that remember them.
//!
//! Trusts no count: a mapping is a present pte, a migration entry, or a swap pte that leads
//! to the page through the swap cache. Does not know policies; the caller says whether the
//! kernel marks exclusive pages.

use super::Memory;
use super::audit::Violation;
use super::ids::Pfn;
use super::page::{PG_ANON, PG_ANON_EXCLUSIVE, PG_LOCKED};
use super::pte::Pte;

/// Mappings that there are.
struct Mappings {
    /// Of each page.
    pages: Vec<u32>,
    /// Swap ptes of each slot, by area and offset.
    slots: Vec<Vec<u32>>,
}

impl Memory {
    /// `marks`: the kernel has `PG_anon_exclusive`.
    pub(super) fn audit_exclusive(&self, marks: bool) -> Option<Violation> {
        let mappings = self.mappings();
        (self.all_ptes().find_map(|pte| self.check_pte(pte, &mappings, marks)))
            .or_else(|| self.audit_exclusive_pages(&mappings, marks))
    }

    fn all_ptes(&self) -> impl Iterator<Item = Pte> {
        let vmas = self.vmas.iter().filter(|vma| vma.len > 0);
        vmas.flat_map(|vma| &self.ptes[vma.ptes as usize..(vma.ptes + vma.len) as usize]).copied()
    }

    fn mappings(&self) -> Mappings {
        let pages = vec![0; self.pages.len()];
        let slots = self.areas.iter().map(|a| vec![0; a.swap_map.len()]).collect();
        let mut mappings = Mappings { pages, slots };
        for pte in self.all_ptes() {
            let cached = pte.entry().and_then(|entry| self.swap_cache(entry));
            if let Some(pfn) = pte.pfn().or_else(|| pte.migrating()).or(cached) {
                mappings.pages[pfn.index()] += 1;
            }
            if let Some(entry) = pte.entry() {
                mappings.slots[entry.area() as usize][entry.offset()] += 1;
            }
        }
        mappings
    }

    fn check_pte(&self, pte: Pte, mappings: &Mappings, marks: bool) -> Option<Violation> {
        if let Some(pfn) = pte.migrating() {
            let alone = mappings.pages[pfn.index()] == 1;
            if !self.page(pfn).has(PG_LOCKED) {
                return Some(Violation::Migration { pfn, what: "is not locked" });
            }
            let shared = pte.migrating_exclusive() && !alone;
            return shared.then_some(Violation::Migration { pfn, what: "has other mappings" });
        }
        if let Some(entry) = pte.entry().filter(|_| pte.marked_exclusive()) {
            let ptes = mappings.slots[entry.area() as usize][entry.offset()];
            let mapped = self.swap_cache(entry).is_some_and(|pfn| self.page_mapcount(pfn) > 0);
            return (ptes > 1 || mapped).then_some(Violation::Mark { entry });
        }
        let pfn = pte.pfn().filter(|&pfn| pte.write() && self.page(pfn).has(PG_ANON))?;
        let marked = !marks || self.page(pfn).has(PG_ANON_EXCLUSIVE);
        (!marked).then_some(Violation::NotExclusive { pfn, what: "a pte of it is writable" })
    }

    fn audit_exclusive_pages(&self, mappings: &Mappings, marks: bool) -> Option<Violation> {
        (1..self.pages.len()).find_map(|i| {
            let pfn = Pfn(i as u32);
            let page = self.page(pfn);
            let exclusive = page.has(PG_ANON_EXCLUSIVE);
            if exclusive && mappings.pages[i] > 1 {
                return Some(Violation::Exclusive { pfn, what: "it has other mappings" });
            }
            let mapped = page.has(PG_ANON) && self.page_mapcount(pfn) > 0;
            let apart = marks && !exclusive && mapped && page.gup.pinned > 0;
            apart.then_some(Violation::NotExclusive { pfn, what: "it is held by FOLL_PIN" })
        })
    }
}
