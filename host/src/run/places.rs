//! Places: what the ptes of every living process lead to, in the form of a transcript.

use super::Runner;
use crate::mm::{MmId, PG_ANON_EXCLUSIVE, PG_ISOLATED, PG_SWAPCACHE, Page, Pfn, ZERO_PAGE};
use crate::scenario::transcript::{Labels, Place, Pte};
use cowpath_abi::EXCLUSIVE_BIT;

impl Runner<'_> {
    /// Every page of every mapping of every living process.
    pub(super) fn places(&self, labels: &mut Labels) -> Vec<Place> {
        labels.begin();
        let mut places = Vec::new();
        for mm in (0..self.machine.mem.mms.len() as u16).map(MmId) {
            let unborn = self.names.tasks_of(mm).any(|task| self.work[task.index()].unborn);
            if self.machine.mem.mms[mm.index()].alive && !unborn {
                for (start, pages) in self.names.maps_of(mm) {
                    let addresses = start..start + pages;
                    places.extend(addresses.filter_map(|at| self.place(mm, at, labels)));
                }
            }
        }
        labels.end();
        places
    }

    /// One page of a mapping, if it is mapped still.
    fn place(&self, mm: MmId, address: u32, labels: &mut Labels) -> Option<Place> {
        let mem = &self.machine.mem;
        let vma = mem.find_vma(mm, address)?;
        let pte = mem.pte(vma, address);
        let frame = mem.frame_of(vma, address);
        let page = frame.filter(|&pfn| pfn != ZERO_PAGE);
        let of = |pfn: Pfn| mem.page(pfn);
        let swap = if pte.entry().is_some() { Pte::Swap } else { Pte::None };
        Some(Place {
            place: self.names.address(mm, address),
            pte: if pte.present() { Pte::Present } else { swap },
            page: page.map(|pfn| labels.of(u64::from(pfn.0))),
            zero: frame.map(|pfn| pfn == ZERO_PAGE),
            mapcount: page.map(|pfn| mem.page_mapcount(pfn)),
            count: page.map(|pfn| mem.page_count(pfn) - transient(of(pfn))),
            swapcache: page.map(|pfn| of(pfn).has(PG_SWAPCACHE)),
            exclusive: page
                .filter(|_| self.policy.has(EXCLUSIVE_BIT))
                .map(|pfn| of(pfn).has(PG_ANON_EXCLUSIVE)),
        })
    }
}

/// References of LRU batches, reclaim, migration and whoever is at work.
fn transient(page: &Page) -> u32 {
    u32::from(page.has(PG_ISOLATED)) + u32::from(page.tasks) + u32::from(page.pagevec)
}
