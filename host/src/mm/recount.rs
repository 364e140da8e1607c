//! The whole audit: recounts everything from ptes, caches, tasks and requests.
//!
//! Trusts no ledger. Takes time in proportion to the memory, so it runs between the
//! steps of a scenario and on demand.

use super::Memory;
use super::audit::Violation;
use super::ids::{MmId, Pfn, SwpEntry};
use super::page::{
    LOCKED_BY_IO, PG_ACTIVE, PG_ANON, PG_ISOLATED, PG_LRU, PG_PAGECACHE, PG_RESERVED, PG_WRITEBACK,
};
use super::swap::SWAP_MAP_MAX;
use cowpath_abi::GUP_PIN_COUNTING_BIAS;

/// What tasks hold, for [`Memory::audit_whole`].
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// Pages, once for each reference.
    pub pages: Vec<Pfn>,
    /// Swap entries, once for each reference.
    pub entries: Vec<SwpEntry>,
}

/// References that there are, by page and by slot.
struct Recount {
    ptes: Vec<u32>,
    gup: Vec<u32>,
    tasks: Vec<u32>,
    pagevec: Vec<u32>,
    /// Swap ptes and what tasks hold, by area and offset.
    slots: Vec<Vec<u32>>,
}

impl Memory {
    /// Recounts everything. `held` is what tasks hold; `marks`: the kernel has
    /// `PG_anon_exclusive`.
    #[must_use]
    pub fn audit_whole(&self, held: &Held, marks: bool) -> Option<Violation> {
        let recount = self.recount(held);
        (self.audit_pages(&recount))
            .or_else(|| self.audit_slots(&recount))
            .or_else(|| self.audit_mms())
            .or_else(|| self.audit_lists())
            .or_else(|| self.audit_io())
            .or_else(|| self.audit_exclusive(marks))
    }

    fn recount(&self, held: &Held) -> Recount {
        let none = || vec![0_u32; self.pages.len()];
        let slots = self.areas.iter().map(|a| vec![0; a.swap_map.len()]).collect();
        let mut r = Recount { ptes: none(), gup: none(), tasks: none(), pagevec: none(), slots };
        for vma in self.vmas.iter().filter(|vma| vma.len > 0) {
            for pte in &self.ptes[vma.ptes as usize..(vma.ptes + vma.len) as usize] {
                if let Some(pfn) = pte.pfn() {
                    r.ptes[pfn.index()] += 1;
                } else if let Some(entry) = pte.entry() {
                    r.slots[entry.area() as usize][entry.offset()] += 1;
                }
            }
        }
        for io in &self.ios {
            let units = if io.pinned { GUP_PIN_COUNTING_BIAS } else { 1 };
            let holders = &self.holders[io.first as usize..(io.first + io.pages) as usize];
            for holder in holders.iter().filter(|holder| holder.pfn.is_some()) {
                r.gup[holder.pfn.index()] += units;
            }
        }
        for pfn in &held.pages {
            r.tasks[pfn.index()] += 1;
        }
        for entry in &held.entries {
            r.slots[entry.area() as usize][entry.offset()] += 1;
        }
        for pvec in [&self.lru_add, &self.lru_add_active] {
            for pfn in &pvec.pages[..pvec.nr as usize] {
                r.pagevec[pfn.index()] += 1;
            }
        }
        r
    }

    /// mapcounts and ledgers, and with them the counts.
    fn audit_pages(&self, recount: &Recount) -> Option<Violation> {
        (1..self.pages.len()).find_map(|i| {
            let pfn = Pfn(i as u32);
            let page = self.page(pfn);
            let (mapcount, ptes) = (self.page_mapcount(pfn), recount.ptes[i]);
            if mapcount != ptes {
                return Some(Violation::Mapcount { pfn, mapcount, ptes });
            }
            if mapcount > 0 && page.flags & (PG_ANON | PG_PAGECACHE | PG_RESERVED) == 0 {
                return Some(Violation::Mapped { pfn });
            }
            let ledgers = [
                ("gup", page.gup.count(), recount.gup[i]),
                ("tasks", page.tasks.into(), recount.tasks[i]),
                ("pagevec", page.pagevec.into(), recount.pagevec[i]),
            ];
            let wrong = ledgers.into_iter().find(|(_, says, is)| says != is);
            let ledger =
                wrong.map(|(ledger, says, is)| Violation::Ledger { pfn, ledger, says, is });
            ledger.or_else(|| self.check_page(pfn))
        })
    }

    /// swap_map of each slot but the header.
    fn audit_slots(&self, recount: &Recount) -> Option<Violation> {
        let areas = self.areas.iter().zip(&recount.slots).enumerate();
        areas
            .flat_map(|(number, (area, refs))| {
                let slots = area.swap_map.iter().zip(&area.cache).zip(refs).enumerate().skip(1);
                slots.map(move |(offset, slot)| (SwpEntry::new(number as u8, offset as u32), slot))
            })
            .find_map(|(entry, ((&swap_map, cached), refs))| {
                let references = refs + u32::from(cached.is_some());
                let saturated = swap_map >= SWAP_MAP_MAX;
                let wrong = u32::from(swap_map) != references && !saturated;
                let violation = Violation::SwapMap { entry, swap_map, references };
                wrong.then_some(violation).or_else(|| self.check_slot(entry))
            })
    }

    /// rss, anon_rss and the mmlist.
    fn audit_mms(&self) -> Option<Violation> {
        let mut counted = vec![((0, 0), false); self.mms.len()];
        for vma in self.vmas.iter().filter(|vma| vma.len > 0) {
            let (rss, swap) = &mut counted[vma.mm.index()];
            for pte in &self.ptes[vma.ptes as usize..(vma.ptes + vma.len) as usize] {
                *swap |= pte.entry().is_some();
                // A migration entry stays counted (rss, never mapcount).
                let page = pte.pfn().or_else(|| pte.migrating());
                let Some(pfn) = page.filter(|&pfn| !self.page(pfn).has(PG_RESERVED)) else {
                    continue;
                };
                rss.0 += 1;
                rss.1 += u32::from(self.page(pfn).has(PG_ANON));
            }
        }
        let mms = self.mms.iter().zip(counted).enumerate();
        mms.filter(|(_, (mm, _))| mm.alive).find_map(|(id, (mm, (ptes, swap)))| {
            let id = MmId(id as u16);
            let rss = (mm.rss, mm.anon_rss);
            if rss != ptes {
                return Some(Violation::Rss { mm: id, rss, ptes });
            }
            let listed = !swap || self.mmlist.contains(&id);
            (!listed).then_some(Violation::NotOnMmlist { mm: id })
        })
    }

    /// The LRU lists hold the pages that say so, each once.
    fn audit_lists(&self) -> Option<Violation> {
        let mut on = vec![0_u32; self.pages.len()];
        for (list, active) in [(&self.active, true), (&self.inactive, false)] {
            let mut pfn = list.head;
            for _ in 0..list.len {
                let page = self.page(pfn);
                if !page.has(PG_LRU) || page.has(PG_ACTIVE) != active {
                    return Some(Violation::Lru { pfn });
                }
                on[pfn.index()] += 1;
                pfn = Pfn(page.next);
            }
        }
        let wrong = |&i: &usize| u32::from(self.pages[i].has(PG_LRU)) != on[i];
        (0..self.pages.len()).find(wrong).map(|i| Violation::Lru { pfn: Pfn(i as u32) })
    }

    /// Writeback, and locks that a read is to drop, belong to requests under way.
    fn audit_io(&self) -> Option<Violation> {
        (1..self.pages.len() as u32).map(Pfn).find_map(|pfn| {
            let page = self.page(pfn);
            // Reclaim sets PG_writeback, unlocks, and submits then.
            let to_submit = page.has(PG_WRITEBACK | PG_ISOLATED);
            let waits = page.has(PG_WRITEBACK) || page.locker == LOCKED_BY_IO;
            let request = self.swap_io.iter().any(|io| io.pfn == pfn);
            (waits != request && !to_submit).then_some(Violation::NoIo { pfn })
        })
    }
}
